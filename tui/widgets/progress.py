"""How far a transfer is, in one line of text that is redrawn seldom."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from tui.domain.clock import span
from tui.domain.text import human_size

_MOST_BAR, _LEAST_BAR = 40, 5
_LONGEST = 10 * 86_400
"""Seconds; what would take longer is not foretold."""


def progress_text(done: int, total: int, seconds: float, width: int) -> str:
    """`━━━━╸    61 %  3.1 of 5.0 MB  2.4 MB/s  1 s left` in at most `width` cells; sizes in bytes.

    What finds no room is left out from the right, then the bar; a `total` of 0 means unknown.
    """
    speed = f"{human_size(round(done / seconds))}/s" if seconds > 1e-3 and done else ""
    if total <= 0:
        parts = [human_size(done), speed]
    else:
        share = min(1.0, done / total)
        parts = [f"{_percent(share)} %", _amounts(done, total), speed, _left(done, total, seconds)]
    parts = [part for part in parts if part]
    while len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    text = "  ".join(parts)
    room = min(_MOST_BAR, width - len(text) - 2)
    if total > 0 and room >= _LEAST_BAR:
        text = f"{_bar(share, room)}  {text}"
    return text[: max(0, width)]


def _left(done: int, total: int, seconds: float) -> str:
    """At the speed so far; nothing before half a second has told it, and at the end."""
    if seconds < 0.5 or not 0 < done < total:
        return ""
    left = math.ceil((total - done) * seconds / done)
    return f"{span(timedelta(seconds=left))} left" if left < _LONGEST else ""


def _percent(share: float) -> str:
    """Whole percents, right-aligned; 100 only when everything is done."""
    return f"{int(share * 100):3d}"


def _amounts(done: int, total: int) -> str:
    """`3.1 of 5.0 MB`: the unit once when it is the same."""
    part, whole = human_size(done), human_size(total)
    number, unit = part.split(" ")
    return f"{number} of {whole}" if whole.endswith(f" {unit}") else f"{part} of {whole}"


def _bar(share: float, width: int) -> str:
    halves = int(share * width * 2)
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(width)


class ProgressLine(Widget):
    """Progress of one transfer; redrawn at most ten times a second, and always for the end."""

    DEFAULT_CSS = "ProgressLine { height: 1; width: 1fr; }"
    ALLOW_SELECT = False
    INTERVAL = 0.1

    def __init__(
        self, *, clock: Callable[[], float] = monotonic, id: str | None = None, classes: str | None = None
    ) -> None:
        """`clock` gives seconds that only grow."""
        super().__init__(id=id, classes=classes)
        self._clock = clock
        self._state: tuple[int, int, float] | None = None
        self._drawn = -1.0
        self._timer: Timer | None = None
        self.redraws = 0

    def show(self, done: int, total: int, seconds: float) -> None:
        """`done` of `total` bytes (0: unknown) after `seconds`; for any number of calls a second."""
        self._state = (done, total, seconds)
        wait = self._drawn + self.INTERVAL - self._clock()
        if self._drawn < 0 or wait <= 0 or done >= total > 0:
            self._redraw()
        elif self._timer is None:
            self._timer = self.set_timer(wait, self._redraw)

    def clear(self) -> None:
        """Shows nothing."""
        self._state = None
        self._redraw()

    def _redraw(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._drawn = self._clock()
        self.redraws += 1
        self.refresh()

    def render(self) -> Content:
        """The line for the present width."""
        return Content(progress_text(*self._state, self.size.width) if self._state else "")
