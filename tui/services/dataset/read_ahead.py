"""The bytes of a large file that the app is started for, read while Python imports the app."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

WORTHWHILE = 2_000_000
"""Bytes; a smaller file is read in less time than a thread takes."""
_MOST = 200_000_000
"""Bytes; a larger file may be no text at all, which its beginning tells before the rest is read."""


class ReadAhead:
    """One file, read once. Imports nothing, since it has to begin before everything else."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._found: os.stat_result | None = None
        self._data = b""

    def begin(self, path: Path) -> None:
        """Read a file on a thread, if it is a plain one and worth it; what goes wrong is left to who opens it."""
        self._thread = threading.Thread(target=self._read, args=(path,), name="read-ahead", daemon=True)
        self._thread.start()

    def take(self, found: os.stat_result) -> bytes | None:
        """The bytes of the file of which the system says `found`, unless another was read, or it was written since.

        Blocks while it is being read. They are given away once.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return None
        thread.join()
        before, self._found = self._found, None
        data, self._data = self._data, b""
        return data if before is not None and _mark(before) == _mark(found) else None

    def _read(self, path: Path) -> None:
        try:
            # Without O_NONBLOCK opening a FIFO would wait for a writer.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                found = os.fstat(descriptor)
                if stat.S_ISREG(found.st_mode) and WORTHWHILE <= found.st_size <= _MOST:
                    self._data = file.readall()
                    self._found = found
        except (OSError, ValueError):
            self._data = b""


def _mark(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


ahead = ReadAhead()
"""The app starts once, with one file in front."""
