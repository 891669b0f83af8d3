"""One editor at a time: locks on files, and what killed saves have left beside them."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from tui.domain.text import safe_line
from tui.services.dataset.journal import locked
from tui.services.paths import make_private
from tui.services.process_identity import alive, whoami


def remove_abandoned(folder: Path) -> None:
    """Remove what saves that were killed have left in a folder."""
    for path in folder.glob(".tanzaku-*-*.tmp"):
        pid = path.name.split("-")[1]
        if pid.isdecimal() and not alive({**whoami(), "pid": int(pid)}):
            with suppress(OSError):
                path.unlink()


class FileLock:
    """Says that this process edits a file. The system gives it back when the process ends, however it ends.

    A file with hard links is known by its place on disk too, so that it is the same under every name.
    """

    def __init__(self, folder: Path, file: Path) -> None:
        names = [os.fsencode(os.path.realpath(file))]
        with suppress(OSError, ValueError):
            found = os.stat(file)
            if found.st_nlink > 1:
                names.append(f"{found.st_dev}:{found.st_ino}".encode())
        self._paths = [folder / f"{hashlib.sha256(name).hexdigest()[:32]}.lock" for name in names]
        self._descriptors: list[int] = []

    def take(self) -> str:
        """Nothing when the file is ours now, else who has it. Where no locks can be made, everybody has it."""
        for path in self._paths:
            holder = self._take(path)
            if holder:
                self.release()
                return holder
        return ""

    def _take(self, path: Path) -> str:
        try:
            make_private(path.parent)
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError:
            return ""
        holder = _held(descriptor)
        if holder:
            os.close(descriptor)
        else:
            self._descriptors.append(descriptor)
        return holder

    def release(self) -> None:
        """Somebody else may edit the file."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def _held(descriptor: int) -> str:
    try:
        header = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
    except ValueError:
        header = {}
    try:
        ours = locked(descriptor)
    except OSError:
        ours = not alive(header)
    if not ours:
        where = (
            "" if header.get("host") in (None, whoami()["host"]) else f" on {safe_line(str(header.get('host')), 40)}"
        )
        return f"process {safe_line(str(header.get('pid', '?')), 12)}{where}"
    with suppress(OSError):  # on a full disk the lock is as good, it only cannot say whose it is
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(whoami()).encode(), 0)
    return ""
