"""The one door to boto3: clients made once and shared, every call on a daemon thread, every error ours."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.values import dataclass
from tui.services.pool import DaemonPool

_READING = ("get_", "list_", "head_", "describe_", "count_", "simulate_")
_ASKING = ("converse", "converse_stream", "invoke_model", "invoke_model_with_response_stream")
_HARMLESS = ("Get", "List", "Head", "Describe", "Count", "Simulate", "Converse", "Invoke")
_WRITABLE = "ctrl+t ends read-only mode"
_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 20
"""Seconds for a connection, and without a byte of an answer, after which a call is given up."""
_ANSWER_TIMEOUT = 120
"""Seconds without a byte after which a model's streamed answer counts as lost."""
_WHOLE_ANSWER_TIMEOUT = 600
"""The same for an answer that comes all at once, when the last word of it is written."""
_PASSING = frozenset({Cause.UNREACHABLE, Cause.THROTTLED, Cause.SERVICE, Cause.INCOMPLETE})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where AWS is and how to sign. The keys are set for the sandbox only; else boto3 finds the user's own."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None

    @property
    def sandbox(self) -> bool:
        """Whether this is the AWS of this machine."""
        return self.access_key_id is not None

    def __repr__(self) -> str:  # keys stay out of logs and tracebacks
        return f"Connection(profile={self.profile!r}, region={self.region!r}, endpoint_url={self.endpoint_url!r})"


