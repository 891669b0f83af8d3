"""What every tab has: the services, the messages it may post, and its first focus."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.containers import Vertical
from textual.dom import DOMNode
from textual.message import Message
from textual.widget import Widget

from tui.services.session import Services
from tui.widgets.asking import Asking
from tui.widgets.parts import InParts

if TYPE_CHECKING:
    from tui.domain.dataset.drafts import OpenFiles, PairDraft, Probe
    from tui.domain.evaluation.setup import Sides
    from tui.domain.training.jobs import Job


class Tab(InParts, Vertical, Asking):
    """A tab; facts come down by data binding, wishes and facts go up as messages."""

    class Said(Message):
        """Something for the status line; kind is problem, good or nothing. `cures` is what it takes the place of."""

        def __init__(self, text: str, kind: str = "", *, cures: str = "") -> None:
            super().__init__()
            self.text = text
            self.kind = kind
            self.cures = cures

    class FirstShown(Message):
        """What the app was started for is ready to be painted; `painted` is called when it is, and heavy things may
        begin."""

        def __init__(self, painted: Callable[[], object]) -> None:
            super().__init__()
            self.painted = painted

    class FirstRows(Message):
        """Part of what the app was started for is ready to be painted; `painted` is called when it is, and the rest
        may be read."""

        def __init__(self, painted: Callable[[], object]) -> None:
            super().__init__()
            self.painted = painted

    class AwsChanged(Message):
        """Something was made, changed or deleted: worth a look at once."""

    class BaseModelChosen(Message):
        """Another base model to check, convert and train for."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class JobDetailed(Message):
        """All that Bedrock tells of a job is known now."""

        def __init__(self, job: Job) -> None:
            super().__init__()
            self.job = job

    class UploadRequested(Message):
        """Data has to be uploaded before a job can be started."""

    class OneGoRequested(Message):
        """The user wants a run's model bought, evaluated and deleted in one go."""

        def __init__(self, run_key: str) -> None:
            super().__init__()
            self.run_key = run_key

    class LossRequested(Message):
        """The user wants to see the curves of a run, or of several together."""

        def __init__(self, *run_keys: str) -> None:
            super().__init__()
            self.run_keys = run_keys

    class ChatRequested(Message):
        """The user wants to ask a run's model."""

        def __init__(self, run_key: str) -> None:
            super().__init__()
            self.run_key = run_key

    class EvaluationRequested(Message):
        """The user wants to judge two models over many questions, or to see an evaluation that was made."""

        def __init__(self, evaluation: str = "", sides: Sides | None = None) -> None:
            super().__init__()
            self.evaluation = evaluation
            self.sides = sides

    class FilesChanged(Message):
        """Files were opened, edited or given another role: this is what is open now."""

        def __init__(self, files: OpenFiles) -> None:
            super().__init__()
            self.files = files

    class QuestionRequested(Message):
        """The user wants both sides of Chat to answer a question."""

        def __init__(self, probe: Probe) -> None:
            super().__init__()
            self.probe = probe

    class ReviewRequested(Message):
        """Written pairs are to be looked at; `politely` only when nothing else is in front."""

        def __init__(self, batch: int, *, politely: bool = False) -> None:
            super().__init__()
            self.batch = batch
            self.politely = politely

    class PairDrafted(Message):
        """A pair for the training file. `settled` hears what kept it out, or nothing when it was added."""

        def __init__(self, draft: PairDraft, settled: Callable[[str], None] = lambda _: None) -> None:
            super().__init__()
            self.draft = draft
            self.settled = settled

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.services = services

    def focus_first(self) -> None:
        """Give the focus to what the keys are for."""
        first = next((w for w in self.query("*").results(Widget) if w.focusable), None)
        if first is not None:
            self.screen.set_focus(first)

    def reasons_to_stay(self) -> list[str]:
        """Sentences about what quitting now would break off."""
        return []

    async def keep_typed(self) -> None:
        """Keep what was typed and neither accepted nor given up: the app is told to end."""

    def say(self, text: str, kind: str = "", *, cures: str = "") -> None:
        """Put something on the status line; in the place of `cures`, if that is there or waits for its turn."""
        self.post_message(self.Said(text, kind, cures=cures))


class Actions:
    """What some keys of a tab set off, in an object of its own: imported and made when the first of them is pressed,
    so that no start waits for it. What it needs of its tab stands behind `tab.`."""

    tab: Tab

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.services = tab.services


def newest(node: DOMNode, group: str, work: Callable[..., Coroutine[Any, Any, None]], *given: Any) -> None:
    """Have work done in place of what its group does now. It is made when it begins, which it may never do."""
    beginning: Any = partial(work, *given)  # as Textual's type has it, it might be a plain function as well
    node.run_worker(beginning, group=group, exclusive=True)


def working_folder() -> str:
    """Where a path that is asked for begins; the home folder when the present one is gone."""
    try:
        return f"{os.getcwd()}/"
    except FileNotFoundError:
        return f"{Path.home()}/"
