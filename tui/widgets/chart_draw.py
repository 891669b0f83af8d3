"""Loss curves drawn by plotext, as lines of coloured text.

Names of plotext 5 used here that it does not document: `Plot._set_size`, `Plot.monitor`, its `set_size`,
`build_plot` and `matrix`, and the matrix's `marker`, `fullground`, `background`, `style`, `rows`, `cols`, `Rows`,
`set_matrices` and `set_canvas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from math import isfinite
from operator import attrgetter, itemgetter
from typing import Any, Literal

from tui.domain.losses import Curves, EpochPoint, StepPoint
from tui.domain.values import dataclass
from tui.widgets.chart_colours import Palette, PlotColour
from tui.widgets.chart_scale import Point, epoch_ticks, finite, limits, log_ticks, thinned, ticks

Which = Literal["training", "validation"]
Line = list[tuple[str, PlotColour | None]]
"""Stretches of text of one colour each; None is the colour of the text around."""

_BOXES = str.maketrans("│┤├─┬┴┼└┘┌┐", "|++-+++++++")
_PARTS = {"hd": 2, "braille": 4}
"""Parts of a cell's height that plotext's finer markers draw."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Markers:
    """One glyph (or plotext's name of a finer one) for each kind of mark."""

    training_line: str
    training: str
    validation_line: str
    validation: str
    best: str
    step: str
    smooth: str
    stop: str

    def of_run(self, index: int) -> tuple[str, str]:
        """Marks of the training and the validation means of one run of several: `A` and `a`, so that runs can be
        told apart without colours."""
        letter = _LETTERS[index % len(_LETTERS)]
        return letter.upper(), letter


UNICODE = Markers("hd", "■", "braille", "●", "◆", "·", "braille", "┊")
ASCII = Markers(".", "#", ":", "o", "@", "'", "~", "!")


@dataclass(frozen=True, slots=True)
class Options:
    """What of the curves is drawn, and how. `zoom`: first and last epoch shown; `smooth`: weight of the moving
    average drawn through the steps; `cursor_at`: place of the cursor on the epoch axis when it stands on a step."""

    cursor_epoch: int | None = None
    log: bool = False
    steps: bool = False
    only: Which | None = None
    ascii: bool = False
    zoom: tuple[int, int] | None = None
    smooth: float | None = None
    cursor_at: float | None = None

    @property
    def cursor(self) -> float | None:
        """Where the cursor stands on the epoch axis."""
        return self.cursor_epoch if self.cursor_at is None else self.cursor_at

    @property
    def markers(self) -> Markers:
        """The glyphs to draw with."""
        return ASCII if self.ascii else UNICODE


@dataclass(frozen=True, slots=True)
class _Series:
    points: list[Point]
    kind: Literal["training", "validation", "best", "step", "smooth"]
    run: int


