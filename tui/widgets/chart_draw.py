"""Loss curves of one or several runs, drawn as lines of coloured text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from operator import attrgetter
from typing import Any, Literal

from tui.domain.loss.losses import Curves, EpochPoint, StepPoint
from tui.domain.values import dataclass
from tui.widgets.chart_colours import Palette, PlotColour
from tui.widgets.chart_frame import Drawn, Line, add_axes, blank_plot, built, lines_of, write
from tui.widgets.chart_raster import Area, Cells
from tui.widgets.chart_scale import Point, finite, limits, thinned

Which = Literal["training", "validation"]
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
        self._drawn: tuple[object, Drawn | None] | None = None

    def inks(self, run: int, palette: Palette) -> tuple[PlotColour, PlotColour]:
        """Colours of the training and the validation curve of a run."""
        return palette.run(self.colours[run], len(self.curves))

    def marks(self, run: int, markers: Markers) -> tuple[str, str]:
        """Glyphs of the training and the validation means of a run."""
        if len(self.curves) == 1:
            return markers.training, markers.validation
        return markers.of_run(self.colours[run])

    def draw(self, width: int, height: int, options: Options, palette: Palette) -> list[Line]:
        """`height` lines of `width` cells; none when there is nothing to draw. Another cursor draws itself alone."""
        key = (width, height, replace(options, cursor_epoch=None, cursor_at=None), palette)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, self._draw(width, height, options, palette)
        drawn = self._drawn[1]
        return drawn.with_cursor(options.cursor, palette.axis, options.ascii) if drawn is not None else []

    def _draw(self, width: int, height: int, options: Options, palette: Palette) -> Drawn | None:
        series = [s for run in range(len(self.curves)) for s in self._series(run, width, options) if s.points]
        if not series or width < 1 or height < 1:
            return None
        xs, ys = self._limits(series, options)
        if ys is None:
            return None
        plot = blank_plot(width, height, palette)
        plot.xlim(*xs)
        plot.ylim(*ys)
        plot.scatter(xs, ys, marker=" ")  # without points plotext leaves out the axes' labels
        add_axes(plot, width, height, xs, ys, options.log)
        self._mark_end(plot, xs, ys, height, options.markers, "default" if palette.axis is None else palette.axis)
        matrix = built(plot, width, height)
        area = Area(len(matrix.Cols_canvas), len(matrix.Rows_canvas), xs, ys)
        lines: list[tuple[Cells, PlotColour]] = []
        marks: list[tuple[Cells, PlotColour]] = []
        for one in series:
            colour = self.inks(one.run, palette)[one.kind in ("validation", "best")]
            line, mark = _cells(one, options.markers, self.marks(one.run, options.markers), area, width)
            lines.append((line, colour))
            marks.append((mark, colour))
        write(matrix, area.columns, [*lines, *marks], options.markers.stop)
        return Drawn(lines_of(matrix, options.ascii), area, matrix.Cols_canvas.start, matrix.Rows_canvas.start)

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


def _cells(series: _Series, markers: Markers, marks: tuple[str, str], area: Area, width: int) -> tuple[Cells, Cells]:
    """The cells of a series' line, and those of its marks, which stand where the line goes through."""
    if series.kind == "step":
        return area.points(series.points, markers.step), {}
    if series.kind == "best":
        return {}, area.points(series.points, markers.best)
    if series.kind == "smooth":
        return area.line(series.points, markers.smooth), {}
    training = series.kind == "training"
    line = markers.training_line if training else markers.validation_line
    few = len(series.points) * 3 <= width
    return area.line(series.points, line), area.points(series.points, marks[not training]) if few else {}


def _means(points: Sequence[EpochPoint], width: int, options: Options) -> list[Point]:
    if options.zoom is not None:
        # With a neighbour on each side, from which the line comes in.
        low, high = options.zoom[0] - 1, options.zoom[1] + 1
        points = [point for point in points if low <= point.epoch <= high]
    return thinned(finite(((point.epoch, point.mean) for point in points), options.log), width)
