"""Converted files put into S3, each under a key of its own content, and remembered with what they hold."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError
from tui.domain.names import s3_uri
from tui.services.dataset.datasets import Converted
from tui.services.pool import DaemonPool
from tui.services.storage import Held, Progress, Storage, UploadCancelled
from tui.services.store import Intent, IntentState, Store, Upload

PUT = "put_object"


class Uploads:
    """Uploads are written down before they begin, so that one that arrived is known after a crash too."""

    def __init__(self, storage: Storage, store: Store, pool: DaemonPool, *, now: Now = utc_now) -> None:
        self._storage = storage
        self._store = store
        self._pool = pool
        self._now = now

    async def held(self, bucket: str, prefix: str, files: Sequence[Converted]) -> list[Held | None]:
        """What S3 holds where each of the files would go. Raises AppError."""
        return [await self._storage.held(bucket, _key(prefix, file)) for file in files]

    async def put(
        self, place: str, bucket: str, prefix: str, file: Converted, progress: Progress, cancelled: threading.Event
    ) -> bool:
        """Upload a file and remember it; True when S3 held just this content already and nothing was sent.

        Raises AppError, or UploadCancelled when `cancelled` was set.
        """
        key = _key(prefix, file)
        params = {
            "bucket": bucket,
            "key": key,
            "role": file.role,
            "source": file.source,
            "base_model": file.base_model,
            "records": file.records,
            "tokens": file.tokens,
            "size": len(file.data),
            "sha256": file.sha256,
            "at": self._now().isoformat(),
        }
        pool = self._pool
        already = await self._storage.holds(bucket, key, file.sha256, len(file.data))
        if not already:
            token = await pool.run(self._store.prepare, place, PUT, key, params)
            try:
                await self._storage.upload(bucket, key, file.data, file.sha256, progress, cancelled)
            except UploadCancelled:
                await pool.run(self._store.settle, token, IntentState.REFUSED, "", "stopped")
                raise
            except AppError as error:
                state = IntentState.UNKNOWN if error.outcome_unknown else IntentState.REFUSED
                await pool.run(self._store.settle, token, state, "", error.sentence())
                raise
            await pool.run(self._store.settle, token, IntentState.DONE, s3_uri(bucket, key))
        await pool.run(self._store.add_upload, place, _upload(params))
        return already

    async def reconcile(self, place: str, intent: Intent) -> str:
        """Find out whether an upload that was under way has arrived; gives its URI, or an empty string."""
        wanted = intent.params
        if not await self._storage.holds(wanted["bucket"], wanted["key"], wanted["sha256"], wanted["size"]):
            return ""
        upload = _upload(wanted)
        await self._pool.run(self._store.add_upload, place, upload)
        return upload.uri


def _key(prefix: str, file: Converted) -> str:
    return f"{prefix.strip('/')}/{file.file_name}"


def _upload(params: Mapping[str, Any]) -> Upload:
    return Upload(
        uri=s3_uri(params["bucket"], params["key"]),
        role=params["role"],
        source=params["source"],
        base_model=params["base_model"],
        records=params["records"],
        tokens=params["tokens"],
        size=params["size"],
        sha256=params["sha256"],
        at=datetime.fromisoformat(params["at"]),
    )
