"""The real services over one sandbox per process, emptied before each test, and a server that answers as told."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import thrift
from tests.sandbox.conftest import Scene
from tui.domain.settings import Settings
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws, Connection
from tui.services.orders import Orders
from tui.services.paths import Paths
from tui.services.session import Services

thrift.hurry_retries()
PLACE = "123456789012/us-west-2"


def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that another thread does; fails after `seconds`."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        pause.wait(0.005)


def operations(sandbox: Sandbox) -> list[str]:
    """What was asked of the sandbox, in order."""
    return [request.operation for request in sandbox.requests]


def address(sandbox: Sandbox) -> Connection:
    return Connection(None, sandbox.region, sandbox.url, sandbox.access_key_id, sandbox.secret_access_key)


@pytest.fixture(scope="session")
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, 9, tzinfo=UTC))


@pytest.fixture(scope="session")
def _running(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: Sandbox) -> Iterator[Sandbox]:
    _running.reset()
    yield _running
    _running.faults.clear()


@pytest.fixture
def scene(sandbox: Sandbox, clock: ManualClock) -> Scene:
    return Scene(sandbox, clock)


@pytest.fixture(scope="session")
def _door(_running: Sandbox) -> Aws:
    return Aws(lambda: address(_running), sandbox=True, order_pauses=(0.0, 0.0))


@pytest.fixture
def aws(_door: Aws, sandbox: Sandbox) -> Aws:
    """The door to the sandbox; its clients are made once, since that takes most of the time."""
    return _door


@pytest.fixture
def services(aws: Aws, tmp_path: Path, clock: ManualClock) -> Services:
    return services_over(aws, tmp_path, clock)


def services_over(aws: Aws, root: Path, clock: ManualClock, settings: Settings | None = None) -> Services:
    return Services(
        aws,
        paths=Paths.under(root),
        settings=settings or Settings(),
        profile=None,
        region="us-west-2",
        pace=None,
        now=clock.now,
    )


def orders_over(aws: Aws, services: Services) -> Orders:
    """Orders to another AWS, written down where those of `services` are."""
    return Orders(aws, services.store, services.pool)


@pytest.fixture(scope="session")
def _reading_door(_running: Sandbox) -> Aws:
    return Aws(lambda: address(_running), sandbox=True, read_only=True)


@pytest.fixture
def reading(_reading_door: Aws, sandbox: Sandbox) -> Aws:
    """A read-only door."""
    return _reading_door


Answer = Callable[[str, str], tuple[int, bytes]]


class Scripted:
    """A server that gives each request (method, path) the answer of `answer`, as JSON."""

    def __init__(self) -> None:
        self.begin()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def _serve(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                outer.asked.append(f"{self.command} {self.path}")
                status, body = outer.answer(self.command, self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def begin(self) -> None:
        """As new: every answer is an empty object."""
        self.answer: Answer = lambda method, path: (200, b"{}")
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.released = threading.Event()

    def answers(self, value: Any, status: int = 200) -> None:
        """The same JSON for every request."""
        self.answer = lambda method, path: (status, json.dumps(value).encode())

    def hang(self) -> None:
        """Answer nothing until the test is over."""

        released = self.released

        def wait(method: str, path: str) -> tuple[int, bytes]:
            released.wait(30)
            return 400, b"{}"  # which is not tried again

        self.answer = wait

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def _scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.close()


@pytest.fixture
def scripted(_scripted: Scripted) -> Iterator[Scripted]:
    _scripted.begin()
    yield _scripted
    _scripted.released.set()


@pytest.fixture(scope="session")
def _door_elsewhere(_scripted: Scripted) -> Aws:
    return Aws(
        lambda: Connection(None, "us-west-2", _scripted.url, "SANDBOXKEY", "secret"),
        sandbox=True,
        order_pauses=(0.0, 0.0),
    )


@pytest.fixture
def elsewhere(_door_elsewhere: Aws, scripted: Scripted) -> Aws:
    """A door to the scripted server."""
    return _door_elsewhere


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without any AWS setting and an empty home; gives the home."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return home
