"""Time in the sandbox: wall time in which AWS's waits pass faster, or a clock moved by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

MANUAL_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Clock(Protocol):
    """What time it is, and how much faster than on AWS the waits pass."""

    @property
    def speed(self) -> float:
        """A wait of N seconds on AWS takes N / speed seconds of this clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""


class WallClock:
    """The machine's own time; AWS's waits are divided by ``speed``."""

    def __init__(self, speed: float = 60.0) -> None:
        if not speed > 0:
            raise ValueError(f"the speed must be above 0, not {speed}")
        self._speed = speed

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)


class ManualClock:
    """Stands still until ``advance`` is called; AWS's waits have their full length."""

    def __init__(self, start: datetime = MANUAL_START) -> None:
        if start.tzinfo is None:
            raise ValueError("the start must carry a time zone")
        self._now = start
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    @property
    def speed(self) -> float:
        return 1.0

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``; returns when the sandbox has taken note of the new time."""
        if seconds < 0:
            raise ValueError("time does not go back")
        with self._lock:
            self._now += timedelta(seconds=seconds)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each ``advance``; the answer takes the subscription back."""
        with self._lock:
            self._listeners.append(listener)

        def cancel() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return cancel
