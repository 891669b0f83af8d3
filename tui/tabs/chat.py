"""Chat: one prompt, two models side by side, each streaming into its pane."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui.domain.chat.conversation import SIDES
from tui.domain.evaluation.setup import Sides
from tui.domain.text import safe
from tui.services.session import Services
from tui.tabs.chat_base import paint_rate
from tui.tabs.chat_writing import WritingTab
from tui.widgets.answer_pane import AnswerPane
from tui.widgets.prompt import Prompt
from tui.widgets.reference_pane import ReferencePane
from tui.widgets.text_pane import Line


class ChatTab(WritingTab):
    """Fine-tuned and base model, asked together."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "evaluate", "evaluate", tooltip="Evaluate both over many questions", id="chat.evaluate"),
        # Behind what comes after an answer: in the last line there is not room for all.
        Binding("s", "system_prompt", "system", tooltip="System prompt of both sides", id="chat.system"),
        Binding("p", "parameters", "parameters", tooltip="Temperature, top_p and most tokens", id="chat.parameters"),
        Binding("y", "copy", "Copy the last answer of this side", show=False, id="chat.copy"),
        Binding(
            "ctrl+o",
            "other",
            "other pane",
            tooltip="The other pane",
            key_display="ctrl+o",
            priority=True,
            id="chat.other",
        ),
    ]

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self.add_class("-show-a")

    def compose(self) -> ComposeResult:
        yield Line(id="chat-line")
        with Horizontal(id="panes"):
            for side in SIDES:
                yield AnswerPane(side, rate=paint_rate())
            yield ReferencePane(id="pane-r")
        yield Prompt("ask both …   enter sends, ctrl+j makes a line", id="prompt")

    def on_mount(self) -> None:
        for pane in self.panes:
            pane.title()
        self.show_line()
        self.choose_by_itself()
        self.recall_system()
        self.offer_last()
        self.run_worker(self.bring_question_back(), group="keeping")
        self.focus_first()

    def focus_first(self) -> None:
        """The prompt waits for text."""
        self.prompt.focus()

    def reasons_to_stay(self) -> list[str]:
        """An answer under way, and text that was not sent."""
        reasons = ["An answer is still coming."] if self.busy else []
        if self.prompt.text.strip():
            reasons.append("The question in the prompt was not sent.")
        return reasons

    def watch_identity(self) -> None:
        """What was kept belongs to an account and Region."""
        if self.is_mounted:
            self.recall_system()
            self.offer_last()

    @on(AnswerPane.Titled)
    def _titled(self) -> None:
        """Where one side has room, its title tells of the other."""
        one, two = self.panes
        for pane, other in ((one, two), (two, one)):
            name = other.name_shown if other.target else "nobody yet"
            pane.tell_other(f"ctrl+o: {other.side.upper()} {name}")

    def action_other(self) -> None:
        """Show the next pane where only one has room."""
        order = ["-show-a", "-show-b", *(["-show-r"] if self.has_class("-reference") else [])]
        at = next((n for n, name in enumerate(order) if self.has_class(name)), 0)
        self.show_side(order[(at + 1) % len(order)][-1])

    def action_evaluate(self) -> None:
        """Judge both sides over many questions."""
        if self.masked:
            self.say("Names are hidden until you have voted (v)", "problem")
            return
        tuned, base = (self.pane(side).target for side in SIDES)
        self.post_message(self.EvaluationRequested(sides=Sides(tuned, base, self.parameters, self.system_prompt)))

    def action_copy(self) -> None:
        """Copy the last answer of the pane with the focus, else of A."""
        self.app.copy_to_clipboard(safe(self.here.view.last_answer))
        self.say("The answer was sent to the terminal's clipboard", "good")
