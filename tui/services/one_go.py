"""One go: buy throughput, wait until it serves, ask every question, delete it, judge what was stored.

Whatever happens after the purchase, the endpoint is deleted: at the end, on a failure, when given up, when the app ends
(`finish`), and by its lease where the app was killed. Answers are stored as they come: judging needs no endpoint.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import asdict, replace
from datetime import datetime
from enum import StrEnum

from tui.domain.base_models import Serving
from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation import Judge
from tui.domain.runs import Board, Endpoint
from tui.domain.values import dataclass
from tui.services.endpoints import Endpoints
from tui.services.evaluation import Control, Evaluations
from tui.services.evaluation_rows import read_judge
from tui.services.leases import Leases
from tui.services.pool import DaemonPool
from tui.services.schedules import Schedules
from tui.services.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS one_go (
    token TEXT PRIMARY KEY, place TEXT NOT NULL, what TEXT NOT NULL, step TEXT NOT NULL, arn TEXT NOT NULL,
    at TEXT NOT NULL
)
"""
_DELETE_WAITS = (2.0, 5.0, 15.0)
_SEEK_WAITS = (0.5, 1.0, 2.0, 3.0)
"""Seconds in which a purchase that was under way when the app ended may show up."""
_LISTED_LATE, _GONE = 20, 2
"""Boards without the endpoint after which it counts as gone: just bought, and where it was there before."""


