"""The checks before a job never raise: what cannot be looked at says so, line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.conftest import BUCKET, HAIKU, PAIRS, Scene
from tui.domain.base_models import CATALOGUE
from tui.domain.jobs import DataRef, JobSpec
from tui.domain.preflight import Check, Cure, Mark, first_cure, summary
from tui.sandbox.server import Sandbox
from tui.services.permissions import May, Simulator, context_of
from tui.services.preflight import Surroundings
from tui.services.roles import plan_role
from tui.services.session import Services


def wanted(scene: Scene) -> JobSpec:
    asked = scene.ready_for_jobs()
    data, place = DataRef(asked["trainingDataConfig"]["s3Uri"], len(PAIRS)), asked["outputDataConfig"]["s3Uri"]
    return JobSpec("lessons-1", "keeper", HAIKU, asked["roleArn"], data, place)


async def checked(services: Services, spec: JobSpec, *, moving: int = 0) -> dict[str, Check]:
    model = next(m for m in CATALOGUE if m.customization_id == HAIKU)
    around = Surroundings(await services.identity.look(), model, services.now(), moving=moving)
    return {check.key: check async for check in services.preflight.run(spec, around)}


async def test_nothing_is_wrong_where_all_is_there(services: Services, scene: Scene) -> None:
    found = await checked(services, wanted(scene))
    assert not [check.line for check in found.values() if check.mark is Mark.BAD]
    assert first_cure(found.values()) is None


@pytest.mark.parametrize("kind", ["denied", "error", "expired", "reset", "unavailable"])
@pytest.mark.parametrize("service", ["s3", "iam", "bedrock", "service-quotas"])
async def test_what_cannot_be_looked_at_is_not_called_wrong(
    services: Services, scene: Scene, sandbox: Sandbox, service: str, kind: str
) -> None:
    spec = wanted(scene)
    services.forget()
    sandbox.faults.add(kind=kind, service=service, times=None)
    found = await checked(services, spec)
    marks = {check.mark for check in found.values()}
    assert Mark.UNKNOWN in marks
    assert not [check.line for check in found.values() if check.mark is Mark.BAD]
    assert "?" in summary(found.values())


@pytest.mark.parametrize(("moving", "mark"), [(0, Mark.OK), (9, Mark.OK), (10, Mark.UNKNOWN)])
async def test_the_quota_on_jobs_is_told(services: Services, scene: Scene, moving: int, mark: Mark) -> None:
    found = (await checked(services, wanted(scene), moving=moving))["quota"]
    assert found.mark is mark
    assert f"{moving} jobs under way, 10 may be scheduled at once" in found.line


async def test_a_quota_that_may_not_be_read_says_what_is_missing(
    services: Services, scene: Scene, sandbox: Sandbox
) -> None:
    services.forget()
    sandbox.faults.add(kind="denied", service="service-quotas", times=None)
    found = (await checked(services, wanted(scene)))["quota"]
    assert found.line.startswith("? quota: could not be looked at (AWS does not allow this). Ask for the permission")


async def test_what_is_missing_has_a_cure(services: Services, scene: Scene) -> None:
    data = DataRef("s3://tanzaku-nowhere/提灯.jsonl")
    found = await checked(services, JobSpec("lessons-1", "keeper", HAIKU, "", data, "s3://tanzaku-nowhere/out/"))
    cures = {key: check.cure for key, check in found.items() if check.mark is Mark.BAD and check.cure}
    assert cures["training"] is Cure.UPLOAD
    assert cures["output"] is Cure.CREATE_BUCKET
    assert cures["role"] is Cure.CREATE_ROLE


def let(scene: Scene, *statements: dict[str, Any]) -> None:
    """The role's own permissions, in place of what it has."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    scene.client("iam").put_role_policy(RoleName="tuner", PolicyName="access", PolicyDocument=document)


READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
ALL = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


