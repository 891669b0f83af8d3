"""Questions to both sides of the Chat tab: streamed, stopped, asked again, and kept whatever becomes of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from textual import on, work
from textual.css.query import NoMatches

from tui.domain.chat.chat import AnswerCut, AnswerEnd, Message, Note, Target, TextDelta
from tui.domain.chat.conversation import Conversation, Exchange, Reply
from tui.domain.dataset.drafts import Probe
from tui.domain.errors import Cause
from tui.domain.serving.pricing import TokenPrices, money
from tui.domain.text import safe_line
from tui.tabs.chat_keeping import Asked, KeepingTab
from tui.widgets.answer_pane import AnswerPane
from tui.widgets.prompt import Prompt


class AskingTab(KeepingTab, part=True):
    """One question goes to both sides; each answers on its own."""

    # What other parts do about it

    def answered(self, pane: AnswerPane, exchange: Exchange) -> None:
        """A side has ended its answer, whole or not."""

    def asked(self, exchange: Exchange) -> None:
        """A question is on its way."""

    def begin_round(self) -> None:
        """A conversation begins."""

    def tell_names(self) -> None:
        """Names are not hidden any more."""

    # Sending

    @on(Prompt.Submitted)
    def _submitted(self, message: Prompt.Submitted) -> None:
        if self.send(Probe(message.text)):
            self.prompt.clear()

    def ask_probe(self, probe: Probe) -> None:
        """Ask a question that stands for itself: what was said before is not sent along."""
        if self.still_coming():
            return
        if not any(pane.target for pane in self.panes):
            if not self.prompt.text:
                self.prompt.text = probe.question
            self.say("Nobody is chosen to answer: esc, then a or b", "problem")
            return
        self._begin_anew(keep_text=True)
        self.send(probe)

    def send(self, probe: Probe) -> bool:
        """Ask both sides; False when that cannot be now."""
        panes = [pane for pane in self.panes if pane.target is not None]
        if not panes:
            self.say("Nobody is chosen to answer: esc, then a or b", "problem")
            return False
        if self.still_coming():
            return False
        if not self.conversation.exchanges or (self.blind and not self.masked):
            self.begin_round()
        exchange = self.conversation.ask(probe)
        self.asked(exchange)
        self._ask_sides(panes, exchange)
        return True

    def _ask_sides(self, panes: Sequence[AnswerPane], exchange: Exchange) -> None:
        number = self.conversation.exchanges.index(exchange)
        for pane in panes:
            pane.begin(number, exchange.probe.question)
        for pane in panes:
            pane.worker = self._ask(pane, exchange, number)

    @work(group="answers")
    async def _ask(self, pane: AnswerPane, exchange: Exchange, number: int) -> None:
        """Ask one side; the other goes its own way."""
        target, probe = pane.target, exchange.probe
        assert target is not None
        messages = self.conversation.history(pane.side, target, before=number)
        messages += [*probe.before, Message("user", probe.question)]
        system = self.system_prompt if probe.system is None else probe.system
        asked = Asked(
            pane, target, exchange, number, self.conversation.key, system, self.parameters, self.place, self.blind
        )
        pane.footer("waiting …")
        pane.hold("waiting for both …")
        growing = self.keep_growing(asked)
        try:
            await self._listen(asked, messages)
        finally:
            growing.stop()
            with contextlib.suppress(NoMatches):  # where the app is ending, the pane is empty by now
                self._finish(asked)
            self.keep(asked, ended=True)

    async def _listen(self, asked: Asked, messages: Sequence[Message]) -> None:
        """Show an answer as it comes; while names are hidden it waits, since its pace would tell who it is."""
        pane, target = asked.pane, asked.target
        sent = asked.parameters
        answer = self.services.chat.ask(target, messages, system=asked.system, parameters=sent)
        async for event in answer:
            match event:
                case TextDelta(text):
                    if not asked.said:
                        pane.footer("answering …")
                    asked.said += text
                    if not pane.masked:
                        pane.view.append(text)
                case Note(text):
                    if not pane.masked:
                        self.say(f"{target.name}: {text}")
                case AnswerEnd():
                    asked.whole, asked.ended = True, _figures(event, target, pane.prices)
                    if event.sent != sent:
                        asked.ended += f" · with {event.sent.text}"
                        asked.parameters = event.sent
                case AnswerCut(error):
                    asked.ended, asked.problem = error.title, error.sentence()
                    if error.cause is Cause.NOT_FOUND:
                        self.post_message(self.AwsChanged())

    def _finish(self, asked: Asked) -> None:
        """What is left to show when an answer has ended."""
        pane, exchange = asked.pane, asked.exchange
        reply = Reply(asked.target, asked.said, asked.whole, asked.ended)
        exchange.replies[pane.side] = reply
        pane.footer(asked.ended)
        if pane.masked:
            self._unveil_text(exchange)
        else:
            self._show_end(pane, reply, asked.problem)
        if not asked.whole and asked.problem:
            self._give_back(pane, exchange)
        self.answered(pane, exchange)

    @staticmethod
    def _show_end(pane: AnswerPane, reply: Reply, problem: str) -> None:
        pane.view.finish()
        if problem:
            pane.view.add_block("error", problem)
        elif not reply.whole:
            pane.view.add_block("note", reply.ended)
        elif not reply.speaks:
            pane.view.add_block("note", "no text")

    def _unveil_text(self, exchange: Exchange) -> None:
        """Both texts at the same moment, once both are there; what failed is told without its name."""
        panes = [pane for pane in self.panes if pane.target is not None]
        if any(pane.side not in exchange.replies for pane in panes):
            return
        for pane in panes:
            reply = exchange.replies[pane.side]
            pane.hold("")
            pane.view.append(reply.text)
            pane.view.finish()
            if not reply.whole:
                pane.view.add_block("note", "it did not come to an end; . asks again, B ends blind mode")

    def _give_back(self, pane: AnswerPane, exchange: Exchange) -> None:
        """A question that failed on every side goes back to the prompt, unless another is being written."""
        others = [p for p in self.panes if p is not pane and p.target is not None]
        if any(p.side not in exchange.replies or exchange.replies[p.side].whole for p in others):
            return
        if not self.prompt.text:
            self.prompt.text = exchange.probe.question
            self.prompt.move_cursor(self.prompt.document.end)

    # Asking again

    def action_again(self) -> None:
        """Ask the last question again: the side with the focus, or both; the answer so far stays in the history."""
        exchange = self.conversation.last
        if exchange is None or self.still_coming():
            return
        if exchange.verdict is not None:
            self.say("This question was voted on; ask it anew", "problem")
            return
        focused = [pane for pane in self.panes if pane.has_focus_within and not self.masked]
        self._resend(focused or self.panes, exchange)

    def _resend(self, panes: Sequence[AnswerPane], exchange: Exchange) -> None:
        chosen = [pane for pane in panes if pane.target is not None]
        number = len(self.conversation.exchanges) - 1
        for pane in chosen:
            exchange.replies.pop(pane.side, None)
            pane.show(self.conversation.exchanges)
        for pane in chosen:
            pane.worker = self._ask(pane, exchange, number)

    @work(group="ask")
    async def action_edit(self) -> None:
        """Change an earlier question and go on from there; what followed stays in the history."""
        from tui.dialogs.choice import Choice, ChoiceDialog
        from tui.dialogs.text import TextDialog

        exchanges = self.conversation.exchanges
        if not exchanges or self.still_coming():
            return
        number = len(exchanges) - 1
        if number:
            rows = [
                Choice(str(n), safe_line(e.probe.question, 120), f"question {n + 1}") for n, e in enumerate(exchanges)
            ]
            chosen = await self.ask(ChoiceDialog("Which question?", rows, chosen=str(number)))
            if chosen is None:
                return
            number = int(chosen)
        probe = exchanges[number].probe
        note = (
            "ctrl+s asks it; what followed is no longer part of the conversation."
            if number + 1 < len(exchanges)
            else ""
        )
        kept_as = f"question {probe.question}"
        text = await self.ask(TextDialog(f"Question {number + 1}", value=probe.question, note=note, kept_as=kept_as))
        if text and text.strip() and not self.still_coming() and exchanges is self.conversation.exchanges:
            self._cut(number)
            # Another question has another reference.
            self.send(probe if text == probe.question else Probe(text, before=probe.before, system=probe.system))

    def _cut(self, number: int) -> None:
        self.conversation.cut(number)
        for pane in self.panes:
            pane.show(self.conversation.exchanges)

    # Stopping, and beginning anew

    def action_stop(self) -> None:
        """Stop the answers; without any, leave the prompt so that single keys act."""
        busy = [pane for pane in self.panes if pane.busy]
        for pane in busy:
            self._stop(pane)
        if not busy:
            self.here.view.focus()

    def action_stop_side(self) -> None:
        """Stop the answer of the side with the focus; the other goes on.

        While names are hidden both are stopped: whether one still comes would tell which is the slower.
        """
        for pane in self.panes if self.masked else [self.here]:
            self._stop(pane)

    @staticmethod
    def _stop(pane: AnswerPane) -> None:
        if pane.worker is not None and pane.busy:
            pane.worker.cancel()

    def action_write(self) -> None:
        """Go to the prompt."""
        self.prompt.focus()

    def action_fresh(self) -> None:
        """Begin a new conversation; what was answered stays stored."""
        if not self.still_coming():
            self._begin_anew(keep_text=False)

    def _begin_anew(self, *, keep_text: bool) -> None:
        """Nothing said so far is sent along any more."""
        self.conversation = Conversation()
        for pane in self.panes:
            if keep_text:
                pane.part()
            else:
                pane.clear()
            pane.mask(False)
        self.tell_names()


def _figures(end: AnswerEnd, target: Target, prices: TokenPrices | None) -> str:
    """What an answer took, and what it cost as far as that is known; what is paid by the hour costs nothing more."""
    if target.hourly:
        return end.text
    cost = None
    if prices is not None and end.input_tokens is not None and end.output_tokens is not None:
        cost = prices.answered(end.input_tokens, end.output_tokens)
    if prices is None or cost is None:
        return f"{end.text} · {money(None)}"
    amount = money(cost)
    return f"{end.text} · {'' if amount.startswith('<') else '≈ '}{amount} ({prices.origin})"
