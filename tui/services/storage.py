"""S3: buckets of the right Region, uploads with progress, and reading what jobs wrote."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.names import s3_uri, split_s3_uri
from tui.domain.values import dataclass
from tui.services.aws import Aws
from tui.services.sending import Parcel, Progress, UploadCancelled, send

__all__ = ["Held", "Progress", "Storage", "StoredObject", "UploadCancelled"]

_LARGEST_READ = 512_000_000
"""Bytes of an object that is read into memory."""
_SHA = "sha256"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing tells it. `size` in bytes."""

    key: str
    size: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What S3 holds under a key: `size` in bytes, `sha256` of its content as it was sent, empty when not by us."""

    size: int
    sha256: str
    etag: str
    modified: datetime | None

    def same(self, sha256: str, size: int) -> bool:
        """Whether it is just this content."""
        return self.size == size and self.sha256 == sha256


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

    async def held(self, bucket: str, key: str) -> Held | None:
        """What is under a key; None when nothing is. Raises AppError."""
        try:
            head = await self._aws.call("s3", "head_object", {"Bucket": bucket, "Key": key}, need=("ContentLength",))
        except AppError as error:
            if error.cause is Cause.NOT_FOUND:
                return None
            raise
        metadata: Mapping[str, str] = head.get("Metadata", {})
        etag = str(head.get("ETag", "")).strip('"')
        return Held(int(head["ContentLength"]), metadata.get(_SHA, ""), etag, head.get("LastModified"))

    async def holds(self, bucket: str, key: str, sha256: str, size: int) -> bool:
        """Whether the object is there with just this content."""
        held = await self.held(bucket, key)
        return held is not None and held.same(sha256, size)

    async def upload(
        self, bucket: str, key: str, data: bytes, sha256: str, progress: Progress, cancelled: threading.Event
    ) -> str:
        """Put `data` whole or not at all, and look that it is there; gives its S3 URI.

        Raises AppError; cancelling raises UploadCancelled, and nothing is left behind.
        """
        parcel = Parcel(bucket, key, data, {_SHA: sha256})

        def guarded(client_of: Callable[[str], Any]) -> bool:
            try:
                send(client_of("s3"), parcel, progress, cancelled)
            except Exception:
                if cancelled.is_set():
                    return False
                raise
            return True

        if not await self._aws.run(guarded, "put_object", changing=True):
            raise UploadCancelled
        if not await self._certainly_holds(parcel, sha256):
            detail = f"{s3_uri(bucket, key)} is not what was sent"
            raise AppError(Cause.INCOMPLETE, "S3 holds another content", detail, "Upload it again", retryable=True)
        return s3_uri(bucket, key)

    async def _certainly_holds(self, parcel: Parcel, sha256: str) -> bool:
        try:
            return await self.holds(parcel.bucket, parcel.key, sha256, len(parcel.data))
        except AppError as error:
            error.outcome_unknown = True  # it was sent, but nobody has seen it there yet
            raise

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
