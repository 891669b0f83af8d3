"""Files replaced whole or not at all, with what belongs to them: mode, owner, attributes, links."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tui.domain.errors import AppError, Cause
from tui.domain.text import human_size, safe_line
from tui.domain.values import dataclass
from tui.services.paths import make_private

_KEPT_BACKUPS = 10
"""Of all files together, the newest."""
_PIECE = 1 << 22
"""Bytes copied at a time."""
Pieces = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What changes when a file is written by whatever program: device, inode, bytes, times in ns."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Fingerprint:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it was left on disk. `note` says when it was not replaced but written over, and why."""

    fingerprint: Fingerprint
    sha256: str
    note: str = ""


class NotWritten(AppError):
    """The system or the file's mode is in the way; elsewhere it might be written."""

    def __init__(self, title: str, detail: str = "") -> None:
        super().__init__(Cause.FILE, title, detail, "Nothing was changed; choose another place")


class _InPlace(Exception):
    """Replacing would lose something that belongs to the file."""


def write_whole(
    path: Path, pieces: Pieces, *, backups: Path | None = None, last: Callable[[str], None] = lambda _: None
) -> Written:
    """Write a file so that readers see the old or the new content, never a part. Raises AppError.

    A temporary file in the same folder is written, synced and renamed; mode, owner, attributes and symbolic link are
    kept. Where that cannot be (hard links, another owner, a folder that takes no new file), the file is copied to
    `backups` and written over; without `backups` it is refused. `last` is called with the new content's SHA-256
    before that counts, and may raise.
    """
    name = safe_line(path.name, 60)
    with told(name, pieces):
        target = Path(os.path.realpath(path))
        old = target.stat() if target.exists() else None
        if old is not None and not (stat.S_ISREG(old.st_mode) and os.access(target, os.W_OK)):
            what = "is read-only" if stat.S_ISREG(old.st_mode) else "is not a plain file"
            raise NotWritten(f"{name} {what}")
        try:
            written = _replace(target, pieces, old, last, strict=backups is not None)
        except _InPlace as reason:
            if backups is None or old is None:
                raise OSError(errno.EACCES, str(reason)) from None
            return _write_over(target, pieces, backups, last, str(reason))
    _confirm(target.parent, name)
    return written


@contextmanager
def told(name: str, pieces: Pieces) -> Iterator[None]:
    """What the system refuses while a file is being written, as an AppError."""
    try:
        yield
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        full = number in (errno.ENOSPC, errno.EDQUOT)
        needed = f"; {human_size(sum(map(len, pieces())))} are needed" if full else ""
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise NotWritten(f"{name} cannot be written", f"{safe_line(reason, 120)}{needed}") from None


def _replace(
    target: Path, pieces: Pieces, old: os.stat_result | None, last: Callable[[str], None], *, strict: bool
) -> Written:
    if strict and old is not None and old.st_nlink > 1:
        raise _InPlace("it has hard links")
    partial = target.with_name(f".tanzaku-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        # A new file gets its mode from the umask, which the system alone can apply without a race between threads.
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if old else 0o666)
    except OSError as error:
        if strict and error.errno in (errno.EACCES, errno.EPERM):
            raise _InPlace("its folder takes no new file") from None
        raise
    try:
        try:
            sha256 = _write(descriptor, pieces())
            if old is not None:
                _keep_what_belongs(descriptor, target, old, strict=strict)
            os.fsync(descriptor)
            fingerprint = Fingerprint.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        last(sha256)
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    # The renaming has changed the time of change.
    return Written(_after_rename(target, fingerprint), sha256)


def _after_rename(target: Path, before: Fingerprint) -> Fingerprint:
    try:
        return Fingerprint.of(target.stat())
    except OSError:
        return before


def _write(descriptor: int, pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        write_all(descriptor, piece)
    return digest.hexdigest()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however little the system takes at once. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _keep_what_belongs(descriptor: int, target: Path, old: os.stat_result, *, strict: bool) -> None:
    new = os.fstat(descriptor)
    if strict and (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError:
            raise _InPlace("its owner cannot be kept otherwise") from None
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    if strict and hasattr(os, "listxattr"):
        _keep_attributes(descriptor, target)


def _keep_attributes(descriptor: int, target: Path) -> None:
    try:
        names = [n for n in os.listxattr(target) if not n.startswith("security.")]
    except OSError:  # a file system without them
        return
    for name in names:
        try:
            os.setxattr(descriptor, name, os.getxattr(target, name))
        except OSError:
            raise _InPlace("its attributes cannot be kept otherwise") from None


def _write_over(target: Path, pieces: Pieces, backups: Path, last: Callable[[str], None], reason: str) -> Written:
    backup = back_up(target, backups)
    digest = hashlib.sha256()
    for piece in pieces():
        digest.update(piece)
    last(digest.hexdigest())
    descriptor = os.open(target, os.O_RDWR)
    try:
        try:
            _fill(descriptor, pieces())
        except OSError:
            _fill(descriptor, pieces_of(backup))
            raise
        fingerprint = Fingerprint.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    note = f"written over in place, since {reason}; as it was before it is in {backup}"
    return Written(fingerprint, digest.hexdigest(), note)


def _fill(descriptor: int, pieces: Iterable[bytes]) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    size = 0
    for piece in pieces:
        write_all(descriptor, piece)
        size += len(piece)
    os.ftruncate(descriptor, size)
    os.fsync(descriptor)


def pieces_of(path: Path) -> Iterator[bytes]:
    """The content of a file. Raises OSError."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def back_up(target: Path, backups: Path) -> Path:
    """A copy of a file for this user alone, synced; the oldest beyond ten go. Raises OSError."""
    make_private(backups)
    copy = backups / f"{time.time_ns()}-{os.urandom(2).hex()}.bak"
    descriptor = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        try:
            _write(descriptor, pieces_of(target))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    for old in sorted(backups.glob("*.bak"))[:-_KEPT_BACKUPS]:
        old.unlink(missing_ok=True)
    return copy


def sync_folder(folder: Path) -> None:
    """What was made or renamed in a folder is there after a power cut, too. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _confirm(folder: Path, name: str) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        reason = safe_line(error.strerror or str(error), 120)
        raise AppError(Cause.FILE, f"{name} is written, but the disk has not confirmed it", reason) from None
