"""The runs on the Loss tab: which are shown, pinned, hidden, in what order and colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from tui.domain.loss.losses import Curves
from tui.domain.loss.report import DataFact, LossRun
from tui.domain.training.jobs import Job
from tui.domain.values import dataclass

MOST = 12
"""Runs shown at once; more could not be told apart."""


@dataclass(slots=True)
class Shown:
    """One run. `colour` is its number in the palette for as long as it is here; `kept_from` says how old curves are
    that S3 has not confirmed, `problem` why."""

    key: str
    name: str
    colour: int = 0
    job: Job | None = None
    curves: Curves | None = None
    pinned: bool = False
    hidden: bool = False
    looked: str = ""
    kept_from: datetime | None = None
    problem: str = ""
    data: Mapping[str, DataFact] = field(default_factory=dict)
    changes: str = ""
    evaluation: str = ""

    @property
    def report(self) -> LossRun | None:
        """The run as it is compared and reported, once it has curves."""
        if self.curves is None:
            return None
        return LossRun(self.key, self.curves, self.job, self.data, self.changes, self.evaluation)


class ShownRuns:
    """Runs in their order, one of them current."""

    def __init__(self) -> None:
        self.all: list[Shown] = []
        self.at = 0

    @property
    def current(self) -> Shown | None:
        """The run that cursor, verdict and keys are about."""
        return self.all[self.at] if self.all else None

    @property
    def visible(self) -> list[Shown]:
        """Those that are drawn."""
        return [run for run in self.all if not run.hidden and run.curves is not None]

    @property
    def reports(self) -> list[LossRun]:
        """The visible runs for comparing and exporting."""
        return [report for run in self.visible if (report := run.report) is not None]

    def get(self, key: str) -> Shown | None:
        """The run with this key, if it is here."""
        return next((run for run in self.all if run.key == key), None)

    def show(self, key: str, name: str) -> Shown:
        """Make a run current; one that is not pinned makes room for it."""
        run = self.get(key)
        if run is None:
            self.all = [r for r in self.all if r.pinned][-(MOST - 1) :]
            run = Shown(key, name, self._free_colour())
            self.all.append(run)
        self.at = self.all.index(run)
        run.hidden = False
        return run

    def pin(self, key: str, name: str) -> Shown:
        """Add a run that stays beside the others."""
        for other in self.all:
            other.pinned = True
        run = self.show(key, name)
        run.pinned = True
        return run

    def toggle_pin(self) -> None:
        """Pin the current run, or let it go; let go beside others it leaves."""
        run = self.current
        if run is None:
            return
        if run.pinned and len(self.all) > 1:
            self.all.remove(run)
            self.at = min(self.at, len(self.all) - 1)
        else:
            run.pinned = not run.pinned

    def toggle_hidden(self) -> None:
        """Hide the current run, or show it again; the last visible one stays."""
        run = self.current
        if run is not None and (run.hidden or len(self.visible) > 1):
            run.hidden = not run.hidden

    def step(self, by: int) -> None:
        """Make the next or the last run current."""
        if self.all:
            self.at = (self.at + by) % len(self.all)

    def move(self, by: int) -> None:
        """Move the current run in the order."""
        to = self.at + by
        if self.all and 0 <= to < len(self.all):
            self.all[self.at], self.all[to] = self.all[to], self.all[self.at]
            self.at = to

    def _free_colour(self) -> int:
        taken = {run.colour for run in self.all}
        return next(number for number in range(len(taken) + 1) if number not in taken)
