"""Files of pairs: JSON lists and JSONL, whatever the keys are called, read record by record when asked."""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from tui.domain.base_models import DataFormat
from tui.domain.errors import AppError, Cause
from tui.domain.formats import FormatError, Record, detect, parse
from tui.domain.text import safe_line

QUESTION_KEYS = (
    "question", "sentence1", "prompt", "instruction", "input", "query", "user", "human", "q", "source",
    "質問", "問", "問題", "入力",
)  # fmt: skip
ANSWER_KEYS = (
    "answer", "sentence2", "completion", "output", "response", "reply", "assistant", "label", "reference",
    "referenceresponse", "target", "a", "回答", "答え", "答", "出力",
)  # fmt: skip
SYSTEM_KEYS = ("system", "system_prompt", "systemprompt")
_SAMPLE = 50
_CACHED_RECORDS = 512
_BLANK = b" \t\r"


class Role(StrEnum):
    """What a file of pairs is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    EVAL = "eval"


class Shape(StrEnum):
    """How the records stand in the file."""

    JSON_LIST = "JSON list"
    JSONL = "JSONL"


@dataclass(frozen=True, slots=True)
class Keys:
    """Which keys of a plain pair hold the question, the answer and, if any, the system prompt."""

    question: str
    answer: str
    system: str | None = None

    @property
    def system_key(self) -> str:
        """Where a pair of its own system prompt keeps it, also when no pair has had one yet; else nothing."""
        return self.system or ("" if "system" in (self.question, self.answer) else "system")


@dataclass(frozen=True, slots=True)
class Damaged:
    """A record that cannot be read, and why."""

    reason: str
    raw: str


class UnclearKeys(AppError):
    """The keys do not tell question from answer; `candidates` are the keys to choose from."""

    def __init__(self, name: str, candidates: tuple[str, ...]) -> None:
        super().__init__(
            Cause.FILE,
            f"{name}: which keys hold the question and the answer?",
            "keys: " + ", ".join(safe_line(c, 40) for c in candidates),
            "Choose the two keys",
        )
        self.candidates = candidates


class Pairs(Protocol):
    """What can be read of a file of pairs, edited or not."""

    @property
    def path(self) -> Path: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def layout(self) -> Keys | DataFormat: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def blank_lines(self) -> tuple[int, ...]: ...
    @property
    def size(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Record | Damaged: ...
    def __iter__(self) -> Iterator[Record | Damaged]: ...
    def line(self, index: int) -> int: ...


class PairFile(Sequence[Record | Damaged]):
    """The records of one file, parsed when asked for. Never changes."""

    def __init__(
        self,
        path: Path,
        data: bytes,
        spans: array[int],
        shape: Shape,
        layout: Keys | DataFormat,
        blank_lines: tuple[int, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.shape = shape
        self.layout = layout
        self.blank_lines = blank_lines
        self.notes = notes
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._data = data
        self._spans = spans
        self._cache: OrderedDict[int, Record | Damaged] = OrderedDict()
        self._line_starts: array[int] | None = None

    def __len__(self) -> int:
        return len(self._spans) // 2

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        cached = self._cache.get(index)
        if cached is None:
            cached = self._cache[index] = self._parse(index)
            if len(self._cache) > _CACHED_RECORDS:
                self._cache.popitem(last=False)
        return cached

    def __iter__(self) -> Iterator[Record | Damaged]:
        return (self._parse(index) for index in range(len(self)))

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._data)

    @property
    def data(self) -> bytes:
        """The file's text as UTF-8 without byte order mark."""
        return self._data

    def span(self, index: int) -> tuple[int, int]:
        """Where in `data` the record begins and ends; on a line of JSONL with its outer blanks."""
        return self._spans[2 * index], self._spans[2 * index + 1]

    def raw(self, index: int) -> bytes:
        """The record's own bytes."""
        return self._data[self._spans[2 * index] : self._spans[2 * index + 1]]

    def line(self, index: int) -> int:
        """The line, from 1, on which the record begins."""
        if self._line_starts is None:
            # Whole before it is seen: checks ask on a thread of their own.
            starts = array("Q", [0])
            starts.extend(m.end() for m in re.finditer(b"\n", self._data))
            self._line_starts = starts
        return bisect_right(self._line_starts, self._spans[2 * index])

    def _parse(self, index: int) -> Record | Damaged:
        return read_record(self.raw(index), self.layout)


