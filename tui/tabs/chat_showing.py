"""How answers of the Chat tab are shown: as Markdown, with what differs marked, the reference beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.domain.chat.conversation import Exchange
from tui.domain.dataset.drafts import reference_for
from tui.domain.differences import Piece, differences
from tui.tabs.base import Actions, newest
from tui.widgets.markdown_lines import markdown_lines
from tui.widgets.reference_pane import ReferencePane
from tui.widgets.styled_lines import StyledLine, marked

if TYPE_CHECKING:
    from tui.tabs.chat import ChatTab
    from tui.widgets.answer_pane import AnswerPane


class Showing(Actions):
    """Dresses what has ended; what still comes is shown as it comes."""

    tab: ChatTab

    _raw = _marking = False

    # The reference

    def toggle_reference(self) -> None:
        """Show the reference answer beside the others, or no longer."""
        self.tab.toggle_class("-reference")
        if not self.tab.has_class("-reference"):
            # It may have had the focus.
            self.tab.show_side("a" if self.tab.has_class("-show-r") else self.tab.here.side)
        elif self.tab.screen.has_class("-narrow"):
            self.tab.show_side("r")

    def asked(self, exchange: Exchange) -> None:
        """A question may have a reference; one that came with it is shown at once."""
        if exchange.probe.reference:
            self.tab.add_class("-reference")
        self.show_reference()
        if not exchange.probe.reference and self.tab.files:
            newest(self.tab, "reference", self._look_up, exchange)

    async def _look_up(self, exchange: Exchange) -> None:
        reference, origin = await self.services.pool.run(reference_for, exchange.probe.question, self.tab.files)
        if reference:
            exchange.probe = replace(exchange.probe, reference=reference, origin=exchange.probe.origin or origin)
            if exchange is self.tab.conversation.last:
                self.show_reference()
                self.dress_all()

    def show_reference(self, pieces: Sequence[Piece] | None = None) -> None:
        """The reference of the last question; `pieces` where differences are marked in it."""
        last = self.tab.conversation.last
        probe = last.probe if last is not None else None
        pane = self.tab.query_one(ReferencePane)
        pane.show(probe.reference if probe else "", probe.origin if probe else "", pieces)

    # How answers are shown

    def answered(self, pane: AnswerPane, exchange: Exchange) -> None:
        """A finished answer is shown as Markdown, or with its differences."""
        if exchange not in self.tab.conversation.exchanges or self._awaited(exchange):
            return
        # What differs can be told of both sides only when both have ended.
        panes = self.tab.panes if self._marking or pane.masked else [pane]
        self._begin_to_dress(panes, [self.tab.conversation.exchanges.index(exchange)])

    def _awaited(self, exchange: Exchange) -> bool:
        """Whether a side has still to answer while names are hidden: which one has answered would tell the quicker."""
        return self.tab.masked and any(p.target is not None and p.side not in exchange.replies for p in self.tab.panes)

    def toggle_markdown(self) -> None:
        """Show answers as Markdown, or as they came."""
        self._raw = not self._raw
        self.tab.say("Answers as they came" if self._raw else "Answers as Markdown")
        self.dress_all()

    def toggle_differences(self) -> None:
        """Mark what differs from the reference, or without one between the sides."""
        self._marking = not self._marking
        self.tab.say(
            "Marked: what the reference, or without one the other side, does not have" if self._marking else ""
        )
        self.dress_all()

    def dress_all(self) -> None:
        """Show every answer as it is wished now."""
        self._begin_to_dress(self.tab.panes, range(len(self.tab.conversation.exchanges)))

    def _begin_to_dress(self, panes: Sequence[AnswerPane], numbers: Sequence[int]) -> None:
        self.tab.run_worker(self._dress(panes, numbers), group="dress")

    async def _dress(self, panes: Sequence[AnswerPane], numbers: Sequence[int]) -> None:
        conversation, raw, marking = self.tab.conversation, self._raw, self._marking
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
                if (conversation, raw, marking) != (self.tab.conversation, self._raw, self._marking):
                    return
                if exchange.replies.get(pane.side) == reply:
                    pane.dress(number, lines)
        if conversation.last is not None:
            await self._mark_reference(conversation.last)

    async def _mark_reference(self, exchange: Exchange) -> None:
        """In the reference, what the answer of A (or of the side with the focus) lacks."""
        reply = exchange.replies.get(self.tab.here.side)
        found = None
        if self._awaited(exchange):
            return
        if self._marking and reply is not None and exchange.probe.reference:
            found = await self.services.pool.run(differences, reply.text, exchange.probe.reference)
        if exchange is self.tab.conversation.last:
            self.show_reference(found[1] if found else None)


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
