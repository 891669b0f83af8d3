"""Questions of files, rows as a judge sees them, plans and progress."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.domain.evaluated import AT, FAILED, JUDGE, comparison, results
from tui.domain.chat.chat import Message, Parameters
from tui.domain.evaluation.judging import Failure, Judge, JudgeKind, Outcome, Side
from tui.domain.evaluation.results import Row, Summary
from tui.domain.evaluation.run import Phase, Progress, judgements_per_sample, plan
from tui.domain.evaluation.spec import Answer, Question, Slot, questions_of
from tui.domain.files import pairs


def lines(*records: object) -> pairs.PairFile:
    return pairs.read(Path("eval.jsonl"), "".join(json.dumps(r) + "\n" for r in records).encode())


def test_questions_of_plain_pairs_with_their_lines() -> None:
    file = lines({"question": "A?", "answer": "a", "system": "Be brief."}, {"question": "B?", "answer": "b"})
    found, skipped = questions_of(file)
    assert found == (Question("A?", "a", 1, system="Be brief."), Question("B?", "b", 2))
    assert skipped == ()


def test_of_a_conversation_the_last_exchange_is_asked() -> None:
    turns = [("user", "A?"), ("assistant", "a"), ("user", "B?"), ("assistant", "b")]
    file = lines({"messages": [{"role": role, "content": text} for role, text in turns]})
    (question,), _ = questions_of(file)
    assert (question.text, question.reference) == ("B?", "b")
    assert question.earlier == (Message("user", "A?"), Message("assistant", "a"))
    assert question.messages[-1] == Message("user", "B?")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"question": "A?", "answer": " "}, "line 2: the answer is empty"),
        ({"question": "", "answer": "a"}, "line 2: the question is empty"),
        ({"question": "A?"}, "line 2: answer is missing"),
    ],
)
def test_what_is_no_question_with_a_reference_is_named(record: dict[str, str], reason: str) -> None:
    found, skipped = questions_of(lines({"question": "A?", "answer": "a"}, record, {"question": "B?", "answer": "b"}))
    assert [q.line for q in found] == [1, 3]
    assert skipped == (reason,)


def test_a_question_is_the_same_whatever_its_case_width_and_signs() -> None:
    assert Question("Ｗhat is TEA?", "x").key == Question("what is tea", "y").key
    assert Question("?!", "x").key != Question("…", "x").key
    assert Question("B?", "x", earlier=(Message("user", "A?"),)).key != Question("B?", "x").key


def test_slots_go_question_by_question() -> None:
    spec = replace(results([(5.0, 5.0)] * 2).spec, samples=2)
    places = [(slot.question, slot.sample, slot.side) for slot in spec.slots]
    assert places[:4] == [(0, sample, side) for sample in (0, 1) for side in Side]
    assert len(places) == 8
    assert spec.target(Side.TUNED.other) == spec.base


@pytest.mark.parametrize(
    ("first", "second", "outcome", "flipped"),
    [
        (Side.TUNED, Side.TUNED, Outcome.WIN, False),
        (Side.BASE, Side.BASE, Outcome.LOSS, False),
        (None, None, Outcome.TIE, False),
        (Side.TUNED, Side.BASE, Outcome.TIE, True),
        (Side.BASE, Side.TUNED, Outcome.TIE, True),
        (None, Side.BASE, Outcome.TIE, True),
        (FAILED, Side.BASE, None, False),
        (FAILED, FAILED, None, False),
    ],
)
def test_both_orders_together(
    first: Side | Failure | None, second: Side | Failure | None, outcome: Outcome | None, flipped: bool
) -> None:
    found = comparison(first, second)
    assert (found.outcome, found.flipped, found.whole) == (outcome, flipped, outcome is not None)
    assert len(found.failures) + len(found.rulings) == 2


def test_a_row_holds_what_a_judge_said() -> None:
    shown = results([(9.0, 3.0), (FAILED, 4.0)])
    one, two = shown.rows(JUDGE.id)
    assert (one.tuned_score, one.base_score, one.delta, one.verdict, one.flips) == (9.0, 3.0, 6.0, "tuned", 0)
    assert one.reasons == ("tuned 9", "base 3", "why", "why")
    assert (two.delta, two.verdict, two.problems) == (None, "judge failed", (FAILED.reason,))
    assert one.answers(Side.BASE) == (Answer("d e f", AT),)
    assert [row.verdict for row in shown.rows()] == ["–", "–"]
    assert [row.verdict for row in shown.rows("unknown")] == ["–", "–"]


def test_an_answer_that_failed_is_no_score() -> None:
    shown = results([(None, 4.0)])
    shown = replace(shown, answers={**shown.answers, Slot(0, 0, Side.TUNED): FAILED})
    (row,) = shown.rows(JUDGE.id)
    assert (row.verdict, row.delta, row.problems) == ("no answer", None, (FAILED.reason,))
    assert (shown.unanswered, shown.answered, shown.wanted) == ((Slot(0, 0, Side.TUNED),), 1, 2)


def test_a_summary_knows_whether_it_is_whole() -> None:
    spec = results([]).spec
    summary = Summary("1", "x", AT, spec.tuned, spec.base, 2, 3, 4, "", "")
    assert not summary.whole
    assert replace(summary, answered=4).whole


@pytest.mark.parametrize(
    ("judge", "asked"),
    [(None, 0), (JUDGE, 4), (Judge(JudgeKind.LANGCHAIN, JUDGE.target), 2), (Judge(JudgeKind.BERTSCORE), 2)],
)
def test_how_often_a_judge_is_asked(judge: Judge | None, asked: int) -> None:
    assert judgements_per_sample(judge) == asked


def test_a_plan_counts_calls_and_tokens() -> None:
    spec = replace(results([(1.0, 1.0)] * 10).spec, samples=2, parameters=Parameters(100), system="Be brief. " * 3)
    found = plan(spec, JUDGE)
    assert (found.calls_per_side, found.judge_calls, found.calls) == (20, 80, 120)
    assert found.output_tokens_per_side == 2000
    assert found.input_tokens_per_side == 2 * 10 * (len("What is lantern 1?") // 3 + len("Be brief. " * 3) // 3)
    assert found.judge_input_tokens > 80 * len(JUDGE.rubric.scoring) // 3
    assert "40 calls to the models, 80 to the judge" in found.text
    local = plan(spec, Judge(JudgeKind.BERTSCORE, encoder="x"))
    assert (local.judge_calls, local.judge_input_tokens, local.judge_output_tokens) == (0, 0, 0)
    assert plan(spec).judge_calls == 0


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(Phase.ASKING, 12, 24, 0, 0), "asking · 12/24 answered"),
        (
            Progress(Phase.JUDGING, 24, 24, 3, 48, 1, 2, 200.0),
            "judging · 24/24 answered · 3/48 judged · 3 failed · about 3 min left",
        ),
        (Progress(Phase.ASKING, 1, 2, 0, 0, seconds_left=0.2), "asking · 1/2 answered · about 1 s left"),
        (Progress(Phase.ASKING, 1, 2, 0, 0, seconds_left=7200), "asking · 1/2 answered · about 2.0 h left"),
        (Progress(Phase.DONE, 2, 2, 0, 0, seconds_left=0), "done · 2/2 answered"),
    ],
)
def test_progress_says_how_far_it_has_come(progress: Progress, text: str) -> None:
    assert progress.text == text


def test_rows_without_a_judge_still_show_answers() -> None:
    row = results([(None, None)]).row(0)
    assert isinstance(row, Row)
    assert row.delta is None
    assert isinstance(row.tuned[0], Answer)
