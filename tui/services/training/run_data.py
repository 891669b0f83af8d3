"""What jobs were trained on: content hashes from remembered uploads, and the pairs themselves from S3."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from tui.domain.errors import AppError, Cause
from tui.domain.files import pairs
from tui.domain.files.formats import Record
from tui.domain.loss.report import DataFact, PairChanges, pair_changes
from tui.domain.names import split_s3_uri
from tui.domain.text import safe_line
from tui.domain.training.jobs import Job
from tui.services.pool import DaemonPool
from tui.services.storage import Storage
from tui.services.store import Store, Upload

_LARGEST = 50_000_000
"""Bytes; larger data files are compared by their hashes alone."""


class RunData:
    """Data files of jobs. What was read is kept for the session."""

    def __init__(self, storage: Storage, store: Store, pool: DaemonPool) -> None:
        self._storage = storage
        self._store = store
        self._pool = pool
        self._records: dict[str, tuple[str, list[Record]]] = {}

    async def facts(self, place: str, job: Job) -> dict[str, DataFact]:
        """The training and the first validation file of a job, with hash and records where they are known."""
        uploads = {u.uri: u for u in await self._pool.run(self._store.uploads, place)}
        uris = {"training": job.training_uri, "validation": next(iter(job.validation_uris), "")}
        return {kind: _fact(uri, uploads.get(uri)) for kind, uri in uris.items() if uri}

    async def changes(self, one: str, two: str) -> PairChanges:
        """How the pairs at the S3 URI `two` differ from those at `one`. Raises AppError when either cannot be read."""
        return pair_changes(await self._read(one), await self._read(two))

    async def system_prompt(self, place: str, job: Job) -> str | None:
        """The system prompt of most records that a job was trained on, empty for none; None when it cannot be read.

        Remembered, so that the data may be gone later. Raises AppError when the app's memory cannot be used.
        """
        key = f"tuned with {job.training_uri}"
        kept = await self._pool.run(self._store.recall, place, key)
        if kept:
            return kept[1:]
        try:
            records = await self._read(job.training_uri)
        except AppError:
            return None  # no longer there, or not ours to read: then nothing is claimed
        if not records:
            return None
        found = Counter(record.system or "" for record in records).most_common(1)[0][0]
        await self._pool.run(self._store.remember, place, key, f"={found}")
        return found

    async def sha256(self, uri: str) -> str:
        """The hash of a file's content as it is in S3 now. Raises AppError."""
        await self._read(uri)
        return self._records[uri][0]

    async def _read(self, uri: str) -> list[Record]:
        if uri not in self._records:
            bucket, key = split_s3_uri(uri)
            found = await self._storage.objects(uri)
            size = next((o.size for o in found if o.key == key), None)
            if size is None:
                raise AppError(Cause.NOT_FOUND, "The data file is no longer in S3", safe_line(uri, 200))
            if size > _LARGEST:
                raise AppError(Cause.FILE, "The data file is too large to compare its pairs", safe_line(uri, 200))
            data = await self._storage.read(bucket, key)
            self._records[uri] = await self._pool.run(_parsed, uri, data)
        return self._records[uri][1]


def _fact(uri: str, upload: Upload | None) -> DataFact:
    return DataFact(uri, upload.sha256, upload.records) if upload else DataFact(uri)


def _parsed(uri: str, data: bytes) -> tuple[str, list[Record]]:
    file = pairs.read(Path(uri.rsplit("/", 1)[-1]), data)
    return hashlib.sha256(data).hexdigest(), [record for record in file if isinstance(record, Record)]
