"""Requests: as they come in, and as they are kept for those who ask what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request that came through the door."""

    service: str
    operation: str
    client_request_token: str | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it is read off the wire; `region` and `service` are those it is signed for."""

    environ: dict[str, Any]
    method: str
    raw_path: str
    query: str
    body: bytes
    region: str
    service: str

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name."""
        found = {
            name[5:].replace("_", "-").lower(): str(value)
            for name, value in self.environ.items()
            if name.startswith("HTTP_")
        }
        return found | {"content-type": self.environ.get("CONTENT_TYPE", "")}
