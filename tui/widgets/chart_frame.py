"""The frame of a chart by plotext, as cells that curves are written into, and as lines of coloured text.

Names of plotext 5 used here that it does not document: `Plot._set_size`, `Plot.monitor`, its `set_size`,
`build_plot` and `matrix`, and the matrix's `marker`, `fullground`, `background`, `style`, `rows`, `cols`, `Rows`,
`Cols_canvas`, `Rows_canvas`, `set_matrices` and `set_canvas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from tui.domain.values import dataclass
from tui.widgets.chart_colours import Palette, PlotColour
from tui.widgets.chart_raster import Area, Cells
from tui.widgets.chart_scale import Point, epoch_ticks, log_ticks, ticks

Line = list[tuple[str, PlotColour | None]]
"""Stretches of text of one colour each; None is the colour of the text around."""

_BOXES = str.maketrans("│┤├─┬┴┼└┘┌┐", "|++-+++++++")


def blank_plot(width: int, height: int, palette: Palette) -> Any:
    """A figure of its own: plotext's module-level one is shared by everything in the process."""
    from textual_plotext.plot import Plot

    plot = Plot()
    plot.plotsize(width, height)
    plot._set_size(width, height)  # plotsize keeps within the size of a terminal that plotext asks for itself
    plot.canvas_color("default")
    plot.axes_color("default")
    plot.ticks_color("default" if palette.axis is None else palette.axis)
    return plot


def add_axes(plot: Any, width: int, height: int, xs: Point, ys: Point, log: bool) -> None:
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


def built(plot: Any, width: int, height: int) -> Any:
    """The matrix of cells of a figure; plotext's own text of them takes longer than all the rest."""
    monitor = plot.monitor
    monitor.set_size([width, height])
    monitor.matrix.set_canvas = _no_text
    monitor.matrix.set_matrices = partial(_blank_cells, monitor.matrix)
    monitor.build_plot()
    return monitor.matrix


def _blank_cells(matrix: Any) -> None:
    """Empty cells without a ground of their own; plotext asks of each cell whether it lies within the axes."""
    columns, rows = matrix.cols, matrix.Rows
    matrix.marker = [[" "] * columns for _ in rows]
    matrix.fullground, matrix.background, matrix.style = ([["default"] * columns for _ in rows] for _ in range(3))


def _no_text() -> str:
    return ""


def write(matrix: Any, columns: int, layers: Sequence[tuple[Cells, PlotColour]], stop: str) -> None:
    """Layers into the cells between the axes, the later over the earlier; words that stand there stay."""
    left, below = matrix.Cols_canvas.start, matrix.Rows_canvas.start
    glyphs: dict[int, str] = {}
    colours: dict[int, PlotColour] = {}
    for cells, colour in layers:
        glyphs.update(cells)
        colours.update(dict.fromkeys(cells, colour))
    for cell, glyph in glyphs.items():
        row, column = divmod(cell, columns)
        markers = matrix.marker[below + row]
        if markers[left + column] in (" ", stop):
            markers[left + column] = glyph
            matrix.fullground[below + row][left + column] = colours[cell]


def lines_of(matrix: Any, ascii: bool) -> list[Line]:
    """Cells as stretches of text. Spaces take the colour before them, so that fewer changes of colour are sent."""
    lines: list[Line] = []
    for row in reversed(matrix.Rows):
        line: Line = []
        cells = zip(matrix.fullground[row], matrix.marker[row], strict=True)
        for colour, run in groupby(cells, itemgetter(0)):
            text = "".join([marker for _, marker in run])
            if line and text.isspace():
                line[-1] = (line[-1][0] + text, line[-1][1])
                continue
            line.append((text.translate(_BOXES) if ascii else text, None if isinstance(colour, str) else colour))
        lines.append(line)
    return lines


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture without a cursor. The area between the axes begins at `left` cells, and ends above `below` lines."""

    lines: list[Line]
    area: Area
    left: int
    below: int

    def with_cursor(self, at: float | None, colour: PlotColour | None, ascii: bool) -> list[Line]:
        """The same with a vertical line behind the curves, before the one that marks an end."""
        if at is None or not self.area.xs[0] <= at <= self.area.xs[1]:
            return self.lines
        column = self.left + self.area.column(at)
        first = len(self.lines) - self.below - self.area.rows
        inside = range(first, first + self.area.rows)
        glyphs = ("|", "+") if ascii else ("│", "┴")
        return [
            _put(line, column, glyphs[0], colour, over=" ┊!")
            if y in inside
            else _put(line, column, glyphs[1], colour, over="─┬-+")
            if y == inside.stop
            else line
            for y, line in enumerate(self.lines)
        ]


def _put(line: Line, column: int, glyph: str, colour: PlotColour | None, *, over: str) -> Line:
    """The line with another glyph in one cell, when that holds one of `over`."""
    for index, (text, ink) in enumerate(line):
        if column < len(text):
            if text[column] not in over:
                break
            parts = ((text[:column], ink), (glyph, colour), (text[column + 1 :], ink))
            return [*line[:index], *(part for part in parts if part[0]), *line[index + 1 :]]
        column -= len(text)
    return line
