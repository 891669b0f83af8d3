"""Local metrics files that are still being written: what tells that they have changed, and their runs read anew."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from tui.domain.loss.losses import Curves
from tui.domain.values import dataclass
from tui.services.loss.losses import local_runs, metrics_files

Marks = tuple[tuple[int, int] | None, ...]
"""When each place was changed (in ns) and its size; None for one that is not there."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Paths as they were given, the places that tell of changes, and how those were at the last look.

    `keys` are the names that the runs had; nobody here cares what they are.
    """

    paths: tuple[Path, ...]
    asked_epochs: int | None
    places: tuple[Path, ...]
    marks: Marks
    keys: tuple[str, ...] = ()


def follow(paths: Sequence[Path], asked_epochs: int | None = None) -> Followed | None:
    """What to look at for changes; None for a pipe, which can be read once only. Blocks; raises AppError."""
    files = [path for given in paths for path in metrics_files(given)]
    # A folder changes when a file comes or goes.
    places = tuple(dict.fromkeys([*files, *(p.parent for p in files), *(p for p in paths if p.is_dir())]))
    if any(stat.S_ISFIFO(path.stat().st_mode) for path in files if path.exists()):
        return None
    return Followed(tuple(paths), asked_epochs, places, _marks(places))


def changed(one: Followed) -> bool:
    """Whether something has changed since. Blocks."""
    return _marks(one.places) != one.marks


def read_again(one: Followed) -> list[Curves]:
    """The curves as they are now. Blocks; raises AppError."""
    return local_runs(one.paths, one.asked_epochs)


def _marks(places: Sequence[Path]) -> Marks:
    found: list[tuple[int, int] | None] = []
    for place in places:
        try:
            at = place.stat()
        except OSError:
            found.append(None)
        else:
            found.append((at.st_mtime_ns, at.st_size))
    return tuple(found)
