"""The shipped questions: right answers are known as right, wrong ones as wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tui.domain.chat.chat import Target
from tui.domain.evaluation.canary import QUESTIONS, canaries, is_right
from tui.domain.evaluation.judging import Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import Answer, Group, Question, Slot, Spec
from tui.domain.text import is_cjk

AT = datetime(2026, 11, 22, tzinfo=UTC)


def asked(beginning: str) -> Question:
    return next(q for q in QUESTIONS if q.text.startswith(beginning))


def test_there_are_enough_in_both_languages_and_each_reference_is_right() -> None:
    assert 12 <= len(QUESTIONS) <= 20
    assert 5 <= sum(is_cjk(q.text) for q in QUESTIONS) <= len(QUESTIONS) - 5
    assert len({q.key for q in QUESTIONS}) == len(QUESTIONS)
    for question in QUESTIONS:
        assert question.group is Group.CANARY
        assert is_right(question, question.reference), question.text
        assert not is_right(question, question.text), question.text
        assert not is_right(question, ""), question.text


@pytest.mark.parametrize(
    ("question", "answer", "right"),
    [
        ("What is the capital", "It's CANBERRA, of course.", True),
        ("What is the capital", "Sydney", False),
        ("How much is 17", "17 × 6 = 102.", True),
        ("How much is 17", "1,102", False),
        ("How much is 17", "102.5", False),
        ("How much is 17", "The answer is 1020", False),
        ("At what temperature", "１００℃", True),
        ("At what temperature", "100.", True),
        ("Write the numbers", "[1,2,3,4,5]", True),
        ("Write the numbers", "1 2 3 4 5", False),
        ("1時間は", "３６００です", True),
        ("1時間は", "3,600秒", True),
        ("りんご", "４個", True),
        ("りんご", "14個", False),
        ("「大きい」の", "「大きい」の反対の言葉は何ですか。", False),
        ("次の文を", "It's rainy today", True),
        ("次の文を", "The train is late", False),
    ],
)
def test_what_counts_as_right(question: str, answer: str, right: bool) -> None:
    assert is_right(asked(question), answer) is right


def test_a_question_without_accepted_words_is_for_a_judge() -> None:
    assert is_right(Question("Why?", "Because."), "Because.") is None


def test_what_tuning_broke_is_counted_apart() -> None:
    own = Question("What is lantern 1?", "A lamp.")
    spec = Spec("x", (own, *QUESTIONS[:3]), Target("t", "t", ""), Target("b", "b", ""))
    answers = {Slot(n, 0, Side.BASE): Answer(q.reference, AT) for n, q in enumerate(spec.questions)}
    answers |= {Slot(n, 0, Side.TUNED): Answer(q.reference if n < 3 else "?", AT) for n, q in enumerate(spec.questions)}
    found = canaries(Results("1", spec, AT, answers))
    assert (found.n, found.tuned, found.base, found.broken) == (3, 2, 3, (3,))
    assert found.text == "canary: tuned 2, base 3 of 3 right · 1 question answered worse than by base"
    assert canaries(Results("1", spec, AT)).text == ""
