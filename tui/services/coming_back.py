"""Waiting for AWS to answer again, by whoever carries something out that takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tui.domain.errors import AppError, Cause

Back = Callable[[], Awaitable[bool]]
"""Waits until AWS answers; gives whether it did not when it was asked."""
_GLANCE = 0.25
"""Seconds between two looks whether what waits is still wanted."""


async def never_away() -> bool:
    """For whoever does not wait."""
    return False


async def pause(seconds: float, wanted: Callable[[], bool]) -> bool:
    """Let so much time pass; False as soon as what waits is not `wanted` any more."""
    left = seconds
    while left > 0 and wanted():
        await asyncio.sleep(min(left, _GLANCE))
        left -= _GLANCE
    return wanted()


class ComingBack:
    """Tells for each failed call whether to make it again, as soon as that makes sense."""

    def __init__(self, back: Back = never_away) -> None:
        self._back = back
        self._once_more: set[object] = set()

    async def cures(self, error: AppError, call: object, wanted: Callable[[], bool]) -> bool:
        """Wait while AWS as a whole is away. Whether to make `call` again: not where AWS answers and this call alone
        fails, nor when it is not `wanted` any more.
        """
        back = asyncio.ensure_future(self._back())
        try:
            while not back.done() and wanted():
                await asyncio.wait((back,), timeout=_GLANCE)
            if not back.done():
                return False
            if back.result():
                return True
        finally:
            back.cancel()
        # The cure may have come between the call and the look. A lost answer, though, was perhaps paid for.
        if error.cause is Cause.UNREACHABLE or call in self._once_more:
            return False
        self._once_more.add(call)
        return True
