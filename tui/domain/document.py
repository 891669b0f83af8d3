"""A file of pairs that can be edited: records keep their own bytes until they are changed, every action can be undone.

A `Version` is what the file holds at one moment and never changes, so that checks and searches can read it on a
thread of their own. A `Document` is the succession of versions. Nothing is copied for an edit but a list of numbers,
one per record.
"""

from __future__ import annotations

import codecs
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tui.domain.formats import FormatError, Record
from tui.domain.json_text import Style, has_escapes, one_line
from tui.domain.pairs import Damaged, PairFile, Shape, read_record
from tui.domain.record_text import edited, made
from tui.domain.text import count

_PIECE = 1 << 22
_RETURN = ord("\r")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the file is encoded: the byte order mark it begins with, and the codec after it."""

    mark: bytes = b""
    codec: str = "utf-8"

    @classmethod
    def of(cls, raw: bytes) -> Encoding:
        """The encoding of a file's bytes; UTF-16 by its mark only."""
        for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
            if raw.startswith(mark):
                return cls(mark * 2 if raw.startswith(mark * 2) else mark, codec)
        return cls(codecs.BOM_UTF8) if raw.startswith(codecs.BOM_UTF8) else cls()


@dataclass(frozen=True, slots=True)
class Made:
    """A record that was written here: its bytes, and what stands between the record before and it (None: the usual)."""

    body: bytes
    lead: bytes | None
    record: Record | Damaged


class Material:
    """What the versions of one document are built from: the file as it was opened, and the records made since.

    A record is named by a number: from 0 those of the file, below 0 those made here.
    """

    def __init__(self, base: PairFile) -> None:
        self.base = base
        self._made: list[Made] = []
        self._numbers: dict[tuple[bytes, bytes | None], int] = {}
        last = len(base) - 1
        self.head = base.data[: self.span(0)[0]]
        self.tail = base.data[self.span(last)[1] :]
        after_first = base.data[self.span(0)[1] : self.span(1)[0]] if last else self.tail
        if base.shape is Shape.JSONL:
            self.gap = b"\r\n" if after_first.startswith(b"\r") else b"\n"
        else:
            self.gap = after_first if last else b"," + self.head[self.head.index(b"[") + 1 :]

    def span(self, number: int) -> tuple[int, int]:
        """Where a record of the file stands in its data; on a line of JSONL without the line's end."""
        start, end = self.base.span(number)
        if self.base.shape is Shape.JSON_LIST:
            return start, end
        data = self.base.data
        while data[end - 1] == _RETURN:
            end -= 1
        return start, end

    def made(self, number: int) -> Made:
        """A record made here."""
        return self._made[-1 - number]

    def body(self, number: int) -> bytes:
        """A record's bytes."""
        if number < 0:
            return self.made(number).body
        start, end = self.span(number)
        return self.base.data[start:end]

    def lead(self, number: int) -> bytes | None:
        """What stands before a record if another one does; None for the usual."""
        if number < 0:
            return self.made(number).lead
        return self.base.data[self.span(number - 1)[1] : self.span(number)[0]] if number else None

    def record(self, number: int) -> Record | Damaged:
        """A record, read."""
        if number < 0:
            return self.made(number).record
        found: Record | Damaged = self.base[number]
        return found

    def number(self, body: bytes, lead: bytes | None, instead_of: int | None = None) -> int:
        """The number of a record with these bytes. `instead_of` names one with the same lead, its own if equal."""
        if instead_of is not None:
            # So that text which was changed and changed back is the file's own record again.
            self._numbers.setdefault((self.body(instead_of), lead), instead_of)
        known = self._numbers.get((body, lead))
        if known is None:
            self._made.append(Made(body, lead, read_record(body, self.base.layout)))
            known = self._numbers[body, lead] = -len(self._made)
        return known

    @cached_property
    def escaped(self) -> bool:
        """Whether the file writes what is not ASCII as escapes."""
        head = self.base.data[:_PIECE]
        return head.isascii() and has_escapes(head.decode("ascii"))


