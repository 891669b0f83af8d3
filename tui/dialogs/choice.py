"""Choose one of a few things, told as rows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.widgets.columns import Column
from tui.widgets.virtual_table import VirtualTable

_TITLE = 34
"""Cells at most for what a choice is, so that there is room for a word about it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One row: what it is, and a word about it. `key` is what the dialog gives back."""

    key: str
    title: str
    note: str = ""


class ChoiceRows:
    """Choices as rows of a table."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = choices

    def __len__(self) -> int:
        return len(self._choices)

    def key(self, index: int) -> str:
        """The choice's key."""
        return self._choices[index].key

    def cells(self, index: int) -> Sequence[str | Content]:
        """Title and note."""
        return (self._choices[index].title, self._choices[index].note)


class ChoiceDialog(Dialog[str]):
    """Gives the key of the chosen row."""

    on_enter = "choose"

    def __init__(self, heading: str, choices: Sequence[Choice], *, chosen: str = "", note: str = "") -> None:
        super().__init__()
        self.heading = heading
        self._choices = tuple(choices)
        self._chosen = chosen
        self._note = note

    def fields(self) -> ComposeResult:
        if self._note:
            yield Static(Content(self._note), markup=False, classes="help-text")
        columns = [Column("title", "")]
        if any(choice.note for choice in self._choices):
            longest = max(cell_len(safe_line(choice.title, 2 * _TITLE)) for choice in self._choices)
            columns = [Column("title", "", min(longest, _TITLE)), Column("note", "")]
        yield VirtualTable(columns, empty="nothing to choose from")

    def on_mount(self) -> None:
        table = self.query_one(VirtualTable)
        table.show(ChoiceRows(self._choices))
        table.styles.height = min(16, len(self._choices) + 1)
        at = next((i for i, c in enumerate(self._choices) if c.key == self._chosen), 0)
        table.move_to(at)
        table.focus()

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self.dismiss(message.key)
