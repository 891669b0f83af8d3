"""The sandbox as a child process of the app. Imports nothing heavy: the child does the work."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

_KEPT_LINES = 20
_PATIENCE = 2.0


class SandboxError(Exception):
    """The sandbox did not start, or has ended; the text is fit for the user."""


@dataclass(frozen=True, slots=True)
class SandboxAddress:
    """Where the sandbox listens and what a client must sign with."""

    url: str
    access_key_id: str
    secret_access_key: str
    region: str
    account_id: str


def clean_environment(environment: dict[str, str]) -> dict[str, str]:
    """The environment without the user's AWS settings, files and proxies."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(("AWS_", "BOTO_", "MOTO_")) and not name.upper().endswith("_PROXY")
    }
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }


class SandboxProcess:
    """One sandbox in a process of its own that ends with this one.

    ``state`` is the folder that keeps its world, ``speed`` how much faster than on AWS the waits pass, ``reset``
    starts with an empty world.
    """

    def __init__(
        self,
        *,
        state: Path,
        speed: float = 60.0,
        reset: bool = False,
        region: str = "us-west-2",
        scenarios: Sequence[str] = (),
    ) -> None:
        self._state = state
        self._arguments = ["--json", "--port", "0", "--state", str(state), "--speed", repr(speed), "--region", region]
        for name in scenarios:
            self._arguments += ["--scenario", name]
        if reset:
            self._arguments.append("--reset")
        self._process: Popen[bytes] | None = None
        self._line = b""
        self._answered = threading.Event()
        self._last_words: deque[str] = deque(maxlen=_KEPT_LINES)
        self._readers: list[threading.Thread] = []

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def notices(self) -> tuple[str, ...]:
        """The newest lines the child wrote on stderr."""
        return tuple(self._last_words)

    def start(self) -> None:
        """Spawn the child and return at once; nothing when it runs. One that has ended is replaced, its world kept.

        Raises SandboxError when it cannot be spawned.
        """
        import subprocess

        if self._process is not None:
            if self._process.poll() is None:
                return
            self.stop()
            self._forget()
        environment = clean_environment(dict(os.environ))
        root = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
        try:
            self._process = subprocess.Popen(
                # Without the present folder on the path: a file there must not be taken for a module.
                [sys.executable, "-P", "-m", "tui.sandbox", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"No process could be started: {error.strerror or error}") from error
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._read_in_thread(self._read_address, self._process.stdout)
        self._read_in_thread(self._read_words, self._process.stderr)

    def _forget(self) -> None:
        """Be as before the first start; emptying the world is done once, not with each child."""
        self._line = b""
        self._answered = threading.Event()
        self._readers.clear()
        self._last_words.clear()
        if "--reset" in self._arguments:
            self._arguments.remove("--reset")

    def _read_in_thread(self, target: object, stream: IO[bytes]) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=(stream,), name="sandbox-child", daemon=True)
        thread.start()
        self._readers.append(thread)

    def _read_address(self, stream: IO[bytes]) -> None:
        self._line = stream.readline()
        self._answered.set()

    def _read_words(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._last_words.append(line.decode("utf-8", "replace").rstrip())

    def address(self, timeout: float = 30) -> SandboxAddress:
        """Wait until the sandbox answers; raises SandboxError with the child's last words when it does not."""
        if self._process is None:
            raise SandboxError("It was not started")
        if not self._answered.wait(timeout):
            raise SandboxError(f"It did not answer within {timeout:g} s")
        try:
            return SandboxAddress(**json.loads(self._line))
        except (ValueError, TypeError) as error:
            for reader in self._readers:
                reader.join(_PATIENCE)
            words = self._last_words[-1] if self._last_words else "It said nothing"
            raise SandboxError(words) from error

    def stop(self) -> None:
        """End the child; its world is on disk already."""
        import subprocess

        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        for end in (process.terminate, process.kill, None):
            try:
                process.wait(_PATIENCE)
                break
            except subprocess.TimeoutExpired:
                if end is not None:
                    end()
        for reader in self._readers:
            reader.join(_PATIENCE)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
