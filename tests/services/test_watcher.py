"""The poller: its pace, what it keeps when a look fails, and how it comes back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import operations, services_over
from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.domain.training.jobs import CustomModel, Job
from tui.domain.training.runs import Board, Endpoint, Part, changes
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.watcher import SANDBOX_PACE, Pace, Watcher

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PACE = Pace(moving=10, still=60, broken=5, slowest=300)


class Door:
    """Stands for jobs, endpoints and AWS: what is there, or the error that is raised."""

    def __init__(self) -> None:
        self.sandbox = False
        self.status = "Completed"
        self.error: AppError | None = None
        self.renewed = 0
        self.looks = 0

    async def all(self) -> list[Any]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return [Job("job/a", "a", self.status, "", NOW)]

    async def models(self) -> list[CustomModel]:
        return []

    def renew(self) -> None:
        self.renewed += 1


class Nothing:
    error: AppError | None = None

    async def throughputs(self) -> list[Endpoint]:
        return []

    async def deployments(self) -> list[Endpoint]:
        if self.error is not None:
            raise self.error
        return []


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def watcher(door: Door) -> Watcher:
    found: Any = door
    nothing: Any = Nothing()
    return Watcher(found, found, nothing, pace=PACE, now=lambda: NOW)


async def test_the_pace_follows_what_moves(watcher: Watcher, door: Door) -> None:
    assert watcher._wait(await watcher.look(Board())) == 60
    door.status = "InProgress"
    assert watcher._wait(await watcher.look(Board())) == 10


@pytest.mark.parametrize("cause", [Cause.THROTTLED, Cause.SERVICE, Cause.INCOMPLETE])
async def test_faults_back_off_and_keep_the_last_good_board(watcher: Watcher, door: Door, cause: Cause) -> None:
    good = await watcher.look(Board())
    door.error = AppError(cause, "x")
    board, longest = good, []
    for _ in range(10):
        board = await watcher.look(board)
        waits = [watcher._wait(board) for _ in range(50)]
        assert min(waits) >= 10
        longest.append(max(waits))
    assert (board.runs, board.seen, board.problem) == (good.runs, NOW, door.error)
    assert longest[0] <= 20
    assert 100 < longest[-1] <= 300
    assert door.renewed == 0
    door.error = None
    board = await watcher.look(board)
    assert board.problem is None
    door.error = AppError(cause, "x")
    await watcher.look(board)
    assert watcher._wait(Board(problem=door.error)) <= 20


@pytest.mark.parametrize("cause", [Cause.EXPIRED, Cause.NO_CREDENTIALS, Cause.NO_REGION])
async def test_what_is_cured_outside_is_looked_at_steadily_with_fresh_credentials(
    watcher: Watcher, door: Door, cause: Cause
) -> None:
    door.error = AppError(cause, "x")
    board = Board()
    for number in range(1, 12):
        board = await watcher.look(board)
        assert watcher._wait(board) == 5
        assert door.renewed == number


@pytest.mark.parametrize("sandbox", [True, False])
async def test_out_of_reach_only_the_sandbox_may_have_moved(watcher: Watcher, door: Door, sandbox: bool) -> None:
    """A new session costs half a second of work; without a network it would be made again and again."""
    door.sandbox = sandbox
    door.error = AppError(Cause.UNREACHABLE, "x")
    assert watcher._wait(await watcher.look(Board())) == 5
    assert door.renewed == int(sandbox)


async def test_after_a_sleep_what_was_connected_is_connected_anew(door: Door) -> None:
    found: Any = door
    wall, passing = NOW, 0.0
    watcher = Watcher(found, found, cast(Any, Nothing()), pace=PACE, now=lambda: wall, passing=lambda: passing)
    renewed = []
    for told, passed in ((0, 0), (300, 300), (8 * 3600, 20), (0, 0), (-3600, 60), (60, 60)):
        wall, passing = wall + timedelta(seconds=told), passing + passed
        await watcher.look(Board())
        renewed.append(door.renewed)
    assert renewed == [0, 0, 1, 1, 1, 1]


async def test_whoever_failed_waits_while_aws_is_away(watcher: Watcher, door: Door) -> None:
    assert not await watcher.back()  # nobody looks
    following = asyncio.create_task(_follow(watcher))
    try:
        await asyncio.sleep(0)
        assert not await watcher.back()
        door.error = AppError(Cause.EXPIRED, "x")
        back = asyncio.create_task(watcher.back())
        looks = door.looks
        while door.looks < looks + 3:
            watcher.wake()
            await asyncio.sleep(0)
        assert not back.done()
        door.error = None
        while not back.done():
            watcher.wake()
            await asyncio.sleep(0)
        assert await back
        door.error = AppError(Cause.THROTTLED, "x")  # AWS is there
        assert not await watcher.back()
    finally:
        following.cancel()


async def _follow(watcher: Watcher) -> None:
    async for _ in watcher.boards():
        pass


async def test_what_may_not_be_listed_is_told_and_the_rest_is_shown(door: Door) -> None:
    found: Any = door
    denied: Any = Nothing()
    denied.error = AppError(Cause.DENIED, "no deployments for you")
    watcher = Watcher(found, found, denied, pace=PACE, now=lambda: NOW)
    board = await watcher.look(Board())
    assert [run.name for run in board.runs] == ["a"]
    assert (board.problem, board.seen) == (denied.error, NOW)


async def test_what_is_not_allowed_is_asked_for_rarely(watcher: Watcher, door: Door) -> None:
    door.error = AppError(Cause.DENIED, "x")
    assert watcher._wait(await watcher.look(Board())) == 60
    assert door.renewed == 0


async def test_waking_looks_at_once(watcher: Watcher, door: Door) -> None:
    boards = watcher.boards()
    await anext(boards)
    following = asyncio.ensure_future(anext(boards))
    await asyncio.sleep(0)
    assert not following.done()
    door.status = "InProgress"
    watcher.wake()
    assert (await asyncio.wait_for(following, 20)).moving
    assert door.looks == 2


async def test_waking_during_a_look_is_not_lost(watcher: Watcher, door: Door) -> None:
    boards = watcher.boards()
    await anext(boards)
    watcher.wake()
    await asyncio.wait_for(anext(boards), 20)
    assert door.looks == 2


async def test_it_looks_again_by_itself(door: Door) -> None:
    found: Any = door
    nothing: Any = Nothing()
    watcher = Watcher(found, found, nothing, pace=Pace(moving=0.001, still=0.001), now=lambda: NOW)
    seen = 0
    async for _ in watcher.boards():
        seen += 1
        if seen == 5:
            break
    assert door.looks == 5


async def test_the_sandbox_has_a_pace_of_its_own(aws: Aws, tmp_path: Path, clock: ManualClock) -> None:
    assert services_over(aws, tmp_path, clock).watcher._pace == SANDBOX_PACE


async def test_a_board_of_the_sandbox(
    aws: Aws, scene: Scene, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    services = services_over(aws, tmp_path, clock)
    model = scene.model()
    scene.throughput(model)
    board = await services.watcher.look(Board())
    assert board.problem is None
    assert board.seen == clock.now()
    (run,) = board.runs
    assert (run.name, run.base_model_name) == ("lantern-keeper", "claude-3-haiku")
    assert [(e.kind, e.status) for e in board.billing] == [(Serving.PROVISIONED, "InService")]
    sandbox.faults.add(kind="denied", service="bedrock", times=None)
    failed = await services.watcher.look(board)
    assert failed.runs == board.runs
    assert failed.problem is not None
    assert failed.problem.cause is Cause.DENIED
    sandbox.faults.clear()
    assert (await services.watcher.look(failed)).problem is None


async def test_history_costs_no_requests(
    aws: Aws, scene: Scene, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    services = services_over(aws, tmp_path, clock)
    for number in range(20):
        scene.model(f"model-{number}")
    sandbox.requests.clear()
    await services.watcher.look(Board())
    assert len(operations(sandbox)) == 4


async def test_an_incomplete_answer_does_not_end_the_watch(elsewhere: Aws, tmp_path: Path, clock: ManualClock) -> None:
    services = services_over(elsewhere, tmp_path, clock)
    board = await services.watcher.look(Board())
    assert board.problem is not None
    assert board.problem.cause is Cause.INCOMPLETE


DENIED = AppError(Cause.DENIED, "not for you")


async def test_a_list_that_may_no_longer_be_read_keeps_what_was_seen(
    aws: Aws, scene: Scene, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    services = services_over(aws, tmp_path, clock)
    scene.throughput(scene.model())
    board = await services.watcher.look(Board())
    sandbox.faults.add(kind="denied", operation="ListProvisionedModelThroughputs", times=None)
    unseen = await services.watcher.look(board)
    assert unseen.billing == board.billing != ()
    assert (set(unseen.missed), set(unseen.never)) == ({Part.THROUGHPUTS}, set())
    assert changes(board, unseen) == []
    assert not unseen.may_bill_unseen
    sandbox.faults.clear()
    again = await services.watcher.look(unseen)
    assert (again.missed, again.problem) == (frozenset(), None)


@pytest.mark.parametrize("operation", ["ListProvisionedModelThroughputs", "List.*"])
async def test_throughputs_that_were_never_listed_may_be_billing(
    aws: Aws, sandbox: Sandbox, tmp_path: Path, clock: ManualClock, operation: str
) -> None:
    sandbox.faults.add(kind="denied", operation=operation, times=None)
    board = await services_over(aws, tmp_path, clock).watcher.look(Board())
    assert board.may_bill_unseen
    sandbox.faults.clear()


async def test_another_account_begins_with_nothing(watcher: Watcher, door: Door) -> None:
    boards = watcher.boards()
    assert (await anext(boards)).runs
    watcher.forget()
    door.error = DENIED
    watcher.wake()
    board = await asyncio.wait_for(anext(boards), 20)
    assert (board.runs, board.seen) == ((), NOW)
    assert board.never == {Part.JOBS}
