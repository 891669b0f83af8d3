"""One side of a conversation: who answers, what was said, and the figures of the last answer."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.worker import Worker

from tui.domain.chat.chat import Target
from tui.domain.chat.conversation import Exchange
from tui.domain.serving.pricing import TokenPrices
from tui.domain.text import safe_line
from tui.widgets.cells import fit
from tui.widgets.stream_view import StreamView
from tui.widgets.styled_lines import StyledLine
from tui.widgets.text_pane import Line

_MASKED = "not told until you vote"
_OTHER = 26
"""Cells of a title that may go to the side that is not shown."""


class AnswerPane(Vertical):
    """`masked` hides the name and all that could give it away, until the vote."""

    class Titled(Message):
        """Who answers on a side, or what may be told of it, is different now."""

    def __init__(self, side: str, *, rate: float) -> None:
        """`rate`: how often a second a growing answer is painted at most."""
        super().__init__(id=f"pane-{side}", classes="answer-pane")
        self.side = side
        self.target: Target | None = None
        self.prices: TokenPrices | None = None
        """None until they were looked up."""
        self.gone = False
        self.masked = False
        self.worker: Worker[None] | None = None
        self._rate = rate
        self._figures = self._held = self._title = self._other = ""
        self._answers: dict[int, int] = {}

    def compose(self) -> ComposeResult:
        yield Line(classes="pane-title")
        yield StreamView(rate=self._rate)
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
            self.view.add_block("note", "from here on somebody else" if self.masked else f"from here on: {target.name}")
        self.target = target
        self.prices = None
        self.gone = False
        self.title()

    @property
    def name_shown(self) -> str:
        """Who answers, as far as it may be told now."""
        if self.target is None:
            return f"nobody chosen: {self.side} chooses, outside the prompt"
        return _MASKED if self.masked else self.target.name

    def title(self) -> None:
        """Write who answers, whether it still does, and what it costs."""
        target, parts = self.target, [self.name_shown]
        if target is not None and not self.masked:
            price = "" if target.hourly or self.prices is None else self.prices.per_million
            parts += [target.kind, target.lifecycle, price]
        text = safe_line(" · ".join(filter(None, parts)), 160)
        gone = " · ▲ not there any more" if self.gone and not self.masked else ""
        self._title = f" {self.side.upper()}  {text}{gone}"
        self._write_title()
        self.post_message(self.Titled())

    def tell_other(self, name: str) -> None:
        """Say who else there is, and how to get there, where only this side has room."""
        self._other = name
        self._write_title()

    def _write_title(self) -> None:
        title, width = Content(self._title), self.size.width
        if self._other and width and self.screen.has_class("-narrow"):
            # What this side is comes first; of the other at least its letter.
            others = [f" {fit(text, _OTHER).rstrip()} " for text in (self._other, " ".join(self._other.split()[:2]))]
            room = [width - cell_len(other) for other in others]
            at = 0 if cell_len(self._title) <= room[0] else 1
            title = title.truncate(max(0, room[at]), ellipsis=True, pad=True)
            title += Content.styled(others[at], "not bold $foreground-muted")
        self.query_one(".pane-title", Line).put(title)

    def hold(self, text: str) -> None:
        """Say why nothing is shown yet: what comes while masked must not tell who is the faster."""
        self._held = text
        self.footer(self._figures)

    def footer(self, text: str) -> None:
        """Write the figures; while masked they wait."""
        self._figures = text
        shown = self._held if self.masked else safe_line(text, 200)
        if self.size.width and cell_len(shown) >= self.size.width:
            for word in (" first", " tokens"):
                shown = shown.replace(word, "")
        self.query_one(".pane-footer", Line).put(Content(f" {shown}" if shown else ""))

    def on_resize(self) -> None:
        """Another width may have room for the words between the figures, and for both sides."""
        self.footer(self._figures)
        self._write_title()

    def mask(self, masked: bool) -> None:
        """Hide who answers, or tell it."""
        self.masked = masked
        self.title()
        self.footer(self._figures)

    # The conversation

    def clear(self) -> None:
        """Show nothing."""
        self._answers.clear()
        self.view.clear()
        self.footer("")

    def part(self) -> None:
        """What stands there so far belongs to another conversation."""
        self._answers.clear()
        self.footer("")

    def begin(self, number: int, question: str) -> None:
        """Show the question of an exchange; its answer follows."""
        self.view.add_block("question", question)
        self._answers[number] = self.view.add_block("answer", "")

    def show(self, exchanges: Sequence[Exchange]) -> None:
        """Show a conversation from its beginning; a side without a reply to the last question is about to get one."""
        self.clear()
        for number, exchange in enumerate(exchanges):
            self.begin(number, exchange.probe.question)
            reply = exchange.replies.get(self.side)
            if reply is None:
                continue
            self.view.append(reply.text)
            self.view.finish()
            if not self.masked and (self.target is None or reply.target.model_id != self.target.model_id):
                self.view.add_block("note", f"answered by {safe_line(reply.target.name, 60)}")
            if not reply.whole:
                self.view.add_block("note", "it did not come to an end" if self.masked else reply.ended)
            self.footer(reply.ended)

    def dress(self, number: int, lines: Sequence[StyledLine] | None) -> None:
        """Show an answer in styles, or as it came."""
        block = self._answers.get(number)
        if block is not None:
            self.view.dress(block, lines)
