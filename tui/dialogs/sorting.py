"""Choose the order of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.events import Key

from tui.dialogs.base import Dialog
from tui.dialogs.choice import Choice, ChoiceRows
from tui.domain.dataset.listing import By, Order
from tui.widgets.columns import Column
from tui.widgets.virtual_table import VirtualTable

T = TypeVar("T")
Orders = Sequence[tuple[T, str, str, str]]
"""Each order with its name, a word about it, and its letter."""

PAIR_ORDERS: Orders[Order] = (
    (Order(), "file order", "as the records stand in the file", "f"),
    (Order(By.NUMBER, True), "file order, last first", "", "F"),
    (Order(By.QUESTION), "question", "from A to Z", "q"),
    (Order(By.QUESTION, True), "question", "from Z to A", "Q"),
    (Order(By.ANSWER), "answer", "from A to Z", "a"),
    (Order(By.ANSWER, True), "answer", "from Z to A", "A"),
    (Order(By.TOKENS), "tokens", "shortest first", "t"),
    (Order(By.TOKENS, True), "tokens", "longest first", "T"),
    (Order(By.PROBLEMS), "problems", "errors, warnings, then the rest", "p"),
    (Order(By.PROBLEMS, True), "problems", "clean ones first", "P"),
)


class SortDialog(Dialog[T], Generic[T]):
    """Gives the order; each has a letter, a capital where it is turned round."""

    on_enter = "sort"
    heading = "Sort the list by"

    def __init__(self, orders: Orders[T], order: T) -> None:
        super().__init__()
        self._orders = orders
        self._order = order

    def fields(self) -> ComposeResult:
        yield VirtualTable((Column("title", "", weight=2), Column("note", "", weight=3)))

    def on_mount(self) -> None:
        table = self.query_one(VirtualTable)
        choices = [
            Choice(str(n), f"{letter}  {title}", note) for n, (_, title, note, letter) in enumerate(self._orders)
        ]
        table.show(ChoiceRows(choices))
        table.styles.height = len(self._orders) + 1
        table.move_to(next((n for n, one in enumerate(self._orders) if one[0] == self._order), 0))
        table.focus()

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self.dismiss(self._orders[int(message.key)][0])

    def on_key(self, event: Key) -> None:
        """Take the order of that letter."""
        chosen = next((order for order, _, _, letter in self._orders if letter == event.character), None)
        if chosen is not None:
            event.stop()
            self.dismiss(chosen)
