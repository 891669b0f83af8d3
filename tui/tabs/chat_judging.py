"""What becomes of two answers: votes, also blind ones, corrections for training, and the reference beside them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tui.domain.base_models import CATALOGUE, BaseModel, find
from tui.domain.chat.chat import Message
from tui.domain.chat.conversation import SIDES, Exchange, Reply
from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.domain.dataset.drafts import PairDraft, Provenance, reference_for
from tui.domain.differences import Piece, differences
from tui.domain.files.formats import Record
from tui.domain.training.runs import Run
from tui.tabs.chat_settings import SettingsTab
from tui.widgets.answer_pane import AnswerPane
from tui.widgets.markdown_lines import markdown_lines
from tui.widgets.reference_pane import ReferencePane
from tui.widgets.styled_lines import StyledLine, marked


class JudgingTab(SettingsTab, part=True):
    """Compares the sides."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "vote", "vote", tooltip="Vote for one of the last two answers", id="chat.vote"),
        Binding("B", "blind", "Blind mode: names hidden until the vote", show=False, id="chat.blind"),
        Binding("C", "correct", "correct", tooltip="Correct the answer into a file of pairs", id="chat.correct"),
        Binding("R", "reference", "Show the reference answer", show=False, id="chat.reference"),
        Binding("d", "differences", "Mark what differs from the reference", show=False, id="chat.differences"),
        Binding("m", "markdown", "Markdown, or the text as it came", show=False, id="chat.markdown"),
    ]

    toss: Callable[[], bool] = staticmethod(lambda: bool(secrets.randbelow(2)))
    """Whether the sides change places in a blind round."""
    _raw = _marking = False
    _blind_round = ""
    """The conversation in which names are hidden now."""

    # Votes

    def action_vote(self) -> None:
        """Say which of the two last answers is better."""
        from tui.dialogs.vote import VoteDialog

        exchange = self.conversation.last
        if exchange is None or self.still_coming():
            return
        if not exchange.both_whole:
            self.say("Two whole answers are needed for a vote", "problem")
            return

        def decided(verdict: Verdict | None) -> None:
            if verdict is not None:
                self._cast(exchange, verdict)

        self.app.push_screen(VoteDialog(), decided)

    @work(group="vote")
    async def _cast(self, exchange: Exchange, verdict: Verdict) -> None:
        left, right = (exchange.replies[side] for side in SIDES)
        if left.number is None or right.number is None:
            self.say("The answers could not be kept, so the vote cannot be either", "problem")
            return
        exchange.verdict = verdict
        vote = Vote(
            exchange.probe.question,
            _voted(left, left.number),
            _voted(right, right.number),
            verdict,
            self.masked,
            self.services.now(),
            exchange.probe.reference,
        )
        self._reveal()
        if await self.attempt(self.services.votes.add(self.place, vote)):
            better = vote.better
            self.say(f"Your vote is kept: {f'{better.model} is better' if better else verdict}", "good")

    def _reveal(self) -> None:
        for pane in self.panes:
            pane.mask(False)
        self.tell_names()
        self.recall_system()

    def tell_names(self) -> None:
        """The round that was blind is an open one."""
        if self._blind_round:
            told, self._blind_round = self._blind_round, ""
            self.run_worker(self.attempt(self.services.history.end_blind(told)), group="blind")

    # Blind mode

    def action_blind(self) -> None:
        """Hide who answers until the vote, beginning with the next question; or end that."""
        if self.still_coming():
            return
        if self.blind:
            told = "The names are told; nothing was voted" if self.masked else "Blind mode is off"
            self.blind = False
            self._reveal()
            self.say(told)
        elif self._two_names():
            self.blind = True
            self.action_fresh()
            self.say("Blind: from the next question on the sides are shuffled and unnamed until you vote (v)")
        self.show_line()

    def _two_names(self) -> bool:
        one, two = (pane.target for pane in self.panes)
        if one is None or two is None or one.model_id == two.model_id:
            self.say("Choose two different models first (a, b)", "problem")
            return False
        return True

    def begin_round(self) -> None:
        """In blind mode every conversation begins with the sides shuffled and unnamed."""
        if not self.blind:
            return
        if self.conversation.exchanges:
            self.action_fresh()
        left, right = self.panes
        if self.toss():
            left.target, right.target = right.target, left.target
            left.prices, right.prices = right.prices, left.prices
            left.gone, right.gone = right.gone, left.gone
        self._blind_round = self.conversation.key
        self.run_worker(self.attempt(self.services.history.begin_blind(self._blind_round)), group="blind")
        for pane in self.panes:
            pane.mask(True)
            pane.footer("")

    # Corrections

    def action_correct(self) -> None:
        """Mend this side's answer, and put it into the training file."""
        exchange, pane = self.conversation.last, self.here
        reply = exchange.replies.get(pane.side) if exchange is not None else None
        if exchange is None or reply is None:
            self.say("There is no answer on this side to correct", "problem")
        elif not self.names_hidden():  # the pair tells whose answer it was
            self._correct(exchange, reply)

    def _correct(self, exchange: Exchange, reply: Reply, written: Record | None = None, complaint: str = "") -> None:
        """Ask for the pair as it should be; when it is refused, ask again with all that was written."""
        from tui.dialogs.pair import PairDialog

        run = next((r for r in self.board.runs if any(e.arn == reply.target.model_id for e in r.endpoints)), None)
        answered = Record.of(exchange.probe.question, reply.text)
        heading = f"Correct the answer of {reply.target.name} for the training file"
        dialog = PairDialog(
            heading,
            written or answered,
            self._base_of(run),
            with_system=False,
            before=answered,
            problem=complaint,
            kept_as="correction",
        )
        probe = exchange.probe
        before = tuple(self._before(exchange, reply))

        def accepted(after: Record | None) -> None:
            if after is None:
                return
            origin = Provenance(
                "correction",
                reply.target.name,
                reply.target.model_id,
                run.job.arn if run is not None and run.job is not None else "",
                probe.origin,
                f"{self.services.now():%Y-%m-%dT%H:%M:%SZ}",
            )
            draft = PairDraft(after.question, after.answer, origin, probe.system, before)

            def settled(refusal: str) -> None:
                if refusal and self.is_mounted:
                    self._correct(exchange, reply, after, refusal)

            self.post_message(self.PairDrafted(draft, settled))

        self.app.push_screen(dialog, accepted)

    def _before(self, exchange: Exchange, reply: Reply) -> list[Message]:
        number = self.conversation.exchanges.index(exchange) if exchange in self.conversation.exchanges else 0
        side = next((s for s, r in exchange.replies.items() if r is reply), "a")
        return [*self.conversation.history(side, reply.target, before=number), *exchange.probe.before]

    def _base_of(self, run: Run | None) -> BaseModel:
        """Whose limits count for a pair."""
        return (run.base_model if run else None) or find(self.services.settings.base_model) or CATALOGUE[0]

    # The reference

    def action_reference(self) -> None:
        """Show the reference answer beside the others, or no longer."""
        self.toggle_class("-reference")
        if not self.has_class("-reference"):
            # It may have had the focus.
            self.show_side("a" if self.has_class("-show-r") else self.here.side)
        elif self.screen.has_class("-narrow"):
            self.show_side("r")

    def asked(self, exchange: Exchange) -> None:
        """A question may have a reference; one that came with it is shown at once."""
        if exchange.probe.reference:
            self.add_class("-reference")
        self._show_reference()
        if not exchange.probe.reference and self.files:
            self._look_up(exchange)

    @work(group="reference", exclusive=True)
    async def _look_up(self, exchange: Exchange) -> None:
        reference, origin = await self.services.pool.run(reference_for, exchange.probe.question, self.files)
        if reference:
            exchange.probe = replace(exchange.probe, reference=reference, origin=exchange.probe.origin or origin)
            if exchange is self.conversation.last:
                self._show_reference()
                self._dress_all()

    def _show_reference(self, pieces: Sequence[Piece] | None = None) -> None:
        last = self.conversation.last
        probe = last.probe if last is not None else None
        pane = self.query_one(ReferencePane)
        pane.show(probe.reference if probe else "", probe.origin if probe else "", pieces)

    # How answers are shown

    def answered(self, pane: AnswerPane, exchange: Exchange) -> None:
        """A finished answer is shown as Markdown, or with its differences."""
        if exchange not in self.conversation.exchanges or self._awaited(exchange):
            return
        # What differs can be told of both sides only when both have ended.
        panes = self.panes if self._marking or pane.masked else [pane]
        self._dress(panes, [self.conversation.exchanges.index(exchange)])

    def _awaited(self, exchange: Exchange) -> bool:
        """Whether a side has still to answer while names are hidden: which one has answered would tell the quicker."""
        return self.masked and any(p.target is not None and p.side not in exchange.replies for p in self.panes)

    def action_markdown(self) -> None:
        """Show answers as Markdown, or as they came."""
        self._raw = not self._raw
        self.say("Answers as they came" if self._raw else "Answers as Markdown")
        self._dress_all()

    def action_differences(self) -> None:
        """Mark what differs from the reference, or without one between the sides."""
        self._marking = not self._marking
        self.say("Marked: what the reference, or without one the other side, does not have" if self._marking else "")
        self._dress_all()

    def _dress_all(self) -> None:
        self._dress(self.panes, range(len(self.conversation.exchanges)))

    @work(group="dress")
    async def _dress(self, panes: Sequence[AnswerPane], numbers: Sequence[int]) -> None:
        conversation, raw, marking = self.conversation, self._raw, self._marking
        for number in numbers:
            exchange = conversation.exchanges[number]
            if self._awaited(exchange):
                continue
            for pane in panes:
                reply = exchange.replies.get(pane.side)
                if reply is None:
                    continue
                other = _counterpart(exchange, pane.side) if marking else ""
                lines = await self.services.pool.run(_lines, reply.text, other, raw=raw)
                if (conversation, raw, marking) != (self.conversation, self._raw, self._marking):
                    return
                if exchange.replies.get(pane.side) == reply:
                    pane.dress(number, lines)
        if conversation.last is not None:
            await self._mark_reference(conversation.last)

    async def _mark_reference(self, exchange: Exchange) -> None:
        """In the reference, what the answer of A (or of the side with the focus) lacks."""
        reply = exchange.replies.get(self.here.side)
        found = None
        if self._awaited(exchange):
            return
        if self._marking and reply is not None and exchange.probe.reference:
            found = await self.services.pool.run(differences, reply.text, exchange.probe.reference)
        if exchange is self.conversation.last:
            self._show_reference(found[1] if found else None)


def _voted(reply: Reply, number: int) -> VotedAnswer:
    return VotedAnswer(number, reply.target.name, reply.target.model_id, reply.text, reply.target.tuned)


def _counterpart(exchange: Exchange, side: str) -> str:
    """What an answer is compared with: the reference, else the other side's answer."""
    other = next((reply.text for s, reply in exchange.replies.items() if s != side), "")
    return exchange.probe.reference or other


def _lines(text: str, other: str, *, raw: bool) -> list[StyledLine] | None:
    """An answer as it is to be shown; None as it came."""
    if other:
        found = differences(text, other)
        if found is not None:
            return marked(found[0])
    return None if raw else markdown_lines(text)