class LossFigure:
    """The curves of some runs, ready to be drawn at any size; thinned steps are kept per width and zoom.

    `colours` are the runs' numbers in the palette, by which a run keeps its colour when others come and go.
    """

    def __init__(self, curves: Sequence[Curves], colours: Sequence[int] | None = None) -> None:
        self.curves = tuple(curves)
        self.colours = tuple(colours) if colours is not None else tuple(range(len(self.curves)))
        self._thinned: dict[tuple[object, ...], list[Point]] = {}

    def inks(self, run: int, palette: Palette) -> tuple[PlotColour, PlotColour]:
        """Colours of the training and the validation curve of a run."""
        return palette.run(self.colours[run], len(self.curves))

    def marks(self, run: int, markers: Markers) -> tuple[str, str]:
        """Glyphs of the training and the validation means of a run."""
        if len(self.curves) == 1:
            return markers.training, markers.validation
        return markers.of_run(self.colours[run])

    def draw(self, width: int, height: int, options: Options, palette: Palette) -> list[Line]:
        """`height` lines of `width` cells; none when there is nothing to draw."""
        series = [s for run in range(len(self.curves)) for s in self._series(run, width, options) if s.points]
        if not series or width < 1 or height < 1:
            return []
        xs, ys = self._limits(series, options)
        if ys is None:
            return []
        plot = _blank_plot(width, height, palette)
        plot.xlim(*xs)
        plot.ylim(*ys)
        _axes(plot, width, height, xs, ys, options.log)
        axis = "default" if palette.axis is None else palette.axis
        self._mark_end(plot, xs, ys, height, options.markers, axis)
        if options.cursor is not None and xs[0] <= options.cursor <= xs[1]:
            plot.vertical_line(options.cursor, axis)
        for one in series:
            colour = self.inks(one.run, palette)[one.kind in ("validation", "best")]
            marks = self.marks(one.run, options.markers)
            _add(
                plot, one, colour, options, marks, _Rows(ys, height - 2 if _has_axes(width, height) else height), width
            )
        return _lines(plot, width, height, options.ascii)

    def _limits(self, series: Sequence[_Series], options: Options) -> tuple[Point, Point | None]:
        if options.zoom is None:
            lasts = [c.asked_epochs for c in self.curves if c.asked_epochs and c.epochs]
            seen = [x for s in series for x, _ in s.points]
            asked = max(lasts, default=0)
            xs = limits([*seen, asked] if asked and asked <= 3 * max(seen) else seen)
        else:
            # A little more than the epochs themselves, so that a single one has room.
            xs = (options.zoom[0] - 0.5, options.zoom[1] + 0.5)
        inside = [y for s in series for x, y in s.points if xs[0] <= x <= xs[1]]
        return xs, limits(inside) if inside else None

    def _mark_end(
        self, plot: Any, xs: Point, ys: Point, height: int, markers: Markers, colour: PlotColour | str
    ) -> None:
        """Where a run ended and how many epochs were asked for; of several runs the lines' ends tell."""
        if len(self.curves) != 1 or height < 8:
            return
        run = self.curves[0]
        asked, epochs = run.asked_epochs, run.epochs
        if not asked or not epochs or epochs[-1] >= asked:
            return
        for number, (at, text) in enumerate(((epochs[-1], "end"), (asked, f"asked {asked}"))):
            if xs[0] <= at <= xs[1]:
                column = [ys[0] + (ys[1] - ys[0]) * i / (height - 1) for i in range(height)]
                plot.scatter([at] * height, column, marker=markers.stop, color=colour)
                row = ys[1] - (ys[1] - ys[0]) * number / max(1, height - 2)
                plot.text(f"{text} ", at, row, color=colour, alignment="right")

    def _series(self, run: int, width: int, options: Options) -> list[_Series]:
        curves = self.curves[run]
        series: list[_Series] = []
        if options.only != "validation":
            if options.steps:
                series.append(_Series(self._steps(run, width, options, None), "step", run))
            if options.smooth is not None:
                series.append(_Series(self._steps(run, width, options, options.smooth), "smooth", run))
        if options.only != "training":
            series.append(_Series(_means(curves.validation, width, options), "validation", run))
        if options.only != "validation":
            series.append(_Series(_means(curves.training, width, options), "training", run))
        if options.only != "training" and curves.best is not None:
            series.append(_Series(_means((curves.best,), width, options), "best", run))
        return series

    def _steps(self, run: int, width: int, options: Options, beta: float | None) -> list[Point]:
        key = (run, width, options.log, options.zoom, beta)
        if key not in self._thinned:
            steps: Sequence[StepPoint] = self.curves[run].smooth(beta)
            if options.zoom is not None:
                low, high = options.zoom[0] - 1, options.zoom[1] + 1
                steps = [step for step in steps if low <= step.position <= high]
            # Extremes of what is smooth say nothing, and a line costs plotext time by its points.
            few = _extremes(steps, width) if beta is None else steps[:: max(1, 2 * len(steps) // max(1, width))]
            points = finite(((step.position, step.loss) for step in few), options.log)
            self._thinned[key] = thinned(points, max(1, width // 2))
        return self._thinned[key]


def _extremes(steps: Sequence[StepPoint], parts: int) -> Sequence[StepPoint]:
    """The lowest and the highest of each of `parts` runs of steps: a million rows in a tenth of a second."""
    loss = attrgetter("loss")
    size = len(steps) // parts
    if size < 2:
        return [step for step in steps if isfinite(step.loss)]
    kept: list[StepPoint] = []
    for start in range(0, len(steps), size):
        part = [step for step in steps[start : start + size] if isfinite(step.loss)]
        if part:
            kept += sorted({min(part, key=loss), max(part, key=loss)}, key=attrgetter("position"))
    return kept


def _lines(plot: Any, width: int, height: int, ascii: bool) -> list[Line]:
    """Builds the figure and reads its cells; plotext's own text of them takes longer than all the rest.

    Spaces take the colour before them, so that fewer changes of colour are sent.
    """
    monitor = plot.monitor
    monitor.set_size([width, height])
    monitor.matrix.set_canvas = _no_text
    monitor.matrix.set_matrices = partial(_blank_cells, monitor.matrix)
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


def _blank_cells(matrix: Any) -> None:
    """Empty cells without a ground of their own; plotext asks of each cell whether it lies within the axes."""
    columns, rows = matrix.cols, matrix.Rows
    matrix.marker = [[" "] * columns for _ in rows]
    matrix.fullground, matrix.background, matrix.style = ([["default"] * columns for _ in rows] for _ in range(3))


def _no_text() -> str:
    return ""


def _means(points: Sequence[EpochPoint], width: int, options: Options) -> list[Point]:
    if options.zoom is not None:
        # With a neighbour on each side, from which the line comes in.
        low, high = options.zoom[0] - 1, options.zoom[1] + 1
        points = [point for point in points if low <= point.epoch <= high]
    return thinned(finite(((point.epoch, point.mean) for point in points), options.log), width)


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


def _has_axes(width: int, height: int) -> bool:
    return width >= 16 and height >= 5


def _axes(plot: Any, width: int, height: int, xs: Point, ys: Point, log: bool) -> None:
    """Ticks and axes at the left and below; none where they would leave no room for the curves."""
    if not _has_axes(width, height):
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


@dataclass(frozen=True, slots=True)
class _Rows:
    """The lines of cells between the limits of an axis."""

    limits: Point
    count: int

    def of_line(self, values: Sequence[float], line: str) -> list[float]:
        """Values moved so that a mark of a whole cell stands in the cell that a line of finer parts goes through:
        plotext rounds the two differently."""
        (low, high), count, parts = self.limits, self.count, _PARTS.get(line, 1)
        if count < 2 or high <= low:
            return list(values)
        share = [(value - low) / (high - low) for value in values]
        rows = [int(0.5 + (parts * count - 1) * at + 1e-9) // parts if 0 <= at <= 1 else None for at in share]
        moved = zip(values, rows, strict=True)
        return [value if row is None else low + row * (high - low) / (count - 1) for value, row in moved]


def _add(
    plot: Any, series: _Series, colour: PlotColour, options: Options, marks: tuple[str, str], rows: _Rows, width: int
) -> None:
    markers = options.markers
    xs, ys = [x for x, _ in series.points], [y for _, y in series.points]
    if series.kind == "step":
        plot.scatter(xs, ys, marker=markers.step, color=colour)
        return
    if series.kind == "best":
        plot.scatter(xs, rows.of_line(ys, markers.validation_line), marker=markers.best, color=colour)
        return
    if series.kind == "smooth":
        plot.plot(xs, ys, marker=markers.smooth, color=colour)
        return
    training = series.kind == "training"
    line = markers.training_line if training else markers.validation_line
    plot.plot(xs, ys, marker=line, color=colour)
    if len(xs) * 3 <= width:
        plot.scatter(xs, rows.of_line(ys, line), marker=marks[0] if training else marks[1], color=colour)
