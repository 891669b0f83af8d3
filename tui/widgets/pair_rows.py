"""Pairs as rows of a table, and one pair in full."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui.domain.dataset.checks import OWN_RULE, Problem, Severity
from tui.domain.dataset.filter import Word, spans
from tui.domain.dataset.findings import Findings
from tui.domain.dataset.listing import Listing
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Pairs, Role
from tui.domain.text import safe, safe_line
from tui.domain.values import dataclass
from tui.widgets.columns import Column

HIT = "reverse"
"""The style of what a filter has found: seen without colours too."""
_IN_CELL = 500
_PLACES = {"user": "q", "assistant": "a"}
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
    looking: bool = False
    """Whether what takes longer than the rules is still being looked for."""

    @property
    def name(self) -> str:
        """The file's own name, on one line."""
        return safe_line(self.file.path.name, 40)

    @property
    def findings(self) -> Findings:
        """What is wrong with it, by record."""
        return Findings.over(self.problems or ())


class PairRows:
    """The records of a file that a list shows, as rows; what the filter looks for stands out in them."""

    def __init__(self, opened: OpenFile, listing: Listing | None = None, words: Sequence[Word] = ()) -> None:
        self._file = opened.file
        self._listing = listing or Listing()
        self._words = words
        self._findings = opened.findings

    def __len__(self) -> int:
        return self._listing.count(len(self._file))

    def index(self, row: int) -> int:
        """The record that a row shows."""
        return self._listing.index(row)

    def row(self, index: int) -> int | None:
        """The row that shows a record, if any does."""
        return self._listing.row(index)

    def find(self, key: str) -> int | None:
        """The row of a key."""
        return self.row(int(key))

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
        question, answer = record.question[:_IN_CELL], record.answer[:_IN_CELL]
        if not self._words:
            return (f"{index + 1}", question, answer, tokens, mark)
        return (f"{index + 1}", self._lit(question, "q"), self._lit(answer, "a"), tokens, mark)

    def _lit(self, text: str, place: str) -> Content:
        return lit(safe_line(text, _IN_CELL), self._words, place)


def lit(text: str, words: Sequence[Word], place: str = "") -> Content:
    """Safe text in which the words that a filter looks for there stand out."""
    content = Content(text)
    for start, end in spans(text, [w.text for w in words if w.place in ("", place)]):
        content = content.stylize(HIT, start, end)
    return content


def record_text(record: Record | Damaged, problems: Sequence[Problem], words: Sequence[Word] = ()) -> Content:
    """A record in full, under what is wrong with it; the words that a filter looks for stand out."""
    parts: list[tuple[str, str] | str | Content] = []
    for problem in problems:
        mark = "✗" if problem.severity is Severity.ERROR else "▲"
        where = f"line {problem.line}, {problem.field}" if problem.field else f"line {problem.line}"
        where += "" if problem.source == OWN_RULE else f"; {problem.source}"
        parts.append((f"{mark} {safe_line(problem.message, 300)} ({where})\n", "$text-warning"))
    parts += damaged_text(record) if isinstance(record, Damaged) else turns_text(record, words)
    return Content.assemble(*parts)


def turns_text(record: Record, words: Sequence[Word] = ()) -> list[tuple[str, str] | str | Content]:
    parts: list[tuple[str, str] | str | Content] = []
    if record.system:
        parts.append(lit(f"system  {safe(record.system, 2000)}\n", words, "s").stylize_before("$foreground-muted"))
    if record.is_pair:
        return [
            *parts,
            ("Q  ", "bold $text-accent"),
            lit(f"{safe(record.question, 4000)}\n", words, "q"),
            ("A  ", "bold $text-accent"),
            lit(safe(record.answer, 20000), words, "a"),
        ]
    for turn in record.turns:
        text = lit(f"{safe(turn.text, 8000)}\n", words, _PLACES.get(turn.role, ""))
        parts += [(f"{safe_line(turn.role, 20)}  ", "bold $text-accent"), text]
    return parts


def damaged_text(record: Damaged) -> list[tuple[str, str] | str | Content]:
    return [(f"cannot be read: {safe_line(record.reason, 300)}\n", "$text-error"), safe(record.raw, 2000)]
