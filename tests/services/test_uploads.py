"""Uploads: once per content, remembered, and found again when the app ended in the middle."""

from __future__ import annotations

import hashlib
import threading

import pytest

from tests.sandbox.conftest import BUCKET, Scene
from tests.services.conftest import PLACE, operations
from tui.domain.errors import AppError
from tui.domain.files.pairs import Role
from tui.sandbox.server import Sandbox
from tui.services.dataset.datasets import Converted
from tui.services.session import Services
from tui.services.storage import UploadCancelled

DATA = b'{"messages":[]}\n' * 40


def converted() -> Converted:
    return Converted(
        "pairs", DATA, 40, 200, hashlib.sha256(DATA).hexdigest(), Role.TRAIN, "claude-3-haiku", "/x/pairs.json"
    )


async def put(services: Services, cancelled: threading.Event | None = None) -> bool:
    never = cancelled or threading.Event()
    return await services.uploads.put(PLACE, BUCKET, "data/", converted(), lambda done, total: None, never)


async def test_one_upload_is_sent_once_and_remembered(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    scene.bucket()
    assert await put(services) is False
    assert await put(services) is True
    assert operations(sandbox).count("PutObject") == 1
    (upload,) = services.store.uploads(PLACE)
    key = f"data/{converted().file_name}"
    assert (upload.uri, upload.records, upload.role) == (f"s3://{BUCKET}/{key}", 40, "train")
    assert scene.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == DATA
    assert services.store.unsettled(PLACE) == []


async def test_an_upload_that_arrived_before_the_app_ended_is_found(services: Services, scene: Scene) -> None:
    scene.bucket()
    file = converted()

    def end(*_: object, **__: object) -> None:
        raise KeyboardInterrupt  # as if the process were gone before anything could be written down

    settle, services.store.settle = services.store.settle, end  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await put(services)
    services.store.settle = settle  # type: ignore[method-assign]
    assert services.store.uploads(PLACE) == []
    (found,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert found.found
    assert "The upload" in found.text
    assert [u.sha256 for u in services.store.uploads(PLACE)] == [file.sha256]
    assert (await services.reconciler.reconcile(PLACE)).recovered == ()


async def test_one_that_never_arrived_is_said_and_not_remembered(services: Services, scene: Scene) -> None:
    scene.bucket()
    file = converted()
    params = {"bucket": BUCKET, "key": f"data/{file.file_name}", "sha256": file.sha256, "size": len(DATA)}
    services.store.prepare(PLACE, "put_object", str(params["key"]), params)
    (lost,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert not lost.found
    assert services.store.uploads(PLACE) == []


async def test_a_refused_or_stopped_upload_leaves_nothing_open(services: Services, scene: Scene) -> None:
    with pytest.raises(AppError):
        await put(services)
    scene.bucket()
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(UploadCancelled):
        await put(services, stopped)
    assert services.store.unsettled(PLACE) == []
    assert services.store.uploads(PLACE) == []
