"""Which of two answers is better: votes in the Chat tab, also blind ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.domain.chat.conversation import SIDES, Exchange, Reply
from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.tabs.chat import ChatTab


class Votes(Actions):
    """Takes votes, and hides the names until then where that is wished."""

    tab: ChatTab

    toss: Callable[[], bool] = staticmethod(lambda: bool(secrets.randbelow(2)))
    """Whether the sides change places in a blind round."""
    _blind_round = ""
    """The conversation in which names are hidden now."""

    def vote(self) -> None:
        """Say which of the two last answers is better."""
        from tui.dialogs.vote import VoteDialog

        exchange = self.tab.conversation.last
        if exchange is None or self.tab.still_coming():
            return
        if not exchange.both_whole:
            self.tab.say("Two whole answers are needed for a vote", "problem")
            return

        def decided(verdict: Verdict | None) -> None:
            if verdict is not None:
                self.tab.run_worker(self._cast(exchange, verdict), group="vote")

        self.tab.app.push_screen(VoteDialog(), decided)

    async def _cast(self, exchange: Exchange, verdict: Verdict) -> None:
        left, right = (exchange.replies[side] for side in SIDES)
        if left.number is None or right.number is None:
            self.tab.say("The answers could not be kept, so the vote cannot be either", "problem")
            return
        exchange.verdict = verdict
        vote = Vote(
            exchange.probe.question,
            _voted(left, left.number),
            _voted(right, right.number),
            verdict,
            self.tab.masked,
            self.services.now(),
            exchange.probe.reference,
        )
        self._reveal()
        if await self.tab.attempt(self.services.votes.add(self.tab.place, vote)):
            better = vote.better
            self.tab.say(f"Your vote is kept: {f'{better.model} is better' if better else verdict}", "good")

    def _reveal(self) -> None:
        for pane in self.tab.panes:
            pane.mask(False)
        self.tell_names()
        self.tab.recall_system()

    def tell_names(self) -> None:
        """The round that was blind is an open one."""
        if self._blind_round:
            told, self._blind_round = self._blind_round, ""
            self.tab.run_worker(self.tab.attempt(self.services.history.end_blind(told)), group="blind")

    # Blind mode

    def toggle_blind(self) -> None:
        """Hide who answers until the vote, beginning with the next question; or end that."""
        if self.tab.still_coming():
            return
        if self.tab.blind:
            told = "The names are told; nothing was voted" if self.tab.masked else "Blind mode is off"
            self.tab.blind = False
            self._reveal()
            self.tab.say(told)
        elif self._two_names():
            self.tab.blind = True
            self.tab.action_fresh()
            self.tab.say("Blind: from the next question on the sides are shuffled and unnamed until you vote (v)")
        self.tab.show_line()

    def _two_names(self) -> bool:
        one, two = (pane.target for pane in self.tab.panes)
        if one is None or two is None or one.model_id == two.model_id:
            self.tab.say("Choose two different models first (a, b)", "problem")
            return False
        return True

    def begin_round(self) -> None:
        """In blind mode every conversation begins with the sides shuffled and unnamed."""
        if not self.tab.blind:
            return
        if self.tab.conversation.exchanges:
            self.tab.action_fresh()
        left, right = self.tab.panes
        if self.toss():
            left.target, right.target = right.target, left.target
            left.prices, right.prices = right.prices, left.prices
            left.gone, right.gone = right.gone, left.gone
        self._blind_round = self.tab.conversation.key
        self.tab.run_worker(self.tab.attempt(self.services.history.begin_blind(self._blind_round)), group="blind")
        for pane in self.tab.panes:
            pane.mask(True)
            pane.footer("")


def _voted(reply: Reply, number: int) -> VotedAnswer:
    return VotedAnswer(number, reply.target.name, reply.target.model_id, reply.text, reply.target.tuned)
