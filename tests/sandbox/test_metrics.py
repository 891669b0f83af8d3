"""CloudWatch's figures of who was asked: counted by the minute and Region, kept over a restart, let go in time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import LLAMA_31, Scene, code_of
from tui.sandbox.clock import ManualClock
from tui.sandbox.metrics import Invocations
from tui.sandbox.server import Sandbox


def ask(scene: Scene, arn: str) -> None:
    scene.runtime.converse(modelId=arn, messages=[{"role": "user", "content": [{"text": "Which gate?"}]}])


def points(scene: Scene, arn: str, **more: Any) -> list[dict[str, Any]]:
    now = scene.clock.now()
    request = {
        "Namespace": "AWS/Bedrock",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "ModelId", "Value": arn}],
        "StartTime": now - timedelta(hours=3),
        "EndTime": now + timedelta(minutes=1),
        "Period": 60,
        "Statistics": ["Sum"],
    }
    return list(scene.client("cloudwatch").get_metric_statistics(**request | more)["Datapoints"])


def test_every_accepted_call_is_counted_in_its_minute(scene: Scene) -> None:
    arn = scene.throughput(scene.model())
    assert points(scene, arn) == []
    ask(scene, arn)
    ask(scene, arn)
    scene.clock.advance(120)
    list(
        scene.runtime.converse_stream(modelId=arn, messages=[{"role": "user", "content": [{"text": "And?"}]}])["stream"]
    )
    found = points(scene, arn)
    assert sorted(point["Sum"] for point in found) == [1, 2]
    assert [point["Sum"] for point in points(scene, arn, Period=3600)] == [3]
    assert points(scene, arn, MetricName="InvocationLatency") == []
    assert points(scene, "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/other") == []


def test_a_refused_call_is_not_counted(scene: Scene) -> None:
    arn = scene.throughput(scene.model())
    with pytest.raises(ClientError):
        scene.runtime.converse(modelId=arn, messages=[{"role": "assistant", "content": [{"text": "Which gate?"}]}])
    assert points(scene, arn) == []


def test_a_window_that_ends_before_it_begins_is_refused(scene: Scene) -> None:
    with pytest.raises(ClientError) as error:
        points(scene, LLAMA_31, EndTime=scene.clock.now() - timedelta(days=1))
    assert code_of(error) == "ValidationError"


def test_the_figures_live_through_a_restart_and_end_with_the_world(tmp_path: Path) -> None:
    clock = ManualClock()
    at = clock.now().timestamp()
    with Sandbox(clock=clock, state=tmp_path) as first:
        first.world.invocations.note("us-west-2", "arn:x", at)
    with Sandbox(clock=clock, state=tmp_path) as second:
        assert sum(second.world.invocations.sums("us-west-2", "arn:x", at - 60, at + 60, 60).values()) == 1
        assert second.world.invocations.sums("us-east-1", "arn:x", at - 60, at + 60, 60) == {}
        second.reset()
        assert second.world.invocations.sums("us-west-2", "arn:x", at - 60, at + 60, 60) == {}


def test_old_figures_are_let_go() -> None:
    kept = Invocations(None)
    for day in range(40):
        kept.note("us-west-2", "arn:x", day * 86_400)
    assert len(kept.sums("us-west-2", "arn:x", 0, 1e9, 60)) == 16
