"""Read what two versions of a file hold otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.domain.dataset.pair_differences import Difference, Kind
from tui.domain.differences import Piece, differences
from tui.domain.text import safe, safe_line
from tui.widgets.columns import Column
from tui.widgets.text_pane import TextPane
from tui.widgets.virtual_table import VirtualTable

_SHOWN = 8000


class DifferenceRows:
    """Differences as rows of a table."""

    def __init__(self, found: Sequence[Difference]) -> None:
        self._found = found

    def __len__(self) -> int:
        return len(self._found)

    def key(self, index: int) -> str:
        """The row's number."""
        return str(index)

    def cells(self, index: int) -> Sequence[str | Content]:
        """What became of it, its place, and how it begins."""
        one = self._found[index]
        colour = {Kind.ADDED: "$text-success", Kind.REMOVED: "$text-error", Kind.CHANGED: "$text-warning"}[one.kind]
        text = safe_line(one.after or one.before, 300)
        return (Content.styled(one.kind.value, colour), f"{one.place + 1:,}", text)


class DifferencesDialog(Dialog[bool]):
    """The pairs that differ, and below them the one under the cursor, word by word; gives nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "read(1)", "Read on", show=False, id="differences.down"),
        Binding("pageup", "read(-1)", "Read back", show=False, id="differences.up"),
        Binding("escape", "cancel", "back", key_display="esc", id="differences.back"),
    ]

    def __init__(self, heading: str, found: Sequence[Difference], *, before: str, after: str) -> None:
        super().__init__()
        self.heading = heading
        self._found = tuple(found)
        self._before = before
        self._after = after

    def fields(self) -> ComposeResult:
        numbers = [(kind, sum(d.kind is kind for d in self._found)) for kind in Kind]
        told = {Kind.ADDED: f"only {self._after}", Kind.REMOVED: f"only {self._before}", Kind.CHANGED: "different"}
        note = " · ".join(f"{kind.value} {number:,} {told[kind]}" for kind, number in numbers)
        yield Static(Content(note if self._found else "Both hold the same pairs."), classes="help-text")
        yield VirtualTable(
            (Column("kind", "", 1), Column("place", "#", 7, align="right"), Column("text", "pair", weight=1)),
            empty="no pair differs: only blanks, order or other fields do",
        )
        yield TextPane(id="difference")

    def on_mount(self) -> None:
        table = self.query_one(VirtualTable)
        table.show(DifferenceRows(self._found))
        table.focus()
        self._show(0)

    def on_resize(self) -> None:
        """List and text share what the window leaves."""
        super().on_resize()
        room = max(6, self.size.height - 11)
        self.query_one(VirtualTable).styles.height = max(3, room // 2)
        self.query_one(TextPane).styles.height = max(3, room - room // 2)

    @on(VirtualTable.CursorMoved)
    def _moved(self, message: VirtualTable.CursorMoved) -> None:
        message.stop()
        self._show(message.index)

    def _show(self, index: int) -> None:
        if index < len(self._found):
            one = self._found[index]
            before, after = safe(one.before[:_SHOWN]), safe(one.after[:_SHOWN])
            found = differences(before, after) if one.kind is Kind.CHANGED else None
            left, right = found or ([(before, True)], [(after, True)])
            parts = [*_side(self._before, left, "$text-error")] if before else []
            parts += [*_side(self._after, right, "$text-success")] if after else []
            self.query_one(TextPane).put(Content.assemble(*parts))

    def action_read(self, pages: int) -> None:
        """Scroll the text."""
        self.query_one(TextPane).action_page(pages)


def _side(name: str, pieces: Sequence[Piece], colour: str) -> list[tuple[str, str] | str]:
    """One version under its name; what only it has is coloured and stands in brackets."""
    some = any(not differs for _, differs in pieces)
    parts: list[tuple[str, str] | str] = [(f"{name}\n", "$foreground-muted")]
    for text, differs in pieces:
        parts.append((f"⟦{text}⟧" if some else text, colour) if differs else text)
    return [*parts, "\n"]
