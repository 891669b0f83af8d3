"""The checks before a job never raise: what cannot be looked at says so, line by line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.conftest import BUCKET, HAIKU, LLAMA_33, PAIRS, Scene
from tui.domain.base_models import CATALOGUE
from tui.domain.training.jobs import DataRef, JobSpec
from tui.domain.training.preflight import Check, Cure, Mark, first_cure, summary
from tui.sandbox.server import Sandbox
from tui.services.session import Services
from tui.services.training.permissions import May, Simulator, context_of
from tui.services.training.preflight import Surroundings
from tui.services.training.roles import plan_role


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


CUSTOM = "arn:aws:bedrock:{region}:123456789012:custom-model/anthropic.claude-3-haiku-20240307-v1:0:200k/{id}"


@pytest.mark.parametrize(
    ("base", "mark", "words"),
    [
        ("amazon.nova-lite-v9:0:300k", Mark.BAD, "amazon.nova-lite-v9:0:300k is not offered in us-west-2"),
        (HAIKU.removesuffix(":200k"), Mark.OK, "Claude 3 Haiku"),
        (CUSTOM.format(region="us-west-2", id="nothinglike1"), Mark.BAD, "there is no such custom model"),
        (CUSTOM.format(region="eu-west-1", id="nothinglike1"), Mark.BAD, "is in eu-west-1, the job in us-west-2"),
        ("own", Mark.OK, "lantern-keeper, a custom model of yours"),
        ("other", Mark.BAD, "lantern-keeper was made from meta.llama3-3-70b"),
    ],
)
async def test_what_it_is_trained_from(services: Services, scene: Scene, base: str, mark: Mark, words: str) -> None:
    spec = wanted(scene)
    if base in ("own", "other"):
        base = scene.model(base_id=HAIKU if base == "own" else LLAMA_33)
    found = (await checked(services, replace(spec, base_model_id=base)))["base"]
    assert (found.mark, words in found.text) == (mark, True), found.line


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("arn:aws:iam::999999999999:role/tuner", "it belongs to account 999999999999, not 123456789012"),
        ("arn:aws:iam::123456789012:role/old/place/tuner", "is arn:aws:iam::123456789012:role/tuner now"),
        ("arn:aws:iam::123456789012:role/nobody", "it does not exist"),
    ],
)
async def test_another_role_than_it_seems(services: Services, scene: Scene, arn: str, words: str) -> None:
    found = (await checked(services, replace(wanted(scene), role_arn=arn)))["role"]
    assert (found.mark, words in found.text) == (Mark.BAD, True), found.line


async def test_a_role_with_a_path_is_known_by_its_name(services: Services, scene: Scene) -> None:
    spec, iam = wanted(scene), scene.client("iam")
    trust = iam.get_role(RoleName="tuner")["Role"]["AssumeRolePolicyDocument"]
    made = iam.create_role(Path="/teams/faq/", RoleName="deep", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    found = (await checked(services, replace(spec, role_arn=made["Arn"])))["role"]
    assert found.line == "✓ role: deep trusts Bedrock for jobs here"


async def test_data_that_a_key_of_kms_encrypts(services: Services, scene: Scene) -> None:
    spec = wanted(scene)
    key = spec.training.uri.partition(f"{BUCKET}/")[2]
    body = scene.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    own = "arn:aws:kms:us-west-2:123456789012:key/1b2c"
    scene.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=own)
    found = (await checked(services, spec))["training"]
    assert (found.mark, "kms:Decrypt" in found.text) == (Mark.UNKNOWN, True)


@pytest.mark.parametrize(
    ("more", "mark", "words"),
    [
        ({"kms_key": "arn:aws:kms:us-east-1:123456789012:key/a"}, Mark.BAD, "the key is in us-east-1"),
        ({"kms_key": "arn:aws:kms:us-west-2:123456789012:key/a"}, Mark.UNKNOWN, "the key's policy has to let"),
        ({"subnets": ("subnet-a",), "security_groups": ("sg-a",)}, Mark.UNKNOWN, "network interfaces"),
    ],
)
async def test_what_keys_and_networks_ask_for_is_told(
    services: Services, scene: Scene, more: dict[str, Any], mark: Mark, words: str
) -> None:
    found = (await checked(services, replace(wanted(scene), **more)))["keys"]
    assert (found.mark, words in found.text) == (mark, True)


async def test_validation_data_in_a_bucket_of_their_own_are_in_the_role_that_the_app_makes(
    services: Services, scene: Scene
) -> None:
    spec = replace(wanted(scene), validation=DataRef("s3://tanzaku-validation/v.jsonl", 32))
    scene.bucket("tanzaku-validation")
    data, output, validation = spec.training.uri, spec.output_uri, "s3://tanzaku-validation/v.jsonl"
    plain, plan = (plan_role("123456789012", "us-west-2", data, output, "aws", v) for v in ("", validation))
    let(scene, *plain.permissions["Statement"])
    assert "tanzaku-validation" in (await checked(services, spec))["access"].text
    let(scene, *plan.permissions["Statement"])
    assert (await checked(services, spec))["access"].mark is Mark.OK
    assert plan.name != plain.name


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
