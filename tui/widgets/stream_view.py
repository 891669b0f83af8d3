"""A conversation that grows token by token, drawn by lines so that a fast stream costs little."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from tui.domain.text import safe
from tui.widgets.scrolling import set_scroll_height
from tui.widgets.stream_block import PREFIX, Block, Kind
from tui.widgets.styled_lines import StyledLine


def _until_flush(now: float, last: float, period: float) -> float:
    """Seconds to the next flush: soon after a pause, else at a beat that all views share.

    Views that are flushed together are painted in one frame, which costs little more than one of them.
    """
    if now - last >= period:
        return 0.001
    wait = period - now % period
    return wait if now + wait - last >= period / 2 else wait + period


class StreamView(ScrollView, can_focus=True, inherit_bindings=False):
    """Blocks of text, the last answer growing; follows the end until the reader scrolls away from it.

    When the pane is full the text jumps half a pane: scrolling by lines would repaint it all for each.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"stream-view--{name}"
        for name in (
            *("question", "answer", "note", "error"),
            *("strong", "em", "struck", "code", "heading", "lead", "mark"),
        )
    }
    DEFAULT_CSS = """
    StreamView {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .stream-view--question { color: $text-accent; text-style: bold; }
        & > .stream-view--note { color: $foreground-muted; }
        & > .stream-view--strong { text-style: bold; }
        & > .stream-view--em { text-style: italic; }
        & > .stream-view--struck { text-style: strike; }
        & > .stream-view--code { color: $text-accent; }
        & > .stream-view--heading { text-style: bold; color: $text-primary; }
        & > .stream-view--lead { color: $foreground-muted; }
        & > .stream-view--mark { text-style: bold underline; color: $text-warning; }
        & > .stream-view--error { color: $text-error; }
    }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "lines(1)", "Down", show=False, id="stream.down"),
        Binding("k,up", "lines(-1)", "Up", show=False, id="stream.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="stream.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="stream.page_up"),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False, id="stream.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False, id="stream.half_up"),
        Binding("g,home", "top", "Top", show=False, id="stream.top"),
        Binding("G,end", "bottom", "Bottom", show=False, id="stream.bottom"),
    ]

    def __init__(self, *, rate: float = 12, id: str | None = None, classes: str | None = None) -> None:
        """`rate`: how often a second appended text is shown at most."""
        super().__init__(id=id, classes=classes)
        self.rate = rate
        self._blocks: list[Block] = []
        self._starts: list[int] = []
        self._waiting: list[str] = []
        self._timer: Timer | None = None
        self._flushed = 0.0
        self._width = 0
        self._following = True
        self._moving = False
        self._growing = False
        self.flushes = 0

    # What the owner says

    @property
    def following(self) -> bool:
        """Whether the end of the text stays in view while it grows."""
        return self._following

    @property
    def text(self) -> str:
        """The whole conversation as safe text, blocks parted by an empty line."""
        self._flush()
        return "\n\n".join(block.text for block in self._blocks)

    @property
    def last_answer(self) -> str:
        """The last answer as safe text; empty when there is none."""
        self._flush()
        return next((b.text for b in reversed(self._blocks) if b.kind == "answer"), "")

    def clear(self) -> None:
        """Forgets everything, also what was not shown yet."""
        self._stop_timer()
        self._waiting.clear()
        self._blocks.clear()
        self._starts.clear()
        self._following, self._growing = True, False
        self._scroll_own(0, 0)
        self.refresh()

    def add_block(self, kind: Kind, text: str = "") -> int:
        """Begins a block of untrusted `text` under the others; gives its number."""
        self._flush(last=True)
        self._growing = kind == "answer"
        block = Block(kind)
        start = self._height + (1 if self._blocks and kind == "question" else 0)
        self._blocks.append(block)
        self._starts.append(start)
        block.extend(safe(text), self._width)
        self._grown(start)
        return len(self._blocks) - 1

    def text_of(self, number: int) -> str:
        """The safe text of a block; empty when it is gone."""
        return self._blocks[number].text if number < len(self._blocks) else ""

    def dress(self, number: int, lines: Sequence[StyledLine] | None) -> None:
        """Shows a block that is finished in styles, or again as it came."""
        if number >= len(self._blocks):
            return
        block = self._blocks[number]
        if block.dress is None and lines is None:
            return
        block.dress = lines
        if not self._width:
            return
        block.rewrap(self._width)
        self._place()
        self._settle()
        self.refresh()

    def append(self, text: str) -> None:
        """Adds untrusted text to the last answer, a new one after any other block; the next flush shows it."""
        if not text:
            return
        if not self._blocks or self._blocks[-1].kind != "answer":
            self.add_block("answer")
        self._growing = True
        self._waiting.append(text)
        if self._timer is None:
            self._timer = self.set_timer(_until_flush(monotonic(), self._flushed, 1 / self.rate), self._flush)

    def finish(self) -> None:
        """Shows what waits, and fills the pane: nothing more comes for now."""
        self._flush(last=True)
        self._growing = False
        self._settle()

    # Growing

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _take_in(self, last: bool = False) -> int | None:
        """Moves the waiting text into the last block; the first line that changed, if any did."""
        if not self._waiting:
            return None
        text = "".join(self._waiting)
        self._waiting.clear()
        if text.endswith("\r") and not last:
            self._waiting.append("\r")
            text = text[:-1]
        block = self._blocks[-1]
        line = self._starts[-1] + len(block.lines) - 1
        block.extend(safe(text), self._width)
        return line

    def _flush(self, last: bool = False) -> None:
        self._stop_timer()
        changed = self._take_in(last)
        if changed is not None:
            self._flushed = monotonic()
            self.flushes += 1
            self._grown(changed)

    @property
    def _height(self) -> int:
        """Lines of the whole text."""
        return self._starts[-1] + len(self._blocks[-1].lines) if self._blocks else 0

    def _grown(self, first: int) -> None:
        """Text changed from line `first` to the end: scrolls if it must, else repaints those lines."""
        pane, total, top = self.size.height, self._height, self.scroll_offset.y
        if not pane:
            return
        if self._following and total > top + pane:
            top = total - max(1, pane // 2) if self._growing else total - pane
            self._scroll_own(max(0, top), max(total, top + pane))
            self.refresh()
            return
        self._scroll_own(top, max(total, top + pane) if total > pane or top else 0)
        y = max(0, first - top)
        if y < pane:
            self.refresh(Region(0, y, self._shown_width, min(pane, total - top) - y))

    def _settle(self) -> None:
        """Takes away the empty lines that a jump left under the text."""
        pane, total = self.size.height, self._height
        if not pane:
            return
        top = max(0, total - pane)
        self._scroll_own(top if self._following else min(self.scroll_offset.y, top), total if top else 0)

    def _scroll_own(self, top: int, height: int) -> None:
        """Scrolls without taking it for the reader's wish."""
        self._moving = True
        try:
            set_scroll_height(self, height)
            if self.is_mounted and top != self.scroll_offset.y:
                self.scroll_to(y=top, animate=False, force=True)
        finally:
            self._moving = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader leaves the end, or comes back to it."""
        super().watch_scroll_y(old_value, new_value)
        if not self._moving:
            self._following = new_value >= self.max_scroll_y

    def action_lines(self, lines: int) -> None:
        """Scrolls by lines."""
        self.scroll_to(y=self.scroll_y + lines, animate=False)

    def action_page(self, pages: float) -> None:
        """Scrolls by a share of the pane."""
        lines = int(pages * self.size.height) or (1 if pages > 0 else -1)
        self.scroll_to(y=self.scroll_y + lines, animate=False)

    def action_top(self) -> None:
        """Scrolls to the first line."""
        self.scroll_to(y=0, animate=False)

    def action_bottom(self) -> None:
        """Scrolls to the end, and follows it."""
        self.scroll_to(y=self.max_scroll_y, animate=False)
        self._following = True

    # Layout and drawing

    def on_resize(self) -> None:
        """Wraps everything anew when the width is another one."""
        width = max(1, self.size.width - self.styles.scrollbar_size_vertical)
        if width != self._width:
            self._width = width
            for block in self._blocks:
                block.rewrap(width)
            self._place()
        if self._following or not self._growing:
            self._settle()
        self.refresh()

    def _place(self) -> None:
        """Blocks stand under each other, an empty line before each question."""
        start = 0
        for number, block in enumerate(self._blocks):
            start += 1 if number and block.kind == "question" else 0
            self._starts[number] = start
            start += len(block.lines)

    def on_unmount(self) -> None:
        """A timer that fires later would find no widget."""
        self._stop_timer()

    @property
    def _shown_width(self) -> int:
        """Cells beside the scroll bar; text is wrapped as if the bar were always there."""
        return self.size.width - self.scrollbar_size_vertical

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        width, line = self._shown_width, y + self.scroll_offset.y
        block = self._block_at(line)
        if block is None:
            return Strip.blank(width, self.rich_style)
        kind, index = self._blocks[block].kind, line - self._starts[block]
        style = self.get_component_rich_style(f"stream-view--{kind}")
        lead = PREFIX[kind] if not index else " " * len(PREFIX[kind])
        segments = [Segment(lead, style)] if lead else []
        runs = self._blocks[block].styles(index)
        segments += [Segment(text, self._style(name) if name else style) for text, name in runs]
        return Strip(segments).adjust_cell_length(width, style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"stream-view--{name}")

    def _block_at(self, line: int) -> int | None:
        """The block that holds `line`; None for the empty lines between and after blocks."""
        block = bisect_right(self._starts, line) - 1
        if block < 0 or line - self._starts[block] >= len(self._blocks[block].lines):
            return None
        return block
