"""One editor at a time: locks on files, and what killed saves have left beside them."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from tui.domain.text import safe_line
from tui.services.journal import alive, locked, whoami
from tui.services.paths import make_private


def remove_abandoned(folder: Path) -> None:
    """Remove what saves that were killed have left in a folder."""
    for path in folder.glob(".tanzaku-*-*.tmp"):
        pid = path.name.split("-")[1]
        if pid.isdecimal() and not alive({**whoami(), "pid": int(pid)}):
            with suppress(OSError):
                path.unlink()


class FileLock:
    """Says that this process edits a file. The system gives it back when the process ends, however it ends."""

    def __init__(self, folder: Path, file: Path) -> None:
        digest = hashlib.sha256(os.fsencode(os.path.realpath(file))).hexdigest()
        self._path = folder / f"{digest[:32]}.lock"
        self._descriptor = -1

    def take(self) -> str:
        """Nothing when the file is ours now, else who has it. Where no locks can be made, everybody has it."""
        try:
            make_private(self._path.parent)
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError:
            return ""
        try:
            return self._held(descriptor)
        finally:
            if self._descriptor != descriptor:
                os.close(descriptor)

    def _held(self, descriptor: int) -> str:
        try:
            header = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
        except ValueError:
            header = {}
        try:
            ours = locked(descriptor)
        except OSError:
            ours = not alive(header)
        if not ours:
            where = "" if header.get("host") == whoami()["host"] else f" on {safe_line(str(header.get('host')), 40)}"
            return f"process {safe_line(str(header.get('pid', '?')), 12)}{where}"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(whoami()).encode(), 0)
        self._descriptor = descriptor
        return ""

    def release(self) -> None:
        """Somebody else may edit the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
