"""Pairs from a document: a model is asked part by part, and again, until enough distinct ones are there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import field

from tui.domain.chat.chat import Parameters
from tui.domain.chat.structure import Filled, Usage
from tui.domain.dataset.generation import (
    PER_ASK,
    SHAPE,
    SYSTEM,
    Distinct,
    Part,
    SourceDocument,
    Wish,
    Written,
    most_calls,
    prompt,
    shares,
)
from tui.domain.errors import AppError, Cause
from tui.domain.text import count
from tui.domain.values import dataclass
from tui.services.chat.structured import Structured, UnfitError
from tui.services.dataset.review_queue import ReviewQueue
from tui.services.pool import DaemonPool

_MAX_TOKENS = 8192
"""Of one answer."""
_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before an ask that was throttled, or met a passing fault, is tried again."""
_STOPPED = "It was stopped"
_FRUITLESS = 2
"""Asks in a row without anything new after which a part counts as used up."""
_PASSING = frozenset({Cause.THROTTLED, Cause.SERVICE, Cause.UNREACHABLE, Cause.NOT_READY})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. `ended` says how it came to its end; `problem` what broke it off, if something did."""

    batch: int
    found: int
    wanted: int
    part: str = ""
    usage: Usage = field(default_factory=Usage)
    note: str = ""
    ended: str = ""
    problem: AppError | None = None


@dataclass(slots=True)
class _Plot:
    """A part, and what is still to be had from it."""

    part: Part
    share: int
    fruitless: int = 0

    @property
    def open(self) -> bool:
        return self.fruitless < _FRUITLESS


class Generator:
    """Writes pairs. What came is in the app's memory before the next ask is made."""

    def __init__(
        self, structured: Structured, queue: ReviewQueue, pool: DaemonPool, *, pauses: Sequence[float] = _PAUSES
    ) -> None:
        self._structured = structured
        self._queue = queue
        self._pool = pool
        self._pauses = tuple(pauses)

    async def run(
        self,
        place: str,
        document: SourceDocument,
        wish: Wish,
        known: Iterable[str] = (),
        *,
        stop: Callable[[], bool] = lambda: False,
        waiting: Callable[[float, AppError], None] = lambda seconds, why: None,
    ) -> AsyncIterator[Progress]:
        """Progress after each ask; the last one has `ended`. Closing the iterator drops the answer under way, which
        is paid for nevertheless; `stop` is asked between two asks. Both keep what came. `waiting` hears of the
        seconds before an ask is tried again, and why.

        `known` are questions of files that are open, read on a thread: what repeats one does not count. Raises
        AppError only when the app's memory cannot be written.
        """
        distinct = await self._pool.run(Distinct, known)  # of a large file that takes a second
        task = _Task(document, wish, distinct, stop, waiting)
        batch = await self._queue.begin(place, document, wish)
        ended = _STOPPED
        try:
            yield task.progress(batch)
            async for progress in self._ask_on(task, batch):
                ended = progress.ended or ended
                yield progress
        finally:
            # Whoever stopped it may be gone already, and what ended it may be the disk.
            with contextlib.suppress(AppError, asyncio.CancelledError):
                await asyncio.shield(self._queue.end(batch, ended))

    async def _ask_on(self, task: _Task, batch: int) -> AsyncIterator[Progress]:
        while (plot := task.next()) is not None:
            number = task.number(plot)
            try:
                filled = await self._filled(task, plot, number)
            except UnfitError as error:
                task.usage += error.usage
                task.unfit(plot, error)
                await self._queue.add(batch, (), plot.part.label, error.usage)
                yield task.progress(batch, plot, note=error.sentence())
                continue
            except AppError as error:
                yield task.progress(batch, plot, ended=f"It was broken off: {error.title}", problem=error)
                return
            task.usage += filled.usage
            fresh = task.take(plot, filled, number)
            await self._queue.add(batch, fresh, plot.part.label, filled.usage)
            yield task.progress(batch, plot, note="; ".join(filled.notes))
            if task.stop():
                break
        yield task.progress(batch, ended=_STOPPED if task.stop() and task.next() else task.why)

    async def _filled(self, task: _Task, plot: _Plot, number: int) -> Filled:
        text = prompt(number, plot.part, task.wish, task.distinct.questions)
        for pause in (*self._pauses, None):
            task.calls += 1
            try:
                return await self._structured.ask(
                    task.wish.model_id,
                    text,
                    SHAPE,
                    system=SYSTEM,
                    parameters=Parameters(_MAX_TOKENS),
                    attachments=[plot.part.attachment],
                )
            except AppError as error:
                if pause is None or error.cause not in _PASSING or task.stop():
                    raise
                task.waiting(pause, error)
            await asyncio.sleep(pause)
        raise AssertionError("the last try either returns or raises")


