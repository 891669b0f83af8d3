"""Buying and creating under random trouble and sudden ends: once or never, as told, on its lease, to the cent.

`TANZAKU_FAULT_RUNS` sets how many runs of each kind are made, `TANZAKU_FAULT_SEED` the first of their seeds.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sandbox.conftest import BUCKET, HAIKU, PAIRS, Scene, claude_lines
from tests.services.conftest import PLACE, services_over
from tui.domain.base_models import Serving
from tui.domain.errors import AppError
from tui.domain.serving.meter import bills_of, spent
from tui.domain.training.jobs import DataRef, JobSpec
from tui.domain.training.runs import Board
from tui.sandbox.clock import ManualClock
from tui.sandbox.pricing import HOURLY
from tui.sandbox.records import Purchase
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.pool import DaemonPool
from tui.services.reconciler import Settlement
from tui.services.serving import endpoints
from tui.services.serving.buying import buy
from tui.services.session import Services
from tui.services.store import IntentState
from tui.services.training import jobs
from tui.services.watcher import SANDBOX_PACE

RUNS = int(os.environ.get("TANZAKU_FAULT_RUNS", "250"))
FIRST = int(os.environ.get("TANZAKU_FAULT_SEED", "0"))
BATCHES = 4
KINDS = (
    "throttle", "denied", "expired", "error", "error_after", "error_after", "unavailable", "reset", "reset_after",
    "reset_after",
)  # fmt: skip
MINUTES = 50.0


class Killed(BaseException):
    """kill -9: nothing more is done."""


@dataclass
class Killer:
    """Ends the app at its n-th step on a thread, before or after what is done there; 0 never does."""

    at: int
    after: bool
    steps: int = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        whole = DaemonPool.run

        async def run(pool: DaemonPool, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            self.steps += 1
            if (self.at and self.steps > self.at) or (self.steps == self.at and not self.after):
                raise Killed
            result = await whole(pool, function, *args, **kwargs)
            if self.steps == self.at:
                raise Killed
            return result

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DaemonPool, "run", run)
            yield


@dataclass
class Person:
    """Orders as the Jobs tab lets a person order, and believes what is told."""

    services: Services
    dice: random.Random
    clock: ManualClock
    model: str
    """The custom model to serve; empty to start a job."""
    number: int
    told: str = ""
    minutes: float | None = None
    names: list[str] = field(default_factory=list)

    @property
    def operations(self) -> tuple[str, ...]:
        return (endpoints.BUY, endpoints.DEPLOY) if self.model else (jobs.CREATE,)

    async def order(self) -> None:
        """Up to four tries; the plan is changed between some of them."""
        token, name, doubtful = f"t{self.number}-0", f"gate-{self.number}", False
        self.minutes = self.dice.choice([None, MINUTES])
        for attempt in range(4):
            if attempt and self.dice.random() < 0.4:
                name = f"gate-{self.number}-{attempt}"
                token, doubtful = (f"t{self.number}-{attempt}", False) if doubtful else (token, doubtful)
            if not await self.may_go_on(token):
                return
            try:
                await self.send(name, token)
                self.told = "made"
                return
            except AppError as error:
                if not error.outcome_unknown:
                    self.told = "nothing"
                else:
                    self.told, doubtful = "", True
                    if self.believe(await self.services.reconciler.reconcile(PLACE, self.operations)):
                        return
            self.clock.advance(self.dice.choice([0, 1, 5, 400]))

    async def may_go_on(self, token: str) -> bool:
        outcome = await self.services.reconciler.reconcile(PLACE, self.operations)
        return not self.believe(outcome) and not [o for o in outcome.still_open if o.problem or o.intent.token != token]

    async def send(self, name: str, token: str) -> None:
        self.names.append(name)
        if self.model:
            minutes = self.minutes
            made = await buy(self.services, PLACE, Serving.PROVISIONED, name, self.model, token, minutes=minutes)
            if minutes:
                self.services.leases.begin(token, made.arn, self.clock.now())
        else:
            await self.services.jobs.start(PLACE, job(self.services, name), token)

    def believe(self, outcome: Settlement) -> bool:
        for one in outcome.recovered:
            self.told = "made" if one.found else "nothing"
        return any(one.found for one in outcome.recovered)


def job(services: Services, name: str) -> JobSpec:
    account = PLACE.partition("/")[0]
    return JobSpec(
        job_name=name,
        model_name=f"{name}-model",
        base_model_id=HAIKU,
        role_arn=f"arn:aws:iam::{account}:role/tuner",
        training=DataRef(f"s3://{BUCKET}/in/training.jsonl"),
        output_uri=f"s3://{BUCKET}/out/",
    )


@dataclass
class Stage:
    """One world for many runs; what a run made is taken away at its end."""

    sandbox: Sandbox
    clock: ManualClock
    aws: Aws
    root: Path
    model: str

    def made(self, *, buying: bool) -> list[Any]:
        with self.sandbox.world.lock:
            kept = self.sandbox.world.records
            return list(kept.purchases) if buying else list(kept.jobs.values())

    def clean(self) -> None:
        self.sandbox.faults.clear()
        with self.sandbox.world.lock:
            kept = self.sandbox.world.records
            for part in (kept.throughputs, kept.jobs, kept.requests, kept.purchases):
                part.clear()

    def services(self, number: int) -> Services:
        return services_over(self.aws, self.root / str(number), self.clock)

    def trouble(self, dice: random.Random, *, buying: bool) -> None:
        makes, lists = (
            ("CreateProvisionedModelThroughput", "ListProvisionedModelThroughputs")
            if buying
            else ("CreateModelCustomizationJob", "ListModelCustomizationJobs|GetModelCustomizationJob")
        )
        for _ in range(dice.randint(1, 3)):
            self.sandbox.faults.add(kind=dice.choice(KINDS), operation=makes, times=dice.choice([1, 1, 2, 3, 6]))
        if dice.random() < 0.3:
            self.sandbox.faults.add(kind=dice.choice(KINDS), operation=lists, times=dice.choice([1, 3, 9]))


@pytest.fixture
def stage(
    sandbox: Sandbox, scene: Scene, clock: ManualClock, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    scene.bucket()
    scene.role()
    scene.upload("in/training.jsonl", claude_lines(PAIRS))
    return Stage(sandbox, clock, aws, tmp_path, scene.model())


async def one_run(stage: Stage, seed: int, *, buying: bool) -> None:
    dice = random.Random(seed)
    stage.clean()
    stage.trouble(dice, buying=buying)
    killer = Killer(dice.choice([0, dice.randint(1, 12), dice.randint(1, 25)]), dice.random() < 0.5)
    person = Person(stage.services(seed), dice, stage.clock, stage.model if buying else "", seed)
    try:
        with killer.watching():
            await person.order()
    except Killed:
        pass
    except AppError:
        assert killer.at == 0
        raise
    stage.sandbox.faults.clear()
    stage.clock.advance(SANDBOX_PACE.unlisted + 1)
    again = stage.services(seed)  # a new start over the same memory
    settled = await again.reconciler.reconcile(PLACE)
    assert (settled.still_open, settled.problems) == ((), ())
    person.believe(settled)
    made = stage.made(buying=buying)
    assert len(made) <= 1, [one.name for one in made]
    tokens = [f"t{seed}-{attempt}" for attempt in range(4)]
    states = {o[0] for token in tokens if (o := again.store.outcome(token))}
    assert (IntentState.DONE in states) == bool(made)
    assert person.told in (("made", "") if made else ("nothing", ""))
    if buying:
        await on_its_lease(stage, again, person, made)
        await to_the_cent(stage, again, dice, made)


async def on_its_lease(stage: Stage, services: Services, person: Person, made: list[Purchase]) -> None:
    running = services.leases.running(PLACE)
    assert [lease.arn for lease in running] == [p.arn for p in made if person.minutes]
    for lease, purchase in zip(running, made, strict=False):
        assert lease.until is not None
        end = lease.until - timedelta(minutes=MINUTES)
        # It may be counted from the first try, which is the safe side.
        assert -1500 <= end.timestamp() - purchase.started <= SANDBOX_PACE.unlisted + 1


async def to_the_cent(stage: Stage, services: Services, dice: random.Random, made: list[Purchase]) -> None:
    stage.clock.advance(dice.randint(0, 9000) + dice.random())
    now = stage.clock.now()
    board = await services.watcher.look(Board())
    prices = {e.arn: await services.prices.of(e.base_model_arn, e.region) for e in board.billing}
    shown = spent(bills_of(board.billing, prices, {}), now)
    booked = sum(p.units * HOURLY[p.commitment] * (now.timestamp() - p.started) / 3600 for p in made)
    assert shown is not None
    assert round(shown, 2) == round(booked, 2)


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("buying", [True, False], ids=["buying", "creating"])
async def test_whatever_goes_wrong_it_is_made_once_or_never_as_told(stage: Stage, batch: int, buying: bool) -> None:
    for seed in range(FIRST + batch, FIRST + RUNS, BATCHES):
        try:
            await one_run(stage, seed, buying=buying)
        except BaseException as error:
            error.add_note(f"TANZAKU_FAULT_SEED={seed} TANZAKU_FAULT_RUNS=1")
            raise
