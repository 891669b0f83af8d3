"""What all parts of the Chat tab know: the two sides, the conversation, and what both are asked with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace

from textual.content import Content
from textual.reactive import reactive

from tui.domain.chat.chat import Message, Parameters
from tui.domain.chat.conversation import SIDES, Conversation
from tui.domain.dataset.drafts import OpenFiles
from tui.domain.identity import Identity
from tui.domain.text import safe_line
from tui.domain.training.runs import Board
from tui.services.session import Services
from tui.tabs.base import Tab
from tui.widgets.answer_pane import AnswerPane
from tui.widgets.prompt import Prompt
from tui.widgets.reference_pane import ReferencePane
from tui.widgets.text_pane import Line


class ChatBase(Tab, part=True):
    """State and small helpers."""

    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    board: reactive[Board] = reactive(Board(), repaint=False)
    files: reactive[OpenFiles] = reactive((), repaint=False)

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        settings = services.settings
        self.system_prompt = settings.system_prompt
        self.parameters = Parameters(settings.max_tokens, settings.temperature, settings.top_p)
        self.conversation = Conversation()
        self.blind = False
        """Whether names are hidden in this conversation, or in the next once this one is voted on."""
        self.tuned_with: str | None = None
        """The system prompt of the data that side A was trained on; None where it is not known."""

    def pane(self, side: str) -> AnswerPane:
        """Side a or b."""
        return self.query_one(f"#pane-{side}", AnswerPane)

    @property
    def panes(self) -> list[AnswerPane]:
        """Both sides."""
        return [self.pane(side) for side in SIDES]

    @property
    def here(self) -> AnswerPane:
        """The side with the focus, else the one that is shown alone, else A."""
        focused = next((p for p in self.panes if p.has_focus_within), None)
        return focused or self.pane("b" if self.has_class("-show-b") and self.screen.has_class("-narrow") else "a")

    def show_side(self, side: str) -> None:
        """Show a, b or r (the reference) where only one has room; the keys go there unless a question is written."""
        reading = self.has_focus_within and not self.prompt.has_focus
        self.remove_class("-show-a", "-show-b", "-show-r").add_class(f"-show-{side}")
        if reading:  # what had the focus may be hidden now, and keys would go nowhere
            self.call_after_refresh(self._read, side)

    def _read(self, side: str) -> None:
        if self.prompt.has_focus:  # by now a question is written
            return
        (self.query_one(ReferencePane).text if side == "r" else self.pane(side).view).focus()

    @property
    def busy(self) -> bool:
        """Whether an answer is coming."""
        return any(pane.busy for pane in self.panes)

    @property
    def masked(self) -> bool:
        """Whether names are hidden now."""
        return any(pane.masked for pane in self.panes)

    @property
    def place(self) -> str:
        """What rows of the store belong to."""
        return self.services.place(self.identity)

    @property
    def prompt(self) -> Prompt:
        """Where questions are written."""
        return self.query_one(Prompt)

    def history(self, side: str) -> list[Message]:
        """What the next question to a side is sent along with."""
        target = self.pane(side).target
        return self.conversation.history(side, target) if target else []

    def still_coming(self) -> bool:
        """Whether an answer is under way, and says so: what comes belongs to whom was asked."""
        if self.busy:
            self.say("An answer is still coming; esc stops it", "problem")
        return self.busy

    def show_line(self) -> None:
        """What both sides are asked with."""
        system = safe_line(self.system_prompt, 200) or "none"
        other = self.tuned_with is not None and self.tuned_with.strip() != self.system_prompt.strip()
        warning = " ▲ not the one it was tuned with (s)" if other else ""
        self.query_one("#chat-line", Line).put(
            Content.assemble(
                (" blind " if self.blind else "", "bold $text-accent"),
                (f" {self.parameters.text}", "$foreground-muted"),
                (warning, "$text-warning"),
                ("  system ", "$foreground-muted"),
                f"“{system}”",
            )
        )


def paint_rate(environment: Mapping[str, str] = os.environ) -> float:
    """How often a second a growing answer is painted at most: seldom where each byte travels."""
    return 5 if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY") else 6


def id_problem(text: str) -> str:
    """What keeps a text from being a model's id or ARN."""
    return "" if re.fullmatch(r"[\w.:/-]{1,2048}", text.strip()) else "an id such as amazon.nova-lite-v1:0, or an ARN"


def parse_parameters(text: str) -> Parameters | None:
    """`max=512 t=0.1 top_p=0.9` in any order; None when it cannot be read."""
    found = Parameters()
    for part in text.split():
        match = re.fullmatch(r"(max|t|top_p)=(\d+(?:\.\d+)?|\.\d+)", part)
        if match is None:
            return None
        value = float(match[2])
        if match[1] == "max":
            if not (value.is_integer() and 1 <= value <= 4096):
                return None
            found = replace(found, max_tokens=int(value))
        elif value > 1:
            return None
        else:
            found = replace(found, temperature=value) if match[1] == "t" else replace(found, top_p=value)
    return found


def written_parameters(parameters: Parameters) -> str:
    """As `parse_parameters` reads them."""
    parts = [f"max={parameters.max_tokens}"]
    parts += [f"t={parameters.temperature:g}"] if parameters.temperature is not None else []
    parts += [f"top_p={parameters.top_p:g}"] if parameters.top_p is not None else []
    return " ".join(parts)
