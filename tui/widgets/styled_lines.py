"""Lines of text in several styles, wrapped by cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from tui.widgets.cells import displayed, wrap_line

Run: TypeAlias = tuple[str, str]
"""Text of one line, safe, and the name of its style; an empty name is the usual style."""


class StyledLine(NamedTuple):
    """A line before it is wrapped; `first` stands before it, `rest` before what it goes on with."""

    runs: tuple[Run, ...]
    first: str = ""
    rest: str = ""


def wrapped(lines: Iterable[StyledLine], width: int) -> list[list[Run]]:
    """The runs of each line of at most `width` cells."""
    found: list[list[Run]] = []
    for line in lines:
        room = max(1, width - len(line.rest))
        parts = wrap_line("".join(text for text, _ in line.runs), room)
        for number, runs in enumerate(_parted(line.runs, parts)):
            lead = line.rest if number else line.first
            found.append([(lead, "lead"), *runs] if lead else runs)
    return found


def _parted(runs: Sequence[Run], parts: Sequence[str]) -> Iterable[list[Run]]:
    """The runs cut where the parts of their joined text begin."""
    left = list(reversed(runs))
    for part in parts:
        room = len(part)
        found: list[Run] = []
        while room and left:
            text, style = left.pop()
            if len(text) > room:
                left.append((text[room:], style))
                text = text[:room]
            room -= len(text)
            found.append((text, style))
        yield _trimmed(found)


def _trimmed(runs: list[Run]) -> list[Run]:
    while runs and not runs[-1][0].rstrip():
        runs.pop()
    if runs:
        runs[-1] = (runs[-1][0].rstrip(), runs[-1][1])
    return runs


def marked(pieces: Iterable[tuple[str, bool]]) -> list[StyledLine]:
    """Outside text in pieces, those that are marked in the style `mark`."""
    lines: list[list[Run]] = [[]]
    for text, mark in pieces:
        for number, part in enumerate(displayed(text).split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((part, "mark" if mark else ""))
    return [StyledLine(tuple(runs)) for runs in lines]
