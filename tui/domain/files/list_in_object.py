"""One JSON object that is a whole file: the list of records in it, or why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.files.chats import format_of
from tui.domain.files.json_text import members
from tui.domain.files.layouts import ANSWER_KEYS, QUESTION_KEYS, guess_keys
from tui.domain.text import safe_line

_SAMPLE = 50
_SOMETHING = re.compile(r"[^ \t\r\n]")
_ELEMENT = re.compile(r"[^ \t\r\n,]")
_LONG = 1 << 16
_outline = json.JSONDecoder(object_hook=lambda _: None).raw_decode
"""Reads JSON and keeps no object of it: a large file would take many times its size."""
_PARTS_OF_A_RECORD = ({"role", "content"}, {"from", "value"}, {"type", "text"})
"""Keys by which the elements of a list are turns or blocks of one record, not records."""


def list_inside(name: str, text: str) -> tuple[str, int] | None:
    """The key of the list of records in the object that `text` is, and where the list begins.

    None for anything else than such an object, one record or JSONL among it. Raises AppError for an object that holds
    pairs in a way that cannot be kept: as columns, or in several lists; and for objects one after another that do not
    stand on lines of their own.
    """
    begin = len(text) - len(text.lstrip(" \t\r\n"))
    line_end = text.find("\n", begin)
    if line_end > 0 and _SOMETHING.search(text, line_end) and isinstance(_parsed(text[begin:line_end]), dict):
        return None
    try:
        _, end = _outline(text, begin)
    except (ValueError, RecursionError):
        return None
    if _SOMETHING.search(text, end):
        _refuse_several(name, text, begin, end)
        return None
    held = members(text, begin, decode=_outline)
    value = {m.key: _beginning(text, m.start, m.end) for m in held}
    if not value or _is_record(value):
        return None
    lists = [(m.key, m.start) for m in held if _holds_objects(value[m.key])]
    if len(lists) > 1:
        lists = [found for found in lists if _holds_pairs(value[found[0]])] or lists
    if len(lists) > 1:
        names = ", ".join(safe_line(key, 30) for key, _ in lists[:4])
        raise AppError(
            Cause.FILE, f"{name} holds several lists: {names}", hint="Save each as a file of its own, then open those"
        )
    if not lists:
        _refuse_columns(name, value)
    elif _holds_pairs(value[lists[0][0]]) or not _holds_pairs([value]):
        return lists[0]
    return None


def _beginning(text: str, start: int, end: int) -> Any:
    """A value, of a long one only what tells its kind: the first elements of a list, nothing of an object."""
    if end - start <= _LONG:
        return _parsed(text[start:end])
    if text[start] != "[":
        return {} if text[start] == "{" else _parsed(text[start:end])
    found: list[Any] = []
    at, decode = start + 1, json.JSONDecoder().raw_decode
    while len(found) < _SAMPLE and (element := _ELEMENT.search(text, at, end)) and element[0] != "]":
        one, at = decode(text, element.start())
        found.append(one)
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_record(value: Mapping[str, Any]) -> bool:
    """Whether the object is a record of its own: turns, or a question and an answer by their usual names."""
    names = {key.strip().casefold() for key, content in value.items() if isinstance(content, str)}
    return format_of(value) is not None or not (names.isdisjoint(QUESTION_KEYS) or names.isdisjoint(ANSWER_KEYS))


def _holds_objects(value: object) -> bool:
    if not isinstance(value, list):
        return False
    some = [one for one in value[:_SAMPLE] if isinstance(one, dict)]
    return len(some) * 2 > len(value[:_SAMPLE]) and not any(part <= set(some[0]) for part in _PARTS_OF_A_RECORD)


def _holds_pairs(value: Sequence[Any]) -> bool:
    some = [one for one in value[:_SAMPLE] if isinstance(one, dict)]
    try:
        return any(map(format_of, some)) or bool(guess_keys("", some))
    except AppError:
        return False


def _refuse_several(name: str, text: str, begin: int, end: int) -> None:
    """Objects one after another, none of them on a line of its own. Raises AppError; not where one line is whole."""
    if any(isinstance(_parsed(line), dict) for line in text[begin:].split("\n", _SAMPLE)[:_SAMPLE]):
        return
    if text[end:].lstrip(" \t\r\n")[:1] == "{":
        raise AppError(
            Cause.FILE,
            f"{name} holds JSON objects one after another, each over several lines",
            hint="Write one on each line (jq -c . does), then open it",
        )


def _refuse_columns(name: str, value: Mapping[str, Any]) -> None:
    """Columns of texts, as tables are written by data frames. Raises AppError; not for anything else."""
    columns = [key for key, held in value.items() if _is_column(held)]
    if len(columns) > 1:
        raise AppError(
            Cause.FILE,
            f"{name} holds columns, not records: {', '.join(safe_line(key, 30) for key in columns[:6])}",
            hint="Save it record by record (pandas: orient='records'), then open it",
        )


def _is_column(held: object) -> bool:
    texts = list(held.values()) if isinstance(held, dict) else held
    return isinstance(texts, list) and any(isinstance(text, str) for text in texts[:_SAMPLE])
