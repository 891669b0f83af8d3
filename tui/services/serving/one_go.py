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
from datetime import timedelta

from tui.domain.base_models import Serving
from tui.domain.clock import Now, utc_now
from tui.domain.errors import CURED_OUTSIDE, AppError, Cause
from tui.domain.evaluation.judging import Judge
from tui.domain.evaluation.run import Phase, Progress
from tui.domain.training.runs import Board, Endpoint
from tui.domain.values import dataclass
from tui.services.coming_back import Back, ComingBack, never_away, pause
from tui.services.evaluation.evaluations import Control, Evaluations
from tui.services.evaluation.rows import read_judge
from tui.services.orders import BUSY_WAITS
from tui.services.pool import DaemonPool
from tui.services.serving.endpoints import Endpoints
from tui.services.serving.leases import Leases
from tui.services.serving.one_go_orders import OneGoOrders, Order, Step
from tui.services.serving.schedules import Schedules
from tui.services.store import Store

__all__ = ["OneGo", "Order", "Reins", "Step", "Told"]

_DELETE_WAITS = (2.0, 5.0, 15.0)
"""Seconds between tries to delete what was bought."""
_SEEK_WAITS = (0.5, 1.0, 2.0, 3.0)
"""Seconds in which a purchase that was under way when the app ended may show up."""
_NOTED_EACH = timedelta(minutes=1)
_LISTED_LATE, _GONE = 20, 2
"""Boards without the endpoint after which it counts as gone: just bought, and where it was there before."""


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence about where it stands, and the order as it is now."""

    order: Order
    text: str = ""
    trouble: bool = False
    """Whether it waits for something that the person has to cure."""


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
        busy_waits: tuple[float, ...] = BUSY_WAITS,
        here: Callable[[], str] = str,
        back: Back = never_away,
        now: Now = utc_now,
    ) -> None:
        """`here` tells the place that AWS was last seen to be, empty while that is not known."""
        self._endpoints = endpoints
        self._leases = leases
        self._schedules = schedules
        self._evaluations = evaluations
        self._store = store
        self._pool = pool
        self._delete_waits = delete_waits
        self._seek_waits = seek_waits
        self._busy_waits = busy_waits
        self._here = here
        self._coming_back = ComingBack(back)
        self._now = now
        self._orders = OneGoOrders(store, now)
        self._noted = now()
        self.unfinished: Order | None = None
        """What a run of this session may have bought and has not deleted."""

    async def begin(self, order: Order, judge: Judge | None) -> Order:
        """Write the order down, with its lease, before anything is bought. Raises AppError."""
        order = replace(order, judge=json.dumps(asdict(judge)) if judge else "", began=self._now())
        await self._pool.run(self._leases.plan, order.place, order.token, order.name, order.minutes, order.ender)
        await self._pool.run(self._orders.keep, order)
        return order

    async def left(self, place: str) -> Order | None:
        """The newest order that was not brought to its end. Raises AppError."""
        return await self._pool.run(self._orders.left, place)

    async def run(
        self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins
    ) -> AsyncGenerator[Told, None]:
        """Go on where the order stands, and tell of it. `reins.stop()` gives it up: the endpoint is deleted then.

        Raises AppError for what went wrong, after the endpoint was deleted, or with the reason why it could not be:
        its lease goes on trying.
        """
        self._must_be_here(order)
        await self._pool.run(self._orders.claim, order)
        try:
            if not order.deleted:
                async with aclosing(self._until_deleted(order, next_board, reins)) as going:
                    async for told in going:
                        order = told.order
                        yield told
            if order.open:
                async with aclosing(self._judged(order, reins)) as going:
                    async for told in going:
                        yield told
        finally:
            if self.unfinished is None:
                with suppress(AppError):  # it ends with this process
                    await self._pool.run(self._orders.release, order)

    async def _until_deleted(
        self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins
    ) -> AsyncGenerator[Told, None]:
        failure: AppError | None = None
        self.unfinished = order
        try:
            async for told in self._until_answered(order, next_board, reins):
                order = told.order
                yield told
        except AppError as error:
            failure = await self._why(error, order)
        except BaseException:
            # Closed or cancelled: what was bought goes, whoever waits for it; what fails in that is still unfinished.
            with suppress(AppError):
                await asyncio.shield(self.finish())
            raise
        yield Told(order, f"Deleting {order.name} …")
        if failure is not None or reins.given_up:
            ended = await self.finish() or order
            if failure is not None:
                yield Told(ended)
                raise failure
            yield Told(ended, f"Given up; {order.name} {'is deleted' if ended.arn else 'was not bought'}")
            return
        with suppress(AppError):  # a disk that refuses keeps nothing from being deleted
            order = await self._step(order, Step.DELETING)
        await self._delete(order)
        order = await self._step(order, Step.JUDGING)
        self.unfinished = None
        yield Told(order)

    async def _why(self, error: AppError, order: Order) -> AppError:
        """The lease as the reason, where it has deleted the endpoint under way, as after a night's sleep."""
        with suppress(AppError):
            lease = await self._pool.run(self._leases.of, order.token)
            if error.cause is Cause.NOT_FOUND and lease is not None and lease.until and lease.until <= self._now():
                what = f"The lease of {order.name} was over before every question was answered"
                return AppError(Cause.NOT_FOUND, what, hint="What is answered stays stored: E in 4 Chat judges it")
        return error

    async def finish(self) -> Order | None:
        """Delete what a run of this session has not come to delete, and give it up; None when there is nothing.

        Also for an app that ends. Raises AppError when AWS refuses, or cannot tell whether it was bought: the order
        stays open then, and the next start tells of it.
        """
        order = self.unfinished
        if order is None:
            return None
        self._must_be_here(order)
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
            async with aclosing(self._bought(await self._sought(order), reins)) as going:
                async for told in going:
                    order = told.order
                    yield told
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
                    await self._note(order)
                    yield _asked(order, progress)

    async def _bought(self, order: Order, reins: Reins) -> AsyncGenerator[Told, None]:
        """Buy it, also where AWS is away for a while; no longer than its lease, since much may have changed by then."""
        busy = iter(self._busy_waits)
        while not order.arn:
            try:
                made = await self._endpoints.make(
                    order.place, Serving.PROVISIONED, order.name, order.model_arn, order.token, units=order.units
                )
                order = replace(order, arn=made.arn)
            except AppError as error:
                wait = next(busy, None) if error.cause is Cause.THROTTLED else None
                if wait is not None:
                    yield Told(order, f"{order.name} is bought in {wait:g} s. {error.sentence()}", trouble=True)
                    if not await pause(wait, lambda: not reins.given_up):
                        return
                    continue
                if error.cause not in CURED_OUTSIDE:
                    raise
                yield Told(order, f"{order.name} is bought when AWS is back. {error.sentence()}", trouble=True)
                again = await self._coming_back.cures(error, order.token, lambda: not reins.given_up)
                late = self._now() - (order.began or self._now()) > timedelta(minutes=order.minutes)
                if late or not again:
                    raise
                self._must_be_here(order)
                yield Told(order, f"Buying {order.name} …")
                # Sent again it carries the same token; but what AWS lists need not be sent.
                with suppress(AppError):
                    order = await self._sought(order)
        self.unfinished = order
        await self._pool.run(self._leases.begin, order.token, order.arn, self._now())
        yield Told(await self._step(order, Step.WAITING), f"{order.name} is bought; waiting until it serves …")

    async def _ready(
        self, order: Order, next_board: Callable[[], Awaitable[Board]], reins: Reins, patience: int
    ) -> bool:
        """Wait until it serves; False when it is given up. Raises AppError when it never will."""
        missed = 0
        while not reins.given_up:
            board = await next_board()
            self._must_be_here(order)
            await self._note(order)
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
        if order.judge and not reins.given_up:
            judge = read_judge(order.judge)
            async with aclosing(self._evaluations.run(order.evaluation, judge, control=reins.control())) as going:
                async for progress in going:
                    yield _asked(order, progress)
        order = await self._step(order, Step.GIVEN_UP if reins.given_up else Step.DONE)
        yield Told(order, "Given up; what is answered and judged stays stored" if reins.given_up else "")

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
        try:
            lease = await self._pool.run(self._leases.of, order.token)
            await self._pool.run(self._leases.end, order.token)
        except AppError as error:
            raise AppError(
                error.cause, f"{order.name} is deleted; that could not be noted", error.sentence()
            ) from error
        if lease is not None and lease.kept:
            with suppress(AppError):  # it finds nothing to delete then, and goes by itself
                await self._schedules.remove(lease.kept)

    def _must_be_here(self, order: Order) -> None:
        """Raises AppError (CONFLICT) where another account or Region is looked at: it knows nothing of the order."""
        here = self._here()
        if here and here != order.place:
            what = f"{order.name} is in {order.place} and bills on; this is {here}"
            raise AppError(Cause.CONFLICT, what, hint="Sign in there again: it is deleted then")

    async def _note(self, order: Order) -> None:
        """Say now and then that this window still has the order in hand."""
        if abs(self._now() - self._noted) >= _NOTED_EACH:
            self._noted = self._now()
            await self._pool.run(self._orders.claim, order)

    async def _step(self, order: Order, step: Step) -> Order:
        order = replace(order, step=step)
        if self.unfinished is not None:
            self.unfinished = order
        await self._pool.run(self._orders.keep, order)
        return order


def _asked(order: Order, progress: Progress) -> Told:
    """How far the questions, or the judge, have come; and what is to be done where that waits for someone."""
    text = f"{progress.text} (the endpoint is deleted already)" if order.deleted else f"{order.name}: {progress.text}"
    if progress.phase is not Phase.AWAY or progress.problem is None:
        return Told(order, text)
    return Told(order, f"{text}. {progress.problem.sentence()}", trouble=True)
