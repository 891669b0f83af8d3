"""One record read: a pair or a conversation, or why it is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from tui.domain.base_models import DataFormat
from tui.domain.files import csv_text
from tui.domain.files.chats import Chat, parse_chat
from tui.domain.files.formats import FormatError, Record, parse
from tui.domain.files.layouts import Columns, Layout
from tui.domain.text import count, safe_line
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Damaged:
    """A record that cannot be read, and why."""

    reason: str
    raw: str


def read_record(raw: bytes, layout: Layout) -> Record | Damaged:
    """The record that `raw` holds, or why it cannot be read. Never raises."""
    try:
        if isinstance(layout, Columns):
            return _row(raw.decode("utf-8"), layout)
        return _record(json.loads(raw.decode("utf-8")), layout)
    except FormatError as error:
        return Damaged(str(error), raw[:2000].decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        return Damaged(json_reason(error), raw[:2000].decode("utf-8", "replace"))


def _record(value: object, layout: Layout) -> Record:
    if isinstance(layout, DataFormat):
        return parse(value, layout)
    if isinstance(layout, Chat):
        return parse_chat(value, layout)
    if not isinstance(value, Mapping):
        raise FormatError("the record is not an object")
    texts = []
    for key in (layout.question, layout.answer):
        content = value.get(key)
        if not isinstance(content, str):
            raise FormatError(f"{safe_line(key, 40)} is {'missing' if key not in value else 'not a string'}")
        texts.append(content)
    system = value.get(layout.system_key) if layout.system_key else None
    return Record.of(texts[0], texts[1], system if isinstance(system, str) else None)


def complaint(error: json.JSONDecodeError) -> str:
    """What Python's reader complains of, without the word that wants a place behind it."""
    return error.msg.removesuffix(" at").removesuffix(" starting")


def json_reason(error: Exception) -> str:
    """Why a text is no JSON, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON at column {error.pos + 1}: {complaint(error)}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if "integer string conversion" in str(error):  # Python's own limit
        return f"holds a number of more than {sys.get_int_max_str_digits():,} digits"
    return safe_line(str(error), 120)


def _row(row: str, layout: Columns) -> Record:
    texts = [cell.text for cell in csv_text.cells(row, layout.dialect)]
    if len(texts) > len(layout.names) and any(text.strip() for text in texts[len(layout.names) :]):
        # Most likely a delimiter in a text without quotes: what was cut off must not be lost unseen.
        raise FormatError(f"{len(texts)} fields where there are {len(layout.names)} columns")
    question, answer, system = layout.places
    if max(question, answer) >= len(texts):
        raise FormatError(
            f"only {count(len(texts), 'field')}; {safe_line(layout.names[max(question, answer)], 40)} is missing"
        )
    prompt = texts[system] if system is not None and system < len(texts) else ""
    return Record.of(texts[question], texts[answer], prompt or None)
