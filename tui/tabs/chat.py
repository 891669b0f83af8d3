"""Chat: one prompt, two models side by side, each streaming into its pane."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.css.query import NoMatches
from textual.reactive import reactive
from textual.worker import Worker

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.text import LineDialog, TextDialog
from tui.domain.base_models import Serving, find
from tui.domain.chat import AnswerCut, AnswerEnd, Message, Note, Parameters, Target, TextDelta
from tui.domain.drafts import OpenFiles, Probe
from tui.domain.errors import AppError
from tui.domain.identity import Identity
from tui.domain.runs import Board, Run
from tui.domain.text import safe, safe_line
from tui.services.session import Services
from tui.tabs.base import Tab
from tui.widgets.prompt import Prompt
from tui.widgets.stream_view import StreamView
from tui.widgets.text_pane import Line

_TYPED = "type an id"


class AnswerPane(Vertical):
    """One side: who answers, the conversation, and the figures of the last answer."""

    def __init__(self, side: str) -> None:
        super().__init__(id=f"pane-{side}", classes="answer-pane")
        self.side = side
        self.target: Target | None = None
        self.gone = False
        self.history: list[Message] = []
        self.worker: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        yield Line(classes="pane-title")
        yield StreamView(rate=8)
        yield Line(classes="pane-footer")

    @property
    def view(self) -> StreamView:
        """The conversation."""
        return self.query_one(StreamView)

    @property
    def busy(self) -> bool:
        """Whether an answer is coming."""
        return self.worker is not None and self.worker.is_running

    def aim(self, target: Target | None) -> None:
        """Ask someone else from now on; the conversation so far stays to be read, but is not sent to it."""
        if self.target is not None and target is not None and target.model_id != self.target.model_id:
            self.history.clear()
            self.view.add_block("note", f"from here on: {target.name}")
        self.target = target
        self.gone = False
        self.title()

    def title(self) -> None:
        """Write who answers."""
        target = self.target
        name = f"{target.name} · {target.kind}" if target else "nobody chosen"
        gone = " · ▲ not there any more" if self.gone else ""
        self.query_one(".pane-title", Line).put(Content(f" {self.side.upper()}  {safe_line(name, 80)}{gone}"))

    def footer(self, text: str) -> None:
        """Write the figures."""
        self.query_one(".pane-footer", Line).put(Content(f" {safe_line(text, 200)}" if text else ""))


class ChatTab(Tab):
    """Fine-tuned and base model, asked together."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "write", "write", id="chat.write"),
        Binding("a", "target('a')", "A answers", id="chat.a"),
        Binding("b", "target('b')", "B answers", id="chat.b"),
        Binding("s", "system_prompt", "system", id="chat.system"),
        Binding("p", "parameters", "parameters", id="chat.parameters"),
        Binding("n", "fresh", "new chat", id="chat.fresh"),
        Binding("y", "copy", "Copy the last answer", show=False, id="chat.copy"),
        Binding("ctrl+o", "other", "other pane", key_display="ctrl+o", priority=True, id="chat.other"),
        Binding("escape", "stop", "stop / leave", key_display="esc", id="chat.stop"),
    ]

    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    board: reactive[Board] = reactive(Board(), repaint=False)
    files: reactive[OpenFiles] = reactive((), repaint=False)

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        settings = services.settings
        self.system_prompt = settings.system_prompt
        self.parameters = Parameters(settings.max_tokens, settings.temperature, settings.top_p)
        self._run_key = ""
        self._own_system = self._looked_for_base = self._chosen_b = False
        self._answered = False
        """Whether a side has answered the newest question whole."""
        self.add_class("-show-a")

    def compose(self) -> ComposeResult:
        yield Line(id="chat-line")
        with Horizontal(id="panes"):
            yield AnswerPane("a")
            yield AnswerPane("b")
        yield Prompt("ask both …   enter sends, ctrl+j makes a line", id="prompt")

    def on_mount(self) -> None:
        for pane in self.query(AnswerPane):
            pane.title()
        self._show_line()
        self._choose_by_itself()
        self._recall_system()
        self.focus_first()

    def focus_first(self) -> None:
        """The prompt waits for text."""
        self.query_one(Prompt).focus()

    def reasons_to_stay(self) -> list[str]:
        """An answer under way, and text that was not sent."""
        reasons = ["An answer is still coming."] if any(p.busy for p in self.query(AnswerPane)) else []
        if self.query_one(Prompt).text.strip():
            reasons.append("The question in the prompt was not sent.")
        return reasons

    def pane(self, side: str) -> AnswerPane:
        """Side a or b."""
        return self.query_one(f"#pane-{side}", AnswerPane)

    @work(group="recall")
    async def _recall_system(self) -> None:
        """The system prompt of the training data is what a tuned model should be asked with."""
        if not self.identity.account or self._own_system:
            return
        place = self.services.place(self.identity)
        try:
            found = await self.services.recall(place, "system_prompt", self.system_prompt)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        if not self._own_system:
            self.system_prompt = found
            self._show_line()

    def _show_line(self) -> None:
        system = safe_line(self.system_prompt, 200) or "none"
        self.query_one("#chat-line", Line).put(
            Content.assemble(
                (f" {self.parameters.text}", "$foreground-muted"), ("  system ", "$foreground-muted"), f"“{system}”"
            )
        )

    # Who answers

    def show_run(self, key: str) -> None:
        """Ask a run's endpoint and its base model."""
        run = self.board.run(key)
        if run is None or self._still_coming():
            return
        self._run_key = key
        self._aim_at(run)

    def ask_probe(self, probe: Probe) -> None:
        """Ask both sides a question that does not come from the prompt, or put it there when nobody can answer."""
        if not any(p.target for p in self.query(AnswerPane)) and not self.query_one(Prompt).text:
            self.query_one(Prompt).text = probe.question
        self._send(probe.question)

    def _aim_at(self, run: Run, *, base_too: bool = True) -> None:
        self._recall_system()
        endpoint = run.ready_endpoint
        if endpoint is not None:
            kind = f"{endpoint.units} MU" if endpoint.kind is Serving.PROVISIONED else "on demand"
            self.pane("a").aim(Target(run.name, endpoint.arn, kind, tuned=True))
            self.set_class(True, "-show-a").set_class(False, "-show-b")
        elif run.endpoints:
            self.say(f"{run.name}: the endpoint is {run.endpoints[0].status}; it is asked when it is ready")
        else:
            self.say(f"{run.name} is not served. In 2 Jobs, b serves it", "problem")
        base = run.base_model
        if base is not None and base_too:
            self.pane("b").aim(Target(base.name, base.runtime_id, "base model"))

    def watch_board(self) -> None:
        """Endpoints come and go."""
        if not self.is_mounted:
            return
        self._choose_by_itself()
        pane = self.pane("a")
        if pane.target is not None and pane.target.tuned:
            ready = {e.arn for e in self.board.endpoints if e.ready}
            if (gone := pane.target.model_id not in ready) != pane.gone:
                pane.gone = gone
                pane.title()

    def _choose_by_itself(self) -> None:
        """The run that was asked for, else the newest that answers, as long as nobody was chosen."""
        if self.pane("a").target is not None or any(p.busy for p in self.query(AnswerPane)):
            return
        asked = self.board.run(self._run_key)
        run = asked if asked and asked.ready_endpoint else next((r for r in self.board.runs if r.ready_endpoint), None)
        if run is not None:
            self._aim_at(run, base_too=self.pane("b").target is None or not self._chosen_b)
        elif self.pane("b").target is None and self.identity.known and not self._looked_for_base:
            self._looked_for_base = True
            self._aim_at_base()

    @work(group="base", exclusive=True)
    async def _aim_at_base(self) -> None:
        """Without a served run, the base model of the settings can be asked, if Bedrock offers it now."""
        wanted = find(self.services.settings.base_model)
        try:
            offered = await self.services.catalog.targets()
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        target = next((t for t in offered if wanted is not None and t.model_id == wanted.runtime_id), None)
        if target is not None and all(p.target is None for p in self.query(AnswerPane)):
            self.pane("b").aim(target)
            self.set_class(False, "-show-a").set_class(True, "-show-b")

    def _still_coming(self) -> bool:
        """Whether an answer is under way, and says so: what comes belongs to whom was asked."""
        busy = any(p.busy for p in self.query(AnswerPane))
        if busy:
            self.say("An answer is still coming; esc stops it", "problem")
        return busy

    @work(group="target")
    async def action_target(self, side: str) -> None:
        """Choose who answers on one side."""
        if self._still_coming():
            return
        endpoints = [
            Choice(e.arn, run.name, f"{e.kind} · {run.base_model_name}")
            for run in self.board.runs
            for e in run.endpoints
            if e.ready
        ]
        named: dict[str, Target] = {}
        try:
            for target in await self.services.catalog.targets():
                named[target.model_id] = target
        except AppError as error:
            self.say(error.sentence(), "problem")
        choices = [*endpoints, *(Choice(t.model_id, t.name, f"{t.kind} · {t.model_id}") for t in named.values())]
        choices.append(Choice(_TYPED, "another model …", "type its id or ARN"))
        pane = self.pane(side)
        chosen = await self.ask(
            ChoiceDialog(
                f"Who answers on side {side.upper()}?", choices, chosen=pane.target.model_id if pane.target else ""
            )
        )
        if chosen == _TYPED:
            chosen = await self.ask(LineDialog("Model id or ARN", problem=_id_problem))
        if chosen:
            name = next((c.title for c in endpoints if c.key == chosen), safe_line(chosen, 60))
            target = named.get(chosen) or Target(
                name, chosen, "endpoint", tuned=any(c.key == chosen for c in endpoints)
            )
            if self._still_coming():
                return
            self._chosen_b = self._chosen_b or side == "b"
            pane.aim(target)

    # Asking

    @on(Prompt.Submitted)
    def _submitted(self, message: Prompt.Submitted) -> None:
        if self._send(message.text):
            self.query_one(Prompt).clear()

    def _send(self, question: str) -> bool:
        panes = [p for p in self.query(AnswerPane) if p.target is not None]
        if not panes:
            self.say("Nobody is chosen to answer: esc, then a or b", "problem")
            return False
        if self._still_coming():
            return False
        self._answered = False
        for pane in panes:
            pane.view.add_block("question", question)
            pane.worker = self._ask(pane, question)
        return True

    @work(group="answers")
    async def _ask(self, pane: AnswerPane, question: str) -> None:
        """Ask one side; the other goes its own way."""
        target = pane.target
        assert target is not None
        asked = Message("user", question)
        system, parameters = self.system_prompt, self.parameters
        pane.view.add_block("answer", "")
        pane.footer("waiting …")
        said, ended = "", "stopped by you"
        whole = False
        try:
            async for event in self.services.chat.ask(
                target, [*pane.history, asked], system=system, parameters=parameters
            ):
                match event:
                    case TextDelta(text):
                        pane.view.append(text)
                        said += text
                    case Note(text):
                        self.say(f"{target.name}: {text}")
                    case AnswerEnd():
                        whole, ended = True, event.text
                        if event.sent != parameters:
                            ended, parameters = f"{ended} · with {event.sent.text}", event.sent
                        self._answered = True
                        self._heard(pane, asked, said, event.stop_reason)
                    case AnswerCut(error):
                        ended = error.title
                        pane.view.add_block("error", error.sentence())
                        self._give_back(question)
        finally:
            with contextlib.suppress(NoMatches):  # where the app is ending, the pane is empty by now
                pane.view.finish()
                if not whole and ended == "stopped by you":
                    pane.view.add_block("note", ended)
                pane.footer(ended)
            self._keep(target, question, system, parameters, said, ended, whole)

    def _heard(self, pane: AnswerPane, asked: Message, said: str, stop_reason: str) -> None:
        """An answer without a word cannot be sent back as part of the conversation."""
        if said.strip():
            pane.history += [asked, Message("assistant", said)]
        else:
            pane.view.add_block("note", f"no text ({stop_reason.replace('_', ' ')})")

    def _give_back(self, question: str) -> None:
        """A question that failed on every side goes back to the prompt, unless another is being written."""
        prompt = self.query_one(Prompt)
        busy = [p for p in self.query(AnswerPane) if p.busy]  # the one that just failed still is
        if len(busy) <= 1 and not self._answered and not prompt.text:
            prompt.text = question
            prompt.move_cursor(prompt.document.end)

    def _keep(
        self, target: Target, question: str, system: str, parameters: Parameters, said: str, ended: str, whole: bool
    ) -> None:
        """Store the answer, also a partial one: it outlives the endpoint."""
        fields = {
            "target": target.name,
            "model_id": target.model_id,
            "question": question,
            "system": system,
            "parameters": parameters.text,
            "answer": said,
            "footer": ended,
        }
        place = self.services.place(self.identity)

        def write() -> None:
            try:
                self.services.store.add_answer(place, fields, whole=whole)
            except AppError as error:
                self.post_message(self.Said(error.sentence(), "problem"))

        self.services.pool.submit(write)

    def action_stop(self) -> None:
        """Stop the answers; without any, leave the prompt so that single keys act."""
        busy = [p for p in self.query(AnswerPane) if p.busy]
        for pane in busy:
            if pane.worker is not None:
                pane.worker.cancel()
        if not busy:
            self.pane("b" if self.has_class("-show-b") else "a").view.focus()

    def action_write(self) -> None:
        """Go to the prompt."""
        self.query_one(Prompt).focus()

    def action_other(self) -> None:
        """Show the other pane where only one has room."""
        self.toggle_class("-show-a", "-show-b")

    def action_fresh(self) -> None:
        """Begin a new conversation; what was answered stays stored."""
        if self._still_coming():
            return
        for pane in self.query(AnswerPane):
            pane.history.clear()
            pane.view.clear()
            pane.footer("")

    def action_copy(self) -> None:
        """Copy the last answer of the pane with the focus, else of A."""
        pane = next((p for p in self.query(AnswerPane) if p.has_focus_within), self.pane("a"))
        self.app.copy_to_clipboard(safe(pane.view.last_answer))
        self.say("The answer was sent to the terminal's clipboard", "good")

    # Settings of both sides

    @work(group="settings")
    async def action_system_prompt(self) -> None:
        """Write the system prompt of both sides."""
        text = await self.ask(
            TextDialog("System prompt", value=self.system_prompt, note="For both sides; empty for none.")
        )
        if text is not None:
            self.system_prompt, self._own_system = text, True
            self._show_line()

    @work(group="settings")
    async def action_parameters(self) -> None:
        """Set tokens, temperature and top_p of both sides."""
        now = self.parameters
        value = " ".join(
            [f"max={now.max_tokens}"]
            + ([f"t={now.temperature:g}"] if now.temperature is not None else [])
            + ([f"top_p={now.top_p:g}"] if now.top_p is not None else [])
        )
        typed = await self.ask(
            LineDialog(
                "Parameters of both sides",
                value=value,
                note="max=1…4096, t=0…1, top_p=0…1; leave t and top_p out for the model's own",
                problem=lambda text: "" if parse_parameters(text) else "like max=512 t=0.1 top_p=0.9",
            )
        )
        parsed = parse_parameters(typed) if typed else None
        if parsed is not None:
            self.parameters = parsed
            self._show_line()


def _id_problem(text: str) -> str:
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
