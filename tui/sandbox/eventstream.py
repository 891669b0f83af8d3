"""Encoder of the binary event stream that streaming answers use.

A frame is: total length, header length, CRC-32 of these two (4 bytes each, big endian), headers, payload,
CRC-32 of everything before it. Headers here are strings only (type 7).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping


def encode_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame as bytes."""
    packed = bytearray()
    for name, value in headers.items():
        raw_name, raw_value = name.encode(), value.encode()
        packed += struct.pack(">B", len(raw_name)) + raw_name
        packed += struct.pack(">BH", 7, len(raw_value)) + raw_value
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + bytes(packed) + payload
    return body + struct.pack(">I", zlib.crc32(body))


def encode_event(name: str, payload: bytes) -> bytes:
    """A normal event whose payload is JSON."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return encode_frame(headers, payload)


def encode_exception(name: str, payload: bytes) -> bytes:
    """An error inside the stream; ``name`` is the event stream's member, such as ``throttlingException``."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return encode_frame(headers, payload)
