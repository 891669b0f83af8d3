"""Two evaluations of the same questions compared: what became worse from one to the other."""

from __future__ import annotations

from collections.abc import Sequence

from tui.domain.evaluation.headline import MINUS, digits_of, interval_text
from tui.domain.evaluation.judging import Judge
from tui.domain.evaluation.paired import FEWEST, Interval, interval
from tui.domain.evaluation.results import Results, Row
from tui.domain.evaluation.spec import Group
from tui.domain.text import count
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One question in both evaluations. `change` is the tuned score of the later less that of the earlier one."""

    earlier: Row
    later: Row

    @property
    def change(self) -> float | None:
        """None unless both are scored."""
        one, two = self.earlier.tuned_score, self.later.tuned_score
        return None if one is None or two is None else two - one


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """Changes with regressions first, the mean change with its interval, and what forbids or weakens it.

    `alike` is False when the scores are of different judges or rubrics: then nothing follows from them.
    """

    earlier: str
    later: str
    changes: tuple[Change, ...]
    difference: Interval | None
    worse: int
    better: int
    warnings: tuple[str, ...]
    digits: int = 1
    alike: bool = True

    @property
    def text(self) -> str:
        """`later − earlier = −0.8 (95 % −1.6 … −0.1) · n 12 · better 2 same 4 worse 6`."""
        number = interval_text(self.difference, self.digits)
        scored = sum(c.change is not None for c in self.changes)
        same = scored - self.worse - self.better
        return f"later {MINUS} earlier = {number} · n {scored} · better {self.better} same {same} worse {self.worse}"

    @property
    def conclusion(self) -> str:
        """What it shows."""
        if not self.alike:
            return "no change can be told: other judges, other scores"
        if self.difference is None:
            return "no change can be shown"
        if self.difference.n < FEWEST:
            return f"no change shown: {count(self.difference.n, 'question')} are too few for any (at least {FEWEST})"
        if self.difference.spans_zero:
            return f"no change shown with {count(self.difference.n, 'question')}"
        return f"the later model is {'better' if self.difference.mean > 0 else 'worse'} on these questions"


def compared(earlier: Results, later: Results, judge_ids: Sequence[str]) -> ComparedRuns:
    """Compare by the first judge of `judge_ids` that judged both; else each by its own, which is said.

    The same question is told by its words, whatever their case and punctuation. Canary questions are left out.
    """
    judge_id = next((j for j in judge_ids if earlier.judge(j) and later.judge(j)), "")
    one_judge, two_judge = (r.judge(judge_id) if judge_id else _last(r) for r in (earlier, later))
    before = {row.question.key: row for row in _rows(earlier, one_judge)}
    after = {row.question.key: row for row in _rows(later, two_judge)}
    changes = [Change(before[key], after[key]) for key in after if key in before]
    known = [c.change for c in changes if c.change is not None]
    warnings = []
    alike = one_judge is not None and two_judge is not None and one_judge.id == two_judge.id
    if not alike:
        warnings.append("not judged by the same judge and rubric, so the scores do not compare")
    if missing := len(before.keys() ^ after.keys()):
        warnings.append(f"{count(missing, 'question')} stand in one of the two only and are left out")
    if others := sum(c.earlier.question.reference.split() != c.later.question.reference.split() for c in changes):
        warnings.append(
            f"{count(others, 'question')} had another reference then, so the scores of those do not compare"
        )
    if earlier.spec.system != later.spec.system:
        warnings.append("asked with different system prompts")
    if earlier.spec.parameters != later.spec.parameters:
        warnings.append("asked with different parameters")
    changes.sort(key=lambda c: (c.change is None, c.change or 0.0, c.later.number))
    worse, better = sum(c < 0 for c in known), sum(c > 0 for c in known)
    names = earlier.spec.name, later.spec.name
    digits = digits_of(two_judge)
    return ComparedRuns(*names, tuple(changes), interval(known), worse, better, tuple(warnings), digits, alike)


def _last(results: Results) -> Judge | None:
    return results.judges[-1] if results.judges else None


def _rows(results: Results, judge: Judge | None) -> list[Row]:
    return results.rows(judge.id if judge else "", group=Group.OWN)
