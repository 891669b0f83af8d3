"""Rows of a table changed or made anew, quoted as their neighbours are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui.domain.files.csv_text import Cell, Dialect, cells, written
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.json_text import Change, changed
from tui.domain.files.layouts import Columns
from tui.domain.files.records import read_record


def edited(raw: str, layout: Columns, before: Record, after: Record) -> str:
    """`raw`, which holds `before`, changed to hold `after`; fields whose text is the same stay as they are written.

    Raises FormatError when a row cannot hold it.
    """
    held = cells(raw, layout.dialect)
    texts = _texts(after, layout)
    changes, missing = [], {}
    for place, text in texts.items():
        if place >= len(held):
            if text:
                missing[place] = text
        elif held[place].text != text:
            cell = held[place]
            changes.append(Change(cell.start, cell.end, _field(text, layout.dialect, quoted=cell.quoted)))
    row = changed(raw, changes)
    for place in range(len(held), max(missing, default=-1) + 1):
        row += layout.dialect.delimiter + _field(missing.get(place, ""), layout.dialect, quoted=held[-1].quoted)
    return _checked(row, layout, after)


def made(record: Record, layout: Columns, like: str, extra: Mapping[str, Any] = {}) -> str:
    """A new row, `extra` in the columns of those names; its fields are quoted where those of `like` are.

    Raises FormatError when a row cannot hold it.
    """
    texts = _texts(record, layout)
    for name, text in extra.items():
        if name not in layout.names or not isinstance(text, str):
            raise FormatError("this table has no column for fields of your own")
        texts.setdefault(layout.names.index(name), text)
    quoted = _quoting(like, layout.dialect)
    marks = [
        quoted[n].quoted if n < len(quoted) else bool(quoted) and quoted[-1].quoted for n in range(len(layout.names))
    ]
    fields = [_field(texts.get(n, ""), layout.dialect, quoted=mark) for n, mark in enumerate(marks)]
    return _checked(layout.dialect.delimiter.join(fields), layout, record)


def _texts(record: Record, layout: Columns) -> dict[int, str]:
    if not record.is_pair:
        raise FormatError("a table holds pairs; the record has more turns")
    question, answer, system = layout.places
    if record.system and system is None:
        raise FormatError("this table has no column for a system prompt")
    texts = {question: record.question, answer: record.answer}
    return texts if system is None else {**texts, system: record.system or ""}


def _quoting(like: str, dialect: Dialect) -> list[Cell]:
    try:
        return cells(like, dialect)
    except ValueError:
        return []


def _field(text: str, dialect: Dialect, *, quoted: bool) -> str:
    if "\0" in text:
        raise FormatError("a table with NUL characters could not be opened again")
    return written(text, dialect, quoted=quoted)


def _checked(row: str, layout: Columns, wanted: Record) -> str:
    try:
        found = read_record(row.encode("utf-8"), layout)
    except UnicodeEncodeError:
        raise FormatError("it holds a lone surrogate, which UTF-8 cannot hold") from None
    if not isinstance(found, Record) or (found.turns, found.system or "") != (wanted.turns, wanted.system or ""):
        raise FormatError("the row cannot hold this")
    return row
