"""The one poller: an endless stream of boards, quick while something moves, slow while nothing does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace
from typing import TypeVar

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
        """The board as it is now, or `last` with the problem that kept us from seeing.

        What the account may not list is left out and told; the rest is shown.
        """
        jobs, models, throughputs, deployments = await asyncio.gather(
            _tried(self._jobs.all()),
            _tried(self._jobs.models()),
            _tried(self._endpoints.throughputs()),
            _tried(self._endpoints.deployments()),
        )
        problems = [error for _, error in (jobs, models, throughputs, deployments) if error is not None]
        grave = [p for p in problems if p.cause is not Cause.DENIED]
        if grave or len(problems) == 4:
            problem = (grave or problems)[0]
            self._failures += 1
            if problem.cause in CURED_OUTSIDE:
                self._aws.renew()
            return replace(last, problem=problem)
        self._failures = 0
        runs = assemble(jobs[0], models[0], [*throughputs[0], *deployments[0]])
        return Board(runs, self._now(), problems[0] if problems else None)

    def _wait(self, board: Board) -> float:
        pace = self._pace
        if board.problem is None or board.problem.cause is Cause.DENIED:
            return pace.moving if board.moving else pace.still
        # Throttling and faults back off with full jitter; what is cured outside is looked at steadily.
        if board.problem.cause in CURED_OUTSIDE:
            return pace.broken
        longest: float = min(pace.slowest, pace.moving * 2 ** min(self._failures, 8))
        return pace.moving + random.random() * (longest - pace.moving)


T = TypeVar("T")


async def _tried(doing: Awaitable[list[T]]) -> tuple[list[T], AppError | None]:
    try:
        return await doing, None
    except AppError as error:
        return [], error
