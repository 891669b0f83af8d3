"""Bytes on their way to S3: one request, or a large file in parts; told as they go, and given up when told to."""

from __future__ import annotations

import base64
import io
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from tui.domain.values import dataclass

Progress = Callable[[int, int], None]
"""Called from a foreign thread with bytes sent and bytes in all."""

REPORT_EVERY = 0.1
"""Seconds between two reports of how far it is."""
LARGE = 64_000_000
"""Bytes from which on a file goes in parts: what is cut off is then sent again in part only."""
PART = 16 * 1024 * 1024
"""Bytes of one part."""
CONTENT_TYPE = "application/jsonl"


class UploadCancelled(Exception):
    """Raised inside the request when the user gives up."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent, and where to."""

    bucket: str
    key: str
    data: bytes
    metadata: Mapping[str, str]

    @property
    def place(self) -> dict[str, str]:
        """As S3's operations name it."""
        return {"Bucket": self.bucket, "Key": self.key}


class Counting(io.BytesIO):
    """The body of a request: tells how far it has been read, and can be told to stop."""

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
        if now - self._last >= REPORT_EVERY or self.tell() == self._total:
            self._last = now
            self._progress(self.tell(), self._total)
        return piece


def _mark_sending(request: Any, **_: Any) -> None:
    if isinstance(request.body, Counting):
        request.body.sending = True


def crc32(data: bytes) -> str:
    """CRC-32 as S3 writes it: big-endian, base64."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def send(client: Any, parcel: Parcel, progress: Progress, cancelled: threading.Event) -> None:
    """Put it whole or not at all; S3 compares the checksum that goes with every request. Blocks; for threads.

    Raises what boto3 raises, and UploadCancelled.
    """
    for operation in ("PutObject", "UploadPart"):
        client.meta.events.register_first(
            f"before-send.s3.{operation}", _mark_sending, unique_id=f"sending-{operation}"
        )
    if len(parcel.data) >= LARGE:
        _in_parts(client, parcel, progress, cancelled)
        return
    client.put_object(
        **parcel.place,
        Body=Counting(parcel.data, progress, cancelled),
        ContentLength=len(parcel.data),
        ContentType=CONTENT_TYPE,
        ChecksumCRC32=crc32(parcel.data),
        Metadata=dict(parcel.metadata),
    )


def _in_parts(client: Any, parcel: Parcel, progress: Progress, cancelled: threading.Event) -> None:
    begun = client.create_multipart_upload(
        **parcel.place, ContentType=CONTENT_TYPE, ChecksumAlgorithm="CRC32", Metadata=dict(parcel.metadata)
    )
    upload = {**parcel.place, "UploadId": begun["UploadId"]}
    try:
        parts = []
        for number, start in enumerate(range(0, len(parcel.data), PART), 1):
            parts.append(_part(client, upload, parcel.data, (number, start), progress, cancelled))
        if cancelled.is_set():
            raise UploadCancelled
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:
        # Parts that stay would be paid for without being seen. After an accepted end there is nothing to abort.
        with suppress(Exception):
            client.abort_multipart_upload(**upload)
        raise


def _part(
    client: Any,
    upload: Mapping[str, str],
    data: bytes,
    at: tuple[int, int],
    progress: Progress,
    cancelled: threading.Event,
) -> dict[str, Any]:
    number, start = at
    piece = data[start : start + PART]
    checksum = crc32(piece)
    answer = client.upload_part(
        **upload,
        PartNumber=number,
        Body=Counting(piece, lambda done, _: progress(start + done, len(data)), cancelled),
        ContentLength=len(piece),
        ChecksumCRC32=checksum,
    )
    return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum}
