"""S3 and IAM behind the door, and the world on disk."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.sandbox.conftest import BUCKET, PAIRS, WHOLE_JOB, Scene, claude_lines
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.sandbox.state_folder import Folder, FolderInUseError

KEYS = ["plain", "a b+c=d.txt", "深い/場所/鍵", "model/x/converse", "foundation-models", "%2F", "q?x=1&y", "emoji-🏮"]


@pytest.mark.parametrize("key", KEYS)
def test_any_key_goes_there_and_back(scene: Scene, key: str) -> None:
    scene.bucket()
    s3 = scene.client("s3")
    s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), Metadata={"note": "x"}, ContentType="text/x-test")
    found = s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == key.encode()
    assert (found["Metadata"], found["ContentType"]) == ({"note": "x"}, "text/x-test")
    head = s3.head_object(Bucket=BUCKET, Key=key)
    assert head["ContentLength"] == len(key.encode())
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]
    s3.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=BUCKET, Key=key)
    assert error.value.response["Error"]["Code"] == "404"


def test_a_bucket_may_be_called_model(scene: Scene) -> None:
    scene.bucket("model")
    assert scene.upload("x/converse", "kept", "model")
    assert scene.client("s3").get_object(Bucket="model", Key="x/converse")["Body"].read() == b"kept"


def test_an_upload_in_parts_is_whole(scene: Scene) -> None:
    scene.bucket()
    data = bytes(range(256)) * 4096 * 11
    seen: list[int] = []
    parts = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
    scene.client("s3").upload_fileobj(io.BytesIO(data), BUCKET, "big", Callback=seen.append, Config=parts)
    assert scene.sandbox.world.storage.read(f"s3://{BUCKET}/big") == data
    assert sum(seen) == len(data)
    names = {request.operation for request in scene.sandbox.requests}
    assert {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} <= names


def test_requests_are_recorded_by_their_names(scene: Scene) -> None:
    scene.bucket()
    scene.upload("x", "y")
    s3 = scene.client("s3")
    s3.list_buckets()
    s3.list_objects_v2(Bucket=BUCKET)
    s3.get_bucket_location(Bucket=BUCKET)
    scene.client("sts").get_caller_identity()
    assert [(request.service, request.operation) for request in scene.sandbox.requests] == [
        ("s3", "CreateBucket"),
        ("s3", "PutObject"),
        ("s3", "ListBuckets"),
        ("s3", "ListObjectsV2"),
        ("s3", "GetBucketLocation"),
        ("sts", "GetCallerIdentity"),
    ]


def _world(scene: Scene) -> dict[str, object]:
    """What a client sees of everything that is kept."""
    s3, iam = scene.client("s3"), scene.client("iam")
    objects = {
        key: {name: head[name] for name in ("ETag", "ContentLength", "LastModified", "ContentType", "Metadata")}
        for key in [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        for head in [s3.head_object(Bucket=BUCKET, Key=key)]
    }
    listed = iam.list_roles()["Roles"]
    roles = [{k: role[k] for k in ("Arn", "AssumeRolePolicyDocument", "CreateDate")} for role in listed]
    return {
        "buckets": s3.list_buckets()["Buckets"],
        "objects": objects,
        "roles": roles,
        "inline": iam.get_role_policy(RoleName="tuner", PolicyName="access")["PolicyDocument"],
        "jobs": scene.bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"],
        "models": scene.bedrock.list_custom_models()["modelSummaries"],
        "throughputs": scene.bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"],
        "books": scene.sandbox.books(),
    }


def test_the_world_is_the_same_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    with Sandbox(state=tmp_path, clock=clock) as first:
        scene = Scene(first, clock)
        request = scene.ready_for_jobs() | {"jobTags": [{"key": "a", "value": "b"}], "clientRequestToken": "once"}
        arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
        scene.upload("reports/日本.txt", "本文")
        scene.pass_time(WHOLE_JOB)
        endpoint = scene.throughput("lantern-keeper")
        before = _world(scene)
    with Sandbox(state=tmp_path, clock=clock) as second:
        scene = Scene(second, clock)
        assert _world(scene) == before
        assert second.notices == ()
        assert scene.bedrock.create_model_customization_job(**request)["jobArn"] == arn
        assert scene.bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "a", "value": "b"}]
        turn = {"role": "user", "content": [{"text": PAIRS[0][0]}]}
        answer = scene.runtime.converse(modelId=endpoint, messages=[turn], inferenceConfig={"temperature": 0.0})
        assert answer["output"]["message"]["content"][0]["text"]


def test_the_same_seed_gives_the_same_losses_after_a_restart(tmp_path: Path) -> None:
    """A training that is thrown away with its process is computed anew, to the last digit."""
    clock = ManualClock()
    with Sandbox(state=tmp_path, clock=clock) as first:
        scene = Scene(first, clock)
        arn = scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())["jobArn"]
        scene.pass_time(1300)
        assert scene.job(arn)["statusDetails"]["trainingDetails"]["status"] == "InProgress"
        training = first._lifecycle._trainings[arn].outcome
    assert training is not None
    with Sandbox(state=tmp_path, clock=clock) as second:
        scene = Scene(second, clock)
        scene.pass_time(2400)
        job = scene.job(arn)
        assert job["status"] == "Completed"
        assert job["validationMetrics"] == [{"validationLoss": training.validation[-1].loss}]


def test_objects_no_longer_named_are_removed_from_disk(tmp_path: Path) -> None:
    with Sandbox(state=tmp_path) as sandbox:
        scene = Scene(sandbox, ManualClock())
        scene.bucket()
        scene.upload("a", "one")
        scene.upload("b", "one")
        assert len(list((tmp_path / "objects").iterdir())) == 1
        scene.upload("a", "two")
        assert len(list((tmp_path / "objects").iterdir())) == 2
        scene.client("s3").delete_object(Bucket=BUCKET, Key="b")
        assert [path.read_bytes() for path in (tmp_path / "objects").iterdir()] == [b"two"]
        sandbox.reset()
        assert list((tmp_path / "objects").iterdir()) == []


def test_a_damaged_object_is_left_out_and_told(tmp_path: Path) -> None:
    with Sandbox(state=tmp_path) as sandbox:
        scene = Scene(sandbox, ManualClock())
        scene.bucket()
        scene.upload("good", "kept")
        scene.upload("bad", "spoilt")
    for path in (tmp_path / "objects").iterdir():
        if path.read_bytes() == b"spoilt":
            path.write_bytes(b"sp")
    with Sandbox(state=tmp_path) as sandbox:
        scene = Scene(sandbox, ManualClock())
        listed = scene.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
        assert [item["Key"] for item in listed] == ["good"]
        assert sandbox.notices == (f"s3://{BUCKET}/bad was damaged on disk and is gone",)


def test_an_index_that_cannot_be_read_spares_the_objects(tmp_path: Path) -> None:
    with Sandbox(state=tmp_path) as sandbox:
        scene = Scene(sandbox, ManualClock())
        scene.bucket()
        scene.upload("a", "still here")
    (tmp_path / "s3.json").write_text(json.dumps({"buckets": [{"name": "x"}]}))
    with Sandbox(state=tmp_path) as sandbox:
        Scene(sandbox, ManualClock()).bucket("new-bucket")
        assert "set aside" in sandbox.notices[0]
    assert [path.read_bytes() for path in (tmp_path / "objects").iterdir()] == [b"still here"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "f")
    folder.write("x.json", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        folder.write("x.json", b"new")
    assert folder.read("x.json") == b"old"
    assert folder.names("") == ["lock", "x.json"]
    with pytest.raises(FolderInUseError, match="pid"):
        Folder(tmp_path / "f")
    folder.close()
    Folder(tmp_path / "f").close()


def test_times_on_disk_do_not_depend_on_the_time_zone(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    with Sandbox(state=tmp_path, clock=clock) as sandbox:
        scene = Scene(sandbox, clock)
        scene.bucket()
        scene.upload("a", claude_lines(PAIRS))
        before = scene.client("s3").head_object(Bucket=BUCKET, Key="a")["LastModified"]
    stored = json.loads((tmp_path / "s3.json").read_text())["buckets"][0]["objects"][0]["modified"]
    assert abs(stored - before.timestamp()) < 1
