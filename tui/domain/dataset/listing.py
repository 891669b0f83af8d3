"""Which records a list shows, and in what order."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tui.domain.dataset.filter import estimate
from tui.domain.dataset.folding import fold
from tui.domain.files.bulk_texts import Texts, batches
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Pairs
from tui.domain.values import dataclass

if TYPE_CHECKING:
    from tui.domain.files.document import Step

_COMPARED = 80
"""Characters of a text that decide its place; as many are kept for each record while a list is sorted."""
_RUN = 4096
"""Records sorted in one go, without letting other threads in between: some milliseconds."""


class By(StrEnum):
    """What a list can be sorted by, named as its columns are."""

    NUMBER = "number"
    QUESTION = "question"
    ANSWER = "answer"
    TOKENS = "tokens"
    PROBLEMS = "problems"


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list; that of the file by default."""

    by: By = By.NUMBER
    descending: bool = False

    def __bool__(self) -> bool:
        return self != _OF_FILE


_OF_FILE = Order()


class Listing:
    """The records that are shown, from the first row to the last; never changes."""

    def __init__(self, rows: array[int] | None = None, order: Order = _OF_FILE) -> None:
        self.rows = rows
        """The index of the record in each row; None for the whole file in its own order."""
        self.order = order

    def count(self, total: int) -> int:
        """Rows, of a file with `total` records."""
        return total if self.rows is None else len(self.rows)

    def index(self, row: int) -> int:
        """The record in a row."""
        return row if self.rows is None else self.rows[row]

    def row(self, index: int) -> int | None:
        """Where a record is shown, if it is."""
        if self.rows is None:
            return index
        if self.order:
            return self._places.get(index)
        row = bisect_left(self.rows, index)
        return row if row < len(self.rows) and self.rows[row] == index else None

    @cached_property
    def _places(self) -> dict[int, int]:
        return {index: row for row, index in enumerate(self.rows or ())}

    def ready(self) -> Listing:
        """Itself, with everything made that `row` needs: for a thread that has the time."""
        if self.order:
            _ = self._places
        return self

    def moved(self, step: Step) -> Listing:
        """The same list after a step: what stays keeps its place, what is new stands behind what it follows."""
        if self.rows is None or not step.splices:
            return self
        if all(len(s.removed) == len(s.inserted) for s in step.splices):
            return self
        if not self.order:
            return Listing(array("q", step.moved(self.rows)))
        return Listing(array("q", _moved(self.rows, step)), self.order)


def _moved(rows: Sequence[int], step: Step) -> Iterator[int]:
    """Rows in any order after a step."""
    total = max(rows, default=-1) + 1
    now = array("q", [-1]) * total
    for index, place in zip(*kept(step, range(total)), strict=True):
        now[index] = place
    behind: dict[int, list[int]] = {}
    offset = 0
    for splice in step.splices:
        same = min(len(splice.removed), len(splice.inserted))
        new = range(splice.at + offset + same, splice.at + offset + len(splice.inserted))
        behind.setdefault(max(splice.at - 1, 0), []).extend(new)
        offset += len(splice.inserted) - len(splice.removed)
    for index in rows:
        if now[index] >= 0:
            yield now[index]
        yield from behind.pop(index, ())
    for rest in behind.values():
        yield from rest


def kept(step: Step, indices: Sequence[int]) -> tuple[list[int], list[int]]:
    """Of the records at `indices`, ascending, those that a step leaves or writes anew, and where they stand then."""
    before: list[int] = []
    after: list[int] = []
    offset = at = 0
    for splice in step.splices:
        end = splice.at + len(splice.removed)
        while at < len(indices) and indices[at] < end:
            index = indices[at]
            if index < splice.at + min(len(splice.removed), len(splice.inserted)):
                before.append(index)
                after.append(index + offset)
            at += 1
        offset += len(splice.inserted) - len(splice.removed)
    before += indices[at:]
    after += [index + offset for index in indices[at:]]
    return before, after


Key = str | int


def keys(pairs: Pairs, by: By, severity: Callable[[int], int]) -> Iterator[list[Key]]:
    """What the records are sorted by, batch by batch. `severity` tells how bad a record's worst problem is."""
    for start, batch in batches(pairs):
        if by is By.PROBLEMS:
            yield [-severity(index) for index in range(start, start + len(batch))]
        elif by is By.TOKENS:
            yield [_tokens(pairs, index, texts) for index, texts in enumerate(batch, start)]
        elif by is By.NUMBER:
            yield list(range(start, start + len(batch)))
        else:
            yield [_text(pairs, index, texts, by) for index, texts in enumerate(batch, start)]


def _tokens(pairs: Pairs, index: int, texts: Texts | None) -> int:
    if texts is not None:
        return estimate(texts)
    record = pairs.read(index)
    return record.estimate() if isinstance(record, Record) else 0


def _text(pairs: Pairs, index: int, texts: Texts | None, by: By) -> str:
    if texts is not None:
        question, answer, _ = texts
    else:
        record = pairs.read(index)
        if not isinstance(record, Record):
            return ""
        question, answer = record.question, record.answer
    return fold((question if by is By.QUESTION else answer)[:_COMPARED].strip())


def in_order(indices: Sequence[int], keys: Sequence[Key], *, descending: bool) -> Iterator[Sequence[int]]:
    """The indices in the order of their keys, equal ones as they came; in pieces of a few milliseconds' work."""
    key: Callable[[int], Any] = keys.__getitem__
    runs: list[Iterable[int]] = []
    for start in range(0, len(indices), _RUN):
        runs.append(sorted(indices[start : start + _RUN], key=key, reverse=descending))
        yield ()
    held: list[int] = []
    for index in heapq.merge(*runs, key=key, reverse=descending):
        held.append(index)
        if len(held) == _RUN:
            yield held
            held = []
    yield held
