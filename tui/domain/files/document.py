"""A file of pairs that can be edited: records keep their own bytes until they are changed, every action can be undone.

A `Version` is what the file holds at one moment and never changes, so that checks and searches can read it on a
thread of their own. A `Document` is the succession of versions. Nothing is copied for an edit but a list of numbers,
one per record.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.domain.files.formats import FormatError, Record
from tui.domain.files.material import UTF_8, Encoding, Material
from tui.domain.files.pairs import Columns, Damaged, Keys, PairFile, Shape, read_record
from tui.domain.files.version import Version, number_runs
from tui.domain.text import count
from tui.domain.values import dataclass

if TYPE_CHECKING:
    from tui.domain.files.json_text import Style

_NEAR = 50
"""How far off a record is looked for in whose manner a new one is written."""

__all__ = ["Document", "Encoding", "Splice", "Step", "Version"]


@dataclass(frozen=True, slots=True)
class Splice:
    """At `at`, counted in the version before, the records `removed` give way to `inserted`."""

    at: int
    removed: array[int]
    inserted: array[int]


@dataclass(frozen=True, slots=True)
class Step:
    """One action, from first to last in the file; `name` completes "undo …".

    `partner` names the file in which the other half of the action was done, if it has one.
    """

    name: str
    splices: tuple[Splice, ...]
    partner: str = ""

    def undone(self) -> Step:
        """The action that takes this one back."""
        moved, back = 0, []
        for splice in self.splices:
            back.append(Splice(splice.at + moved, splice.inserted, splice.removed))
            moved += len(splice.inserted) - len(splice.removed)
        return Step(self.name, tuple(back), self.partner)

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

    def __init__(self, base: PairFile, encoding: Encoding = UTF_8) -> None:
        self._material = Material(base)
        self.encoding = encoding
        self.now = Version(self._material, None, base.path)
        self._on_disk: Version | None = self.now
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def base(self) -> PairFile:
        """The file as it was opened."""
        return self._material.base

    @property
    def dirty(self) -> bool:
        """Whether the file on disk holds something else."""
        there, here = self._on_disk, self.now
        if there is None or here is there:
            return there is None
        # As arrays, each number would become an object first.
        return here.numbers is not there.numbers and memoryview(here.numbers) != memoryview(there.numbers)

    def saved(self, version: Version, path: Path | None = None) -> None:
        """`version` is on disk now, at `path` if that is another place than before."""
        self._on_disk = version
        if path is not None:
            self.now = Version(self._material, self.now.numbers, path)

    def unsaved(self, path: Path) -> None:
        """Nothing of it is on disk; it would be written to `path`."""
        self._on_disk = None
        self.now = Version(self._material, self.now.numbers, path)

    # Actions

    def edit(self, index: int, after: Record) -> Step:
        """Other texts for a record. Raises FormatError when its layout cannot hold them."""
        from tui.domain.files.record_text import edited

        before = self.now[index]
        if isinstance(before, Damaged):
            raise FormatError(f"the record cannot be read: {before.reason}")
        raw = self.now.text(index)
        text = edited(raw, self.now.layout, before, after, self._style(raw))
        return self._replaced(index, text)

    def rewrite(self, index: int, text: str) -> Step:
        """Other text for a record, for one that cannot be read. Raises FormatError when it is none."""
        from tui.domain.files.csv_text import row_spans
        from tui.domain.files.json_text import one_line

        text = text.strip("\r\n") if isinstance(self.now.layout, Columns) else text.strip()
        if text != text.encode("utf-8", "replace").decode("utf-8"):
            raise FormatError("it holds a lone surrogate, which UTF-8 cannot hold")
        # Behind a line end, since a first line may name the delimiter.
        if isinstance(self.now.layout, Columns) and len(row_spans(f"\n{text}".encode(), self.now.layout.dialect)) != 2:
            raise FormatError("it is more than one row")
        found = read_record(text.encode("utf-8"), self.now.layout)
        if isinstance(found, Damaged):
            raise FormatError(found.reason)
        return self._replaced(index, one_line(text) if self.now.shape is Shape.JSONL else text)

    @property
    def holds_extra(self) -> bool:
        """Whether a record may have fields of its own beside question and answer."""
        return isinstance(self.now.layout, Keys) and self.now.shape in (Shape.JSON_LIST, Shape.JSONL)

    def add(self, at: int, record: Record, extra: Mapping[str, Any] | None = None) -> Step:
        """A new record before the one at `at`, written as its neighbour is, with `extra` fields at its end.

        Raises FormatError.
        """
        from tui.domain.files.record_text import made

        like = self._neighbour(at)
        text = made(record, self.now.layout, like, self._style(like), extra or {})
        return self._inserted("new pair", at, text)

    def written(self, record: Record, extra: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        """A record as this file would write it, and the names of those `extra` fields that have no place in it.

        Raises FormatError when there is no place for the record itself.
        """
        from tui.domain.files.record_text import made

        layout, like = self.now.layout, self._neighbour(len(self.now))
        if isinstance(layout, Columns):
            held = {k: v for k, v in extra.items() if k in layout.names and isinstance(v, str)}
        else:
            held = dict(extra) if self.holds_extra else {}
        left_out = tuple(name for name in extra if name not in held)
        return made(record, layout, like, self._style(like), held), left_out

    def insert(self, at: int, texts: Sequence[str], name: str, partner: str = "") -> Step:
        """New records before the one at `at`, as they are written; `name` completes "undo …"."""
        self._must_not_close(texts)
        numbers = array("q", (self._material.number(text.encode("utf-8"), None) for text in texts))
        return Step(name, (Splice(at, array("q"), numbers),) if texts else (), partner)

    def duplicate(self, index: int) -> Step:
        """The same record once more, behind itself."""
        return self._inserted(f"copy of pair {index + 1}", index + 1, self.now.text(index))

    def remove(self, indices: Iterable[int]) -> Step:
        """The records at `indices` go."""
        gone = array("q", sorted(set(indices)))
        name = f"delete of {f'pair {gone[0] + 1}' if len(gone) == 1 else count(len(gone), 'pair')}"
        numbers, nothing = self.now.numbers, array("q")
        return Step(name, tuple(Splice(i, numbers[i : i + n], nothing) for _, i, n in number_runs(gone)))

    def _replaced(self, index: int, text: str) -> Step:
        old = self.now.number(index)
        self._must_not_close([text], unless=old)
        new = self._material.number(text.encode("utf-8"), self._material.lead(old), old)
        name = f"edit of pair {index + 1}"
        return Step(name, (Splice(index, array("q", [old]), array("q", [new])),) if new != old else ())

    def _must_not_close(self, texts: Iterable[str], unless: int | None = None) -> None:
        """A new quote would close one that stands open in another row, and swallow the rows between. FormatError."""
        open_rows = [n for n in self._material.base.unclosed if n != unless and n in self.now.numbers]
        if open_rows and any('"' in text for text in texts):
            line = self.now.line(self.now.numbers.index(open_rows[0]))
            raise FormatError(f"a quote opened at line {line} is never closed; mend that row first (E)")

    def _inserted(self, name: str, at: int, text: str) -> Step:
        self._must_not_close([text])
        number = self._material.number(text.encode("utf-8"), None)
        return Step(name, (Splice(at, array("q"), array("q", [number])),))

    def _style(self, like: str) -> Style:
        from tui.domain.files.json_text import Style

        if isinstance(self.now.layout, Columns):
            return Style()
        return Style.of(like, escaped=like.isascii() and self._material.escaped)

    def _neighbour(self, at: int) -> str:
        """A record that can be read, as near to `at` as there is one: in its manner a new one is written."""
        last = len(self.now) - 1
        for distance in range(_NEAR):
            for index in (at - distance, at + distance):
                if not isinstance(self.now[max(0, min(index, last))] if last >= 0 else Damaged("", ""), Damaged):
                    return self.now.text(max(0, min(index, last)))
        base = self._material.base
        found = (n for n in range(min(len(base), _NEAR)) if not isinstance(base[n], Damaged))
        first = next(found, None)
        return "" if first is None else self._material.body(first).decode("utf-8")

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
        first = self._material.lead(self.now.number(0)) if len(self.now) else None
        return {"gap": _text(self._material.gap), "first": _text(first)}

    def entry(self, step: Step) -> dict[str, Any]:
        """A step as plain JSON: contents, not numbers, so that it can be replayed on the file alone."""
        material = self._material
        return {
            "name": step.name,
            **({"partner": step.partner} if step.partner else {}),
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
            number = self._material.number(self._material.body(self.now.number(0)), first)
            self.now = Version(self._material, array("q", [number]) + self.now.numbers[1:], self.now.path)
            self._on_disk = self.now

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
        return Step(str(entry["name"]), tuple(splices), str(entry.get("partner", "")))


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8")
