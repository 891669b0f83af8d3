"""Loss curves: per-epoch means of the step losses, and what a run's metrics files were."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import field, replace

from tui.domain.values import dataclass

SMOOTHINGS = (0.6, 0.95)
"""Weights β on offer for smoothed step losses."""


def smoothing_formula(beta: float) -> str:
    """The moving average as it is computed: exponential, with the bias of its start taken out."""
    return f"EMA m = {beta:g}·m + {1 - beta:.2g}·x, shown m / (1 − {beta:g}ⁱ) at step i"


@dataclass(frozen=True, slots=True)
class EpochPoint:
    """One epoch of one curve. `mean`, `low`, `high` in the unit of the file's loss (nats per token).

    `deviation` is the sample standard deviation, None with fewer than two rows; `perplexity` the mean of the file's
    own column, None when it has none.
    """

    epoch: int
    mean: float
    rows: int
    low: float
    high: float
    deviation: float | None = None
    perplexity: float | None = None

    @property
    def derived_perplexity(self) -> float:
        """exp(mean), infinite where that is too large a number."""
        return math.exp(self.mean) if self.mean < 700 else math.inf


@dataclass(frozen=True, slots=True)
class StepPoint:
    """One row of a metrics file; `position` is its place on the epoch axis (epoch 1: 0 < position <= 1).

    `step` is the number that the file gives it.
    """

    position: float
    loss: float
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A curve beside the one shown: another validator's, or another column's."""

    name: str
    points: tuple[EpochPoint, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """What the metrics of one run say. Epochs count from 1, in order, without repeats.

    `metric` is what the numbers are: `loss`, or the name of another column (`reward`, …) in files without losses.
    `step_rows` is how many rows `steps` stands for: of very many only the lowest and the highest of each stretch
    are kept. `smoothed` holds the same steps smoothed with each weight of SMOOTHINGS. `lost_epochs` are those whose
    numbers are all infinite or not numbers.
    """

    name: str
    training: tuple[EpochPoint, ...] = ()
    validation: tuple[EpochPoint, ...] = ()
    steps: tuple[StepPoint, ...] = ()
    asked_epochs: int | None = None
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sandbox: bool = False
    metric: str = "loss"
    validator: str = ""
    others: tuple[Series, ...] = ()
    step_rows: int = 0
    smoothed: tuple[tuple[float, tuple[StepPoint, ...]], ...] = ()
    lost_epochs: tuple[int, ...] = field(default=())

    @property
    def epochs(self) -> tuple[int, ...]:
        """Every epoch that either curve has, ascending."""
        return tuple(sorted({p.epoch for p in self.training} | {p.epoch for p in self.validation}))

    def training_at(self, epoch: int) -> EpochPoint | None:
        """The training mean of `epoch`, if there is one."""
        return _at(self.training, epoch)

    def validation_at(self, epoch: int) -> EpochPoint | None:
        """The validation mean of `epoch`, if there is one."""
        return _at(self.validation, epoch)

    @property
    def best(self) -> EpochPoint | None:
        """The lowest validation mean; the earliest of equals. None for what is no loss."""
        if self.metric != "loss":
            return None
        return min(self.validation, key=lambda p: (p.mean, p.epoch), default=None)

    def smooth(self, beta: float | None) -> tuple[StepPoint, ...]:
        """The steps smoothed with weight `beta`; the steps themselves with None."""
        return self.steps if beta is None else dict(self.smoothed).get(beta, ())

    def turned(self) -> Curves:
        """The same run with the next validator, or the next column, in place of the one shown."""
        if not self.others:
            return self
        after, *rest = self.others
        if self.metric == "loss":
            back = Series(self.validator, self.validation)
            return replace(self, validator=after.name, validation=after.points, others=(*rest, back))
        back = Series(self.metric, self.training)
        return replace(
            self, metric=after.name, training=after.points, steps=(), smoothed=(), step_rows=0, others=(*rest, back)
        )


def _at(points: tuple[EpochPoint, ...], epoch: int) -> EpochPoint | None:
    index = bisect_left(points, epoch, key=lambda p: p.epoch)
    return points[index] if index < len(points) and points[index].epoch == epoch else None
