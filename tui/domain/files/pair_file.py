"""A file of pairs as it was read: its records, parsed one by one when asked for; and what any such file offers."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tui.domain.files.formats import Record
from tui.domain.files.layouts import Layout
from tui.domain.files.records import Damaged, read_record

_CACHED_RECORDS = 512


class Role(StrEnum):
    """What a file of pairs is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    EVAL = "eval"


class Shape(StrEnum):
    """How the records stand in the file."""

    JSON_LIST = "JSON list"
    JSONL = "JSONL"
    TABLE = "table"


class Pairs(Protocol):
    """What can be read of a file of pairs, edited or not."""

    @property
    def path(self) -> Path: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def blank_lines(self) -> tuple[int, ...]: ...
    @property
    def size(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Record | Damaged: ...
    def __iter__(self) -> Iterator[Record | Damaged]: ...
    def line(self, index: int) -> int: ...
    def read(self, index: int) -> Record | Damaged: ...
    def bodies(self, start: int, stop: int) -> list[bytes]: ...
    def stretch(self, start: int, stop: int) -> bytes: ...


class PairFile(Sequence[Record | Damaged]):
    """The records of one file, parsed when asked for. Never changes."""

    def __init__(
        self,
        path: Path,
        data: bytes,
        spans: array[int],
        shape: Shape,
        layout: Layout,
        blank_lines: tuple[int, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.shape = shape
        self.layout = layout
        self.blank_lines = blank_lines
        self.notes = notes
        self._data = data
        self._spans = spans
        self._cache: OrderedDict[int, Record | Damaged] = OrderedDict()
        self._line_starts: array[int] | None = None
        self.line_end = b"\r" if shape is Shape.TABLE and b"\n" not in data and b"\r" in data else b"\n"
        """What ends a line: that of old Macs where there is no other."""
        self.unclosed: tuple[int, ...] = ()
        """Rows of a table in which a quote is opened that nothing closes."""

    def __len__(self) -> int:
        return len(self._spans) // 2

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        cached = self._cache.get(index)
        if cached is None:
            cached = self._cache[index] = self._parse(index)
            if len(self._cache) > _CACHED_RECORDS:
                self._cache.popitem(last=False)
        return cached

    def __iter__(self) -> Iterator[Record | Damaged]:
        return (self._parse(index) for index in range(len(self)))

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._data)

    @cached_property
    def sha256(self) -> str:
        """Of `data`, as hexadecimal digits; not needed to show the file, and long in coming for a large one."""
        return hashlib.sha256(self._data).hexdigest()

    @property
    def data(self) -> bytes:
        """The file's text as UTF-8 without byte order mark."""
        return self._data

    @property
    def spans(self) -> array[int]:
        """Where in `data` each record begins and ends, one after the other."""
        return self._spans

    def span(self, index: int) -> tuple[int, int]:
        """Where in `data` the record begins and ends; on a line of JSONL with its outer blanks."""
        return self._spans[2 * index], self._spans[2 * index + 1]

    def raw(self, index: int) -> bytes:
        """The record's own bytes."""
        return self._data[self._spans[2 * index] : self._spans[2 * index + 1]]

    def read(self, index: int) -> Record | Damaged:
        """The record, past the cache, which belongs to the thread that shows the file."""
        return self._parse(index)

    def bodies(self, start: int, stop: int) -> list[bytes]:
        """The bytes of the records from `start` up to `stop`."""
        data, spans = self._data, self._spans[2 * start : 2 * stop]
        return [data[a:b] for a, b in zip(spans[::2], spans[1::2], strict=True)]

    def stretch(self, start: int, stop: int) -> bytes:
        """The bytes from the record at `start` up to that before `stop`, with what stands between them."""
        return self._data[self._spans[2 * start] : self._spans[2 * stop - 1]]

    def line(self, index: int) -> int:
        """The line, from 1, on which the record begins."""
        if self._line_starts is None:
            # Whole before it is seen: checks ask on a thread of their own.
            starts = array("Q", [0])
            starts.extend(m.end() for m in re.finditer(self.line_end, self._data))
            self._line_starts = starts
        return bisect_right(self._line_starts, self._spans[2 * index])

    def _parse(self, index: int) -> Record | Damaged:
        return read_record(self.raw(index), self.layout)


def guess_role(path: Path) -> Role:
    """The role that the file's name or folder suggests; train when it suggests none."""
    name = unicodedata.normalize("NFKC", path.stem).casefold()
    words = re.split(r"[\W\d_]+", name)
    if "検証" in name or any(word in ("val", "dev") or word.startswith("valid") for word in words):
        return Role.VALIDATION
    if any(word in name for word in ("評価", "テスト")) or path.parent.name == "eval":
        return Role.EVAL
    if any(word.startswith(("label", "eval", "test")) for word in words):
        return Role.EVAL
    return Role.TRAIN
