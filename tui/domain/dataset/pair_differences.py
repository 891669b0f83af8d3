"""What tells two versions of a file of pairs apart, pair by pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum

from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Pairs
from tui.domain.values import dataclass


class Kind(StrEnum):
    """What became of a pair on the way from the first to the second version."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


@dataclass(frozen=True, slots=True)
class Difference:
    """One pair that is not the same. Places count from 0 and are None where there is none."""

    kind: Kind
    first: int | None
    second: int | None
    before: str
    after: str

    @property
    def place(self) -> int:
        """Where it stands, in the second version if it is there."""
        return self.second if self.second is not None else self.first or 0


def differences(
    first: Pairs, second: Pairs, written: tuple[Sequence[str], Sequence[str]] | None = None
) -> list[Difference]:
    """Pairs added, removed and changed from one version to the other, in the order of the second.

    A pair counts as changed when its question, or else its answer, stands in both. What only moved is the same. Grows
    with the number of pairs, not with its square. Of records that are `written` alike none has to be read.
    """
    left, right = _unmatched(*written) if written else (list(range(len(first))), list(range(len(second))))
    before, after = {n: plain(first[n]) for n in left}, {n: plain(second[n]) for n in right}
    old, new = _unmatched([before[n] for n in left], [after[n] for n in right])
    left, right = [left[n] for n in old], [right[n] for n in new]
    found = []
    for part in (0, 1):
        pairs = _partners(first, second, left, right, part)
        found += [Difference(Kind.CHANGED, a, b, before[a], after[b]) for a, b in pairs]
        olds, news = {a for a, _ in pairs}, {b for _, b in pairs}
        left, right = [a for a in left if a not in olds], [b for b in right if b not in news]
    found += [Difference(Kind.REMOVED, a, None, before[a], "") for a in left]
    found += [Difference(Kind.ADDED, None, b, "", after[b]) for b in right]
    return sorted(found, key=lambda d: (d.place, d.kind is Kind.ADDED))


def _unmatched(before: Sequence[str], after: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of the texts that the other side does not have, however often they occur."""
    places: dict[str, list[int]] = defaultdict(list)
    for index in reversed(range(len(after))):
        places[after[index]].append(index)
    taken, left = set(), []
    for index, text in enumerate(before):
        if places[text]:
            taken.add(places[text].pop())
        else:
            left.append(index)
    return left, [index for index in range(len(after)) if index not in taken]


def _partners(
    first: Pairs, second: Pairs, left: Sequence[int], right: Sequence[int], part: int
) -> list[tuple[int, int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for index in reversed(right):
        key = _key(second[index], part)
        if key:
            places[key].append(index)
    return [(a, places[key].pop()) for a in left if (key := _key(first[a], part)) and places.get(key)]


def _key(record: Record | Damaged, part: int) -> str:
    if isinstance(record, Damaged):
        return ""
    return record.answer if part else record.question


def plain(record: Record | Damaged) -> str:
    """A record as readable text, the same for the same texts."""
    if isinstance(record, Damaged):
        return f"cannot be read: {record.reason}\n{record.raw}"
    turns = zip("QA", record.turns, strict=False) if record.is_pair else ((t.role, t) for t in record.turns)
    system = f"system  {record.system}\n" if record.system else ""
    return system + "\n".join(f"{name}  {turn.text}" for name, turn in turns)
