"""Faults to order: what may go wrong between a client and AWS, by service and operation."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tui.sandbox.errors import ServiceError
from tui.sandbox.eventstream import encode_exception


class FaultKind(StrEnum):
    """What happens. ``…_AFTER`` kinds let the request take effect and lose its answer."""

    THROTTLE = "throttle"
    DENIED = "denied"
    EXPIRED = "expired"
    ERROR = "error"
    ERROR_AFTER = "error_after"
    UNAVAILABLE = "unavailable"
    SLOW = "slow"
    RESET = "reset"
    RESET_AFTER = "reset_after"
    CUT = "cut"
    END = "end"
    EVENT = "event"
    STALL = "stall"
    UNREADABLE = "unreadable"
    FIRST = "first"
    CONTRARY = "contrary"


ANSWER_KINDS = {FaultKind.UNREADABLE, FaultKind.FIRST, FaultKind.CONTRARY}
"""What a model does wrong itself: it answers what cannot be read, prefers the first answer always, or says the
contrary of its own reasoning."""
STREAM_KINDS = {FaultKind.CUT, FaultKind.END, FaultKind.EVENT, FaultKind.STALL}


class ConnectionCutError(Exception):
    """Tells the front to drop the connection."""


@dataclass(slots=True)
class Rule:
    """One order. ``operation`` is a regular expression for the whole name; ``times`` None means for ever, ``every``
    3 each third request that it fits, ``about`` a regular expression for something within the request's body.

    ``seconds`` is the wait of SLOW and STALL; ``after`` the number of stream events let through first;
    ``code`` the exception of EVENT, in the lower camel case of the stream's members.
    """

    kind: FaultKind
    service: str = ".*"
    operation: str = ".*"
    times: int | None = 1
    seconds: float = 0.0
    after: int = 1
    code: str = "throttlingException"
    every: int = 1
    about: str = ""
    hits: int = field(default=0)
    fitting: int = field(default=0)

    def fits(self, service: str, operation: str, body: bytes) -> bool:
        """Whether it is meant for this request; counts it."""
        if not (re.fullmatch(self.service, service) and re.fullmatch(self.operation, operation)):
            return False
        if self.about and not re.search(self.about, _readable(body)):
            return False
        self.fitting += 1
        return self.fitting % self.every == 0


def _readable(body: bytes) -> str:
    """A request's body with JSON's escapes as the letters they stand for."""
    text = body.decode("utf-8", "replace")
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


class Faults:
    """The orders in force."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._released = threading.Event()

    def add(
        self,
        *,
        kind: FaultKind | str,
        service: str = ".*",
        operation: str = ".*",
        times: int | None = 1,
        seconds: float = 0.0,
        after: int = 1,
        code: str = "throttlingException",
        every: int = 1,
        about: str = "",
    ) -> Rule:
        """Order a fault; raises ValueError for an unknown kind or a bad expression."""
        for pattern in (service, operation, about):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression: {pattern}") from error
        rule = Rule(FaultKind(kind), service, operation, times, seconds, after, code, max(1, every), about)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Take back every order and let go what is being delayed."""
        with self._lock:
            self._rules.clear()
            self._released.set()
            self._released = threading.Event()

    def replace(self, documents: list[Mapping[str, Any]]) -> None:
        """Put these orders in the place of all others; raises TypeError or ValueError."""
        rules = Faults()
        for document in documents:
            rules.add(**document)
        self.clear()
        with self._lock:
            self._rules = rules._rules

    def take(self, service: str, operation: str, body: bytes = b"") -> Rule | None:
        """The first order that applies, counted as used."""
        with self._lock:
            for rule in self._rules:
                if rule.times is not None and rule.hits >= rule.times:
                    continue
                if rule.fits(service, operation, body):
                    rule.hits += 1
                    return rule
        return None

    def wait(self, seconds: float) -> bool:
        """Delay an answer; ``clear`` ends it early."""
        return self._released.wait(seconds)


def before(rule: Rule, faults: Faults, service: str) -> None:
    """What happens instead of, or before, the request's effect."""
    kind = rule.kind
    if kind is FaultKind.SLOW:
        faults.wait(rule.seconds)
    elif kind is FaultKind.RESET:
        raise ConnectionCutError
    elif kind in _ERRORS:
        code, message, status = _ERRORS[kind]
        if service == "s3":
            code, status = _S3_ERRORS[kind]
        raise ServiceError(code, message, status)


def after(rule: Rule) -> None:
    """What happens to the answer of a request that took effect."""
    if rule.kind is FaultKind.RESET_AFTER:
        raise ConnectionCutError
    if rule.kind is FaultKind.ERROR_AFTER:
        raise ServiceError("InternalServerException", "An internal error occurred. Try again later.", 500)


def in_stream(rule: Rule, faults: Faults, frames: Iterator[bytes]) -> Iterator[bytes]:
    """A stream that goes wrong after some events."""
    number = -1
    released = False
    try:
        for number, frame in enumerate(frames):
            if number < rule.after:
                yield frame
                continue
            if rule.kind is FaultKind.STALL:
                released = released or faults.wait(rule.seconds)
                yield frame
            elif rule.kind is FaultKind.CUT:
                yield frame[: len(frame) // 2]
                raise ConnectionCutError
            elif rule.kind is FaultKind.EVENT:
                yield encode_exception(rule.code, b'{"message":"A fault that was ordered."}')
                return
            else:
                return
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


_ERRORS: dict[FaultKind, tuple[str, str, int]] = {
    FaultKind.THROTTLE: ("ThrottlingException", "Too many requests, please wait before trying again.", 429),
    FaultKind.DENIED: ("AccessDeniedException", "User is not authorized to perform this action.", 403),
    FaultKind.EXPIRED: ("ExpiredTokenException", "The security token included in the request is expired", 403),
    FaultKind.ERROR: ("InternalServerException", "An internal error occurred. Try again later.", 500),
    FaultKind.UNAVAILABLE: ("ServiceUnavailableException", "The service is unavailable. Try again later.", 503),
}
_S3_ERRORS = {
    FaultKind.THROTTLE: ("SlowDown", 503),
    FaultKind.DENIED: ("AccessDenied", 403),
    FaultKind.EXPIRED: ("ExpiredToken", 400),
    FaultKind.ERROR: ("InternalError", 500),
    FaultKind.UNAVAILABLE: ("ServiceUnavailable", 503),
}
