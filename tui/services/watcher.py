"""The one poller: an endless stream of boards, quick while something moves, slow while nothing does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from tui.domain.clock import Now, utc_now
from tui.domain.errors import CURED_OUTSIDE, AppError, Cause
from tui.domain.runs import Board, assemble
from tui.services.aws import Aws
from tui.services.endpoints import Endpoints
from tui.services.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks."""

    moving: float = 10
    still: float = 60
    broken: float = 5
    slowest: float = 300


SANDBOX_PACE = Pace(moving=1, still=5, broken=1, slowest=10)


class Watcher:
    """Never raises; keeps the last good board beside the problem of a failed look."""

    def __init__(
        self, aws: Aws, jobs: Jobs, endpoints: Endpoints, *, pace: Pace | None = None, now: Now = utc_now
    ) -> None:
        self._aws = aws
        self._jobs = jobs
        self._endpoints = endpoints
        self._pace = pace or (SANDBOX_PACE if aws.sandbox else Pace())
        self._now = now
        self._woken = asyncio.Event()
        self._failures = 0

    def wake(self) -> None:
        """Look now: something was changed, or the user asked."""
        self._woken.set()

    async def boards(self) -> AsyncIterator[Board]:
        """One board after another; ends only when the consumer does."""
        board = Board()
        while True:
            self._woken.clear()
            board = await self.look(board)
            yield board
            try:
                await asyncio.wait_for(self._woken.wait(), self._wait(board))
            except TimeoutError:
                continue

    async def look(self, last: Board) -> Board:
        """The board as it is now, or `last` with the problem that kept us from seeing."""
        try:
            jobs, models, endpoints = await asyncio.gather(self._jobs.all(), self._jobs.models(), self._endpoints.all())
        except AppError as problem:
            self._failures += 1
            if problem.cause in CURED_OUTSIDE:
                self._aws.renew()
            return replace(last, problem=problem)
        self._failures = 0
        return Board(assemble(jobs, models, endpoints), self._now())

    def _wait(self, board: Board) -> float:
        pace = self._pace
        if board.problem is None:
            return pace.moving if board.moving else pace.still
        # Throttling and faults back off with full jitter; what is cured outside is looked at steadily.
        if board.problem.cause in CURED_OUTSIDE:
            return pace.broken
        if board.problem.cause is Cause.DENIED:
            return pace.still
        longest: float = min(pace.slowest, pace.moving * 2 ** min(self._failures, 8))
        return pace.moving + random.random() * (longest - pace.moving)
