"""What an evaluation is said to show, and every reason to doubt it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.evaluated import AT, BASE, FAILED, JUDGE, comparison, results
from tui.domain.chat.chat import Parameters
from tui.domain.evaluation.headline import headline, signed
from tui.domain.evaluation.judging import Comparison, Judge, JudgeKind, Outcome, Score, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import Answer, Group, Slot

NARROW = "with fewer than 20 questions the interval is a little too narrow"
TUNED_SIDE, BASE_SIDE = Side.TUNED, Side.BASE
CLEAR = [(9.0, 3.0)] * 5 + [(7.0, 6.0)] * 3 + [(5.0, 5.0)]


def test_the_headline_of_a_clear_result() -> None:
    found = headline(results(CLEAR), JUDGE.id)
    parts = ["tuned − base = +3.7 (95 % 1.9 … 5.4)", "n 9", "wins 8 ties 1 losses 0", "flips 0", "judge errors 0"]
    assert found.text == " · ".join(parts)
    assert (found.winner, found.conclusion) == (Side.TUNED, "the tuned model is better on these questions")
    assert found.means == pytest.approx((71 / 9, 38 / 9))
    assert (found.warnings, found.flips, found.questions, found.waiting) == ((NARROW,), 0, 9, 0)


def test_the_same_the_other_way_round() -> None:
    found = headline(results([(b, t) for t, b in CLEAR]), JUDGE.id)
    assert found.text.startswith("tuned − base = −3.7 (95 % −5.4 … −1.9)")
    assert found.winner is Side.BASE


def test_an_interval_that_spans_zero_shows_no_difference() -> None:
    found = headline(results([(6.0, 5.0), (4.0, 6.0), (7.0, 5.0)] * 4), JUDGE.id)
    assert found.winner is None
    assert found.conclusion == "no difference shown with 12 questions"
    assert found.needed is not None
    assert f"a difference of this size would need about {found.needed} questions" in found.warnings


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "no difference can be shown with 0 questions"),
        (1, "no difference can be shown with 1 question"),
        (4, "no difference shown: 4 questions are too few for any (at least 6)"),
    ],
)
def test_too_few_questions_show_nothing_however_clear(number: int, said: str) -> None:
    found = headline(results([(9.0, 2.0)] * number), JUDGE.id)
    assert (found.winner, found.conclusion) == (None, said)


@pytest.mark.parametrize(("choice", "where"), [((TUNED_SIDE, BASE_SIDE), "first"), ((BASE_SIDE, TUNED_SIDE), "second")])
def test_a_judge_that_follows_the_order_names_no_winner(choice: tuple[Side, Side], where: str) -> None:
    found = headline(results(CLEAR, [comparison(*choice)] * 9), JUDGE.id)
    assert (found.flips, found.compared, found.wins, found.ties, found.losses) == (9, 9, 0, 9, 0)
    assert found.first_wins == (9 if where == "first" else 0)
    assert found.winner is None
    assert found.conclusion == f"no winner: in 100 % the judge preferred what stood {where}, not an answer"


def test_a_flip_is_a_tie_and_counted() -> None:
    compared = [comparison(TUNED_SIDE, BASE_SIDE), comparison(TUNED_SIDE, None), comparison(None, None)]
    compared += [comparison(BASE_SIDE, BASE_SIDE)]
    shown = results([(5.0, 5.0)] * 4, compared)
    found = headline(shown, JUDGE.id)
    assert (found.wins, found.ties, found.losses, found.flips, found.compared) == (0, 3, 1, 2, 4)
    assert [row.verdict for row in shown.rows(JUDGE.id)] == ["tie (flip)", "tie (flip)", "tie", "base"]


def test_failed_judgements_are_no_numbers() -> None:
    shown = results([(9.0, FAILED), (FAILED, FAILED), (8.0, 2.0)], [comparison(FAILED, TUNED_SIDE)] * 3)
    found = headline(shown, JUDGE.id)
    assert (found.scored, found.judge_errors, found.compared) == (1, 6, 0)
    assert (found.wins, found.ties, found.losses) == (0, 0, 0)
    assert [row.delta for row in shown.rows(JUDGE.id)] == [None, None, 6.0]
    assert shown.rows(JUDGE.id)[0].verdict == "judge failed"
    assert any(w.startswith("6 judgements failed") for w in found.warnings)


def test_answers_that_are_still_to_come_are_not_missing() -> None:
    shown = results([(9.0, 3.0)] * 2)
    asked = {slot: answer for slot, answer in shown.answers.items() if slot.question == 0}
    assert headline(replace(shown, answers=asked), JUDGE.id).unanswered == 0
    failed = headline(replace(shown, answers={**asked, Slot(1, 0, Side.TUNED): FAILED}), JUDGE.id)
    assert failed.unanswered == 1
    assert failed.text.endswith("judge errors 0 · without answer 1")
    nobody = replace(shown.spec, base=replace(BASE, model_id=""))
    assert headline(replace(shown, spec=nobody, answers=asked), JUDGE.id).unanswered == 1


@pytest.mark.parametrize(("flipped", "winner"), [(4, TUNED_SIDE), (5, None)])
def test_half_of_the_judgements_following_the_order_leaves_no_winner(flipped: int, winner: Side | None) -> None:
    sound, odd = comparison(TUNED_SIDE, TUNED_SIDE), comparison(TUNED_SIDE, BASE_SIDE)
    found = headline(results([(9.0, 3.0)] * 10, [odd] * flipped + [sound] * (10 - flipped)), JUDGE.id)
    assert (found.flips, found.compared, found.winner) == (flipped, 10, winner)


def test_leaked_questions_are_told_and_the_rest_is_shown_alone() -> None:
    found = headline(results(CLEAR), JUDGE.id, leaked=[0, 1, 99])
    assert found.leaked == 2
    assert found.clean is not None
    assert found.clean.n == 7
    warning, _ = found.warnings
    assert warning.startswith("2 questions are contained in the training data; without them +3.0 (95 % ")
    one = headline(results(CLEAR), JUDGE.id, leaked=[0])
    assert one.warnings[0].startswith("1 question is contained in the training data; without it ")


def test_a_judge_that_may_reward_length() -> None:
    found = headline(results([(9.0, 3.0)] * 8, texts=("a long answer of many words", "short")), JUDGE.id)
    assert "the longer answer won 8 of 8 decided questions: the judge may reward length" in found.warnings
    assert (found.lengths, found.unit) == ((6.0, 1.0), "words")
    assert headline(results([(9.0, 3.0)] * 8, texts=("short", "a long answer")), JUDGE.id).warnings == (NARROW,)
    assert not headline(results([(9.0, 3.0)] * 20, texts=("short", "a long answer")), JUDGE.id).warnings
    for decided, told in ((4, False), (5, True)):
        few = headline(results([(9.0, 3.0)] * decided, texts=("a long answer of many words", "short")), JUDGE.id)
        assert any("may reward length" in warning for warning in few.warnings) is told


def test_lengths_of_japanese_are_characters() -> None:
    found = headline(results(CLEAR, texts=("提灯は門に掛かっています。", "知りません。")), JUDGE.id)
    assert (found.lengths, found.unit) == ((13.0, 6.0), "characters")


def test_sides_asked_unlike_and_answers_cut_are_told() -> None:
    shown = results(CLEAR)
    answers = dict(shown.answers)
    answers[Slot(0, 0, Side.TUNED)] = Answer("x", AT, sent=Parameters(5, 0.5), stop_reason="max_tokens")
    alone = headline(replace(shown, answers=answers), JUDGE.id).warnings  # how the other was asked is not known
    assert not any("different parameters" in warning for warning in alone)
    answers[Slot(0, 0, Side.BASE)] = Answer("y", AT, sent=Parameters(5))
    warnings = headline(replace(shown, answers=answers), JUDGE.id).warnings
    assert "the sides were asked with different parameters: tuned max 5 · T 0.5, base max 5" in warnings
    assert "1 answer stopped at the limit of tokens" in warnings


def test_answers_that_were_withheld_or_empty_are_told() -> None:
    shown = results(CLEAR)
    answers = dict(shown.answers)
    answers[Slot(0, 0, Side.TUNED)] = Answer("No.", AT, stop_reason="guardrail_intervened")
    answers[Slot(1, 0, Side.BASE)] = Answer(" \n", AT, stop_reason="content_filtered")
    warnings = headline(replace(shown, answers=answers), JUDGE.id).warnings
    assert "2 answers stopped or replaced by a guardrail or filter, 1 answer without a word" in warnings
    for number, reason in enumerate(("tool_use", "malformed_model_output", "stop_sequence", "")):
        answers[Slot(number, 0, Side.TUNED)] = Answer("No.", AT, stop_reason=reason)
    warnings = headline(replace(shown, answers=answers), JUDGE.id).warnings
    assert "2 answers ended otherwise (malformed_model_output, tool_use)" in " ".join(warnings)


def test_lengths_are_of_questions_that_both_sides_answered() -> None:
    shown = results([(9, 3)] * 3, texts=("one two", "one two three four"))
    answers = {**shown.answers, Slot(0, 0, Side.TUNED): Answer("word " * 100, AT), Slot(0, 0, Side.BASE): FAILED}
    assert headline(replace(shown, answers=answers), JUDGE.id).lengths == (2.0, 4.0)
    alone = {slot: answer for slot, answer in answers.items() if slot.side is Side.TUNED}
    tuned, base = headline(replace(shown, answers=alone), JUDGE.id).lengths
    assert (round(tuned or 0, 1), base) == (34.7, None)


def test_a_judge_of_its_own_answers_is_told() -> None:
    own = Judge(JudgeKind.MODEL, BASE)
    warnings = headline(results(CLEAR, judge=own), own.id).warnings
    assert warnings == ("the judge is one of the two models: judges prefer their own answers", NARROW)


def test_a_judge_that_only_scores_decides_by_scores() -> None:
    judge = Judge(JudgeKind.BERTSCORE, encoder="roberta-large")
    found = headline(results([(0.75, 0.687)] * 6 + [(0.6, 0.6)], judge=judge), judge.id)
    assert (found.wins, found.ties, found.losses, found.compared) == (6, 1, 0, 0)
    assert found.text.startswith("tuned − base = +0.054 (95 % 0.036 … 0.063) · n 7 · wins 6 ties 1 losses 0 · judge")
    assert found.judge == "BERTScore roberta-large"


def test_scores_and_comparisons_that_point_apart_are_told() -> None:
    found = headline(results(CLEAR, [comparison(BASE_SIDE, BASE_SIDE)] * 9), JUDGE.id)
    assert (found.wins, found.losses, found.winner) == (0, 9, Side.TUNED)
    assert "scores and comparisons point in different directions: read the reasons" in found.warnings


def test_samples_of_a_question_count_once() -> None:
    shown = results([(9.0, 3.0)] * 6)
    spec = replace(shown.spec, samples=2)
    scores = dict(shown.scores)
    comparisons = dict(shown.comparisons)
    for number in range(6):
        for side, score in ((Side.TUNED, 5.0), (Side.BASE, 9.0)):
            before = scores[JUDGE.id, Slot(number, 0, side)]
            assert isinstance(before, Score)
            scores[JUDGE.id, Slot(number, 1, side)] = replace(before, value=score)
        comparisons[JUDGE.id, number, 1] = comparison(BASE_SIDE, BASE_SIDE)
    found = headline(replace(shown, spec=spec, scores=scores, comparisons=comparisons), JUDGE.id)
    assert (found.scored, found.wins, found.ties, found.losses, found.compared) == (6, 0, 6, 0, 12)
    assert found.difference is not None
    assert (found.difference.mean, found.difference.n) == (1.0, 6)


def test_groups_are_scored_apart() -> None:
    shown = results(CLEAR)
    canary = replace(shown.spec.questions[0], group=Group.CANARY)
    shown = replace(shown, spec=replace(shown.spec, questions=(canary, *shown.spec.questions[1:])))
    assert headline(shown, JUDGE.id).scored == 8
    assert headline(shown, JUDGE.id, group=Group.CANARY).scored == 1
    assert headline(shown, JUDGE.id, group=None).scored == 9


def test_own_votes_against_the_judge() -> None:
    votes = {(0, 0): Outcome.WIN, (1, 0): Outcome.LOSS, (8, 0): Outcome.TIE}
    found = headline(replace(results(CLEAR), votes=votes), JUDGE.id).agreement
    assert (found.n, found.agreed) == (3, 2)
    assert found.kappa == pytest.approx(0.5)


def test_nothing_judged_yet() -> None:
    found = headline(results([(None, None)] * 3, [Comparison()] * 3), JUDGE.id)
    assert found.text == "tuned − base = – · n 0 · wins 0 ties 0 losses 0 · judge errors 0"
    assert (found.waiting, found.winner, found.compared) == (3, None, 0)


@pytest.mark.parametrize(
    ("value", "text"), [(4.5, "+4.5"), (-0.3, "−0.3"), (-0.049, "0.0"), (0.0, "0.0"), (-0.04, "0.0"), (0.04, "0.0")]
)
def test_signs(value: float, text: str) -> None:
    assert signed(value) == text


SCORES = st.one_of(st.integers(1, 10).map(float), st.just(FAILED), st.none())
CHOICES = st.one_of(st.sampled_from(Side), st.none(), st.just(FAILED))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SCORES, SCORES, CHOICES, CHOICES), max_size=12))
def test_whatever_was_judged_the_counts_add_up(rows: list[tuple[object, object, object, object]]) -> None:
    shown: Results = results(
        [(tuned, base) for tuned, base, _, _ in rows],  # type: ignore[misc]
        [comparison(one, two) for _, _, one, two in rows],  # type: ignore[arg-type]
    )
    found = headline(shown, JUDGE.id)
    assert found.wins + found.ties + found.losses == found.compared
    assert found.flips <= found.ties
    assert found.first_wins <= found.flips
    assert found.judge_errors == sum(isinstance(part, type(FAILED)) for row in rows for part in row)
    assert found.scored == sum(isinstance(t, float) and isinstance(b, float) for t, b, _, _ in rows)
    if found.winner is not None:
        assert found.difference is not None
        assert not found.difference.spans_zero
        assert found.scored >= 6
