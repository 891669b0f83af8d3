"""Unsaved edits on disk: one append-only file for each edited file, written and synced before the screen shows
the edit.

A line is a CRC-32 in hex, a blank and a JSON object. The first one tells what is edited and by whom, every other one
an action. The file as it was when the journal began is kept beside it, so that the edits can be put together even
when the file has been changed since.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Any

from tui.domain.values import dataclass
from tui.services.paths import make_private
from tui.services.pool import daemon
from tui.services.process_identity import alive, host, whoami
from tui.services.saving import sync_folder, write_all

_YOUNG = 60.0
"""Seconds in which a journal without an edit may belong to a process that is about to lock it."""
_FORMAT = 1


def locked(descriptor: int) -> bool:
    """Whether the lock on an open file is ours now; a dead process holds none. Raises OSError where none can be."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _line(value: Mapping[str, Any]) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


class _Writer:
    """The thread that writes, in order."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], None]) -> Future[None]:
        """Run `job` in its turn."""
        with self._lock:
            if self._thread is None:
                self._thread = daemon(self._serve, "journal")
        done: Future[None] = Future()
        self._jobs.put((job, done))
        return done

    def _serve(self) -> None:
        while True:
            job, done = self._jobs.get()
            try:
                job()
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(None)


class Journal:
    """The unsaved edits of one file. Made at the first edit; `append` waits for nothing but its turn."""

    def __init__(
        self,
        writer: _Writer,
        path: Path,
        header: Mapping[str, Any],
        entries: Sequence[Mapping[str, Any]],
        base: Callable[[], Iterable[bytes]],
    ) -> None:
        self._writer = writer
        self.path = path
        self._descriptor = -1
        self._end = 0
        self._seq = 0
        self._base = base
        self._removed = threading.Event()
        self.begun = writer.submit(lambda: self._begin(header, entries))

    def append(self, entry: Mapping[str, Any]) -> Future[None]:
        """Done when the disk has the entry. Its exception is OSError when it could not be written; then the
        journal ends before it."""
        return self._writer.submit(lambda: self._append([entry]))

    def remove(self) -> Future[None]:
        """What it tells is saved or given up."""
        self._removed.set()
        return self._writer.submit(self._remove)

    def _begin(self, header: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> None:
        make_private(self.path.parent)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o600)
        with suppress(OSError):  # a file system without locks: process and boot tell instead
            locked(self._descriptor)
        try:
            self._append([{**header, "format": _FORMAT}, *entries])
            sync_folder(self.path.parent)
        except OSError:
            self._remove()
            raise
        daemon(self._keep_base, "journal-base")

    def _append(self, entries: Sequence[Mapping[str, Any]]) -> None:
        if self._descriptor < 0:
            raise OSError("the journal is closed")
        lines: list[bytes] = []
        for entry in entries:
            lines.append(_line({"seq": self._seq + len(lines), **entry}))
        data = b"".join(lines)
        try:
            write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
                os.lseek(self._descriptor, self._end, os.SEEK_SET)
            raise
        self._end += len(data)
        self._seq += len(lines)

    def _keep_base(self) -> None:
        """Copy the file as it was. Without it the edits can be replayed on the unchanged file only."""
        copy = base_of(self.path)
        partial = copy.with_suffix(".part")
        try:
            descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
            try:
                for piece in self._base():
                    if self._removed.is_set():
                        break
                    write_all(descriptor, piece)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(partial, copy)
        except OSError:
            partial.unlink(missing_ok=True)
        if self._removed.is_set():
            copy.unlink(missing_ok=True)

    def _remove(self) -> None:
        if self._descriptor >= 0:
            remove(self.path)
            os.close(self._descriptor)
            self._descriptor = -1


class Journals:
    """All journals of this process, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer = _Writer()

    def begin(
        self,
        header: Mapping[str, Any],
        base: Callable[[], Iterable[bytes]],
        entries: Sequence[Mapping[str, Any]] = (),
    ) -> Journal:
        """A journal with its first entries; `base` makes the file as it was when they began."""
        path = self.folder / f"{os.getpid()}-{os.urandom(6).hex()}.journal"
        return Journal(self._writer, path, {**whoami(), **header}, entries, base)

    def left_behind(self) -> list[Left]:
        """The journals of processes that are gone, oldest first. Each is held until it is let go."""
        found = []
        try:
            names = sorted(os.listdir(self.folder))
        except OSError:  # none yet; or not ours to look into, which the first edit tells
            return []
        for path in (self.folder / name for name in names if name.endswith(".journal")):
            left = _claimed(path)
            if left is not None:
                found.append(left)
        return sorted(found, key=lambda left: left.modified)


@dataclass(frozen=True, slots=True)
class Left:
    """A journal that nobody writes any more."""

    path: Path
    header: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...]
    modified: float
    descriptor: int = field(repr=False)

    @property
    def file(self) -> Path:
        """The file that was edited."""
        return Path(str(self.header["path"]))

    @property
    def actions(self) -> int:
        """How many actions it tells."""
        return sum("splices" in entry for entry in self.entries)

    def last_names(self, most: int) -> list[str]:
        """What the last actions were, the latest first."""
        names = [str(entry.get("name", "?")) for entry in self.entries if "splices" in entry]
        return names[: -most - 1 : -1]

    def let_go(self) -> None:
        """Somebody else may take it up."""
        os.close(self.descriptor)

    def discard(self) -> None:
        """It is settled."""
        remove(self.path)
        self.let_go()


def _claimed(path: Path) -> Left | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    taken = False
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return None
        header, entries = read(path.read_bytes())
        # Whoever settles one removes it before letting go of it: what was read above may be gone by now.
        if not _is_ours_to_take(descriptor, header) or not path.exists():
            return None
        if not any("splices" in entry for entry in entries):
            # Its first edit was never shown; a very young one may be about to be locked.
            if time.time() - found.st_mtime > _YOUNG:
                remove(path)
            return None
        taken = True
        return Left(path, header, tuple(entries), found.st_mtime, descriptor)
    except OSError:
        return None
    finally:
        if not taken:
            os.close(descriptor)


def _is_ours_to_take(descriptor: int, header: Mapping[str, Any]) -> bool:
    if header.get("host", host()) != host():
        return False
    try:
        return locked(descriptor)
    except OSError:
        return not alive(header)


def read(data: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and entries, as far as they are whole; both empty when there is no header of this format."""
    values: list[dict[str, Any]] = []
    for line in data.split(b"\n"):
        try:
            value = json.loads(line[9:]) if int(line[:8], 16) == zlib.crc32(line[9:]) else None
        except ValueError:
            break
        if not isinstance(value, dict) or value.get("seq") != len(values):
            break
        values.append(value)
    if not values or values[0].get("format") != _FORMAT or not isinstance(values[0].get("path"), str):
        return {}, []
    return values[0], values[1:]


def base_of(journal: Path) -> Path:
    """Where the file as it was is kept."""
    return journal.with_suffix(".base")


def remove(journal: Path) -> None:
    """Remove a journal and what is kept beside it. Raises OSError."""
    for path in (journal, base_of(journal), base_of(journal).with_suffix(".part")):
        path.unlink(missing_ok=True)
