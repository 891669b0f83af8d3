"""Write a system prompt, or take one that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from tui.dialogs.choice import Choice, ChoiceRows
from tui.dialogs.text import TextDialog
from tui.widgets.columns import Column
from tui.widgets.virtual_table import VirtualTable


class SystemDialog(TextDialog):
    """A text with known ones to choose from above it; enter on one puts it into the field, ctrl+s accepts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "other", "list / text", priority=True, key_display="tab", id="system.other"),
    ]

    def __init__(self, heading: str, *, value: str, note: str, known: Sequence[tuple[str, str]], kept_as: str) -> None:
        """`known` are names and texts."""
        super().__init__(heading, value=value, note=note, kept_as=kept_as)
        self._known = tuple(known)

    def fields(self) -> ComposeResult:
        yield from super().fields()
        if self._known:
            yield VirtualTable((Column("name", "known", weight=2), Column("text", "", weight=3)), empty="")

    def on_mount(self) -> None:
        for table in self.query(VirtualTable):
            table.show(ChoiceRows([Choice(str(n), name, text or "none") for n, (name, text) in enumerate(self._known)]))
            table.styles.height = min(6, len(self._known) + 1)

    @on(VirtualTable.RowOpened)
    def _taken(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        area = self.query_one(TextArea)
        area.text = self._known[int(message.key)][1]
        area.move_cursor(area.document.end)
        area.focus()

    def action_other(self) -> None:
        """From the text to the known ones, and back."""
        area = self.query_one(TextArea)
        for table in self.query(VirtualTable):
            (table if area.has_focus else area).focus()
