"""A scroll view without the cache of styled lines that Textual keeps: what it draws goes to the screen as it is.

Private names of Textual in use here, each behind a test in tests/widgets/test_bare.py: `_border.get_box`,
`StylesCache.get_inner_outer`, `RenderStyles._cache_key`.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual._border import get_box
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style as VisualStyle

from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """What is round the lines of a view: blanks and borders at the left and right, and the style of blanks."""

    left: tuple[Segment, ...]
    right: tuple[Segment, ...]
    blank: Style
    background: Color


class BareView(ScrollView):
    """A view of which Textual draws what is above and below its lines only, and all of it under rarer styles.

    For each line painted Textual would look up borders, padding, outline, tint, hatch and opacity, and keep the lines
    by their place: a fifth of what a cursor key takes, where a view keeps its own lines by what they show.
    """

    _box: Box | None = None
    """None when it has to be looked up."""
    _box_key = -1
    _effects = False

    def notify_style_update(self) -> None:
        """What was looked up may be otherwise now."""
        super().notify_style_update()
        self._box = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the view."""
        box, key = self._box, self.styles._cache_key
        if box is None or key != self._box_key:
            box, self._box_key = self._look_up(), key
            self._box = box
        if self._effects:
            return super().render_lines(crop)
        width, height = self.size
        filters, top, strips = self.get_line_filters(), self.styles.gutter.top, list[Strip]()
        x1, x2 = crop.column_span
        whole = (x1, x2) == (0, self.region.width)
        for y in crop.line_range:
            if not top <= y < top + height:
                strips += super().render_lines(Region(crop.x, y, crop.width, 1))
                continue
            strip = self.render_line(y - top).adjust_cell_length(width, box.blank)
            if box.left or box.right:
                strip = Strip([*box.left, *strip, *box.right])
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, box.background)
            strips.append(strip if whole else strip.crop(x1, x2))
        return strips

    def _look_up(self) -> Box:
        styles = self.styles
        below, background = self.background_colors
        rare = styles.tint.a or styles.text_opacity != 1.0 or self.opacity != 1.0 or styles.has_rule("hatch")
        self._effects = bool(rare or any(edge for edge, _ in styles.outline))
        inner, outer = StylesCache.get_inner_outer(StylesCache, below, background)
        padding, (_, right, _, left) = styles.padding, styles.border
        blank = inner.rich_style
        before = [get_box(left[0], inner, outer, VisualStyle(foreground=below + left[1]))[1][0]] if left[0] else []
        after = [get_box(right[0], inner, outer, VisualStyle(foreground=below + right[1]))[1][2]] if right[0] else []
        before += [Segment(" " * padding.left, blank)] if padding.left else []
        after = ([Segment(" " * padding.right, blank)] if padding.right else []) + after
        return Box(tuple(before), tuple(after), blank, background)
