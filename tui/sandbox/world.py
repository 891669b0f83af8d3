"""The sandbox's world: Bedrock's records, storage, clock and the lock that keeps them together."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from tui.sandbox.catalog import ACCOUNT_ID
from tui.sandbox.clock import Clock
from tui.sandbox.errors import ServiceError, conflict, not_found, validation
from tui.sandbox.metrics import Invocations
from tui.sandbox.records import Records, Request
from tui.sandbox.scenarios import Scenario
from tui.sandbox.state_folder import Folder
from tui.sandbox.storage import Storage

_T = TypeVar("_T")


class World:
    """Shared by all handlers. ``lock`` guards ``records``; a change is on disk before its answer goes out.

    ``stirred`` is set whenever the records change.
    """

    def __init__(self, region: str, clock: Clock, folder: Folder | None) -> None:
        self.region = region
        self.account_id = ACCOUNT_ID
        self.clock = clock
        self.folder = folder
        self.lock = threading.RLock()
        self.stirred = threading.Event()
        self.scenarios: frozenset[Scenario] = frozenset()
        self.storage = Storage(folder)
        self.records = Records()
        self.invocations = Invocations(folder)
        self._adapters: dict[str, bytes] = {}
        if folder is not None:
            self.records = folder.load("bedrock.json", Records.from_json) or Records()

    def now(self) -> float:
        return self.clock.now().timestamp()

    def wait(self, seconds: float) -> float:
        """How long a wait of AWS lasts here, in seconds."""
        return seconds / self.clock.speed

    def save(self) -> None:
        """Write Bedrock's records; call with the lock held, before answering."""
        self.stirred.set()
        if self.folder is not None:
            self.folder.write_json("bedrock.json", self.records.to_json())

    def adapter(self, model_id: str) -> bytes | None:
        """The trained weights of a custom model, by the last part of its ARN."""
        with self.lock:
            known = self._adapters.get(model_id)
        if known is None and self.folder is not None:
            known = self.folder.read(f"adapters/{model_id}.npz")
        return known

    def keep_adapter(self, model_id: str, data: bytes) -> None:
        if self.folder is not None:
            self.folder.write(f"adapters/{model_id}.npz", data)
        else:
            with self.lock:
                self._adapters[model_id] = data

    def drop_adapter(self, model_id: str) -> None:
        with self.lock:
            self._adapters.pop(model_id, None)
        if self.folder is not None:
            self.folder.remove(f"adapters/{model_id}.npz")

    def clear(self) -> None:
        """Forget everything, S3 and IAM included."""
        with self.lock:
            for model in self.records.models.values():
                self.drop_adapter(model.id)
            self.records = Records()
            self._adapters.clear()
            self.save()
        self.invocations.clear()
        self.storage.clear()

    # Idempotency, tags

    def remembered(self, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """The ARN an earlier request with the same client request token made; raises when it asked for another thing.

        The service does not say what it answers to a token reused with other parameters; a ConflictException
        keeps a mistaken reuse from passing for success.
        """
        token = parameters.get("clientRequestToken")
        earlier = self.records.requests.get(f"{operation} {token}") if token else None
        if earlier is None:
            return None
        if earlier.digest != _digest(parameters):
            raise ServiceError("ConflictException", "The client request token was used with other parameters.", 400)
        return earlier.arn

    def remember(self, operation: str, parameters: Mapping[str, Any], arn: str) -> None:
        if token := parameters.get("clientRequestToken"):
            self.records.requests[f"{operation} {token}"] = Request(operation, _digest(parameters), arn)

    def tag(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Add tags to a resource; raises ServiceError TooManyTagsException above 50."""
        merged = {**self.records.tags.get(arn, {}), **{tag["key"]: tag["value"] for tag in tags}}
        if len(merged) > 50:
            raise ServiceError("TooManyTagsException", "A resource can have at most 50 tags.")
        if merged:
            self.records.tags[arn] = merged


def _digest(parameters: Mapping[str, Any]) -> str:
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def find(items: Mapping[str, _T], identifier: str, kind: str, name: Callable[[_T], str]) -> _T:
    """A resource by ARN, id or name; raises ServiceError ResourceNotFoundException."""
    for arn, item in items.items():
        if identifier in (arn, arn.rsplit("/", 1)[1], name(item)):
            return item
    raise not_found(f"Could not find {kind} {identifier}.")


def page(
    items: list[_T],
    parameters: Mapping[str, Any],
    created: Callable[[_T], float],
    name: Callable[[_T], str],
    after: str = "creationTimeAfter",
    before: str = "creationTimeBefore",
) -> tuple[list[_T], str | None]:
    """Filter by name and time, sort by creation (newest first unless asked otherwise) and cut one page."""
    if fragment := parameters.get("nameContains"):
        items = [item for item in items if fragment in name(item)]
    if (moment := parameters.get(after)) is not None:
        items = [item for item in items if created(item) > moment]
    if (moment := parameters.get(before)) is not None:
        items = [item for item in items if created(item) < moment]
    # Items of one moment keep the order in which they were made.
    items = sorted(items, key=created)
    if parameters.get("sortOrder") != "Ascending":
        items.reverse()
    return cut(items, parameters)


def cut(items: list[_T], parameters: Mapping[str, Any]) -> tuple[list[_T], str | None]:
    """One page of ``maxResults`` items and the token of the next."""
    token = parameters.get("nextToken")
    start = 0
    if token is not None:
        if not token.startswith("page") or not token[4:].isdecimal() or len(token) > 20:
            raise validation("The provided pagination token is not valid.")
        start = int(token[4:])
    size = parameters.get("maxResults", 100)
    following = start + size
    return items[start:following], f"page{following}" if following < len(items) else None


def refuse_duplicate(taken: bool, what: str, name: str) -> None:
    if taken:
        raise conflict(f"The {what} name {name} is already in use.")
