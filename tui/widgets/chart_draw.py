"""Loss curves drawn by plotext, as lines of coloured text.

Names of plotext 5 used here that it does not document: `Plot._set_size`, `Plot.monitor`, its `set_size`,
`build_plot` and `matrix`, and the matrix's `marker`, `fullground`, `Rows` and `set_canvas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from operator import attrgetter, itemgetter
from typing import Any, Literal

from tui.domain.losses import Curves, EpochPoint, StepPoint
from tui.widgets.chart_colours import Palette, PlotColour
from tui.widgets.chart_scale import Point, epoch_ticks, finite, limits, log_ticks, thinned, ticks

Which = Literal["training", "validation"]
Line = list[tuple[str, PlotColour | None]]
"""Stretches of text of one colour each; None is the colour of the text around."""

_BOXES = str.maketrans("│┤├─┬┴┼└┘┌┐", "|++-+++++++")


@dataclass(frozen=True, slots=True)
class Markers:
    """One glyph (or plotext's name of a finer one) for each kind of mark."""

    training_line: str
    training: str
    validation_line: str
    validation: str
    best: str
    step: str


UNICODE = Markers("hd", "■", "braille", "●", "◆", "·")
ASCII = Markers(".", "#", ":", "o", "@", "'")


@dataclass(frozen=True, slots=True)
class Options:
    """What of the curves is drawn, and how."""

    cursor_epoch: int | None = None
    log: bool = False
    steps: bool = False
    only: Which | None = None
    ascii: bool = False

    @property
    def markers(self) -> Markers:
        """The glyphs to draw with."""
        return ASCII if self.ascii else UNICODE


@dataclass(frozen=True, slots=True)
class _Series:
    points: list[Point]
    kind: Literal["training", "validation", "best", "step"]
    run: int


class LossFigure:
    """The curves of some runs, ready to be drawn at any size; thinned points are kept per width."""

    def __init__(self, curves: Sequence[Curves]) -> None:
        self.curves = tuple(curves)
        self._thinned: dict[tuple[int, int, bool], list[Point]] = {}

    def draw(self, width: int, height: int, options: Options, palette: Palette) -> list[Line]:
        """`height` lines of `width` cells; none when there is nothing to draw."""
        series = [s for run in range(len(self.curves)) for s in self._series(run, width, options) if s.points]
        if not series or width < 1 or height < 1:
            return []
        x_low, x_high = limits(x for s in series for x, _ in s.points)
        y_low, y_high = limits(y for s in series for _, y in s.points)
        plot = _blank_plot(width, height, palette)
        plot.xlim(x_low, x_high)
        plot.ylim(y_low, y_high)
        _axes(plot, width, height, (x_low, x_high), (y_low, y_high), options.log)
        cursor = options.cursor_epoch
        if cursor is not None and x_low <= cursor <= x_high:
            plot.vertical_line(cursor, "default" if palette.axis is None else palette.axis)
        for one in series:
            colours = palette.run(one.run, len(self.curves))
            _add(plot, one, colours[one.kind in ("validation", "best")], options.markers, width)
        return _lines(plot, width, height, options.ascii)

    def _series(self, run: int, width: int, options: Options) -> list[_Series]:
        curves = self.curves[run]
        series: list[_Series] = []
        if options.steps and options.only != "validation":
            series.append(_Series(self._steps(run, width, options.log), "step", run))
        if options.only != "training":
            series.append(_Series(_means(curves.validation, width, options.log), "validation", run))
        if options.only != "validation":
            series.append(_Series(_means(curves.training, width, options.log), "training", run))
        if options.only != "training" and curves.best is not None:
            series.append(_Series(_means((curves.best,), width, options.log), "best", run))
        return series

    def _steps(self, run: int, width: int, log: bool) -> list[Point]:
        key = (run, width, log)
        if key not in self._thinned:
            steps = _extremes(self.curves[run].steps, width)
            points = finite(((step.position, step.loss) for step in steps), log)
            self._thinned[key] = thinned(points, max(1, width // 2))
        return self._thinned[key]


def _extremes(steps: Sequence[StepPoint], parts: int) -> list[StepPoint]:
    """The lowest and the highest of each of `parts` runs of steps: a million rows in a tenth of a second."""
    loss = attrgetter("loss")
    size = max(1, len(steps) // parts)
    kept: list[StepPoint] = []
    for start in range(0, len(steps), size):
        part = [step for step in steps[start : start + size] if isfinite(step.loss)]
        if part:
            kept += {min(part, key=loss), max(part, key=loss)}
    return kept


def _lines(plot: Any, width: int, height: int, ascii: bool) -> list[Line]:
    """Builds the figure and reads its cells; plotext's own text of them takes longer than all the rest.

    Spaces take the colour before them, so that fewer changes of colour are sent.
    """
    monitor = plot.monitor
    monitor.set_size([width, height])
    monitor.matrix.set_canvas = _no_text
    monitor.build_plot()
    lines: list[Line] = []
    for row in reversed(monitor.matrix.Rows):
        line: Line = []
        cells = zip(monitor.matrix.fullground[row], monitor.matrix.marker[row], strict=True)
        for colour, run in groupby(cells, itemgetter(0)):
            text = "".join(marker for _, marker in run)
            if line and text.isspace():
                line[-1] = (line[-1][0] + text, line[-1][1])
                continue
            line.append((text.translate(_BOXES) if ascii else text, None if isinstance(colour, str) else colour))
        lines.append(line)
    return lines


def _no_text() -> str:
    return ""


def _means(points: Sequence[EpochPoint], width: int, log: bool) -> list[Point]:
    return thinned(finite(((point.epoch, point.mean) for point in points), log), width)


def _blank_plot(width: int, height: int, palette: Palette) -> Any:
    """A figure of its own: plotext's module-level one is shared by everything in the process."""
    from textual_plotext.plot import Plot

    plot = Plot()
    plot.plotsize(width, height)
    plot._set_size(width, height)  # plotsize keeps within the size of a terminal that plotext asks for itself
    plot.canvas_color("default")
    plot.axes_color("default")
    plot.ticks_color("default" if palette.axis is None else palette.axis)
    return plot


def _axes(plot: Any, width: int, height: int, xs: Point, ys: Point, log: bool) -> None:
    """Ticks and axes at the left and below; none where they would leave no room for the curves."""
    if width < 16 or height < 5:
        plot.xaxes(False, False)
        plot.yaxes(False, False)
        plot.xticks([], [])
        plot.yticks([], [])
        return
    plot.xaxes(True, False)
    plot.yaxes(True, False)
    count = max(2, (height - 2) // 2)
    labelled = (log_ticks if log else ticks)(*ys, min(count, 10))
    plot.yticks([at for at, _ in labelled], [text for _, text in labelled])
    epochs = epoch_ticks(*xs, width - 8)
    plot.xticks(epochs, [str(epoch) for epoch in epochs])


def _add(plot: Any, series: _Series, colour: PlotColour, markers: Markers, width: int) -> None:
    xs, ys = [x for x, _ in series.points], [y for _, y in series.points]
    if series.kind in ("best", "step"):
        plot.scatter(xs, ys, marker=markers.best if series.kind == "best" else markers.step, color=colour)
        return
    training = series.kind == "training"
    plot.plot(xs, ys, marker=markers.training_line if training else markers.validation_line, color=colour)
    if len(xs) * 3 <= width:
        plot.scatter(xs, ys, marker=markers.training if training else markers.validation, color=colour)
