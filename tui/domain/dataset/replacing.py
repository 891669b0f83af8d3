"""Text replaced in many records at once: what is wished, and what would come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from tui.domain.files.formats import Record, Turn
from tui.domain.text import count
from tui.domain.values import dataclass

Substitute = Callable[[str], tuple[str, int]]
"""From a text to the text with everything replaced, and in how many places."""


class Where(StrEnum):
    """The texts of a record that are looked at."""

    BOTH = "question and answer"
    QUESTION = "question"
    ANSWER = "answer"
    SYSTEM = "system prompt"
    ALL = "everywhere"


@dataclass(frozen=True, slots=True)
class Replacement:
    """What is replaced by what; with `pattern` both are as in a regular expression."""

    find: str
    by: str
    where: Where = Where.BOTH
    pattern: bool = False
    case: bool = False
    words: bool = False
    """Whether only whole words count."""

    @property
    def problem(self) -> str:
        """Why it cannot be done, as far as that is seen at once."""
        return "" if self.find else "What is to be found?"


@dataclass(frozen=True, slots=True)
class Change:
    """One record before and after, and the number of places that differ."""

    index: int
    before: Record
    after: Record
    places: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of a replacement, in the order of the records."""

    what: Replacement
    changes: tuple[Change, ...]

    @property
    def places(self) -> int:
        """How often something is replaced."""
        return sum(change.places for change in self.changes)

    @property
    def size(self) -> str:
        """`12 pairs, 19 places`."""
        return f"{count(len(self.changes), 'pair')}, {count(self.places, 'place')}"


def changed(record: Record, where: Where, substitute: Substitute) -> tuple[Record, int]:
    """A record with everything replaced in the texts that are meant, and in how many places."""
    places = 0

    def made(text: str) -> str:
        nonlocal places
        new, times = substitute(text)
        if new != text:
            places += times
        return new

    turns = record.turns
    if where is not Where.SYSTEM:
        turns = tuple(Turn(t.role, made(t.text)) if _meant(t.role, where) else t for t in turns)
    system = record.system
    if system is not None and where in (Where.SYSTEM, Where.ALL):
        system = made(system)
    return (replace(record, turns=turns, system=system), places) if places else (record, 0)


def _meant(role: str, where: Where) -> bool:
    return where in (Where.BOTH, Where.ALL) or role == {Where.QUESTION: "user", Where.ANSWER: "assistant"}[where]
