"""The trend of a short, perhaps noisy row of validation losses: falling, rising, or nothing but noise."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

_SURE = 3.0
"""How many times the noise a change has to be before it counts."""
_SURER = 5.0
"""The same for a rise of one or two epochs, or after no clear fall."""
_SHARE = 0.02
"""The least share of the whole fall that counts as a rise after it."""
_LONE_SHARE = 0.1
"""The same for a rise that only the last epoch shows."""
_MOSTLY = 0.75
_CHANCE = 0.01
"""Probability below which an ascending order is none of chance."""
_EXACT = 12
_TURN = 0.85
"""Found by trial between 0.8 and its theoretical 1.09: few turns estimate the noise too low rather than too high."""


@dataclass(frozen=True, slots=True)
class Trend:
    """`lowest` is the index of the lowest value, `noise` a standard deviation, `pace` the change per epoch at the end.

    At most one of `rising`, `noisy` and `falling` holds; with none of them the end is flat. `quiet`: the noise is
    below the threshold, so that small differences mean something.
    """

    lowest: int
    noise: float
    pace: float
    rising: bool
    noisy: bool
    falling: bool
    quiet: bool


def trend_of(values: Sequence[float], threshold: float) -> Trend:
    """The trend of at least two finite losses; `threshold` is the gain per epoch that counts as one."""
    lowest = min(range(len(values)), key=lambda i: values[i])
    fitted = valley(values)
    noise = noise_of(values, fitted)
    low = min(fitted)
    fall, rise = fitted[0] - low, fitted[-1] - low
    after = len(values) - 1 - lowest
    # Where nothing was clearly learnt before it, a rise is more likely one of noise.
    sure = _SURE if after > 2 and fall > _SURE * noise else _SURER
    least = max(threshold, (_SHARE if after > 1 else _LONE_SHARE) * fall)
    clear = rise > sure * noise and _concordant(values[lowest:]) >= _MOSTLY
    # A long climb shows by its order alone, however jagged it is.
    clear = clear or chance_of_order(values[lowest + 1 :]) < _CHANCE
    rising = after > 0 and values[-1] - values[lowest] > threshold and rise > least and clear
    pace = _pace(fitted)
    falling = not rising and _falls(values, fitted, pace, threshold, noise)
    quiet = noise <= max(threshold, 1e-12)
    return Trend(lowest, noise, pace, rising, not (rising or falling or quiet), falling, quiet)


def _falls(values: Sequence[float], fitted: Sequence[float], pace: float, threshold: float, noise: float) -> bool:
    if len(values) == 2:
        return values[0] - values[1] > threshold
    if values[-1] - min(values) > max(threshold, _SURE * noise):
        return False
    span = min(len(values) - 1, 3)
    gain = fitted[-1 - span] - fitted[-1]
    return -pace > threshold and gain > max(threshold * span, 2 * noise)


def _pace(fitted: Sequence[float]) -> float:
    """Change per epoch over the last third, at least one epoch and at most three."""
    span = max(1, min(3, len(fitted) // 3))
    return (fitted[-1] - fitted[-1 - span]) / span


def _concordant(values: Sequence[float]) -> float:
    """Of all pairs of values, the share in which the later one is the higher."""
    return _ascending(values) / (len(values) * (len(values) - 1) / 2)


def _ascending(values: Sequence[float]) -> int:
    """How many pairs of values have the higher one later."""
    seen: list[float] = []
    found = 0
    for value in values:
        place = bisect_left(seen, value)
        found += place
        seen.insert(place, value)
    return found


def chance_of_order(values: Sequence[float]) -> float:
    """The probability that equally distributed values stand in an order at least as ascending as this one.

    The test of Mann (1945): exact up to `_EXACT` values, where of n! orders those are counted that have no more pairs
    the wrong way round; by the normal distribution beyond.
    """
    size = len(values)
    wrong = size * (size - 1) // 2 - _ascending(values)
    if size > _EXACT:
        spread = math.sqrt(size * (size - 1) * (2 * size + 5) / 18)
        return 0.5 * math.erfc((size * (size - 1) / 2 - 2 * wrong - 1) / spread / math.sqrt(2))
    orders = [1]  # by their number of pairs the wrong way round
    for n in range(2, size + 1):
        orders = [sum(orders[max(0, pairs - n + 1) : pairs + 1]) for pairs in range(len(orders) + n - 1)]
    return sum(orders[: wrong + 1]) / math.factorial(size)


def noise_of(values: Sequence[float], fitted: Sequence[float]) -> float:
    """Standard deviation of the noise, from the places where the curve turns though its trend does not.

    An undisturbed curve turns once at most. At any other turn the smaller of the two steps is noise; in white noise
    its root mean square over `_TURN` is the standard deviation.
    """
    turns = [
        (min(abs(v - values[i - 1]), abs(v - values[i + 1])), i)
        for i, v in enumerate(values)
        if 0 < i < len(values) - 1 and (v - values[i - 1]) * (values[i + 1] - v) < 0
    ]
    lowest = min(range(len(values)), key=lambda i: values[i])
    others = [size for size, i in turns if i != lowest]
    if not others:
        return 0.0
    turned = math.sqrt(sum(size * size for size in others) / len(others)) / _TURN
    rough = math.sqrt(sum((v - f) ** 2 for v, f in zip(values, fitted, strict=True)) / max(1, len(values) - 2))
    return max(turned, rough)


def rising_fit(values: Sequence[float]) -> list[float]:
    """The nearest row (least squares) that never falls: neighbours that do are replaced by their mean."""
    return _fit(values)[0]


def _fit(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """The nearest row that never falls, and the squared error of such a row for each beginning of `values`."""
    blocks: list[tuple[float, int, float]] = []  # mean, size, squared error
    error = 0.0
    errors = [0.0]
    for value in values:
        blocks.append((value, 1, 0.0))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (one, n, first), (two, m, second) = blocks[-2], blocks[-1]
            joined = first + second + (one - two) ** 2 * n * m / (n + m)
            error += joined - first - second
            blocks[-2:] = [((one * n + two * m) / (n + m), n + m, joined)]
        errors.append(error)
    return [mean for mean, size, _ in blocks for _ in range(size)], errors


def valley(values: Sequence[float]) -> list[float]:
    """The nearest row that falls to some epoch and never falls after it."""
    _, before = _fit([-v for v in values])
    # The same from the end: a row that never falls, read backwards and negated, never falls either.
    _, after = _fit([-v for v in reversed(values)])
    turn = min(range(1, len(values) + 1), key=lambda i: before[i] + after[len(values) - i])
    return [-v for v in rising_fit([-v for v in values[:turn]])] + rising_fit(values[turn:])
