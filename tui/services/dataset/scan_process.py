"""A process beside this one for long looks at large files: while it works, every key has this one to itself.

Threads would share one interpreter with the keys, and each key wants it a dozen times. The process is started when it
is first needed and ends with the app, however that ends: it reads from a pipe that is closed then.
"""

from __future__ import annotations

import itertools
import os
import queue
import select
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.services.pool import daemon

if TYPE_CHECKING:
    from subprocess import Popen

    from tui.domain.files.material import Material
    from tui.domain.files.pairs import Pairs
    from tui.domain.files.version import Version

LARGE = 2_000_000
"""Bytes from which on a file is looked at beside: a smaller one is done with before the process has started."""
_LOOK_UP = 0.05
"""Seconds after which it is asked again whether the answer is still wanted."""
_IDLE = 60.0
"""Seconds without a request after which the process gives its memory back: more edits are likely until then."""
_PIPE = 1 << 20
"""Bytes that a pipe holds, where the system allows it: a version goes in few pieces."""
_DEATHS = 2
"""Times that the process may end by itself before it is not started again."""
_NOTHING, _END = object(), object()


class GoneError(Exception):
    """The process is not there, or has ended before it answered: the work has to be done here."""


class ScanProcess:
    """The process, asked from threads that may wait."""

    def __init__(self, large: int = LARGE, idle: float = _IDLE) -> None:
        self._large = large
        self._idle = idle
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._deaths = 0
        self._documents: weakref.WeakKeyDictionary[Material, int] = weakref.WeakKeyDictionary()
        self._numbers = itertools.count()
        self._forgotten: deque[int] = deque()
        self._closed = False

    def is_for(self, *files: Pairs) -> bool:
        """Whether one of the files is large enough to be looked at there."""
        if self._deaths >= _DEATHS or self._closed:
            return False
        versions = _versions(files)
        return len(versions) == len(files) and max(len(v.material.base.data) for v in versions) >= self._large

    def number(self, material: Material) -> int:
        """What a document is called here and there, as long as it lives."""
        found = self._documents.get(material)
        if found is None:
            found = self._documents[material] = next(self._numbers)
            # A deque: it may be collected at any moment, also while the lock is held.
            weakref.finalize(material, self._forgotten.append, found).atexit = False
        return found

    def ask(self, what: str, files: Sequence[Version], *more: Any, should_stop: Callable[[], bool]) -> Iterator[Any]:
        """The pieces of the answer as they come; nothing more when told to stop. Raises GoneError."""
        with self._lock:
            child = self._running()
            ticket = child.expect()
            try:
                self._put(child, ticket, what, files, more)
            except OSError as error:
                raise GoneError from error
        try:
            while (piece := child.answer(ticket)) is not _END:
                if piece is not _NOTHING:
                    yield piece
                elif should_stop():
                    with self._lock, suppress(OSError):
                        self._stop(child, ticket)
                    return
        except GoneError:
            if not self._closed:  # else nobody waits for it any more
                raise
        finally:
            child.forget(ticket)

    def begin(self) -> None:
        """Start it, for what will be asked soon. Where it cannot be started, whoever asks is told."""
        with self._lock, suppress(GoneError):
            if not self._closed:
                self._running()

    def _stop(self, child: _Child, ticket: int) -> None:
        from tui.services.dataset.scan_messages import send

        send(child.to, ("stop", ticket))

    def _put(self, child: _Child, ticket: int, what: str, files: Sequence[Version], more: tuple[Any, ...]) -> None:
        from tui.services.dataset.scan_messages import send, send_version

        while self._forgotten:
            send(child.to, ("forget", self._forgotten.popleft()))
        send(child.to, (what, ticket, len(files), more))
        for version in files:
            send_version(child.to, self.number(version.material), version)

    def _running(self) -> _Child:
        if self._child is None or self._child.gone:
            self._deaths += self._child is not None and not self._child.retired
            self._child = None
            if self._deaths >= _DEATHS:
                raise GoneError
            try:
                self._child = _Child(self._lock, self._idle)
            except GoneError:
                self._deaths = _DEATHS
                raise
            weakref.finalize(self, self._child.end)
            self._forgotten.clear()  # it knows nothing yet
        return self._child

    def close(self) -> None:
        """End the process. What waits for it gets nothing more."""
        self._closed = True
        child, self._child = self._child, None
        if child is not None:
            child.end()


def _versions(files: Sequence[Pairs]) -> list[Version]:
    from tui.domain.files.version import Version

    return [file for file in files if isinstance(file, Version)]


class _Child:
    """One run of the process."""

    def __init__(self, lock: threading.Lock, idle: float) -> None:
        """`lock` is held by whoever asks. Raises GoneError when it cannot be started."""
        import subprocess

        root = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        # It reads what strangers wrote, and needs no rights in AWS.
        bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        try:
            self._process: Popen[bytes] = subprocess.Popen(
                # Without the present folder on the path: a file there must not be taken for a module.
                [sys.executable, "-P", "-m", "tui.services.dataset.scan_main"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pipesize=_PIPE,
                env={**bare, "PYTHONPATH": path},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise GoneError from error
        assert self._process.stdin is not None
        self.to = self._process.stdin.fileno()
        self.gone = self.retired = False
        self._lock = lock
        self._idle = idle
        self._tickets = itertools.count()
        self._answers: dict[int, queue.SimpleQueue[Any]] = {}
        daemon(self._read, "scan-process")

    def expect(self) -> int:
        """A new ticket, on which answers will come."""
        ticket = next(self._tickets)
        self._answers[ticket] = queue.SimpleQueue()
        return ticket

    def answer(self, ticket: int) -> Any:
        """The next piece that comes on a ticket, `_NOTHING` when none came in a while, or `_END`. Raises GoneError."""
        gone = self.gone
        try:
            word, piece = self._answers[ticket].get(timeout=0 if gone else _LOOK_UP)
        except queue.Empty:
            if gone:
                raise GoneError from None
            return _NOTHING
        if word == "failed":
            raise GoneError
        return _END if word == "end" else piece

    def forget(self, ticket: int) -> None:
        """Nobody waits on that ticket any more."""
        self._answers.pop(ticket, None)

    def _read(self) -> None:
        from tui.services.dataset.scan_messages import receive

        stream = self._process.stdout
        assert stream is not None
        try:
            while True:
                if not select.select([stream], [], [], self._idle)[0]:
                    if self._retires():
                        break
                    continue
                word, ticket, piece = receive(stream)
                waiting = self._answers.get(ticket)
                if waiting is not None:
                    waiting.put((word, piece))
        except (EOFError, OSError, ValueError):
            pass  # it has ended, and whoever waits sees it
        finally:
            self.gone = True
            self._process.kill()
            self._process.wait()

    def _retires(self) -> bool:
        """Whether nobody waits for anything, so that it may go."""
        with self._lock:
            self.gone = self.retired = not self._answers
        return self.retired

    def end(self) -> None:
        """End it at once: it keeps nothing that would be missed."""
        self._process.kill()
