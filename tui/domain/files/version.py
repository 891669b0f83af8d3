"""What a document holds at one moment, record by record and as the bytes of a file."""

from __future__ import annotations

import codecs
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tui.domain.files.formats import Record
from tui.domain.files.material import PIECE, Encoding, Material
from tui.domain.files.pairs import Damaged, Shape
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class _Run:
    """Records that follow one another: `count` of the file from `number`, or the one made record `number`."""

    at: int
    number: int
    count: int
    line: int


class Version:
    """What a document holds at one moment; never changes. Reads like a `PairFile`."""

    def __init__(self, material: Material, numbers: array[int] | None, path: Path) -> None:
        """`numbers` are those of its records; without them it holds the file as it was opened."""
        self.material = material
        self._numbers = numbers
        self.path = path
        self.shape = material.base.shape
        self.layout = material.base.layout
        self.notes = material.base.notes

    @property
    def numbers(self) -> array[int]:
        """What the material calls its records, in their order."""
        return self.material.order if self._numbers is None else self._numbers

    def number(self, index: int) -> int:
        """What the material calls one of them. The first rows are shown before a large file's numbers are made."""
        return index if self._numbers is None else self._numbers[index]

    def of(self, indices: Sequence[int]) -> Version:
        """Some of the records, in a file like this one."""
        return Version(self.material, array("q", (self.numbers[index] for index in indices)), self.path)

    def __len__(self) -> int:
        return len(self.material.base if self._numbers is None else self._numbers)

    def __getitem__(self, index: int) -> Record | Damaged:
        return self.material.record(self.number(range(len(self))[index]))

    def __iter__(self) -> Iterator[Record | Damaged]:
        return (self.read(index) for index in range(len(self.numbers)))

    def read(self, index: int) -> Record | Damaged:
        """The record, past the cache, which belongs to the thread that shows the file."""
        number = self.number(index)
        return self.material.base.read(number) if number >= 0 else self.material.made(number).record

    def bodies(self, start: int, stop: int) -> list[bytes]:
        """The bytes of the records from `start` up to `stop`; on a line of JSONL with its outer blanks."""
        raw, made = self.material.base.raw, self.material.made
        return [raw(number) if number >= 0 else made(number).body for number in self.numbers[start:stop]]

    def stretch(self, start: int, stop: int) -> bytes:
        """The bytes of the records from `start` up to `stop`, with what stands between them or something like it."""
        numbers, order = self.numbers[start:stop], self.material.order
        first = numbers[0]
        # As arrays, each number would become an object first.
        if first >= 0 and numbers.tobytes() == order[first : first + len(numbers)].tobytes():
            return self.material.base.stretch(first, first + len(numbers))
        return b"\n".join(self.bodies(start, stop))

    def written_here(self) -> frozenset[int]:
        """The records that were written since the file was opened."""
        return frozenset(index for index, number in enumerate(self.numbers) if number < 0)

    def text(self, index: int) -> str:
        """A record as JSON text."""
        return self.material.body(self.number(index)).decode("utf-8")

    def line(self, index: int) -> int:
        """The line, from 1, on which the record begins."""
        runs = self._runs
        run = runs[0] if len(runs) == 1 else runs[bisect_right(runs, index, key=lambda r: r.at) - 1]
        if run.number < 0:
            return run.line
        base = self.material.base
        return run.line + base.line(run.number + index - run.at) - base.line(run.number)

    @cached_property
    def size(self) -> int:
        """Bytes as UTF-8 without byte order mark."""
        total = len(self.material.head) + len(self.material.tail)
        for at, number, length in number_runs(self.numbers):
            start, end = (0, len(self.material.made(number).body)) if number < 0 else self._extent(number, length)
            total += end - start + (len(self._joint(number)) if at else 0)
        return total

    @cached_property
    def blank_lines(self) -> tuple[int, ...]:
        """Blank lines of JSONL, from 1."""
        if self.shape is not Shape.JSONL:
            return ()
        found = list(range(1, self.material.head.count(b"\n") + 1))
        for before, run in zip([None, *self._runs], self._runs, strict=False):
            if before is not None:
                found += range(run.line - self._joint(run.number).count(b"\n") + 1, run.line)
            if run.number >= 0:
                base, last = self.material.base, run.number + run.count - 1
                first, end = base.line(run.number), base.line(last)
                inside = base.blank_lines[bisect_right(base.blank_lines, first) : bisect_right(base.blank_lines, end)]
                found += (n - first + run.line for n in inside)
        return tuple(found + self._blank_after())

    def _blank_after(self) -> list[int]:
        base = self.material.base
        end = base.line(len(base) - 1)
        return [n - end + self.line(len(self) - 1) for n in base.blank_lines if n > end] if len(self) else []

    @cached_property
    def _runs(self) -> list[_Run]:
        """Runs with the line each begins on."""
        found: list[_Run] = []
        end = self.material.base.line_end
        line = 1 + self.material.head.count(end)
        for at, number, length in number_runs(self.numbers):
            run = _Run(at, number, length, 0)
            line += self._joint(number).count(end) if at else 0
            found.append(_Run(at, number, length, line))
            line += self._count_lines(run)
        return found

    def _count_lines(self, run: _Run) -> int:
        if run.number < 0:
            return self.material.made(run.number).body.count(self.material.base.line_end)
        base, last = self.material.base, run.number + run.count - 1
        return base.line(last) - base.line(run.number) + base.data.count(base.line_end, *self.material.span(last))

    def _extent(self, number: int, length: int) -> tuple[int, int]:
        return self.material.span(number)[0], self.material.span(number + length - 1)[1]

    def _joint(self, number: int) -> bytes:
        """What stands between the record that begins a run and the one before it."""
        lead = self.material.lead(number)
        return self.material.gap if lead is None else lead

    def _pieces(self) -> Iterator[bytes]:
        material = self.material
        yield material.head
        for at, number, length in number_runs(self.numbers):
            if at:
                yield self._joint(number)
            if number < 0:
                yield material.made(number).body
                continue
            start, end = self._extent(number, length)
            for at in range(start, end, PIECE):
                yield material.base.data[at : min(end, at + PIECE)]
        yield material.tail

    def foreign(self, encoding: Encoding) -> tuple[int, str] | None:
        """The first record that cannot be written in an encoding, and the character for which; what was read can."""
        texts = ((index, self.text(index)) for index, number in enumerate(self.numbers) if number < 0)
        found = ((index, encoding.foreign(text)) for index, text in texts) if encoding.japanese else ()
        return next(((index, character) for index, character in found if character), None)

    def render(self, encoding: Encoding) -> Iterator[bytes]:
        """The bytes of the file, in large pieces; records that were not edited as they were."""
        if encoding.mark:
            yield encoding.mark
        if encoding.codec == "utf-8":
            yield from _gathered(self._pieces())
            return
        decoder = codecs.getincrementaldecoder("utf-8")()
        for piece in _gathered(self._pieces()):
            yield encoding.encode(decoder.decode(piece))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE // 4:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def number_runs(numbers: array[int]) -> Iterator[tuple[int, int, int]]:
    """Of numbers that follow one another: place, first number and length of each run; one below 0 stands alone."""
    at, total = 0, len(numbers)
    while at < total:
        first, length = numbers[at], 1
        if first >= 0:
            length = _run_length(numbers, at, total)
        yield at, first, length
        at += length


def _run_length(numbers: array[int], at: int, total: int) -> int:
    """How many consecutive numbers begin at `at`, found by doubling: most runs are short or very long."""
    first, length, step = numbers[at], 1, 1
    while step:
        end = at + length + step
        if end <= total and numbers[at + length : end] == array("q", range(first + length, first + length + step)):
            length += step
            step *= 2
        else:
            step //= 2
    return length
