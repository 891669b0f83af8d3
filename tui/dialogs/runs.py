"""Choose one run, or mark several to see them together."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.dialogs.choice import Choice, ChoiceRows
from tui.widgets.columns import Column
from tui.widgets.virtual_table import VirtualTable


class RunsDialog(Dialog[tuple[str, ...]]):
    """Gives the keys of the marked rows in their order, or of the one that enter is pressed on."""

    on_enter = "show"
    heading = "Loss of which runs?"
    hint = "space marks several to lay them over each other"
    column = "run"
    empty = "no runs and no kept curves yet"

    def __init__(self, choices: Sequence[Choice], *, chosen: str = "", marked: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._choices = tuple(choices)
        self._chosen = chosen
        self._marked = marked

    def fields(self) -> ComposeResult:
        yield Static(Content(f"{self.hint}\n"), markup=False, classes="help-text")
        yield VirtualTable((Column("title", self.column, weight=3), Column("note", "", weight=2)), empty=self.empty)

    def on_mount(self) -> None:
        table = self.query_one(VirtualTable)
        table.show(ChoiceRows(self._choices))
        table.styles.height = min(16, len(self._choices) + 1)
        table.marked = self._marked
        table.move_to(next((i for i, c in enumerate(self._choices) if c.key == self._chosen), 0))
        table.focus()

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        marked = self.query_one(VirtualTable).marked
        self.dismiss(tuple(c.key for c in self._choices if c.key in marked) or (message.key,))
