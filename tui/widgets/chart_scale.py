"""Numbers on the axes of a chart: ranges, round ticks, labels with sensible digits, fewer points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float]

_LARGEST = 1e150


def finite(points: Iterable[Point], log: bool) -> list[Point]:
    """The points that can be drawn; with `log` their logarithms to base 10."""
    kept = [(x, y) for x, y in points if abs(x) < _LARGEST and abs(y) < _LARGEST]
    return [(x, math.log10(y)) for x, y in kept if y > 0] if log else kept


def limits(values: Iterable[float]) -> tuple[float, float]:
    """Lowest and highest of at least one value, apart enough to be an axis."""
    seen = list(values)
    low, high = min(seen), max(seen)
    if high - low > 1e-9 * max(abs(low), abs(high)):
        return low, high
    margin = abs(low) * 0.1 or 1.0
    return low - margin, high + margin


def thinned(points: Sequence[Point], columns: int) -> list[Point]:
    """At most `4 * columns` points: the lowest and the highest of each half column, in order of x."""
    if len(points) <= 4 * columns:
        return list(points)
    low, high = limits(x for x, _ in points)
    scale = (2 * columns - 1) / (high - low)
    extremes: list[tuple[Point, Point] | None] = [None] * (2 * columns)
    for point in points:
        at = int((point[0] - low) * scale)
        pair = extremes[at]
        if pair is None:
            extremes[at] = (point, point)
        elif point[1] < pair[0][1]:
            extremes[at] = (point, pair[1])
        elif point[1] > pair[1][1]:
            extremes[at] = (pair[0], point)
    return [point for pair in extremes if pair for point in sorted(set(pair))]


def round_step(width: float, count: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that divides `width` into at most `count` parts."""
    rough = width / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((power * m for m in (1, 2, 5) if power * m >= rough * (1 - 1e-9)), power * 10)


def ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """Round values within the limits, about `count` of them, with their labels."""
    step = round_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(n * step, label(n * step, step)) for n in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """Ticks of an axis whose limits are logarithms: at the logarithms of round values."""
    if high - low < 1:
        return [(math.log10(v), text) for v, text in ticks(10**low, 10**high, count) if v > 0]
    powers = range(math.floor(low), math.ceil(high) + 1)
    fine = (1, 2, 5) if (high - low) * 3 <= count else (1,)
    every = max(1, math.ceil((high - low) / max(1, count)))
    at = [(p, m) for p in powers if p % every == 0 for m in fine if low <= p + math.log10(m) <= high]
    return [(p + math.log10(m), label(m * 10.0**p, 10.0**p)) for p, m in at]


def label(value: float, step: float) -> str:
    """`value` with the digits that a `step` needs; very large and very small ones with an exponent."""
    power = math.floor(math.log10(step) + 1e-9)
    value = 0.0 if abs(value) < step / 2 else value
    if value and (power < -5 or abs(value) >= 1e6):
        digits = math.floor(math.log10(abs(value)) + 1e-9) - power
        return f"{value:.{min(15, max(0, digits))}e}"
    return f"{value:.{min(5, max(0, -power))}f}"


def epoch_ticks(low: float, high: float, columns: int) -> list[int]:
    """Whole epochs within the limits whose labels find room in `columns` cells."""
    first, last = math.ceil(low), math.floor(high)
    room = max(1, columns // (len(str(max(abs(first), abs(last)))) + 2))
    step = max(1, int(round_step(max(1, last - first), room)))
    return [n for n in range(first, last + 1) if step == 1 or n % step == 0 or n == first == last]
