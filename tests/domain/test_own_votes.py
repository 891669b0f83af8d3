"""Votes from Chat beside a judge: on the same answers only, and as evaluations of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.domain.evaluated import AT, results
from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.domain.evaluation.judging import Outcome, Side
from tui.domain.evaluation.own_votes import ballots, evaluations_of, votes_on
from tui.domain.evaluation.spec import IMPORTED, Slot

SHOWN = results([(9.0, 3.0)] * 2, texts=("good", "bad"))


def vote(verdict: Verdict, left: str = "good", right: str = "bad", number: int = 0, reference: str = "r") -> Vote:
    """On a lantern's question; the good answer is the tuned model's."""
    sides = [VotedAnswer(n, f"model {t}", f"id {t == 'good'}", t, t == "good") for n, t in enumerate((left, right))]
    return Vote(f"What is lantern {number}?", sides[0], sides[1], verdict, True, AT, reference)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (vote(Verdict.LEFT), Outcome.WIN),
        (vote(Verdict.RIGHT), Outcome.LOSS),
        (vote(Verdict.LEFT, "bad", "good"), Outcome.LOSS),
        (vote(Verdict.TIE), Outcome.TIE),
        (vote(Verdict.BOTH_BAD), Outcome.TIE),
    ],
)
def test_a_vote_counts_for_the_side_whose_answer_it_names(given: Vote, outcome: Outcome) -> None:
    assert votes_on(SHOWN, [given]) == {(0, 0): outcome}


def test_votes_on_other_answers_and_questions_do_not_count() -> None:
    others = [vote(Verdict.LEFT, "good", "other"), vote(Verdict.LEFT, "good", "good"), vote(Verdict.LEFT, number=7)]
    assert votes_on(SHOWN, others) == {}
    unanswered = replace(SHOWN, answers={Slot(0, 0, Side.TUNED): SHOWN.answers[Slot(0, 0, Side.TUNED)]})
    assert votes_on(unanswered, [vote(Verdict.LEFT)]) == {}


def test_the_later_vote_counts() -> None:
    assert votes_on(SHOWN, [vote(Verdict.LEFT), vote(Verdict.TIE)]) == {(0, 0): Outcome.TIE}


def test_votes_make_an_evaluation_that_asks_nobody() -> None:
    given = [vote(Verdict.LEFT), vote(Verdict.LEFT, "bad", "good", 1), vote(Verdict.BOTH_BAD)]
    (made,), left_out = evaluations_of(given)
    assert left_out == 0
    assert made.votes == {(0, 0): Outcome.WIN, (1, 0): Outcome.LOSS, (2, 0): Outcome.TIE}
    assert made.answers[Slot(1, 0, Side.TUNED)].text == "good"
    assert (made.spec.tuned.kind, made.spec.can_ask(Side.TUNED), made.spec.can_ask(Side.BASE)) == (
        IMPORTED,
        False,
        False,
    )
    assert made.spec.name == "votes on model good and model bad"


def test_votes_that_no_judge_can_be_held_to_are_counted() -> None:
    given = [vote(Verdict.LEFT, reference=" "), vote(Verdict.LEFT, "good", "good"), vote(Verdict.LEFT, "bad", "bad")]
    assert evaluations_of(given) == ([], 3)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_ballot_names_nobody_and_counts_for_who_is_meant(swapped: bool) -> None:
    found = ballots(SHOWN, [1, 0], lambda: swapped)
    assert [b.number for b in found] == [1, 0]
    one = found[0]
    assert (one.first, one.second) == (("bad", "good") if swapped else ("good", "bad"))
    best, worst = (Verdict.RIGHT, Verdict.LEFT) if swapped else (Verdict.LEFT, Verdict.RIGHT)
    assert (one.outcome(best), one.outcome(worst)) == (Outcome.WIN, Outcome.LOSS)
    assert {one.outcome(v) for v in (Verdict.TIE, Verdict.BOTH_BAD)} == {Outcome.TIE}
    told = [one.told(outcome) for outcome in (Outcome.WIN, Outcome.LOSS, Outcome.TIE)]
    assert told == (["B", "A", "a tie"] if swapped else ["A", "B", "a tie"])


def test_ballots_are_of_samples_that_both_sides_answered() -> None:
    spec = replace(SHOWN.spec, samples=2)
    answers = {slot: SHOWN.answers[Slot(0, 0, slot.side)] for slot in spec.slots}
    del answers[Slot(1, 0, Side.BASE)]
    found = ballots(replace(SHOWN, spec=spec, answers=answers), [0, 1], lambda: False)
    assert [(b.number, b.sample, b.samples) for b in found] == [(0, 0, 2), (0, 1, 2), (1, 1, 2)]
