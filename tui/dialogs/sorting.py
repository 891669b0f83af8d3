"""Choose the order of the list of pairs."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.dialogs.base import Dialog
from tui.dialogs.choice import Choice, ChoiceRows
from tui.domain.listing import By, Order
from tui.widgets.columns import Column
from tui.widgets.virtual_table import VirtualTable

_ORDERS = (
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


class SortDialog(Dialog[Order]):
    """Gives the order; each has a letter, a capital where it is turned round."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(letter, f"take({number})", f"{title} {note}".strip(), show=False, id=f"sort.{order.by}{number % 2}")
        for number, (order, title, note, letter) in enumerate(_ORDERS)
    ]
    heading = "Sort the list by"

    def __init__(self, order: Order) -> None:
        super().__init__()
        self._order = order

    def fields(self) -> ComposeResult:
        yield VirtualTable((Column("title", "", weight=2), Column("note", "", weight=3)))

    def on_mount(self) -> None:
        table = self.query_one(VirtualTable)
        table.show(
            ChoiceRows(
                [Choice(str(n), f"{letter}  {title}", note) for n, (_, title, note, letter) in enumerate(_ORDERS)]
            )
        )
        table.styles.height = len(_ORDERS) + 1
        table.move_to(next((n for n, one in enumerate(_ORDERS) if one[0] == self._order), 0))
        table.focus()

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self.dismiss(_ORDERS[int(message.key)][0])

    def action_take(self, number: int) -> None:
        """Take the order of that letter."""
        self.dismiss(_ORDERS[number][0])
