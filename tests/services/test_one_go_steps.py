"""One go broken off at every step, in every way: never bought twice, and what bills is deleted, or told and offered.

`TANZAKU_ALL_STEPS=1` breaks it off at each step rather than at some of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import PLACE, services_over
from tests.services.evaluating import BASE, questions
from tui.domain.chat.chat import Parameters, Target
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.spec import Spec
from tui.domain.training.runs import Board
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.evaluation.pacing import Pacing
from tui.services.pool import DaemonPool
from tui.services.serving.one_go import OneGo, Order, Reins
from tui.services.session import Services
from tui.services.store import Store
from tui.services.watcher import SANDBOX_PACE

STRIDE = 1 if os.environ.get("TANZAKU_ALL_STEPS") else 25
NAME, TOKEN = "claude-3-haiku", "the-token"
MINUTES = 50.0
TUNED = Target("lantern-keeper", "yet-to-be-bought:provisioned-model/lantern-keeper", "", tuned=True, hourly=True)


class Killed(BaseException):
    """kill -9: nothing more is done."""


@dataclass
class App:
    """One start of the app, as far as one go is concerned."""

    services: Services
    clock: ManualClock
    reins: Reins = field(default_factory=Reins)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        s = self.services
        self.one_go = OneGo(
            s.endpoints, s.leases, s.schedules, s.evaluations, s.store, s.pool,
            delete_waits=(0.0, 0.0), seek_waits=(0.0,), busy_waits=(0.0, 0.0), now=s.now,
        )  # fmt: skip
        s.evaluations.worker.pacing = lambda most: Pacing(most, first=0.002)

    async def next_board(self) -> Board:
        self.clock.advance(200)
        return await self.services.watcher.look(Board())

    async def plan(self, model: str) -> Order:
        spec = Spec("lanterns", questions(2), TUNED, BASE, Parameters(4), source="label.json")
        made = await self.services.evaluations.create(PLACE, spec)
        order = Order(TOKEN, PLACE, model, NAME, 1, MINUTES, made.id)
        return await self.one_go.begin(order, Judge(JudgeKind.ROUGE_L))

    async def carry_out(self, order: Order) -> None:
        async for told in self.one_go.run(order, self.next_board, self.reins):
            self.told.append(told.text)


@dataclass
class Trip:
    """A world in which one go is begun, broken off, and looked at by the next start."""

    sandbox: Sandbox
    clock: ManualClock
    aws: Aws
    root: Path
    model: str
    number: int = 0

    def app(self) -> App:
        return App(services_over(self.aws, self.root / str(self.number), self.clock), self.clock)

    def begin(self) -> App:
        self.number += 1
        self.sandbox.faults.clear()
        with self.sandbox.world.lock:
            kept = self.sandbox.world.records
            for part in (kept.throughputs, kept.requests, kept.purchases):
                part.clear()
        return self.app()

    @property
    def bought(self) -> int:
        return len(self.sandbox.books())

    @property
    def held(self) -> int:
        return sum(line.ended is None for line in self.sandbox.books())

    async def next_start(self, choice: str) -> None:
        """Whoever comes next is told of what bills, takes the choice, and is rid of it."""
        self.sandbox.faults.clear()
        self.clock.advance(SANDBOX_PACE.unlisted + 1)
        app = self.app()
        await app.services.reconciler.reconcile(PLACE)
        left = await app.one_go.left(PLACE)
        assert left is not None or not self.held
        if left is not None:
            if choice == "end":
                app.reins.stop()
            refused = await failure_of(app.carry_out(left))
            # Where the disk refused, that it was deleted could not be noted.
            assert refused is None or (refused.cause, choice) == (Cause.NOT_FOUND, "on, if it can")
            assert await app.one_go.left(PLACE) is None
            if choice == "on":
                results = await app.services.evaluations.load(left.evaluation)
                assert len(results.answers) == 4
                assert results.judges
        assert (self.bought <= 1, self.held) == (True, 0)
        assert app.services.leases.running(PLACE) == []


async def failure_of(doing: Awaitable[None]) -> AppError | None:
    try:
        await doing
    except AppError as error:
        return error
    return None


@pytest.fixture
def trip(sandbox: Sandbox, scene: Scene, clock: ManualClock, aws: Aws, tmp_path: Path) -> Trip:
    return Trip(sandbox, clock, aws, tmp_path, scene.model())


@contextmanager
def at_step(number: int, do: Callable[[], None], *, after: bool) -> Iterator[list[str]]:
    """Have something done before or after the n-th thing that the app does on a thread; gives what was done there."""
    whole, done = DaemonPool.run, list[str]()

    async def run(pool: DaemonPool, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        done.append(getattr(function, "__qualname__", str(function)))
        mine = len(done)
        if mine >= number and not (after and mine == number):
            do()
        result = await whole(pool, function, *args, **kwargs)
        if mine == number and after:
            do()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DaemonPool, "run", run)
        yield done


@contextmanager
def at_note(note: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(note)
        raise


def kill() -> None:
    raise Killed


async def whole(trip: Trip) -> int:
    """One go without any trouble; the number of its steps."""
    app = trip.begin()
    with at_step(10_000, kill, after=False) as done:
        await app.carry_out(await app.plan(trip.model))
    assert (trip.bought, trip.held) == (1, 0)
    return len(done)


@pytest.mark.parametrize("choice", ["on", "end"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_any_step(trip: Trip, choice: str, after: bool) -> None:
    steps = await whole(trip)
    for number in range(1 + (after * 3 + (choice == "on") * 5) % STRIDE, steps + 1, STRIDE):
        app = trip.begin()
        with at_step(number, kill, after=after) as done, suppress(Killed):
            await app.carry_out(await app.plan(trip.model))
        with at_note(f"step {number} of {steps}: {done[number - 1]}"):
            await trip.next_start(choice)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_given_up_at_any_step(trip: Trip, after: bool) -> None:
    steps = await whole(trip)
    for number in range(1 + after * 4, steps + 1, STRIDE):
        app = trip.begin()
        with at_step(number, app.reins.stop, after=after) as done:
            await app.carry_out(await app.plan(trip.model))
        note = f"step {number} of {steps}: {done[number - 1]}: {app.told}"
        assert (trip.bought <= 1, trip.held) == (True, 0), note
        assert await app.one_go.left(PLACE) is None, note
        assert app.one_go.unfinished is None, note
        assert app.services.leases.running(PLACE) == [], note
        assert app.told[-1] or number > steps - 3, note  # behind the verdict there is nothing to give up


async def test_the_app_ends_at_any_step(trip: Trip) -> None:
    """Its worker is cancelled; then what is left is finished as on the bare terminal."""
    steps = await whole(trip)
    for number in range(1, steps + 1, STRIDE):
        app = trip.begin()
        going = asyncio.current_task()
        assert going is not None

        async def all_of_it(app: App = app) -> None:
            await app.carry_out(await app.plan(trip.model))

        going = asyncio.create_task(all_of_it())
        fired: list[int] = []

        def cancel(going: asyncio.Task[None] = going, fired: list[int] = fired) -> None:
            if not fired:
                fired.append(1)
                going.cancel()

        with at_step(number, cancel, after=False) as done:
            with suppress(asyncio.CancelledError):
                await going
            with suppress(AppError):  # sent, or about to be: the next start looks
                await app.one_go.finish()
        with at_note(f"step {number} of {steps}: {done[number - 1]}: {app.told}"):
            await trip.next_start("on")


@pytest.mark.parametrize("times", [1, 1000])
async def test_the_disk_refuses_at_any_step(trip: Trip, times: int) -> None:
    steps = await writes_of(trip)
    for number in range(1, steps + 1, STRIDE):
        app = trip.begin()

        async def all_of_it(app: App = app) -> None:
            await app.carry_out(await app.plan(trip.model))

        with full_disk(number, times) as done:
            failed = await failure_of(all_of_it())
            assert not trip.held, f"write {number} of {steps}: {done[number - 1]}: {failed}"
        with at_note(f"write {number} of {steps}: {done[number - 1]}: {app.told} {failed}"):
            await trip.next_start("on, if it can")


async def writes_of(trip: Trip) -> int:
    app = trip.begin()
    with full_disk(10_000, 1) as done:
        await app.carry_out(await app.plan(trip.model))
    return len(done)


@contextmanager
def full_disk(number: int, times: int) -> Iterator[list[str]]:
    done = list[str]()
    whole = Store._carry_out

    def refuse(store: Store, sql: str, values: tuple[Any, ...]) -> Any:
        done.append(sql[:60])
        if number <= len(done) < number + times and sql != "ROLLBACK":
            raise AppError(Cause.FILE, "The app's memory cannot be written", "disk full", "Free some disk space")
        return whole(store, sql, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "_carry_out", refuse)
        yield done


OPERATIONS = (
    "CreateProvisionedModelThroughput", "ListProvisionedModelThroughputs", "DeleteProvisionedModelThroughput",
    "Converse.*", "List.*",
)  # fmt: skip
KINDS = ("throttle", "denied", "expired", "error", "error_after", "unavailable", "reset", "reset_after")
LONG = 40
"""Times that outlast every try, but not the patience of whoever waits."""


@pytest.mark.parametrize("kind", KINDS)
async def test_any_trouble_with_any_operation(trip: Trip, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    table = [(operation, times) for operation in OPERATIONS for times in (1, 3, LONG)]
    stride = min(STRIDE, len(table))
    for operation, times in table[KINDS.index(kind) * 2 % stride :: stride]:
        app = trip.begin()

        async def all_of_it(app: App = app) -> None:
            await app.carry_out(await app.plan(trip.model))

        trip.sandbox.faults.add(kind=kind, operation=operation, times=times)
        failed = await failure_of(all_of_it())
        note = f"{kind} {times} times of {operation}: {failed.sentence() if failed else ''}: {app.told}"
        assert trip.bought <= 1, note
        assert not trip.held or (failed is not None and app.one_go.unfinished is not None), note
        with at_note(note):
            await trip.next_start("on")
