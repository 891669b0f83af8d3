"""The loss chart drawn again, however many rows it stands for."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, median
from tests.benchmarks.world import World
from tui.domain.losses import Curves
from tui.services.metrics_curves import curves
from tui.widgets.chart_colours import palette
from tui.widgets.chart_draw import LossFigure, Options

_SIZE = (200, 50)


def redraws(_: World, rounds: int) -> Iterator[Figure]:
    """One cursor step at 200x50, steps and smoothing shown too: 21 rows, and a million."""
    for rows in (21, 1_000_000):
        figure = LossFigure([_run(rows)])
        options = [Options(cursor_epoch=epoch, steps=True, smooth=0.95) for epoch in (3, 4)]
        figure.draw(*_SIZE, options[0], palette({}, False))  # what is thinned once per width
        times = []
        for number in range(4 * rounds):
            began = time.perf_counter()
            figure.draw(*_SIZE, options[number % 2], palette({}, False))
            times.append(time.perf_counter() - began)
        yield Figure("loss", f"redraw at 200x50, {rows:,} rows", 1000 * median(times), "ms", 20)


def _run(rows: int) -> Curves:
    draw = random.Random(1)
    size = -(-rows // 7)
    lines = "".join(f"{n},{n // size + 1},{2 / (1 + n / size) + draw.random() / 4:.8f}\n" for n in range(rows))
    validation = "".join(f"{size * e},{e},{1.4 + 1 / e}\n" for e in range(1, 8))
    return curves(
        "run",
        [
            ("t.csv", f"step_number,epoch_number,training_loss\n{lines}".encode()),
            ("v.csv", f"step_number,epoch_number,validation_loss\n{validation}".encode()),
        ],
    )
