"""The sandbox as one object: a server on the loopback address in threads of this process."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tui.sandbox.catalog import ACCOUNT_ID
from tui.sandbox.clock import Clock, ManualClock, WallClock
from tui.sandbox.faults import Faults
from tui.sandbox.incoming import RecordedRequest
from tui.sandbox.lifecycle import Lifecycle
from tui.sandbox.records import Purchase
from tui.sandbox.scenarios import Scenario
from tui.sandbox.state_folder import Folder
from tui.sandbox.world import World
from tui.sandbox.wsgi import Front

if TYPE_CHECKING:
    from boto3.session import Session


class _Handler(WSGIRequestHandler):
    # Only with HTTP/1.1 are streams chunked, so that a dropped one is noticed and events arrive one by one.
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to someone else."""

    def handle_expect_100(self) -> bool:
        # The server answers Expect itself when it runs the application.
        return True


class Sandbox:
    """AWS on this machine. A context manager; ``start`` and ``stop`` do the same by hand.

    ``state`` is the folder that keeps the world (None: in memory only), ``token_delay`` the pause before each
    generated token in seconds, ``port`` 0 for any free one, ``scenarios`` the failures to rehearse. Raises
    FolderInUseError when another process has the state folder open. S3 and IAM live in the process, so that only one
    sandbox at a time should run in it: starting one empties them.
    """

    account_id = ACCOUNT_ID

    def __init__(
        self,
        *,
        state: Path | None = None,
        clock: Clock | None = None,
        token_delay: float = 0.0,
        region: str = "us-west-2",
        port: int = 0,
        scenarios: Iterable[Scenario | str] = (),
    ) -> None:
        self.region = region
        self.clock: Clock = clock or WallClock()
        self.access_key_id = f"SANDBOX{secrets.token_hex(16).upper()}"
        self.secret_access_key = secrets.token_urlsafe(30)
        self._folder = Folder(state) if state is not None else None
        self.world = World(region, self.clock, self._folder)
        self.world.scenarios = frozenset(Scenario(name) for name in scenarios)
        self._front = Front(self.world, self.access_key_id, token_delay)
        self._lifecycle = Lifecycle(self.world)
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, self._front, threaded=True, request_handler=_Handler
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._started = False
        self._unsubscribe = self.clock.subscribe(self._lifecycle.tick) if isinstance(self.clock, ManualClock) else None

    @property
    def faults(self) -> Faults:
        return self._front.faults

    @property
    def requests(self) -> deque[RecordedRequest]:
        return self._front.requests

    @property
    def notices(self) -> tuple[str, ...]:
        """What was wrong with the state on disk when it was loaded."""
        return tuple(self._folder.notices) if self._folder else ()

    def start(self) -> None:
        """Serve at once; S3, IAM and trainings are brought back behind the first answers."""
        self._started = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox-server", daemon=True).start()
        threading.Thread(target=self._restore, name="sandbox-restore", daemon=True).start()

    def _restore(self) -> None:
        try:
            self.world.storage.restore()
        except Exception:
            # A state that does not load must never keep the sandbox from starting.
            traceback.print_exc(file=sys.stderr)
        self._front.ready.set()
        self._lifecycle.start()

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Wait until the saved world is back; raises TimeoutError."""
        if not self._front.ready.wait(timeout):
            raise TimeoutError("the sandbox did not become ready")

    def stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        self.faults.clear()
        if self._started:
            self._server.shutdown()
            self._front.ready.wait(5)
            self._lifecycle.close()
        self._server.server_close()
        if self._folder is not None:
            self._folder.close()

    def __enter__(self) -> Self:
        self.start()
        self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Empty the world: Bedrock, S3 and IAM, orders for faults, recorded requests."""
        self._lifecycle.forget()
        self.world.clear()
        self.faults.clear()
        self.requests.clear()

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until trainings that can run at the clock's present time are computed; raises TimeoutError."""
        self._lifecycle.settle(timeout)

    def books(self) -> tuple[Purchase, ...]:
        """Every provisioned throughput ever bought, in order."""
        with self.world.lock:
            return tuple(self.world.records.purchases)

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of this sandbox; ``config`` goes to botocore's Config, ``region_name`` included.

        The user's AWS environment, files and proxies have no part in it.
        """
        from botocore.config import Config

        settings: dict[str, Any] = {
            "region_name": self.region,
            "proxies": {},
            "auth_scheme_preference": "sigv4",
            "use_fips_endpoint": False,
            "use_dualstack_endpoint": False,
            **config,
        }
        with _session_lock:
            return _session().client(
                service,
                endpoint_url=self.url,
                aws_access_key_id=self.access_key_id,
                aws_secret_access_key=self.secret_access_key,
                config=Config(**settings),
            )


_session_lock = threading.Lock()


@cache
def _session() -> Session:
    import boto3
    import botocore.session

    nothing = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=nothing))
