"""When endpoints were last asked: what CloudWatch says, how often it is asked, and what happens where it may not be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import Scripted, operations
from tui.domain.errors import Cause
from tui.domain.training.runs import Endpoint
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.serving.usage import Usage
from tui.services.session import Services

LOOK = "GetMetricData"


def ask(scene: Scene, arn: str) -> None:
    scene.runtime.converse(modelId=arn, messages=[{"role": "user", "content": [{"text": "Which gate?"}]}])


async def held(services: Services) -> list[Endpoint]:
    return await services.endpoints.throughputs()


@pytest.fixture
def usage(aws: Aws, clock: ManualClock) -> Usage:
    return Usage(aws, now=clock.now)


async def test_a_call_of_another_program_counts(scene: Scene, services: Services, usage: Usage) -> None:
    arn = scene.throughput(scene.model())
    endpoints = await held(services)
    assert (await usage.look(endpoints)).times == {}
    scene.clock.advance(1800)
    ask(scene, arn)
    at = scene.clock.now()
    scene.clock.advance(3600)
    found = await usage.look(endpoints)
    assert found.problem is None
    assert timedelta(0) <= found.times[arn] - at <= timedelta(minutes=1)
    assert arn not in services.aws.asked


async def test_one_call_for_all_and_none_again_at_once(
    scene: Scene, services: Services, usage: Usage, sandbox: Sandbox
) -> None:
    model = scene.model()
    first, second = scene.throughput(model, "gate-1"), scene.throughput(model, "gate-2")
    ask(scene, first)
    ask(scene, second)
    endpoints = await held(services)
    one, two = await usage.look(endpoints), await usage.look(endpoints)
    assert one == two
    assert set(one.times) == {first, second}
    assert operations(sandbox).count(LOOK) == 1
    scene.clock.advance(301)
    await usage.look(endpoints)
    assert operations(sandbox).count(LOOK) == 2


async def test_nothing_is_asked_while_nothing_is_in_service(services: Services, usage: Usage, sandbox: Sandbox) -> None:
    assert (await usage.look([])).times == {}
    assert LOOK not in operations(sandbox)


async def test_what_nobody_asked_for_a_day_is_idle_for_a_day(scene: Scene, services: Services, usage: Usage) -> None:
    arn = scene.throughput(scene.model())
    scene.clock.advance(5 * 24 * 3600)
    found = await usage.look(await held(services))
    assert timedelta(days=1) <= scene.clock.now() - found.times[arn] < timedelta(days=1, minutes=1)


async def test_a_denied_region_is_not_asked_again_until_another_account_comes(
    scene: Scene, services: Services, usage: Usage, sandbox: Sandbox
) -> None:
    arn = scene.throughput(scene.model())
    ask(scene, arn)
    endpoints = await held(services)
    sandbox.faults.add(kind="denied", operation=LOOK, times=1)
    for _ in range(3):
        found = await usage.look(endpoints)
        assert found.problem is not None
        assert found.problem.cause is Cause.DENIED
        scene.clock.advance(600)
    assert operations(sandbox).count(LOOK) == 1
    usage.forget()
    assert set((await usage.look(endpoints)).times) == {arn}


async def test_after_a_fault_what_was_known_stays(
    scene: Scene, services: Services, usage: Usage, sandbox: Sandbox
) -> None:
    arn = scene.throughput(scene.model())
    ask(scene, arn)
    endpoints = await held(services)
    known = (await usage.look(endpoints)).times
    scene.clock.advance(600)
    sandbox.faults.add(kind="expired", operation=LOOK, times=1)
    found = await usage.look(endpoints)
    assert found.problem is not None
    assert found.times == known
    scene.clock.advance(600)
    assert (await usage.look(endpoints)).problem is None


async def test_a_region_that_fails_does_not_hide_another(
    scene: Scene, services: Services, usage: Usage, sandbox: Sandbox
) -> None:
    arn = scene.throughput(scene.model())
    ask(scene, arn)
    (here,) = await held(services)
    east = replace(here, arn=here.arn.replace("us-west-2", "us-east-1"))
    sandbox.faults.add(kind="denied", operation=LOOK, about="us-east-1", times=None)
    found = await usage.look([here, east])
    assert set(found.times) == {arn}
    assert found.problem is not None


@pytest.mark.parametrize(
    "results",
    [
        [{}],
        [{"Id": "m0", "Timestamps": [1.0], "Values": []}],
        [{"Id": "m0", "Timestamps": "soon", "Values": ["many"]}],
        ["m0"],
    ],
)
async def test_an_odd_answer_is_a_problem_and_no_crash(
    elsewhere: Aws, scripted: Scripted, scene: Scene, services: Services, clock: ManualClock, results: list[Any]
) -> None:
    scene.throughput(scene.model())
    endpoints = await held(services)
    scripted.answer = lambda method, path: (200, json.dumps({"MetricDataResults": results}).encode())
    found = await Usage(elsewhere, now=clock.now).look(endpoints)
    assert found.times == {}
    assert found.problem is not None
