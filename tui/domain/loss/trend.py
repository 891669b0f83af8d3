"""The trend of a short, perhaps noisy row of validation losses: falling, rising, or nothing but noise."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from tui.domain.values import dataclass

_SURE = 4.0
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
_APART = 5.0
"""How many times as far from what its neighbours foretell as epochs usually are one is that stands apart."""
_APART_SHARE = 0.05
"""The least share of all that the loss covers that is standing apart."""
_MOST_APART = 5
_ENOUGH = 7
"""Of fewer epochs none can be told to stand apart."""
_TURN = 0.85
"""Found by trial between 0.8 and its theoretical 1.09: few turns estimate the noise too low rather than too high."""


@dataclass(frozen=True, slots=True)
class Trend:
    """`lowest` is the index of the lowest value, `noise` a standard deviation, `pace` the change per epoch at the end.

    At most one of `rising`, `noisy` and `falling` holds; with none of them the end is flat. `quiet`: the noise is
    below the threshold, so that small differences mean something. `apart` are the indices of values that stand alone
    far above or below their neighbours; nothing else here takes them for what they are.
    """

    lowest: int
    noise: float
    pace: float
    rising: bool
    noisy: bool
    falling: bool
    quiet: bool
    apart: tuple[int, ...] = ()


def trend_of(values: Sequence[float], threshold: float) -> Trend:
    """The trend of at least two finite losses; `threshold` is the gain per epoch that counts as one."""
    values, apart = without_accidents(values)
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
    # So does a late one, however long the loss had stood still.
    clear = clear or (after > 3 and min(values[-2:]) - low > _SURER * noise)
    rising = after > 0 and values[-1] - values[lowest] > threshold and rise > least and clear
    pace = _pace(fitted)
    falling = not rising and _falls(values, fitted, pace, threshold, noise)
    quiet = noise <= max(threshold, 1e-12)
    return Trend(lowest, noise, pace, rising, not (rising or falling or quiet), falling, quiet, apart)


def without_accidents(values: Sequence[float]) -> tuple[list[float], tuple[int, ...]]:
    """The values with those that go far up or down for one epoch alone replaced by the mean of their neighbours, and
    the indices of those; all values as they are when there are too many such to be accidents.

    Such a value turns the curve twice by more than the curve changes across it, and neither its neighbours' mean nor
    the lines through the two before and the two after come near it, as they do at the bottom of a valley.
    """
    mended = list(values)
    found: list[int] = []
    most = min(_MOST_APART, max(1, len(values) // 8)) if len(values) >= _ENOUGH else 0
    while most:
        inner = range(1, len(mended) - 1)
        far = [_from_foretold(mended, i) for i in inner]
        usual = max(_APART * sorted(far)[len(far) // 2], _APART_SHARE * (max(mended) - min(mended)))
        apart = [i for i in inner if far[i - 1] > usual and _turn(mended, i) > abs(mended[i + 1] - mended[i - 1])]
        if not apart:
            break
        if len(found) == most:
            return list(values), ()
        # The furthest first: it may be what sets its neighbours apart.
        at = max(apart, key=lambda i: far[i - 1])
        mended[at] = (mended[at - 1] + mended[at + 1]) / 2
        found.append(at)
    return mended, tuple(sorted(found))


def _from_foretold(values: Sequence[float], i: int) -> float:
    """How far value `i` is from the nearest of what its neighbours let expect."""
    foretold = [(values[i - 1] + values[i + 1]) / 2]
    if i > 1:
        foretold.append(2 * values[i - 1] - values[i - 2])
    if i + 2 < len(values):
        foretold.append(2 * values[i + 1] - values[i + 2])
    return min(abs(values[i] - value) for value in foretold)


def _turn(values: Sequence[float], i: int) -> float:
    """The smaller of the two steps at value `i` where the curve turns, else 0."""
    before, after = values[i] - values[i - 1], values[i + 1] - values[i]
    return min(abs(before), abs(after)) if before * after < 0 else 0.0


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
    lowest = min(range(len(values)), key=lambda i: values[i])
    turns = (_turn(values, i) for i in range(1, len(values) - 1) if i != lowest)
    others = [size for size in turns if size]
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


# Losses that ran away


def blown(values: Sequence[float], times: float) -> bool:
    """Whether a loss ended above where it began (`times` over), well above its lowest, and stays up."""
    low, first, last = min(values), values[0], values[-1]
    return last > first + (times - 1) * abs(first) and last - low > 0.25 * abs(low) and _up(values)


def giving_back(values: Sequence[float], share: float) -> bool:
    """Whether a loss has lost more than a share of what it had won, stands well above its lowest, and stays there.

    Of the validation loss alone that is overfitting; when what is trained on gets worse as well it is not.
    """
    low, first, last = min(values), values[0], values[-1]
    return last - low > max(share * (first - low), 0.5 * abs(low)) and _up(values)


def _up(values: Sequence[float]) -> bool:
    """Whether a loss climbs at its end, or stays at the height it came to after its lowest, give or take a tenth."""
    lowest = min(range(len(values)), key=lambda i: values[i])
    high = max(values[lowest:])
    return values[-1] >= values[-2] or high - values[-1] < 0.1 * (high - values[lowest])
