"""The one exception the interface shows: what happened, and what to do about it."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why something failed, as far as it decides what the user can do."""

    NO_CREDENTIALS = "no credentials"
    EXPIRED = "expired credentials"
    NO_REGION = "no Region"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    DENIED = "denied"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"
    INVALID = "invalid"
    QUOTA = "quota"
    RETIRED = "retired model"
    NOT_READY = "not ready"
    INCOMPLETE = "incomplete answer"
    CUT_OFF = "cut off"
    SERVICE = "service fault"
    CLOCK = "clock skew"
    READ_ONLY = "read-only"
    FILE = "file"
    SANDBOX = "sandbox"


CURED_OUTSIDE = frozenset({Cause.NO_CREDENTIALS, Cause.EXPIRED, Cause.NO_REGION, Cause.UNREACHABLE, Cause.CLOCK})
"""Causes that end by something done outside the app; it looks again by itself."""


class AppError(Exception):
    """An expected failure, shown inline.

    `title` is one short sentence, `detail` what the other side said (made safe for the terminal), `hint` the
    next step. `outcome_unknown` marks a changing call that AWS may have accepted although no answer came.
    """

    def __init__(
        self,
        cause: Cause,
        title: str,
        detail: str = "",
        hint: str = "",
        *,
        retryable: bool = False,
        outcome_unknown: bool = False,
        operation: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(title)
        self.cause = cause
        self.title = title
        self.detail = detail
        self.hint = hint
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown
        self.operation = operation
        self.request_id = request_id

    def sentence(self) -> str:
        """Title, detail and hint on one line; for a fault of AWS also the request's id, which its support asks for."""
        request = f"Request id {self.request_id}" if self.request_id and self.cause is Cause.SERVICE else ""
        parts = [self.title.rstrip("."), self.detail.rstrip("."), self.hint.rstrip("."), request]
        return ". ".join(part for part in parts if part) + "."
