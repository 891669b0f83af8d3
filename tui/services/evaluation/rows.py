"""Rows of the evaluation tables as values. What cannot be read raises AppError (FILE)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from tui.domain.chat.chat import Message, Parameters, Target
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.judging import Comparison, Failure, Judge, JudgeKind, Ruling, Score, Side
from tui.domain.evaluation.results import Summary
from tui.domain.evaluation.rubrics import Rubric
from tui.domain.evaluation.spec import IMPORTED, Answer, Group, Question, Slot, Spec


class Unreadable(AppError):
    """What is stored of one evaluation is damaged; the others are not."""


_FIRST = {"tuned first": Side.TUNED, "base first": Side.BASE}


def place(
    scores: dict[tuple[str, Slot], Score | Failure],
    comparisons: dict[tuple[str, int, int], Comparison],
    judge: str,
    part: str,
    question: int,
    sample: int,
    made: Score | Ruling | Failure,
) -> None:
    """Put a judgement where it belongs; what is put later replaces what was there."""
    if isinstance(made, Score) or (isinstance(made, Failure) and part not in _FIRST):
        scores[judge, Slot(question, sample, Side(part))] = made
        return
    assert not isinstance(made, Score)
    key = (judge, question, sample)
    known = comparisons.get(key, Comparison())
    if _FIRST[part] is Side.TUNED:
        comparisons[key] = replace(known, tuned_first=made)
    else:
        comparisons[key] = replace(known, base_first=made)


def summary(evaluation: str, spec: str, questions: int | None, at: str, answered: int, judges: str | None) -> Summary:
    """`spec` without its questions. One that is damaged is listed as such: it keeps nobody from the others."""
    try:
        value = json.loads(spec)
        tuned, base = Target(**value["tuned"]), Target(**value["base"])
        name, samples, source, job_arn = (value[key] for key in ("name", "samples", "source", "job_arn"))
    except (ValueError, KeyError, TypeError):
        tuned = base = Target("?", "", IMPORTED)
        name, samples, source, job_arn = "an evaluation that cannot be read", 0, "", ""
    number = questions or 0
    return Summary(
        evaluation,
        name,
        datetime.fromisoformat(at),
        tuned,
        base,
        number,
        answered,
        sum(number * samples if target.model_id else 0 for target in (tuned, base)),
        source,
        job_arn,
        tuple((judges or "").split(",")) if judges else (),
    )


def read_spec(text: str) -> Spec:
    try:
        value = json.loads(text)
        questions = tuple(_read_question(q) for q in value.pop("questions"))
        tuned, base = Target(**value.pop("tuned")), Target(**value.pop("base"))
        return Spec(
            questions=questions, tuned=tuned, base=base, parameters=Parameters(**value.pop("parameters")), **value
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _odd(error) from None


def _read_question(value: dict[str, Any]) -> Question:
    value["group"] = Group(value["group"])
    value["earlier"] = tuple(Message(**m) for m in value["earlier"])
    value["accepted"] = tuple(value["accepted"])
    return Question(**value)


def read_answer(text: str, rest: str, at: str) -> Answer:
    try:
        value = json.loads(rest)
        sent = value.pop("sent")
        return Answer(text, datetime.fromisoformat(at), sent=Parameters(**sent) if sent else None, **value)
    except (ValueError, KeyError, TypeError) as error:
        raise _odd(error) from None


def read_judge(text: str) -> Judge:
    try:
        value = json.loads(text)
        target = Target(**value["target"]) if value["target"] else None
        return Judge(JudgeKind(value["kind"]), target, Rubric(**value["rubric"]), value["encoder"])
    except (ValueError, KeyError, TypeError) as error:
        raise _odd(error) from None


def read_judgement(part: str, value: float | None, prefers: str, reasons: str, at: str) -> Score | Ruling:
    when = datetime.fromisoformat(at)
    if part in _FIRST:
        return Ruling(_FIRST[part], Side(prefers) if prefers else None, reasons, when)
    return Score(float(value or 0), reasons, when)


def _odd(error: Exception) -> AppError:
    return Unreadable(Cause.FILE, "A stored evaluation cannot be read", str(error)[:200], "Start a new evaluation")
