"""Records of one file as text for another one, as they are where both are written alike."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tui.domain.files.document import Document
from tui.domain.files.extra_fields import fields
from tui.domain.files.formats import FormatError
from tui.domain.files.json_text import one_line
from tui.domain.files.layouts import Columns, Keys, Layout
from tui.domain.files.pairs import Damaged, Shape
from tui.domain.files.version import Version
from tui.domain.text import safe_line
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Carried:
    """Records written for another file, and the names of the fields that have no place there."""

    texts: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def carried(source: Version, indices: Sequence[int], target: Document) -> Carried:
    """The records at `indices` as `target` writes records.

    Raises FormatError when one of them cannot be read or has no place there, such as several turns in a file of pairs.
    """
    if _alike(source.layout, target.now.layout) and (source.shape is Shape.TABLE) is (target.now.shape is Shape.TABLE):
        texts = map(source.text, indices)
        if source.shape is Shape.TABLE:
            return Carried(tuple(texts))  # a blank at the end of a row belongs to its first or last field
        if source.shape is Shape.JSONL and target.now.shape is Shape.JSON_LIST:
            _must_be_json(source, indices)
        flat = target.now.shape is Shape.JSONL and source.shape is Shape.JSON_LIST
        return Carried(tuple(one_line(text) if flat else text.strip(" \t\r") for text in texts))
    texts_made, left_out = [], dict[str, None]()
    for index in indices:
        record = source[index]
        if isinstance(record, Damaged):
            raise FormatError(f"pair {index + 1} cannot be read, and the other file is written in another way")
        beside = fields(source.text(index), source.layout, record)
        text, lost = target.written(record, beside if isinstance(source.layout, Keys) else {})
        texts_made.append(text)
        lost = lost if isinstance(source.layout, Keys) else tuple(beside)
        left_out.update(dict.fromkeys(safe_line(name, 40) for name in lost))
    return Carried(tuple(texts_made), tuple(left_out))


def _must_be_json(source: Version, indices: Sequence[int]) -> None:
    """A broken line stands alone in JSONL; in a list it would break the whole file. Raises FormatError."""
    for index in indices:
        if isinstance(source.read(index), Damaged):
            try:
                json.loads(source.text(index))
            except (ValueError, RecursionError):
                raise FormatError(f"pair {index + 1} is not valid JSON and would break the other file's list") from None


def _alike(one: Layout, other: Layout) -> bool:
    """Whether a record of one layout is one of the other as it stands."""
    if isinstance(one, Columns) or isinstance(other, Columns):
        return one == other
    if isinstance(one, Keys) and isinstance(other, Keys):
        return (one.question, one.answer, one.system_key) == (other.question, other.answer, other.system_key)
    return one == other