_COLUMNS = ("token", "place", "step", "arn", "began", "given_up")


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

    @property
    def open(self) -> bool:
        """Whether something is left to do."""
        return self.step not in (Step.DONE, Step.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence about where it stands, and the order as it is now."""

    order: Order
    text: str = ""


class Reins:
    """Gives one go up, at whatever step it is."""

    def __init__(self) -> None:
        self.given_up = False
        self._control: Control | None = None

    def stop(self) -> None:
        """End it; the endpoint is deleted, what is answered stays stored."""
        self.given_up = True
        if self._control is not None:
            self._control.stop()

    def control(self) -> Control:
        """For one run of the evaluation: a run ends its own."""
        self._control = Control()
        return self._control


class OneGo:
    """Carries orders out, one at a time, and remembers where each stands."""

    def __init__(
        self,
        endpoints: Endpoints,
        leases: Leases,
        schedules: Schedules,
        evaluations: Evaluations,
        store: Store,
        pool: DaemonPool,
        *,
        delete_waits: tuple[float, ...] = _DELETE_WAITS,
        seek_waits: tuple[float, ...] = _SEEK_WAITS,
        now: Now = utc_now,
    ) -> None:
        self._endpoints = endpoints
        self._leases = leases
        self._schedules = schedules
        self._evaluations = evaluations
        self._store = store
        self._pool = pool
        self._delete_waits = delete_waits
        self._seek_waits = seek_waits
        self._now = now
        self.unfinished: Order | None = None
        """What a run of this session may have bought and has not deleted."""

    async def begin(self, order: Order, judge: Judge | None) -> Order:
        """Write the order down, with its lease, before anything is bought. Raises AppError."""
        order = replace(order, judge=json.dumps(asdict(judge)) if judge else "", began=self._now())
        await self._pool.run(self._leases.plan, order.place, order.token, order.name, order.minutes, order.ender)
        await self._pool.run(self._keep, order)
        return order

    async def left(self, place: str) -> Order | None:
        """The newest order that was not brought to its end. Raises AppError."""
        return await self._pool.run(self._read, place)

    async def run(
        self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins
    ) -> AsyncGenerator[Told, None]:
        """Go on where the order stands, and tell of it. `reins.stop()` gives it up: the endpoint is deleted then.

        Raises AppError for what went wrong, after the endpoint was deleted, or with the reason why it could not be:
        its lease goes on trying.
        """
        failure: AppError | None = None
        self.unfinished = order
        try:
            async for told in self._until_answered(order, next_board, reins):
                order = told.order
                yield told
        except AppError as error:
            failure = error
        except BaseException:
            # Closed or cancelled: what was bought goes, whoever waits for it.
            await asyncio.shield(self.finish())
            raise
        yield Told(order, f"Deleting {order.name} …")
        if failure is not None or reins.given_up:
            ended = await self.finish() or order
            if failure is not None:
                raise failure
            yield Told(ended, f"Given up; {order.name} {'is deleted' if ended.arn else 'was not bought'}")
            return
        order = await self._step(order, Step.DELETING)
        await self._delete(order)
        order = await self._step(order, Step.JUDGING)
        self.unfinished = None
        if order.judge:
            async for told in self._judged(order, reins):
                yield told
        yield Told(await self._step(order, Step.DONE), "")

    async def finish(self) -> Order | None:
        """Delete what a run of this session has not come to delete, and give it up; None when there is nothing.

        Also for an app that ends. Raises AppError when AWS refuses, or cannot tell whether it was bought: the order
        stays open then, and the next start tells of it.
        """
        order = self.unfinished
        if order is None:
            return None
        for wait in (*self._seek_waits, None):
            try:
                order = await self._sought(order)
                break
            except AppError as error:
                if wait is None or error.cause is not Cause.CONFLICT:
                    raise
            await asyncio.sleep(wait)
        await self._delete(order)
        order = await self._step(order, Step.GIVEN_UP)
        self.unfinished = None
        return order

    async def _sought(self, order: Order) -> Order:
        """The order with the ARN of what it bought, if it bought something; nothing is bought here.

        Raises AppError (CONFLICT) while AWS does not list what was sent, but may yet.
        """
        if order.arn:
            return order
        known = await self._pool.run(self._store.outcome, order.token)
        if known is None:
            return order  # never sent
        arn = known[1]
        intents = await self._pool.run(self._store.unsettled, order.place)
        intent = next((one for one in intents if one.token == order.token), None)
        if intent is not None and not arn:
            arn = await self._endpoints.reconcile(intent)
            if not arn:
                what = f"Whether {order.name} was bought is not known yet"
                raise AppError(Cause.CONFLICT, what, hint="The app goes on looking; B in 2 Jobs asks again")
        return replace(order, arn=arn)

    async def _until_answered(
        self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins
    ) -> AsyncGenerator[Told, None]:
        fresh = order.step is Step.BUYING
        if fresh:
            if reins.given_up:
                return
            yield Told(order, f"Buying {order.name} …")
            order = await self._bought(await self._sought(order))
            yield Told(order, f"{order.name} is bought; waiting until it serves …")
        if order.step is Step.WAITING:
            if not await self._ready(order, next_board, reins, _LISTED_LATE if fresh else _GONE):
                return
            spec, _ = await self._pool.run(self._evaluations.store.spec, order.evaluation)
            target = replace(spec.tuned, model_id=order.arn)
            await self._pool.run(self._evaluations.store.retarget, order.evaluation, target)
            order = await self._step(order, Step.ASKING)
        if order.step is Step.ASKING:
            async with aclosing(self._evaluations.run(order.evaluation, None, control=reins.control())) as going:
                async for progress in going:
                    yield Told(order, f"{order.name}: {progress.text}")

    async def _bought(self, order: Order) -> Order:
        if not order.arn:
            made = await self._endpoints.make(
                order.place, Serving.PROVISIONED, order.name, order.model_arn, order.token, units=order.units
            )
            order = replace(order, arn=made.arn)
        self.unfinished = order
        await self._pool.run(self._leases.begin, order.token, order.arn, self._now())
        return await self._step(order, Step.WAITING)

    async def _ready(
        self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins, patience: int
    ) -> bool:
        """Wait until it serves; False when it is given up. Raises AppError when it never will."""
        missed = 0
        while not reins.given_up:
            board = await next_board()
            found = next((e for e in board.endpoints if e.arn == order.arn), None)
            if found is not None and found.ready:
                return True
            if found is not None and found.status == "Failed":
                raise AppError(Cause.SERVICE, f"{order.name} did not come into service", found.failure)
            missed = missed + 1 if found is None and board.problem is None else 0
            if missed > patience:
                raise AppError(Cause.NOT_FOUND, f"{order.name} is not there any more")
        return False

    async def _judged(self, order: Order, reins: Reins) -> AsyncGenerator[Told, None]:
        judge = read_judge(order.judge)
        async with aclosing(self._evaluations.run(order.evaluation, judge, control=reins.control())) as going:
            async for progress in going:
                yield Told(order, f"{progress.text} (the endpoint is deleted already)")

    async def _delete(self, order: Order) -> None:
        """Delete what was bought. Raises AppError when AWS refuses again and again; the lease then goes on trying."""
        if not order.arn:
            await self._pool.run(self._leases.drop, order.token)
            return
        endpoint = Endpoint(Serving.PROVISIONED, order.arn, order.name, "", order.model_arn, self._now(), order.units)
        for wait in (*self._delete_waits, None):
            try:
                await self._endpoints.delete(endpoint)
                break
            except AppError as error:
                if wait is None:
                    raise AppError(
                        error.cause,
                        f"{order.name} could not be deleted and bills on",
                        error.detail,
                        "$ and X delete it",
                    ) from error
            await asyncio.sleep(wait)
        lease = await self._pool.run(self._leases.of, order.token)
        await self._pool.run(self._leases.end, order.token)
        if lease is not None and lease.kept:
            with suppress(AppError):  # it finds nothing to delete then, and goes by itself
                await self._schedules.remove(lease.kept)

    async def _step(self, order: Order, step: Step) -> Order:
        order = replace(order, step=step)
        if self.unfinished is not None:
            self.unfinished = order
        await self._pool.run(self._keep, order)
        return order

    def _keep(self, order: Order) -> None:
        self._store.write(_SCHEMA)
        what = {k: v for k, v in asdict(order).items() if k not in _COLUMNS}
        began = order.began or self._now()
        self._store.write(
            "INSERT OR REPLACE INTO one_go VALUES (?,?,?,?,?,?)",
            (order.token, order.place, json.dumps(what), order.step, order.arn, began.isoformat()),
        )

    def _read(self, place: str) -> Order | None:
        self._store.write(_SCHEMA)
        rows = self._store.read(
            "SELECT token, place, what, step, arn, at FROM one_go WHERE place=? AND step NOT IN (?,?)"
            " ORDER BY at DESC LIMIT 1",
            (place, Step.DONE, Step.GIVEN_UP),
        )
        for token, where, what, step, arn, at in rows:
            return Order(
                token=token, place=where, step=Step(step), arn=arn, began=datetime.fromisoformat(at), **json.loads(what)
            )
        return None
