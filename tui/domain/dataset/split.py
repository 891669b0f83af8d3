"""A file of pairs divided into train, validation and eval: sizes as asked, alike pairs on one side, lengths balanced.

The same seed and the same pairs give the same parts on every machine and Python version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from tui.domain.files.pairs import Role
from tui.domain.values import dataclass

STRATA = 10
CONTAINED_UP_TO = 10_000
"""Pairs up to which questions that stand inside others are looked for too: that takes four times as long."""
PARTS = (Role.TRAIN, Role.VALIDATION, Role.EVAL)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%|(0?\.[0-9]{1,8})")
_NUMBER = re.compile(r"[0-9]{1,9}")


def size_of(text: str, total: int) -> int:
    """Records for a part as typed: a number `32`, or a share of the total `20%` or `0.2`; nothing is 0.

    Raises ValueError, with what would be right.
    """
    text = text.strip().replace(",", "")
    if not text:
        return 0
    share = _SHARE.fullmatch(text)
    if share is not None:
        part = float(share[1]) / 100 if share[1] else float(share[2])
        found = round(total * part) if part <= 1 else total + 1  # of few pairs even more than all is rounded to them
    elif _NUMBER.fullmatch(text):
        found = int(text)
    else:
        raise ValueError("a number of pairs such as 32, or a share such as 20%")
    if found > total:
        raise ValueError(f"there are {total:,} pairs")
    return found


class Groups:
    """Records that have to stay together, found by joining two at a time (union-find)."""

    def __init__(self, records: int) -> None:
        self._parent = list(range(records))

    def find(self, index: int) -> int:
        """The record that stands for a record's group."""
        parent = self._parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        """The groups of two records become one."""
        a, b = sorted((self.find(one), self.find(other)))
        self._parent[b] = a

    def join_equal(self, keys: Iterable[str | None]) -> None:
        """Records with the same key belong together; None belongs to nothing."""
        first: dict[str, int] = {}
        for index, key in enumerate(keys):
            if key is not None:
                self.join(first.setdefault(key, index), index)

    def several(self) -> list[list[int]]:
        """The groups of more than one, each in the order of the file; the groups by their first record."""
        found: dict[int, list[int]] = {}
        for index in range(len(self._parent)):
            first = self.find(index)
            if first != index:
                found.setdefault(first, [first]).append(index)
        return [found[first] for first in sorted(found)]


class Together(StrEnum):
    """Which records have to be in one part."""

    ALIKE = "pairs with alike questions"
    EQUAL = "pairs with the same question"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Split:
    """The records of each part, in the order of the file, and how many were asked for."""

    parts: tuple[tuple[int, ...], ...]
    asked: tuple[int, ...]
    together: int
    """Records that stay with at least one other."""
    largest: int
    """Records of the largest group."""


def divided(groups: Sequence[Sequence[int]], lengths: Sequence[int], sizes: Sequence[int], seed: str) -> Split:
    """Divide records, each of one of the `lengths`; `sizes` adds up to them. The `groups` of several stay together.

    Groups of several go first, the largest ones before the others, each to the part that lacks most. What is single
    fills the parts up: ranked by length and dealt out evenly, by chance within strata of equal number. So a part has
    just the size asked for as long as no group is larger than what it lacks.
    """
    several = sorted(groups, key=lambda g: (-len(g), _chance(seed, g[0])))
    lacking = list(sizes)
    parts: list[list[int]] = [[] for _ in sizes]
    for group in several:
        fitting = [p for p in range(len(sizes)) if lacking[p] >= len(group)]
        part = max(fitting or range(len(sizes)), key=lambda p: (lacking[p] / max(1, sizes[p]), lacking[p]))
        parts[part] += group
        lacking[part] -= len(group)
    grouped = {index for group in several for index in group}
    single = [index for index in range(len(lengths)) if index not in grouped]
    for part, index in zip(_dealt(len(single), _bounded(lacking)), _mixed(single, lengths, seed), strict=True):
        parts[part].append(index)
    together = sum(map(len, several))
    return Split(
        tuple(tuple(sorted(part)) for part in parts), tuple(sizes), together, max(map(len, several), default=1)
    )


def _bounded(lacking: Sequence[int]) -> list[int]:
    """What single records have to fill up, where a group has overfilled a part: the others lack as much less."""
    left = [max(0, n) for n in lacking]
    for _ in range(sum(left) - sum(lacking)):
        left[max(range(len(left)), key=lambda p: left[p])] -= 1
    return left


def _mixed(single: Sequence[int], lengths: Sequence[int], seed: str) -> list[int]:
    """Records by strata of length, in an order by chance within each."""
    chances = {index: _chance(seed, index) for index in single}
    ranked = sorted(single, key=lambda i: (lengths[i] << 64) | chances[i])
    found = []
    for number in range(STRATA):
        stratum = ranked[len(ranked) * number // STRATA : len(ranked) * (number + 1) // STRATA]
        found += sorted(stratum, key=chances.__getitem__)
    return found


def _dealt(total: int, quotas: Sequence[int]) -> Iterable[int]:
    """The part that each of `total` places goes to: after any number of places every part has its share of them.

    Each place goes to the part whose next one is due soonest, as in scheduling by earliest deadline.
    """
    given = [0] * len(quotas)
    for place in range(1, total + 1):
        # Part p may take its next record from place given/quota on, and should have it by (given + 1)/quota.
        open_to = [p for p, quota in enumerate(quotas) if given[p] * total < place * quota]
        part = min(open_to, key=lambda p: ((given[p] + 1) / quotas[p], p))
        given[part] += 1
        yield part


def _chance(seed: str, index: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}/{index}".encode("utf-8", "replace"), digest_size=8).digest())
