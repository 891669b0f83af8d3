"""A file of pairs that is open for editing, and how it stands on disk."""

from __future__ import annotations

import asyncio
import codecs
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.files import pairs
from tui.domain.files.document import Document, Encoding, Version
from tui.domain.files.formats import Record
from tui.domain.files.material import UTF_8
from tui.domain.files.pairs import Keys, PairFile, Shape
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.dataset.datasets import read_file
from tui.services.dataset.file_lock import FileLock, remove_abandoned
from tui.services.dataset.journal import Journal
from tui.services.saving import Fingerprint, Written, back_up, told, write_whole

PATIENCE = 2.0
"""Seconds that an edit waits for the journal before it goes on without one."""
_LARGE = 2_000_000
"""Bytes; a smaller file is read before a part of it would be shown."""
_BEGINNING = 1 << 17
"""Bytes that hold more records than a window shows."""
_FRAME_LASTS = 0.1
"""Seconds that a large file's records wait at most for the frame that shows the first of them."""
_TELLING = 60
"""Records from the first on; from fewer than these the layout of a file is guessed."""
_GRAIN = 2_000_000_000
"""Nanoseconds that a file has to be old before its times alone tell that nobody wrote it since."""


class WouldOverwrite(AppError):
    """Saving would overwrite what this app has not read: another program wrote the file, or has one of that name."""

    def __init__(self, title: str) -> None:
        super().__init__(Cause.CONFLICT, title, hint="Nothing was saved")


class NotInEncoding(AppError):
    """A file cannot be written, or would not be known again, in the encoding it was opened in."""

    def __init__(self, title: str, encoding: Encoding, index: int | None = None) -> None:
        super().__init__(Cause.FILE, title, hint="Nothing was saved")
        self.encoding = encoding
        """In which it can be written."""
        self.index = index
        """The first record that is in the way, if it is one."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The file on disk as this app last read or wrote it, and when."""

    fingerprint: Fingerprint
    content: str | PairFile
    """The hash of its bytes, or what was read of them: a large file is hashed behind its first rows."""
    at: int

    @property
    def sha256(self) -> str:
        """Of its bytes, as hexadecimal digits."""
        return self.content if isinstance(self.content, str) else self.content.sha256

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
        self.read_only = False
        """Whether the file on disk may not be written by this user."""
        self.outside = ""
        """What another program did to the file since it was read or written: `changed` or `gone`; mostly nothing."""
        self.unguarded = ""
        """Why edits are not in a journal, as one sentence; nothing when they are."""
        self.seen_outside: Fingerprint | None = None
        """The file on disk when it was last found to be changed."""
        # What `Documents` keeps of it.
        self.journal: Journal | None = None
        """The unsaved edits on disk; None while there are none."""
        self.lock: FileLock | None = None
        self.frame: Mapping[str, Any] = document.frame()
        """What stands around the records of the file on disk."""
        self.on_disk: Version = document.now
        self.pending: list[Mapping[str, Any]] = []
        """Journal entries of the edits that are not saved."""
        self.turn = asyncio.Lock()
        """Held while an action is carried out: one at a time."""
        self.saving = asyncio.Lock()

    @property
    def path(self) -> Path:
        """Where it is saved."""
        return self.document.now.path

    @property
    def name(self) -> str:
        """The file's own name, on one line."""
        return safe_line(self.path.name, 60)


def first_records(path: Path) -> PairFile | None:
    """What a large JSONL file begins with, to be shown while the rest of it is read.

    None for any other file, and for what cannot be read: whoever opens it tells why.
    """
    try:
        # Without O_NONBLOCK opening a FIFO would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            found = os.fstat(descriptor)
            large = stat.S_ISREG(found.st_mode) and found.st_size >= _LARGE
            begin = os.read(descriptor, _BEGINNING) if large else b""
        finally:
            os.close(descriptor)
        if not begin.startswith(b"{"):
            return None
        file = pairs.read(path, begin[: begin.rfind(b"\n") + 1])
    except (OSError, ValueError, AppError):
        return None
    return file if file.shape is Shape.JSONL and len(file) >= _TELLING else None


def read_document(path: Path, keys: Keys | None, begun: Callable[[PairFile], Event] | None = None) -> OpenDocument:
    """`begun` is told what a large file begins with; the event that it gives is set when that is painted."""
    begin = first_records(path) if begun is not None else None
    painted = begun(begin) if begun is not None and begin is not None else None
    raw, found = read_file(path)
    if painted is not None:
        painted.wait(_FRAME_LASTS)  # to look at what was read takes the interpreter, which the frame needs
    opened = opened_from(path, raw, None, keys, (Fingerprint.of(found), time.time_ns()))
    opened.read_only = not os.access(path, os.W_OK)
    return opened


def opened_from(
    path: Path, raw: bytes, disk: Disk | None, keys: Keys | None, at: tuple[Fingerprint, int] | None = None
) -> OpenDocument:
    file = pairs.read(path, raw, keys)
    if disk is None and at:
        disk = Disk(at[0], file if file.data is raw else hashlib.sha256(raw).hexdigest(), at[1])
    encoding = UTF_8 if file.data is raw else Encoding.of(raw)
    return OpenDocument(Document(file, encoding), disk, keys)


