"""The texts of many records at once, for what looks through a whole file.

A `Record` of a plain pair takes several times as long to make as its JSON takes to read, and hardly a search or a
check needs one: they look at two strings, and make a record of the few that deserve a closer look.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.files.chats import ROLES, Chat
from tui.domain.files.formats import CONVERSATION_SCHEMA
from tui.domain.files.layouts import Columns, Keys, Layout
from tui.domain.files.pairs import Pairs

Texts = tuple[str, str, str | None]
"""Question, answer and system prompt of a record that is one question and one answer and nothing else."""

BATCH = 256
"""Records to look at in one go: about a millisecond's work, so that keys are answered between two batches."""

_scan: Callable[[str, int], tuple[Any, int]] = json.scanner.make_scanner(json.JSONDecoder())  # type: ignore[attr-defined]
"""What `json.loads` calls in the end, without all that it does before for each call."""


def plain(bodies: Iterable[bytes], layout: Layout) -> list[Texts | None]:
    """The texts of records given as JSON; None for each that has to be read in full, if it can be read at all."""
    take = _taker(layout)
    found: list[Texts | None] = []
    for body in bodies:
        try:
            text = body.decode().strip(" \t\r\n")
            value, end = _scan(text, 0)
            found.append(take(value) if end == len(text) and type(value) is dict else None)
        except (ValueError, StopIteration, RecursionError):  # IndexError never: scan_once says StopIteration
            found.append(None)
    return found


def _taker(layout: Layout) -> Callable[[dict[str, Any]], Texts | None]:
    if isinstance(layout, Keys):
        return _of_keys(layout)
    if isinstance(layout, Chat):
        return _of_chat(layout)
    if layout is DataFormat.PROMPT_COMPLETION:
        return _of_completion
    return _of_messages if layout is DataFormat.CLAUDE_MESSAGES else _of_conversation


def _of_keys(keys: Keys) -> Callable[[dict[str, Any]], Texts | None]:
    question_key, answer_key, system_key = keys.question, keys.answer, keys.system_key

    def take(value: dict[str, Any]) -> Texts | None:
        question, answer = value.get(question_key), value.get(answer_key)
        if type(question) is not str or type(answer) is not str:
            return None
        system = value.get(system_key) if system_key else None
        return question, answer, system if type(system) is str else None

    return take


def _of_chat(layout: Chat) -> Callable[[dict[str, Any]], Texts | None]:
    key, role_key, text_key, roles = layout.turns, layout.role, layout.text, ROLES

    def take(value: dict[str, Any]) -> Texts | None:
        turns = value.get(key)
        if type(turns) is not list or not 2 <= len(turns) <= 3 or "system" in value:
            return None
        texts: list[Any] = []
        for turn, wanted in zip(turns, ("system", "user", "assistant")[-len(turns) :], strict=True):
            if type(turn) is not dict or type(turn.get(role_key)) is not str or roles.get(turn[role_key]) != wanted:
                return None
            texts.append(turn.get(text_key))
        if not all(type(text) is str for text in texts):
            return None
        return texts[-2], texts[-1], texts[0] if len(texts) == 3 else None

    return take


def _of_completion(value: dict[str, Any]) -> Texts | None:
    question, answer = value.get("prompt"), value.get("completion")
    if type(question) is not str or type(answer) is not str or len(value) != 2:
        return None
    return question, answer, None


def _of_messages(value: dict[str, Any]) -> Texts | None:
    contents = _contents(value.get("messages"))
    system = value.get("system")
    if contents is None or len(value) != 1 + ("system" in value) or ("system" in value and type(system) is not str):
        return None
    question, answer = contents
    return (question, answer, system) if type(question) is str and type(answer) is str else None


def _of_conversation(value: dict[str, Any]) -> Texts | None:
    contents = _contents(value.get("messages"))
    known = 1 + ("system" in value) + (value.get("schemaVersion") == CONVERSATION_SCHEMA)
    if contents is None or len(value) != known:
        return None
    question, answer = _only_text(contents[0]), _only_text(contents[1])
    system = _only_text(value["system"]) if "system" in value else None
    if question is None or answer is None or ("system" in value and system is None):
        return None
    return question, answer, system


def _contents(messages: Any) -> tuple[Any, Any] | None:
    """What a user and then an assistant say, when there is nothing else."""
    if type(messages) is not list or len(messages) != 2:
        return None
    first, second = messages
    if type(first) is not dict or type(second) is not dict or len(first) != 2 or len(second) != 2:
        return None
    if first.get("role") != "user" or second.get("role") != "assistant":
        return None
    return first.get("content"), second.get("content")


def _only_text(blocks: Any) -> str | None:
    if type(blocks) is not list or len(blocks) != 1 or type(blocks[0]) is not dict or len(blocks[0]) != 1:
        return None
    text = blocks[0].get("text")
    return text if type(text) is str else None


def texts(pairs: Pairs, start: int, stop: int) -> list[Texts | None]:
    """The texts of the records from `start` up to `stop` of a file; None for each that has to be read in full."""
    bodies = pairs.bodies(start, stop)
    return [None] * len(bodies) if isinstance(pairs.layout, Columns) else plain(bodies, pairs.layout)


def batches(pairs: Pairs) -> Iterator[tuple[int, list[Texts | None]]]:
    """A file from its first record to its last: where each batch begins, and its texts."""
    return ((at, texts(pairs, at, at + BATCH)) for at in range(0, len(pairs), BATCH))
