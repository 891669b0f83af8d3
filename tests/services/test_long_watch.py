"""Eight hours of watching fifty runs on a clock moved by hand: few requests, flat memory, no false news, no key."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tui.domain.errors import AppError, Cause
from tui.domain.training.runs import Board, changes
from tui.services.serving.endpoints import Endpoints
from tui.services.training.jobs import Jobs
from tui.services.watcher import Pace, Watcher

HOURS = 8
RUNS = 50
BEGAN = datetime(2026, 11, 22, 9, tzinfo=UTC)
WORKING = timedelta(hours=1.5)
PAGE = 100
ARN = "arn:aws:bedrock:us-west-2:123456789012:"


@dataclass
class Account:
    """Stands for AWS: fifty jobs, one begun each six minutes, each an hour and a half long; and one endpoint."""

    now: datetime = BEGAN
    asked: Counter[str] = field(default_factory=Counter)
    trouble: AppError | None = None
    renewed: int = 0
    sandbox: bool = False
    tells_phases: bool = True

    def renew(self) -> None:
        self.renewed += 1

    def _job(self, number: int) -> dict[str, Any] | None:
        begun = BEGAN + timedelta(minutes=6 * number)
        age = self.now - begun
        if age < timedelta(0):
            return None
        ended = age >= WORKING
        status = ("Failed" if number % 7 == 0 else "Completed") if ended else "InProgress"
        phase = "Completed" if age > timedelta(minutes=10) else "InProgress"
        details = {"validationDetails": {"status": phase, "creationTime": begun}}
        found = {
            "jobArn": f"{ARN}model-customization-job/{number}",
            "jobName": f"run-{number}",
            "status": status,
            "creationTime": begun,
            "lastModifiedTime": begun + WORKING if ended else begun,
        }
        return found | ({"statusDetails": details} if self.tells_phases else {})

    def moving(self) -> int:
        return sum(job["status"] == "InProgress" for job in map(self._job, range(RUNS)) if job)

    async def pages(
        self, service: str, operation: str, key: str, params: Mapping[str, Any], *, need: Iterable[str] = (),
        region: str | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        self.asked[operation] += 1
        if self.trouble is not None:
            raise self.trouble
        if key == "modelCustomizationJobSummaries":
            return [job for job in map(self._job, range(RUNS)) if job]
        if key == "provisionedModelSummaries" and self.now >= BEGAN + timedelta(hours=2):
            ready = self.now >= BEGAN + timedelta(hours=2, minutes=10)
            return [
                {
                    "provisionedModelArn": f"{ARN}provisioned-model/gate",
                    "provisionedModelName": "gate",
                    "status": "InService" if ready else "Creating",
                    "modelArn": f"{ARN}custom-model/x",
                    "creationTime": BEGAN + timedelta(hours=2),
                    "modelUnits": 1,
                }
            ]
        return []

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, need: Iterable[str] = ()
    ) -> dict[str, Any]:
        self.asked[operation] += 1
        if self.trouble is not None:
            raise self.trouble
        job = self._job(int(params["jobIdentifier"].rpartition("/")[2]))
        assert job is not None
        return job | {"hyperParameters": {"epochCount": "10"}, "failureMessage": "no capacity"}


@dataclass
class Watch:
    """A watcher, and its clock that leaps from one look to the next."""

    account: Account
    watcher: Watcher
    board: Board = field(default_factory=Board)
    looks: int = 0
    news: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def look(self) -> float:
        """One look; gives the seconds until the next."""
        last, self.board = self.board, await self.watcher.look(self.board)
        self.looks += 1
        if last.seen is not None:
            self.news += [one.text for one in changes(last, self.board)]
        return self.watcher._wait(self.board)

    async def go_on(self, until: datetime) -> None:
        while self.account.now < until:
            self.waits.append(await self.look())
            self.account.now += timedelta(seconds=self.waits[-1])


@pytest.fixture
def watch() -> Watch:
    account = Account()
    aws: Any = account
    orders: Any = None
    jobs, endpoints = Jobs(aws, orders), Endpoints(aws, orders)
    awake = lambda: account.now.timestamp()  # noqa: E731
    return Watch(account, Watcher(aws, jobs, endpoints, pace=Pace(), now=lambda: account.now, passing=awake))


def least(watch: Watch) -> int:
    """One page of each of four lists a look, and of each job one detail when it is first seen and one when it ended:
    the list tells neither its hyperparameters nor why it failed."""
    return 4 * watch.looks + 2 * RUNS


async def test_eight_hours_ask_for_little_more_than_they_must(watch: Watch) -> None:
    await watch.go_on(BEGAN + timedelta(hours=HOURS))
    asked = sum(watch.account.asked.values())
    assert asked <= 1.2 * least(watch), (asked, least(watch))
    assert watch.looks <= HOURS * 360 + 1
    # Nothing moves in the last hour and a half: a look a minute is enough.
    assert watch.waits[-1] == 60
    statuses = Counter(run.job.status for run in watch.board.runs if run.job)
    assert statuses == {"Completed": 42, "Failed": 8}
    assert all(run.job.failure for run in watch.board.runs if run.job and run.job.status == "Failed")
    for number in range(RUNS):
        assert len([text for text in watch.news if f"run-{number}:" in text or f"run-{number} " in text]) <= 2
    told = len(watch.news)
    assert told >= RUNS
    for _ in range(50):
        await watch.look()
    assert len(watch.news) == told


async def test_where_the_list_tells_no_phases_each_moving_job_is_asked(watch: Watch) -> None:
    watch.account.tells_phases = False
    watch.account.now = BEGAN + timedelta(hours=2)
    await watch.look()
    watch.account.asked.clear()
    await watch.look()
    assert watch.account.asked["get_model_customization_job"] == watch.account.moving() > 5


async def test_a_board_of_nothing_new_equals_the_last(watch: Watch) -> None:
    watch.account.now = BEGAN + timedelta(hours=3)
    await watch.look()
    await watch.look()
    runs = watch.board.runs
    await watch.look()
    assert watch.board.runs == runs


async def test_memory_is_flat(watch: Watch) -> None:
    watch.account.now = BEGAN + timedelta(hours=4)
    watch.news.clear()
    watch.waits.clear()
    for _ in range(20):
        await watch.look()
    tracemalloc.start()
    try:
        for _ in range(20):
            await watch.look()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(150):
            await watch.look()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 50_000, grown


NETWORK = AppError(Cause.UNREACHABLE, "no network")


@pytest.mark.parametrize(
    ("cause", "slowest"), [(Cause.UNREACHABLE, 5), (Cause.EXPIRED, 5), (Cause.THROTTLED, 300), (Cause.SERVICE, 300)]
)
async def test_an_hour_of_trouble_in_the_middle_needs_no_key(watch: Watch, cause: Cause, slowest: float) -> None:
    watch.account.now = BEGAN + timedelta(hours=4)
    await watch.look()
    good, told = watch.board, len(watch.news)
    watch.account.trouble = AppError(cause, "trouble")
    watch.waits.clear()
    await watch.go_on(BEGAN + timedelta(hours=5))
    assert max(watch.waits) <= slowest
    assert (watch.board.runs, watch.board.problem, len(watch.news)) == (good.runs, watch.account.trouble, told)
    watch.account.trouble = None
    await watch.look()
    assert watch.board.problem is None
    # Whatever ended meanwhile is told now.
    assert len(watch.news) > told
    assert (watch.account.renewed > 0) == (cause is Cause.EXPIRED)
    watch.account.now = BEGAN + timedelta(hours=HOURS)
    await watch.look()
    assert Counter(run.job.status for run in watch.board.runs if run.job) == {"Completed": 42, "Failed": 8}


async def test_a_laptop_that_slept_sees_all_at_its_next_look(watch: Watch) -> None:
    watch.account.now = BEGAN + timedelta(hours=1)
    await watch.look()
    watch.account.now += timedelta(hours=6.5)
    await watch.look()
    assert not watch.board.moving
    assert Counter(run.job.status for run in watch.board.runs if run.job) == {"Completed": 42, "Failed": 8}


async def test_a_clock_that_goes_back_neither_stops_nor_hurries_the_watch(watch: Watch) -> None:
    """Waits are counted from each look on, never against the time of day."""
    watch.account.now = BEGAN + timedelta(hours=3)
    await watch.look()
    here = watch.account.now
    later: list[float] = []
    for offset in (-7200, 3600, -60):
        watch.watcher._now = lambda at=here + timedelta(seconds=offset): at  # type: ignore[misc]
        later.append(await watch.look())
        assert watch.board.problem is None
    assert later == [10, 10, 10]
