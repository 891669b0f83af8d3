"""Evaluations made by hand, for tests of what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tui.domain.chat.chat import Target
from tui.domain.evaluation.judging import Comparison, Failure, Judge, JudgeKind, Ruling, Score, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import Answer, Question, Slot, Spec

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
TUNED = Target("lantern-faq", "arn:tuned", "provisioned throughput", tuned=True)
BASE = Target("Claude 3 Haiku", "base", "base model")
JUDGE = Judge(JudgeKind.MODEL, Target("Haiku 4.5", "judge", "inference profile"))
FAILED = Failure("The judge's answer holds no score.", AT)
Given = float | Failure | None


def comparison(first: Side | Failure | None, second: Side | Failure | None) -> Comparison:
    """What was preferred with the tuned answer first, and with the base answer first."""
    rulings = [
        prefers if isinstance(prefers, Failure) else Ruling(side, prefers, "why", AT)
        for side, prefers in zip(Side, (first, second), strict=True)
    ]
    return Comparison(*rulings)


def results(
    scores: Sequence[tuple[Given, Given]],
    compared: Sequence[Comparison] | None = None,
    texts: tuple[str, str] = ("a b c", "d e f"),
    judge: Judge = JUDGE,
) -> Results:
    """One sample of each question; by default the higher score is preferred in both orders."""
    questions = tuple(Question(f"What is lantern {n}?", f"Lantern {n}.", n + 1) for n in range(len(scores)))
    answers: dict[Slot, Answer | Failure] = {}
    given: dict[tuple[str, Slot], Score | Failure] = {}
    for number, both in enumerate(scores):
        for side, text, score in zip(Side, texts, both, strict=True):
            answers[Slot(number, 0, side)] = Answer(text, AT)
            if score is not None:
                made = score if isinstance(score, Failure) else Score(score, f"{side} {score:g}", AT)
                given[judge.id, Slot(number, 0, side)] = made
    if compared is None:
        compared = [_by_score(*both) for both in scores]
    comparisons = {(judge.id, number, 0): one for number, one in enumerate(compared)} if judge.compares else {}
    return Results("1", Spec("lanterns", questions, TUNED, BASE), AT, answers, (judge,), given, comparisons)


def _by_score(tuned: Given, base: Given) -> Comparison:
    if not isinstance(tuned, float | int) or not isinstance(base, float | int):
        return Comparison()
    better = None if tuned == base else Side.TUNED if tuned > base else Side.BASE
    return comparison(better, better)
