"""Jobs that fail, are stopped or refused; base models that are served another way; things deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from textual.events import Key

from tests.harness import Walk
from tests.journeys.stage import BUCKET, HAIKU, ROLE, Scene, scene_of, sent, trained, uploaded
from tests.sandbox.conftest import PAIRS, WHOLE_JOB
from tui.tabs.chat import ChatTab

DETAIL = "GetModelCustomizationJob"


def start(walk: Walk, scene: Scene, training: str, *, role: str = ROLE, name: str = "lessons-1") -> str:
    made = scene.bedrock.create_model_customization_job(
        jobName=name,
        customModelName=f"{name}-model",
        roleArn=f"arn:aws:iam::{walk.sandbox.account_id}:role/{role}",
        baseModelIdentifier=HAIKU,
        trainingDataConfig={"s3Uri": training},
        outputDataConfig={"s3Uri": f"s3://{BUCKET}/out/"},
    )
    return str(made["jobArn"])


async def test_a_failed_job_shows_cause_and_cure(walk: Walk) -> None:
    scene = scene_of(walk)
    scene.bucket()
    scene.role(ROLE)
    walk.clock.advance(120)
    lines = "".join(json.dumps({"prompt": q, "completion": a}) + "\n" for q, a in PAIRS)
    start(walk, scene, scene.upload("in/wrong.jsonl", lines))
    async with walk.app(size=(100, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("● Validation")
        await walk.pass_time(400)
        await walk.sees("✗ Failed", "The data has another model's format")
        await walk.press("b")
        await walk.sees("This run has no model to serve")
        await walk.press("X")
        await walk.sees("nothing to delete here")
        await walk.press("S")
        await walk.sees("Only a job that is under way")
        await walk.press("enter")
        await walk.sees("no metrics were written")


async def test_a_job_is_stopped(walk: Walk) -> None:
    services = walk.services()
    scene = uploaded(walk, services)
    arn = start(walk, scene, f"s3://{BUCKET}/tanzaku/claude-3-haiku/dataset/train.jsonl")
    async with walk.app(services=services):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("● Validation")
        await walk.press("S")
        await walk.sees("Stop this job?", "cannot go on")
        await walk.press("enter", "escape")
        assert scene.job(arn)["status"] == "InProgress"
        await walk.press("S")
        await walk.sees("Stop this job?")
        await walk.press("y")
        await walk.sees("Stopping")
        await walk.pass_time(WHOLE_JOB)
        await walk.sees("Stopped")
        assert sent(walk, "StopModelCustomizationJob") == 1


async def test_a_model_without_endpoint_is_deleted_by_its_name(walk: Walk) -> None:
    scene = trained(walk)
    async with walk.app():
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await walk.press("X")
        await walk.sees("Delete this custom model?", "deleted for good")
        await walk.type("lantern")
        await walk.press("enter")
        await walk.sees("That is not lantern-keeper")
        assert scene.bedrock.list_custom_models()["modelSummaries"]
        await walk.type("-keeper")
        await walk.press("enter")
        await walk.sees("lantern-keeper is deleted", "No runs yet")
        assert scene.bedrock.list_custom_models()["modelSummaries"] == []


async def test_llama_is_deployed_on_demand(walk: Walk, tmp_path: Path) -> None:
    """From the pairs to an answer, by a base model that is not bought by the hour."""
    path = tmp_path / "training.json"
    path.write_text(json.dumps([{"q": f"What is lamp {n}?", "a": f"Lamp {n} hangs there."} for n in range(100)]))
    scene = scene_of(walk)
    async with walk.app([path], size=(110, 40)) as app:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        await walk.press("b")
        await walk.sees("Base model", "active")
        await walk.press("g", *["j"] * 4, "enter")
        await walk.sees("for Llama 3.3 70B Instruct")
        await walk.press("p")
        await walk.sees("Convert and upload to S3", "bedrock-conversation")
        await walk.press("enter")
        await walk.sees("uploaded. Next")
        await walk.press("2", "n")
        await walk.sees("New job on Llama 3.3 70B Instruct")
        await walk.press("end", "backspace", "2", "ctrl+s")
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("is started")
        await walk.pass_time(WHOLE_JOB * 3)
        await walk.sees("✓ Completed")
        await walk.press("b")
        await walk.sees("on demand", "nothing is charged")
        await walk.press(*["enter"] * 5)
        await walk.sees("ctrl+s deploys it")
        assert sent(walk, "CreateCustomModelDeployment") == 0
        await walk.press(*["ctrl+s"] * 5)
        await walk.sees("◌ Creating")
        await walk.pass_time(900)
        await walk.misses("◌ Creating")
        assert sent(walk, "CreateCustomModelDeployment") == 1
        await walk.press("c")
        await walk.sees("on demand")
        await walk.type("What is lamp 3?")
        await walk.press("enter")
        tab = app.screen.query_one(ChatTab)
        await walk.until(lambda: bool(tab.history("a")), "an answer")
        await walk.press("escape", "2", "X")
        await walk.sees("Delete this endpoint?")
        assert not walk.shows("Billing ends")
        name = scene.bedrock.list_custom_model_deployments()["modelDeploymentSummaries"][0]["customModelDeploymentName"]
        await walk.type(name)
        await walk.press("enter")
        await walk.sees("is deleted")
        await walk.pass_time(900)
        assert scene.bedrock.list_custom_model_deployments()["modelDeploymentSummaries"] == []


async def test_nova_is_not_offered_in_oregon(walk: Walk) -> None:
    """Said in the form, and the refusal brings the form back."""
    services = walk.services()
    uploaded(walk, services, "nova-lite")
    async with walk.app(services=services, size=(100, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("b", "g", "j", "j", "enter")
        await walk.sees("base model Amazon Nova Lite")
        await walk.press("2", "n")
        await walk.sees("New job on Amazon Nova Lite", "us-east-1")
        await walk.press("escape")
        await walk.sees("No job was started")
    assert sent(walk, "CreateModelCustomizationJob") == 0


async def test_a_model_made_twice_over_gives_the_second_endpoint_another_name(walk: Walk) -> None:
    scene = trained(walk)
    scene.throughput(scene.model("second-keeper"), "claude-3-haiku")
    async with walk.app():
        await walk.sees("1 MU")
        await walk.press("2")
        await walk.sees("lantern-keeper", "second-keeper")
        await walk.until(lambda: walk.shows("▸"), "a cursor")
        await walk.press(*(["j"] if "▸ second" in walk.text else []), "b")
        await walk.sees("Serve lantern-keeper", "claude-3-haiku-2")


async def test_passing_over_runs_asks_for_the_detail_of_the_last_only(walk: Walk) -> None:
    scene = uploaded(walk, walk.services())
    for number in range(6):
        start(walk, scene, f"s3://{BUCKET}/tanzaku/claude-3-haiku/dataset/train.jsonl", name=f"keeper-{number}")
        scene.pass_time(WHOLE_JOB)
    async with walk.app(size=(100, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("keeper-5", "keeper-0")
        await walk.press("g")
        await walk.until(lambda: sent(walk, DETAIL) > 0, "the first detail")
        first = sent(walk, DETAIL)
        for _ in range(5):
            walk.app_now.post_message(Key("j", "j"))
        await walk.until(lambda: sent(walk, DETAIL) > first, "another detail")
        await walk.sees("▸ keeper-0", "epochs")
        assert sent(walk, DETAIL) - first <= 2


async def test_output_is_not_put_below_a_file(walk: Walk) -> None:
    services = walk.services()
    uploaded(walk, services)
    place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
    (train, *_) = [u for u in services.store.uploads(place) if u.role == "train"]
    services.store.add_upload(place, replace(train, uri=f"s3://{BUCKET}/own/train.jsonl", at=services.now()))
    async with walk.app(services=services, size=(100, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2", "n")
        await walk.sees("New job on Claude 3 Haiku", f"s3://{BUCKET}/own/output/")
