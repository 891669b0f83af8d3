"""Changes in the text of a JSON value that leave every other character as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tui.domain.values import dataclass

_BLANK = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FOREIGN_ESCAPE = re.compile(r"\\u(?!00[0-7])[0-9a-fA-F]{4}")
# Possessive: with a way back kept for each character, a string of ten megabytes would take a gigabyte.
_OUTSIDE = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")|[ \t\r\n]+')


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object: where its key begins, and where its value begins and ends."""

    key: str
    begin: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Change:
    """What stands from `start` to `end` becomes `text`."""

    start: int
    end: int
    text: str


def changed(text: str, changes: Sequence[Change]) -> str:
    """`text` with changes that do not overlap."""
    parts, done = [], 0
    for change in sorted(changes, key=lambda c: (c.start, c.end)):
        parts += [text[done : change.start], change.text]
        done = change.end
    return "".join([*parts, text[done:]])


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _value_end(text: str, at: int) -> int:
    return _decode(text, at)[1]


_decode = json.JSONDecoder().raw_decode


def members(text: str, at: int = 0, *, decode: Callable[[str, int], tuple[Any, int]] = _decode) -> list[Member]:
    """The members of the object that begins at `at` or behind blanks there; none when it is no object.

    The text must be valid JSON; `decode` tells where a value in it ends.
    """
    at = _skip(text, at)
    found: list[Member] = []
    if text[at : at + 1] != "{":
        return found
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key, end = _decode(text, at)
        start = _skip(text, _skip(text, end) + 1)
        stop = decode(text, start)[1]
        found.append(Member(key, at, start, stop))
        at = _skip(text, stop)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return found


def elements(text: str, at: int) -> list[tuple[int, int]]:
    """Where the elements of the list at `at` begin and end; none when it is no list."""
    at = _skip(text, at)
    found: list[tuple[int, int]] = []
    if text[at : at + 1] != "[":
        return found
    at = _skip(text, at + 1)
    while text[at : at + 1] not in ("]", ""):
        end = _value_end(text, at)
        found.append((at, end))
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return found


def member(text: str, at: int, key: str) -> Member | None:
    """The member of that key; the last one, which counts, when there are several."""
    return next((m for m in reversed(members(text, at)) if m.key == key), None)


def without(text: str, key: str) -> str:
    """The object without any member of that key."""
    while True:
        held = members(text)
        at = next((i for i, m in enumerate(held) if m.key == key), None)
        if at is None:
            return text
        if at + 1 < len(held):
            cut = Change(held[at].begin, held[at + 1].begin, "")
        elif at:
            cut = Change(held[at - 1].end, held[at].end, "")
        else:
            cut = Change(held[at].begin, held[at].end, "")
        text = changed(text, [cut])


def has_escapes(text: str) -> bool:
    """Whether it writes a character outside ASCII as an escape."""
    return _FOREIGN_ESCAPE.search(text) is not None


def one_line(text: str) -> str:
    """Valid JSON on one line: blanks outside strings go where there is a line end among them, else stay."""
    return _OUTSIDE.sub(lambda m: m[1] or (m[0] if "\n" not in m[0] and "\r" not in m[0] else ""), text)


@dataclass(frozen=True, slots=True)
class Style:
    """How objects are written: escapes, separators, and for objects over several lines their indentation."""

    escaped: bool = False
    comma: str = ", "
    colon: str = ": "
    step: str | None = None
    outer: str = ""
    newline: str = "\n"

    @classmethod
    def of(cls, text: str, *, escaped: bool = False) -> Style:
        """The style of an object like `text`; `escaped` counts where the object itself does not tell."""
        if not text.isascii():
            escaped = False
        elif has_escapes(text):
            escaped = True
        held = members(text)
        if not held:
            return cls(escaped)
        key_end = _value_end(text, held[0].begin)
        colon = text[key_end : held[0].start]
        before = text[text.index("{") + 1 : held[0].begin]
        if "\n" not in before:
            comma = text[held[0].end : held[1].begin] if len(held) > 1 else ", " if colon.endswith(" ") else ","
            return cls(escaped, comma if "\n" not in comma else ", ", colon)
        inner = before[before.rindex("\n") + 1 :]
        after = text[held[-1].end : text.rindex("}")]
        outer = after[after.rindex("\n") + 1 :] if "\n" in after else ""
        step = inner.removeprefix(outer)
        return cls(escaped, ",", colon, step, outer, "\r\n" if "\r\n" in before else "\n")

    def literal(self, value: str) -> str:
        """A string as JSON; what UTF-8 cannot hold is escaped in every style."""
        text = json.dumps(value, ensure_ascii=self.escaped)
        return text if self.escaped else _SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)

    def written(self, value: Mapping[str, Any]) -> str:
        """An object as JSON."""
        separators = (self.comma.rstrip() if self.step is not None else self.comma, self.colon)
        text = json.dumps(value, ensure_ascii=self.escaped, separators=separators, indent=self.step)
        if not self.escaped:
            text = _SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
        return text if self.step is None else text.replace("\n", self.newline + self.outer)