@dataclass(frozen=True, slots=True)
class _Run:
    """Records that follow one another: `count` of the file from `number`, or the one made record `number`."""

    at: int
    number: int
    count: int
    line: int


class Version:
    """What a document holds at one moment; never changes. Reads like a `PairFile`."""

    def __init__(self, material: Material, numbers: array[int], path: Path) -> None:
        self.material = material
        self.numbers = numbers
        self.path = path
        self.shape = material.base.shape
        self.layout = material.base.layout
        self.notes = material.base.notes

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Record | Damaged:
        return self.material.record(self.numbers[index])

    def __iter__(self) -> Iterator[Record | Damaged]:
        base, made = self.material.base, self.material.made
        for number in self.numbers:
            # Not by index: the file's cache belongs to the thread that shows it.
            yield read_record(base.raw(number), base.layout) if number >= 0 else made(number).record

    def text(self, index: int) -> str:
        """A record as JSON text."""
        return self.material.body(self.numbers[index]).decode("utf-8")

    def line(self, index: int) -> int:
        """The line, from 1, on which the record begins."""
        run = self._runs[bisect_right(self._runs, index, key=lambda r: r.at) - 1]
        if run.number < 0:
            return run.line
        base = self.material.base
        return run.line + base.line(run.number + index - run.at) - base.line(run.number)

    @cached_property
    def size(self) -> int:
        """Bytes as UTF-8 without byte order mark."""
        return sum(map(len, self._pieces()))

    @cached_property
    def blank_lines(self) -> tuple[int, ...]:
        """Blank lines of JSONL, from 1."""
        if self.shape is Shape.JSON_LIST:
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
        line = 1 + self.material.head.count(b"\n")
        for at, number, length in _runs(self.numbers):
            run = _Run(at, number, length, 0)
            line += self._joint(number).count(b"\n") if at else 0
            found.append(_Run(at, number, length, line))
            line += self._count_lines(run)
        return found

    def _count_lines(self, run: _Run) -> int:
        if run.number < 0:
            return self.material.made(run.number).body.count(b"\n")
        start, end = self._extent(run.number, run.count)
        return self.material.base.data.count(b"\n", start, end)

    def _extent(self, number: int, length: int) -> tuple[int, int]:
        return self.material.span(number)[0], self.material.span(number + length - 1)[1]

    def _joint(self, number: int) -> bytes:
        """What stands between the record that begins a run and the one before it."""
        lead = self.material.lead(number)
        return self.material.gap if lead is None else lead

    def _pieces(self) -> Iterator[bytes]:
        material = self.material
        yield material.head
        for at, number, length in _runs(self.numbers):
            if at:
                yield self._joint(number)
            if number < 0:
                yield material.made(number).body
                continue
            start, end = self._extent(number, length)
            for at in range(start, end, _PIECE):
                yield material.base.data[at : min(end, at + _PIECE)]
        yield material.tail

    def render(self, encoding: Encoding) -> Iterator[bytes]:
        """The bytes of the file, in large pieces; records that were not edited as they were."""
        if encoding.mark:
            yield encoding.mark
        if encoding.codec == "utf-8":
            yield from _gathered(self._pieces())
            return
        decoder = codecs.getincrementaldecoder("utf-8")()
        for piece in _gathered(self._pieces()):
            yield decoder.decode(piece).encode(encoding.codec)


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE // 4:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _runs(numbers: array[int]) -> Iterator[tuple[int, int, int]]:
    """Place, first number and length of each run."""
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


@dataclass(frozen=True, slots=True)
class Splice:
    """At `at`, counted in the version before, the records `removed` give way to `inserted`."""

    at: int
    removed: array[int]
    inserted: array[int]


