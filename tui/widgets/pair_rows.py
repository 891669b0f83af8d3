"""Pairs as rows of a table, and one pair in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from tui.domain.checks import Problem, Severity
from tui.domain.findings import Findings
from tui.domain.formats import Record
from tui.domain.pairs import Damaged, Pairs, Role
from tui.domain.text import safe, safe_line
from tui.widgets.columns import Column

PAIR_COLUMNS = (
    Column("number", "#", 7, align="right", hide_below=50),
    Column("question", "question", weight=2),
    Column("answer", "answer", weight=3, hide_below=40),
    Column("tokens", "≈tok", 6, align="right", hide_below=60),
    Column("problems", "!", 2),
)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is open, what it is for, and what is wrong with it (None until it was checked)."""

    file: Pairs
    role: Role
    problems: tuple[Problem, ...] | None = None

    @property
    def name(self) -> str:
        """The file's own name, on one line."""
        return safe_line(self.file.path.name, 40)

    @property
    def findings(self) -> Findings:
        """What is wrong with it, by record."""
        return Findings.over(self.problems or ())


class PairRows:
    """The records of a file, or the found ones, as rows."""

    def __init__(self, opened: OpenFile, found: Sequence[int] | None) -> None:
        self._file = opened.file
        self._found = found
        self._findings = opened.findings

    def __len__(self) -> int:
        return len(self._file) if self._found is None else len(self._found)

    def index(self, row: int) -> int:
        """The record that a row shows."""
        return row if self._found is None else self._found[row]

    def row(self, index: int) -> int | None:
        """The row that shows a record, if any does."""
        if self._found is None:
            return index
        return self._found.index(index) if index in self._found else None

    def key(self, row: int) -> str:
        """The record's index: it stays when the filter changes."""
        return str(self.index(row))

    def cells(self, row: int) -> Sequence[str | Content]:
        """Number, question, answer, tokens, problem mark."""
        index = self.index(row)
        record = self._file[index]
        mark = ("", "▲", "✗")[self._findings.worst(index)]
        if isinstance(record, Damaged):
            return (f"{index + 1}", f"cannot be read: {record.reason}", record.raw[:200], "", "✗")
        tokens = f"{record.estimate():,}"
        return (f"{index + 1}", record.question[:500], record.answer[:500], tokens, mark)


def record_text(record: Record | Damaged, problems: Sequence[Problem]) -> Content:
    """A record in full, under what is wrong with it."""
    parts: list[tuple[str, str] | str] = []
    for problem in problems:
        mark = "✗" if problem.severity is Severity.ERROR else "▲"
        where = f"line {problem.line}, {problem.field}" if problem.field else f"line {problem.line}"
        parts.append((f"{mark} {safe_line(problem.message, 300)} ({where}; {problem.source})\n", "$text-warning"))
    parts += damaged_text(record) if isinstance(record, Damaged) else turns_text(record)
    return Content.assemble(*parts)


def turns_text(record: Record) -> list[tuple[str, str] | str]:
    parts: list[tuple[str, str] | str] = []
    if record.system:
        parts.append((f"system  {safe(record.system, 2000)}\n", "$foreground-muted"))
    if record.is_pair:
        return [
            *parts,
            ("Q  ", "bold $text-accent"),
            f"{safe(record.question, 4000)}\n",
            ("A  ", "bold $text-accent"),
            safe(record.answer, 20000),
        ]
    for turn in record.turns:
        parts += [(f"{safe_line(turn.role, 20)}  ", "bold $text-accent"), f"{safe(turn.text, 8000)}\n"]
    return parts


def damaged_text(record: Damaged) -> list[tuple[str, str] | str]:
    return [(f"cannot be read: {safe_line(record.reason, 300)}\n", "$text-error"), safe(record.raw, 2000)]
