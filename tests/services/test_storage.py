"""S3: exact bytes, honest progress, and nothing left behind."""

from __future__ import annotations

import hashlib
import threading

import pytest

from tests.sandbox.conftest import BUCKET, Scene
from tui.domain.errors import AppError, Cause
from tui.sandbox.server import Sandbox
from tui.services.session import Services
from tui.services.storage import UploadCancelled

DATA = bytes(range(256)) * 4000
SHA = hashlib.sha256(DATA).hexdigest()
WEST = "us-west-2"


class Watch:
    """Progress as it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.told.append((done, total))


async def upload(services: Services, watch: Watch | None = None, data: bytes = DATA) -> str:
    sha = hashlib.sha256(data).hexdigest()
    return await services.storage.upload(BUCKET, "in/x.jsonl", data, sha, watch or Watch(), threading.Event())


@pytest.mark.parametrize("data", [DATA, b"", b"x", "質問\n".encode()], ids=["1 MB", "empty", "one byte", "text"])
async def test_what_arrives_is_what_was_sent(services: Services, scene: Scene, data: bytes) -> None:
    scene.bucket()
    assert await upload(services, data=data) == f"s3://{BUCKET}/in/x.jsonl"
    assert await services.storage.read(BUCKET, "in/x.jsonl") == data
    assert [(o.key, o.size) for o in await services.storage.objects(f"s3://{BUCKET}/in/")] == [
        ("in/x.jsonl", len(data))
    ]


async def test_progress_rises_to_the_whole(services: Services, scene: Scene) -> None:
    scene.bucket()
    watch = Watch()
    await upload(services, watch)
    done = [d for d, _ in watch.told]
    assert done == sorted(done)
    assert watch.told[-1] == (len(DATA), len(DATA))
    assert {total for _, total in watch.told} == {len(DATA)}


@pytest.mark.parametrize("tries", [1, 2])
async def test_progress_is_told_while_sending_only(
    services: Services, scene: Scene, sandbox: Sandbox, tries: int
) -> None:
    scene.bucket()
    if tries == 2:
        sandbox.faults.add(kind="error", service="s3", operation="PutObject")
    told: list[str] = []
    events = services.aws.client("s3").meta.events
    names = {"before-sign.s3.PutObject": "sign", "before-send.s3.PutObject": "send"}
    for event, word in names.items():
        events.register(event, lambda word=word, **_: told.append(word), unique_id=f"test-{word}")
    try:
        sha = hashlib.sha256(DATA).hexdigest()
        await services.storage.upload(
            BUCKET, "k", DATA, sha, lambda done, total: told.append("progress"), threading.Event()
        )
    finally:
        for event, word in names.items():
            events.unregister(event, unique_id=f"test-{word}")
    steps = [word for n, word in enumerate(told) if n == 0 or word != told[n - 1]]
    assert steps == ["sign", "send", "progress"] * tries
    assert await services.storage.read(BUCKET, "k") == DATA


@pytest.mark.parametrize("when", ["before", "during"])
async def test_a_cancelled_upload_leaves_nothing(services: Services, scene: Scene, when: str) -> None:
    scene.bucket()
    cancelled = threading.Event()
    if when == "before":
        cancelled.set()
    with pytest.raises(UploadCancelled):
        await services.storage.upload(BUCKET, "k", DATA, SHA, lambda done, total: cancelled.set(), cancelled)
    assert await services.storage.objects(f"s3://{BUCKET}/") == []


async def test_a_failed_upload_is_told_and_leaves_nothing(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    scene.bucket()
    sandbox.faults.add(kind="denied", service="s3", operation="PutObject")
    with pytest.raises(AppError) as caught:
        await upload(services)
    assert caught.value.cause is Cause.DENIED
    assert await services.storage.objects(f"s3://{BUCKET}/") == []
    with pytest.raises(AppError) as caught:
        await services.storage.upload("no-such-bucket-here", "k", b"x", SHA, Watch(), threading.Event())
    assert caught.value.cause is Cause.NOT_FOUND


BIG = bytes(range(256)) * 48_000
"""12 MB: three parts of at least 5 MB, which is S3's own least."""


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.services.sending.LARGE", 6_000_000)
    monkeypatch.setattr("tui.services.sending.PART", 5 * 1024 * 1024)


