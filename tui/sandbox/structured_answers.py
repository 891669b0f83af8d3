"""Answers in JSON: a rule fills whatever schema it is given. Pairs are written, scores and verdicts judged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tui.sandbox import judge, writer
from tui.sandbox.document_blocks import Block, blocks
from tui.sandbox.tokens import has_cjk

Schema = Mapping[str, Any]
_NUMBER = re.compile(r"(\d{1,4})[^\d\n.]{0,40}?(?:pairs?|questions?|items?|組|問|件)")
_KNOWN = re.compile(r"^\s*[-*] (.+)$", re.MULTILINE)
_LANGUAGE = re.compile(r"\bin (English|Japanese)\b|(英語|日本語)で")
_RATING = "[[rating]]"
_FIRST_WORDS = 12
NOTE = {"sandbox": "written by a rule of the sandbox, not by a model"}
"""Goes with every such answer as additionalModelResponseFields."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer is to be: JSON of a schema, as the input of a tool or as text; `fenced` within other text."""

    schema: Schema
    tool: str = ""
    fenced: bool = False


@dataclass(frozen=True)
class Task:
    """What an answer is made from."""

    prompt: str
    papers: Sequence[tuple[str, bytes]] = ()
    manner: judge.Manner | None = None

    @cached_property
    def judgement(self) -> judge.Judgement | None:
        """Of the answers in the prompt, if there are any."""
        return judge.judge(self.prompt, self.manner)

    @cached_property
    def paper_tokens(self) -> int:
        """About how many tokens the documents' text has. They are read for it: what is unreadable is refused here."""
        texts = (f"{b.text}{''.join(cell for _, cell in b.cells)}" for b in (self.text if self.papers else ()))
        return sum(len(text) // (1 if has_cjk(text) else 4) + 1 for text in texts)

    @cached_property
    def text(self) -> list[Block]:
        """The documents' blocks; without documents the prompt's own."""
        found = [block for kind, data in self.papers for block in blocks(kind, data)]
        return found or blocks("txt", self.prompt.encode("utf-8", "replace"))


def wanted_in(prompt: str) -> Wanted | None:
    """The last JSON schema of an object that stands in a prompt itself."""
    decoder = json.JSONDecoder()
    for at in sorted((match.start() for match in re.finditer(r'\{\s*"', prompt)), reverse=True)[:200]:
        try:
            value, _ = decoder.raw_decode(prompt, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value.get("type") == "object" and isinstance(value.get("properties"), dict):
            return Wanted(value, fenced=True)
    return None


def rating(task: Task) -> str | None:
    """A judge's plain text, when the prompt asks for a rating in double brackets."""
    if _RATING not in task.prompt or task.judgement is None:
        return None
    if task.manner is judge.Manner.UNREADABLE:
        return "I would rather not put a number on it."
    return f"{task.judgement.reasoning}\n\nRating: [[{task.judgement.score(1, 10):.0f}]]"


def fill(wanted: Wanted, task: Task) -> Any:
    """A value of the schema; for an unreadable manner one that is not of it."""
    if task.manner is judge.Manner.UNREADABLE:
        return {} if wanted.tool else "I would rather not put it like that."
    return _value("", wanted.schema, task)


def text_of(wanted: Wanted, value: Any) -> str:
    """The answer as text."""
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return f"Here it is:\n```json\n{text}\n```" if wanted.fenced else text


def _value(name: str, schema: Schema, task: Task) -> Any:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return task.judgement.verdict([str(c) for c in choices]) if task.judgement else choices[0]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties") or {}
        return {key: _value(key, inner, task) for key, inner in properties.items()}
    if kind == "array":
        return _array(schema, task)
    if kind in ("integer", "number"):
        return _number(name, schema, task)
    if kind == "boolean":
        return True
    return _text(task)


def _number(name: str, schema: Schema, task: Task) -> float | int:
    low, high = schema.get("minimum", 1), schema.get("maximum", 10)
    if task.judgement is None:
        return int(low) if schema.get("type") == "integer" else float(low)
    second = re.search(r"(?:^|_)(b|2|second|right)$", name.casefold()) is not None
    mark = task.judgement.score(low, high, int(second))
    return round(mark) if schema.get("type") == "integer" else round(mark, 2)


def _text(task: Task) -> str:
    if task.judgement is not None:
        return task.judgement.reasoning
    words = " ".join(block.text for block in task.text[:1]).split()[:_FIRST_WORDS]
    return " ".join(words) or "Nothing."


def _array(schema: Schema, task: Task) -> list[Any]:
    inner = schema.get("items") or {}
    texts = [key for key, one in (inner.get("properties") or {}).items() if one.get("type") == "string"]
    if inner.get("type") != "object" or len(texts) < 2:
        return [_value("", inner, task)]
    return [dict(_value("", inner, task), **dict(zip(texts, pair, strict=False))) for pair in _pairs(schema, task)]


def _pairs(schema: Schema, task: Task) -> list[writer.Pair]:
    number = _NUMBER.search(task.prompt)
    wanted = schema.get("maxItems") or schema.get("minItems") or (int(number[1]) if number else 5)
    language = _LANGUAGE.search(task.prompt)
    named = (language[1] or {"英語": "English", "日本語": "Japanese"}[language[2]]) if language else ""
    return writer.write(task.text, int(wanted), language=named, known=_KNOWN.findall(task.prompt))
