"""What bills by the hour, since when and how much: the money meter's arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tui.domain.serving.pricing import UNKNOWN, TokenPrices, cents
from tui.domain.training.runs import Endpoint
from tui.domain.values import dataclass

IDLE = timedelta(minutes=15)
"""An endpoint in service that nobody asked for so long is told as idle."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Provisioned throughput in other Regions; `unseen` are those that could not be looked at."""

    endpoints: tuple[Endpoint, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill:
    """One endpoint that bills by the hour. `price` is USD per model unit and hour, None when it is not known."""

    endpoint: Endpoint
    price: float | None = None
    origin: str = ""
    asked: datetime | None = None
    elsewhere: bool = False
    """Whether it is in another Region than the one that is shown."""

    @property
    def hourly(self) -> float | None:
        """USD an hour for all its units."""
        return None if self.price is None else self.price * self.endpoint.units

    def spent(self, now: datetime) -> float | None:
        """USD since it was made: units times hours times the price, no rounding to whole hours (AWS tells of none)."""
        hours = max(0.0, (now - self.endpoint.created).total_seconds() / 3600)
        return None if self.hourly is None else self.hourly * hours

    def idle_for(self, now: datetime) -> timedelta | None:
        """How long nobody has asked it; None while it is not in service, or is in use."""
        if not self.endpoint.ready:
            return None
        since = now - max(filter(None, (self.endpoint.created, self.asked)))
        return since if since >= IDLE else None


def bills_of(
    endpoints: Iterable[Endpoint],
    prices: Mapping[str, TokenPrices],
    asked: Mapping[str, datetime],
    *,
    elsewhere: bool = False,
) -> tuple[Bill, ...]:
    """Bills of the endpoints that bill by the hour; `prices` and `asked` are by the endpoint's ARN."""
    found = []
    for endpoint in endpoints:
        if endpoint.bills_by_hour:
            known = prices.get(endpoint.arn, UNKNOWN)
            price = known.per_hour(endpoint.commitment)
            origin = known.origin if price is not None else ""
            found.append(Bill(endpoint, price, origin, asked.get(endpoint.arn), elsewhere))
    return tuple(found)


def latest(*known: Mapping[str, datetime]) -> dict[str, datetime]:
    """The later time of each ARN."""
    found: dict[str, datetime] = {}
    for times in known:
        for arn, at in times.items():
            found[arn] = max(at, found.get(arn, at))
    return found


def spent(bills: Sequence[Bill], now: datetime) -> float | None:
    """USD of all of them so far; None when a price is missing."""
    parts = [bill.spent(now) for bill in bills]
    return None if any(part is None for part in parts) else sum(part for part in parts if part is not None)


def meter_text(bills: Sequence[Bill], now: datetime, *, unsure: bool = False, unseen: bool = False) -> str:
    """`● 1 MU 0:42 ≈ $3.10`: model units, running time of the oldest, estimated spend; empty when nothing bills.

    `● ? MU` when throughputs may never have been listed (`unseen`), `1 MU?` when they may no longer be (`unsure`).
    """
    if not bills:
        return "● ? MU" if unseen else ""
    units = sum(bill.endpoint.units for bill in bills)
    minutes = max(0, int((now - min(bill.endpoint.created for bill in bills)).total_seconds() // 60))
    text = f"● {units} MU{'?' if unsure else ''} {minutes // 60}:{minutes % 60:02}"
    total = spent(bills, now)
    text += " $ ?/h" if total is None else f" ≈ {cents(total)}"
    away = sorted({bill.endpoint.region for bill in bills if bill.elsewhere})
    return f"{text} also {', '.join(away)}" if away else text


def is_idle(bills: Sequence[Bill], now: datetime) -> bool:
    """Whether one of them bills for nothing."""
    return any(bill.idle_for(now) is not None for bill in bills)
