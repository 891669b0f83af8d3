"""A record as plain text under headings, for an editor outside the app, and back."""

from __future__ import annotations

from dataclasses import replace

from tui.domain.files.formats import FormatError, Record, Turn


def written(record: Record, *, with_system: bool) -> str:
    """Each text under a heading of its own; the headings are made so that no text holds one."""
    parts = _parts(record, with_system=with_system)
    headings = _headings(record, with_system=with_system)
    return "".join(f"{heading}\n{text}\n" for heading, text in zip(headings, parts, strict=True))


def read(text: str, record: Record, *, with_system: bool) -> Record:
    """`record` with the texts that were written under its headings. Raises FormatError when a heading is gone."""
    headings = _headings(record, with_system=with_system)
    if not text.endswith("\n"):
        text += "\n"
    rest = f"\n{text}"
    found = []
    for number, heading in enumerate(headings):
        before, mark, rest = rest.partition(f"\n{heading}\n")
        if not mark or (number == 0 and before.strip()):
            raise FormatError(f"the line “{heading}” is gone")
        if number:
            found.append(before)
        rest = f"\n{rest}"
    found.append(rest[:-1])
    texts = [part[1:] for part in found]
    turns = tuple(Turn(turn.role, part) for turn, part in zip(record.turns, texts, strict=False))
    if not with_system:
        return replace(record, turns=turns)
    system = texts[-1] if texts[-1] or record.system == "" else None
    return replace(record, turns=turns, system=system)


def _parts(record: Record, *, with_system: bool) -> list[str]:
    return [turn.text for turn in record.turns] + ([record.system or ""] if with_system else [])


def _headings(record: Record, *, with_system: bool) -> list[str]:
    bar = "====="
    while any(bar in part for part in _parts(record, with_system=with_system)):
        bar += "="
    names = ["question", "answer"] if record.is_pair else [f"message {n}" for n in range(1, len(record.turns) + 1)]
    return [f"{bar} {name}" for name in [*names, *(["system prompt"] if with_system else [])]]