def read_record(raw: bytes, layout: Keys | DataFormat) -> Record | Damaged:
    """The record that `raw` holds, or why it cannot be read. Never raises."""
    try:
        return _record(json.loads(raw.decode("utf-8")), layout)
    except FormatError as error:
        return Damaged(str(error), raw[:2000].decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        return Damaged(_json_reason(error), raw[:2000].decode("utf-8", "replace"))


def read(path: Path, data: bytes, keys: Keys | None = None) -> PairFile:
    """The pairs in `data`.

    Raises AppError (cause FILE) with line and column for a file that holds none, and UnclearKeys when the
    keys have to be chosen; then call again with `keys`.
    """
    name = safe_line(path.name, 60)
    notes: list[str] = []
    data, notes = _utf8(name, data)
    first = data.lstrip()[:1]
    if not first:
        raise AppError(Cause.FILE, f"{name} is empty", hint="Open a JSON list or JSONL file of pairs")
    blank: tuple[int, ...] = ()
    if first == b"[":
        spans = _list_spans(name, data)
        shape = Shape.JSON_LIST
    else:
        spans, blank = _line_spans(data)
        shape = Shape.JSONL
        _must_begin_with_json(name, data, spans)
    if not spans:
        raise AppError(Cause.FILE, f"{name} holds no records", hint="Open a JSON list or JSONL file of pairs")
    layout = _layout(name, _sample(data, spans), keys)
    return PairFile(path, data, spans, shape, layout, blank, tuple(notes))


def _utf8(name: str, data: bytes) -> tuple[bytes, list[str]]:
    notes = []
    if data[:2] == b"\x1f\x8b":
        raise AppError(Cause.FILE, f"{name} is compressed (gzip)", hint="Unpack it first, then open it")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            data = data.decode("utf-16").encode("utf-8")
        except UnicodeError as error:
            raise AppError(Cause.FILE, f"{name} is not valid UTF-16", safe_line(str(error))) from None
        notes.append("read as UTF-16")
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
        notes.append("byte order mark skipped")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        what = "is not a text file" if b"\0" in data[:4096] else f"is not valid UTF-8 at line {line}, byte {column}"
        raise AppError(Cause.FILE, f"{name} {what}", hint="Save it as UTF-8, then open it again") from None
    return data, notes


def _line_spans(data: bytes) -> tuple[array[int], tuple[int, ...]]:
    spans: array[int] = array("Q")
    blank: list[int] = []
    start, number, size = 0, 0, len(data)
    while start < size:
        end = data.find(b"\n", start)
        end = size if end < 0 else end
        number += 1
        if data[start:end].strip(_BLANK):
            spans.append(start)
            spans.append(end)
        else:
            blank.append(number)
        start = end + 1
    return spans, tuple(blank)


_GAP = re.compile(r"[ \t\r\n]*")


def _list_spans(name: str, data: bytes) -> array[int]:
    """Byte spans of a JSON list's elements; each element is decoded once, to be sure that it is JSON."""
    text = data.decode("utf-8")
    ascii_only = len(text) == len(data)
    scan = json.JSONDecoder().raw_decode
    spans: array[int] = array("Q")
    position, byte, last = text.index("[") + 1, 0, 0

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
            _, end = scan(text, position)
            spans.append(to_byte(position))
            spans.append(to_byte(end))
            position = _gap(text, end)
            mark = text[position : position + 1]
            if mark not in (",", "]"):
                raise json.JSONDecodeError("',' or ']' expected", text, position)
            closed = mark == "]"
            position = _gap(text, position + 1)
        if text[position:].strip():
            raise json.JSONDecodeError("something follows the list", text, position)
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno}, column {error.colno}"
        raise AppError(
            Cause.FILE, f"{name} is not valid JSON {where}", error.msg, f"Mend line {error.lineno}"
        ) from None
    except (ValueError, RecursionError) as error:
        line = text.count("\n", 0, position) + 1
        raise AppError(Cause.FILE, f"{name} cannot be read at line {line}", _json_reason(error)) from None
    return spans


def _gap(text: str, position: int) -> int:
    match = _GAP.match(text, position)
    return match.end() if match else position


