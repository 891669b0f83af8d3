"""Files and folders to choose from, and a path that is typed in part."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder. Bytes and time of the last change are None where they cannot be known."""

    name: str
    folder: bool
    size: int | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """A file that was opened before: where, as what, when, and whether it is there still."""

    path: Path
    role: str
    at: datetime
    there: bool


def split(typed: str) -> tuple[str, str]:
    """The folder of a path that is being typed, as it is typed, and the beginning of a name in it."""
    cut = typed.rfind("/") + 1
    return typed[:cut], typed[cut:]


def restarted(typed: str) -> str:
    """What is meant by a path that was typed behind another one: `/home/x//tmp/y` is `/tmp/y`, `/home/x/~/y` `~/y`."""
    root, home = typed.rfind("//"), typed.rfind("/~/")
    return typed[max(root, home) + 1 :] if max(root, home) >= 0 else typed


def folder_of(typed: str) -> Path:
    """The folder that is meant; the working folder when none is typed."""
    return Path(os.path.expanduser(split(typed)[0]) or ".")


def typed_path(text: str) -> Path:
    """A path as somebody typed it; a home folder that nobody has stays as it is written."""
    return Path(os.path.expanduser(text.strip()))


def matching(entries: Sequence[Entry], beginning: str) -> list[Entry]:
    """Entries whose name begins so, then those that hold it, ignoring case; hidden ones when a dot asks for them."""
    wanted = beginning.casefold()
    shown = [e for e in entries if beginning.startswith(".") or not e.name.startswith(".")]
    first = [e for e in shown if e.name.casefold().startswith(wanted)]
    return first + [e for e in shown if wanted in e.name.casefold() and e not in first] if wanted else first


def completed(typed: str, entries: Sequence[Entry]) -> str:
    """`typed` as far as every name that begins so agrees; a folder that is the only one ends with a slash."""
    folder, beginning = split(typed)
    found = [e for e in matching(entries, beginning) if e.name.casefold().startswith(beginning.casefold())]
    if not found:
        return typed
    if len(found) == 1:
        return folder + found[0].name + ("/" if found[0].folder else "")
    least, greatest = min(e.name for e in found), max(e.name for e in found)
    agreed = next((n for n, (a, b) in enumerate(zip(least, greatest, strict=False)) if a != b), len(least))
    return folder + least[:agreed] if agreed > len(beginning) else typed
