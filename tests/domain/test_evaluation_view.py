"""Rows in the order and selection in which they are looked at, two evaluations compared, and what one will cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.evaluated import AT, BASE, FAILED, JUDGE, TUNED, results
from tui.domain.chat.chat import Parameters, Target
from tui.domain.evaluation.compare import compared
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.results import Row
from tui.domain.evaluation.run import plan
from tui.domain.evaluation.setup import QuestionFile, Setup, Sides, cost, cost_text, setup_text
from tui.domain.evaluation.spec import Answer, Group, Question
from tui.domain.evaluation.view import Order, answer_text, filter_problem, shown
from tui.domain.serving.pricing import TokenPrices

MIXED = results([(9, 3), (2, 8), (5, 5), (FAILED, 4), (None, None)])
ROWS = MIXED.rows(JUDGE.id)
PRICES = {"base": TokenPrices(1.0, 2.0, source="config.toml"), "judge": TokenPrices(3.0, 15.0, source="AWS")}
FILE = QuestionFile("eval.json", MIXED.spec.questions)
SERVED = Target("lantern-faq", "arn:aws:bedrock:us-west-2:1:provisioned-model/abc", "1 MU", tuned=True)


def numbers(rows: list[Row]) -> list[int]:
    return [row.number for row in rows]


def test_regressions_come_first_and_what_is_not_scored_last() -> None:
    assert numbers(shown(ROWS, "", Order.REGRESSIONS)) == [1, 2, 0, 3, 4]
    assert numbers(shown(ROWS, "", Order.GAINS)) == [0, 2, 1, 3, 4]
    assert numbers(shown(ROWS, "", Order.FILE)) == [0, 1, 2, 3, 4]
    assert Order.GAINS.next is Order.REGRESSIONS


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("is:win", [0]),
        ("is:loss", [1]),
        ("is:tie", [2]),
        ("is:failed", [3]),
        ("is:unjudged", [4]),
        ("lantern 2", [2]),
        ("LANTERN is:win", [0]),
        ("nowhere", []),
        ("is:flip", []),
        ("is:unanswered", []),
    ],
)
def test_words_and_kinds_narrow_the_rows(words: str, found: list[int]) -> None:
    assert numbers(shown(ROWS, words, Order.FILE)) == found
    assert filter_problem(words) == ""


def test_a_kind_that_is_none_is_told_and_hides_nothing() -> None:
    assert "is:odd" in filter_problem("a is:odd")
    assert len(shown(ROWS, "is:odd", Order.FILE)) == 5


@given(st.text(max_size=20), st.sampled_from(list(Order)))
def test_whatever_is_typed_gives_a_part_of_the_rows(words: str, order: Order) -> None:
    found = numbers(shown(ROWS, words, order))
    assert len(set(found)) == len(found)
    assert set(found) <= set(numbers(ROWS))


def test_samples_and_failures_are_told_apart_in_the_text() -> None:
    assert answer_text([Answer("one", AT)]) == "one"
    assert answer_text([Answer("one", AT), FAILED, None]) == (
        "— sample 1 —\none\n\n— sample 2 —\n✗ The judge's answer holds no score.\n\n— sample 3 —\nnot asked yet"
    )


def test_two_evaluations_are_compared_by_question_regressions_first() -> None:
    earlier, later = results([(9, 3), (5, 5), (7, 5)]), results([(4, 3), (8, 5), (7, 5)])
    found = compared(earlier, later, [JUDGE.id])
    assert [(c.later.number, c.change) for c in found.changes] == [(0, -5), (2, 0), (1, 3)]
    assert (found.worse, found.better, found.warnings) == (1, 1, ())
    assert found.text.startswith("later − earlier = −0.7 (95 % ")
    assert found.text.endswith("n 3 · better 1 same 1 worse 1")
    assert found.conclusion == "no change shown: 3 questions are too few for any (at least 6)"


@pytest.mark.parametrize(
    ("later", "concluded"),
    [
        ([(8, 3)] * 6, "the later model is worse on these questions"),
        ([(10, 3)] * 7, "the later model is better on these questions"),
        ([(8, 3), (10, 3)] * 4, "no change shown with 8 questions"),
        ([(8, 3)] * 5, "no change shown: 5 questions are too few for any (at least 6)"),
    ],
)
def test_a_change_is_told_where_there_are_questions_enough(later: list[tuple[float, float]], concluded: str) -> None:
    assert compared(results([(9, 3)] * len(later)), results(later), [JUDGE.id]).conclusion == concluded


def test_small_scores_are_compared_with_digits_enough() -> None:
    measure = Judge(JudgeKind.TOKEN_F1)
    one, two = (results([(score, 0.2)] * 6, judge=measure) for score in (0.5, 0.49))
    assert compared(one, two, [measure.id]).text.startswith("later − earlier = −0.010 (95 % −0.010 … −0.010)")
    assert compared(one, one, [measure.id]).text.startswith("later − earlier = 0.000 (95 % 0.000 … 0.000)")


def test_what_forbids_a_comparison_is_said() -> None:
    earlier, later = results([(9, 3)] * 3), results([(4, 3)] * 2)
    other = results([(4, 3)] * 2, judge=replace(JUDGE, target=BASE))
    asked = replace(later, spec=replace(later.spec, system="x", parameters=Parameters(9)))
    assert "1 question" in compared(earlier, later, [JUDGE.id]).warnings[0]
    unlike = compared(results([(9, 3)] * 8), results([(4, 3)] * 8, judge=replace(JUDGE, target=BASE)), [JUDGE.id])
    assert "not judged by the same judge" in unlike.warnings[0]
    assert unlike.conclusion == "no change can be told: other judges, other scores"
    assert "not judged by the same judge" in compared(earlier, other, [JUDGE.id]).warnings[0]
    questions = tuple(replace(q, reference=f"{q.reference} {n % 2}") for n, q in enumerate(earlier.spec.questions))
    mended = replace(earlier, spec=replace(earlier.spec, questions=(*questions[:2], *earlier.spec.questions[2:])))
    assert "2 questions had another reference" in compared(earlier, mended, [JUDGE.id]).warnings[0]
    said = " ".join(compared(earlier, asked, [JUDGE.id]).warnings)
    assert "different system prompts" in said
    assert "different parameters" in said


def test_a_question_that_failed_once_is_listed_without_a_change() -> None:
    found = compared(results([(9, 3), (FAILED, 3)]), results([(9, 3), (5, 3)]), [JUDGE.id])
    assert [(c.later.number, c.change) for c in found.changes] == [(0, 0), (1, None)]
    assert found.difference is None
    assert found.conclusion == "no change can be shown"


def test_canary_questions_are_not_compared() -> None:
    one = results([(9, 3)] * 2)
    apart = tuple(replace(q, group=Group.CANARY) for q in one.spec.questions[:1])
    two = replace(one, spec=replace(one.spec, questions=(*apart, *one.spec.questions[1:])))
    assert len(compared(two, two, [JUDGE.id]).changes) == 1


def setup(**changes: object) -> Setup:
    made = Setup("lanterns", FILE, Sides(TUNED, BASE), 1, (), JUDGE)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_cost_is_of_both_sides_and_the_judge() -> None:
    spec = setup().spec
    assert spec is not None
    planned = plan(spec, JUDGE)
    assert cost(planned, spec, JUDGE, PRICES) is None
    both = PRICES | {"arn:tuned": PRICES["base"]}
    side = (planned.input_tokens_per_side + 2 * planned.output_tokens_per_side) / 1e6
    judged = (3 * planned.judge_input_tokens + 15 * planned.judge_output_tokens) / 1e6
    assert cost(planned, spec, JUDGE, both) == pytest.approx(2 * side + judged)
    assert "config.toml" in cost_text(planned, spec, JUDGE, both)
    assert cost_text(planned, spec, JUDGE, PRICES).startswith("$ ? (not known for lantern-faq; ")
    assert cost_text(planned, spec, JUDGE, {}).startswith("$ ? (not known for lantern-faq, Claude 3 Haiku, Haiku 4.5;")


def test_throughput_is_not_charged_by_the_token_and_says_so() -> None:
    spec = setup(sides=Sides(SERVED, BASE)).spec
    assert spec is not None
    planned = plan(spec, None)
    assert cost(planned, spec, None, PRICES) is not None
    assert "bills by the hour" in cost_text(planned, spec, None, PRICES)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"file": QuestionFile("empty", ())}, "no questions"),
        ({"sides": Sides(TUNED, None)}, "both sides"),
        ({"sides": Sides(TUNED, TUNED)}, "same model"),
        ({"samples": 0}, "samples"),
        ({"samples": 21}, "samples"),
    ],
)
def test_what_keeps_an_evaluation_from_beginning_is_said(changes: dict[str, object], says: str) -> None:
    problem = setup(**changes).problem
    assert says in problem
    assert bool(problem) == bool(says)
    assert bool(setup_text(setup(**changes), {}, 500)) != bool(says)


def test_many_questions_are_better_handed_over() -> None:
    lines = setup_text(setup(), PRICES, 3)
    assert any("Bedrock is asked to evaluate them" in line for line in lines)
    assert "the cost is told next" in lines
    assert not any("Bedrock" in line for line in setup_text(setup(), PRICES, 500))


@pytest.mark.parametrize("learned", [False, True])
def test_training_questions_are_told_from_new_ones(learned: bool) -> None:
    lines = setup_text(setup(file=replace(FILE, learned=learned)), PRICES, 500)
    assert any("learned by heart" in line for line in lines) == learned


def test_the_spec_holds_own_and_canary_questions() -> None:
    canary = (Question("What is 2 and 2?", "4", group=Group.CANARY),)
    spec = setup(canary=canary, job_arn="arn:job").spec
    assert spec is not None
    assert spec.questions == (*FILE.questions, *canary)
    assert spec.job_arn == "arn:job"
