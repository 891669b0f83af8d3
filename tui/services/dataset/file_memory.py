"""What is remembered of files of pairs: which were opened, which keys were chosen, which system prompt."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.files.pairs import Keys, Role
from tui.domain.folders import Entry, Recent
from tui.domain.text import safe_line
from tui.services.pool import DaemonPool
from tui.services.store import Store, Tables

_TABLES = (
    "CREATE TABLE IF NOT EXISTS recent_files (path TEXT PRIMARY KEY, role TEXT NOT NULL, at TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS chosen_keys (what TEXT PRIMARY KEY, keys TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS file_systems (path TEXT PRIMARY KEY, system TEXT NOT NULL)",
)
_KEPT = 40
"""Files that are remembered as opened before, the newest."""
_BYTES = "bytes:"
"""Before the name of a file that is no text: no two of them are to be taken for one another."""


class FileMemory:
    """Recent files and chosen keys. Every method raises AppError (cause FILE) when the disk refuses."""

    def __init__(self, store: Store, pool: DaemonPool, *, now: Now = utc_now) -> None:
        self._tables = Tables(store, *_TABLES)
        self._pool = pool
        self._now = now

    async def opened(self, path: Path, role: Role) -> None:
        """A file was opened, or is for something else now."""
        await self._pool.run(self._opened, path, role)

    async def recent(self) -> list[Recent]:
        """The files opened last, newest first, also those that are gone."""
        return await self._pool.run(self._recent)

    async def role(self, path: Path) -> Role | None:
        """What a file was for the last time."""
        return await self._pool.run(self._role, path)

    async def keys(self, path: Path, candidates: Sequence[str] = ()) -> Keys | None:
        """The keys chosen for this file; with `candidates`, for any file with the same ones."""
        return await self._pool.run(self._keys, _shape(candidates) if candidates else _absolute(path))

    async def choose(self, path: Path, keys: Keys, candidates: Sequence[str] = ()) -> None:
        """Keep the keys chosen for a file, and for files like it: those with the same `candidates`, if any."""
        await self._pool.run(self._choose, path, keys, candidates)

    async def system(self, path: Path) -> str | None:
        """The system prompt set for this file alone."""
        return await self._pool.run(self._system, path)

    async def set_system(self, paths: Sequence[Path], system: str | None) -> None:
        """Keep the system prompt of files; None when they go with the one for all."""
        await self._pool.run(self._set_system, paths, system)

    async def folder(self, folder: Path) -> list[Entry]:
        """What is in a folder: folders first, by name. Raises AppError."""
        return await self._pool.run(_entries, folder)

    def _opened(self, path: Path, role: Role) -> None:
        row = (_absolute(path), role.value, self._now().isoformat())
        self._tables.write("INSERT OR REPLACE INTO recent_files VALUES (?,?,?)", row)
        self._tables.write(
            "DELETE FROM recent_files WHERE path NOT IN (SELECT path FROM recent_files ORDER BY at DESC LIMIT ?)",
            (_KEPT,),
        )

    def _recent(self) -> list[Recent]:
        rows = self._tables.read("SELECT path, role, at FROM recent_files ORDER BY at DESC, rowid DESC")
        return [
            Recent(path, role, datetime.fromisoformat(at), os.path.exists(path))
            for path, role, at in ((_path_of(kept), role, at) for kept, role, at in rows)
        ]

    def _role(self, path: Path) -> Role | None:
        rows = self._tables.read("SELECT role FROM recent_files WHERE path=?", (_absolute(path),))
        return next((Role(row[0]) for row in rows if row[0] in list(Role)), None)

    def _keys(self, what: str) -> Keys | None:
        rows = self._tables.read("SELECT keys FROM chosen_keys WHERE what=?", (what,))
        return Keys.of(json.loads(rows[0][0])) if rows else None

    def _choose(self, path: Path, keys: Keys, candidates: Sequence[str]) -> None:
        for what in (_absolute(path), *([_shape(candidates)] if candidates else [])):
            self._tables.write("INSERT OR REPLACE INTO chosen_keys VALUES (?,?)", (what, json.dumps(keys.noted)))

    def _system(self, path: Path) -> str | None:
        rows = self._tables.read("SELECT system FROM file_systems WHERE path=?", (_absolute(path),))
        return next((str(row[0]) for row in rows), None)

    def _set_system(self, paths: Sequence[Path], system: str | None) -> None:
        for path in map(_absolute, paths):
            if system is None:
                self._tables.write("DELETE FROM file_systems WHERE path=?", (path,))
            else:
                self._tables.write("INSERT OR REPLACE INTO file_systems VALUES (?,?)", (path, system))


def _absolute(path: Path) -> str:
    try:
        text = os.path.abspath(path)
    except OSError:  # the working folder is gone
        text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _BYTES + text.encode("utf-8", "surrogatepass").hex()
    return text


def _path_of(kept: str) -> Path:
    if not kept.startswith(_BYTES):
        return Path(kept)
    return Path(bytes.fromhex(kept.removeprefix(_BYTES)).decode("utf-8", "surrogatepass"))


def _shape(candidates: Sequence[str]) -> str:
    """Names files by their keys, in any order; never an absolute path."""
    return "keys:" + hashlib.sha256(json.dumps(sorted(candidates)).encode()).hexdigest()


def _entries(folder: Path) -> list[Entry]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.append(_entry(entry))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AppError(Cause.FILE, f"{safe_line(str(folder), 80)} cannot be listed", safe_line(reason, 80)) from None
    return sorted(found, key=lambda e: (not e.folder, e.name.casefold(), e.name))


def _entry(entry: os.DirEntry[str]) -> Entry:
    try:
        found = entry.stat()
        return Entry(entry.name, entry.is_dir(), found.st_size, datetime.fromtimestamp(found.st_mtime))
    except (OSError, ValueError, OverflowError):  # a link to nowhere, or a time before all times
        return Entry(entry.name, False)
