"""The one poller: an endless stream of boards, quick while something moves, slow while nothing does."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui.domain.clock import Now, utc_now
from tui.domain.errors import CURED_OUTSIDE, AppError, Cause
from tui.domain.training.runs import Board, Part, assemble
from tui.domain.values import dataclass
from tui.services.aws import Aws
from tui.services.serving.endpoints import Endpoints
from tui.services.training.jobs import Jobs

if TYPE_CHECKING:
    from tui.services.evaluation.jobs import EvaluationJobs


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks, and how long after its last try an order that is not listed may still come."""

    moving: float = 10
    still: float = 60
    broken: float = 5
    slowest: float = 300
    unlisted: float = 180


_NAP = 60.0
"""Seconds by which the wall clock is ahead of the time that has passed for the app, when the machine slept."""
SANDBOX_PACE = Pace(moving=1, still=5, broken=1, slowest=10, unlisted=3)


def pace_of(aws: Aws) -> Pace:
    """The sandbox is quick, and nothing is charged for asking it often."""
    return SANDBOX_PACE if aws.sandbox else Pace()


class Watcher:
    """Never raises; keeps the last good board beside the problem of a failed look."""

    def __init__(
        self,
        aws: Aws,
        jobs: Jobs,
        endpoints: Endpoints,
        evaluations: EvaluationJobs | None = None,
        *,
        pace: Pace | None = None,
        now: Now = utc_now,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        """`passing` gives seconds of a clock that nobody sets, and that stands still while the machine sleeps."""
        self._aws = aws
        self._jobs = jobs
        self._endpoints = endpoints
        self._evaluations = evaluations
        self._pace = pace or pace_of(aws)
        self._now = now
        self._woken = asyncio.Event()
        self._failures = 0
        self._board = Board()
        self._known: dict[Part, list[Any]] = {}
        self._waiting: list[asyncio.Future[Board]] = []
        self._followed = False
        self._passing = passing
        self._looked = (now(), passing())

    def wake(self) -> None:
        """Look now: something was changed, or the user asked."""
        self._woken.set()

    def forget(self) -> None:
        """Begin anew: another account is looked at."""
        self._board = Board()
        self._known = {}

    async def boards(self) -> AsyncIterator[Board]:
        """One board after another; ends only when the consumer does."""
        self._followed = True
        while True:
            self._woken.clear()
            waiting, self._waiting = self._waiting, []  # whoever comes while it looks is told of the next look
            self._board = await self.look(self._board)
            for one in waiting:
                if not one.done():
                    one.set_result(self._board)
            yield self._board
            try:
                await asyncio.wait_for(self._woken.wait(), self._wait(self._board))
            except TimeoutError:
                continue

    async def back(self) -> bool:
        """Look now, and wait while AWS is away for a reason that is cured outside. Whether it was away.

        For whoever failed: where AWS as a whole is not away, waiting cures nothing. Nor where nobody follows `boards`.
        """
        away = False
        while self._followed:
            seen: asyncio.Future[Board] = asyncio.get_running_loop().create_future()
            self._waiting.append(seen)
            if not away:
                self.wake()
            problem = (await seen).problem
            if problem is None or problem.cause not in CURED_OUTSIDE:
                return away
            away = True
        return False

    async def look(self, last: Board) -> Board:
        """The board as it is now, or `last` with the problem that kept us from seeing.

        What the account may not list is shown as it was last seen, and told; the rest is shown.
        """
        if self._slept() and not self._aws.sandbox:
            self._aws.renew()
        lists: tuple[Awaitable[list[Any]], ...] = (
            self._jobs.all(),
            self._jobs.models(),
            self._endpoints.throughputs(),
            self._endpoints.deployments(),
            self._evaluations.look() if self._evaluations else _none(),
        )
        found = dict(zip(Part, await asyncio.gather(*map(_tried, lists)), strict=True))
        problems = [error for _, error in found.values() if error is not None]
        grave = [p for p in problems if p.cause is not Cause.DENIED]
        self._known.update({part: seen for part, (seen, error) in found.items() if error is None})
        missed = frozenset(part for part, (_, error) in found.items() if error is not None)
        never = missed - self._known.keys()
        # Evaluation jobs are asked for only where there are any, so that they say nothing of the account.
        if grave or missed >= set(Part) - {Part.EVALUATIONS}:
            problem = (grave or problems)[0]
            self._failures += 1
            if self._renewable(problem.cause):
                self._aws.renew()
            gaps = (last.missed, last.never) if grave else (missed, never)
            return replace(last, problem=problem, missed=gaps[0], never=gaps[1])
        self._failures = 0
        jobs, models, throughputs, deployments, evaluations = (self._known.get(part, []) for part in Part)
        runs = assemble(jobs, models, [*throughputs, *deployments], evaluations)
        return Board(runs, self._now(), problems[0] if problems else None, missed, never)

    def _slept(self) -> bool:
        """Whether this machine slept since the last look, or its clock was set on. What it was connected to has hung up
        by then, and nobody says so: the next question would wait for its answer as long as it may."""
        wall, passing = self._looked
        self._looked = self._now(), self._passing()
        return (self._looked[0] - wall).total_seconds() - (self._looked[1] - passing) > _NAP

    def _renewable(self, cause: Cause) -> bool:
        """Whether another session may help: a new one takes half a second of work. The sandbox may have moved."""
        lasting = cause in (Cause.UNREACHABLE, Cause.CLOCK)
        return cause in CURED_OUTSIDE and (not lasting or self._aws.sandbox)

    def _wait(self, board: Board) -> float:
        pace = self._pace
        if board.problem is None or board.problem.cause is Cause.DENIED:
            return pace.moving if board.moving else pace.still
        # Throttling and faults back off with full jitter; what is cured outside is looked at steadily.
        if board.problem.cause in CURED_OUTSIDE:
            return pace.broken
        longest: float = min(pace.slowest, pace.moving * 2 ** min(self._failures, 8))
        return pace.moving + random.random() * (longest - pace.moving)


async def _none() -> list[Any]:
    return []


async def _tried(doing: Awaitable[list[Any]]) -> tuple[list[Any], AppError | None]:
    try:
        return await doing, None
    except AppError as error:
        return [], error
