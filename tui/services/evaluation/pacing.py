"""How fast a service may be asked: slower after each refusal for the rate, faster again with each success."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds of the first and the longest pause."""
PATIENCE = 12
"""Refusals in a row, without any success, after which waiting longer makes no sense: about seven minutes."""


class Pacing:
    """Lets at most `limit` calls go at once, and none during a pause. Used on one event loop.

    The limit is halved by each refusal and grows by one after as many successes as it is large (additive increase,
    multiplicative decrease: Chiu and Jain 1989). Pauses double from one second to a minute, half of each by chance.
    """

    def __init__(
        self,
        most: int,
        *,
        first: float = FIRST_PAUSE,
        now: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.most = max(1, most)
        self.limit = float(self.most)
        self.refusals = 0
        self._first = first
        self._under_way = 0
        self._until = 0.0
        self._hurried = False
        self._now = now
        self._rng = rng
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> bool:
        """Whether everything waits for a pause to end."""
        return not self._hurried and self._now() < self._until

    async def enter(self) -> None:
        """Wait for a turn; each turn ends with `leave`."""
        while not self._hurried:
            rest = self._until - self._now()
            if rest <= 0 and self._under_way < max(1, int(self.limit)):
                break
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(rest if rest > 0 else None):
                    await self._changed.wait()
        self._under_way += 1

    def hurry(self) -> None:
        """Nobody waits any more: whoever does is to see that the end has come."""
        self._hurried = True
        self._changed.set()

    def leave(self) -> None:
        """Give the turn back."""
        self._under_way -= 1
        self._changed.set()

    def went_well(self) -> None:
        """A call was answered."""
        self.refusals = 0
        self.limit = min(float(self.most), self.limit + 1 / max(1.0, self.limit))

    def refused(self) -> bool:
        """A call was refused for its rate; False when that has happened too often without a success."""
        if not self.waiting:  # calls refused together are one refusal
            self.refusals += 1
            longest = min(LONGEST_PAUSE, self._first * 2 ** (self.refusals - 1))
            self._until = self._now() + longest * (0.5 + self._rng() / 2)
            self.limit = max(1.0, self.limit / 2)
        return self.refusals < PATIENCE
