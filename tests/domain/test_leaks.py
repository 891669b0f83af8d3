"""Leakage between files: what counts as alike, and that the quick way finds what comparing all with all finds."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset.grams import USUAL, Alike, Level, Sketches, Thresholds, compare, measure, plain, sketch, tokens
from tui.domain.dataset.leaks import Finder, Index, Watch, _common, contained, leaks, nearest
from tui.domain.files.formats import Record, Turn
from tui.domain.files.pairs import Damaged

TRAINING = [
    "What are Lanterns for Paper Boats, and how can they be lit?",
    "What are the materials used in Sails for Paper Boats?",
    "What are Keels for Paper Boats, and how do they help with a straight course?",
    "How long does a boat of paper float?",
]


def pairs(*questions: str, answer: str = "") -> list[Record]:
    return [Record.of(question, answer or f"It is number {n}.") for n, question in enumerate(questions)]


def level(one: str, other: str, thresholds: Thresholds = USUAL) -> Level | None:
    found = compare(sketch(one), sketch(other), thresholds)
    return found.level if found else None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("What is a token?", "What is a token?", Level.EXACT),
        ("What is a token?", "what IS a token", Level.NORMALISED),
        ("Ｗｈａｔ ｉｓ ａ ｔｏｋｅｎ？", "What is a token?", Level.NORMALISED),
        ("fine-tuning costs", "Fine tuning costs!", Level.NORMALISED),
        ("料金は いくら ですか？", "料金はいくらですか", Level.NORMALISED),
        ("ﾄｰｸﾝとは何ですか", "トークンとは何ですか？", Level.NORMALISED),
        ("What is a token?", "What is a token in a prompt?", Level.CONTAINED),
        ("トークンとは何ですか？", "そもそもトークンとは何ですか", Level.CONTAINED),
        ("Amazon Bedrockとは何ですか？", "Amazon Bedrockとは何ですか。いつ使えますか。", Level.CONTAINED),
        (
            "How do I stop a running fine-tuning job today?",
            "How do I stop a started fine-tuning job today?",
            Level.SIMILAR,
        ),
        ("What is a token?", "How is a prompt counted?", None),
        # All four words stand in it, but not in a row.
        ("What is Amazon Bedrock?", "What is Amazon Titan, and is Amazon paying for Amazon Bedrock?", None),
        ("トークンとは何ですか？", "推論の料金を教えてください。", None),
        # Five grams meet seldom by chance, four do.
        (
            "Fold the paper boat today, twice!",
            "Fold the paper. Paper boat, boat today, today twice: who steers when rain keeps off?",
            Level.CONTAINED,
        ),
        ("Fold the paper boat today!", "Fold the paper. Paper boat, boat today: who steers when rain keeps off?", None),
        ("Bedrock?", "What is Bedrock?", None),
        ("", "", None),
        ("?!", "…", None),
    ],
)
def test_how_alike_two_questions_are(one: str, other: str, expected: Level | None) -> None:
    assert level(one, other) is expected
    assert level(other, one) is expected


def test_containment_finds_what_jaccard_misses() -> None:
    """Two of four questions that a model is judged by stand whole inside longer ones it was trained on."""
    asked = [
        "What can you do with a paper boat?",
        "What is a Rudder for Paper Boats?",
        "What are Lanterns for Paper Boats?",
        "What are Keels for Paper Boats?",
    ]
    found = leaks(pairs(*TRAINING), pairs(*asked))
    assert [(leak.one, leak.other) for leak in found] == [(0, 2), (2, 3)]
    assert all(leak.question and leak.question.containment == 1.0 for leak in found)
    assert all(leak.question and leak.question.jaccard < 0.5 for leak in found)
    assert found[0].text == "question: containment 1.00, Jaccard 0.45"
    jaccard_alone = Thresholds(containment=1.01, jaccard=0.5)
    assert leaks(pairs(*TRAINING), pairs(*asked), jaccard_alone) == []


def test_the_order_of_the_files_does_not_matter() -> None:
    asked = pairs("What are Keels for Paper Boats?")
    there = leaks(pairs(*TRAINING), asked)
    back = leaks(asked, pairs(*TRAINING))
    assert [(leak.one, leak.other) for leak in there] == [(leak.other, leak.one) for leak in back] == [(2, 0)]


def test_one_instruction_in_all_pairs_is_not_paired_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = pairs(*["Write a story."] * 20), pairs(*["Write a story."] * 30)
    assert len(leaks(one, other)) == 600
    monkeypatch.setattr("tui.domain.dataset.leaks._EQUAL", 50)
    found = leaks(one, other)
    assert len(found) == 2 * 20 + 28
    assert {leak.one for leak in found} == set(range(20))
    assert {leak.other for leak in found} == set(range(30))


def test_answers_may_share_what_is_to_be_learned() -> None:
    one = [Record.of("How is it folded?", "Fold the sheet twice, open the pocket, press the corners flat, and dry it.")]
    other = [
        Record.of("Any advice?", "You fold the sheet twice, open the pocket, press the corners flat, and that is it.")
    ]
    assert leaks(one, other) == []
    assert measure(sketch(one[0].answer), sketch(other[0].answer)).containment > 0.8


def test_answers_count_when_they_have_some_length() -> None:
    long = "Fold the sheet twice, open the pocket, and press the corners flat before you set it on water."
    one = [Record.of("How is it folded?", long), Record.of("Does it float?", "Yes, it does.")]
    other = [Record.of("Any advice on making one?", long.upper()), Record.of("Will it last?", "Yes, it does.")]
    (found,) = leaks(one, other)
    assert (found.one, found.other, found.question) == (0, 0, None)
    assert found.answer == Alike(Level.NORMALISED, 1.0, 1.0)
    assert found.text == "answer: the same but for case, punctuation and space"


def test_question_and_answer_of_the_same_two_records_are_one_leak() -> None:
    record = Record.of("How is a boat of paper folded?", "Fold the sheet twice and press all the corners flat.")
    (found,) = leaks([record], [record])
    assert found.question == found.answer == Alike(Level.EXACT, 1.0, 1.0)


def test_conversations_are_compared_turn_for_turn_and_damaged_records_never_match() -> None:
    talk = Record(tuple(Turn(r, t) for r, t in [("user", "Hello there"), ("assistant", "Hi"), ("user", "Fold me one")]))
    assert len(leaks([talk], [talk])) == 1
    assert leaks([Damaged("x", "{}")], [Damaged("x", "{}")]) == []


def test_the_same_text_is_found_however_much_else_is_alike() -> None:
    many = pairs(*(f"How do I fold paper boat number {n} for the river race today?" for n in range(300)))
    found = leaks([many[250]], many)
    assert found[0].question is not None
    assert (found[0].other, found[0].question.level) == (250, Level.EXACT)
    assert 100 <= len(found) < 300


def test_told_to_stop_it_stops() -> None:
    assert leaks(pairs(*TRAINING), pairs(*TRAINING), should_stop=lambda: True) == []


WORDS = st.lists(st.sampled_from(["ab", "bc", "cd", "de", "ef", "折", "紙", "舟", "の", "水"]), max_size=9).map(
    " ".join
)
SHARE = st.sampled_from([0.1, 0.3, 0.5, 0.8, 1.0])


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6), SHARE, SHARE)
def test_the_index_finds_what_comparing_all_with_all_finds(
    small: list[str], large: list[str], containment: float, jaccard: float
) -> None:
    thresholds = Thresholds(containment, jaccard)
    expected = {
        (a, b): alike
        for (a, one), (b, other) in product(enumerate(small), enumerate(large))
        if (alike := compare(sketch(one), sketch(other), thresholds))
    }
    index = Index(map(sketch, small), thresholds, [sketch(text) for text in large])
    found = {(a, b): alike for b, text in enumerate(large) for a, alike in index.alike(sketch(text))}
    assert found == expected


@given(st.text(), st.text())
def test_any_texts_can_be_compared(one: str, other: str) -> None:
    found = measure(sketch(one), sketch(other))
    assert 0 <= found.jaccard <= found.containment <= 1
    assert measure(sketch(other), sketch(one)) == found
    mine = measure(sketch(one), sketch(one))
    assert mine.level is Level.EXACT
    assert (compare(sketch(one), sketch(one)) is None) == (not tokens(one))


def _wordy(dice: random.Random) -> str:
    return " ".join(dice.choices(["ab", "bc", "cd", "de", "ef", "fg", "折", "紙", "舟"], k=dice.randint(1, 14)))


@pytest.mark.parametrize("limits", [(0.8, 0.6), (0.5, 0.9), (1.0, 0.5), (0.4, 0.4)])
def test_no_copy_is_missed_among_longer_texts(limits: tuple[float, float]) -> None:
    """Texts in one another, which chance alone seldom makes."""
    thresholds, dice = Thresholds(*limits), random.Random(1)
    for _ in range(12):
        small = [_wordy(dice) for _ in range(8)]
        large = [_wordy(dice) for _ in range(8)]
        large += [" ".join(words[at : at + 6]) for text in small if (words := text.split()) for at in (0, 2)]
        large += [f"{_wordy(dice)} {text} {_wordy(dice)}" for text in small]
        one, other = [sketch(text) for text in small], [sketch(text) for text in large]
        expected = {
            (a, b) for a, b in product(range(len(one)), range(len(other))) if compare(one[a], other[b], thresholds)
        }
        index = Index(one, thresholds, other)
        assert {(a, b) for b, text in enumerate(other) for a, _ in index.alike(text)} == expected


def test_what_is_common_and_held_often_tells_nothing() -> None:
    counted = Counter({1: 101, 2: 100, 3: 101})
    held = {1: range(51), 2: range(51), 3: range(50)}
    assert _common(counted, held, 2_000) == {1}
    assert _common(counted, held, 1_999) == frozenset()


def test_what_was_looked_at_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    alike = Finder.alike

    def noted(finder: Finder, record: Record) -> list[Any]:
        asked.append(record.question)
        return list(alike(finder, record))

    monkeypatch.setattr(Finder, "alike", noted)
    watch, small, large = Watch(), pairs(TRAINING[2]), pairs(*TRAINING)
    first = watch.look(small, large)
    assert (asked, watch.look(small, large)) == (TRAINING, first)
    assert watch.look(small, [*large, *small]) != first
    assert asked == [*TRAINING, TRAINING[2]]


@given(st.lists(st.text(max_size=30), max_size=5))
def test_many_sketches_are_the_sketches(texts: list[str]) -> None:
    assert list(Sketches(texts)) == [sketch(text) for text in texts]


def test_a_gram_of_words_and_characters_weighs_two_words_or_three_characters() -> None:
    whole = ("bedrock", "と", "は"), ("と", "は", "何")
    assert sketch("Bedrockとは何？").grams == tuple(map(hash, whole))
    assert sketch("Bedrock は").grams == (hash(("bedrock", "は")),)


def test_plain_text_is_letters_and_digits() -> None:
    assert plain("Ｆｉｎｅ-Tuning: 3 回！") == "finetuning3回"
    assert tokens("Straße №5") == ["strasse", "no5"]


def test_the_nearest_training_questions() -> None:
    near = nearest("What are Keels for Paper Boats?", pairs(*TRAINING), 2)
    assert [n.index for n in near] == [2, 1]
    assert near[0].alike.containment == 1.0
    assert nearest("Zzz", pairs(*TRAINING)) == []
    assert nearest("What are Keels for Paper Boats?", Sketches(TRAINING), 2) == near


def test_a_question_contained_in_training() -> None:
    assert [n.index for n in contained("what are keels for paper boats", pairs(*TRAINING))] == [2]
    assert contained("How is a boat painted?", pairs(*TRAINING)) == []
