"""Questions of an evaluation as rows of a table, and one question in full, part by part."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui.domain.evaluation.compare import Change
from tui.domain.evaluation.headline import signed
from tui.domain.evaluation.judging import Side
from tui.domain.evaluation.results import Row
from tui.domain.evaluation.view import answer_text
from tui.domain.text import safe, safe_line
from tui.domain.values import dataclass
from tui.widgets.columns import Column

ROW_COLUMNS = (
    Column("question", "question", weight=1),
    Column("tuned", "tuned", 5, align="right"),
    Column("base", "base", 5, align="right"),
    Column("delta", "Δ", 5, align="right"),
    Column("verdict", "verdict", 12),
)
CHANGE_COLUMNS = (
    Column("question", "question", weight=1),
    Column("before", "earlier", 7, align="right"),
    Column("after", "later", 5, align="right"),
    Column("delta", "Δ", 5, align="right"),
)


def score_text(score: float | None, top: float = 10.0) -> str:
    """`9`, `8.5`, `0.75`; a dash where there is none."""
    if score is None:
        return "–"
    if top <= 1:
        return f"{score:.2f}"
    return f"{score:.0f}" if score == round(score) else f"{score:.1f}"


def delta_text(delta: float | None, top: float = 10.0) -> str:
    """`+6`, `−0.5`; a dash where there is none."""
    if delta is None:
        return "–"
    return signed(delta, 2 if top <= 1 else 0 if delta == round(delta) else 1)


class EvaluationRows:
    """Rows of one evaluation. A canary question is marked, and so is one that stands in the training data."""

    def __init__(self, rows: Sequence[Row], *, top: float, leaked: frozenset[int], votes: frozenset[int]) -> None:
        self._rows = rows
        self._top = top
        self._leaked = leaked
        self._votes = votes

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        """The evaluation's row."""
        return self._rows[index]

    def key(self, index: int) -> str:
        """The question's number: it stays when filter and order change."""
        return str(self._rows[index].number)

    def cells(self, index: int) -> Sequence[str | Content]:
        """Question, both scores, their difference, verdict."""
        row = self._rows[index]
        mark = "▲ " if row.number in self._leaked else ""
        voted = " ✓" if row.number in self._votes else ""
        return (
            f"{mark}{row.question.text[:500]}",
            score_text(row.tuned_score, self._top),
            score_text(row.base_score, self._top),
            delta_text(row.delta, self._top),
            row.verdict + voted,
        )


class ChangeRows:
    """Questions that two evaluations share."""

    def __init__(self, changes: Sequence[Change], *, top: float) -> None:
        self._changes = changes
        self._top = top

    def __len__(self) -> int:
        return len(self._changes)

    def change(self, index: int) -> Change:
        """The change in a row."""
        return self._changes[index]

    def key(self, index: int) -> str:
        """The question's number in the later one."""
        return str(self._changes[index].later.number)

    def cells(self, index: int) -> Sequence[str | Content]:
        """Question, both tuned scores, their difference."""
        change = self._changes[index]
        scores = (change.earlier.tuned_score, change.later.tuned_score)
        one, two = (score_text(s, self._top) for s in scores)
        return (change.later.question.text[:500], one, two, delta_text(change.change, self._top))


@dataclass(frozen=True, slots=True)
class PartText:
    """One part of the detail: its title and its text."""

    title: str
    text: str
    marked: bool = False
    """Whether its differences to the reference can be marked."""


PARTS = ("reference", "tuned", "base", "reasons")


def parts_of(row: Row, names: tuple[str, str], top: float) -> dict[str, PartText]:
    """The four parts of one question."""
    earlier = "".join(f"{turn.role}: {turn.text}\n" for turn in row.question.earlier)
    tuned, base = (answer_text(row.answers(side)) for side in Side)
    reasons = [*row.reasons, *(f"✗ {problem}" for problem in row.problems)]
    scores = (score_text(row.tuned_score, top), score_text(row.base_score, top))
    return {
        "reference": PartText("reference", f"{earlier}{row.question.text}\n\n{row.question.reference}"),
        "tuned": PartText(f"tuned {scores[0]} · {names[0]}", tuned, marked=True),
        "base": PartText(f"base {scores[1]} · {names[1]}", base, marked=True),
        "reasons": PartText("judge's reasons", "\n\n".join(reasons) or "nothing was said yet"),
    }


def change_parts(change: Change, names: tuple[str, str], top: float) -> dict[str, PartText]:
    """The same for a question in two evaluations: both tuned answers."""
    row = change.later
    one, two = (answer_text(r.answers(Side.TUNED)) for r in (change.earlier, change.later))
    scores = (score_text(change.earlier.tuned_score, top), score_text(change.later.tuned_score, top))
    reasons = [*(f"earlier: {r}" for r in change.earlier.reasons), *(f"later: {r}" for r in change.later.reasons)]
    return {
        "reference": PartText("reference", f"{row.question.text}\n\n{row.question.reference}"),
        "tuned": PartText(f"later {scores[1]} · {names[1]}", two, marked=True),
        "base": PartText(f"earlier {scores[0]} · {names[0]}", one, marked=True),
        "reasons": PartText("judge's reasons", "\n\n".join(reasons) or "nothing was said yet"),
    }


def part_content(part: PartText, pieces: Sequence[tuple[str, bool]] | None) -> Content:
    """The text, with the pieces that the reference has not underlined."""
    if pieces is None:
        return Content(safe(part.text, 20_000))
    styled: list[tuple[str, str] | str] = [
        (safe(text, 20_000), "underline bold") if differs else safe(text, 20_000) for text, differs in pieces
    ]
    return Content.assemble(*styled)


def part_title(part: PartText) -> Content:
    """Its head line."""
    return Content(f" {safe_line(part.title, 80)}")
