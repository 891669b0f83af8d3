"""What one go is to do, how far it has come, and which window has it in hand; remembered in the store."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from enum import StrEnum

from tui.domain.clock import Now
from tui.domain.errors import AppError, Cause
from tui.domain.values import dataclass
from tui.services.process_identity import alive, whoami
from tui.services.store import Store, Tables

_ORDERS = """
CREATE TABLE IF NOT EXISTS one_go (
    token TEXT PRIMARY KEY, place TEXT NOT NULL, what TEXT NOT NULL, step TEXT NOT NULL, arn TEXT NOT NULL,
    at TEXT NOT NULL
)
"""
_HOLDERS = "CREATE TABLE IF NOT EXISTS one_go_holders (token TEXT PRIMARY KEY, holder TEXT NOT NULL, at TEXT NOT NULL)"
_COLUMNS = ("token", "place", "step", "arn", "began", "given_up", "elsewhere")
_QUIET = timedelta(minutes=10)
"""A window of another machine that has not noted anything for so long counts as gone."""


class Step(StrEnum):
    """How far it has come; the value is what a person is told."""

    BUYING = "buying"
    WAITING = "waiting until it serves"
    ASKING = "asking"
    DELETING = "deleting the endpoint"
    JUDGING = "judging"
    DONE = "done"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Order:
    """What one go does. `token` is the purchase's; `minutes` its lease, the longest it may bill."""

    token: str
    place: str
    model_arn: str
    name: str
    units: int
    minutes: float
    evaluation: str
    judge: str = ""
    """The judge as text, empty for none."""
    ender: str = ""
    """ARN of the role with which AWS deletes it at the end of the lease, should the app be gone; empty for none."""
    step: Step = Step.BUYING
    arn: str = ""
    began: datetime | None = None
    given_up: bool = False
    """Whether all that is left to do is to delete what was bought."""
    elsewhere: bool = False
    """Whether another window, still open, has it in hand."""

    @property
    def open(self) -> bool:
        """Whether something is left to do."""
        return self.step not in (Step.DONE, Step.GIVEN_UP)

    @property
    def deleted(self) -> bool:
        """Whether the endpoint is known to be gone, although something is left to do."""
        return self.step is Step.JUDGING


class OneGoOrders:
    """Orders in the store; methods block briefly and raise AppError when the disk refuses."""

    def __init__(self, store: Store, now: Now) -> None:
        self._tables = Tables(store, _ORDERS, _HOLDERS)
        self._now = now

    def keep(self, order: Order) -> None:
        """Note where an order stands."""
        what = {k: v for k, v in asdict(order).items() if k not in _COLUMNS}
        began = order.began or self._now()
        self._tables.write(
            "INSERT OR REPLACE INTO one_go VALUES (?,?,?,?,?,?)",
            (order.token, order.place, json.dumps(what), order.step, order.arn, began.isoformat()),
        )

    def left(self, place: str) -> Order | None:
        """The newest order of a place that was not brought to its end."""
        rows = self._tables.read(
            "SELECT token, place, what, step, arn, at FROM one_go WHERE place=? AND step NOT IN (?,?)"
            " ORDER BY at DESC LIMIT 1",
            (place, Step.DONE, Step.GIVEN_UP),
        )
        for token, where, what, step, arn, at in rows:
            return Order(
                token=token,
                place=where,
                step=Step(step),
                arn=arn,
                began=datetime.fromisoformat(at),
                elsewhere=self._held_elsewhere(token),
                **json.loads(what),
            )
        return None

    def claim(self, order: Order) -> None:
        """Take an order in hand, or say that it still is. Raises AppError (CONFLICT) while another window has it."""
        mine, now = json.dumps(whoami(), sort_keys=True), self._now().isoformat()
        before = self._holder(order.token)
        if not self._held_elsewhere(order.token):
            # Of two windows that ask at once only one finds the holder as both saw it.
            self._tables.write(
                "INSERT INTO one_go_holders VALUES (?,?,?) ON CONFLICT (token) DO UPDATE"
                " SET holder=excluded.holder, at=excluded.at WHERE holder=?",
                (order.token, mine, now, before),
            )
            if self._holder(order.token) == mine:
                return
        raise AppError(
            Cause.CONFLICT, f"{order.name} is {order.step} in another window", hint="Look there, or close that window"
        )

    def release(self, order: Order) -> None:
        """Let other windows have it."""
        mine = json.dumps(whoami(), sort_keys=True)
        self._tables.write("DELETE FROM one_go_holders WHERE token=? AND holder=?", (order.token, mine))

    def _holder(self, token: str) -> str:
        rows = self._tables.read("SELECT holder FROM one_go_holders WHERE token=?", (token,))
        return str(rows[0][0]) if rows else ""

    def _held_elsewhere(self, token: str) -> bool:
        for holder, at in self._tables.read("SELECT holder, at FROM one_go_holders WHERE token=?", (token,)):
            try:
                who = json.loads(holder)
                if who == whoami() or not alive(who):
                    return False
                return who["host"] == whoami()["host"] or self._now() - datetime.fromisoformat(at) < _QUIET
            except (ValueError, TypeError, AttributeError, KeyError):
                return False
        return False
