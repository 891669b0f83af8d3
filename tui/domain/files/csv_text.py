"""Rows of CSV and TSV: where they stand in a file, what their fields hold, and how a field is written.

A field may be quoted; in quotes a quote is doubled, and line ends belong to the text (RFC 4180). Lines end as they
like: CR LF, LF or CR.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from functools import lru_cache

from tui.domain.values import dataclass

DELIMITERS = (",", ";", "\t", "|")
SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""Endings of tables, and the delimiter each suggests."""
_SAMPLE_ROWS = 50
_HEAD = 1 << 16
_LONGEST_HEADING = 40
_NAMED = re.compile(rb'"?sep=([,;\t|:^~])"?(?:\r\n|\n|\r|\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are parted; with `padded`, blanks before an opening quote are no part of the text."""

    delimiter: str = ","
    padded: bool = False


COMMAS = Dialect()


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: where it stands in the row, its text, and whether it is quoted."""

    start: int
    end: int
    text: str
    quoted: bool


@lru_cache(maxsize=16)
def _row_pattern(dialect: Dialect, *, lenient: bool) -> re.Pattern[bytes]:
    mark = re.escape(dialect.delimiter.encode())
    field = _field(mark.decode(), dialect.padded, lenient).encode()
    return re.compile(field + b"(?:" + mark + field + b")*+")


@lru_cache(maxsize=16)
def _field_pattern(dialect: Dialect) -> re.Pattern[str]:
    return re.compile(_field(re.escape(dialect.delimiter), dialect.padded, True))


def _field(mark: str, padded: bool, lenient: bool) -> str:
    """Quoted text and what follows it, else everything up to the delimiter; nothing is ever tried twice.

    A quote that is never closed is an ordinary character, if that is allowed.
    """
    bare, blanks = rf"[^{mark}\r\n]*+", " *+" if padded else ""
    other = "" if lenient else rf'(?!{blanks}")'
    return rf'(?:{blanks}"(?:[^"]++|"")*+"{bare}|{other}{bare})'


def row_spans(data: bytes, dialect: Dialect, limit: int | None = None, unclosed: list[int] | None = None) -> array[int]:
    """Where each row begins and ends, without its line end; blank lines are no rows.

    Nor is a first line that only names the delimiter, as Excel reads and writes it (`sep=;`).
    A row with a quote that nothing in the file closes ends with its line; its number, from 0, goes to `unclosed`.
    """
    match, lenient = _row_pattern(dialect, lenient=False).match, _row_pattern(dialect, lenient=True).match
    spans: array[int] = array("Q")
    named = _NAMED.match(data)
    start, size = named.end() if named else 0, len(data)
    while start < size and (limit is None or len(spans) < 2 * limit):
        found = match(data, start)
        end = found.end() if found else start
        if data[end : end + 1] not in (b"", b"\n", b"\r"):
            found = lenient(data, start)
            end = found.end() if found else start
            if unclosed is not None:
                unclosed.append(len(spans) // 2)
        if data[start:end].strip(b" "):
            spans.append(start)
            spans.append(end)
        start = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    return spans


def named_dialect(data: bytes) -> Dialect | None:
    """The dialect that the first line names (`sep=;`); None where it does not."""
    named = _NAMED.match(data)
    if named is None:
        return None
    mark = named[1].decode()
    return Dialect(mark, padded=re.search(re.escape(named[1]) + b' +"', data[:_HEAD]) is not None)


def cells(row: str, dialect: Dialect) -> list[Cell]:
    """The fields of one row. Raises ValueError for a quote without its end, and for text after a closing quote."""
    match, found, at = _field_pattern(dialect).match, [], 0
    while True:
        field = match(row, at)
        end = field.end() if field else at
        found.append(_cell(row, at, end, dialect))
        if end >= len(row):
            return found
        if row[end] != dialect.delimiter:
            raise ValueError("the row goes over several lines without quotes")
        at = end + 1


def _cell(row: str, start: int, end: int, dialect: Dialect) -> Cell:
    raw = row[start:end]
    inner = raw.lstrip(" ") if dialect.padded else raw
    if not inner.startswith('"'):
        return Cell(start, end, raw, False)
    text, closing, after = inner[1:].replace('""', "\0\0").partition('"')
    if not closing:
        raise ValueError("a quote is opened and never closed")
    if after.strip(" "):
        raise ValueError("text follows a closing quote")
    # Of the same length, so that a text which holds NUL itself is found by its place.
    return Cell(start, end, inner[1 : 1 + len(text)].replace('""', '"'), True)


def written(text: str, dialect: Dialect, *, quoted: bool) -> str:
    """A field as text; quoted where it must be, or is wanted to be.

    So is what begins like a byte order mark: as the first field of a file it would be taken for one.
    """
    bare = not quoted and not re.search(r'["\r\n]|^\ufeff', text)
    bare = bare and dialect.delimiter not in text and text == text.strip(" ")
    return text if bare else '"' + text.replace('"', '""') + '"'


def sniff(data: bytes, suffix: str, questions: Sequence[str] = (), answers: Sequence[str] = ()) -> Dialect | None:
    """The dialect in which the first rows have the same number of fields, two at least; None when there is none.

    One that parts the first row so that it names a question and an answer wins, whatever the other rows are; the
    delimiter that the file's ending suggests wins a tie. Without such an ending nine rows in ten, and two at least,
    have to agree: anything else is no table.
    """
    likely = SUFFIXES.get(suffix.casefold())
    best: tuple[bool, float, bool, int, bool] | None = None
    chosen = None
    for mark in DELIMITERS:
        blanks = re.search(re.escape(mark.encode()) + b' +"', data[:_HEAD]) is not None
        for padded in (False, True) if blanks else (False,):
            dialect = Dialect(mark, padded)
            agreeing, fields, rows = _agreement(data, dialect)
            if fields < 2 or (likely is None and (rows < 2 or agreeing < 0.9)):
                continue
            named = _names_both(data, dialect, questions, answers)
            score = (named, round(agreeing, 2), mark == likely, fields, padded)
            if best is None or score > best:
                best, chosen = score, dialect
    return chosen


def _agreement(data: bytes, dialect: Dialect) -> tuple[float, int, int]:
    """Share of the first rows with the most frequent number of fields, that number, and how many rows were seen."""
    counts = []
    spans = row_spans(data, dialect, _SAMPLE_ROWS)
    for start, end in zip(spans[::2], spans[1::2], strict=True):
        try:
            counts.append(len(cells(data[start:end].decode("utf-8"), dialect)))
        except ValueError:
            counts.append(0)
    usual = max(counts, key=counts.count, default=0)
    return (counts.count(usual) / len(counts) if counts else 0.0), usual, len(counts)


def _names_both(data: bytes, dialect: Dialect, questions: Sequence[str], answers: Sequence[str]) -> bool:
    """Whether the first row holds a name of questions and one of answers."""
    spans = row_spans(data, dialect, 1)
    try:
        names = {cell.text.strip().casefold() for cell in cells(data[spans[0] : spans[1]].decode("utf-8"), dialect)}
    except (ValueError, IndexError):
        return False
    return not names.isdisjoint(questions) and not names.isdisjoint(answers)


def is_heading(first: Sequence[str], rest: Sequence[Sequence[str]], known: Sequence[str]) -> bool:
    """Whether a first row names the columns.

    It does when it holds a known name; else when its fields are short, different words that end no sentence, and two
    columns at least (or the only one) are longer below.
    """
    names = [cell.strip() for cell in first]
    if any(name.casefold() in known for name in names):
        return True
    if len(set(names)) < len(names) or not all(_like_a_name(name) for name in names) or not rest:
        return False
    longer = 0
    for number, name in enumerate(names):
        below = [len(row[number]) for row in rest if number < len(row)]
        longer += bool(below) and sum(below) > 2 * len(name) * len(below)
    return longer >= min(2, len(names))


def _like_a_name(text: str) -> bool:
    return bool(
        0 < len(text) <= _LONGEST_HEADING
        and text[-1] not in ".?!:;。？！…"
        and "\n" not in text
        and not text.replace(".", "").replace("-", "").isdecimal()
    )


def column_names(first: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns, every one different and none empty."""
    names: dict[str, None] = {}
    for number, cell in enumerate(first, 1):
        name = wanted = cell.strip() or f"column {number}"
        while name in names:
            name = f"{wanted} ({number})"
            number += 1
        names[name] = None
    return tuple(names)
