"""JSON of a given schema: what to ask of a model, and what its answer is held to.

The schemas are plain ones: type, properties, required, items, enum, description, minimum, maximum, minItems and
maxItems of JSON Schema, every object closed.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tui.domain.values import dataclass

JsonSchema = Mapping[str, Any]
_BOUNDS = ("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "pattern")
"""Keywords that constrained decoding refuses; they are checked here instead."""
_MARKS = " \t\n.。!\"'*`「」“”"


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer is to be: `name` as a tool may be named (letters, digits, `_`, `-`), an object's schema.

    `decides` names the member that all else is about: an answer that gives it twice, and differently, gives none.
    """

    name: str
    schema: JsonSchema
    description: str = ""
    decides: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """The schema as constrained decoding takes it: closed objects, no bounds."""
        return _closed(self.schema)

    @property
    def text(self) -> str:
        """The schema as JSON for a model to read."""
        return json.dumps(self.schema, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the service counted them."""

    input: int = 0
    output: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input + other.input, self.output + other.output)


class Way(StrEnum):
    """How a model is brought to answer in JSON."""

    SCHEMA = "structured output"
    TOOL = "forced tool"
    TEXT = "plain text"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document sent along: `name` for the model to read, `format` as Converse names it, the bytes as they are."""

    name: str
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Filled:
    """An answer of its schema. `whole` is False when the model ran out of tokens: what came is there.

    `usage` counts every try that was paid for, `raw` is the answer as it came, `notes` tell what was left out.
    """

    value: Any
    way: Way
    usage: Usage
    raw: str
    whole: bool = True
    notes: tuple[str, ...] = ()


class MisfitError(ValueError):
    """An answer is not of its schema; the message says where and why."""


def _closed(schema: JsonSchema) -> dict[str, Any]:
    kept: dict[str, Any] = {key: value for key, value in schema.items() if key not in _BOUNDS}
    if "properties" in kept:
        kept["properties"] = {name: _closed(inner) for name, inner in kept["properties"].items()}
        kept["additionalProperties"] = False
    if "items" in kept:
        kept["items"] = _closed(kept["items"])
    return kept


def fit(value: Any, schema: JsonSchema, path: str = "answer") -> Any:
    """`value` held to `schema`; raises MisfitError.

    Forgiven are what models do: a list or object written as a string of JSON, a number or a truth as a string (also
    in full width, and `8/10` where 10 is the most), a whole number with `.0`, one object in a list, members that the
    schema does not know (left out), items of a list that are not of its schema (left out as long as one is), and an
    enum's value in other case or with marks around it.
    """
    kind = schema.get("type")
    value = _unwrapped(value, kind, schema.get("maximum"))
    if kind == "object":
        return _object(value, schema, path)
    if kind == "array":
        return _array(value, schema, path)
    if kind in ("integer", "number"):
        return _number(value, schema, path)
    if kind == "boolean" and not isinstance(value, bool):
        raise MisfitError(f"{path} is not true or false")
    if kind == "string" and not isinstance(value, str):
        raise MisfitError(f"{path} is not a text")
    return _member(value, schema, path)


def _unwrapped(value: Any, kind: Any, most: Any) -> Any:
    if kind == "object" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if not isinstance(value, str) or kind == "string":
        return value
    text = value
    if kind in ("integer", "number"):
        text = unicodedata.normalize("NFKC", value).strip()
        number, _, whole = text.partition("/")
        text = number.strip() if most is not None and whole.strip() == str(most) else text
    try:
        return json.loads(text.strip().lower() if kind == "boolean" else text)
    except (ValueError, RecursionError):
        return value


def _object(value: Any, schema: JsonSchema, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MisfitError(f"{path} is not an object")
    fitted = {}
    for name, inner in schema.get("properties", {}).items():
        if name in value and (value[name] is not None or name in schema.get("required", ())):
            fitted[name] = fit(value[name], inner, f"{path}.{name}")
        elif name in schema.get("required", ()):
            raise MisfitError(f"{path}.{name} is missing")
    return fitted


def _array(value: Any, schema: JsonSchema, path: str) -> list[Any]:
    if isinstance(value, dict):  # one item, not in a list
        value = [value]
    if not isinstance(value, list):
        raise MisfitError(f"{path} is not a list")
    kept: list[Any] = []
    first: MisfitError | None = None
    for number, item in enumerate(value):
        try:
            kept.append(fit(item, schema.get("items", {}), f"{path}[{number}]"))
        except MisfitError as error:
            first = first or error
    if first and not kept:
        raise first
    if len(kept) < schema.get("minItems", 0):
        raise MisfitError(f"{path} has {len(kept)} items, fewer than {schema['minItems']}")
    return kept[: schema.get("maxItems", len(kept))]


def _number(value: Any, schema: JsonSchema, path: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MisfitError(f"{path} is not a number")
    whole = schema["type"] == "integer"
    if whole and not float(value).is_integer():  # neither are infinities and nan
        raise MisfitError(f"{path} is not a whole number")
    number = int(value) if whole else value
    low, high = schema.get("minimum"), schema.get("maximum")
    if not (low is None or number >= low) or not (high is None or number <= high):
        raise MisfitError(f"{path} is {number}, not between {low} and {high}")
    return number


def _member(value: Any, schema: JsonSchema, path: str) -> Any:
    allowed = schema.get("enum")
    if allowed is None or value in allowed:
        return value
    for known in allowed:
        if isinstance(value, str) and isinstance(known, str) and value.strip(_MARKS).casefold() == known.casefold():
            return known
    raise MisfitError(f"{path} is none of {', '.join(map(str, allowed))}")
