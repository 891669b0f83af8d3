"""Lines of a chart as the cells they go through.

plotext's own lines take it milliseconds each, and all memory there is when a point lies far outside of what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import floor

from tui.domain.values import dataclass
from tui.widgets.chart_scale import Point

Cells = dict[int, str]
"""Glyphs by the number of their cell: row times columns plus column, from the lower left."""

_PARTS = {"hd": (2, 2), "braille": (2, 4)}
"""Parts of a cell, across and up, that finer markers draw; they are called as plotext calls them."""
_QUARTERS = " ▖▗▄▘▌▚▙▝▞▐▟▀▛▜█"
_DOTS = (0x40, 0x80, 0x04, 0x20, 0x02, 0x10, 0x01, 0x08)
"""Bits of a braille character's code, for its dots from the lower left to the upper right."""
_BRAILLE = tuple(chr(0x2800 + sum(dot for i, dot in enumerate(_DOTS) if bits >> i & 1)) for bits in range(256))
_FINE = {"hd": tuple(_QUARTERS), "braille": _BRAILLE}


@dataclass(frozen=True, slots=True)
class Area:
    """The cells between the axes, and the values in the middle of the outermost ones, as plotext places its ticks."""

    columns: int
    rows: int
    xs: Point
    ys: Point

    def column(self, x: float) -> int:
        """The column that holds a value."""
        return floor(_places([x], self.xs, self.columns, 1)[0])

    def points(self, points: Sequence[Point], glyph: str) -> Cells:
        """A glyph at each point."""
        columns = map(floor, _places([x for x, _ in points], self.xs, self.columns, 1))
        rows = map(floor, _places([y for _, y in points], self.ys, self.rows, 1))
        places = zip(columns, rows, strict=True)
        return {y * self.columns + x: glyph for x, y in places if 0 <= x < self.columns and 0 <= y < self.rows}

    def line(self, points: Sequence[Point], marker: str) -> Cells:
        """The line through points: `marker` is `hd`, `braille` or a glyph."""
        across, up = _PARTS.get(marker, (1, 1))
        width, height = self.columns * across, self.rows * up
        if width < 1 or height < 1:
            return {}
        xs = _places([x for x, _ in points], self.xs, self.columns, across)
        ys = _places([y for _, y in points], self.ys, self.rows, up)
        places = list(zip(xs, ys, strict=True))
        # For each part its cell, and how far its bit is from the first.
        parts = (
            [divmod(x, across) for x in range(width)],
            [(y // up * self.columns, y % up * across) for y in range(height)],
        )
        lit: dict[int, int] = {}
        for start, end in pairwise(places if len(places) > 1 else places * 2):
            if inside := _inside(start, end, width, height):
                _light(lit, *inside, *parts)
        fine = _FINE.get(marker)
        return {cell: fine[bits] if fine else marker for cell, bits in lit.items()}


def _places(values: Sequence[float], limits: Point, cells: int, parts: int) -> list[float]:
    """Where values are, in parts of cells, when the limits are in the middle of the first and the last cell."""
    low = limits[0]
    # A little more, or what is nearly the next part would be rounded down.
    start, scale = 0.5 * parts + 1e-8, parts * (cells - 1) / (limits[1] - low)
    return [start + scale * (value - low) for value in values]


def _inside(start: Point, end: Point, width: int, height: int) -> tuple[int, int, int, int] | None:
    """First and last part of a line as far as it is within the area (the algorithm of Liang and Barsky, 1984)."""
    (x, y), (to_x, to_y) = start, end
    if 0 <= x < width and 0 <= y < height and 0 <= to_x < width and 0 <= to_y < height:
        return int(x), int(y), int(to_x), int(to_y)
    across, up = to_x - x, to_y - y
    first, last = 0.0, 1.0
    for way, room in ((-across, x), (across, width - 1e-6 - x), (-up, y), (up, height - 1e-6 - y)):
        if way == 0:
            if room < 0:
                return None
        elif way < 0:
            first = max(first, room / way)
        else:
            last = min(last, room / way)
    if first > last:
        return None
    columns = (min(width - 1, max(0, floor(x + share * across))) for share in (first, last))
    rows = (min(height - 1, max(0, floor(y + share * up))) for share in (first, last))
    (x, to_x), (y, to_y) = columns, rows
    return x, y, to_x, to_y


def _light(
    lit: dict[int, int],
    x: int,
    y: int,
    to_x: int,
    to_y: int,
    across: Sequence[tuple[int, int]],
    up: Sequence[tuple[int, int]],
) -> None:
    """Mark the parts between two of them, both included, as bits of their cells."""
    by_x, by_y = to_x - x, to_y - y
    steps = max(abs(by_x), abs(by_y), 1)
    for i in range(steps + 1):
        column, right = across[x + by_x * i // steps]
        row, above = up[y + by_y * i // steps]
        lit[row + column] = lit.get(row + column, 0) | 1 << above + right
