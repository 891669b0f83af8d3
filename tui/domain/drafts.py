"""Pairs on their way between the tabs: files as the others see them, questions to ask, answers to train on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TypeAlias

from tui.domain.chat import Message
from tui.domain.pairs import Damaged, Pairs, Role
from tui.domain.text import is_cjk, normalised, safe_line

_WORDS, _CHARACTERS = 4, 10
"""What a question needs at least for being part of another one to mean something: words, or Japanese characters."""


@dataclass(frozen=True, slots=True)
class OpenPairs:
    """An open file as it is now, edits included, and what it is for. `pairs` never changes."""

    pairs: Pairs
    role: Role

    @property
    def name(self) -> str:
        """The file's own name, on one line."""
        return safe_line(self.pairs.path.name, 40)


OpenFiles: TypeAlias = tuple[OpenPairs, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """A question to ask both sides. `before` are the turns that lead to it; `system` None leaves the one in use."""

    question: str
    reference: str = ""
    before: tuple[Message, ...] = ()
    system: str | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a drafted pair comes from. `kind` is correction, evaluation or generated; `at` is ISO 8601 in UTC."""

    kind: str
    model: str = ""
    model_id: str = ""
    job: str = ""
    source: str = ""
    at: str = ""

    def to_dict(self) -> dict[str, str]:
        """What is known, by field."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class PairDraft:
    """A pair for the training file."""

    question: str
    answer: str
    provenance: Provenance
    system: str | None = None
    before: tuple[Message, ...] = ()
    """The turns that led to it, for files that hold conversations."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A record that must not be trained on holds the question; `index` counts from 0."""

    how: str
    name: str
    role: Role
    index: int

    @property
    def sentence(self) -> str:
        """Which one, and how."""
        return f"The question {self.how} pair {self.index + 1} of {self.name} ({self.role}); it must not be trained on"


def held_out(question: str, files: Iterable[OpenPairs]) -> HeldOut | None:
    """Where the question stands in a validation or evaluation file: as it is, but for case and punctuation, or as a
    part of a longer question or the other way round. Reads every record: not for the event loop.
    """
    asked = _Words(question)
    found: HeldOut | None = None
    for opened in files:
        if opened.role is Role.TRAIN:
            continue
        for index, record in enumerate(opened.pairs):
            how = "" if isinstance(record, Damaged) else asked.found_in(record.question)
            if how == "is":
                return HeldOut(how, opened.name, opened.role, index)
            if how and found is None:
                found = HeldOut(how, opened.name, opened.role, index)
    return found


def reference_for(question: str, files: Iterable[OpenPairs]) -> tuple[str, str]:
    """The answer to a question in the open files, and where it stands; evaluation and validation files come first.

    Case and white space do not count. Two empty texts when no file holds it. Reads every record: not for the event
    loop.
    """
    wanted = _folded(question)
    order = (Role.EVAL, Role.VALIDATION, Role.TRAIN)
    for opened in sorted(files, key=lambda f: order.index(f.role)):
        for index, record in enumerate(opened.pairs):
            if not isinstance(record, Damaged) and _folded(record.question) == wanted and record.answer.strip():
                return record.answer, f"{opened.name}, pair {index + 1}"
    return "", ""


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


class _Words:
    """A question, ready to be compared."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._plain = normalised(text)
        self._telling = _telling(self._plain)

    def found_in(self, other: str) -> str:
        """How it stands in another question; nothing when it does not."""
        if self._text and self._text == other.strip():
            return "is"
        plain = normalised(other)
        if not self._plain or not plain:
            return ""
        if plain == self._plain:
            return "reads like"
        if self._telling and _part(self._plain, plain):
            return "is part of"
        return "holds" if len(plain) < len(self._plain) and _telling(plain) and _part(plain, self._plain) else ""


def _telling(plain: str) -> bool:
    return len(plain) >= _CHARACTERS if is_cjk(plain) else plain.count(" ") >= _WORDS - 1


def _part(short: str, long: str) -> bool:
    return short in long if is_cjk(short) else f" {short} " in f" {long} "
