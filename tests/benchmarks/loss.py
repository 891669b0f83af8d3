"""The loss chart drawn again, however many rows it stands for."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

from tests.benchmarks.figures import Figure, median
from tests.benchmarks.world import World
from tui.domain.loss.losses import Curves
from tui.services.loss.metrics_curves import curves
from tui.widgets.chart_colours import palette
from tui.widgets.chart_draw import LossFigure, Options

_SIZE = (200, 50)


def redraws(_: World, rounds: int) -> Iterator[Figure]:
    """The whole chart at 200x50, steps and smoothing shown too, of 21 rows, of a million and of six runs; a cursor's
    step over the kept picture."""
    colours = palette({}, False)
    shown = Options(cursor_epoch=3, steps=True, smooth=0.95)
    for name, runs in (
        ("21 rows", [_run(21)]),
        ("1,000,000 rows", [_run(1_000_000)]),
        ("six runs", [_run(7_000)] * 6),
    ):
        figure = LossFigure(runs)
        other = replace(shown, log=True)
        for options in (shown, other):
            figure.draw(*_SIZE, options, colours)  # what is thinned once per width
        yield _timed(f"redraw at 200x50, {name}", 20, figure, (shown, other), rounds)
    yield _timed("cursor step at 200x50, six runs", 4, figure, (shown, replace(shown, cursor_epoch=4)), rounds)


def _timed(name: str, target: float, figure: LossFigure, options: tuple[Options, Options], rounds: int) -> Figure:
    """The processor's time: the chart is drawn on one thread, and others may have the machine."""
    times = []
    for number in range(4 * rounds):
        began = time.thread_time()
        figure.draw(*_SIZE, options[number % 2], palette({}, False))
        times.append(time.thread_time() - began)
    return Figure("loss", name, 1000 * median(times), "ms", target)


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
