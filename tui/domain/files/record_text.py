"""Records changed or made anew as text, in the manner of the file they stand in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.files import row_text
from tui.domain.files.chats import Chat, chat_turns, chat_value, system_apart
from tui.domain.files.formats import FormatError, Record, render
from tui.domain.files.json_text import Change, Style, changed, elements, member, members, without
from tui.domain.files.layouts import Columns, Keys, Layout
from tui.domain.files.records import read_record
from tui.domain.files.turns_text import with_turns


def has_system(layout: Layout) -> bool:
    """Whether records of this layout can have a system prompt of their own."""
    return bool(layout.system_key) if isinstance(layout, Keys) else layout is not DataFormat.PROMPT_COMPLETION


def holds_turns(layout: Layout) -> bool:
    """Whether records of this layout can have more than one question and one answer."""
    return isinstance(layout, Chat) or layout in (DataFormat.CLAUDE_MESSAGES, DataFormat.BEDROCK_CONVERSATION)


def edited(raw: str, layout: Layout, before: Record, after: Record, style: Style) -> str:
    """`raw`, which holds `before`, changed to hold `after`; only the texts that differ are written anew.

    Raises FormatError when the layout has no place for these turns or for a system prompt.
    """
    if isinstance(layout, Columns):
        return row_text.edited(raw, layout, before, after)
    if isinstance(layout, Chat):
        return _chat_edited(raw, layout, before, after, style)
    text = _with_texts(raw, layout, before, after, style)
    if before.system != after.system:
        text = _with_system(text, layout, after.system, style)
    return _proved(text, layout, after)


def _proved(text: str, layout: Layout, after: Record) -> str:
    """The text, known to hold the record. Raises FormatError when it does not."""
    found = read_record(text.encode("utf-8"), layout)
    if not (isinstance(found, Record) and (found.turns, found.system) == (after.turns, after.system)):
        raise FormatError("the record cannot be changed in place")
    return text


def _chat_edited(raw: str, layout: Chat, before: Record, after: Record, style: Style) -> str:
    """The system prompt is a message like others, except where the record has it apart."""
    if system_apart(json.loads(raw), layout):
        if before.system != after.system:
            change = _value(raw, 0, "system", style.literal(after.system)) if after.system is not None else None
            raw = changed(raw, [change]) if change else without(raw, "system")
        old, new = before.turns, after.turns
    else:
        if (before.system is None) is not (after.system is None):
            between = replace(before, system=after.system)  # so that no other message is written anew for it
            raw = with_turns(raw, layout, chat_turns(before), chat_turns(between), style)
            before = between
        old, new = chat_turns(before), chat_turns(after)
    if [t.role for t in old] != [t.role for t in new]:
        return _proved(with_turns(raw, layout, old, new, style), layout, after)
    messages = member(raw, 0, layout.turns)
    places = elements(raw, messages.start) if messages else []
    changes = [
        _value(raw, places[number][0], layout.text, style.literal(now.text))
        for number, (was, now) in enumerate(zip(old, new, strict=True))
        if was.text != now.text
    ]
    return _proved(changed(raw, changes), layout, after)


def _with_texts(raw: str, layout: Keys | DataFormat, before: Record, after: Record, style: Style) -> str:
    if [t.role for t in before.turns] != [t.role for t in after.turns]:
        if not isinstance(layout, DataFormat) or not holds_turns(layout):
            raise FormatError("a record of this file is one question and one answer")
        return with_turns(raw, layout, before.turns, after.turns, style)
    changes = [
        _turn_change(raw, layout, number, new.text, style)
        for number, (old, new) in enumerate(zip(before.turns, after.turns, strict=True))
        if old.text != new.text
    ]
    return changed(raw, changes)


def _turn_change(raw: str, layout: Keys | DataFormat, number: int, text: str, style: Style) -> Change:
    if isinstance(layout, Keys) or layout is DataFormat.PROMPT_COMPLETION:
        keys = (layout.question, layout.answer) if isinstance(layout, Keys) else ("prompt", "completion")
        return _value(raw, 0, keys[number], style.literal(text))
    messages = member(raw, 0, "messages")
    if messages is None:
        raise FormatError("messages is missing")
    at = elements(raw, messages.start)[number][0]
    if layout is DataFormat.CLAUDE_MESSAGES:
        return _value(raw, at, "content", style.literal(text))
    return _blocks(raw, at, "content", text, style)


def _value(raw: str, at: int, key: str, literal: str) -> Change:
    found = member(raw, at, key)
    if found is None:
        raise FormatError(f"{key} is missing")
    return Change(found.start, found.end, literal)


def _blocks(raw: str, at: int, key: str, text: str, style: Style) -> Change:
    """A list of text blocks: the text of the only one is changed, several become one."""
    found = member(raw, at, key)
    if found is None:
        raise FormatError(f"{key} is missing")
    blocks = elements(raw, found.start)
    if len(blocks) == 1:
        return _value(raw, blocks[0][0], "text", style.literal(text))
    return Change(found.start, found.end, f'[{{"text"{style.colon}{style.literal(text)}}}]')


def _with_system(raw: str, layout: Keys | DataFormat, system: str | None, style: Style) -> str:
    if not has_system(layout):
        raise FormatError("this format has no place for a system prompt")
    key = layout.system_key if isinstance(layout, Keys) else "system"
    if system is None:
        return without(raw, key)
    in_blocks = layout is DataFormat.BEDROCK_CONVERSATION
    found = member(raw, 0, key)
    if found is not None:
        change = _blocks(raw, 0, key, system, style) if in_blocks else _value(raw, 0, key, style.literal(system))
        return changed(raw, [change])
    value = style.literal(system)
    value = f'[{{"text"{style.colon}{value}}}]' if in_blocks else value
    held = members(raw)
    at = next((m for m in held if m.key == "messages"), held[0])
    gap = raw[held[0].end : held[1].begin] if len(held) > 1 else style.comma
    return changed(raw, [Change(at.begin, at.begin, f"{style.literal(key)}{style.colon}{value}{gap}")])


def made(record: Record, layout: Layout, like: str, style: Style, extra: Mapping[str, Any] = {}) -> str:
    """A new record as text, its keys in the order that `like`, a neighbour, has them; `extra` fields come last.

    Raises FormatError when the layout cannot hold it.
    """
    if isinstance(layout, Columns):
        return row_text.made(record, layout, like, extra)
    if extra and not isinstance(layout, Keys):
        raise FormatError("this format has no place for fields of your own")
    value = chat_value(record, layout) if isinstance(layout, Chat) else _value_of(record, layout)
    order = {m.key: number for number, m in enumerate(members(like))}
    ordered = dict(sorted(value.items(), key=lambda item: order.get(item[0], -1)))
    return style.written({**ordered, **{key: v for key, v in extra.items() if key not in ordered}})


def _value_of(record: Record, layout: Keys | DataFormat) -> Mapping[str, Any]:
    if isinstance(layout, DataFormat):
        return render(record, layout)
    if not record.is_pair:
        raise FormatError("this file holds pairs; the record has more turns")
    value = {layout.question: record.question, layout.answer: record.answer}
    if record.system is not None:
        if not layout.system_key:
            raise FormatError("this file has no place for a system prompt")
        value[layout.system_key] = record.system
    return value
