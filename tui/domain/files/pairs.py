"""Files of pairs: JSON lists, JSONL and tables, whatever the keys are called, read record by record when asked."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.errors import AppError, Cause
from tui.domain.files import csv_text
from tui.domain.files.chats import Chat, format_of
from tui.domain.files.layouts import (
    ANSWER_KEYS,
    QUESTION_KEYS,
    SYSTEM_KEYS,
    Columns,
    Keys,
    Layout,
    UnclearKeys,
    guess_keys,
    unclear,
)
from tui.domain.files.pair_file import PairFile, Pairs, Role, Shape, guess_role
from tui.domain.files.raw_text import as_utf8
from tui.domain.files.records import Damaged, json_reason, read_record
from tui.domain.files.spans import (
    LINES,
    begins_with_a_record,
    holds_lines,
    line_spans,
    list_spans,
    must_begin_with_json,
)
from tui.domain.text import safe_line

_SAMPLE = 50
_CHATS = 5
"""One chat in so many of the first records makes all messages chats."""
_FAULTS = 2
_SYSTEM_MESSAGE = re.compile(rb'"role"\s*:\s*"(?:system|developer)"')
_SYSTEM_KEY = re.compile(rb'"system"\s*:')
_KNOWN_NAMES = (*QUESTION_KEYS, *ANSWER_KEYS, *SYSTEM_KEYS)
_OPEN_THAT = "Open a JSON list, JSONL or CSV file of pairs"

__all__ = [
    "Columns", "Damaged", "Keys", "Layout", "PairFile", "Pairs", "Role", "Shape", "UnclearKeys", "candidates",
    "guess_keys", "guess_role", "read", "read_record",
]  # fmt: skip


def read(path: Path, data: bytes, keys: Keys | None = None) -> PairFile:
    """The pairs in `data`.

    Raises AppError (cause FILE) with line and column for a file that holds none, and UnclearKeys when the
    keys have to be chosen; then call again with `keys`.
    """
    name = safe_line(path.name, 60)
    data, notes = as_utf8(name, data)
    first = data.lstrip()[:1]
    if not first:
        raise AppError(Cause.FILE, f"{name} is empty", hint=_OPEN_THAT)
    dialect = _table(path, data, first, keys)
    if dialect is not None:
        return _read_table(path, data, dialect, keys, notes)
    blank: tuple[int, ...] = ()
    inside = None
    if first == b"{" and not begins_with_a_record(data):
        from tui.domain.files.list_in_object import list_inside

        inside = list_inside(name, data.decode("utf-8"))
    if inside is not None:
        key, begin = inside
        spans, shape = list_spans(name, data, begin), Shape.JSON_LIST
        notes.append(f"its records stand in {safe_line(key, 30)}")
    elif first == b"[" and not holds_lines(data):
        spans = list_spans(name, data)
        shape = Shape.JSON_LIST
    else:
        spans, blank = line_spans(data)
        shape = Shape.JSONL
        must_begin_with_json(name, data, spans, path.suffix)
    if not spans:
        raise AppError(Cause.FILE, f"{name} holds no records", hint=_OPEN_THAT)
    sample = _sample(data, spans)
    if not sample:
        raise _no_objects(name, data, spans)
    layout = _layout(name, sample, keys)
    if layout is DataFormat.CLAUDE_MESSAGES and not _with_system(sample) and _holds_chats(data):
        layout = Chat()
        notes.append("some of its system prompts are messages, so it is read as a chat")
    return PairFile(path, data, spans, shape, layout, blank, tuple(notes))


def _table(path: Path, data: bytes, first: bytes, keys: Keys | None) -> csv_text.Dialect | None:
    """How a table is written; None for what is, or ought to be, JSON."""
    suffix = path.suffix.casefold()
    if suffix in (".json", *LINES):
        return None
    known = keys.dialect if keys is not None else None
    if first in b"[{" and ((suffix not in csv_text.SUFFIXES and known is None) or _begins_with_json(data)):
        return None
    if keys is not None and known is not None and _fits(data, keys, known):
        return known
    named = csv_text.named_dialect(data)
    if named is not None:
        return named
    dialect = csv_text.sniff(data, suffix, QUESTION_KEYS, ANSWER_KEYS)
    if dialect is None and suffix in csv_text.SUFFIXES:
        raise AppError(
            Cause.FILE,
            f"{safe_line(path.name, 60)} holds no pairs: it has one column only",
            hint="Two columns are needed, parted by a comma, a semicolon, a tab or a bar",
        )
    return dialect


def _fits(data: bytes, keys: Keys, dialect: csv_text.Dialect) -> bool:
    """Whether a table parted so has the columns that were chosen."""
    rows = [_texts(data[a:b], dialect) for a, b in _first_rows(csv_text.row_spans(data, dialect, _SAMPLE))]
    first = rows[0] if keys.heading else [""] * max(map(len, rows), default=0)
    return {keys.question, keys.answer} <= set(csv_text.column_names(first))


def _first_rows(spans: array[int]) -> Iterator[tuple[int, int]]:
    return zip(spans[: 2 * _SAMPLE : 2], spans[1 : 2 * _SAMPLE : 2], strict=True)


def _begins_with_json(data: bytes) -> bool:
    text = data[:1_000_000].decode("utf-8", "ignore").lstrip()
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return text[end:].lstrip(" \t\r")[:1] in ("", "\n")


def _read_table(
    path: Path, data: bytes, dialect: csv_text.Dialect, keys: Keys | None, notes: Sequence[str]
) -> PairFile:
    name = safe_line(path.name, 60)
    unclosed: list[int] = []
    spans = csv_text.row_spans(data, dialect, unclosed=unclosed)
    rows = [_texts(data[a:b], dialect) for a, b in _first_rows(spans)]
    heading = keys.heading if keys is not None else None
    if not rows:
        raise AppError(Cause.FILE, f"{name} holds no records, only how its columns are parted", hint=_OPEN_THAT)
    if heading is None:
        heading = csv_text.is_heading(rows[0], rows[1:], _KNOWN_NAMES)
    width = max(map(len, rows[:1] if heading else rows))
    names = csv_text.column_names(rows[0] if heading else [""] * width)
    if heading:
        del spans[:2], rows[0]
    if not spans:
        raise AppError(Cause.FILE, f"{name} holds no records, only the names of columns", hint=_OPEN_THAT)
    sample = [dict(zip(names, row, strict=False)) for row in rows]
    fits = keys is not None and {keys.question, keys.answer} <= set(names)
    found = keys if keys is not None and fits else guess_keys(name, sample)
    system = found.system if found.system in names else None
    layout = Columns(found.question, found.answer, system, heading, dialect, names)
    said = [] if heading else ["its columns have no names"]
    file = PairFile(path, data, spans, Shape.TABLE, layout, (), (*notes, *said))
    file.unclosed = tuple(row - bool(heading) for row in unclosed)
    return file


def candidates(file: PairFile) -> UnclearKeys | None:
    """The keys that may be chosen in an open file, with what they hold; None where its format names them."""
    name = safe_line(file.path.name, 60)
    if isinstance(file.layout, Columns):
        rows = [_texts(file.raw(n), file.layout.dialect) for n in range(min(len(file), _SAMPLE))]
        return unclear(name, [dict(zip(file.layout.names, row, strict=False)) for row in rows], file.layout.names)
    if not isinstance(file.layout, Keys):
        return None
    return unclear(name, _read_sample(file.raw(n) for n in range(min(len(file), _SAMPLE))))


def _texts(row: bytes, dialect: csv_text.Dialect) -> list[str]:
    try:
        return [cell.text for cell in csv_text.cells(row.decode("utf-8"), dialect)]
    except ValueError:
        return [row.decode("utf-8")]


def _sample(data: bytes, spans: array[int]) -> list[Mapping[str, Any]]:
    return _read_sample(data[start:end] for start, end in _first_rows(spans))


def _read_sample(records: Iterable[bytes]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for raw in records:
        try:
            value = json.loads(raw.decode("utf-8"))
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _no_objects(name: str, data: bytes, spans: array[int]) -> AppError:
    """Why none of the first records can be read: what is wrong with the very first."""
    reason = "none of its first records is a JSON object"
    try:
        json.loads(data[spans[0] : spans[1]].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        line = data.count(b"\n", 0, spans[0]) + 1
        reason = f"the first record, at line {line}: {json_reason(error)}"
    return AppError(Cause.FILE, f"{name} holds no objects", reason, _OPEN_THAT)


def _layout(name: str, sample: list[Mapping[str, Any]], keys: Keys | None) -> Layout:
    if keys is not None and {keys.question, keys.answer} <= {key for value in sample for key in value}:
        return keys
    formats = [format_of(value) for value in sample]
    if not _with_system(sample):
        # Without its system prompt a chat looks like what Claude is trained on; a few that have it tell.
        chats = [found for found in formats if isinstance(found, Chat) and found.turns == "messages"]
        if chats and len(chats) * _CHATS >= len(formats):
            formats = [chats[0] if found is DataFormat.CLAUDE_MESSAGES else found for found in formats]
    likely = max(formats, key=lambda found: (formats.count(found), found is not None))
    if likely is not None:
        return likely
    try:
        return guess_keys(name, sample)
    except UnclearKeys:
        raise
    except AppError:
        known = [found for found in formats if found is not None]
        if not known:
            raise
        return max(known, key=known.count)


def _with_system(sample: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a system prompt stands beside the messages, as Claude's format has it."""
    return any("system" in value for value in sample)


def _holds_chats(data: bytes) -> bool:
    """Whether some system prompts stand among the messages, anywhere in the file, and none beside them.

    Without its system prompt a chat is what Claude is trained on, so the first records may all look like that. A
    single one is rather a fault in a file of Claude's format.
    """
    if data.count(b'"system"') + data.count(b'"developer"') < _FAULTS:  # found a hundred times as fast
        return False
    return len(_SYSTEM_MESSAGE.findall(data)) >= _FAULTS and _SYSTEM_KEY.search(data) is None
