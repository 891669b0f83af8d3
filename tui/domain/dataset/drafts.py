"""Pairs on their way between the tabs: files as the others see them, questions to ask, answers to train on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, TypeAlias

from tui.domain.files.pairs import Damaged, Pairs, Role
from tui.domain.text import safe_line
from tui.domain.values import dataclass

if TYPE_CHECKING:
    from tui.domain.chat.chat import Message
    from tui.domain.dataset.leaks import Near


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
    """Where the question stands in a validation or evaluation file: as it is, but for case and punctuation, or one
    wholly in the other. The gravest comes first. Reads every record: not for the event loop.
    """
    from tui.domain.dataset.grams import Level, Thresholds
    from tui.domain.dataset.leaks import contained

    # Questions that are merely alike may differ in the very word that matters, so they are not kept out.
    wholly, gravest = Thresholds(containment=1.0, jaccard=1.0), tuple(Level)
    found: list[tuple[Near, OpenPairs]] = []
    for opened in files:
        if opened.role is not Role.TRAIN:
            found += [(near, opened) for near in contained(question.strip(), opened.pairs, wholly)[:1]]
    if not found:
        return None
    near, opened = min(found, key=lambda one: gravest.index(one[0].alike.level))
    return HeldOut(_how(near, question, opened), opened.name, opened.role, near.index)


def _how(near: Near, question: str, opened: OpenPairs) -> str:
    from tui.domain.dataset.grams import Level

    if near.alike.level is Level.EXACT:
        return "is"
    if near.alike.level is Level.NORMALISED:
        return "reads like"
    record = opened.pairs[near.index]
    longer = not isinstance(record, Damaged) and len(record.question) > len(question)
    return "is part of" if longer else "holds"


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
