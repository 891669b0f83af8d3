"""What is bought, told in full; throughput wants the name typed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.base_models import Serving
from tui.domain.clock import span
from tui.domain.names import model_name_problem
from tui.domain.serving.pricing import UNKNOWN, TokenPrices, cents
from tui.domain.serving.quotas import UnitQuotas
from tui.domain.text import whole
from tui.domain.values import dataclass
from tui.widgets.fields import ChoiceField, Field, TextField
from tui.widgets.frame import unit_text

TERMS: Mapping[str, tuple[str, int]] = {"OneMonth": ("1 month", 30), "SixMonths": ("6 months", 180)}
"""Commitments: their name, and their days as counted for a total (AWS bills by the hour)."""
_BY_APP, _BY_AWS = "app", "aws"
_MOST_UNITS = 1000


@dataclass(frozen=True, slots=True)
class ServePlan:
    """A confirmed order. `token` is made with it and kept for every try.

    `minutes` is its lease, None until it is deleted; `by_aws` has a schedule in AWS end it, not this app alone.
    """

    kind: Serving
    name: str
    units: int
    token: str
    commitment: str = ""
    minutes: float | None = None
    by_aws: bool = False


@dataclass(frozen=True, slots=True)
class ServeOffer:
    """What is known before the order: whose model, where, at what price, within which quota."""

    model_name: str
    base_model: str
    ways: Sequence[Serving]
    name: str
    sandbox: bool
    region: str
    account: str
    now: datetime
    prices: TokenPrices = UNKNOWN
    quotas: UnitQuotas = field(default_factory=UnitQuotas)
    held: Mapping[str, int] = field(default_factory=dict)
    """Model units of custom models in use, by whether they are committed: `""` and `committed`."""
    lease_minutes: float = 50


class ServeDialog(Dialog[ServePlan]):
    """Only the ways that the base model allows are offered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "order", priority=True, key_display="ctrl+s", id="serve.order")
    ]

    _unnamed = False

    def __init__(self, offer: ServeOffer, *, plan: ServePlan | None = None, problem: str = "") -> None:
        """`plan` is an order that failed, to be mended or sent again, and `problem` why it failed."""
        super().__init__()
        self._offer = offer
        self.heading = f"Serve {offer.model_name}"
        fresh = ServePlan(offer.ways[0], offer.name, 1, str(uuid.uuid4()), minutes=offer.lease_minutes or None)
        self._plan = plan or fresh
        self._problem = problem

    def fields(self) -> ComposeResult:
        offer, plan = self._offer, self._plan
        where = f"{'SANDBOX' if offer.sandbox else 'LIVE'} {offer.region} {offer.account}"
        yield Static(Content(f"{where} · base model {offer.base_model}"), markup=False, classes="help-text")
        yield ChoiceField("way", [(w.value, w.value) for w in offer.ways], plan.kind.value, id="way")
        yield TextField("endpoint name", plan.name, id="name")
        yield TextField("model units", str(plan.units), id="units")
        terms = [("none: deleted when you like", ""), *((name, key) for key, (name, _) in TERMS.items())]
        yield ChoiceField("commitment", terms, plan.commitment, id="commitment")
        yield TextField("for how long", minutes_text(plan.minutes), help="50m, 2h, or empty: until deleted", id="lease")
        enders = [("tanzaku, only while it runs here", _BY_APP), ("AWS, also without tanzaku", _BY_AWS)]
        yield ChoiceField("then deleted by", enders, _BY_AWS if plan.by_aws else _BY_APP, id="ender")
        yield Static("", id="order", markup=False, classes="help-text")
        yield TextField(
            "type the endpoint's name",
            "",
            id="typed",
            help="throughput is bought only when it is typed",
            placeholder="here, and press enter",
        )

    def on_mount(self) -> None:
        self._explain()
        self.complain(self._problem)
        typed = self.query_one("#typed", TextField)
        (typed if typed.display else self.query_one("#name", TextField)).focus()

    # The order as the fields stand

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", TextField).value.strip()

    def _choice(self, name: str) -> str:
        return self.query_one(f"#{name}", ChoiceField).value or ""

    @property
    def _kind(self) -> Serving:
        chosen = self._choice("way")
        return Serving(chosen) if chosen else self._offer.ways[0]

    @property
    def _commitment(self) -> str:
        return self._choice("commitment") if self._kind is Serving.PROVISIONED else ""

    @property
    def _wanted_word(self) -> str:
        """What has to be typed: a commitment wants its term too."""
        name, term = self._text("name"), TERMS.get(self._commitment)
        return f"{name} for {term[0]}" if term else name

    @on(Field.Changed)
    def _explain(self) -> None:
        """What the order is, as the fields stand; a name that was missing is not missed any longer once it is typed."""
        if self._unnamed and self._text("typed") == self._wanted_word:
            self._unnamed = False
            self.complain("")
        buying, commitment = self._kind is Serving.PROVISIONED, self._commitment
        name, units = self.query_one("#name", TextField), self.query_one("#units", TextField)
        lease = self.query_one("#lease", TextField)
        for one in ("units", "typed", "commitment"):
            self.query_one(f"#{one}", Field).display = buying
        lease.display = buying and not commitment
        minutes = parsed_minutes(lease.value)
        self.query_one("#ender", Field).display = lease.display and bool(minutes)
        name.error = model_name_problem(name.value)
        units.error = "" if not buying or _units(units.value) else "a whole number from 1"
        lease.error = "" if minutes is not None or not lease.display else "minutes or hours: 50m, 2h"
        text = self._bought(_units(units.value) or 1, minutes or 0) if buying else self._deployed()
        self.query_one("#order", Static).update(Content(f"\n{text}"))

    def _bought(self, units: int, minutes: float) -> str:
        offer, commitment = self._offer, self._commitment
        term = TERMS.get(commitment)
        kind = f"for {term[0]}" if term else "without commitment"
        parts = [
            f"Buys {unit_text(units)} of provisioned throughput for {offer.model_name}, {kind}: "
            f"{self._cost(units, term)}. It bills from its creation, also while nothing is asked, until it is deleted."
        ]
        if term:
            ends = offer.now + timedelta(days=term[1])
            parts.append(
                f"▲ It cannot be deleted before about {ends:%Y-%m-%d}, bills every hour until then, and renews itself "
                f"for another {term[0]} unless it is deleted at its end."
            )
        elif minutes:
            price = offer.prices.per_hour()
            cost = cents(None if price is None else price * units * minutes / 60)
            parts.append(
                f"Its lease ends {span(timedelta(minutes=minutes))} after it is bought: then ≈ {cost} is spent."
            )
        held = offer.held.get("committed" if commitment else "", 0)
        parts.append(offer.quotas.text(units, held, commitment))
        return " ".join(part for part in parts if part)

    def _cost(self, units: int, term: tuple[str, int] | None) -> str:
        price = self._offer.prices.per_hour(self._commitment)
        if price is None:
            return "$ ? an hour (the price is not known; see the pricing page, or set it in config.toml)"
        hourly = units * price
        total = f", {cents(hourly * 24 * term[1])} in all for {term[0]}" if term else ""
        return f"≈ {cents(hourly)} an hour, ≈ {cents(hourly * 24)} a day{total} (by {self._offer.prices.origin})"

    def _deployed(self) -> str:
        return (
            f"Deploys {self._offer.model_name} on demand: nothing is charged by the hour, only the tokens of each "
            "answer. It stays until it is deleted (X in Jobs)."
        )

    # Ordering

    @on(Input.Submitted)
    def _entered(self) -> None:
        """Enter orders only behind a typed name: it may have been typed ahead, over a slow line."""
        if self._kind is Serving.PROVISIONED:
            self.action_accept()
        else:
            self.complain("ctrl+s deploys it. Nothing was made yet.")

    def action_accept(self) -> None:
        """Order, when everything is right and the name is typed."""
        wrong = next((f for f in self.query(Field) if f.display and f.error), None)
        if wrong is not None:
            self.complain(wrong.error)
            wrong.focus()
        elif self._kind is Serving.PROVISIONED and self._text("typed") != self._wanted_word:
            self._unnamed = True
            self.complain(f"Type {self._wanted_word} in the last field to buy. Nothing was bought.")
            self.query_one("#typed", TextField).focus()
        else:
            self.dismiss(self._ordered())

    def _ordered(self) -> ServePlan:
        kind, commitment = self._kind, self._commitment
        leased = kind is Serving.PROVISIONED and not commitment
        minutes = (parsed_minutes(self._text("lease")) or None) if leased else None
        units = _units(self._text("units")) or 1
        plan = ServePlan(kind, self._text("name"), units, "", commitment, minutes, bool(minutes) and self._by_aws)
        # Another operation, or other parameters, are another order: AWS would not know the token there.
        token = self._plan.token if plan.kind is self._plan.kind else str(uuid.uuid4())
        return ServePlan(kind, plan.name, units, token, commitment, minutes, plan.by_aws)

    @property
    def _by_aws(self) -> bool:
        return self._choice("ender") == _BY_AWS


def parsed_minutes(text: str) -> float | None:
    """`50`, `50m`, `1.5h`, `2h 30m`: minutes; 0 for an empty text (until it is deleted), None for what is no time."""
    text = text.strip().lower()
    if not text:
        return 0
    found = re.fullmatch(r"(?:(\d{1,4}(?:\.\d{1,3})?)\s*h)?\s*(?:(\d{1,5}(?:\.\d{1,3})?)\s*m?(?:in)?)?", text, re.ASCII)
    if found is None:
        return None
    minutes = float(found[1] or 0) * 60 + float(found[2] or 0)
    return minutes if 1 <= minutes <= 60 * 24 * 60 else None


def minutes_text(minutes: float | None) -> str:
    """What `parsed_minutes` reads."""
    return f"{minutes:g}m" if minutes else ""


def _units(text: str) -> int | None:
    return whole(text, _MOST_UNITS) or None
