"""What is bought, told in full; throughput wants the name typed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.base_models import Serving
from tui.domain.names import model_name_problem
from tui.widgets.fields import ChoiceField, Field, TextField
from tui.widgets.frame import unit_text


@dataclass(frozen=True, slots=True)
class ServePlan:
    """A confirmed order. `token` is made with it and kept for every try."""

    kind: Serving
    name: str
    units: int
    token: str


class ServeDialog(Dialog[ServePlan]):
    """Only the ways that the base model allows are offered; no commitment is made here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "Order", priority=True, key_display="ctrl+s", id="serve.order")
    ]

    def __init__(
        self,
        *,
        model_name: str,
        base_model: str,
        ways: Sequence[Serving],
        name: str,
        price: float | None,
        sandbox: bool,
        region: str,
        account: str,
        plan: ServePlan | None = None,
        problem: str = "",
    ) -> None:
        """`plan` is an order that failed, to be mended or sent again, and `problem` why it failed."""
        super().__init__()
        self.heading = f"Serve {model_name}"
        self._where = f"{'SANDBOX' if sandbox else 'LIVE'} {region} {account} · base model {base_model}"
        self._model_name = model_name
        self._ways = tuple(ways)
        self._price = price
        self._plan = plan or ServePlan(self._ways[0], name, 1, str(uuid.uuid4()))
        self._problem = problem

    def fields(self) -> ComposeResult:
        yield Static(Content(f"{self._where}\n"), markup=False, classes="help-text")
        yield ChoiceField("way", [(w.value, w.value) for w in self._ways], self._plan.kind.value, id="way")
        yield TextField("endpoint name", self._plan.name, id="name")
        yield TextField("model units", str(self._plan.units), id="units")
        yield Static("", id="order", markup=False, classes="help-text")
        yield TextField("type the endpoint's name", "", id="typed", help="throughput is bought only when it is typed")

    def on_mount(self) -> None:
        self._explain()
        self.complain(self._problem)
        typed = self.query_one("#typed", TextField)
        (typed if typed.display else self.query_one("#name", TextField)).focus()

    @property
    def _kind(self) -> Serving:
        chosen = self.query_one("#way", ChoiceField).value
        return Serving(chosen) if chosen else self._ways[0]

    @on(Field.Changed)
    def _explain(self) -> None:
        """What the order is, as the fields stand."""
        buying = self._kind is Serving.PROVISIONED
        name, units = self.query_one("#name", TextField), self.query_one("#units", TextField)
        units.display = self.query_one("#typed", TextField).display = buying
        name.error = model_name_problem(name.value)
        units.error = "" if not buying or _units(units.value) else "a whole number from 1"
        text = self._bought(_units(units.value) or 1) if buying else self._deployed()
        self.query_one("#order", Static).update(Content(f"\n{text}\n"))

    def _bought(self, units: int) -> str:
        if self._price is None:
            cost = "$ ? an hour (set price_per_model_unit_hour in config.toml when you know your price)"
        else:
            hourly = units * self._price
            cost = f"≈ ${hourly:,.2f} an hour, ≈ ${hourly * 24:,.2f} a day, by the price in your config.toml"
        return (
            f"Buys {unit_text(units)} of provisioned throughput for {self._model_name}, without commitment: {cost}. "
            "It bills from its creation, also while nothing is asked, until it is deleted (X in Jobs)."
        )

    def _deployed(self) -> str:
        return (
            f"Deploys {self._model_name} on demand: nothing is charged by the hour, only the tokens of each answer. "
            "It stays until it is deleted (X in Jobs)."
        )

    @on(Input.Submitted)
    def _entered(self) -> None:
        """Enter orders only behind a typed name: it may have been typed ahead, over a slow line."""
        if self._kind is Serving.PROVISIONED:
            self.action_accept()
        else:
            self.complain("ctrl+s deploys it. Nothing was made yet.")

    def action_accept(self) -> None:
        """Order, when everything is right and the name is typed."""
        name, units = self.query_one("#name", TextField), self.query_one("#units", TextField)
        kind = self._kind
        if name.error or units.error:
            self.complain(name.error or units.error)
        elif kind is Serving.PROVISIONED and self.query_one("#typed", TextField).value.strip() != name.value:
            self.complain(f"Type {name.value} in the last field to buy. Nothing was bought.")
            self.query_one("#typed", TextField).focus()
        else:
            # Another operation is another order: AWS would not know the token there.
            token = self._plan.token if kind is self._plan.kind else str(uuid.uuid4())
            self.dismiss(ServePlan(kind, name.value, _units(units.value) or 1, token))


def _units(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= 1000 else None
