"""What a document is built from: the opened file, and the records made since (the buffers of a piece table)."""

from __future__ import annotations

import codecs
from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property

from tui.domain.files.formats import Record
from tui.domain.files.layouts import Layout
from tui.domain.files.pairs import Damaged, PairFile, Shape, read_record
from tui.domain.files.raw_text import HEAD, bare_utf16
from tui.domain.values import dataclass

PIECE = 1 << 22
_RETURN = ord("\r")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the file is encoded: the byte order mark it begins with, and the codec after it."""

    mark: bytes = b""
    codec: str = "utf-8"

    @classmethod
    def of(cls, raw: bytes) -> Encoding:
        """The encoding of a file's bytes."""
        for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
            if raw.startswith(mark):
                return cls(mark * 2 if raw.startswith(mark * 2) else mark, codec)
        if raw.startswith(codecs.BOM_UTF8):
            return cls(codecs.BOM_UTF8)
        return cls(codec=bare_utf16(raw[:HEAD]) or _japanese(raw))

    @property
    def title(self) -> str:
        """What people call it."""
        if not self.japanese:
            return self.codec.upper()
        from tui.domain.files.japanese import TITLES

        return TITLES[self.codec]

    @property
    def japanese(self) -> bool:
        """Whether it is from before Unicode: not every character can be written in it."""
        return not self.codec.startswith("utf")

    def encode(self, text: str) -> bytes:
        """Text as bytes, without the mark. Raises UnicodeEncodeError for what the encoding has no character for."""
        if not self.japanese:
            return text.encode(self.codec)
        from tui.domain.files.japanese import encode

        return encode(text, self.codec)

    def foreign(self, text: str) -> str:
        """The first character of a text that cannot be written in it; mostly nothing."""
        if not self.japanese:
            return ""
        from tui.domain.files.japanese import foreign

        return foreign(text, self.codec)


def _japanese(raw: bytes) -> str:
    if raw.isascii():
        return "utf-8"
    from tui.domain.files.japanese import japanese

    found = japanese(raw)
    return found.codec if found else "utf-8"


UTF_8 = Encoding()


class Made:
    """A record that was written here: its bytes, and what stands between the record before and it (None: the usual)."""

    __slots__ = ("_layout", "_record", "body", "lead")

    def __init__(self, body: bytes, lead: bytes | None, layout: Layout) -> None:
        self.body = body
        self.lead = lead
        self._layout = layout
        self._record: Record | Damaged | None = None

    @property
    def record(self) -> Record | Damaged:
        """It, read when it is first asked for: there may be very many that are only written."""
        if self._record is None:
            self._record = read_record(self.body, self._layout)
        return self._record


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
        if base.shape is Shape.JSON_LIST:
            self.gap = after_first if last else b"," + self.head[self.head.rindex(b"[") + 1 :]
        else:
            self.gap = self._line_end(after_first or self.head[-2:])

    def _line_end(self, text: bytes) -> bytes:
        """The line end that a text begins with, or ends with."""
        if text.startswith(b"\r\n") or text.endswith(b"\r\n"):
            return b"\r\n"
        if self.base.shape is Shape.TABLE:
            return self.base.line_end
        return b"\r\n" if text.startswith(b"\r") else b"\n"

    @cached_property
    def order(self) -> array[int]:
        """The numbers of the file's records, as they stand in it."""
        return array("q", range(len(self.base)))

    def span(self, number: int) -> tuple[int, int]:
        """Where a record of the file stands in its data; on a line of JSONL without the line's end."""
        start, end = self.base.span(number)
        if self.base.shape is not Shape.JSONL:
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
            self._made.append(Made(body, lead, self.base.layout))
            known = self._numbers[body, lead] = -len(self._made)
        return known

    @property
    def written(self) -> Sequence[Made]:
        """The records made here, in the order of their numbers: -1, -2 …"""
        return self._made

    def take(self, made: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Add records with their leads, as `written` tells them of another of the same file."""
        for body, lead in made:
            self._made.append(Made(body, lead, self.base.layout))
            self._numbers[body, lead] = -len(self._made)

    @cached_property
    def escaped(self) -> bool:
        """Whether the file writes what is not ASCII as escapes."""
        from tui.domain.files.json_text import has_escapes

        head = self.base.data[:PIECE]
        return head.isascii() and has_escapes(head.decode("ascii"))
