"""Pairs moved or copied from one open file to another, and how an open file differs from the disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tui.domain.dataset.pair_differences import Difference, differences
from tui.domain.errors import AppError, Cause
from tui.domain.files import pairs
from tui.domain.files.document import Document, Encoding, Step, Version
from tui.domain.files.pairs import Keys, UnclearKeys
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.dataset.datasets import read_file
from tui.services.dataset.open_document import OpenDocument, WouldOverwrite, known_again, same_place, unicode_for
from tui.services.saving import Fingerprint, Pieces, write_whole


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done to both files; `gone` is None for copies. `left_out` are fields without a place in the other."""

    arrived: Step
    gone: Step | None
    left_out: tuple[str, ...]


def without(version: Version, indices: Sequence[int], name: str, target: OpenDocument, document: Document) -> Step:
    """The step that takes records out which another file has now. Raises AppError when they may stand elsewhere."""
    if document.now is not version:
        raise AppError(
            Cause.CONFLICT, "The file was edited meanwhile", hint=f"The pairs are copied to {target.name}, not moved"
        )
    return replace(document.remove(indices), name=name, partner=str(target.path))


def write_new(path: Path, version: Version, encoding: Encoding) -> None:
    """A new file, whole or not at all. Raises AppError, WouldOverwrite among them."""
    if os.path.lexists(path):
        raise WouldOverwrite(f"{safe_line(path.name, 60)} is there already")
    write_whole(path, part_in(version, encoding))


def part_in(version: Version, encoding: Encoding) -> Pieces:
    """How a new file with some records of another is written: as that one, else in UTF-8 where it could not be read."""
    fits = version.foreign(encoding) is None and known_again(version, encoding)
    return partial(version.render, encoding if fits else unicode_for(version))


def candidates_of(opened: OpenDocument, keys: Keys | None) -> UnclearKeys | None:
    """The keys that may be chosen in a file, read with `keys`; None where its format names them."""
    try:
        file = opened.document.base if keys is None else pairs.read(opened.path, read_file(opened.path)[0], keys)
    except UnclearKeys as unclear:
        return unclear
    return pairs.candidates(file)


def same_of(among: Sequence[OpenDocument], path: Path) -> OpenDocument | None:
    """The open file that `path` leads to, by whatever name."""
    found = next((one for one in among if one.path == path or same_place(one.path, path)), None)
    try:
        at = Fingerprint.of(os.stat(path))
    except (OSError, ValueError):
        return found
    held = ((one, one.disk.fingerprint) for one in among if one.disk is not None)
    return found or next((one for one, f in held if (f.device, f.inode) == (at.device, at.inode)), None)


def differences_of(opened: OpenDocument) -> list[Difference]:
    """Pairs that are otherwise on disk than here. Raises AppError."""
    layout = opened.document.now.layout
    keys = layout.plain if isinstance(layout, Keys) else None
    here, there = opened.document.now, pairs.read(opened.path, read_file(opened.path)[0], keys)
    written = (
        [here.text(n).strip() for n in range(len(here))],
        [there.raw(n).decode().strip() for n in range(len(there))],
    )
    return differences(here, there, written)
