"""Judges, and what they say: scores of single answers, and rulings on two of them in both orders."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from tui.domain.chat.chat import Target
from tui.domain.evaluation.rubrics import DEFAULT, Rubric
from tui.domain.values import dataclass


class Side(StrEnum):
    """Which of the two models. Differences are always tuned − base."""

    TUNED = "tuned"
    BASE = "base"

    @property
    def other(self) -> Side:
        """The one it is compared with."""
        return Side.BASE if self is Side.TUNED else Side.TUNED


class Outcome(StrEnum):
    """Of one question, seen from the tuned side."""

    WIN = "win"
    TIE = "tie"
    LOSS = "loss"


class JudgeKind(StrEnum):
    """What gives the scores: a model asked by this app, LangChain's evaluator, BERTScore, an evaluation job, or a
    plain measure of the words that answer and reference share."""

    MODEL = "model"
    LANGCHAIN = "langchain"
    BERTSCORE = "bertscore"
    BEDROCK = "bedrock"
    TOKEN_F1 = "token F1"
    ROUGE_L = "ROUGE-L"
    EXACT = "exact match"


MEASURES = frozenset({JudgeKind.TOKEN_F1, JudgeKind.ROUGE_L, JudgeKind.EXACT})
"""Kinds that need no model at all."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, or no judgement. `retryable`: the same again may well succeed."""

    reason: str
    at: datetime
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges and by which rubric; `id` is stored with every judgement.

    `target` is the judging model, but for BERTSCORE. `encoder` is BERTScore's model, by name or folder, and for
    BEDROCK the name of its built-in metric, empty where the rubric is the metric.
    """

    kind: JudgeKind
    target: Target | None = None
    rubric: Rubric = DEFAULT
    encoder: str = ""

    @property
    def id(self) -> str:
        """Of kind, model and rubric: equal ids judge alike."""
        model = self.target.model_id if self.target else self.encoder
        if self.kind is JudgeKind.BEDROCK:
            model = f"{model} {self.encoder}".rstrip()
        own = self.kind is JudgeKind.MODEL or (self.kind is JudgeKind.BEDROCK and not self.encoder)
        rubric = self.rubric.sha256 if own else ""
        return hashlib.sha256("\n".join((self.kind, model, rubric)).encode("utf-8", "replace")).hexdigest()[:16]

    @property
    def local(self) -> bool:
        """Whether it works on this machine, and no model on Bedrock is called."""
        return self.kind is JudgeKind.BERTSCORE or self.kind in MEASURES

    @property
    def name(self) -> str:
        """`Haiku 4.5`, `Haiku 4.5 by LangChain`, `BERTScore roberta-large`, `ROUGE-L`."""
        if self.kind in MEASURES:
            return str(self.kind)
        if self.kind is JudgeKind.BERTSCORE:
            return f"BERTScore {self.encoder}"
        model = self.target.name if self.target else "?"
        if self.kind is JudgeKind.BEDROCK:
            return f"{model} by Bedrock" + (f", {self.encoder}" if self.encoder else "")
        return f"{model} by LangChain" if self.kind is JudgeKind.LANGCHAIN else model

    @property
    def compares(self) -> bool:
        """Whether it also says which of two answers is better."""
        return self.kind is JudgeKind.MODEL

    @property
    def top(self) -> float:
        """The best score: 10, or 1 for what is measured on this machine and for Bedrock's own metrics."""
        shares = self.local or (self.kind is JudgeKind.BEDROCK and bool(self.encoder))
        return 1.0 if shares else 10.0


@dataclass(frozen=True, slots=True)
class Score:
    """What a judge gave one answer (1–10, measures 0–1), and why."""

    value: float
    reasons: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ruling:
    """Which of two answers a judge prefers when `first` stood first; None is a tie."""

    first: Side
    prefers: Side | None
    reasons: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rulings in both orders, each a ruling, a failure, or None while it is not made."""

    tuned_first: Ruling | Failure | None = None
    base_first: Ruling | Failure | None = None

    @property
    def whole(self) -> bool:
        """Whether both orders were ruled."""
        return isinstance(self.tuned_first, Ruling) and isinstance(self.base_first, Ruling)

    @property
    def flipped(self) -> bool:
        """Whether the judge changed its mind with the order: such a comparison is a tie."""
        one, two = self.tuned_first, self.base_first
        return isinstance(one, Ruling) and isinstance(two, Ruling) and one.prefers is not two.prefers

    @property
    def outcome(self) -> Outcome | None:
        """For the tuned side; None while an order is missing or has failed."""
        one, two = self.tuned_first, self.base_first
        if not isinstance(one, Ruling) or not isinstance(two, Ruling):
            return None
        if one.prefers is not two.prefers or one.prefers is None:
            return Outcome.TIE
        return Outcome.WIN if one.prefers is Side.TUNED else Outcome.LOSS

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """Those that were made."""
        return tuple(r for r in (self.tuned_first, self.base_first) if isinstance(r, Ruling))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Those that failed."""
        return tuple(r for r in (self.tuned_first, self.base_first) if isinstance(r, Failure))
