"""The real program under a pseudo terminal: what it writes, what a terminal would show of it, and how it ends."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

_BOX = "╭──"  # only dialogs have it
ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
_UNKNOWN_TO_PYTE = re.compile(
    rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\"
)
_READING = 0.5  # seconds, somewhat more than a dialog's grace, which other tests set to nothing in this process
KEYS = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "backspace": b"\x7f",
    "ctrl+l": b"\x0c",
    "ctrl+q": b"\x11",
    "ctrl+s": b"\x13",
}


def bare_environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of the tester's AWS settings nor of what pytest-xdist says of a terminal, and a home of its own."""
    others = ("AWS_", "XDG_", "TEXTUAL", "COLORTERM", "NO_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {
        "HOME": str(home),
        "TERM": "xterm-256color",
        "PYTHONPATH": str(ROOT),
        "AWS_CONFIG_FILE": str(home / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


class Terminal:
    """A child of ours on a terminal of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        home: Path,
        *,
        size: tuple[int, int] = (80, 24),
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "tui"),
        cwd: Path | None = None,
    ) -> None:
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.written = b""
        self._fed = 0
        self._home = home
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=bare_environment(home) | dict(environment or {}),
            cwd=cwd or home,
            start_new_session=True,
        )
        os.close(slave)
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.close()

    def close(self) -> None:
        """Take the terminal away."""
        self._closing.set()
        self._reader.join(5)
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def _read(self) -> None:
        while not self._closing.is_set():
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if not ready:
                if self.process.poll() is not None:
                    return
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return
            if not piece:
                return
            with self._news:
                self.written += piece
                self._news.notify_all()

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def send(self, *keys: str) -> None:
        """Press keys: names as in KEYS, else the characters themselves. A dialog that is seen is read first: when it
        came by itself, it hears nothing for a moment."""
        self._whole()
        if self.shows(_BOX):
            threading.Event().wait(_READING)
        for key in keys:
            os.write(self.master, KEYS.get(key, key.encode()))

    def _whole(self) -> None:
        """Wait until a frame of which the first half was seen is there, as far as one comes."""
        end, length = time.monotonic() + 1, -1
        with self._news:
            while length < len(self.written) and time.monotonic() < end:
                length = len(self.written)
                self._news.wait(0.05)

    @property
    def text(self) -> str:
        """What the terminal shows."""
        with self._lock:
            raw = self.written
            # A sequence that is cut in two waits for its end.
            end = raw.rfind(b"\x1b", self._fed)
            upto = len(raw) if end < 0 or len(raw) - end > 40 else end
            if upto > self._fed:
                self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", raw[self._fed : upto]))
                self._fed = upto
            return "\n".join(self._screen.display)

    def scribble(self, words: str) -> None:
        """Another program writes over what is shown, without the app's knowledge."""
        assert self.text
        with self._lock:
            self._stream.feed(b"\x1b[H" + words.encode())

    def shows(self, word: str) -> bool:
        text = self.text
        return word in text or word in " ".join(text.split())

    def until(self, predicate: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        with self._news:
            while not predicate():
                if time.monotonic() > deadline:
                    raise AssertionError(f"waited in vain for {what}; the terminal shows\n{self.text}")
                self._news.wait(0.05)

    def sees(self, *words: str) -> None:
        self.until(lambda: all(self.shows(word) for word in words), " and ".join(words))

    def agree(self, question: str, *keys: str, until: Callable[[], bool] | None = None) -> None:
        """Say yes to a question, with `keys` if not with its letter; returns when it is gone, or `until` holds."""
        self.sees(question)
        self.send(*keys or "y")
        self.until(until or (lambda: not self.shows(question)), f"an end of {question}")

    def ended(self, patience: float = 10.0) -> int:
        """The exit status."""
        status = self.process.wait(patience)
        self._reader.join(5)
        return status

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


def restored(written: bytes) -> bool:
    """Whether alternate screen and mouse were given back, and the cursor is seen again."""
    tail = written[written.rfind(b"\x1b[?1049h") :]
    return all(end in tail for end in (b"\x1b[?1049l", b"\x1b[?25h")) and (
        b"\x1b[?1003h" not in tail or b"\x1b[?1003l" in tail
    )
