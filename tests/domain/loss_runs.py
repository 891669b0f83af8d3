"""Made-up runs whose truth is known, for judging the verdict: every number comes from a formula and a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.domain.loss.losses import Curves, EpochPoint
from tui.domain.loss.verdict import Case, Settings


@dataclass(frozen=True, slots=True)
class Made:
    """A run, its settings, and what the verdict has to find first. `best` None: not checked."""

    curves: Curves
    settings: Settings
    truth: Case
    best: int | None = None


def points(values: Sequence[float], first: int = 1, rows: int = 1) -> tuple[EpochPoint, ...]:
    """Means as points of a curve."""
    return tuple(EpochPoint(first + i, v, rows, v, v) for i, v in enumerate(values))


def curves(validation: Sequence[float], training: Sequence[float] | None = None, first: int = 1) -> Curves:
    """A run with these means and 8 steps per epoch; training falls smoothly unless it is given."""
    length = len(validation)
    fitted = training if training is not None else [0.2 + 1.5 * math.exp(-0.5 * i) for i in range(length)]
    return Curves("made", points(fitted, first, 8), points(validation, first))


def _noise(draw: random.Random, size: float) -> float:
    return draw.gauss(0, size)


def still_falling(draw: random.Random, noise: float = 0.0) -> Made:
    """A decay that has not come to its end."""
    length = draw.randint(3, 12)
    floor, height = draw.uniform(0.3, 2.0), draw.uniform(0.6, 3.0)
    rate = draw.uniform(0.08, 0.3)
    values = [floor + height * math.exp(-rate * i) + _noise(draw, noise) for i in range(length)]
    return Made(curves(values), Settings(length, 0.001, 2), Case.STILL_FALLING)


def overfit(draw: random.Random, noise: float = 0.0) -> Made:
    """A fall to an epoch in the middle, then a rise, with early stopping too patient to end it."""
    length = draw.randint(6, 14)
    best = draw.randint(2, length - 3)
    height, floor = draw.uniform(0.5, 1.5), draw.uniform(0.8, 2.0)
    up = draw.uniform(0.04, 0.15)
    values = [
        floor + height * ((best - i) / best) ** 2 if i < best else floor + up * (i - best) for i in range(1, length + 1)
    ]
    values = [v + _noise(draw, noise) for v in values]
    return Made(curves(values), Settings(length, 0.001, 10), Case.OVERFIT, best if not noise else None)


def early_stop(draw: random.Random, noise: float = 0.0) -> Made:
    """A longer decay, cut where the rule of early stopping ends it."""
    threshold, patience = draw.choice((0.001, 0.01, 0.05)), draw.randint(1, 3)
    asked = 20
    values: list[float] = []
    low, without = math.inf, 0
    turn = draw.randint(3, 9)
    height, up = draw.uniform(0.5, 2.0), draw.uniform(0.0, 0.03)
    while len(values) < asked and without < patience:
        i = len(values)
        value = 1.2 + height * max(0.0, (turn - i) / turn) ** 2 + up * max(0, i - turn) + _noise(draw, noise)
        without = 0 if value < low - threshold else without + 1
        low = min(low, value)
        values.append(value)
    return Made(curves(values), Settings(asked, threshold, patience), Case.EARLY_STOP)


def noisy(draw: random.Random, noise: float = 0.0) -> Made:
    """Up and down without a trend."""
    length = draw.randint(6, 16)
    size = draw.uniform(0.05, 0.3)
    values = [1.5 + size * (1 if i % 2 else -1) * draw.uniform(0.6, 1.4) + _noise(draw, noise) for i in range(length)]
    return Made(curves(values), Settings(length, 0.0, 10), Case.NOISY)


def tied(draw: random.Random, noise: float = 0.0) -> Made:
    """A fall that ends in epochs no further apart than the threshold."""
    length, flat = draw.randint(4, 10), draw.randint(2, 4)
    falling = [1.4 + 1.2 * (1 - i / length) ** 2 for i in range(length)]
    low = 1.39
    values = falling + [low - 0.0004 * draw.random() for _ in range(flat)]
    return Made(curves(values), Settings(len(values), 0.001, 10), Case.TIED)


def diverged(draw: random.Random, noise: float = 0.0) -> Made:
    """Both curves go up and away."""
    length = draw.randint(3, 10)
    at = draw.randint(1, max(1, length - 2))
    growth = draw.uniform(1.6, 4.0)
    validation = [2.0 * (0.9**i) if i < at else 2.0 * growth ** (i - at + 1) for i in range(length)]
    training = [1.8 * (0.8**i) if i < at else 1.8 * growth ** (i - at + 1) for i in range(length)]
    return Made(curves(validation, training), Settings(length, 0.001, 10), Case.DIVERGED)


def no_validation(draw: random.Random, noise: float = 0.0) -> Made:
    """Training alone."""
    length = draw.randint(1, 12)
    training = [0.3 + 1.5 * math.exp(-0.4 * i) for i in range(length)]
    return Made(Curves("made", points(training, 1, 8)), Settings(length, 0.001, 2), Case.NO_VALIDATION)


MAKERS: tuple[Callable[[random.Random, float], Made], ...] = (
    still_falling,
    overfit,
    early_stop,
    noisy,
    tied,
    diverged,
    no_validation,
)
