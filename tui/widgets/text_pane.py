"""Text that is shown, scrolled and replaced without laying the screen out again."""

from __future__ import annotations

from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.visual import Visual
from textual.widgets import Static

from tui.widgets.bare import BareView
from tui.widgets.cells import displayed, wrap_line
from tui.widgets.own_keys import OwnKeys
from tui.widgets.scrolling import set_scroll_height


class Line(Static):
    """One line of the program's own text and of outside text as Content; replaced by `put`."""

    DEFAULT_CSS = "Line { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._shown = Content("")

    def put(self, content: Content) -> None:
        """Show something else; the height is one line whatever it is, so nothing is laid out anew."""
        if not content.is_same(self._shown):
            self._shown = content
            self.update(content, layout=False)


class TextPane(OwnKeys, BareView, can_focus=True, inherit_bindings=False):
    """A text in a pane of its own; only the lines that differ are painted when it is replaced."""

    DEFAULT_CSS = """
    TextPane { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    TextPane:focus { background: $surface; }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "lines(1)", "Down", show=False, id="text.down"),
        Binding("k,up", "lines(-1)", "Up", show=False, id="text.up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="text.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="text.page_up"),
        Binding("g,home", "to(0)", "Top", show=False, id="text.top"),
        Binding("G,end", "to(1)", "End", show=False, id="text.end"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._content = Content("")
        self._number = 0
        """Of the content: another one for another text."""
        self._strips: list[Strip] = []
        self._wrapped: tuple[object, ...] = ()
        self._sized = Size(0, 0)
        self._hit = -1
        """The line of the hit that was shown last."""

    @property
    def content(self) -> Content:
        """What is shown."""
        return self._content

    def put(self, content: Content, *, keep_place: bool = False) -> None:
        """Show another text, from its top unless told to keep the place."""
        if content.is_same(self._content):
            return
        self._content, self._number, self._hit = content, self._number + 1, -1
        if not self.is_mounted:
            return
        if not self.size:  # out of view, where lines cannot be compared: all are painted when it comes back
            self._wrapped = ()
            if not keep_place:
                self.scroll_to(y=0, animate=False, force=True)
            self.refresh()
            return
        before, top = self._visible()
        if not keep_place and self.scroll_offset.y:
            self.scroll_to(y=0, animate=False, force=True)
        self._wrap()
        after, now = self._visible()
        if top != now or len(before) != len(after):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                self.refresh(Region(0, y, max(_length(old), _length(new)), 1))

    def _visible(self) -> tuple[list[Strip | None], int]:
        top = self.scroll_offset.y
        lines = [self._strips[top + y] if top + y < len(self._strips) else None for y in range(self.size.height)]
        return lines, top

    def _wrap(self) -> None:
        width = max(1, self.size.width - self.styles.scrollbar_size_vertical)
        key = (width, self.app.theme, self.visual_style, self._number)
        if key != self._wrapped:
            self._wrapped = key
            self._strips = Visual.to_strips(
                self, _broken(self._content, width), width, None, self.visual_style, pad=True
            )
            set_scroll_height(self, len(self._strips))

    def to_hit(self, step: int, *, fresh: bool = False) -> bool:
        """Bring the next or last line with reversed text into view; False when there is none further on.

        A `fresh` look begins at the end it comes from.
        """
        self._wrap()
        hits = [y for y, strip in enumerate(self._strips) if any(s.style and s.style.reverse for s in strip)]
        if self._hit < 0 and not fresh:
            # What is seen already need not be looked for.
            seen = [y for y in hits if self.scroll_offset.y <= y < self.scroll_offset.y + self.size.height]
            self._hit = (seen[-1] if step > 0 else seen[0]) if seen else -1
        if self._hit < 0:
            further = hits if step > 0 else hits[::-1]
        else:
            further = [y for y in hits if y > self._hit] if step > 0 else [y for y in hits[::-1] if y < self._hit]
        if not further:
            return False
        self._hit = further[0]
        if not self.scroll_offset.y <= self._hit < self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(0, self._hit - 1), animate=False)
        return True

    def on_resize(self) -> None:
        """Another width wraps otherwise; coming into view again at the same size needs no second paint."""
        self._wrap()
        if self.size != self._sized:
            self._sized = self.size
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        self._wrap()
        line = y + self.scroll_offset.y
        width = self.size.width - self.scrollbar_size_vertical
        style = self.visual_style.rich_style
        if line >= len(self._strips):
            return Strip.blank(width, style)
        return self._strips[line].adjust_cell_length(width, style)

    def action_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_y + lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by panes."""
        self.scroll_to(y=self.scroll_y + pages * max(1, self.size.height - 1), animate=False)

    def action_to(self, end: int) -> None:
        """Scroll to the top or the end."""
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False)


def _length(strip: Strip | None) -> int:
    """Cells up to the end of what is written in a line."""
    return cell_len(strip.text.rstrip()) if strip is not None else 0


def _broken(content: Content, width: int) -> Content:
    """Lines with wide characters, broken between them: left alone they go to the next line like one long word."""
    if content.plain.isascii():
        return content
    parts: list[Content] = []
    for line in content.split("\n", allow_blank=True):
        plain = line.plain
        if plain.isascii() or displayed(plain) != plain:
            parts.append(line)
        else:
            ends = list(accumulate(len(part) for part in wrap_line(plain, width)))
            parts += [part.rstrip() for part in line.divide(ends[:-1])]
    return Content("\n").join(parts)
