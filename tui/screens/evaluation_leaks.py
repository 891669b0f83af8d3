"""Which questions of an evaluation stand in the training data: looked for beside all else, and again after edits."""

from __future__ import annotations

from textual import work
from textual.worker import get_current_worker

from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import Group
from tui.domain.files.pairs import Pairs, Role
from tui.screens.evaluation_base import EvaluationBase


class LeaksPart(EvaluationBase):
    """A question that was trained on shows no learning."""

    _looked: tuple[str, tuple[Pairs, ...]] = ("", ())
    """The evaluation that was looked at last, and the training pairs as they were."""

    def watch_training(self) -> None:
        """Look again whenever the open files are others than before."""
        self.watch(self.home, "files", self.look_for_leaks, init=False)

    def look_for_leaks(self) -> None:
        """Look for what was not looked for yet, while anybody sees it."""
        results = self.results
        if results is None or self not in self.app.screen_stack:
            return
        training = tuple(f.pairs for f in self.home.files if f.role is Role.TRAIN)
        known, seen = self._looked
        # Pairs never change: others are other objects.
        if known != results.id or [*map(id, seen)] != [*map(id, training)]:
            self._looked = (results.id, training)
            self._look(results, training)

    @work(group="leaks", exclusive=True)
    async def _look(self, results: Results, training: tuple[Pairs, ...]) -> None:
        worker = get_current_worker()
        own = [n for n, question in enumerate(results.spec.questions) if question.group is Group.OWN]
        texts = [results.spec.questions[n].text for n in own]
        found = await self.services.scrutiny.asked_in(texts, training, lambda: worker.is_cancelled)
        leaked = frozenset(own[n] for n in found)
        if self.results is not None and self.results.id == results.id and leaked != self.leaked:
            self.leaked = leaked
            await self.attempt(self.load(results.id))
