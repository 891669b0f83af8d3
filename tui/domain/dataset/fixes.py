"""What can be mended without asking what was meant: nothing that a reader would miss goes, and nothing is guessed."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tui.domain.base_models import DataFormat
from tui.domain.dataset.characters import composed, visible
from tui.domain.files.document import Document, Splice, Step
from tui.domain.files.extra_fields import context_of
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.json_text import Change, changed, elements, member, members, one_line, without
from tui.domain.files.pairs import Damaged
from tui.domain.files.version import Version
from tui.domain.text import count
from tui.domain.values import dataclass

FIXES = {
    "outer space": "white space at the ends goes",
    "control character": "control and invisible characters go; line ends of other systems become plain ones",
    "decomposed": "letters and their marks become one character each (NFC); ideographs stay as they are",
    "extra keys": "keys that the format does not know go",
    "roles": "a system message that stands first becomes the system prompt, where there is none; other roles stay",
    "blank": "pairs without any text go, and system prompts without any",
    "duplicate": "pairs that stand further up word for word go; the first stays",
    "context apart": "its text is put below the question; the field itself stays",
    "line end": "carriage returns between the parts of a record go",
    "blank line": "blank lines between records go",
}
"""What the fix of each rule does. Rules that are not here need somebody to decide."""

_KNOWN = ("system", "messages")


@dataclass(frozen=True, slots=True)
class Mend:
    """One record before and after; `after` is other texts, other JSON, or None for a record that goes."""

    index: int
    before: Record | Damaged
    after: Record | str | None


@dataclass(frozen=True, slots=True)
class Mending:
    """All that a fix changes in a file, and a name that completes "undo …"."""

    rule: str
    mends: tuple[Mend, ...]

    @property
    def name(self) -> str:
        """`fix of outer space in 12 pairs`."""
        return f"fix of {self.rule} in {count(len(self.mends), 'pair')}"


def planned(
    version: Version, rules: Sequence[str], indices: Iterable[int], should_stop: Callable[[], bool] = lambda: False
) -> Mending:
    """What the fixes of these rules change in the records at `indices`, ascending; not all when told to stop."""
    found = []
    earlier = _Earlier(version) if "duplicate" in rules else None
    for number, index in enumerate(indices):
        if number % 64 == 0 and should_stop():
            break
        before = version.read(index)
        after = _after(version, rules, index, before, earlier)
        if after is not before:  # a damaged one never changes
            found.append(Mend(index, before, None if isinstance(after, Damaged) else after))
    return Mending(" and ".join(rules), tuple(found))


def _after(
    version: Version, rules: Sequence[str], index: int, before: Record | Damaged, earlier: _Earlier | None
) -> Record | Damaged | str | None:
    if earlier is not None and earlier.holds(index, before):
        return None
    if "blank line" in rules and _gap(version, index):
        return version.text(index)
    if isinstance(before, Damaged):
        return before
    if "line end" in rules and "\r" in version.text(index):
        return one_line(version.text(index))
    after = before
    if "blank" in rules:
        if not any(turn.text.strip() for turn in after.turns):
            return None
        if after.system is not None and not after.system.strip():
            after = replace(after, system=None)
    if "context apart" in rules and (context := context_of(version.text(index), version.layout)):
        question, *rest = after.turns
        after = replace(after, turns=(replace(question, text=f"{question.text}\n\n{context[1]}"), *rest))
    if "roles" in rules and after.system is None and after.turns and after.turns[0].role in ("system", "developer"):
        after = replace(after, turns=after.turns[1:], system=after.turns[0].text)
    if "control character" in rules:
        after = _each(after, visible)
    if "decomposed" in rules:
        after = _each(after, composed)
    if "outer space" in rules:
        after = _each(after, lambda text: text.strip() or text)
    if "extra keys" in rules and after.extra_keys and version.layout is DataFormat.CLAUDE_MESSAGES and after is before:
        return plain_keys(version.text(index))
    return before if (after.turns, after.system) == (before.turns, before.system) else after


def _each(record: Record, make: Callable[[str], str]) -> Record:
    turns = tuple(Turn(turn.role, make(turn.text)) for turn in record.turns)
    return replace(record, turns=turns, system=None if record.system is None else make(record.system))


def plain_keys(text: str) -> str:
    """A record in Claude's format with no keys but those that it knows; everything else stays as it is written."""
    for key in {m.key for m in members(text)}.difference(_KNOWN):
        text = without(text, key)
    messages = member(text, 0, "messages")
    if messages is None:
        return text
    changes = []
    for start, end in elements(text, messages.start):
        message = text[start:end]
        for key in {m.key for m in members(message)}.difference(("role", "content")):
            message = without(message, key)
        changes.append(Change(start, end, message))
    return changed(text, changes)


class _Earlier:
    """Where each record first stands; word for word the same ones after it are duplicates."""

    def __init__(self, version: Version) -> None:
        self._first: dict[int, int] = {}
        self._version = version
        for index, record in enumerate(version):
            self._first.setdefault(_same(record), index)

    def holds(self, index: int, record: Record | Damaged) -> bool:
        first = self._first[_same(record)]
        return first < index and _same(self._version.read(first)) == _same(record)


def _same(record: Record | Damaged) -> int:
    return hash(record if isinstance(record, Damaged) else (record.turns, record.system))


def _gap(version: Version, index: int) -> bool:
    """Whether blank lines stand before a record, not at the top of the file."""
    lead = version.material.lead(version.number(index)) if index else None
    return lead is not None and lead.count(b"\n") > 1


def step(document: Document, mending: Mending) -> Step:
    """One step that mends all; records that are not as they were when it was planned stay as they are.

    Raises FormatError when a record cannot hold its new text.
    """
    splices: list[Splice] = []
    for mend in mending.mends:
        if mend.index >= len(document.now) or document.now.read(mend.index) != mend.before:
            continue
        if mend.after is None:
            splices += document.remove([mend.index]).splices
        elif isinstance(mend.after, Record):
            splices += document.edit(mend.index, mend.after).splices
        elif mending.rule == "blank line":
            splices.append(_moved_up(document, mend.index))
        else:
            splices += document.rewrite(mend.index, mend.after).splices
    if len(splices) == len(document.now) and all(not len(s.inserted) for s in splices):
        raise FormatError("nothing would be left of the file")
    return Step(mending.name, tuple(splices))


def _moved_up(document: Document, index: int) -> Splice:
    old = document.now.number(index)
    new = document.now.material.number(document.now.material.body(old), None)
    return Splice(index, array("q", [old]), array("q", [new]))
