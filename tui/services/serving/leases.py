"""Leases: for how long provisioned throughput was meant to be bought, and who deletes it then."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from tui.domain.clock import Now, utc_now
from tui.domain.values import dataclass
from tui.services.store import Store, Tables

_SCHEMA = """
CREATE TABLE IF NOT EXISTS leases (
    token TEXT PRIMARY KEY, place TEXT NOT NULL, name TEXT NOT NULL, minutes REAL NOT NULL, arn TEXT NOT NULL,
    until TEXT NOT NULL, schedule TEXT NOT NULL, state TEXT NOT NULL
)
"""


class LeaseState(StrEnum):
    """PLANNED: written down, nothing bought for certain. DROPPED: the purchase was refused, as far as is known.
    RUNNING: the endpoint is there. ENDED: it is deleted, or the lease was lifted."""

    PLANNED = "planned"
    DROPPED = "dropped"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Lease:
    """`token` is that of the purchase. `schedule` names the schedule in AWS that deletes the endpoint, or the role
    that is to do it while the schedule has yet to be made; without either it is deleted by the app, and only while the
    app runs."""

    token: str
    place: str
    name: str
    minutes: float
    arn: str
    until: datetime | None
    schedule: str
    state: LeaseState

    @property
    def wanted(self) -> str:
        """ARN of the role with which AWS shall delete it, where the schedule is not known to be there."""
        return self.schedule if self.schedule.startswith("arn:") else ""

    @property
    def kept(self) -> str:
        """The schedule that deletes it also without the app; empty where none does."""
        return "" if self.wanted else self.schedule

    def left(self, now: datetime) -> timedelta | None:
        """Time until its end; None while nothing is bought."""
        return None if self.until is None else self.until - now


class Leases:
    """Leases in the store; methods block briefly and raise AppError when the disk refuses."""

    def __init__(self, store: Store, *, now: Now = utc_now) -> None:
        self._tables = Tables(store, _SCHEMA)
        self._now = now

    def plan(self, place: str, token: str, name: str, minutes: float, ender: str = "") -> None:
        """Write a lease down before its purchase is sent; the same token again replaces what was planned.

        `ender` is the ARN of the role with which AWS shall end it: whoever comes next knows of the wish.
        """
        self._tables.write(
            "INSERT INTO leases VALUES (?,?,?,?,'','',?,?) ON CONFLICT (token) DO UPDATE SET name=excluded.name,"
            " minutes=excluded.minutes, schedule=excluded.schedule, state=excluded.state WHERE state IN (?,?)",
            (token, place, name, minutes, ender, LeaseState.PLANNED, LeaseState.PLANNED, LeaseState.DROPPED),
        )

    def drop(self, token: str) -> None:
        """The purchase was refused; should it turn up all the same, `begin` still finds the plan."""
        self._tables.write(
            "UPDATE leases SET state=? WHERE token=? AND state=?", (LeaseState.DROPPED, token, LeaseState.PLANNED)
        )

    def begin(self, token: str, arn: str, bought: datetime) -> None:
        """The purchase was made: the lease runs from then. Nothing when there is none for the token."""
        for lease in self._read("token=? AND state IN (?,?)", (token, LeaseState.PLANNED, LeaseState.DROPPED)):
            until = bought + timedelta(minutes=lease.minutes)
            self._tables.write(
                "UPDATE leases SET arn=?, until=?, state=? WHERE token=? AND state=?",
                (arn, until.isoformat(), LeaseState.RUNNING, token, lease.state),
            )

    def extend(self, lease: Lease, until: datetime) -> bool:
        """Give a running lease another end than it was read with; False where another window has moved or ended it
        since: what is counted on from its end has to be counted anew."""
        was = lease.until.isoformat() if lease.until else ""
        changed = self._tables.change(
            "UPDATE leases SET until=? WHERE token=? AND state=? AND until=?",
            (until.isoformat(), lease.token, LeaseState.RUNNING, was),
        )
        return changed > 0

    def keep_in_aws(self, token: str, schedule: str) -> None:
        """Note that a schedule in AWS deletes it, or with an empty name that none does."""
        self._tables.write("UPDATE leases SET schedule=? WHERE token=?", (schedule, token))

    def end(self, token: str) -> bool:
        """The endpoint is gone, or shall stay. Whether it was this call that ended the lease: of several windows over
        one store only one is told so."""
        changed = self._tables.change(
            "UPDATE leases SET state=? WHERE token=? AND state<>?", (LeaseState.ENDED, token, LeaseState.ENDED)
        )
        return changed > 0

    def of(self, token: str) -> Lease | None:
        """The lease of a purchase, in whatever state."""
        return next(iter(self._read("token=?", (token,))), None)

    def planned(self, place: str) -> list[Lease]:
        """Leases of a place whose purchase is not known to be made or refused."""
        return self._read("place=? AND state=?", (place, LeaseState.PLANNED))

    def running(self, place: str) -> list[Lease]:
        """Running leases of a place, the first to end first."""
        found = self._read("place=? AND state=?", (place, LeaseState.RUNNING))
        return sorted(found, key=lambda lease: lease.until or self._now())

    def _read(self, where: str, values: tuple[str, ...]) -> list[Lease]:
        rows = self._tables.read(
            f"SELECT token, place, name, minutes, arn, until, schedule, state FROM leases WHERE {where}", values
        )
        return [
            Lease(t, p, n, m, a, datetime.fromisoformat(u) if u else None, s, LeaseState(state))
            for t, p, n, m, a, u, s, state in rows
        ]
