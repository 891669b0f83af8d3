"""What an evaluation has found so far: every answer, score, comparison and vote, and each question as one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from functools import cached_property

from tui.domain.chat.chat import Target
from tui.domain.evaluation.judging import Comparison, Failure, Judge, Outcome, Score, Side
from tui.domain.evaluation.spec import Answer, Group, Question, Slot, Spec
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One question with everything known of it by one judge.

    Scores are means over the samples that were scored, None while there are none; a failed judgement is in
    `problems` and never a number.
    """

    number: int
    question: Question
    tuned: tuple[Answer | Failure | None, ...]
    base: tuple[Answer | Failure | None, ...]
    tuned_score: float | None
    base_score: float | None
    outcome: Outcome | None
    flips: int
    reasons: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def delta(self) -> float | None:
        """tuned − base; None unless both are scored."""
        if self.tuned_score is None or self.base_score is None:
            return None
        return self.tuned_score - self.base_score

    @property
    def verdict(self) -> str:
        """`tuned`, `base`, `tie`, `tie (flip)`, `judge failed`, `no answer`, or `–` while it is not judged."""
        if self.outcome is Outcome.TIE:
            return "tie (flip)" if self.flips else "tie"
        if self.outcome is not None:
            return "tuned" if self.outcome is Outcome.WIN else "base"
        if any(isinstance(a, Failure) for a in (*self.tuned, *self.base)):
            return "no answer"
        return "judge failed" if self.problems else "–"

    def answers(self, side: Side) -> tuple[Answer | Failure | None, ...]:
        """Of one side, sample by sample."""
        return self.tuned if side is Side.TUNED else self.base


@dataclass(frozen=True)
class Results:
    """Everything stored of one evaluation. `votes` are the user's own, by question and sample."""

    id: str
    spec: Spec
    made: datetime
    answers: Mapping[Slot, Answer | Failure] = field(default_factory=dict)
    judges: tuple[Judge, ...] = ()
    scores: Mapping[tuple[str, Slot], Score | Failure] = field(default_factory=dict)
    comparisons: Mapping[tuple[str, int, int], Comparison] = field(default_factory=dict)
    votes: Mapping[tuple[int, int], Outcome] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Answers that are there."""
        return sum(isinstance(a, Answer) for a in self.answers.values())

    @property
    def wanted(self) -> int:
        """Answers there will be: every one of a side that can be asked, else those there are."""
        each = len(self.spec.questions) * self.spec.samples
        there = Counter(slot.side for slot, a in self.answers.items() if isinstance(a, Answer))
        return sum(each if self.spec.can_ask(side) else there[side] for side in Side)

    @cached_property
    def unanswered(self) -> tuple[Slot, ...]:
        """Slots whose last try failed."""
        return tuple(slot for slot in self.spec.slots if isinstance(self.answers.get(slot), Failure))

    def judge(self, judge_id: str) -> Judge | None:
        """The judge of an id."""
        return next((j for j in self.judges if j.id == judge_id), None)

    def outcome(self, judge: Judge, number: int, sample: int) -> Outcome | None:
        """Of one sample: by comparison where the judge compares, else by the scores; None while it is not known."""
        if judge.compares:
            return self.comparisons.get((judge.id, number, sample), Comparison()).outcome
        tuned, base = (self.scores.get((judge.id, Slot(number, sample, side))) for side in Side)
        return _by_scores(tuned, base)

    def rows(self, judge_id: str = "", *, group: Group | None = None) -> list[Row]:
        """A row for each question, or those of one group, as one judge sees them."""
        numbers = [n for n, q in enumerate(self.spec.questions) if group is None or q.group is group]
        return [self.row(n, judge_id) for n in numbers]

    def row(self, number: int, judge_id: str = "") -> Row:
        """One question as one judge sees it; by no judge when `judge_id` is empty."""
        samples = range(self.spec.samples)
        tuned, base = (tuple(self.answers.get(Slot(number, s, side)) for s in samples) for side in Side)
        by_side = {side: [self.scores.get((judge_id, Slot(number, s, side))) for s in samples] for side in Side}
        compared = [self.comparisons.get((judge_id, number, s), Comparison()) for s in samples]
        judge = self.judge(judge_id)
        tuned_score, base_score = _mean_of(by_side[Side.TUNED]), _mean_of(by_side[Side.BASE])
        outcomes = [self.outcome(judge, number, s) for s in samples] if judge else []
        given = [s for scores in by_side.values() for s in scores]
        failures = [f for f in (*tuned, *base, *given) if isinstance(f, Failure)]
        failures += [f for c in compared for f in c.failures]
        reasons = [s.reasons for s in given if isinstance(s, Score)] + [r.reasons for c in compared for r in c.rulings]
        return Row(
            number,
            self.spec.questions[number],
            tuned,
            base,
            tuned_score,
            base_score,
            _together(outcomes),
            sum(c.flipped for c in compared),
            tuple(r for r in reasons if r),
            tuple(dict.fromkeys(f.reason for f in failures)),
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list of past evaluations."""

    id: str
    name: str
    made: datetime
    tuned: Target
    base: Target
    questions: int
    answered: int
    wanted: int
    source: str
    job_arn: str
    judges: tuple[str, ...] = ()
    """Ids of the judges that have judged something."""

    @property
    def whole(self) -> bool:
        """Whether every answer is there."""
        return self.answered >= self.wanted


def _mean_of(scores: Iterable[Score | Failure | None]) -> float | None:
    values = [s.value for s in scores if isinstance(s, Score)]
    return sum(values) / len(values) if values else None


def _by_scores(tuned: Score | Failure | None, base: Score | Failure | None) -> Outcome | None:
    if not isinstance(tuned, Score) or not isinstance(base, Score):
        return None
    if tuned.value == base.value:
        return Outcome.TIE
    return Outcome.WIN if tuned.value > base.value else Outcome.LOSS


def _together(outcomes: Iterable[Outcome | None]) -> Outcome | None:
    """The outcome of several samples: more wins than losses is a win; None when no sample has one."""
    known = [o for o in outcomes if o is not None]
    if not known:
        return None
    balance = known.count(Outcome.WIN) - known.count(Outcome.LOSS)
    if balance == 0:
        return Outcome.TIE
    return Outcome.WIN if balance > 0 else Outcome.LOSS
