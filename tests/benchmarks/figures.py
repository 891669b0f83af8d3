"""What was measured, beside what is aimed at."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `target` is the highest value that is good; None when the line only informs."""

    area: str
    what: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.value <= self.target

    @property
    def line(self) -> str:
        """The figure as a line of the table."""
        aim = "" if self.target is None else f"≤ {self.target:g}"
        verdict = {None: "", True: "ok", False: "NOT MET"}[self.ok]
        return (
            f"{self.area:<9}{self.what:<56}{self.value:>10.2f} {self.unit:<4}{aim:>9}  {verdict:<8}{self.note}".rstrip()
        )


def median(values: Sequence[float]) -> float:
    """The median; raises StatisticsError when there are none."""
    return float(statistics.median(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ours over theirs, round by round."""
    return median([a / b for a, b in zip(ours, theirs, strict=True)])
