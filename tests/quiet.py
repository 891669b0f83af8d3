"""When an app under test has done what it was asked: seen in its loop and its threads, not guessed from the clock."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import textual.app
import textual.pilot

from tui.services.pool import DaemonPool

_SOON = 0.02
"""Seconds: what is due so soon belongs to what was asked, the next frame above all."""
_LOOK = 0.005
_FRAMES = 6
"""Waits for what is due soon, at most: some timers are due again and again."""
_TURN = 0.002
_TURNS = 3
"""Turns of the loop with nothing to do, one after the other: a task may come ready between two looks."""
_RESTING = 0.001
"""Seconds of processor in `_SOON` below which nothing is computed: threads wait for someone who is silent."""


class _Busy:
    """How many pieces of work the pools of this process have under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0

    def add(self, number: int) -> None:
        with self.lock:
            self.count += number

    @property
    def at_work(self) -> bool:
        return self.count > 0 or any(thread.name.startswith("answer-") for thread in threading.enumerate())


_busy = _Busy()
_submit = DaemonPool.submit


def _counted(pool: DaemonPool, work: Any) -> None:
    def counting() -> Any:
        try:
            tell = work()
        except BaseException:
            _busy.add(-1)
            raise

        def told() -> None:
            try:
                if tell:
                    tell()
            finally:
                _busy.add(-1)

        return told

    _busy.add(1)
    _submit(pool, counting)


async def quiet(min_sleep: float = 0, max_sleep: float = 1) -> None:
    """Wait until the loop has nothing to do now or soon, and the threads nothing but to wait; or `max_sleep` seconds.

    Textual's own takes a twentieth of a second for each key, and on a busy machine mistakes a process that gets no
    processor for one that is ready.
    """
    loop: Any = asyncio.get_running_loop()
    end = time.monotonic() + max_sleep
    mark, spent, frames = time.monotonic(), time.process_time(), 0
    turns = 0
    while time.monotonic() < end:
        await asyncio.sleep(0)
        if loop._ready:
            turns = 0
            continue
        due = min((timer._when for timer in loop._scheduled if not timer._cancelled), default=end) - loop.time()
        if due < _SOON and frames < _FRAMES:
            frames += due > _TURN
            turns = 0
            await asyncio.sleep(max(due, 0))
        elif turns < _TURNS:
            turns += 1
        elif not _busy.at_work:
            return
        else:
            await asyncio.sleep(_LOOK)
            if time.monotonic() - mark >= _SOON:
                if time.process_time() - spent < _RESTING:
                    return
                mark, spent = time.monotonic(), time.process_time()


def install() -> None:
    """Let the pilot wait in this way."""
    DaemonPool.submit = _counted  # type: ignore[method-assign, assignment]
    for module in (textual.app, textual.pilot):
        module.wait_for_idle = quiet  # type: ignore[attr-defined]
