"""The way to a running job by the preflight list alone, and what it says of everything that may be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness import Walk
from tests.journeys.stage import BUCKET, ROLE, sent, uploaded
from tests.sandbox.conftest import PAIRS
from tui.dialogs.job import JobDialog
from tui.widgets.fields import ChoiceField, TextField

CREATE = "CreateModelCustomizationJob"
BEDROCK = {"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps([{"question": q, "answer": a} for q, a in PAIRS]))
    return path


def dialog_of(walk: Walk) -> JobDialog:
    dialog = walk.app_now.screen
    assert isinstance(dialog, JobDialog)
    return dialog


async def form(walk: Walk) -> JobDialog:
    await walk.sees(walk.sandbox.account_id)
    await walk.press("2", "n")
    await walk.sees("New job on Claude 3 Haiku", "preflight")
    return dialog_of(walk)


async def settled(walk: Walk, key: str, words: str) -> None:
    """Wait until a check says this."""

    def says() -> bool:
        screen = walk.app_now.screen
        return isinstance(screen, JobDialog) and key in screen._checks and words in screen._checks[key].line

    await walk.until(says, f"{key}: {words}")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_from_nothing_to_a_running_job_by_the_list_alone(walk: Walk, pairs: Path, size: tuple[int, int]) -> None:
    """No bucket, no role, nothing uploaded: one key mends one thing after the other."""
    async with walk.app([pairs], size=size):
        await walk.sees("✓ clean")
        await form(walk)
        await walk.sees("✗", "ctrl+f: upload the data")
        dialog_of(walk).query_one("#epochCount", TextField).value = "3"
        await settled(walk, "training", "nothing is uploaded")
        await walk.press("ctrl+f")
        await walk.sees("Convert and upload to S3", "will be created")
        await walk.press("ctrl+s")
        await walk.sees("uploaded. Next: 2 (Jobs)")
        await walk.press("2", "n")
        await walk.sees("New job on Claude 3 Haiku")
        assert dialog_of(walk).query_one("#epochCount", TextField).value == "3"
        await settled(walk, "training", "40 records")
        await settled(walk, "role", "ctrl+f: create a role")
        await walk.press("ctrl+f")
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("New job on Claude 3 Haiku")
        await settled(walk, "role", "trusts Bedrock for jobs here")
        await settled(walk, "access", "it may read the data and write the output")
        await walk.until(lambda: all(c.mark != "✗" for c in dialog_of(walk)._checks.values()), "no ✗")
        await walk.press("ctrl+s")
        await walk.sees("is started")
    assert sent(walk, CREATE) == 1


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        ({**BEDROCK, "Principal": {"Service": "lambda.amazonaws.com"}}, "it does not trust bedrock.amazonaws.com"),
        ({**BEDROCK, "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}, "is for account 9999"),
        (
            {
                **BEDROCK,
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/*"}
                },
            },
            "not for jobs of this account and Region",
        ),
    ],
)
async def test_a_trust_that_does_not_fit_is_mended(walk: Walk, trust: dict[str, object], words: str) -> None:
    services = walk.services()
    scene = uploaded(walk, services)
    scene.client("iam").update_assume_role_policy(
        RoleName=ROLE, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    async with walk.app(services=services, size=(120, 40)):
        await form(walk)
        arn = f"arn:aws:iam::{walk.sandbox.account_id}:role/{ROLE}"
        dialog = dialog_of(walk)
        if "lambda" in str(trust):  # such a role is not offered; it may be that of a cloned run
            dialog.query_one("#role_arn", ChoiceField).set_choices([(ROLE, arn)])
        dialog.query_one("#role_arn", ChoiceField).value = arn
        await settled(walk, "role", words)
        await walk.press("ctrl+f")
        await walk.sees("Change the trust of", "What it trusts already stays")
        await walk.press("y")
        await walk.sees("New job on Claude 3 Haiku")
        await settled(walk, "role", "trusts Bedrock for jobs here")
    document = scene.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    assert len(document["Statement"]) == 2


async def test_access_that_is_missing_is_given(walk: Walk) -> None:
    services = walk.services()
    scene = uploaded(walk, services)
    scene.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="access")
    async with walk.app(services=services, size=(120, 40)):
        await form(walk)
        await settled(walk, "access", "it may not s3:GetObject on")
        await walk.press("ctrl+f")
        await walk.sees(f"Let {ROLE} use these places?")
        await walk.press("y")
        await settled(walk, "access", "it may read the data and write the output")


async def test_places_names_and_batches_are_looked_at(walk: Walk) -> None:
    services = walk.services()
    scene = uploaded(walk, services)
    scene.bucket("far-away-bucket", "us-east-1")
    scene.bedrock.create_model_customization_job(**scene.ready_for_jobs_here() | {"jobName": "taken"})
    async with walk.app(services=services, size=(120, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("taken")
        await form(walk)
        dialog = dialog_of(walk)
        await settled(walk, "output", f"bucket {BUCKET} in us-west-2")
        dialog.query_one("#output_uri", TextField).value = "s3://far-away-bucket/out/"
        await settled(walk, "output", "is in us-east-1, the job in us-west-2")
        dialog.query_one("#output_uri", TextField).value = "s3://tanzaku-fresh-bucket/out/"
        await settled(walk, "output", "ctrl+f: create the bucket")
        dialog.query_one("#job_name", TextField).value = "taken"
        await settled(walk, "names", "a job taken exists")
        dialog.query_one("#batchSize", TextField).value = "256"
        await settled(walk, "counts", "a batch of 256 is more than the 40 training records")
        dialog.query_one("#training", ChoiceField).value = "other"
        dialog.query_one("#training_typed", TextField).value = f"s3://{BUCKET}/nothing.jsonl"
        await settled(walk, "training", "there is no s3://")
        scene.upload("odd.jsonl", '{"prompt": "a", "completion": "b"}\n')
        dialog.query_one("#training_typed", TextField).value = f"s3://{BUCKET}/odd.jsonl"
        await settled(walk, "training", "line 1 is not in the format claude-messages")
        scene.upload("empty.jsonl", "")
        dialog.query_one("#training_typed", TextField).value = f"s3://{BUCKET}/empty.jsonl"
        await settled(walk, "training", "the file is empty")
        await walk.press("ctrl+s")
        await walk.sees("ctrl+s once more starts the job all the same")
    assert sent(walk, CREATE) == 1


async def test_what_may_not_be_looked_at_is_a_question_mark(walk: Walk) -> None:
    services = walk.services()
    uploaded(walk, services)
    for operation in ("SimulatePrincipalPolicy", "GetRole", "ListServiceQuotas"):
        walk.sandbox.faults.add(kind="denied", operation=operation, times=None)
    async with walk.app(services=services, size=(120, 40)):
        await form(walk)
        await settled(walk, "role", "? role: could not be looked at")
        await settled(walk, "caller", "? permissions: could not be looked at")
        await walk.press("ctrl+s")
        await walk.sees("is started")


async def test_a_run_is_cloned_with_changes_and_its_model_trained_further(walk: Walk) -> None:
    services = walk.services()
    scene = uploaded(walk, services)
    trained_scene = scene.bedrock.create_model_customization_job(
        **scene.ready_for_jobs_here()
        | {
            "jobName": "first",
            "hyperParameters": {"epochCount": "4", "batchSize": "16"},
            "jobTags": [{"key": "owner", "value": "me"}],
        }
    )
    scene.pass_time(3600)
    assert scene.job(trained_scene["jobArn"])["status"] == "Completed"
    async with walk.app(services=services, size=(120, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("first", "Completed")
        await walk.press("C")
        await walk.sees("New job on Claude 3 Haiku", "earlier job on this base model took")
        dialog = dialog_of(walk)
        assert dialog.query_one("#epochCount", TextField).value == "4"
        base = dialog.query_one("#base", ChoiceField)
        base.value = dialog._form.bases[0][1]
        await settled(walk, "base", "trained further")
        await walk.press("ctrl+o")
        assert dialog.query_one("#job_tags", TextField).value == "owner=me"
        dialog.query_one("#job_tags", TextField).value = "team=faq"
        await walk.press("ctrl+s")
        await walk.sees("is started")
    newest = scene.bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"][0]
    assert newest["jobName"] != "first"
    tags = scene.bedrock.list_tags_for_resource(resourceARN=newest["jobArn"])["tags"]
    assert tags == [{"key": "team", "value": "faq"}]
    scene.pass_time(3600)
    first, further = (scene.job(one["jobArn"])["outputModelArn"] for one in (trained_scene, newest))
    assert scene.bedrock.get_custom_model(modelIdentifier=further)["baseModelArn"] == first
