"""Where in a file's bytes its records begin and end."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable
from io import BytesIO
from itertools import accumulate, islice, repeat
from operator import sub

from tui.domain.errors import AppError, Cause
from tui.domain.files.records import complaint, json_reason

_BLANK = b" \t\r\n"
_SPACE = ord(" ")
LINES = (".jsonl", ".ndjson")
"""Endings of JSONL."""
_SAMPLE = 50
_HEAD = 1 << 20
_SOME = 1000
"""Lines that are looked at in one go."""
_SOMETHING = re.compile(rb"[^ \t\r\n]")


def line_spans(data: bytes) -> tuple[array[int], tuple[int, ...]]:
    """Lines that hold something, each without its newline, and the numbers of the blank ones, from 1."""
    spans: array[int] = array("Q")
    blank: list[int] = []
    lines, start, number = BytesIO(data), 0, 1
    # A thousand at a time: all of them would be the file once more, and keep other threads waiting.
    while piece := list(islice(lines, _SOME)):
        places = array("Q", accumulate(map(len, piece), initial=start))
        if min(piece)[0] > _SPACE:
            found = array("Q", bytes(2 * spans.itemsize * len(piece)))
            found[::2] = places[:-1]
            found[1::2] = array("Q", map(sub, places[1:], repeat(1)))
            spans.extend(found)
        else:
            for at, (begin, line) in enumerate(zip(places, piece, strict=False), number):
                if line.strip(_BLANK):
                    spans.extend((begin, begin + len(line) - 1))
                else:
                    blank.append(at)
        start, number = places[-1], number + len(piece)
    if spans and spans[-1] == len(data) - 1 and not data.endswith(b"\n"):
        spans[-1] += 1
    return spans, tuple(blank)


_GAP = re.compile(r"[ \t\r\n]*")


def list_spans(name: str, data: bytes, begin: int | None = None) -> array[int]:
    """Byte spans of a JSON list's elements; each element is decoded once, to be sure that it is JSON.

    The list is the whole text, or begins at the character `begin` of one that is known to be JSON.
    """
    text = data.decode("utf-8")
    ascii_only = len(text) == len(data)
    scan = json.JSONDecoder().raw_decode
    spans: array[int] = array("Q")
    position, byte, last = (text.index("[") if begin is None else begin) + 1, 0, 0

    def to_byte(offset: int) -> int:
        nonlocal byte, last
        byte += offset - last if ascii_only else len(text[last:offset].encode("utf-8"))
        last = offset
        return byte

    try:
        position = _gap(text, position)
        closed = text[position : position + 1] == "]"
        position += closed
        while not closed:
            try:
                _, end = scan(text, position)
            except json.JSONDecodeError:
                raise
            except (ValueError, RecursionError):
                end = _closing(text, position)  # too deep, or a number too long: that record alone cannot be read
                if not end:
                    raise
            spans.append(to_byte(position))
            spans.append(to_byte(end))
            position = _gap(text, end)
            mark = text[position : position + 1]
            if mark not in (",", "]"):
                raise json.JSONDecodeError("',' or ']' expected", text, position)
            closed = mark == "]"
            position = _gap(text, position + 1)
        if begin is None and text[position:].strip():
            if text[position:].lstrip()[:1] == "[":
                hint = 'Open JSONL with one object a line: {"question": …, "answer": …}'
                raise AppError(Cause.FILE, f"{name} holds no pairs: its lines are lists, not objects", hint=hint)
            raise json.JSONDecodeError("something follows the list", text, position)
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno}, column {error.colno}"
        raise AppError(
            Cause.FILE, f"{name} is not valid JSON {where}", complaint(error), f"Mend line {error.lineno}"
        ) from None
    except (ValueError, RecursionError) as error:
        line = text.count("\n", 0, position) + 1
        raise AppError(Cause.FILE, f"{name} cannot be read at line {line}", json_reason(error)) from None
    return spans


_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


def _closing(text: str, position: int) -> int:
    """Where the object or list that begins at `position` ends, by its brackets alone; 0 where it does not."""
    depth = 0
    for found in _BRACKETS.finditer(text, position):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth <= 0:
            return found.end() if text[position] in "[{" else 0
    return 0


def _gap(text: str, position: int) -> int:
    match = _GAP.match(text, position)
    return match.end() if match else position


def begins_with_a_record(data: bytes) -> bool:
    """Whether an object stands on the first line, and something behind it: known without reading the rest."""
    begin = len(data) - len(data.lstrip(b" \t\r\n"))
    end = data.find(b"\n", begin)
    return end > 0 and _SOMETHING.search(data, end) is not None and _object_among([data[begin:end]])


def holds_lines(data: bytes) -> bool:
    """Whether what begins like a JSON list is JSONL with a list on its first line: an object stands on another."""
    end = data.find(b"\n", data.index(b"["))
    return end > 0 and _object_among(data[end : end + _HEAD].splitlines()[:_SAMPLE]) and _is_json(data[:end])


def _object_among(lines: Iterable[bytes]) -> bool:
    return any(line.lstrip()[:1] == b"{" and _is_json(line) for line in lines)


def must_begin_with_json(name: str, data: bytes, spans: array[int], suffix: str = "") -> None:
    """A file whose first line is no JSON object is not JSONL at all, and is refused as a whole.

    Unless its name says that it is, and an object stands on one of the next lines.
    """
    head = data[spans[0] : spans[1]].strip()
    rest = zip(spans[2 : 2 * _SAMPLE : 2], spans[3 : 2 * _SAMPLE : 2], strict=True)
    if suffix.casefold() in LINES and _object_among(data[start:end] for start, end in rest):
        return
    reason = "the first line is not a JSON object"
    try:
        if isinstance(json.loads(head), dict):
            return
        whole = None
    except (ValueError, RecursionError) as error:
        whole = error
    if head[:1] == b"{" and whole is not None and not isinstance(whole, json.JSONDecodeError):
        return  # too deep, or a number too long: told as what is wrong with the record
    if head[:1] == b"{" and isinstance(whole, json.JSONDecodeError):
        if _is_json(data):
            reason = "it is one JSON object, not a list of records"
        elif len(spans) > 2:
            return  # one broken first line among others: shown as a damaged record
        else:
            reason = f"{complaint(whole)} at line {whole.lineno}, column {whole.colno}"
    raise AppError(
        Cause.FILE,
        f"{name} holds no pairs: {reason}",
        hint="Open a JSON list of objects, or JSONL with one object a line",
    )


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
