"""Editable files of pairs: opened, edited with a journal, saved, and put together again after a crash."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui.domain import pairs
from tui.domain.document import Document, Encoding, Step, Version
from tui.domain.errors import AppError, Cause
from tui.domain.pairs import Keys
from tui.domain.text import safe_line
from tui.services.datasets import read_file
from tui.services.journal import Journal, Journals, Left, alive, base_of, locked, whoami
from tui.services.paths import make_private
from tui.services.pool import DaemonPool
from tui.services.saving import Fingerprint, Written, back_up, write_whole

_PATIENCE = 2.0
"""Seconds that an edit waits for the journal before it goes on without one."""
_MANY = 500
"""Places in one action from which on its journal entry is made on a thread."""
_GRAIN = 2_000_000_000
"""Nanoseconds that a file has to be old before its times alone tell that nobody wrote it since."""


class WouldOverwrite(AppError):
    """Saving would overwrite what this app has not read: another program wrote the file, or has one of that name."""

    def __init__(self, title: str) -> None:
        super().__init__(Cause.CONFLICT, title, hint="Nothing was saved")


@dataclass(frozen=True, slots=True)
class Disk:
    """The file on disk as this app last read or wrote it, and when."""

    fingerprint: Fingerprint
    sha256: str
    at: int

    @property
    def certain(self) -> bool:
        """Whether equal times are proof enough: the last change was not just before the look."""
        return self.at - max(self.fingerprint.modified, self.fingerprint.changed) > _GRAIN


class OpenDocument:
    """A document, the file it came from, and its journal."""

    def __init__(self, document: Document, disk: Disk | None, keys: Keys | None) -> None:
        self.document = document
        self.disk = disk
        self.keys = keys
        self.holder = ""
        """Who else has the file open; nothing when it is ours."""
        self.unguarded = ""
        """Why edits are not in a journal, as one sentence; nothing when they are."""
        self._journal: Journal | None = None
        self._lock: FileLock | None = None
        self._frame: Mapping[str, Any] = document.frame()
        self._on_disk: Version = document.now
        self._pending: list[Mapping[str, Any]] = []
        self._turn = asyncio.Lock()
        self._saving = asyncio.Lock()

    @property
    def path(self) -> Path:
        """Where it is saved."""
        return self.document.now.path

    @property
    def name(self) -> str:
        """The file's own name, on one line."""
        return safe_line(self.path.name, 60)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a journal: the document with its edits, and whether they had to go to a new file."""

    opened: OpenDocument
    actions: int
    apart: bool


class Documents:
    """All editable files of this session; the disk is touched on threads only."""

    def __init__(self, pool: DaemonPool, state: Path) -> None:
        self._pool = pool
        self._state = state
        self._journals = Journals(state / "recovery")

    async def open(
        self, path: Path, keys: Keys | None = None, *, instead_of: OpenDocument | None = None
    ) -> OpenDocument:
        """A file for editing. Raises AppError, UnclearKeys among them; then `instead_of` stays, else it is closed."""
        opened = await self._pool.run(_read, path, keys)
        if instead_of is not None:
            await self.close(instead_of)
        await self._pool.run(self._take, opened)
        return opened

    # Editing

    async def do(self, opened: OpenDocument, make: Callable[[Document], Step]) -> Step:
        """Carry out the action that `make` makes of the document; it is in the journal before this returns.

        Raises AppError when another process has the file, and what `make` raises.
        """
        async with opened._turn:
            await self._must_be_ours(opened)
            step = make(opened.document)
            if step.splices:
                await self._tell(opened, step)
                opened.document.do(step)
                self._settle(opened)
        return step

    async def undo(self, opened: OpenDocument) -> Step | None:
        """Take back the last action; the step that did it, None when there is nothing."""
        async with opened._turn:
            step = opened.document.next_undo
            if step is not None:
                await self._tell(opened, step)
                opened.document.undo()
                self._settle(opened)
        return step

    async def redo(self, opened: OpenDocument) -> Step | None:
        """Carry out again what was taken back; None when there is nothing."""
        async with opened._turn:
            step = opened.document.next_redo
            if step is not None:
                await self._tell(opened, step)
                opened.document.redo()
                self._settle(opened)
        return step

    async def _tell(self, opened: OpenDocument, step: Step) -> None:
        large = len(step.splices) > _MANY
        entry = await self._pool.run(opened.document.entry, step) if large else opened.document.entry(step)
        opened._pending.append(entry)
        if opened.unguarded:
            return
        if opened._journal is None:
            opened._journal = self._begin(opened, [entry])
            written = opened._journal.begun
        else:
            written = opened._journal.append(entry)
        await self._wait_for(opened, written)

    async def _wait_for(self, opened: OpenDocument, written: Future[None]) -> None:
        try:
            await asyncio.wait_for(asyncio.shield(_result(written)), _PATIENCE)
        except OSError as error:  # TimeoutError is one
            reason = safe_line(error.strerror or "the disk does not answer", 120)
            opened.unguarded = f"Unsaved edits of {opened.name} would not survive a crash: {reason}"

    def _settle(self, opened: OpenDocument) -> None:
        """What is as it is on disk needs no journal."""
        if not opened.document.dirty:
            opened._pending, opened.unguarded = [], ""
            self._remove_journal(opened)

    def _remove_journal(self, opened: OpenDocument) -> None:
        if opened._journal is not None:
            opened._journal.remove()
            opened._journal = None

    def _begin(self, opened: OpenDocument, entries: list[Mapping[str, Any]]) -> Journal:
        version, encoding, keys = opened._on_disk, opened.document.encoding, opened.keys
        header = {
            "path": _absolute(opened.path),
            "base": opened.disk.sha256 if opened.disk else "",
            "keys": [keys.question, keys.answer, keys.system] if keys else None,
            "frame": opened._frame,
            "at": time.time(),
        }
        return self._journals.begin(header, lambda: version.render(encoding), entries)

    # Saving

    async def save(self, opened: OpenDocument, path: Path | None = None, *, anyway: bool = False) -> str:
        """Save, here or elsewhere; a note on how, mostly empty.

        Raises WouldOverwrite when the file is not as it was opened, or another place is taken, unless `anyway`; then
        what is there is backed up first. Raises AppError when it cannot be written; then the old file and the edits
        are as they were.
        """
        async with opened._saving:
            return await self._save(opened, path, anyway=anyway)

    async def _save(self, opened: OpenDocument, path: Path | None, *, anyway: bool) -> str:
        version, frame = opened.document.now, opened.document.frame()
        if not len(version):
            raise AppError(
                Cause.FILE, f"{opened.name} would hold no pairs", hint="Nothing was saved; u brings them back"
            )
        elsewhere = path is not None and not await self._pool.run(_same_place, path, opened.path)
        opened._pending, before = [], opened._pending
        try:
            written = await self._pool.run(
                self._write, opened, version, path or opened.path, anyway=anyway, elsewhere=elsewhere
            )
        except BaseException:
            opened._pending = before + opened._pending
            raise
        opened.disk = Disk(written.fingerprint, written.sha256, time.time_ns())
        opened.document.saved(version, path if elsewhere else None)
        opened._on_disk, opened._frame = version, frame
        await self._renew(opened)
        if elsewhere:
            await self._pool.run(self._take, opened)
        return written.note

    async def _renew(self, opened: OpenDocument) -> None:
        """The journal begins anew, with the edits made while the file was being written."""
        async with opened._turn:
            old, opened._journal, opened.unguarded = opened._journal, None, ""
            if opened._pending and opened.document.dirty:
                opened._journal = self._begin(opened, list(opened._pending))
                await self._wait_for(opened, opened._journal.begun)
            if old is not None:
                old.remove()

    def _write(self, opened: OpenDocument, version: Version, path: Path, *, anyway: bool, elsewhere: bool) -> Written:
        backups = self._state / "backups"
        remove_abandoned(Path(os.path.realpath(path)).parent)

        journal = opened._journal

        def look() -> Fingerprint | None:
            if elsewhere and not anyway and os.path.lexists(path):
                raise WouldOverwrite(f"{safe_line(path.name, 60)} is there already")
            if not elsewhere and not anyway and _changed(opened):
                raise WouldOverwrite(f"{opened.name} was changed on disk by another program")
            return _fingerprint(path)

        def last(sha256: str) -> None:
            if _fingerprint(path) != seen:
                raise WouldOverwrite(f"{opened.name} was changed on disk by another program")
            if journal is not None:
                # So that a crash right after it is not taken for unsaved edits; without it they are offered, no more.
                with suppress(OSError):
                    journal.append({"saving": sha256}).result(_PATIENCE)

        seen = look()
        notes = []
        if anyway and Path(path).exists():
            notes.append(f"what was there is in {back_up(path, backups)}")
        encoding = opened.document.encoding
        written = write_whole(path, lambda: version.render(encoding), backups=backups, last=last)
        return Written(written.fingerprint, written.sha256, "; ".join([*notes, *filter(None, [written.note])]))

    async def close(self, opened: OpenDocument) -> None:
        """Give the file up, with what is unsaved of it."""
        self._remove_journal(opened)
        if opened._lock is not None:
            opened._lock.release()

    # One editor at a time

    def _take(self, opened: OpenDocument) -> None:
        if opened._lock is not None:
            opened._lock.release()
        opened._lock = FileLock(self._journals.folder, opened.path)
        opened.holder = opened._lock.take()

    async def _must_be_ours(self, opened: OpenDocument) -> None:
        if opened.holder:
            await self._pool.run(self._take, opened)
        if opened.holder:
            hint = "Edit it there, or close it there first"
            raise AppError(Cause.CONFLICT, f"{opened.name} is open elsewhere ({opened.holder})", hint=hint)

    # After a crash

    async def left_behind(self) -> list[Left]:
        """Journals of processes that are gone, whose edits are not on disk."""
        return await self._pool.run(self._unsettled)

    def _unsettled(self) -> list[Left]:
        found = []
        for left in self._journals.left_behind():
            last = left.entries[-1]
            if "saving" in last and _sha256_of(left.file) == last["saving"]:
                left.discard()  # the crash came between saving and tidying up
            else:
                found.append(left)
        return found

    async def recover(self, left: Left) -> Recovered:
        """The file with the edits of a journal; as a new file when it was changed since. Raises AppError."""
        recovered, frame = await self._pool.run(_replayed, left)
        opened = recovered.opened
        opened._frame = frame
        entries = [e for e in left.entries if "splices" in e]
        await self._pool.run(self._take, opened)
        if opened.document.dirty:
            opened._pending = list(entries)
            opened._journal = self._begin(opened, entries)
            await self._wait_for(opened, opened._journal.begun)
            if opened.unguarded:
                left.let_go()  # the old journal has them still
                return recovered
        await self._pool.run(left.discard)
        return recovered

    async def discard(self, left: Left) -> None:
        """Give up the edits of a journal."""
        await self._pool.run(left.discard)


def _result(written: Future[None]) -> asyncio.Future[None]:
    """To be awaited; given up, its outcome is dropped."""
    result = asyncio.wrap_future(written)
    result.add_done_callback(lambda f: f.cancelled() or f.exception())
    return result


def _read(path: Path, keys: Keys | None) -> OpenDocument:
    raw, found = read_file(path)
    return _opened(path, raw, None, keys, (Fingerprint.of(found), time.time_ns()))


def _opened(
    path: Path, raw: bytes, disk: Disk | None, keys: Keys | None, at: tuple[Fingerprint, int] | None = None
) -> OpenDocument:
    file = pairs.read(path, raw, keys)
    if disk is None and at:
        disk = Disk(at[0], file.sha256 if file.data is raw else hashlib.sha256(raw).hexdigest(), at[1])
    return OpenDocument(Document(file, Encoding.of(raw)), disk, keys)


def _fingerprint(path: Path) -> Fingerprint | None:
    try:
        return Fingerprint.of(os.stat(path))
    except FileNotFoundError:
        return None


def _changed(opened: OpenDocument) -> bool:
    now = _fingerprint(opened.path)
    if now is None:
        return False  # nothing there to be overwritten
    if opened.disk is None:
        return True
    if now == opened.disk.fingerprint and opened.disk.certain:
        return False
    at = time.time_ns()
    if _sha256_of(opened.path) != opened.disk.sha256:
        return True
    opened.disk = Disk(now, opened.disk.sha256, at)
    return False


def _absolute(path: Path) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # the working folder is gone
        return str(path)


def _same_place(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _sha256_of(path: Path) -> str:
    try:
        return hashlib.sha256(read_file(path)[0]).hexdigest()
    except AppError:
        return ""


def _replayed(left: Left) -> tuple[Recovered, Mapping[str, Any]]:
    header, frame = left.header, left.header["frame"]
    keys = Keys(*header["keys"]) if header["keys"] else None
    disk, raw = _disk(left.file)
    apart = disk is None or disk.sha256 != header["base"]
    if apart:
        raw = _kept(left)
    opened = _opened(left.file, raw, disk, keys)
    try:
        opened.document.begin_replay(frame)
        opened._on_disk = opened.document.now
        for entry in left.entries:
            if "splices" in entry:
                opened.document.replay(entry)
    except (KeyError, TypeError, ValueError) as error:
        raise AppError(
            Cause.FILE, f"The edits of {opened.name} do not fit the file", safe_line(str(error), 120), "Choose later"
        ) from None
    if apart:
        opened.disk = None
        opened.document.unsaved(_new_name(left.file))
    return Recovered(opened, left.actions, apart), frame


def _disk(path: Path) -> tuple[Disk | None, bytes]:
    try:
        raw, found = read_file(path)
    except AppError:
        return None, b""
    return Disk(Fingerprint.of(found), hashlib.sha256(raw).hexdigest(), time.time_ns()), raw


def _kept(left: Left) -> bytes:
    """The file as it was when the journal began. Raises AppError."""
    name = safe_line(left.file.name, 60)
    with suppress(OSError):
        raw = base_of(left.path).read_bytes()
        if hashlib.sha256(raw).hexdigest() == left.header["base"] or not left.header["base"]:
            return raw
    raise AppError(
        Cause.FILE,
        f"{name} was changed since, and no copy of it as it was is whole",
        hint="Its edits stay in the journal",
    )


def _new_name(path: Path) -> Path:
    """A name beside `path` that is not taken."""
    if not path.exists():
        return path
    number = 1
    while True:
        found = path.with_name(f"{path.stem}.recovered{'' if number == 1 else number}{path.suffix}")
        if not found.exists():
            return found
        number += 1


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
