"""Rows of an evaluation in the order and selection in which they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from tui.domain.evaluation.judging import Failure, Outcome
from tui.domain.evaluation.results import Row
from tui.domain.evaluation.spec import Answer
from tui.domain.text import normalised


class Order(StrEnum):
    """How rows are sorted; the value is what the title says."""

    REGRESSIONS = "regressions first"
    FILE = "as in the file"
    GAINS = "gains first"

    @property
    def next(self) -> Order:
        """The one that the key chooses next."""
        every = list(Order)
        return every[(every.index(self) + 1) % len(every)]


_KINDS: dict[str, Callable[[Row], bool]] = {
    "win": lambda row: row.outcome is Outcome.WIN,
    "tie": lambda row: row.outcome is Outcome.TIE,
    "loss": lambda row: row.outcome is Outcome.LOSS,
    "flip": lambda row: row.flips > 0,
    "failed": lambda row: bool(row.problems),
    "unanswered": lambda row: any(not isinstance(a, Answer) for a in (*row.tuned, *row.base)),
    "unjudged": lambda row: row.delta is None and not row.problems,
}


def filter_problem(words: str) -> str:
    """What in the filter is not understood; empty when all is."""
    wrong = [w for w in words.split() if w.startswith("is:") and w[3:] not in _KINDS]
    return f"{wrong[0]} is none of is:{' is:'.join(_KINDS)}" if wrong else ""


class Plain:
    """Rows as words are looked for in them: question, reference and answers. Made once, until the answers change."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Row, str]] = {}

    def of(self, row: Row) -> str:
        """The row's text; takes a tenth of a millisecond the first time."""
        known = self._kept.get(row.number)
        if known is None or known[0].tuned != row.tuned or known[0].base != row.base:
            answers = [a.text for a in (*row.tuned, *row.base) if isinstance(a, Answer)]
            text = normalised("\n".join((row.question.text, row.question.reference, *answers)))
            known = self._kept[row.number] = (row, text)
        return known[1]


def shown(rows: Sequence[Row], words: str, order: Order, plain: Plain | None = None) -> list[Row]:
    """The rows that hold all words (in question, reference or answers) and are of the kinds `is:…`, in order.

    Rows that are not scored on both sides come last, failures before those that only wait.
    """
    wanted = words.split()
    kinds = [_KINDS[w[3:]] for w in wanted if w.startswith("is:") and w[3:] in _KINDS]
    looked_for = [normalised(w) or w for w in wanted if not w.startswith("is:")]
    texts = plain or Plain()
    found = [
        row
        for row in rows
        if all(kind(row) for kind in kinds) and (not looked_for or all(word in texts.of(row) for word in looked_for))
    ]
    if order is Order.FILE:
        return found
    sign = 1 if order is Order.REGRESSIONS else -1
    return sorted(found, key=lambda row: _rank(row, sign))


def _rank(row: Row, sign: int) -> tuple[int, float, int]:
    if row.delta is not None:
        return (0, sign * row.delta, row.number)
    return (1 if row.problems else 2, 0.0, row.number)


def answer_text(answers: Sequence[Answer | Failure | None]) -> str:
    """The answers of one side, sample by sample; what failed says why."""
    parts = []
    for number, answer in enumerate(answers, 1):
        head = f"— sample {number} —\n" if len(answers) > 1 else ""
        if isinstance(answer, Answer):
            parts.append(head + answer.text)
        else:
            parts.append(head + (f"✗ {answer.reason}" if answer is not None else "not asked yet"))
    return "\n\n".join(parts)
