"""Service roles with the least that is needed, and the live list of models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.conftest import BUCKET, Scene
from tests.services.conftest import Scripted, operations
from tui.domain.errors import AppError, Cause
from tui.domain.names import role_arn_problem
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.catalog import Catalog
from tui.services.session import Services
from tui.services.training.roles import POLICY_NAME, plan_role

PLAN = plan_role("123456789012", "us-west-2", f"s3://{BUCKET}/in/x.jsonl", f"s3://{BUCKET}-out/out/")


def test_the_trust_is_bound_to_this_account_and_region() -> None:
    (statement,) = PLAN.trust["Statement"]
    assert statement["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": "arn:aws:bedrock:us-west-2:123456789012:model-customization-job/*"},
    }


def test_the_data_can_be_read_only_and_nothing_else_is_named() -> None:
    read, write = PLAN.permissions["Statement"]
    assert set(read["Action"]) == {"s3:GetObject", "s3:ListBucket"}
    assert read["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    assert set(write["Action"]) == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    assert write["Resource"] == [f"arn:aws:s3:::{BUCKET}-out", f"arn:aws:s3:::{BUCKET}-out/*"]
    assert "trust policy" in PLAN.text()
    assert f"arn:aws:s3:::{BUCKET}-out/*" in PLAN.text()


def test_the_name_fits_iam() -> None:
    long = plan_role("123456789012", "us-west-2", f"s3://{'b' * 63}/x", f"s3://{'b' * 63}/y")
    assert len(long.name) <= 64
    assert role_arn_problem(f"arn:aws:iam::123456789012:role/{long.name}") == ""


async def test_a_role_is_made_once_and_brought_up_to_date(services: Services, scene: Scene) -> None:
    first = await services.roles.create(PLAN)
    other = plan_role("123456789012", "us-west-2", f"s3://{BUCKET}/x", f"s3://{BUCKET}/y")
    again = await services.roles.create(type(PLAN)(PLAN.name, PLAN.trust, other.permissions))
    assert first == again
    iam = scene.client("iam")
    role = iam.get_role(RoleName=PLAN.name)["Role"]
    assert role["AssumeRolePolicyDocument"] == PLAN.trust
    policy = iam.get_role_policy(RoleName=PLAN.name, PolicyName=POLICY_NAME)["PolicyDocument"]
    assert policy == other.permissions
    assert [r.arn for r in await services.roles.usable()] == [first.arn]


async def test_an_answer_that_was_lost_is_no_second_role(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="error_after", service="iam", operation="CreateRole", times=None)
    role = await services.roles.create(PLAN)
    assert role_arn_problem(role.arn) == ""
    assert "PutRolePolicy" in operations(sandbox)


async def test_what_iam_refuses_is_told(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="denied", service="iam", operation="CreateRole", times=None)
    with pytest.raises(AppError) as caught:
        await services.roles.create(PLAN)
    assert caught.value.cause is Cause.DENIED


@pytest.mark.parametrize(
    ("statement", "usable"),
    [
        ({"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}, True),
        (
            {
                "Effect": "Allow",
                "Principal": {"Service": ["ec2.amazonaws.com", "bedrock.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            },
            True,
        ),
        ({"Effect": "Deny", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, False),
    ],
)
@pytest.mark.parametrize("listed", [True, False], ids=["list", "object"])
async def test_only_roles_that_trust_bedrock_are_offered(
    services: Services, scene: Scene, statement: dict[str, Any], usable: bool, listed: bool
) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement] if listed else statement})
    scene.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)
    assert [r.name for r in await services.roles.usable()] == (["r"] if usable else [])


async def test_more_roles_than_a_page_holds(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    names = [f"role-{n:03}" for n in range(105)]
    trust = json.dumps(PLAN.trust)
    for name in names:
        scene.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    sandbox.requests.clear()
    assert [r.name for r in await services.roles.usable()] == names
    assert operations(sandbox).count("ListRoles") > 1


async def test_the_live_list_decides(services: Services, sandbox: Sandbox) -> None:
    models = {m.model_id: m for m in await services.catalog.foundation_models()}
    now = services.now()
    assert models["anthropic.claude-3-haiku-20240307-v1:0:200k"].can_fine_tune(now)
    assert models["meta.llama3-2-1b-instruct-v1:0"].retired(now)
    assert models["amazon.titan-text-express-v1"].lifecycle_text(now) == "legacy, end of life 2027-06-30"
    await services.catalog.foundation_models()
    assert operations(sandbox) == ["ListFoundationModels"]
    await services.catalog.foundation_models(fresh=True)
    assert operations(sandbox) == ["ListFoundationModels"] * 2


async def test_what_can_be_asked(services: Services, sandbox: Sandbox) -> None:
    targets = await services.catalog.targets()
    ids = [t.model_id for t in targets]
    assert "amazon.nova-lite-v1:0" in ids
    assert "us.anthropic.claude-haiku-4-5-20251001-v1:0" in ids
    assert "meta.llama3-2-1b-instruct-v1:0" not in ids
    assert [t.name for t in targets] == sorted(t.name for t in targets)
    sandbox.faults.add(kind="denied", operation="ListInferenceProfiles", times=None)
    assert {t.kind for t in await services.catalog.targets()} == {"base model"}
    sandbox.faults.clear()
    sandbox.faults.add(kind="expired", operation="ListInferenceProfiles", times=None)
    with pytest.raises(AppError):
        await services.catalog.targets()


@pytest.mark.parametrize("answer", [{}, {"modelSummaries": [{"modelArn": "x"}]}])
async def test_an_incomplete_list_is_no_list(elsewhere: Aws, scripted: Scripted, answer: Any) -> None:
    scripted.answers(answer)
    with pytest.raises(AppError) as caught:
        await Catalog(elsewhere).foundation_models()
    assert caught.value.cause is Cause.INCOMPLETE


async def test_a_model_with_the_least_said_of_it(elsewhere: Aws, scripted: Scripted) -> None:
    scripted.answers({"modelSummaries": [{"modelArn": "arn", "modelId": "a.b\x1b"}]})
    (model,) = await Catalog(elsewhere).foundation_models()
    assert (model.name, model.lifecycle, model.text_output) == ("a.b␛", "ACTIVE", True)


def test_other_buckets_have_another_role() -> None:
    """Bringing a role up to new buckets would take it from jobs that use the old ones."""
    long = "b" * 40
    places = [(f"{long}-1", "out"), (f"{long}-2", "out"), (f"{long}-1", "out-2")]
    names = {plan_role("123456789012", "us-west-2", f"s3://{d}/x", f"s3://{o}/y").name for d, o in places}
    assert len(names) == 3
    assert all(len(name) <= 64 for name in names)


@pytest.mark.parametrize(
    ("key", "resource", "operators"),
    [
        ("key/1", "key/1", {"StringLike"}),
        ("alias/models", "key/*", {"StringLike", "ForAnyValue:StringEquals"}),
    ],
)
def test_a_model_encrypted_by_a_key_needs_that_key_and_a_role_of_its_own(
    key: str, resource: str, operators: set[str]
) -> None:
    there = "arn:aws:kms:us-west-2:123456789012:"
    places = ("123456789012", "us-west-2", f"s3://{BUCKET}/in/x.jsonl", f"s3://{BUCKET}-out/out/")
    plan = plan_role(*places, kms_key=there + key)
    *others, used = plan.permissions["Statement"]
    assert others == PLAN.permissions["Statement"]
    assert (used["Resource"], set(used["Condition"])) == (there + resource, operators)
    assert "kms:CreateGrant" in used["Action"]
    assert plan.name != PLAN.name


def test_a_network_needs_interfaces_within_it_for_customization_jobs_only() -> None:
    places = ("123456789012", "us-west-2", f"s3://{BUCKET}/in/x.jsonl", f"s3://{BUCKET}-out/out/")
    plan = plan_role(*places, subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",))
    count = len(PLAN.permissions["Statement"])
    assert plan.permissions["Statement"][:count] == PLAN.permissions["Statement"]
    by_sid = {one["Sid"]: one for one in plan.permissions["Statement"][count:]}
    here = "arn:aws:ec2:us-west-2:123456789012:"
    subnets = [f"{here}subnet/subnet-1", f"{here}subnet/subnet-2"]
    jobs = "arn:aws:bedrock:us-west-2:123456789012:model-customization-job/*"
    assert by_sid["MakeInterfaceWithin"]["Resource"] == [*subnets, f"{here}security-group/sg-1"]
    for sid, tag in (("MakeInterface", "aws:RequestTag"), ("LetBedrockAttach", "ec2:ResourceTag")):
        assert by_sid[sid]["Condition"]["ArnEquals"] == {f"{tag}/BedrockModelCustomizationJobArn": jobs}
    assert by_sid["LetBedrockAttach"]["Condition"]["StringEquals"] == {"ec2:Subnet": subnets}
    assert all(one.startswith("ec2:Describe") for one in by_sid["SeeNetwork"]["Action"])
    assert len({plan.name, PLAN.name, plan_role(*places, subnets=("subnet-1",), security_groups=("sg-1",)).name}) == 3
    assert len(plan.text()) < 10_240  # what IAM takes of a role's own policies


def test_the_partition_is_the_callers() -> None:
    plan = plan_role("123456789012", "cn-north-1", "s3://b/x", "s3://b/y", "aws-cn")
    assert "arn:aws-cn:s3:::b" in plan.text()
    assert "arn:aws:" not in plan.text()


async def test_whether_a_role_exists(services: Services, scene: Scene) -> None:
    assert not await services.roles.exists(PLAN.name)
    await services.roles.create(PLAN)
    assert await services.roles.exists(PLAN.name)