def unfinished(scene: Scene) -> int:
    return len(scene.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


@pytest.mark.usefixtures("in_parts")
async def test_a_large_file_goes_in_parts_and_a_part_that_fails_is_sent_again(
    services: Services, scene: Scene, sandbox: Sandbox
) -> None:
    scene.bucket()
    sandbox.faults.add(kind="reset", service="s3", operation="UploadPart")
    watch = Watch()
    await upload(services, watch, BIG)
    assert await services.storage.read(BUCKET, "in/x.jsonl") == BIG
    assert [r.operation for r in sandbox.requests].count("UploadPart") == 4
    assert watch.told[-1] == (len(BIG), len(BIG))
    assert unfinished(scene) == 0


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("fault", ["denied", "expired", "reset", "cancelled"])
async def test_parts_that_lead_nowhere_are_aborted(
    services: Services, scene: Scene, sandbox: Sandbox, fault: str
) -> None:
    scene.bucket()
    cancelled = threading.Event()
    if fault != "cancelled":
        sandbox.faults.add(kind=fault, service="s3", operation="UploadPart", times=None)

    def progress(done: int, total: int) -> None:
        if fault == "cancelled" and done > total / 2:
            cancelled.set()

    sha = hashlib.sha256(BIG).hexdigest()
    with pytest.raises((AppError, UploadCancelled)) as caught:
        await services.storage.upload(BUCKET, "in/x.jsonl", BIG, sha, progress, cancelled)
    assert isinstance(caught.value, UploadCancelled) == (fault == "cancelled")
    assert await services.storage.objects(f"s3://{BUCKET}/") == []
    assert unfinished(scene) == 0


async def test_what_s3_holds_after_an_upload_is_looked_at(
    services: Services, scene: Scene, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.bucket()
    sandbox.faults.add(kind="denied", service="s3", operation="HeadObject")
    with pytest.raises(AppError) as caught:
        await upload(services)
    assert caught.value.outcome_unknown
    monkeypatch.setattr("tui.services.storage.send", lambda *_: scene.upload("in/x.jsonl", DATA[:9]))
    with pytest.raises(AppError, match="another content"):
        await upload(services)


async def test_what_is_there_already_is_known_by_its_content(services: Services, scene: Scene) -> None:
    scene.bucket()
    assert not await services.storage.holds(BUCKET, "in/x.jsonl", SHA, len(DATA))
    await upload(services)
    assert await services.storage.holds(BUCKET, "in/x.jsonl", SHA, len(DATA))
    assert not await services.storage.holds(BUCKET, "in/x.jsonl", SHA, len(DATA) + 1)
    assert not await services.storage.holds(BUCKET, "in/x.jsonl", "0" * 64, len(DATA))
    scene.upload("in/x.jsonl", DATA)
    assert not await services.storage.holds(BUCKET, "in/x.jsonl", SHA, len(DATA))


async def test_only_buckets_of_the_region_are_listed(services: Services, scene: Scene) -> None:
    scene.bucket("here-b")
    scene.bucket("here-a")
    scene.bucket("there", "us-east-1")
    assert await services.storage.buckets(WEST) == ["here-a", "here-b"]
    assert await services.storage.buckets("us-east-1") == ["there"]
    assert await services.storage.buckets("eu-west-1") == []


async def test_a_new_bucket_is_private_and_making_it_again_changes_nothing(services: Services, scene: Scene) -> None:
    for _ in range(2):
        await services.storage.create_bucket("new-bucket", WEST)
    block = scene.client("s3").get_public_access_block(Bucket="new-bucket")["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    assert await services.storage.buckets(WEST) == ["new-bucket"]


async def test_a_bucket_of_another_region_is_not_taken(services: Services, scene: Scene) -> None:
    scene.bucket("there", "us-east-1")
    with pytest.raises(AppError) as caught:
        await services.storage.create_bucket("there", WEST)
    assert caught.value.cause is Cause.CONFLICT


async def test_more_than_one_page_of_objects(services: Services, scene: Scene) -> None:
    scene.bucket()
    keys = [f"many/{n:04}" for n in range(1005)]
    from moto.s3.models import s3_backends

    backend = s3_backends[scene.sandbox.account_id]["aws"]
    for key in keys:
        backend.put_object(BUCKET, key, b"x")
    assert [o.key for o in await services.storage.objects(f"s3://{BUCKET}/many/")] == keys


async def test_a_missing_object_is_told(services: Services, scene: Scene) -> None:
    scene.bucket()
    with pytest.raises(AppError) as caught:
        await services.storage.read(BUCKET, "nothing")
    assert caught.value.cause is Cause.NOT_FOUND
