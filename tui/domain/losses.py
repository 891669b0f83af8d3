"""Loss curves: per-epoch means of the step losses, and what a run's metrics files were."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochPoint:
    """One epoch of one curve. `mean`, `low`, `high` in the unit of the file's loss (nats per token).

    `deviation` is the sample standard deviation, None with fewer than two rows.
    """

    epoch: int
    mean: float
    rows: int
    low: float
    high: float
    deviation: float | None = None


@dataclass(frozen=True, slots=True)
class StepPoint:
    """One row of a metrics file; `position` is its place on the epoch axis (epoch 1: 0 < position <= 1)."""

    position: float
    loss: float


@dataclass(frozen=True, slots=True)
class Curves:
    """What the metrics of one run say. Epochs count from 1, in order, without repeats."""

    name: str
    training: tuple[EpochPoint, ...] = ()
    validation: tuple[EpochPoint, ...] = ()
    steps: tuple[StepPoint, ...] = ()
    asked_epochs: int | None = None
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sandbox: bool = False

    @property
    def epochs(self) -> tuple[int, ...]:
        """Every epoch that either curve has, ascending."""
        return tuple(sorted({p.epoch for p in self.training} | {p.epoch for p in self.validation}))

    def training_at(self, epoch: int) -> EpochPoint | None:
        """The training mean of `epoch`, if there is one."""
        return next((p for p in self.training if p.epoch == epoch), None)

    def validation_at(self, epoch: int) -> EpochPoint | None:
        """The validation mean of `epoch`, if there is one."""
        return next((p for p in self.validation if p.epoch == epoch), None)

    @property
    def best(self) -> EpochPoint | None:
        """The lowest validation mean; the earliest of equals."""
        return min(self.validation, key=lambda p: (p.mean, p.epoch), default=None)