async def test_the_role_that_the_app_makes_passes_its_own_check(services: Services, scene: Scene) -> None:
    """Its permissions have a condition, which the simulator knows nothing of unless it is told."""
    spec = wanted(scene)
    plan = plan_role("123456789012", "us-west-2", spec.training.uri, spec.output_uri)
    let(scene, *plan.permissions["Statement"])
    assert any("Condition" in statement for statement in plan.permissions["Statement"])
    found = await checked(services, spec)
    assert found["access"].line == "✓ role's access: it may read the data and write the output"


@pytest.mark.parametrize(
    ("statements", "mark", "words"),
    [
        ([READ], Mark.BAD, f"s3:ListBucket on s3://{BUCKET} or s3:PutObject on s3://{BUCKET}/"),
        ([{**ALL, "Condition": {"StringEquals": {"aws:ResourceAccount": "9"}}}], Mark.BAD, "it may not s3:GetObject"),
        (
            [{**ALL, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "faq"}}}],
            Mark.UNKNOWN,
            "it depends on aws:principaltag/team, which cannot be told from here",
        ),
        ([ALL, {**ALL, "Effect": "Deny", "Action": "s3:Put*"}], Mark.BAD, "it may not s3:PutObject"),
    ],
)
async def test_what_the_role_may_do(
    services: Services, scene: Scene, statements: list[dict[str, Any]], mark: Mark, words: str
) -> None:
    spec = wanted(scene)
    let(scene, *statements)
    found = (await checked(services, spec))["access"]
    assert found.mark is mark
    assert words in found.text
    assert found.cure is (Cure.FIX_ACCESS if mark is Mark.BAD else None)


@pytest.mark.parametrize(
    ("more", "mark", "cure"),
    [
        ({"Effect": "Deny"}, Mark.BAD, None),
        ({"Effect": "Deny", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, Mark.UNKNOWN, None),
        ({"Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}, Mark.OK, None),
    ],
)
async def test_a_statement_beside_the_one_that_trusts(
    services: Services, scene: Scene, more: dict[str, Any], mark: Mark, cure: Cure | None
) -> None:
    spec = wanted(scene)
    iam = scene.client("iam")
    trust = iam.get_role(RoleName="tuner")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"].append({**trust["Statement"][0], **more})
    iam.update_assume_role_policy(RoleName="tuner", PolicyDocument=json.dumps(trust))
    found = (await checked(services, spec))["role"]
    assert (found.mark, found.cure) == (mark, cure)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Resource": "*"}, May(True)),
        ({"Resource": "arn:aws:bedrock:*::foundation-model/anthropic.*"}, May(True)),
        ({"Resource": "arn:aws:bedrock:*::foundation-model/amazon.*"}, May(False)),
        ({"Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}}, May(True)),
        ({"Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}, May(False)),
        (
            {"Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
            May(False, ("aws:multifactorauthpresent",)),
        ),
    ],
)
async def test_a_caller_may_be_bound_to_models_regions_and_more(
    services: Services, scene: Scene, statement: dict[str, Any], expected: May
) -> None:
    role = scene.ready_for_jobs()["roleArn"]
    action = "bedrock:CreateModelCustomizationJob"
    let(scene, {"Effect": "Allow", "Action": action, **statement})
    places = ("*", f"arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}")
    context = context_of("123456789012", "us-west-2")
    assert await Simulator(services.aws).may(role, (action,), places, context) == expected


async def test_who_asks(services: Services, scene: Scene) -> None:
    role = scene.ready_for_jobs()["roleArn"]
    simulator = Simulator(services.aws)
    assert await simulator.caller("arn:aws:iam::123456789012:root") is None
    assert await simulator.caller("arn:aws:iam::123456789012:user/ume") == "arn:aws:iam::123456789012:user/ume"
    assert await simulator.caller("arn:aws:sts::123456789012:assumed-role/tuner/session") == role
