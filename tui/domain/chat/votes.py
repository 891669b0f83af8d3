"""Which of two answers somebody found better."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from tui.domain.values import dataclass


class Verdict(StrEnum):
    """Of the answers as they stood on the screen."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both bad"


@dataclass(frozen=True, slots=True)
class VotedAnswer:
    """One of the two: `number` is that of the stored answer, `model` the name it was shown under after the vote."""

    number: int
    model: str
    model_id: str
    text: str
    tuned: bool = False


@dataclass(frozen=True, slots=True)
class Vote:
    """A verdict; `blind` tells that the names were not known when it was given."""

    question: str
    left: VotedAnswer
    right: VotedAnswer
    verdict: Verdict
    blind: bool
    at: datetime
    reference: str = ""

    @property
    def better(self) -> VotedAnswer | None:
        """The answer that was preferred; None for a tie and for two bad ones."""
        return {Verdict.LEFT: self.left, Verdict.RIGHT: self.right}.get(self.verdict)
