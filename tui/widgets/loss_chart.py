"""The chart of training and validation losses over epochs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.style import Style as VisualStyle
from textual.theme import Theme
from textual.widget import Widget

from tui.domain.loss.losses import Curves
from tui.domain.text import safe_line
from tui.widgets.cells import fit, wrap
from tui.widgets.chart_colours import Palette, PlotColour, css_colour, palette
from tui.widgets.chart_draw import LossFigure, Options, Which
from tui.widgets.chart_frame import Line

__all__ = ["LossChart", "Which"]

_Key = tuple[Size, str, bool, Options, VisualStyle]


class LossChart(Widget):
    """Draws the curves of one or several runs; drawn once for each size, theme and set of options.

    Training is a thick line with `■`, validation a thin one with `●`, the best epoch `◆`, the cursor a
    vertical line; several runs differ by colour. Names and legend belong outside: see `legend`.
    """

    DEFAULT_CSS: ClassVar[str] = "LossChart { height: 1fr; width: 1fr; }"
    ALLOW_SELECT = False

    def __init__(
        self,
        *,
        empty: str = "No losses to show yet.",
        ascii: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`ascii` draws without block and braille characters, for fonts that lack them."""
        super().__init__(id=id, classes=classes)
        self._empty = empty
        self._ascii = ascii
        self._figure = LossFigure(())
        self._options = Options(ascii=ascii)
        self._key: _Key | None = None
        self._strips: list[Strip] = []
        self._has_curves = False
        self.draws = 0

    def show(
        self,
        curves: Sequence[Curves],
        *,
        cursor_epoch: int | None = None,
        log: bool = False,
        steps: bool = False,
        only: Which | None = None,
        zoom: tuple[int, int] | None = None,
        smooth: float | None = None,
        cursor_at: float | None = None,
        colours: Sequence[int] | None = None,
        ascii: bool | None = None,
    ) -> None:
        """Draws these runs. `log`: logarithmic losses; `steps`: every step's loss too; `only`: one curve; `zoom`:
        first and last epoch; `smooth`: the moving average with this weight; `cursor_at`: a place between epochs;
        `colours`: each run's number in the palette, which stays its own when others come and go; `ascii`: as when
        the widget was made, unless told."""
        self._ascii = self._ascii if ascii is None else ascii
        figure = LossFigure(curves, colours)
        same = (
            len(curves) == len(self._figure.curves)
            and figure.colours == self._figure.colours
            and all(new is old for new, old in zip(curves, self._figure.curves, strict=True))
        )
        options = Options(cursor_epoch, log, steps, only, self._ascii, zoom, smooth, cursor_at)
        if same and options == self._options:
            return
        self._options = options
        if not same:
            self._figure = figure
            self._key = None
        if self._key is None:
            self.refresh()
        else:
            self._repaint_changed()

    def legend(self, *, width: int = 40) -> Content:
        """What the lines mean, in their colours, for a line beside the chart; names of runs in `width` cells."""
        markers, colours, runs = self._options.markers, self._palette(), self._figure.curves
        parts: list[str | tuple[str, str]] = []
        for index, run in enumerate(runs):
            training, validation = (css_colour(colour) for colour in self._figure.inks(index, colours))
            marks = self._figure.marks(index, markers)
            if len(runs) > 1:
                which = {"training": marks[0], "validation": marks[1]}.get(self._options.only or "", "/".join(marks))
                parts += ["  " if index else "", (f"{which} {safe_line(run.name, width)}", training)]
                continue
            if run.training:
                parts += [(f"{marks[0]} training", training), "  "]
            if run.validation:
                parts += [(f"{marks[1]} validation", validation), "  "]
        if any(run.best for run in runs):
            parts.append(f"{'  ' if len(runs) > 1 else ''}{markers.best} best")
        return Content.assemble(*parts)

    def on_mount(self) -> None:
        """A theme brings other colours."""
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def _theme_changed(self, _theme: Theme) -> None:
        self.refresh()

    def _palette(self) -> Palette:
        return palette(self.app.theme_variables, self.app.native_ansi_color)

    def render_line(self, y: int) -> Strip:
        """One line of the chart, which is drawn anew when anything it depends on has changed."""
        self._draw()
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def _draw(self) -> None:
        key = (self.size, self.app.theme, self.app.native_ansi_color, self._options, self.visual_style)
        if key == self._key:
            return
        self._key = key
        self.draws += 1
        width, height = self.size
        lines = self._figure.draw(width, height, self._options, self._palette())
        base = self.rich_style
        self._has_curves = bool(lines)
        if not lines:
            sentence = wrap(self._empty, max(1, width - 2))
            top = [""] * max(0, (height - len(sentence)) // 2)
            lines = [_plain(f" {fit(text, width - 1)}") for text in top + sentence][:height]
        self._strips = [_strip(line, base).adjust_cell_length(width, base) for line in lines]

    def _repaint_changed(self) -> None:
        """Repaints each line as far as another cursor or option changes it."""
        before, had_curves = self._strips, self._has_curves
        self._draw()
        if not (had_curves and self._has_curves) or len(before) != len(self._strips):
            self.refresh()
            return
        ends = [_last_difference(*lines) for lines in zip(before, self._strips, strict=True)]
        regions = [Region(0, y, end, 1) for y, end in enumerate(ends) if end]
        if regions:
            self.refresh(*regions)


def _plain(text: str) -> Line:
    return [(text, None)]


def _strip(line: Line, base: Style) -> Strip:
    """A line as segments on the widget's own ground."""
    return Strip([Segment(text, _ink(base, colour)) for text, colour in line])


@lru_cache(256)
def _ink(base: Style, colour: PlotColour | None) -> Style:
    if colour is None:
        return base
    return base + Style(color=Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour))


def _last_difference(old: Strip, new: Strip) -> int:
    """How many cells from the left hold every difference; a repaint always starts at the left edge."""
    last, now = list(old), list(new)
    while last and now and last[-1] == now[-1]:
        last.pop()
        now.pop()
    before, after = _cells(last), _cells(now)
    end = len(after)
    while end and before[end - 1] == after[end - 1]:
        end -= 1
    return end


def _cells(segments: Sequence[Segment]) -> list[tuple[str, Style | None]]:
    """Character and style of each cell; everything in a chart is one cell wide."""
    return [(character, style) for text, style, _ in segments for character in text]
