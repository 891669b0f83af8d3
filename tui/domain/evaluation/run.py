"""What an evaluation will take, and how far it has come."""

from __future__ import annotations

from enum import StrEnum

from tui.domain.errors import AppError
from tui.domain.evaluation.judging import Judge
from tui.domain.evaluation.spec import Question, Spec
from tui.domain.files.formats import Record
from tui.domain.text import count
from tui.domain.values import dataclass


class Phase(StrEnum):
    """What a run is doing."""

    ASKING = "asking"
    JUDGING = "judging"
    PAUSED = "paused"
    WAITING = "waiting"
    """For a rate limit to pass."""
    AWAY = "waiting for AWS"
    """Until credentials or network are there again."""
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come. Counts include what was stored before it began.

    `failed_answers` and `failed_judgements` are those whose last try failed and that are not tried again by this
    run. `seconds_left` is None until it can be told. `problem` is the newest failure.
    """

    phase: Phase
    answered: int
    answers: int
    judged: int
    judgements: int
    failed_answers: int = 0
    failed_judgements: int = 0
    seconds_left: float | None = None
    problem: AppError | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """`asking · 12/24 answered · 3/36 judged · 2 failed · about 4 min left`."""
        parts = [str(self.phase), f"{self.answered}/{self.answers} answered"]
        if self.judgements:
            parts.append(f"{self.judged}/{self.judgements} judged")
        failed = self.failed_answers + self.failed_judgements
        if failed:
            parts.append(f"{failed} failed")
        if self.seconds_left is not None and self.phase not in (Phase.DONE, Phase.STOPPED):
            parts.append(f"about {_duration(self.seconds_left)} left")
        return " · ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation takes at most, before anything is asked.

    Tokens are estimates: of what is sent by the texts' lengths, of what comes back by the limit of the parameters
    for answers and by a usual length for judgements. Price unknown here: multiply by side.
    """

    calls_per_side: int
    judge_calls: int
    input_tokens_per_side: int
    output_tokens_per_side: int
    judge_input_tokens: int
    judge_output_tokens: int

    @property
    def calls(self) -> int:
        """All of them."""
        return 2 * self.calls_per_side + self.judge_calls

    @property
    def text(self) -> str:
        """`24 calls to the models, 48 to the judge · ≈ 2,100 + 9,800 tokens in, at most 12,288 + 14,400 out`."""
        return (
            f"{count(2 * self.calls_per_side, 'call')} to the models, {self.judge_calls:,} to the judge · "
            f"≈ {2 * self.input_tokens_per_side:,} + {self.judge_input_tokens:,} tokens in, "
            f"at most {2 * self.output_tokens_per_side:,} + {self.judge_output_tokens:,} out"
        )


_JUDGEMENT_TOKENS = 300
"""A judge's reasons and verdict are rarely longer."""


def judgements_per_sample(judge: Judge | None) -> int:
    """How many times a judge is asked of each question and sample: a score for each side, and both orders."""
    if judge is None:
        return 0
    return 4 if judge.compares else 2


def plan(spec: Spec, judge: Judge | None = None) -> Plan:
    """What `spec` takes with `judge`; a judge on this machine counts no calls."""
    samples = len(spec.questions) * spec.samples
    sent = spec.samples * sum(_tokens(spec, q) for q in spec.questions)
    answer = spec.parameters.max_tokens
    asked = judgements_per_sample(judge) if judge is not None and not judge.local else 0
    seen = 0
    if judge is not None and asked:
        rubric = _estimate(judge.rubric.scoring)
        texts = spec.samples * sum(_estimate(q.text) + _estimate(q.reference) for q in spec.questions)
        usual = min(answer, 400)
        answers_seen = 6 if asked == 4 else 2  # one in each score, two in each order
        seen = asked * (texts + samples * rubric) + answers_seen * samples * usual
    return Plan(samples, asked * samples, sent, samples * answer, seen, asked * samples * _JUDGEMENT_TOKENS)


def _tokens(spec: Spec, question: Question) -> int:
    return sum(_estimate(m.text) for m in question.messages) + _estimate(spec.system_of(question))


def _estimate(text: str) -> int:
    return Record.of(text, "").estimate()
