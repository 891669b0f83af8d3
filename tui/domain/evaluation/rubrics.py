"""What a judge is told to look for: texts that a user may change, known by their hash."""

from __future__ import annotations

import hashlib

from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Rubric:
    """`scoring` tells how one answer is scored from 1 to 10, `comparing` how the better of two is found."""

    name: str
    scoring: str
    comparing: str

    @property
    def sha256(self) -> str:
        """Of both texts: judgements by equal texts can be compared."""
        text = f"{self.scoring.strip()}\n\0\n{self.comparing.strip()}"
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


_SCORING = """\
Score how well the answer agrees with the reference answer, from 1 to 10.

10: everything that matters in the reference is there, and nothing contradicts it.
7 or 8: right in substance; a point of the reference is missing or vague.
4 to 6: partly right; important points are missing, or something stated is doubtful.
2 or 3: little of it is right, or it evades the question.
1: wrong, contradicts the reference, or answers something else.

Judge what is said, not how much of it there is: length, politeness and layout earn nothing. Statements that the
reference does not mention count neither for nor against the answer unless they are false. An answer in another
language than the question's loses two points."""

_COMPARING = """\
Decide which of the two answers agrees better with the reference answer.

Prefer the one that states more of what matters in the reference and contradicts less of it. Length, politeness,
layout and the order in which the answers are shown must not decide. Say "tie" when neither is clearly better, also
when both are right or both are wrong."""

DEFAULT = Rubric("agreement with the reference", _SCORING, _COMPARING)
