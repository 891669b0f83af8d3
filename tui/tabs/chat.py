"""Chat: one prompt, two models side by side, each streaming into its pane."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui.domain.chat.conversation import SIDES, Exchange
from tui.domain.evaluation.setup import Sides
from tui.domain.text import safe
from tui.services.session import Services
from tui.tabs.base import newest
from tui.tabs.chat_base import paint_rate
from tui.tabs.chat_writing import WritingTab
from tui.widgets.answer_pane import AnswerPane
from tui.widgets.prompt import Prompt
from tui.widgets.reference_pane import ReferencePane
from tui.widgets.text_pane import Line

if TYPE_CHECKING:
    from tui.tabs.chat_history import History
    from tui.tabs.chat_settings import Settings
    from tui.tabs.chat_showing import Showing
    from tui.tabs.chat_votes import Votes


class ChatTab(WritingTab):
    """Fine-tuned and base model, asked together.

    Below this class each knows those before it only: `ChatBase` (both sides, the conversation), `SidesTab` (who
    answers), `KeepingTab` (answers in the store), `AskingTab` (questions, and the answers as they come), `WritingTab`
    (the question that is written). What else a key sets off is in `Actions` of its own; here stand the keys and where
    they lead.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "target('a')", "A answers", show=False, id="chat.a"),
        Binding("b", "target('b')", "B answers", show=False, id="chat.b"),
        Binding("i", "write", "write", tooltip="Write in the prompt", id="chat.write"),
        Binding("full_stop", "again", "Ask the last question again", show=False, key_display=".", id="chat.again"),
        Binding("e", "edit", "Edit an earlier question and go on from there", show=False, id="chat.edit"),
        Binding("x", "stop_side", "Stop the answer of this side", show=False, id="chat.stop_side"),
        Binding("n", "fresh", "new chat", id="chat.fresh"),
        Binding(
            "escape",
            "stop",
            "stop / leave",
            tooltip="Stop the answers, then leave the prompt",
            key_display="esc",
            id="chat.stop",
        ),
        Binding("P", "presets", "System prompt and parameters by name", show=False, id="chat.presets"),
        Binding("v", "vote", "vote", tooltip="Vote for one of the last two answers", id="chat.vote"),
        Binding("B", "blind", "Blind mode: names hidden until the vote", show=False, id="chat.blind"),
        Binding("C", "correct", "correct", tooltip="Correct the answer into a file of pairs", id="chat.correct"),
        Binding("R", "reference", "Show the reference answer", show=False, id="chat.reference"),
        Binding("d", "differences", "Mark what differs from the reference", show=False, id="chat.differences"),
        Binding("m", "markdown", "Markdown, or the text as it came", show=False, id="chat.markdown"),
        Binding(
            "slash",
            "answers",
            "history",
            tooltip="All answers so far, to be searched and asked again",
            key_display="/",
            id="chat.history",
        ),
        Binding("L", "last", "Bring back the last conversation", show=False, id="chat.last"),
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

    # What happens to a conversation

    def recall_system(self) -> None:
        newest(self, "recall", self.settings.recall_system)

    def offer_last(self) -> None:
        """Say that a conversation is left from an earlier session."""
        self.run_worker(self.past.offer_last(), group="last")

    def asked(self, exchange: Exchange) -> None:
        self.showing.asked(exchange)

    def answered(self, pane: AnswerPane, exchange: Exchange) -> None:
        self.showing.answered(pane, exchange)

    def begin_round(self) -> None:
        self.votes.begin_round()

    def tell_names(self) -> None:
        self.votes.tell_names()

    @on(AnswerPane.Titled)
    def _titled(self) -> None:
        """Where one side has room, its title tells of the other."""
        one, two = self.panes
        for pane, other in ((one, two), (two, one)):
            name = other.name_shown if other.target else "nobody yet"
            pane.tell_other(f"ctrl+o: {other.side.upper()} {name}")

    # Where the keys lead

    @cached_property
    def settings(self) -> Settings:
        """System prompt, parameters and presets."""
        from tui.tabs.chat_settings import Settings

        return Settings(self)

    @work(group="settings")
    async def action_system_prompt(self) -> None:
        """Write the system prompt of both sides, or take a known one."""
        await self.settings.write_system_prompt()

    @work(group="settings")
    async def action_parameters(self) -> None:
        """Set tokens, temperature and top_p of both sides."""
        await self.settings.set_parameters()

    @work(group="settings")
    async def action_presets(self) -> None:
        """Use a preset, keep one, or drop one."""
        await self.attempt(self.settings.choose_preset())

    @cached_property
    def votes(self) -> Votes:
        """Votes, and names hidden until then."""
        from tui.tabs.chat_votes import Votes

        return Votes(self)

    def action_vote(self) -> None:
        """Say which of the two last answers is better."""
        self.votes.vote()

    def action_blind(self) -> None:
        """Hide who answers until the vote, or end that."""
        self.votes.toggle_blind()

    def action_correct(self) -> None:
        """Mend this side's answer, and put it into the training file."""
        from tui.tabs.chat_correcting import Correcting

        Correcting(self).correct()

    @cached_property
    def showing(self) -> Showing:
        """How answers are shown, and the reference."""
        from tui.tabs.chat_showing import Showing

        return Showing(self)

    def action_reference(self) -> None:
        """Show the reference answer beside the others, or no longer."""
        self.showing.toggle_reference()

    def action_markdown(self) -> None:
        """Show answers as Markdown, or as they came."""
        self.showing.toggle_markdown()

    def action_differences(self) -> None:
        """Mark what differs from the reference, or without one between the sides."""
        self.showing.toggle_differences()

    @cached_property
    def past(self) -> History:
        """What was answered before."""
        from tui.tabs.chat_history import History

        return History(self)

    def action_answers(self) -> None:
        """Search every answer that was kept."""
        self.past.search()

    def action_last(self) -> None:
        """Bring the conversation of the last session back."""
        self.past.bring_back()

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
