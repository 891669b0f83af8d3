"""Edits that a crash left in a journal, put together with the file they were made in."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.files.pairs import Keys
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.dataset.datasets import read_file
from tui.services.dataset.journal import Left, base_of
from tui.services.dataset.open_document import Disk, OpenDocument, opened_from
from tui.services.saving import Fingerprint


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a journal: the document with its edits, and whether they had to go to a new file."""

    opened: OpenDocument
    actions: int
    apart: bool


def replayed(left: Left) -> tuple[Recovered, Mapping[str, Any]]:
    header, frame = left.header, left.header["frame"]
    keys = Keys.of(header["keys"]) if header["keys"] else None
    disk, raw = _disk(left.file)
    apart = disk is None or disk.sha256 != header["base"]
    if apart:
        raw = _kept(left)
    opened = opened_from(left.file, raw, disk, keys)
    try:
        opened.document.begin_replay(frame)
        opened.on_disk = opened.document.now
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