@dataclass(frozen=True, slots=True)
class Step:
    """One action, from first to last in the file; `name` completes "undo …"."""

    name: str
    splices: tuple[Splice, ...]

    def undone(self) -> Step:
        """The action that takes this one back."""
        moved, back = 0, []
        for splice in self.splices:
            back.append(Splice(splice.at + moved, splice.inserted, splice.removed))
            moved += len(splice.inserted) - len(splice.removed)
        return Step(self.name, tuple(back))

    def moved(self, indices: Sequence[int]) -> list[int]:
        """Where the records at `indices`, ascending, stand after it, and among them those that it brings."""
        found: list[int] = []
        offset = at = 0
        for splice in self.splices:
            while at < len(indices) and indices[at] < splice.at + len(splice.removed):
                if indices[at] < splice.at:
                    found.append(indices[at] + offset)
                at += 1
            found += range(splice.at + offset, splice.at + offset + len(splice.inserted))
            offset += len(splice.inserted) - len(splice.removed)
        return found + [index + offset for index in indices[at:]]

    @property
    def place(self) -> int:
        """The first record that it concerns, in the version after it."""
        return self.splices[0].at if self.splices else 0


class Document:
    """An editable file of pairs. Methods named for an action make a `Step`, which `do` carries out."""

    def __init__(self, base: PairFile, encoding: Encoding = Encoding()) -> None:
        self._material = Material(base)
        self.encoding = encoding
        self.now = Version(self._material, array("q", range(len(base))), base.path)
        self._on_disk: array[int] | None = self.now.numbers
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def dirty(self) -> bool:
        """Whether the file on disk holds something else."""
        return self._on_disk is None or self.now.numbers != self._on_disk

    def saved(self, version: Version, path: Path | None = None) -> None:
        """`version` is on disk now, at `path` if that is another place than before."""
        self._on_disk = version.numbers
        if path is not None:
            self.now = Version(self._material, self.now.numbers, path)

    def unsaved(self, path: Path) -> None:
        """Nothing of it is on disk; it would be written to `path`."""
        self._on_disk = None
        self.now = Version(self._material, self.now.numbers, path)

    # Actions

    def edit(self, index: int, after: Record) -> Step:
        """Other texts for a record. Raises FormatError when its layout cannot hold them."""
        before = self.now[index]
        if isinstance(before, Damaged):
            raise FormatError(f"the record cannot be read: {before.reason}")
        raw = self.now.text(index)
        text = edited(raw, self.now.layout, before, after, self._style(raw))
        return self._replaced(index, text)

    def rewrite(self, index: int, text: str) -> Step:
        """Other JSON text for a record, for one that cannot be read. Raises FormatError when it is none."""
        text = text.strip()
        if text != text.encode("utf-8", "replace").decode("utf-8"):
            raise FormatError("it holds a lone surrogate, which UTF-8 cannot hold")
        found = read_record(text.encode("utf-8"), self.now.layout)
        if isinstance(found, Damaged):
            raise FormatError(found.reason)
        return self._replaced(index, one_line(text) if self.now.shape is Shape.JSONL else text)

    def add(self, at: int, record: Record) -> Step:
        """A new record before the one at `at`, written as its neighbour is. Raises FormatError."""
        like = self.now.text(min(at, len(self.now) - 1)) if len(self.now) else self._first_text()
        text = made(record, self.now.layout, like, self._style(like))
        return self._inserted("new pair", at, text)

    def duplicate(self, index: int) -> Step:
        """The same record once more, behind itself."""
        return self._inserted(f"copy of pair {index + 1}", index + 1, self.now.text(index))

    def remove(self, indices: Iterable[int]) -> Step:
        """The records at `indices` go."""
        gone = sorted(set(indices))
        name = f"delete of {f'pair {gone[0] + 1}' if len(gone) == 1 else count(len(gone), 'pair')}"
        numbers, nothing = self.now.numbers, array("q")
        return Step(name, tuple(Splice(i, numbers[i : i + 1], nothing) for i in gone))

    def _replaced(self, index: int, text: str) -> Step:
        old = self.now.numbers[index]
        new = self._material.number(text.encode("utf-8"), self._material.lead(old), old)
        name = f"edit of pair {index + 1}"
        return Step(name, (Splice(index, array("q", [old]), array("q", [new])),) if new != old else ())

    def _inserted(self, name: str, at: int, text: str) -> Step:
        number = self._material.number(text.encode("utf-8"), None)
        return Step(name, (Splice(at, array("q"), array("q", [number])),))

    def _style(self, like: str) -> Style:
        return Style.of(like, escaped=like.isascii() and self._material.escaped)

    def _first_text(self) -> str:
        return self._material.body(0).decode("utf-8")

    # History

    def do(self, step: Step) -> None:
        """Carry out an action made for the version of now. One without any change is not remembered."""
        if step.splices:
            self._apply(step)
            self._done.append(step)
            self._undone.clear()

    @property
    def next_undo(self) -> Step | None:
        """What `undo` would carry out; None when there is nothing."""
        return self._done[-1].undone() if self._done else None

    @property
    def next_redo(self) -> Step | None:
        """What `redo` would carry out; None when there is nothing."""
        return self._undone[-1] if self._undone else None

    def undo(self) -> None:
        """Take the last action back."""
        step = self._done.pop()
        self._apply(step.undone())
        self._undone.append(step)

    def redo(self) -> None:
        """Carry out again what was taken back last."""
        step = self._undone.pop()
        self._apply(step)
        self._done.append(step)

    def _apply(self, step: Step) -> None:
        old = self.now.numbers
        new, done = array("q"), 0
        for splice in step.splices:
            new += old[done : splice.at]
            new += splice.inserted
            done = splice.at + len(splice.removed)
        new += old[done:]
        self.now = Version(self._material, new, self.now.path)

    # For the journal

    def frame(self) -> dict[str, Any]:
        """What a journal begun now has to know, so that new records get the same neighbourhood when it is replayed."""
        first = self._material.lead(self.now.numbers[0]) if len(self.now) else None
        return {"gap": _text(self._material.gap), "first": _text(first)}

    def entry(self, step: Step) -> dict[str, Any]:
        """A step as plain JSON: contents, not numbers, so that it can be replayed on the file alone."""
        material = self._material
        return {
            "name": step.name,
            "splices": [
                [s.at, len(s.removed), [[_text(material.body(n)), _text(material.lead(n))] for n in s.inserted]]
                for s in step.splices
            ],
        }

    def begin_replay(self, frame: Mapping[str, Any]) -> None:
        """Make ready for what a journal tells; the document holds the file as the journal found it.

        Raises KeyError when it is no frame.
        """
        self._material.gap = _bytes(frame["gap"]) or b""
        first = _bytes(frame["first"])
        if first is not None and len(self.now):
            number = self._material.number(self._material.body(self.now.numbers[0]), first)
            self.now = Version(self._material, array("q", [number]) + self.now.numbers[1:], self.now.path)
            self._on_disk = self.now.numbers

    def replay(self, entry: Mapping[str, Any]) -> None:
        """Carry out an action that a journal tells. Raises ValueError, TypeError or KeyError when it does not fit."""
        self.do(self._step(entry))

    def _step(self, entry: Mapping[str, Any]) -> Step:
        splices, done = [], 0
        for at, removed, inserted in entry["splices"]:
            if not (done <= at and removed >= 0 and at + removed <= len(self.now)):
                raise ValueError("the journal does not fit the file")
            done = at + removed
            new = array("q", (self._material.number(_bytes(body) or b"", _bytes(lead)) for body, lead in inserted))
            splices.append(Splice(at, self.now.numbers[at:done], new))
        return Step(str(entry["name"]), tuple(splices))


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8")
