"""Editable files of pairs: opened, edited with a journal, saved, and put together again after a crash."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.domain.errors import AppError, Cause
from tui.domain.files.document import Document, Encoding, Step
from tui.domain.files.pairs import Keys, PairFile, UnclearKeys
from tui.domain.text import count, safe_line
from tui.services.dataset.file_lock import FileLock
from tui.services.dataset.journal import Journal, Journals, Left
from tui.services.dataset.open_document import (
    PATIENCE,
    Disk,
    NotInEncoding,
    OpenDocument,
    WouldOverwrite,
    absolute,
    holds_a_pair,
    keys_for,
    outside,
    read_document,
    same_place,
    sha256_of,
    write_document,
)
from tui.services.pool import DaemonPool

if TYPE_CHECKING:
    from tui.domain.dataset.pair_differences import Difference
    from tui.services.dataset.moving import Moved
    from tui.services.dataset.recovery import Recovered

__all__ = ["Documents", "NotInEncoding", "OpenDocument", "WouldOverwrite"]

_MANY = 500
"""Places in one action from which on its journal entry is made on a thread."""

_HASHED_AFTER = 0.5
"""Seconds from opening a file on until its hash is made ready."""


class Documents:
    """All editable files of this session; the disk is touched on threads only."""

    def __init__(self, pool: DaemonPool, state: Path) -> None:
        self._pool = pool
        self._state = state
        self._journals = Journals(state / "recovery")

    async def open(
        self,
        path: Path,
        keys: Keys | None = None,
        *,
        instead_of: OpenDocument | None = None,
        begun: Callable[[PairFile, Callable[[], None]], object] | None = None,
    ) -> OpenDocument:
        """A file for editing. Raises AppError, UnclearKeys among them; then `instead_of` stays, else it is closed.

        `begun` is told at once what a large file begins with, and then calls when that is painted.
        """
        loop = asyncio.get_running_loop()

        def tell(file: PairFile) -> threading.Event:
            assert begun is not None
            painted = threading.Event()
            loop.call_soon_threadsafe(begun, file, painted.set)
            return painted

        opened = await self._pool.run(read_document, path, keys, tell if begun else None)
        if instead_of is not None:
            await self.close(instead_of)
        await self._pool.run(self._take, opened)
        # A little later: a large file's takes a processor while its first rows are painted.
        loop.call_later(_HASHED_AFTER, self._pool.submit, partial(_hash, opened))
        return opened

    async def look(self, opened: OpenDocument) -> bool:
        """Whether something new is known of what other programs did to the file; `outside` tells what it is."""
        if opened.saving.locked():
            return False
        disk, found = opened.disk, await self._pool.run(outside, opened)
        if opened.saving.locked() or (opened.disk is not disk and found):
            return False  # what was found is older than what was written meanwhile
        news, opened.outside = found != opened.outside, found
        return news

    async def differences(self, opened: OpenDocument) -> list[Difference]:
        """Pairs that are otherwise in the file on disk than here, told from here to there. Raises AppError."""
        from tui.services.dataset.moving import differences_of

        return await self._pool.run(differences_of, opened)

    async def candidates(self, opened: OpenDocument, keys: Keys | None = None) -> UnclearKeys | None:
        """The keys that may be chosen in a file, read with `keys`; None where its format names them."""
        from tui.services.dataset.moving import candidates_of

        return await self._pool.run(candidates_of, opened, keys)

    async def same(self, among: Sequence[OpenDocument], path: Path) -> OpenDocument | None:
        """The open file that `path` leads to: by its name, a symbolic or a hard link."""
        from tui.services.dataset.moving import same_of

        return await self._pool.run(same_of, among, path)

    # Editing

    async def do(self, opened: OpenDocument, make: Callable[[Document], Step]) -> Step:
        """Carry out the action that `make` makes of the document; it is in the journal before this returns.

        Raises AppError when another process has the file, and what `make` raises.
        """
        async with opened.turn:
            await self._must_be_ours(opened)
            step = make(opened.document)
            if step.splices:
                await self._tell(opened, step)
                opened.document.do(step)
                self._settle(opened)
        return step

    async def do_apart(self, opened: OpenDocument, make: Callable[[Document], Step]) -> Step:
        """`do` for an action that changes so much that making it takes long: on a thread, one after the other."""
        async with opened.turn:
            await self._must_be_ours(opened)
            step = await self._pool.run(make, opened.document)
            if step.splices:
                await self._tell(opened, step)
                await self._pool.run(opened.document.do, step)
                self._settle(opened)
        return step

    async def undo(self, opened: OpenDocument) -> Step | None:
        """Take back the last action; the step that did it, None when there is nothing."""
        async with opened.turn:
            step = await self._pool.run(lambda: opened.document.next_undo)
            if step is not None:
                # After a crash it is carried out as an action like the others, and can itself be undone.
                await self._tell(opened, replace(step, name=f"undo of {step.name}"))
                await self._pool.run(opened.document.undo)
                self._settle(opened)
        return step

    async def redo(self, opened: OpenDocument) -> Step | None:
        """Carry out again what was taken back; None when there is nothing."""
        async with opened.turn:
            step = await self._pool.run(lambda: opened.document.next_redo)
            if step is not None:
                await self._tell(opened, step)
                await self._pool.run(opened.document.redo)
                self._settle(opened)
        return step

    async def _tell(self, opened: OpenDocument, step: Step) -> None:
        large = len(step.splices) > _MANY
        entry = await self._pool.run(opened.document.entry, step) if large else opened.document.entry(step)
        opened.pending.append(entry)
        if opened.unguarded:
            return
        if opened.journal is None:
            opened.journal = self._begin(opened, [entry])
            written = opened.journal.begun
        else:
            written = opened.journal.append(entry)
        await self._wait_for(opened, written)

    async def _wait_for(self, opened: OpenDocument, written: Future[None]) -> None:
        try:
            await asyncio.wait_for(asyncio.shield(_result(written)), PATIENCE)
        except OSError as error:  # TimeoutError is one
            reason = safe_line(error.strerror or "the disk does not answer", 120)
            opened.unguarded = f"Unsaved edits of {opened.name} would not survive a crash: {reason}"

    def _settle(self, opened: OpenDocument) -> None:
        """What is as it is on disk needs no journal."""
        if not opened.document.dirty:
            opened.pending, opened.unguarded = [], ""
            self._remove_journal(opened)

    def _remove_journal(self, opened: OpenDocument) -> None:
        if opened.journal is not None:
            opened.journal.remove()
            opened.journal = None

    def _begin(self, opened: OpenDocument, entries: list[Mapping[str, Any]]) -> Journal:
        version, encoding, keys = opened.on_disk, opened.document.encoding, opened.keys
        header = {
            "path": absolute(opened.path),
            "base": opened.disk.sha256 if opened.disk else "",
            "keys": keys.noted if keys else None,
            "frame": opened.frame,
            "at": time.time(),
        }
        return self._journals.begin(header, lambda: version.render(encoding), entries)

    # Between files

    async def carry(self, source: OpenDocument, indices: Sequence[int], target: OpenDocument, *, keep: bool) -> Moved:
        """Put records at the end of another file, and unless `keep` is set, take them out of their own.

        The other file has them, and its journal, before they go: after a crash they may stand in both, never in none.
        Raises AppError and FormatError; then nothing has been taken away.
        """
        from tui.domain.files.moving import carried
        from tui.services.dataset.moving import Moved, without

        await self._must_be_ours(source)
        version, pairs_ = source.document.now, count(len(indices), "pair")
        found = await self._pool.run(carried, version, sorted(indices), target.document)
        what = f"{'copy' if keep else 'arrival'} of {pairs_} from {source.name}"
        do = self.do_apart if len(indices) > _MANY else self.do
        arrived = await do(target, lambda d: d.insert(len(d.now), found.texts, what, "" if keep else str(source.path)))
        if keep:
            return Moved(arrived, None, found.left_out)
        if target.unguarded:
            raise AppError(Cause.FILE, f"{pairs_} copied, not moved", target.unguarded, f"Save {target.name} first")
        gone = await do(source, partial(without, version, indices, f"move of {pairs_} to {target.name}", target))
        return Moved(arrived, gone, found.left_out)

    async def carry_to_new(
        self, source: OpenDocument, indices: Sequence[int], path: Path, *, keep: bool
    ) -> tuple[OpenDocument, Step | None]:
        """The same into a new file, written as that one is: on disk and open, and the step that took them out.

        Raises AppError; then nothing has been taken away, and the new file may be there.
        """
        from tui.services.dataset.moving import without, write_new

        await self._must_be_ours(source)
        version = source.document.now
        await self._pool.run(write_new, path, version.of(sorted(indices)), source.document.encoding)
        made = await self.open(path, version.layout.plain if isinstance(version.layout, Keys) else None)
        if keep:
            return made, None
        what = f"move of {count(len(indices), 'pair')} to {made.name}"
        try:
            return made, await self.do(source, partial(without, version, indices, what, made))
        except AppError:
            await self.close(made)
            raise

    # Saving

    async def save(
        self, opened: OpenDocument, path: Path | None = None, *, anyway: bool = False, encoding: Encoding | None = None
    ) -> str:
        """Save, here or elsewhere, in the encoding it was opened in or another; a note on how, mostly empty.

        Raises WouldOverwrite when the file is not as it was opened, or another place is taken, unless `anyway`; then
        what is there is backed up first. Raises NotInEncoding when the encoding has no character for what was
        written, and AppError when it cannot be saved; then the old file and the edits are as they were.
        """
        async with opened.saving:
            return await self._save(opened, path, encoding or opened.document.encoding, anyway=anyway)

    async def _save(self, opened: OpenDocument, path: Path | None, encoding: Encoding, *, anyway: bool) -> str:
        version, frame = opened.document.now, opened.document.frame()
        if not await self._pool.run(holds_a_pair, version):
            # A file of broken records alone could not be opened again.
            why = "what is left cannot be read as pairs" if len(version) else ""
            hint = "Nothing was saved; u brings them back"
            raise AppError(Cause.FILE, f"{opened.name} would hold no pairs", why, hint)
        elsewhere = path is not None and not await self._pool.run(same_place, path, opened.path)
        opened.pending, before = [], opened.pending
        write = partial(write_document, anyway=anyway, elsewhere=elsewhere)
        try:
            backups = self._state / "backups"
            written = await self._pool.run(write, opened, version, path or opened.path, backups, encoding)
        except BaseException:
            opened.pending = before + opened.pending
            raise
        opened.disk = Disk(written.fingerprint, written.sha256, time.time_ns())
        opened.document.encoding = encoding
        opened.document.saved(version, path if elsewhere else None)
        opened.outside, opened.read_only = "", False
        opened.on_disk, opened.frame = version, frame
        opened.keys = await self._pool.run(keys_for, opened) or opened.keys
        await self._renew(opened)
        if elsewhere:
            await self._pool.run(self._take, opened)
        return written.note

    async def _renew(self, opened: OpenDocument) -> None:
        """The journal begins anew, with the edits made while the file was being written."""
        async with opened.turn:
            old, opened.journal, opened.unguarded = opened.journal, None, ""
            if opened.pending and opened.document.dirty:
                opened.journal = self._begin(opened, list(opened.pending))
                await self._wait_for(opened, opened.journal.begun)
            if old is not None:
                old.remove()

    async def close(self, opened: OpenDocument) -> None:
        """Give the file up, with what is unsaved of it."""
        self._remove_journal(opened)
        if opened.lock is not None:
            opened.lock.release()

    # One editor at a time

    def _take(self, opened: OpenDocument) -> None:
        if opened.lock is not None:
            opened.lock.release()
        opened.lock = FileLock(self._journals.folder, opened.path)
        opened.holder = opened.lock.take()

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
            if "saving" in last and sha256_of(left.file) == last["saving"]:
                left.discard()  # the crash came between saving and tidying up
            else:
                found.append(left)
        return found

    async def recover(self, left: Left) -> Recovered:
        """The file with the edits of a journal; as a new file when it was changed since. Raises AppError."""
        from tui.services.dataset.recovery import replayed

        recovered, frame = await self._pool.run(replayed, left)
        opened = recovered.opened
        opened.frame = frame
        entries = [e for e in left.entries if "splices" in e]
        await self._pool.run(self._take, opened)
        if opened.document.dirty:
            opened.pending = list(entries)
            opened.journal = self._begin(opened, entries)
            await self._wait_for(opened, opened.journal.begun)
            if opened.unguarded:
                left.let_go()  # the old journal has them still
                return recovered
        await self._pool.run(left.discard)
        return recovered

    async def discard(self, left: Left) -> None:
        """Give up the edits of a journal."""
        await self._pool.run(left.discard)


def _hash(opened: OpenDocument) -> None:
    """Have the file's hash ready: the first edit writes it down, and should not wait for it."""
    _ = opened.disk and opened.disk.sha256


def _result(written: Future[None]) -> asyncio.Future[None]:
    """To be awaited; given up, its outcome is dropped."""
    result = asyncio.wrap_future(written)
    result.add_done_callback(lambda f: f.cancelled() or f.exception())
    return result
