"""The sandbox's folder on disk: one owner at a time, files replaced as a whole, readable by the user only."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")


class FolderInUseError(Exception):
    """Another process has this sandbox open."""


class Folder:
    """A state folder. Files get mode 0600, folders 0700."""

    def __init__(self, path: Path) -> None:
        """Take the folder; raises FolderInUseError when another process holds it."""
        self.path = path
        self.notices: list[str] = []
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._lock, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            raise FolderInUseError(f"Another tanzaku has this sandbox open (pid {holder})") from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def write(self, name: str, data: bytes) -> None:
        """Replace the file ``name`` (a relative path) by ``data``: readers see the old or the new one."""
        target = self.path / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode())

    def read(self, name: str) -> bytes | None:
        """The file's bytes, None when there is no such file."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def load(self, name: str, build: Callable[[Any], _T]) -> _T | None:
        """Build a value from a JSON file; one that does not load is set aside, with a notice, and None answered."""
        raw = self.read(name)
        if raw is None:
            return None
        try:
            return build(json.loads(raw))
        except Exception as error:
            # Whatever is wrong with a file, among them moto's own errors, must not keep the sandbox from starting.
            self.set_aside(name, error)
            return None

    def set_aside(self, name: str, reason: Exception) -> None:
        """Rename a file that cannot be read, so that nothing is lost and the next start is clean."""
        damaged = f"{name}.damaged-{time.time_ns()}"
        (self.path / name).rename(self.path / damaged)
        notice = f"sandbox state {self.path / name} could not be read ({type(reason).__name__}: {reason}); "
        notice += f"it was set aside as {damaged}"
        self.notices.append(notice)
        print(notice, file=sys.stderr, flush=True)

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.path / name).unlink()

    def names(self, under: str) -> list[str]:
        """The files of a sub-folder, leftovers of unfinished writes removed."""
        place = self.path / under
        if not place.is_dir():
            return []
        for leftover in place.glob(".new-*"):
            leftover.unlink(missing_ok=True)
        return sorted(item.name for item in place.iterdir() if item.is_file())
