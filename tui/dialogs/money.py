"""What bills: each endpoint with its time, price and cost, and what can be done about it.

It stays open while something is done: the same key pressed again means the endpoint that it meant before, and reaches
nothing below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import CLOSE, Dialog
from tui.dialogs.choice import Choice, ChoiceRows
from tui.domain.clock import end_time, span
from tui.domain.errors import AppError, Cause
from tui.domain.serving.meter import Bill, spent
from tui.domain.serving.pricing import cents
from tui.domain.values import dataclass
from tui.widgets.columns import Column
from tui.widgets.virtual_table import VirtualTable


class MoneyWish(StrEnum):
    """What to do with one of them."""

    DELETE = "delete"
    EXTEND = "extend"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class Account:
    """What is told. `leases` by ARN: the end, and whether AWS itself keeps it. `unseen` are Regions that were not
    looked at, `unasked` is why CloudWatch did not tell when others asked the endpoints."""

    bills: Sequence[Bill]
    leases: Mapping[str, tuple[datetime | None, bool]]
    now: datetime
    unseen: Sequence[str] = ()
    unasked: AppError | None = None


class MoneyDialog(Dialog[None]):
    """Reads like a bill; wishes for the endpoint under the cursor are told to `wished`, with its ARN."""

    BINDINGS: ClassVar[list[BindingType]] = [
        CLOSE,
        CLOSE,
        Binding("X", "wish('delete')", "delete", id="money.delete"),
        Binding("plus", "wish('extend')", "30 min more", key_display="+", id="money.extend"),
        Binding("minus", "wish('lift')", "no end", key_display="-", id="money.lift"),
    ]
    heading = "What bills by the hour"

    def __init__(self, account: Account, wished: Callable[[MoneyWish, str], None]) -> None:
        super().__init__()
        self._account = account
        self._wished = wished

    def fields(self) -> ComposeResult:
        yield VirtualTable(
            (Column("endpoint", "", weight=2), Column("what it costs", "", weight=5)), empty="nothing bills"
        )
        yield Static("", id="bill", markup=False, classes="help-text")
        yield Static("", id="summary", markup=False, classes="help-text")

    def on_mount(self) -> None:
        self.tell(self._account)
        self.query_one(VirtualTable).focus()

    def tell(self, account: Account) -> None:
        """Show how things stand now; the cursor stays on its endpoint."""
        self._account, bills, table = account, account.bills, self.query_one(VirtualTable)
        table.show(ChoiceRows([Choice(b.endpoint.arn, b.endpoint.name, self._line(b)) for b in bills]))
        table.styles.height = max(2, min(12, len(bills) + 1))
        self._explain(table.cursor_key)
        self.query_one("#summary", Static).update(Content(self._summary()))

    @on(VirtualTable.CursorMoved)
    def _moved(self, message: VirtualTable.CursorMoved) -> None:
        self._explain(self._account.bills[message.index].endpoint.arn)

    def _explain(self, arn: str | None) -> None:
        """The line in full, however narrow the window is."""
        bill = next((b for b in self._account.bills if b.endpoint.arn == arn), None)
        text = f"\n{bill.endpoint.name}: {self._line(bill)}" if bill else ""
        self.query_one("#bill", Static).update(Content(text))

    def _line(self, bill: Bill) -> str:
        endpoint, now = bill.endpoint, self._account.now
        idle = bill.idle_for(now)
        until, kept = self._account.leases.get(endpoint.arn, (None, False))
        ends = endpoint.commitment_ends
        term = f"{'committed until' if ends > now else 'commitment ended'} {ends:%Y-%m-%d}" if ends else ""
        parts = [
            f"≈ {cents(bill.spent(now))}",
            f"until {end_time(until, now)}{' (AWS)' if kept else ''}" if until else term or "until deleted",
            f"{endpoint.units} MU for {span(now - endpoint.created)}",
            f"{cents(bill.price)}/MU/h" if bill.price is not None else "$ ?/h",
            endpoint.region,
            f"idle {span(idle)}" if idle else "",
        ]
        return " · ".join(part for part in parts if part)

    def _summary(self) -> str:
        account = self._account
        total = spent(account.bills, account.now)
        lines = [f"\nTogether ≈ {cents(total)} so far, by time and price."]
        lines += [f"Prices: {origin}." for origin in dict.fromkeys(b.origin for b in account.bills if b.origin)]
        if any(b.price is None for b in account.bills):
            lines.append("An unknown price can be written into config.toml (prices.<model>.model_unit_hour).")
        if account.unseen:
            lines.append(f"Not looked at: {', '.join(account.unseen)}.")
        if account.unasked is not None:
            denied = account.unasked.cause is Cause.DENIED
            why = "cloudwatch:GetMetricData is not allowed" if denied else account.unasked.title
            lines.append(f"Idle time knows this app's calls only: {why}.")
        return "\n".join(lines)

    def action_wish(self, wish: str) -> None:
        """Do something about the endpoint under the cursor."""
        key = self.query_one(VirtualTable).cursor_key
        if key:
            self._wished(MoneyWish(wish), key)
