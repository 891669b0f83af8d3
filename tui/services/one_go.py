"""One go: buy throughput, wait until it serves, ask every question, delete it, judge what was stored.

Whatever happens after the purchase, the endpoint is deleted: at the end, on a failure, when given up, and by its lease
when the app is gone. Answers are stored as they come, so that judging needs no endpoint.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum

from tui.domain.base_models import Serving
from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation import Judge
from tui.domain.runs import Board, Endpoint
from tui.services.endpoints import Endpoints
from tui.services.evaluation import Control, Evaluations
from tui.services.evaluation_rows import read_judge
from tui.services.leases import Leases
from tui.services.pool import DaemonPool
from tui.services.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS one_go (
    token TEXT PRIMARY KEY, place TEXT NOT NULL, what TEXT NOT NULL, step TEXT NOT NULL, arn TEXT NOT NULL,
    at TEXT NOT NULL
)
"""
_DELETE_WAITS = (2.0, 5.0, 15.0)


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
    step: Step = Step.BUYING
    arn: str = ""
    began: datetime | None = None

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
        evaluations: Evaluations,
        store: Store,
        pool: DaemonPool,
        *,
        delete_waits: tuple[float, ...] = _DELETE_WAITS,
        now: Now = utc_now,
    ) -> None:
        self._endpoints = endpoints
        self._leases = leases
        self._evaluations = evaluations
        self._store = store
        self._pool = pool
        self._delete_waits = delete_waits
        self._now = now

    async def begin(self, order: Order, judge: Judge | None) -> Order:
        """Write the order down, with its lease, before anything is bought. Raises AppError."""
        order = replace(order, judge=json.dumps(asdict(judge)) if judge else "", began=self._now())
        await self._pool.run(self._leases.plan, order.place, order.token, order.name, order.minutes)
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
        try:
            async for told in self._until_answered(order, next_board, reins):
                order = told.order
                yield told
        except AppError as error:
            failure = error
        except BaseException:
            # Closed or cancelled: what was bought goes, whoever waits for it.
            await asyncio.shield(self._delete(order))
            raise
        order = await self._step(order, Step.DELETING)
        yield Told(order, f"Deleting {order.name} …")
        await self._delete(order)
        if failure is not None or reins.given_up:
            order = await self._step(order, Step.GIVEN_UP)
            if failure is not None:
                raise failure
            yield Told(order, f"Given up; {order.name} is deleted")
            return
        order = await self._step(order, Step.JUDGING)
        if order.judge:
            async for told in self._judged(order, reins):
                yield told
        yield Told(await self._step(order, Step.DONE), "")

    async def _until_answered(
        self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins
    ) -> AsyncGenerator[Told, None]:
        if order.step is Step.BUYING:
            yield Told(order, f"Buying {order.name} …")
            order = await self._bought(order)
            yield Told(order, f"{order.name} is bought; waiting until it serves …")
        if order.step is Step.WAITING:
            if not await self._ready(order, next_board, reins):
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
        try:
            made = await self._endpoints.make(
                order.place, Serving.PROVISIONED, order.name, order.model_arn, order.token, units=order.units
            )
        except AppError as error:
            if not error.outcome_unknown:
                await self._pool.run(self._leases.drop, order.token)
                await self._step(order, Step.GIVEN_UP)
            raise
        await self._pool.run(self._leases.begin, order.token, made.arn, self._now())
        return await self._step(replace(order, arn=made.arn), Step.WAITING)

    async def _ready(self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins) -> bool:
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
            if missed > 20:
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
        await self._pool.run(self._leases.end, order.token)

    async def _step(self, order: Order, step: Step) -> Order:
        order = replace(order, step=step)
        await self._pool.run(self._keep, order)
        return order

    def _keep(self, order: Order) -> None:
        self._store.write(_SCHEMA)
        what = {k: v for k, v in asdict(order).items() if k not in ("token", "place", "step", "arn", "began")}
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