class _Task:
    """One wish while it is worked on."""

    def __init__(
        self,
        document: SourceDocument,
        wish: Wish,
        distinct: Distinct,
        stop: Callable[[], bool],
        waiting: Callable[[float, AppError], None],
    ) -> None:
        self.stop = stop
        self.waiting = waiting
        self.wish = wish
        self.distinct = distinct
        self.usage = Usage()
        self.found = 0
        self.calls = 0
        self._most = most_calls(wish.number, len(document.parts))
        self._declined = ""
        self._unreadable = 0
        self._plots = [
            _Plot(p, n) for p, n in zip(document.parts, shares(wish.number, len(document.parts)), strict=True)
        ]

    def next(self) -> _Plot | None:
        """The part to ask: one whose share is not there yet, else any that still gives something."""
        if self.found >= self.wish.number or self.calls >= self._most:
            return None
        still = [plot for plot in self._plots if plot.open]
        return next((plot for plot in still if plot.share > 0), still[0] if still else None)

    def number(self, plot: _Plot) -> int:
        """How many pairs to ask for."""
        missing = self.wish.number - self.found
        return min(PER_ASK, missing, plot.share if plot.share > 0 else missing)

    def take(self, plot: _Plot, filled: Filled, number: int) -> list[Written]:
        """What is new in an answer."""
        pairs = [Written(pair["question"], pair["answer"]) for pair in filled.value["pairs"]]
        fresh = self.distinct.take(pairs, self.wish.number - self.found)
        self.found += len(fresh)
        plot.share -= len(fresh)
        plot.fruitless = 0 if fresh else plot.fruitless + 1
        return fresh

    def unfit(self, plot: _Plot, error: UnfitError) -> None:
        """An answer of no use: a model that declines is not asked about this part again."""
        plot.fruitless = _FRUITLESS if error.declined else plot.fruitless + 1
        if error.declined:
            self._declined = error.detail or error.title
        else:
            self._unreadable += 1

    def progress(
        self, batch: int, plot: _Plot | None = None, *, note: str = "", ended: str = "", problem: AppError | None = None
    ) -> Progress:
        label = plot.part.label if plot else ""
        return Progress(batch, self.found, self.wish.number, label, self.usage, note, ended, problem)

    @property
    def why(self) -> str:
        """How it ended, as a sentence."""
        missing = self.wish.number - self.found
        if missing <= 0:
            return f"All {count(self.wish.number, 'pair')} are there"
        reasons = []
        if self._declined:
            reasons.append(f"the model declined: {self._declined}")
        if self._unreadable:
            reasons.append(f"{count(self._unreadable, 'answer')} could not be read")
        if self.distinct.repeated:
            reasons.append(f"{count(self.distinct.repeated, 'question')} came again or stand in the open files")
        if self.distinct.empty:
            reasons.append(f"{count(self.distinct.empty, 'pair')} had no text")
        if self.calls >= self._most:
            reasons.append(f"{count(self.calls, 'ask')} are enough")
        because = "; ".join(reasons) or "the model finds no more in it"
        return f"{self.found} of {count(self.wish.number, 'pair')} are there: {because}"
