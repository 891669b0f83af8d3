"""Votes given in Chat, put beside a judge: on the same answers, or as an evaluation made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from tui.domain.chat import Target
from tui.domain.evaluation import IMPORTED, Answer, Outcome, Question, Results, Side, Slot, Spec
from tui.domain.values import dataclass
from tui.domain.votes import Verdict, Vote, VotedAnswer


@dataclass(slots=True)
class Voted:
    """An evaluation of answers that were voted on: nobody is asked again, and the judge is held to the votes."""

    spec: Spec
    answers: dict[Slot, Answer] = field(default_factory=dict)
    votes: dict[tuple[int, int], Outcome] = field(default_factory=dict)


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
