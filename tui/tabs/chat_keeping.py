"""Answers of the Chat tab in the store: the question as it is asked, the text while it comes, the figures at its end.

Whatever ends the app, what was paid for and read so far is in the history; only the last seconds are not.
"""

from __future__ import annotations

import threading
from dataclasses import field, replace

from textual import on
from textual.message import Message as Event
from textual.timer import Timer

from tui.domain.chat.chat import Parameters, Target
from tui.domain.chat.conversation import Exchange, KeptAnswer, Reply
from tui.domain.errors import AppError
from tui.domain.values import dataclass
from tui.tabs.chat_sides import SidesTab
from tui.widgets.answer_pane import AnswerPane

_STOPPED = "stopped by you"
_NOT_ENDED = "it did not come to an end"


@dataclass(slots=True)
class Asked:
    """One question to one side, while its answer comes. `row` is its number in the store, 0 before it has one;
    `kept` the number of its characters there."""

    pane: AnswerPane
    target: Target
    exchange: Exchange
    number: int
    conversation: str
    system: str
    parameters: Parameters
    place: str
    blind: bool
    said: str = ""
    ended: str = _STOPPED
    whole: bool = False
    problem: str = ""
    row: int = 0
    closed: bool = False
    refused: bool = False
    kept: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class KeepingTab(SidesTab, part=True):
    """Every answer outlives its endpoint, and this app's end."""

    keep_every = 2.0
    """Seconds of an answer that a crash may cost."""
    keep_again = 5.0
    """Seconds until the disk is tried again."""

    class Kept(Event):
        """A reply is in the store now, under a number."""

        def __init__(self, exchange: Exchange, side: str, reply: Reply, number: int) -> None:
            super().__init__()
            self.exchange = exchange
            self.side = side
            self.reply = reply
            self.number = number

    class Unkept(Event):
        """The disk refused an answer, or what there is of it so far."""

        def __init__(self, asked: Asked, error: AppError, *, ended: bool) -> None:
            super().__init__()
            self.asked = asked
            self.error = error
            self.ended = ended

    def keep_growing(self, asked: Asked) -> Timer:
        """Store the question now, and what has come of its answer every few seconds until the timer is stopped."""
        self.keep(asked)
        return self.set_interval(self.keep_every, lambda: self.keep(asked) if len(asked.said) > asked.kept else None)

    def keep(self, asked: Asked, *, ended: bool = False) -> None:
        """Store an answer as far as it has come; `ended` closes it, and it is numbered."""
        asked.kept = len(asked.said)
        reply = asked.exchange.replies.get(asked.pane.side) if ended else None
        kept = self._row_of(asked, ended=ended)

        def write() -> None:
            # Threads may come in any order: nothing is written after the end, and one row at a time.
            with asked.lock:
                if asked.closed:
                    return
                asked.closed = ended
                try:
                    asked.row = self.services.history.add_now(asked.place, replace(kept, number=asked.row))
                except AppError as error:
                    asked.closed = False
                    self.post_message(self.Unkept(asked, error, ended=ended))
                    return
            if reply is not None:
                self.post_message(self.Kept(asked.exchange, asked.pane.side, reply, asked.row))

        self.services.pool.submit(write)

    @on(Unkept)
    def _unkept(self, message: Unkept) -> None:
        """A disk that is full may have room later, and an answer that has ended is paid for."""
        asked = message.asked
        if not asked.refused:
            asked.refused = True
            self.say(message.error.sentence(), "problem")
        if message.ended:
            self.set_timer(self.keep_again, lambda: self.keep(asked, ended=True))

    def _row_of(self, asked: Asked, *, ended: bool) -> KeptAnswer:
        probe = asked.exchange.probe
        return KeptAnswer(
            0,
            asked.target.name,
            asked.target.model_id,
            probe.question,
            asked.system,
            asked.parameters.text,
            asked.said,
            asked.ended if ended else _NOT_ENDED,
            asked.whole,
            self.services.now(),
            asked.conversation,
            asked.number,
            asked.pane.side,
            asked.blind,
            probe.reference,
            probe.origin,
        )

    @on(Kept)
    def _kept(self, message: Kept) -> None:
        if message.exchange.replies.get(message.side) is message.reply:
            message.exchange.replies[message.side] = replace(message.reply, number=message.number)
