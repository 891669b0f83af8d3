"""The user's own votes put beside a judge: given in Chat on the same answers, as an evaluation made of them, or given
here on answers without names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from tui.domain.chat.chat import Target
from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.domain.evaluation.judging import Outcome, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import IMPORTED, Answer, Question, Slot, Spec
from tui.domain.values import dataclass


@dataclass(slots=True)
class Voted:
    """An evaluation of answers that were voted on: nobody is asked again, and the judge is held to the votes."""

    spec: Spec
    answers: dict[Slot, Answer] = field(default_factory=dict)
    votes: dict[tuple[int, int], Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ballot:
    """Two answers to one question in an order that tells nothing; `swapped`: the tuned model's stands second."""

    number: int
    sample: int
    samples: int
    question: str
    reference: str
    first: str
    second: str
    swapped: bool

    def outcome(self, verdict: Verdict) -> Outcome:
        """What a verdict on the two as they stand says of the tuned model; the left one is the first."""
        if verdict in (Verdict.TIE, Verdict.BOTH_BAD):
            return Outcome.TIE
        return Outcome.WIN if (verdict is Verdict.LEFT) != self.swapped else Outcome.LOSS

    def told(self, outcome: Outcome) -> str:
        """An earlier verdict in words that name no model."""
        if outcome is Outcome.TIE:
            return "a tie"
        return "A" if (outcome is Outcome.WIN) != self.swapped else "B"


def ballots(results: Results, numbers: Iterable[int], toss: Callable[[], bool]) -> list[Ballot]:
    """A ballot for every sample that both sides answered, of these questions in their order; `toss` swaps sides."""
    found: list[Ballot] = []
    for number in numbers:
        question = results.spec.questions[number]
        for sample in range(results.spec.samples):
            tuned, base = (results.answers.get(Slot(number, sample, side)) for side in Side)
            if isinstance(tuned, Answer) and isinstance(base, Answer):
                swapped = toss()
                texts = (base.text, tuned.text) if swapped else (tuned.text, base.text)
                of = (number, sample, results.spec.samples, question.prompt, question.reference)
                found.append(Ballot(*of, *texts, swapped))
    return found


def votes_on(results: Results, votes: Iterable[Vote]) -> Mapping[tuple[int, int], Outcome]:
    """The votes about just the answers of this evaluation, by question and sample; of two the later one counts."""
    by_question: dict[str, list[Vote]] = {}
    for vote in votes:
        by_question.setdefault(vote.question.strip(), []).append(vote)
    found: dict[tuple[int, int], Outcome] = {}
    for number, question in enumerate(results.spec.questions):
        given = by_question.get(question.text.strip(), ())
        for sample in range(results.spec.samples) if given else ():
            texts = [results.answers.get(Slot(number, sample, side)) for side in Side]
            if not isinstance(texts[0], Answer) or not isinstance(texts[1], Answer):
                continue
            for vote in given:
                outcome = _outcome(vote, texts[0].text, texts[1].text)
                if outcome is not None:
                    found[number, sample] = outcome
    return found


def _outcome(vote: Vote, tuned: str, base: str) -> Outcome | None:
    """What a vote says of two answers; None when it is about others."""
    sides = (vote.left.text, vote.right.text)
    if tuned == base or {tuned, base} != set(sides):
        return None
    if vote.better is None:
        return Outcome.TIE
    return Outcome.WIN if vote.better.text == tuned else Outcome.LOSS


def evaluations_of(votes: Iterable[Vote]) -> tuple[list[Voted], int]:
    """An evaluation for each pair of models that were voted on, and how many votes could not be used.

    Used are votes with a reference on one tuned and one other model. Sides have no model id, so nobody is asked.
    """
    by_models: dict[tuple[str, str], list[tuple[Vote, VotedAnswer, VotedAnswer]]] = {}
    left_out = 0
    for vote in votes:
        tuned, base = (vote.left, vote.right) if vote.left.tuned else (vote.right, vote.left)
        if not vote.reference.strip() or not tuned.tuned or base.tuned:
            left_out += 1
            continue
        by_models.setdefault((tuned.model_id, base.model_id), []).append((vote, tuned, base))
    return [_voted(group) for group in by_models.values()], left_out


def _voted(group: list[tuple[Vote, VotedAnswer, VotedAnswer]]) -> Voted:
    questions = tuple(Question(vote.question, vote.reference) for vote, _, _ in group)
    _, tuned, base = group[-1]
    spec = Spec(
        f"votes on {tuned.model} and {base.model}",
        questions,
        Target(tuned.model, "", IMPORTED, tuned=True),
        Target(base.model, "", IMPORTED),
        source="votes",
    )
    made = Voted(spec)
    for number, (vote, one, two) in enumerate(group):
        for side, given in ((Side.TUNED, one), (Side.BASE, two)):
            made.answers[Slot(number, 0, side)] = Answer(given.text, vote.at, stop_reason="", imported=True)
        tie = vote.verdict in (Verdict.TIE, Verdict.BOTH_BAD)
        made.votes[number, 0] = Outcome.TIE if tie else Outcome.WIN if vote.better == one else Outcome.LOSS
    return made