class Aws:
    """Calls to AWS for one profile and Region.

    `connect` is asked, on a thread, before the first call and after `renew`; it may block (the sandbox takes a
    moment to start) and may raise AppError.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        sandbox: bool,
        read_only: bool = False,
        pool: DaemonPool | None = None,
        order_pauses: Sequence[float] = (0.5, 2.0),
        now: Now = utc_now,
    ) -> None:
        self._now = now
        self.sandbox = sandbox
        self.read_only = read_only
        self.pool = pool or DaemonPool()
        self._connect = connect
        self._order_pauses = tuple(order_pauses)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._session: Any = None
        self._clients: dict[tuple[str, str | None, bool], Any] = {}
        self._stale = False
        self.asked: dict[str, datetime] = {}
        """When a model was last asked for an answer from here, by the id or ARN that was asked."""

    def renew(self) -> None:
        """Forget session and clients, so that the next call reads profile and credentials anew.

        Returns at once: a thread that is just signing in may hold the lock for seconds.
        """
        self._stale = True

    def _forget_stale(self) -> None:
        if self._stale:
            self._stale = False
            self._session = None
            self._connection = None
            self._clients.clear()

    async def call(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any] | None = None,
        *,
        need: Iterable[str] = (),
        region: str | None = None,
    ) -> dict[str, Any]:
        """The answer of one operation, named as boto3's client method is.

        `need` are keys without which the answer counts as incomplete: boto3 gives a cut answer back as if it
        were whole. Raises AppError and nothing else.
        """
        changing = self._guard(operation)
        client = partial(self.client, service, region)
        return await self.pool.run(self._call, client, operation, dict(params or {}), tuple(need), changing)

    async def order(
        self, service: str, operation: str, params: Mapping[str, Any], *, need: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The answer of an operation that carries an idempotency token; what passes by itself is tried again.

        boto3 would tell the error of the last try only. Here one doubtful try makes the error `outcome_unknown`,
        however the later ones ended. Raises AppError and nothing else.
        """
        self._guard(operation)
        client = partial(self.client, service, single=True)
        doubtful = False
        for pause in (*self._order_pauses, None):
            try:
                return await self.pool.run(self._call, client, operation, dict(params), tuple(need), True)
            except AppError as error:
                doubtful = error.outcome_unknown = doubtful or error.outcome_unknown
                if pause is None or not error.retryable or error.cause not in _PASSING:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try either returns or raises")

    async def pages(
        self,
        service: str,
        operation: str,
        key: str,
        params: Mapping[str, Any] | None = None,
        *,
        need: Iterable[str] = (),
        region: str | None = None,
    ) -> list[dict[str, Any]]:
        """The items under `key` of all pages, each with the keys it `need`s. Raises AppError."""
        self._guard(operation)
        return await self.pool.run(self._pages, service, operation, key, dict(params or {}), tuple(need), region)

    async def run(self, function: Callable[[Callable[..., Any]], T], operation: str, *, changing: bool = False) -> T:
        """`function(client_of)` on a thread, for what is more than one call; errors are mapped as in `call`."""
        self._guard(operation)
        return await self.pool.run(self._guarded, function, operation, changing)

    def client(self, service: str, region: str | None = None, *, single: bool = False) -> Any:
        """The shared client of a service; a `single` one never tries again by itself, and waits for whole answers.

        Blocks; for threads only. Raises what boto3 raises.
        """
        with self._lock:
            self._forget_stale()
            found = self._clients.get((service, region, single))
            if found is None:
                found = self._clients[service, region, single] = self._make_client(service, region, single)
            return found

    def let_go(self, service: str, region: str) -> None:
        """Forget the clients of a service in another Region, 0.3 MB and connections each. Blocks; for threads only."""
        with self._lock:
            for single in (False, True):
                self._clients.pop((service, region, single), None)

    def session(self) -> Any:
        """The shared boto3 session. Blocks; for threads only."""
        with self._lock:
            self._forget_stale()
            return self._ready_session()

    def connection(self) -> Connection:
        """Where the session leads. Blocks until the sandbox is up, where there is one; for threads only."""
        with self._lock:
            self._forget_stale()
            return self._ready_connection()

    def error(self, error: BaseException, operation: str, *, changing: bool = False) -> AppError:
        """`error` as ours."""
        from tui.services.aws_errors import as_app_error

        profile = (self._connection.profile if self._connection else None) or os.environ.get("AWS_PROFILE", "")
        return as_app_error(error, operation, changing=changing, profile=profile)

    @contextmanager
    def mapping_errors(self, operation: str, *, changing: bool = False) -> Iterator[None]:
        """What is raised meanwhile, by whatever library, as AppError."""
        try:
            yield
        except AppError:
            raise
        except Exception as error:
            raise self.error(error, operation, changing=changing) from error

    def _guard(self, operation: str) -> bool:
        """Whether the operation changes something; refuses it in read-only mode."""
        changing = not operation.startswith((*_READING, *_ASKING))
        if changing:
            self.must_write(operation)
        return changing

    def must_write(self, operation: str = "") -> None:
        """Raises AppError in read-only mode. Also for what would ask a person much before the door refuses it."""
        if self.read_only:
            raise AppError(Cause.READ_ONLY, "Read-only mode: nothing is changed", operation, _WRITABLE)

    def _guarded(self, function: Callable[[Callable[..., Any]], T], operation: str, changing: bool) -> T:
        with self.mapping_errors(operation, changing=changing):
            return function(self.client)

    def _call(
        self,
        client: Callable[[], Any],
        operation: str,
        params: dict[str, Any],
        need: Sequence[str],
        changing: bool,
    ) -> dict[str, Any]:
        with self.mapping_errors(operation, changing=changing):
            answer: dict[str, Any] = getattr(client(), operation)(**params)
            _demand(answer, need, operation, changing=changing)
            return answer

    def _pages(
        self, service: str, operation: str, key: str, params: dict[str, Any], need: Sequence[str], region: str | None
    ) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        with self.mapping_errors(operation):
            client = self.client(service, region)
            pages = (
                client.get_paginator(operation).paginate(**params)
                if client.can_paginate(operation)
                else [getattr(client, operation)(**params)]
            )
            for page in pages:
                _demand(page, (key,), operation)
                if not isinstance(page[key], list):
                    from tui.services.aws_errors import odd_answer

                    raise odd_answer(operation, f"{key} is no list")
                for item in page[key]:
                    _demand(item, need, operation)
                items.extend(page[key])
        return items

    def _ready_connection(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _ready_session(self) -> Any:
        if self._session is None:
            at = self._ready_connection()
            self._session = _session(at, at.region)
            fallback = os.environ.get("AWS_REGION")
            if self._session.region_name is None and fallback and not at.sandbox:  # boto3 does not read it
                self._session = _session(at, fallback)
            try:
                self._session.get_credentials()
            except BaseException:
                # One that failed at a chain of roles would call it a loop at the next try.
                self._session = None
                raise
        return self._session

    def _make_client(self, service: str, region: str | None, single: bool) -> Any:
        from botocore.config import Config

        session = self._ready_session()
        at = self._ready_connection()
        answering = service == "bedrock-runtime"
        patience = _WHOLE_ANSWER_TIMEOUT if single else _ANSWER_TIMEOUT
        config = Config(
            connect_timeout=_CONNECT_TIMEOUT,
            read_timeout=patience if answering else _READ_TIMEOUT,
            # A lost answer of a model is paid for again at each try, and has no idempotency token.
            retries={"mode": "standard", "total_max_attempts": 1 if answering or single else 3},
            tcp_keepalive=True,
            max_pool_connections=16,
            user_agent_extra="tanzaku",
        )
        if at.sandbox:
            # The user's proxies and bearer token must not reach the sandbox, nor the sandbox's calls the network.
            config = config.merge(Config(proxies={}, auth_scheme_preference="sigv4", s3={"addressing_style": "path"}))
        client = session.client(service, region_name=region, endpoint_url=at.endpoint_url, config=config)
        client.meta.events.register("before-call", self._refuse_changes)
        if answering:
            client.meta.events.register("provide-client-params.bedrock-runtime", self._note_asked)
        return client

    def _note_asked(self, params: Mapping[str, Any], **_: Any) -> None:
        if isinstance(identifier := params.get("modelId"), str):
            self.asked[identifier] = self._now()

    def _refuse_changes(self, model: Any, **_: Any) -> None:
        """The last gate of read-only mode, at boto3's own event before a request is sent."""
        if not model.name.startswith(_HARMLESS):
            self.must_write(model.name)


def _demand(answer: Mapping[str, Any], need: Iterable[str], operation: str, *, changing: bool = False) -> None:
    if not isinstance(answer, Mapping):
        from tui.services.aws_errors import odd_answer

        raise odd_answer(operation, "no object", changing=changing)
    missing = [key for key in need if key not in answer]
    if missing:
        raise AppError(
            Cause.INCOMPLETE,
            "AWS's answer was incomplete",
            f"{operation}: {', '.join(missing)} missing",
            "Try again",
            retryable=True,
            outcome_unknown=changing,
            operation=operation,
        )


def _session(at: Connection, region: str | None) -> Any:
    import boto3
    import botocore.session

    if at.sandbox:
        return boto3.Session(
            region_name=region,
            aws_access_key_id=at.access_key_id,
            aws_secret_access_key=at.secret_access_key,
            botocore_session=_blind_session(),
        )
    from tui.services.service_models import read_leanly
    from tui.services.sign_in import never_ask

    outer = botocore.session.get_session()
    made = boto3.Session(profile_name=at.profile, region_name=region, botocore_session=outer)
    read_leanly(outer)
    never_ask(outer)
    return made


def _blind_session() -> Any:
    """A botocore session that reads none of the user's files and variables."""
    import botocore.session
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConstantProvider

    from tui.services.service_models import read_leanly

    blind = {
        name: (None, None, default, conversion)
        for name, (_, _, default, conversion) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    for name in ("config_file", "credentials_file"):
        blind[name] = (None, None, os.devnull, None)
    session = botocore.session.Session(session_vars=blind)
    read_leanly(session)
    for section in ("s3", "proxies_config"):  # these have variables of their own
        session.get_component("config_store").set_config_provider(section, ConstantProvider({}))
    return session
