"""A table of any number of rows that asks for, draws and sends only the lines that are seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.style import Style as VisualStyle

from tui.domain.text import UNSAFE
from tui.widgets.bare import BareView
from tui.widgets.cells import fit, wrap
from tui.widgets.columns import Column, Placed, aligned, gap, place, styled
from tui.widgets.own_keys import OwnKeys
from tui.widgets.scrolling import set_scroll_height
from tui.widgets.table_rows import KnowsKeys, NoRows, RowSource, outwards

__all__ = ["Column", "RowSource", "VirtualTable"]

_MARKER = 2


class VirtualTable(OwnKeys, BareView, can_focus=True, inherit_bindings=False):
    """Rows of a `RowSource` with a cursor and marks, under a header that stays.

    The first two cells of a row say `▸` for the cursor and `*` for a mark, so colour is never needed.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--header",
        "virtual-table--cursor",
        "virtual-table--marked",
        "virtual-table--empty",
    }
    DEFAULT_CSS = """
    VirtualTable {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .virtual-table--header { color: $text-muted; text-style: bold; }
        & > .virtual-table--cursor { text-style: bold; }
        & > .virtual-table--marked { color: $text-accent; }
        & > .virtual-table--empty { color: $text-muted; }
        &:focus > .virtual-table--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
        }
    }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", "Down", show=False, id="table.down"),
        Binding("k,up", "step(-1)", "Up", show=False, id="table.up"),
        Binding("g,home", "first", "First", show=False, id="table.first"),
        Binding("G,end", "last", "Last", show=False, id="table.last"),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False, id="table.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False, id="table.half_up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("enter", "open", "Open", show=False, id="table.open"),
        Binding("space", "mark", "Mark", show=False, id="table.mark"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the current row; 0 when there are no rows."""

    class RowMessage(Message):
        """About one row of one table."""

        def __init__(self, table: VirtualTable, index: int, key: str) -> None:
            super().__init__()
            self.table = table
            self.index = index
            self.key = key

        @property
        def control(self) -> VirtualTable:
            """The table, for selectors of `on`."""
            return self.table

    class CursorMoved(RowMessage):
        """Another row, or another index of the same row, is current."""

    class RowOpened(RowMessage):
        """Enter, or a click on the current row."""

    class MarksChanged(Message):
        """Rows were marked or unmarked."""

        def __init__(self, table: VirtualTable, count: int) -> None:
            super().__init__()
            self.table = table
            self.count = count

        @property
        def control(self) -> VirtualTable:
            """The table, for selectors of `on`."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self._empty = empty
        self._source: RowSource = NoRows()
        self._cursor_key: str | None = None
        self._told: tuple[int, str] | None = None
        self._sized = Size(0, 0)
        self._marked: set[str] = set()
        self._placed: tuple[Placed, ...] = ()
        self._shared_width = -1
        self._strips: LRUCache[tuple[int, bool], Strip] = LRUCache(512)
        self._drawn: dict[int, Strip] = {}
        self._styles_seen: dict[str, VisualStyle] = {}
        self._sorted_by: tuple[str, bool] | None = None
        self.follow: Callable[[int], None] | None = None
        """Called with the new row as soon as the cursor moves, in place of the message: what it draws is painted
        together with the cursor."""

    # What the owner says

    def show(self, source: RowSource, *, keep_cursor: bool = True) -> None:
        """Shows other rows; the cursor stays on its key and its screen line, else on the nearest index."""
        before = self.cursor
        key, self._source = self._cursor_key, source
        index = before if keep_cursor else 0
        if keep_cursor and key is not None:
            found = self._find(key, before)
            index = before if found is None else found
        index = max(0, min(index, len(source) - 1))
        self._resize_rows()
        if keep_cursor and index != before and self.is_mounted:
            self.scroll_to(y=self.scroll_y + index - before, animate=False)
        self._strips.clear()
        if not self._set_cursor(index):
            self._announce()
        self._keep_visible()
        self._repaint_changed()

    def show_columns(self, columns: Sequence[Column], source: RowSource) -> None:
        """Shows rows of another kind, under other heads."""
        if self.columns != tuple(columns):
            self.columns = tuple(columns)
            self._shared_width = -1
            self._source = NoRows()
            self.refresh()
        self.show(source)

    def refresh_rows(self) -> None:
        """Asks for the visible rows again and repaints those lines that differ."""
        self._strips.clear()
        self._repaint_changed()

    def set_empty(self, text: str) -> None:
        """The text shown when there are no rows."""
        if text != self._empty:
            self._empty = text
            self._repaint_changed()

    @property
    def sorted_by(self) -> tuple[str, bool] | None:
        """Key of the column that the rows are sorted by, and whether descending; None when by none."""
        return self._sorted_by

    @sorted_by.setter
    def sorted_by(self, by: tuple[str, bool] | None) -> None:
        if by != self._sorted_by:
            self._sorted_by = by
            self.refresh(Region(0, 0, self._width, 1))

    def move_to(self, index: int) -> None:
        """Puts the cursor on row `index`, the nearest one if there is none."""
        self.cursor = index

    @property
    def source(self) -> RowSource:
        """The rows shown."""
        return self._source

    @property
    def cursor_key(self) -> str | None:
        """Key of the current row; None when there are no rows."""
        return self._cursor_key

    @property
    def mark_count(self) -> int:
        """How many rows are marked."""
        return len(self._marked)

    @property
    def marked(self) -> frozenset[str]:
        """Keys of the marked rows, also of those not among the rows shown now."""
        return frozenset(self._marked)

    @marked.setter
    def marked(self, keys: frozenset[str]) -> None:
        if keys != self._marked:
            self._marked = set(keys)
            self._marks_changed()

    def _marks_changed(self) -> None:
        self.refresh_rows()
        self.post_message(self.MarksChanged(self, len(self._marked)))

    def toggle_mark(self) -> None:
        """Marks the current row, or takes its mark away."""
        if self._cursor_key is not None:
            self._marked ^= {self._cursor_key}  # in place: there may be very many
            self._marks_changed()

    # Cursor

    def validate_cursor(self, index: int) -> int:
        """Within the rows."""
        return max(0, min(index, len(self._source) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Repaints the two rows, and tells."""
        self._repaint_row(before)
        self._repaint_row(after)
        self._keep_visible()
        self._announce()

    def _set_cursor(self, index: int) -> bool:
        """Moves the cursor; whether it was elsewhere (then the watcher told)."""
        moved = index != self.cursor
        self.cursor = index
        return moved

    def _announce(self) -> None:
        """Tells of the cursor unless the same key stands at the same index as before."""
        if not len(self._source):
            self._cursor_key = self._told = None
            return
        self._cursor_key = self._source.key(self.cursor)
        now = (self.cursor, self._cursor_key)
        if now != self._told:
            self._told = now
            if self.follow is not None:
                self.follow(self.cursor)
            else:
                self.post_message(self.CursorMoved(self, *now))

    def _find(self, key: str, near: int) -> int | None:
        """The index of `key`: asked of a source that knows it, else looked for from `near` outwards."""
        if isinstance(self._source, KnowsKeys):
            return self._source.find(key)
        key_of = self._source.key
        return next((i for i in outwards(near, len(self._source)) if key_of(i) == key), None)

    @property
    def _page(self) -> int:
        """Rows seen at once."""
        return max(1, self.size.height - 1)

    def _keep_visible(self) -> None:
        """Scrolls when the cursor is out of view, by half a page at least: each scroll repaints all lines."""
        if not self.size.height:
            return
        top, page, row = self.scroll_offset.y, self._page, self.cursor
        if row < top:
            top = min(row, top - page // 2)
        elif row >= top + page:
            top = max(row - page + 1, min(top + page // 2, row))
        else:
            return
        self.scroll_to(y=max(0, top), animate=False)

    def action_step(self, rows: int) -> None:
        """Moves the cursor by `rows`."""
        self.cursor += rows

    def action_first(self) -> None:
        """Moves to the first row."""
        self.cursor = 0

    def action_last(self) -> None:
        """Moves to the last row."""
        self.cursor = len(self._source) - 1

    def action_page(self, pages: float) -> None:
        """Moves view and cursor by a share of the page."""
        rows = int(pages * self._page) or (1 if pages > 0 else -1)
        self.scroll_to(y=self.scroll_y + rows, animate=False)
        self.cursor += rows

    def action_open(self) -> None:
        """Tells that the current row was opened."""
        if self._cursor_key is not None:
            self.post_message(self.RowOpened(self, self.cursor, self._cursor_key))

    def action_mark(self) -> None:
        """Marks the current row, or takes its mark away."""
        self.toggle_mark()

    def on_click(self, event: events.Click) -> None:
        """Selects a row; opens it when it was the current one."""
        row = self._row_at(event.y)
        if row is None:
            return
        event.stop()
        if row == self.cursor:
            self.action_open()
        else:
            self.cursor = row

    # Layout and drawing

    def on_mount(self) -> None:
        """Rows may have come before the size."""
        self._resize_rows()

    def on_resize(self) -> None:
        """Another height may hide the cursor; widths are shared out when the first line is drawn.

        Whoever comes into view again at the same size is painted by the layout already.
        """
        if self.size != self._sized:
            self._sized = self.size
            self._keep_visible()
            self.refresh()

    def notify_style_update(self) -> None:
        """Theme or focus changed: strips hold colours."""
        super().notify_style_update()
        self._styles_seen.clear()
        self._strips.clear()

    def _resize_rows(self) -> None:
        set_scroll_height(self, len(self._source) + 1)

    @property
    def _width(self) -> int:
        """Cells beside the scroll bar."""
        return self.size.width - self.scrollbar_size_vertical

    def _row_at(self, y: int) -> int | None:
        row = y - 1 + self.scroll_offset.y
        return row if y >= 1 and row < len(self._source) else None

    def _repaint_row(self, row: int) -> None:
        y = row - self.scroll_offset.y + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self._width, 1))

    def _repaint_changed(self) -> None:
        """Repaints those visible lines that are not what was drawn last."""
        if not self.is_mounted:
            return
        if not self.size:  # out of view: all is painted when it comes back
            self.refresh()
        for y in range(1, self.size.height):
            if self._line(y) != self._drawn.get(y):
                self.refresh(Region(0, y, self._width, 1))

    def render_line(self, y: int) -> Strip:
        """One line of the widget: the header, a row, or nothing."""
        strip = self._drawn[y] = self._line(y)
        return strip

    def _line(self, y: int) -> Strip:
        width = self._width
        if width != self._shared_width:
            self._shared_width, self._placed = width, place(self.columns, width, _MARKER)
            self._strips.clear()
        if y == 0:
            return self._header()
        row = self._row_at(y)
        if row is not None:
            return self._row(row)
        if not len(self._source) and self._empty:
            lines = wrap(self._empty, max(1, width - _MARKER))
            if y <= len(lines):
                text = fit(" " * _MARKER + lines[y - 1], width) if width <= _MARKER else ""
                text = text or " " * _MARKER + fit(lines[y - 1], width - _MARKER)
                return Strip([Segment(text, self._rich("virtual-table--empty"))], width)
        return Strip.blank(width, self._rich())

    def _header(self) -> Strip:
        width = self._width
        titles = [aligned(self._title(p.column), p) for p in self._placed]
        text = " " * min(_MARKER, width) + (" " * gap(width)).join(titles)
        style = self._rich("virtual-table--header")
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _title(self, column: Column) -> str:
        if self._sorted_by is None or self._sorted_by[0] != column.key:
            return column.title
        return f"{column.title}{'↓' if self._sorted_by[1] else '↑'}"

    def _row(self, row: int) -> Strip:
        current = row == self.cursor
        strip = self._strips.get((row, current))
        if strip is None:
            strip = self._strips[row, current] = self._draw(row, current)
        return strip

    def _draw(self, row: int, current: bool) -> Strip:
        width = self._width
        marked = bool(self._marked) and self._source.key(row) in self._marked
        names = ["virtual-table--marked"] * marked + ["virtual-table--cursor"] * current
        style = self._visual(*names)
        rich = style.rich_style
        segments = [Segment((("▸" if current else " ") + ("*" if marked else " "))[:width], rich)]
        values = self._source.cells(row)
        between = " " * gap(width)
        for number, placed in enumerate(self._placed):
            value = values[placed.index]
            if isinstance(value, Content) and not UNSAFE.search(value.plain):
                segments.append(Segment(between if number else "", rich))
                segments += styled(value, placed).render_segments(style)
            else:
                text = aligned(value if isinstance(value, str) else value.plain, placed)
                segments.append(Segment((between if number else "") + text, rich))
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, rich)

    def _visual(self, *names: str) -> VisualStyle:
        name = " ".join(names)
        style = self._styles_seen.get(name)
        if style is None:
            style = self._styles_seen[name] = self.get_visual_style(*names)
        return style

    def _rich(self, *names: str) -> Style:
        return self._visual(*names).rich_style
