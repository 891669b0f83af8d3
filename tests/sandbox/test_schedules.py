"""One-time schedules: who may make them, when they fire, and what they may do then."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import Scene, code_of
from tui.sandbox.clock import ManualClock
from tui.sandbox.records import Schedule
from tui.sandbox.server import Sandbox

TARGET = "arn:aws:scheduler:::aws-sdk:bedrock:deleteProvisionedModelThroughput"
TRUST = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
MAY = [{"Effect": "Allow", "Action": "bedrock:DeleteProvisionedModelThroughput", "Resource": "*"}]


def request(scene: Scene, arn: str, role: str, minutes: float = 30, **more: Any) -> dict[str, Any]:
    at = scene.clock.now() + timedelta(minutes=minutes)
    return {
        "Name": "end-of-lease",
        "ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": TARGET, "RoleArn": role, "Input": json.dumps({"ProvisionedModelId": arn})},
    } | more


def held(scene: Scene) -> int:
    return sum(line.ended is None for line in scene.sandbox.books())


def names(scene: Scene) -> list[str]:
    return [one["Name"] for one in scene.client("scheduler").list_schedules()["Schedules"]]


def test_it_deletes_at_its_time_and_is_gone(scene: Scene) -> None:
    arn, role = scene.throughput(scene.model()), scene.role("ender", trust=TRUST, statements=MAY)
    scene.client("scheduler").create_schedule(**request(scene, arn, role))
    scene.pass_time(29 * 60)
    assert (held(scene), names(scene)) == (1, ["end-of-lease"])
    scene.pass_time(120)
    assert (held(scene), names(scene)) == (0, [])


@pytest.mark.parametrize("why", ["no role", "another service's role", "no time", "no target"])
def test_what_cannot_work_is_refused_at_once(scene: Scene, why: str) -> None:
    arn = scene.throughput(scene.model())
    good = scene.role("ender", trust=TRUST, statements=MAY)
    asked = request(scene, arn, good)
    if why == "no role":
        asked = request(scene, arn, f"arn:aws:iam::{scene.sandbox.account_id}:role/nobody")
    elif why == "another service's role":
        asked = request(scene, arn, scene.role("tuner"))
    elif why == "no time":
        asked["ScheduleExpression"] = "at(tomorrow)"
    else:
        asked["Target"]["Arn"] = "arn:aws:scheduler:::aws-sdk:bedrock:deleteEverything"
    with pytest.raises(ClientError) as error:
        scene.client("scheduler").create_schedule(**asked)
    assert code_of(error) == "ValidationException"
    assert names(scene) == []


@pytest.mark.parametrize("why", ["not allowed", "trust withdrawn", "role deleted"])
def test_a_role_that_may_not_delete_leaves_it_billing(scene: Scene, why: str) -> None:
    elsewhere = [MAY[0] | {"Resource": "arn:aws:bedrock:us-east-1:*:provisioned-model/*"}]
    role = scene.role("ender", trust=TRUST, statements=elsewhere if why == "not allowed" else MAY)
    scene.client("scheduler").create_schedule(**request(scene, scene.throughput(scene.model()), role))
    iam = scene.client("iam")
    if why == "trust withdrawn":
        document = {"Version": "2012-10-17", "Statement": [TRUST | {"Principal": {"Service": "ec2.amazonaws.com"}}]}
        iam.update_assume_role_policy(RoleName="ender", PolicyDocument=json.dumps(document))
    elif why == "role deleted":
        iam.delete_role_policy(RoleName="ender", PolicyName="access")
        iam.delete_role(RoleName="ender")
    scene.pass_time(3600)
    assert held(scene) == 1


def test_it_is_moved_and_deleted(scene: Scene) -> None:
    arn, role = scene.throughput(scene.model()), scene.role("ender", trust=TRUST, statements=MAY)
    scheduler = scene.client("scheduler")
    with pytest.raises(ClientError) as error:
        scheduler.update_schedule(**request(scene, arn, role))
    assert code_of(error) == "ResourceNotFoundException"
    scheduler.create_schedule(**request(scene, arn, role))
    with pytest.raises(ClientError) as error:
        scheduler.create_schedule(**request(scene, arn, role))
    assert code_of(error) == "ConflictException"
    scheduler.update_schedule(**request(scene, arn, role, minutes=120))
    scene.pass_time(3600)
    assert held(scene) == 1
    scheduler.delete_schedule(Name="end-of-lease")
    scene.pass_time(2 * 3600)
    assert held(scene) == 1


def test_it_outlives_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    for start in range(2):
        with Sandbox(clock=clock, state=tmp_path) as sandbox:
            scene = Scene(sandbox, clock)
            if start == 0:
                arn, role = scene.throughput(scene.model()), scene.role("ender", trust=TRUST, statements=MAY)
                scene.client("scheduler").create_schedule(**request(scene, arn, role))
            else:
                (kept,) = sandbox.world.records.schedules.values()
                assert isinstance(kept, Schedule)
                scene.pass_time(31 * 60)
                assert (held(scene), names(scene)) == (0, [])


def test_the_simulator_knows_what_a_role_may_do(scene: Scene) -> None:
    role = scene.role("ender", trust=TRUST, statements=MAY)
    iam, action = scene.client("iam"), "bedrock:DeleteProvisionedModelThroughput"
    found = iam.simulate_principal_policy(
        PolicySourceArn=role, ActionNames=[action, "s3:GetObject"], ResourceArns=["arn:a", "arn:b&<c>"]
    )["EvaluationResults"]
    assert [(one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"]) for one in found] == [
        (action, "arn:a", "allowed"),
        (action, "arn:b&<c>", "allowed"),
        ("s3:GetObject", "arn:a", "implicitDeny"),
        ("s3:GetObject", "arn:b&<c>", "implicitDeny"),
    ]
    with pytest.raises(ClientError) as error:
        iam.simulate_principal_policy(PolicySourceArn=f"{role}-x", ActionNames=[action])
    assert code_of(error) == "NoSuchEntity"