def _must_begin_with_json(name: str, data: bytes, spans: array[int]) -> None:
    """A file whose first line is no JSON object is not JSONL at all, and is refused as a whole."""
    head = data[spans[0] : spans[1]].strip()
    reason = "the first line is not a JSON object"
    try:
        if isinstance(json.loads(head), dict):
            return
        whole = None
    except (ValueError, RecursionError) as error:
        whole = error
    if head[:1] == b"{" and isinstance(whole, json.JSONDecodeError):
        if _is_json(data):
            reason = "it is one JSON object, not a list of records"
        elif len(spans) > 2:
            return  # one broken first line among others: shown as a damaged record
        else:
            reason = f"{whole.msg} at line {whole.lineno}, column {whole.colno}"
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


def _sample(data: bytes, spans: array[int]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for start, end in list(zip(spans[::2], spans[1::2], strict=True))[:_SAMPLE]:
        try:
            value = json.loads(data[start:end].decode("utf-8"))
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _layout(name: str, sample: list[Mapping[str, Any]], keys: Keys | None) -> Keys | DataFormat:
    if not sample:
        raise AppError(
            Cause.FILE,
            f"{name} holds no objects",
            "none of its first records is a JSON object",
            "Open a file of pairs",
        )
    formats = [detect(value) for value in sample]
    likely = max(formats, key=formats.count)
    if keys is not None:
        return keys
    return likely if likely is not None else guess_keys(name, sample)


def guess_keys(name: str, sample: Sequence[Mapping[str, Any]]) -> Keys:
    """Question and answer keys by their usual names, else the only two keys that hold text.

    Raises UnclearKeys when neither tells.
    """
    texts: dict[str, int] = {}
    for value in sample:
        for key, content in value.items():
            if isinstance(content, str):
                texts[key] = texts.get(key, 0) + 1
    often = [key for key, number in texts.items() if number * 2 >= len(sample)]
    by_name = {key.strip().casefold(): key for key in often}
    system = next((by_name[n] for n in SYSTEM_KEYS if n in by_name), None)
    question = next((by_name[n] for n in QUESTION_KEYS if n in by_name), None)
    answer = next((by_name[n] for n in ANSWER_KEYS if n in by_name and by_name[n] != question), None)
    rest = [key for key in often if key != system]
    if (question is None) != (answer is None) and len(str(question or answer).strip()) == 1:
        question = answer = None  # `a` means the answer beside `q` only, not beside `b`
    if question is not None and answer is not None:
        return Keys(question, answer, system)
    if len(rest) == 2 and (question is None) == (answer is None):
        return Keys(rest[0], rest[1], system)
    if len(rest) == 2:
        other = next(key for key in rest if key not in (question, answer))
        return Keys(question, other, system) if question is not None else Keys(other, str(answer), system)
    candidates = tuple(rest or texts)
    if len(candidates) < 2:
        seen = ", ".join(safe_line(str(key), 30) for value in sample[:1] for key in value) or "none"
        raise AppError(
            Cause.FILE,
            f"{name} holds no pairs",
            f"keys: {seen}",
            "Two keys with text are needed: a question and an answer",
        )
    raise UnclearKeys(name, candidates)


def _record(value: object, layout: Keys | DataFormat) -> Record:
    if isinstance(layout, DataFormat):
        return parse(value, layout)
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


def _json_reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON at column {error.pos + 1}: {error.msg}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return safe_line(str(error), 120)


def guess_role(path: Path) -> Role:
    """The role that the file's name or folder suggests; train when it suggests none."""
    words = re.split(r"[\W\d_]+", path.stem.casefold())
    if any(word == "val" or word.startswith("valid") for word in words):
        return Role.VALIDATION
    if any(word.startswith(("label", "eval", "test")) for word in words) or path.parent.name == "eval":
        return Role.EVAL
    return Role.TRAIN


def matching(pairs: Pairs, words: str) -> list[int]:
    """Indices of the records whose texts hold every one of the blank-separated words, ignoring case."""
    wanted = words.casefold().split()
    found = []
    for index, record in enumerate(pairs):
        text = record.raw if isinstance(record, Damaged) else "\n".join(t.text for t in record.turns)
        folded = text.casefold()
        if all(word in folded for word in wanted):
            found.append(index)
    return found
