"""The sandbox as an object: many callers, resets, waiting, and its end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.sandbox.conftest import BUCKET, Scene
from tui.sandbox.clock import ManualClock, WallClock
from tui.sandbox.server import Sandbox

MESSAGES = [{"role": "user", "content": [{"text": "Hello"}]}]


def test_many_callers_at_once(scene: Scene) -> None:
    scene.bucket()
    s3, bedrock, runtime = scene.client("s3"), scene.bedrock, scene.runtime

    def work(number: int) -> int:
        done = 0
        for turn in range(2):
            s3.put_object(Bucket=BUCKET, Key=f"{number}/{turn}", Body=b"x")
            bedrock.list_custom_models()
            stream = runtime.converse_stream(
                modelId="amazon.nova-lite-v1:0", messages=MESSAGES, inferenceConfig={"maxTokens": 3}
            )["stream"]
            done += [next(iter(event)) for event in stream][-1] == "metadata"
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 16
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 16


def test_one_token_in_a_race_makes_one_job(scene: Scene) -> None:
    request = scene.ready_for_jobs() | {"clientRequestToken": "race"}
    bedrock = scene.bedrock
    with ThreadPoolExecutor(6) as pool:
        arns = list(pool.map(lambda _: bedrock.create_model_customization_job(**request)["jobArn"], range(6)))
    assert len(set(arns)) == 1
    assert len(bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"]) == 1


def test_a_reset_empties_everything(scene: Scene) -> None:
    scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())
    scene.throughput(scene.model())
    scene.clock.advance(1300)
    scene.sandbox.faults.add(kind="denied", times=None)
    scene.sandbox.reset()
    assert scene.client("s3").list_buckets()["Buckets"] == []
    assert scene.client("iam").list_roles()["Roles"] == []
    assert scene.bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"] == []
    assert scene.bedrock.list_custom_models()["modelSummaries"] == []
    assert scene.bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"] == []
    assert scene.sandbox.books() == ()


def test_settle_waits_for_a_training_and_no_longer_than_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.sandbox import training

    may_end = threading.Event()
    real = training.train

    def slow(*args: object, **more: object) -> object:
        may_end.wait(30)
        return real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "train", slow)
    arn = scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())["jobArn"]
    scene.clock.advance(3600)
    with pytest.raises(TimeoutError):
        scene.sandbox.settle(0.05)
    assert scene.job(arn)["status"] == "InProgress"
    may_end.set()
    scene.sandbox.settle()
    assert scene.job(arn)["status"] == "Completed"


def test_a_training_with_a_defect_fails_its_job(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tui.sandbox import training

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(training, "train", broken)
    arn = scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())["jobArn"]
    scene.pass_time(3600)
    job = scene.job(arn)
    assert (job["status"], job["statusDetails"]["trainingDetails"]["status"]) == ("Failed", "Failed")
    assert job["failureMessage"].startswith("Encountered an unexpected error")
    assert "a defect" in capfd.readouterr().err


def test_an_output_bucket_that_goes_away_fails_the_job(scene: Scene) -> None:
    request = scene.ready_for_jobs()
    s3 = scene.client("s3")
    arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(1300)
    for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)
    scene.pass_time(2400)
    assert "Could not validate PutObject permissions" in scene.job(arn)["failureMessage"]


def test_on_the_wall_clock_everything_comes_by_itself() -> None:
    with Sandbox(clock=WallClock(36_000)) as sandbox:
        scene = Scene(sandbox, ManualClock())
        scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())
        end = time.monotonic() + 30
        pause = threading.Event()
        while scene.job("lessons-1")["status"] == "InProgress" and time.monotonic() < end:
            pause.wait(0.02)
        assert scene.job("lessons-1")["status"] == "Completed"


def test_after_the_end_nothing_answers() -> None:
    sandbox = Sandbox()
    sandbox.start()
    client = sandbox.client("bedrock", retries={"total_max_attempts": 1})
    client.list_custom_models()
    began = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - began < 20
    with pytest.raises(EndpointConnectionError):
        client.list_custom_models()
    Sandbox().stop()