def fingerprint(path: Path) -> Fingerprint | None:
    try:
        return Fingerprint.of(os.stat(path))
    except OSError:  # gone, or not to be reached any more
        return None


def changed(opened: OpenDocument) -> bool:
    now = fingerprint(opened.path)
    if now is None:
        return False  # nothing there to be overwritten
    if opened.disk is None:
        return True
    if now == opened.disk.fingerprint and opened.disk.certain:
        return False
    at = time.time_ns()
    if sha256_of(opened.path) != opened.disk.sha256:
        return True
    opened.disk = Disk(now, opened.disk.content, at)
    return False


def outside(opened: OpenDocument) -> str:
    """What another program did to the file on disk: `changed`, `gone` or nothing. Cheap while nothing happens."""
    if opened.disk is None:
        return ""
    now = fingerprint(opened.path)
    if now is None:
        return "gone"
    if opened.outside == "changed" and now == opened.seen_outside:
        return "changed"
    opened.seen_outside = now
    return "changed" if changed(opened) else ""


def absolute(path: Path) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # the working folder is gone
        return str(path)


def same_place(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def sha256_of(path: Path) -> str:
    try:
        return hashlib.sha256(read_file(path)[0]).hexdigest()
    except AppError:
        return ""


def keys_for(opened: OpenDocument) -> Keys | None:
    """Keys without which the file on disk would be read otherwise than it was written: its own rows mislead.

    An edit may leave rows in which another delimiter, or a first row that names columns, is likelier.
    """
    written = opened.on_disk
    if not isinstance(written.layout, Keys) or not len(written):
        return None
    try:
        head = b"".join(written.of(range(min(len(written), _TELLING))).render(opened.document.encoding))
        found = pairs.read(opened.path, head).layout
    except AppError:
        return written.layout.plain
    same = isinstance(found, Keys) and found.plain == written.layout.plain
    return None if same else written.layout.plain


def holds_a_pair(version: Version) -> bool:
    """Whether any record can be read."""
    return any(isinstance(record, Record) for record in version)


def unicode_for(version: Version) -> Encoding:
    """In what a file goes that its own encoding cannot hold: UTF-8, in a table with the mark that Excel needs."""
    return Encoding(codecs.BOM_UTF8) if version.shape is Shape.TABLE else UTF_8


def known_again(version: Version, encoding: Encoding) -> bool:
    """Whether a file written so would be read so: what is left may be too little to tell the encoding by."""
    if not encoding.japanese:
        return True
    written = b"".join(version.render(encoding))
    return written.isascii() or Encoding.of(written) == encoding


def _must_fit(opened: OpenDocument, version: Version, encoding: Encoding) -> None:
    """Raises NotInEncoding."""
    if (found := version.foreign(encoding)) is not None:
        index, character = found
        what = f"“{safe_line(character, 4)}” of pair {index + 1:,}"
        title = f"{opened.name} is written in {encoding.title}, which has no {what}"
        raise NotInEncoding(title, unicode_for(version), index)
    if not known_again(version, encoding):
        title = f"{opened.name} would hold too little Japanese to be known as {encoding.title} again"
        raise NotInEncoding(title, unicode_for(version))


def write_document(
    opened: OpenDocument,
    version: Version,
    path: Path,
    backups: Path,
    encoding: Encoding,
    *,
    anyway: bool,
    elsewhere: bool,
) -> Written:
    """Write a version; `elsewhere` when `path` is another file.

    Raises AppError, NotInEncoding among them, and WouldOverwrite unless `anyway`.
    """
    _must_fit(opened, version, encoding)
    name, journal = safe_line(path.name, 60), opened.journal

    def pieces() -> Iterator[bytes]:
        return version.render(encoding)

    def look() -> Fingerprint | None:
        if elsewhere and not anyway and os.path.lexists(path):
            raise WouldOverwrite(f"{name} is there already")
        if not elsewhere and not anyway and changed(opened):
            raise WouldOverwrite(f"{opened.name} was changed on disk by another program")
        return fingerprint(path)

    def last(sha256: str) -> None:
        if fingerprint(path) != seen:
            raise WouldOverwrite(f"{opened.name} was changed on disk by another program")
        if journal is not None:
            # So that a crash right after it is not taken for unsaved edits; without it they are offered, no more.
            with suppress(OSError):
                journal.append({"saving": sha256}).result(PATIENCE)

    with told(name, pieces):  # a folder may have taken its place, or the backups have no room
        remove_abandoned(Path(os.path.realpath(path)).parent)
        seen = look()
        notes = [f"what was there is in {back_up(path, backups)}"] if anyway and path.exists() else []
        written = write_whole(path, pieces, backups=backups, last=last)
    return Written(written.fingerprint, written.sha256, "; ".join([*notes, *filter(None, [written.note])]))
