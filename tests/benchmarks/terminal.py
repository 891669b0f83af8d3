"""A program behind a pseudo-terminal: what it wrote and when, what its screen shows, what it costs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import queue
import re
import select
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pyte

KEYS = {"enter": "\r", "escape": "\x1b", "down": "\x1b[B", "up": "\x1b[A", "pagedown": "\x1b[6~", "pageup": "\x1b[5~"}
# Private sequences that the screen model would draw as text.
_UNKNOWN = re.compile(rb"\x1b\[[>=<][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_ASKS_FOR_SYNC = re.compile(rb"\x1b\[\?2026\$p")
_SETTLED = 0.15
ROOT = Path(__file__).resolve().parents[2]


class TooSlowError(Exception):
    """What was waited for did not come; the text holds the screen."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What a key brought about: milliseconds to its first and last byte, and the bytes."""

    first_ms: float
    last_ms: float
    bytes: int


class Terminal:
    """One run of a program; a context manager that ends it."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, size: tuple[int, int] = (80, 24)
    ) -> None:
        self.output = bytearray()
        self._came: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._rest = b""
        self.last = 0.0
        self.started = time.perf_counter()
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            _become(command, environment, size)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._over = os.pidfd_open(self._pid)
        self._waited = False
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._waited:
            with contextlib.suppress(psutil.Error):
                for process in [*self.process.children(recursive=True), self.process]:
                    process.kill()
            self._reap()
        with contextlib.suppress(OSError):
            os.close(self._fd)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self._pid)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone when its program is
            while data := os.read(self._fd, 65536):
                now = time.perf_counter()
                for _ in _ASKS_FOR_SYNC.findall(data):
                    os.write(self._fd, b"\x1b[?2026;2$y")
                self._came.put((now, data))

    def _take(self, until: float) -> bool:
        """Draw the next output that comes before a moment; False when none does."""
        try:
            now, data = self._came.get(timeout=max(0.0, until - time.perf_counter()))
        except queue.Empty:
            return False
        self.last = now
        self.output += data
        whole = self._rest + data
        cut = whole.rfind(b"\x1b", -40)  # a sequence may go on in the next piece
        self._rest = whole[cut:] if cut >= 0 and not re.match(rb"\x1b\[[0-9;?]*[a-zA-Z]", whole[cut:]) else b""
        self._stream.feed(_UNKNOWN.sub(b"", whole[: len(whole) - len(self._rest)]))
        return True

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self._screen.display)

    def wait(self, shown: str | Callable[[str], bool], timeout: float = 30) -> float:
        """The moment at which the words first stood on the screen; raises TooSlowError."""
        there = (lambda text: shown in text) if isinstance(shown, str) else shown
        deadline = time.perf_counter() + timeout
        while not there(self.text):
            if not self._take(deadline):
                raise TooSlowError(f"{shown!r} did not come; the screen:\n{self.text}")
        return self.last

    def settle(self, quiet: float = _SETTLED, timeout: float = 30) -> float:
        """Wait until nothing has come for a while; the moment of the last byte."""
        deadline = time.perf_counter() + timeout
        while time.perf_counter() < deadline and self._take(time.perf_counter() + quiet):
            pass
        return self.last

    def send(self, key: str) -> float:
        """Press a key, by name or letter; the moment it was sent."""
        while self._take(0):
            pass
        now = time.perf_counter()
        os.write(self._fd, KEYS.get(key, key).encode())
        return now

    def press(self, key: str, *, quiet: float = _SETTLED, patience: float = 2) -> Burst:
        """Press a key and follow what it brings about until it is quiet."""
        sent = self.send(key)
        before = len(self.output)
        if not self._take(sent + patience):
            raise TooSlowError(f"{key!r} brought nothing about; the screen:\n{self.text}")
        first = self.last
        last = self.settle(quiet)
        return Burst((first - sent) * 1000, (last - sent) * 1000, len(self.output) - before)

    def cpu(self) -> float:
        """Processor seconds of the program so far, without its children."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def rss(self) -> float:
        """Resident memory in MB, without children."""
        return float(self.process.memory_info().rss) / 1e6

    def ended(self, since: float, timeout: float = 30) -> float:
        """Seconds from a moment to the end of the process; raises TooSlowError."""
        if not select.select([self._over], [], [], timeout)[0]:
            raise TooSlowError(f"it did not end; the screen:\n{self.text}")
        took = time.perf_counter() - since
        self._reap()
        while self._take(time.perf_counter() + 0.05):
            pass
        return took

    def _reap(self) -> None:
        os.waitpid(self._pid, 0)
        os.close(self._over)
        self._waited = True

    def modes_left(self) -> list[str]:
        """Modes of the terminal that the program switched on and left so."""
        state: dict[str, bool] = {}
        for numbers, letter in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", bytes(self.output)):
            for number in numbers.decode().split(";"):
                state[number] = letter == b"h"
        return sorted(number for number, on in state.items() if on != (number in {"7", "25"}))


def _become(command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int]) -> None:
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.execvpe(command[0], list(command), dict(environment))
    finally:
        os._exit(127)
