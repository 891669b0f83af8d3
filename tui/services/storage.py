"""S3: buckets of the right Region, uploads with progress, and reading what jobs wrote."""

from __future__ import annotations

import base64
import io
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.names import s3_uri, split_s3_uri
from tui.services.aws import Aws

Progress = Callable[[int, int], None]
"""Called from a foreign thread with bytes sent and bytes in all."""

_REPORT_EVERY = 0.1
_LARGEST_READ = 512_000_000
_SHA = "sha256"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing tells it. `size` in bytes."""

    key: str
    size: int
    etag: str = ""


class UploadCancelled(Exception):
    """Raised inside the request when the user gives up."""


class _Counting(io.BytesIO):
    """The body of an upload: tells how far it has been read, and can be told to stop."""

    def __init__(self, data: bytes, progress: Progress, cancelled: threading.Event) -> None:
        super().__init__(data)
        self._total = len(data)
        self._progress = progress
        self._cancelled = cancelled
        self._last = 0.0
        self.sending = False
        """Set when the request goes out: over http the body is read once before, for its signature."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.sending = False  # going back means a signature or another try: it is read once more before it is sent
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        if self._cancelled.is_set():
            raise UploadCancelled
        piece = super().read(size)
        now = time.monotonic()
        if not self.sending or (self._total and not piece):
            return piece
        if now - self._last >= _REPORT_EVERY or self.tell() == self._total:
            self._last = now
            self._progress(self.tell(), self._total)
        return piece


def _mark_sending(request: Any, **_: Any) -> None:
    if isinstance(request.body, _Counting):
        request.body.sending = True


class Storage:
    """Buckets and objects of one account. Places are given as bucket and key, or as S3 URIs."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def buckets(self, region: str) -> list[str]:
        """Names of the account's buckets in `region`, in order."""

        def look(client_of: Callable[[str], Any]) -> list[str]:
            client = client_of("s3")
            answer = client.list_buckets(BucketRegion=region)
            names = []
            for bucket in answer["Buckets"]:
                where = bucket.get("BucketRegion")
                if where is None:  # older S3 and its emulators do not tell
                    where = client.get_bucket_location(Bucket=bucket["Name"]).get("LocationConstraint") or "us-east-1"
                if where == region:
                    names.append(str(bucket["Name"]))
            return sorted(names)

        found: list[str] = await self._aws.run(look, "list_buckets")
        return found

    async def create_bucket(self, bucket: str, region: str) -> None:
        """A private bucket: public access blocked. S3 itself encrypts every new object.

        One that exists already and is ours, in this Region, is taken as it is.
        """
        params: dict[str, Any] = {"Bucket": bucket}
        if region != "us-east-1":
            params["CreateBucketConfiguration"] = {"LocationConstraint": region}
        try:
            await self._aws.call("s3", "create_bucket", params)
        except AppError as error:
            if not (error.cause is Cause.CONFLICT or error.outcome_unknown) or bucket not in await self.buckets(region):
                raise
        block = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        await self._aws.call(
            "s3", "put_public_access_block", {"Bucket": bucket, "PublicAccessBlockConfiguration": block}
        )

    async def holds(self, bucket: str, key: str, sha256: str, size: int) -> bool:
        """Whether the object is there with just this content."""
        try:
            head = await self._aws.call("s3", "head_object", {"Bucket": bucket, "Key": key}, need=("ContentLength",))
        except AppError as error:
            if error.cause is Cause.NOT_FOUND:
                return False
            raise
        metadata: Mapping[str, str] = head.get("Metadata", {})
        return head["ContentLength"] == size and metadata.get(_SHA) == sha256

    async def upload(
        self, bucket: str, key: str, data: bytes, sha256: str, progress: Progress, cancelled: threading.Event
    ) -> str:
        """Put `data` whole or not at all; gives its S3 URI. S3 verifies the checksum that goes with it.

        Raises AppError; cancelling raises UploadCancelled, and nothing is left behind.
        """
        crc = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()

        def put(client_of: Callable[[str], Any]) -> None:
            body = _Counting(data, progress, cancelled)
            client = client_of("s3")
            client.meta.events.register_first("before-send.s3.PutObject", _mark_sending, unique_id="tanzaku-progress")
            client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentLength=len(data),
                ContentType="application/jsonl",
                ChecksumCRC32=crc,
                Metadata={_SHA: sha256},
            )

        def guarded(client_of: Callable[[str], Any]) -> bool:
            try:
                put(client_of)
            except Exception:
                if cancelled.is_set():
                    return False
                raise
            return True

        if not await self._aws.run(guarded, "put_object", changing=True):
            raise UploadCancelled
        return s3_uri(bucket, key)

    async def objects(self, uri: str) -> list[StoredObject]:
        """Objects below an S3 URI."""
        bucket, prefix = split_s3_uri(uri)

        def look(client_of: Callable[[str], Any]) -> list[StoredObject]:
            pages = client_of("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [
                StoredObject(o["Key"], int(o["Size"]), str(o.get("ETag", "")))
                for page in pages
                for o in page.get("Contents", ())
            ]

        found: list[StoredObject] = await self._aws.run(look, "list_objects_v2")
        return found

    async def read(self, bucket: str, key: str) -> bytes:
        """An object's content, at most 512 MB."""

        def get(client_of: Callable[[str], Any]) -> bytes:
            answer = client_of("s3").get_object(Bucket=bucket, Key=key)
            if int(answer["ContentLength"]) > _LARGEST_READ:
                raise AppError(Cause.FILE, "The object is too large to read here", key)
            data: bytes = answer["Body"].read()
            return data

        found: bytes = await self._aws.run(get, "get_object")
        return found
