"""Statistics of paired scores: how large a difference is, how sure, and how many questions would tell."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

from tui.domain.values import dataclass

CONFIDENCE = 0.95
POWER = 0.8
FEWEST = 6
"""With fewer pairs no result differs from chance at 5 %: even n wins of n have p = 2 · 0.5ⁿ (two-sided sign test)."""
FEW = 20
"""With fewer pairs the interval is too narrow: simulated, it held the true mean in 87 to 92 % instead of 95."""
_SEED = 20_261_122
_RESAMPLES = 10_000
_WORK = 2_000_000
"""Draws in all, so that hundreds of questions take well under a second; never below 2,000 resamples."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and where it may as well lie, at `CONFIDENCE`; `n` pairs."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def spans_zero(self) -> bool:
        """Whether no difference at all is among the likely values."""
        return self.low <= 0 <= self.high


def interval(differences: Sequence[float], *, seed: int = _SEED) -> Interval | None:
    """The mean with its bootstrap percentile interval; None for fewer than two values.

    B resamples of n values drawn with replacement; the interval goes from the α/2 to the 1 − α/2 quantile of their
    means (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3). The seed is fixed, so the same
    values give the same interval. Takes up to half a second: not for the UI thread with hundreds of values.
    """
    n = len(differences)
    if n < 2:
        return None
    draw = random.Random(seed).choices
    times = max(2_000, min(_RESAMPLES, _WORK // n))
    # In one order, so that the order of the questions does not move the interval.
    values = sorted(differences)
    means = sorted(math.fsum(draw(values, k=n)) / n for _ in range(times))
    tail = (1 - CONFIDENCE) / 2
    mean = math.fsum(values) / n
    low, high = quantile(means, tail), quantile(means, 1 - tail)
    return Interval(mean, min(low, mean), max(high, mean), n)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of sorted values, between neighbours by straight line (Hyndman and Fan 1996, type 7)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def needed(differences: Sequence[float]) -> int | None:
    """How many questions would show a difference of this size; None where it cannot be told.

    n = ((z₁₋α/₂ + z₁₋β) · s / d)², with d the mean and s the standard deviation of the paired differences, α = 5 %
    two-sided, power 80 %: the usual normal approximation for a paired comparison (Chow, Shao and Wang, Sample Size
    Calculations in Clinical Research, section 3.1: one mean). Never below `FEWEST`.
    """
    if len(differences) < 2:
        return None
    mean, spread = fmean(differences), stdev(differences)
    if mean == 0:
        return None
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2) + NormalDist().inv_cdf(POWER)
    wanted = (z * spread / mean) ** 2
    return max(FEWEST, math.ceil(wanted)) if math.isfinite(wanted) and wanted < 1e9 else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two raters agree. `constant` is what always giving the first rater's commonest label would reach.

    `kappa` is None when it is not defined: nothing rated, or both always gave one and the same label.
    """

    n: int
    agreed: int
    kappa: float | None
    constant: float

    @property
    def rate(self) -> float:
        """Share of equal labels, 0 with none."""
        return self.agreed / self.n if self.n else 0.0

    @property
    def text(self) -> str:
        """`agrees with 14 of 20 of your votes (70 %, κ 0.52; always the same vote: 55 %)`."""
        if not self.n:
            return "none of your votes is about these answers"
        kappa = "κ –" if self.kappa is None else f"κ {self.kappa:.2f}".replace("-", "\N{MINUS SIGN}")
        return (
            f"agrees with {self.agreed} of {self.n} of your votes "
            f"({self.rate:.0%}, {kappa}; always the same vote: {self.constant:.0%})".replace("%", " %")
        )


def agreement(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Agreement and Cohen's kappa of two lists of labels for the same things.

    κ = (pₒ − pₑ) / (1 − pₑ), with pₒ the share of equal labels and pₑ the share expected when both gave their labels
    at random with their own frequencies (Cohen 1960, Educational and Psychological Measurement 20, 37–46). Raises
    ValueError when the lists differ in length.
    """
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    if not n:
        return Agreement(0, 0, None, 0.0)
    labels = {*first, *second}
    chance = sum(first.count(x) * second.count(x) for x in labels)
    kappa = None if chance == n * n else (agreed * n - chance) / (n * n - chance)
    return Agreement(n, agreed, kappa, max(first.count(x) for x in labels) / n)
