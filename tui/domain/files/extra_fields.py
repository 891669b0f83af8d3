"""What records hold beside question, answer and system prompt: no base model is trained on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.files.chats import Chat
from tui.domain.files.csv_text import cells
from tui.domain.files.formats import Record
from tui.domain.files.layouts import Columns, Keys, Layout
from tui.domain.files.pairs import Pairs

_BATCH = 256
_CONTEXTS = ("input", "context")
"""Fields that belong to the question by their usual names (Alpaca, Dolly)."""
OWN = "provenance"
"""The field in which this app notes where a pair comes from; nobody misses it in training data."""
_WRITTEN = re.compile(rb'"(?:input|context)"', re.IGNORECASE)


def fields(text: str, layout: Layout, record: Record) -> Mapping[str, Any]:
    """The fields of a readable record that are no part of it; those of messages by `messages.name`."""
    if isinstance(layout, Columns):
        held = zip(layout.names, (cell.text for cell in cells(text, layout.dialect)), strict=False)
        return {n: value for n, value in held if value and n not in (layout.question, layout.answer, layout.system)}
    if isinstance(layout, DataFormat):
        return {re.sub(r"\[\d+\]", "", key): True for key in record.extra_keys}
    value: dict[str, Any] = json.loads(text)
    if isinstance(layout, Keys):
        used = (layout.question, layout.answer, layout.system_key if record.system is not None else None)
        return {key: held for key, held in value.items() if key not in used}
    return _beside_messages(value, layout)


def _beside_messages(value: dict[str, Any], layout: Chat) -> Mapping[str, Any]:
    turns = value[layout.turns]
    apart = value.get("system") is not None and turns[:1] and turns[0].get(layout.role) in ("system", "developer")
    used = (layout.turns,) if apart else (layout.turns, "system")
    found = {key: held for key, held in value.items() if key not in used}
    for turn in turns:
        found |= {f"{layout.turns}.{key}": held for key, held in turn.items() if key not in (layout.role, layout.text)}
    return found


def lost(text: str, layout: Layout, record: Record) -> Iterator[str]:
    """The names of fields that hold something and that no base model's format has a place for."""
    for name, held in fields(text, layout, record).items():
        if held is not None and held not in ("", [], {}) and name != OWN:
            yield name


def contexts(pairs: Pairs, should_stop: Callable[[], bool]) -> Iterator[tuple[int, str]]:
    """Pairs whose question has a second part in a field of its own, and that field; ends early when told to stop."""
    layout = pairs.layout
    if not isinstance(layout, Keys) or (isinstance(layout, Columns) and not _names(layout.names, layout)):
        return
    for start in range(0, len(pairs), _BATCH):
        if should_stop():
            return
        for index, body in enumerate(pairs.bodies(start, start + _BATCH), start):
            if isinstance(layout, Columns) or _WRITTEN.search(body):
                found = context_of(body.decode("utf-8"), layout)
                if found:
                    yield index, found[0]


def context_of(text: str, layout: Layout) -> tuple[str, str] | None:
    """The field with the second part of a record's question, and its text; None when the question has it, or none is.

    Never raises, whatever the record is.
    """
    if not isinstance(layout, Keys):
        return None
    try:
        if isinstance(layout, Columns):
            value: Any = dict(zip(layout.names, (cell.text for cell in cells(text, layout.dialect)), strict=False))
        else:
            value = json.loads(text)
        names = _names(value, layout) if isinstance(value, dict) else []
        question, answer = (value[layout.question], value[layout.answer]) if names else (None, None)
    except (ValueError, LookupError, RecursionError):  # a damaged record, which is said elsewhere
        return None
    if not isinstance(question, str) or not isinstance(answer, str):
        return None
    for name in names:
        held = value[name]
        if isinstance(held, str) and held.strip() and held.strip() not in question:
            return name, held
    return None


def _names(names: Iterable[str], layout: Keys) -> list[str]:
    used = (layout.question, layout.answer, layout.system_key)
    return [name for name in names if name.strip().casefold() in _CONTEXTS and name not in used]
