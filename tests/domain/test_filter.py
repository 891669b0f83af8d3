"""What can be typed to narrow a list, and which records it leaves."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.domain.dataset.filter import (
    _PIECE,
    SETS,
    InSet,
    Query,
    Tokens,
    Word,
    holds,
    matches,
    parse,
    prefilter,
    spans,
)
from tui.domain.dataset.folding import Folding, fold, folded
from tui.domain.files import pairs
from tui.domain.files.bulk_texts import BATCH
from tui.domain.files.document import Document
from tui.domain.files.formats import Record, Turn
from tui.domain.files.pairs import Damaged, Keys, Pairs

LANTERNS = [
    ("What is a lantern?", "A light.", None),
    ("WHERE does it hang?", "At gate 7/8.\nAt night.", "Be brief."),
    ("提灯とは何ですか", "竹と紙の明かりです。", None),
    ("ｗｈａｔ is ﬁre?", 'It is "hot" \\ red', None),
]


def left(text: str, file: Pairs, named: Mapping[str, Collection[int]] | None = None) -> list[int]:
    return [index for _, found in matches(file, parse(text), named or {}) for index in found]


def written(records: list[tuple[str, str, str | None]], *, escaped: bool, list_: bool = False) -> pairs.PairFile:
    values = [{"q": q, "a": a} | ({"system": s} if s is not None else {}) for q, a, s in records]
    lines = [json.dumps(value, ensure_ascii=escaped) for value in values]
    text = "[" + ",\n".join(lines) + "]" if list_ else "\n".join(lines)
    return pairs.read(Path("x.jsonl"), text.encode("utf-8", "surrogatepass"), Keys("q", "a"))


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("", Query()),
        ("lantern gate", Query((Word("lantern"), Word("gate")))),
        ("q:Lantern a:gate S:brief", Query((Word("lantern", "q"), Word("gate", "a"), Word("brief", "s")))),
        ("!dark !!light", Query((Word("dark", "", True), Word("light")))),
        ('"two  words" q:"in quotes', Query((Word("two words"), Word("in quotes", "q")))),
        ("tok>200", Query(tokens=(Tokens(">", 200),))),
        ("tok<=1,000 !tokens=7", Query(tokens=(Tokens("<=", 1000), Tokens("=", 7, True)))),
        ("is:problem !is:Marked", Query(sets=(InSet("problem"), InSet("marked", True)))),
        ("ｑ：提灯 ！ｄａｒｋ　tok＞5", Query((Word("提灯", "q"), Word("dark", "", True)), (Tokens(">", 5),))),
        ("http://x a/b tokens", Query((Word("http://x"), Word("a/b"), Word("tokens")))),
        ('"" q:""', Query()),
    ],
)
def test_what_is_typed(typed: str, query: Query) -> None:
    assert parse(typed) == query
    assert parse(typed).unknown == ()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("is:foo", "is:foo? is: takes problem error warning dup leak marked edited"),
        ("is:", "is:? is: takes problem error warning dup leak marked edited"),
        ("tok>many", "tok>many? wants a number"),
        ("tok>=", "tok>=? wants a number"),
        (f"tok>1{',000' * 1500}", f"tok>1{',000' * 1500}? wants a number"),
        ("q:", "q:? wants a word"),
    ],
)
def test_what_is_not_understood_is_told_and_hides_nothing(typed: str, told: str) -> None:
    assert parse(typed).unknown == (told,)
    assert parse(f"{typed} lantern") == Query((Word("lantern"),))


@given(st.text(alphabet='qastokinm:!"<>=is 12提ｑ！\\', max_size=24))
def test_anything_can_be_typed(typed: str) -> None:
    query = parse(typed)
    assert all(word.text == fold(word.text) and word.text for word in query.words)
    assert all(one.name in SETS for one in query.sets)


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("list_", [False, True])
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("what", [0, 3]),
        ("q:what a:light", [0]),
        ("!what", [1, 2]),
        ("提灯", [2]),
        ("明かり 提灯", [2]),
        ("a:提灯", []),
        ("fire", [3]),
        ("7/8", [1]),
        ('"8. at night"', [1]),
        ("hot", [3]),
        ("\\", [3]),
        ("s:brief", [1]),
        ("brief", [1]),
        ("question", []),
        ("tok<9", [0]),
        ("tok>=9", [1, 2, 3]),
        ("!tok<9 what", [3]),
        ("is:marked", [1, 2]),
        ("!is:marked what", [0, 3]),
        ("is:dup", []),
        ("is:marked 提灯", [2]),
    ],
)
def test_what_is_left(typed: str, found: list[int], escaped: bool, list_: bool) -> None:
    file = written(LANTERNS, escaped=escaped, list_=list_)
    assert left(typed, file, {"marked": {1, 2}}) == found


def test_a_table_and_a_damaged_record_and_a_conversation() -> None:
    table = pairs.read(Path("x.csv"), b'question,answer\nWhat?,"a ""quoted"" light"\nWhere?,\n')
    assert left("quoted light", table) == [0]
    assert left('a:"a light"', table) == []
    broken = pairs.read(Path("x.jsonl"), b'{"q": "one", "a": "x"}\n{"q": "t\\u0077o", "a": \n', Keys("q", "a"))
    assert left("two", broken) == []
    assert left("u0077", broken) == [1]
    assert left("q:one", broken) == [0]
    assert left("tok>=0", broken) == [0]
    talk = Record((Turn("user", "Hi"), Turn("assistant", "Ho"), Turn("user", "And?"), Turn("assistant", "So.")))
    assert holds(parse("q:and a:ho"), talk)
    assert not holds(parse("q:ho"), talk)
    assert not holds(parse('"hi and"'), talk)


LETTERS = st.sampled_from('aAbBéＡｶﬁ提灯İßſK😀𝔸\u0301\u0303 n\n"\\/uU+9')
SHORT = st.text(alphabet=LETTERS, max_size=6)


@given(st.lists(st.tuples(SHORT, SHORT, st.none() | SHORT), min_size=1, max_size=5), SHORT, st.booleans())
def test_the_prefilter_never_hides_a_record_that_holds_the_word(
    records: list[tuple[str, str, str | None]], typed: str, escaped: bool
) -> None:
    file = written(records, escaped=escaped)
    query = parse(typed)
    slowly = [index for index, record in enumerate(file) if holds(query, record)]
    assert left(typed, file) == slowly
    if slowly and query.words:
        assert prefilter(query)(file.stretch(0, len(file)))


@pytest.mark.parametrize("words", ["lanterns", "lanterns reeds", "7:30"])
def test_the_prefilter_finds_what_begins_in_one_piece_of_a_long_text_and_ends_in_the_next(words: str) -> None:
    may_hold = prefilter(parse(words))
    for at in range(_PIECE - 9, _PIECE + 2):
        text = f"{'x' * at}LanTerns 7:30{'y' * _PIECE}reeds"
        assert may_hold(text.encode())
        assert not may_hold(text.replace("LanT", "Lan.T").replace("7:", "7-").encode())


TEXTS = (
    st.text(LETTERS | st.sampled_from("ガがｶﾞ\u3099か㌔キロ각가\u11a8ΣσςΐÅᾳ\u0345㍻平成①½ŉ鎮\u3000\u2028"), max_size=8)
    | st.text()
)


@settings(max_examples=60)
@given(TEXTS, st.lists(TEXTS.map(folded).filter(bool), min_size=1, max_size=2), TEXTS)
def test_a_text_is_folded_as_far_as_it_matters(before: str, words: list[str], after: str) -> None:
    for text in (before, f"{before}{words[0]}{after}", f"{before}{words[0].upper()}{after}"):
        made = Folding(words)(text)
        whole = folded(text) if any(" " in word for word in words) else fold(text)
        assert [word in made for word in words] == [word in whole for word in words]


@settings(max_examples=30)
@given(TEXTS, TEXTS.map(folded).filter(bool), TEXTS, st.sampled_from(("", "提", "x")))
def test_what_is_folded_of_a_long_text_holds_every_word_of_it(before: str, words: str, after: str, filler: str) -> None:
    word = "".join(words.split()) or "x"
    folding = Folding([word])
    for typed in (word, word.upper(), unicodedata.normalize("NFD", word)):
        text = f"{before}{filler * 90}{typed}{filler * 90}{after}{filler * 900}"
        assert word in folding.traces(text) or word not in fold(text)


def test_only_what_is_near_other_forms_is_folded_of_a_long_text() -> None:
    text = "提" * 40_000
    made = Folding(["gate 12"]).traces(f"{text}ｇａｔｅ{text}Ｇate{text}")
    assert "gate" in made
    assert len(made) < 3.01 * len(text)


def test_what_folds_to_other_characters_or_joins_them_is_known() -> None:
    letters = [chr(code) for code in range(0x80, 0x30000, 601) if not 0xD800 <= code < 0xE000]
    plain = "".join(letter for letter in letters if not Folding([fold(letter)]).has_other_forms(letter))
    assert len(plain) > 200
    assert fold(plain) == plain
    of_k = Folding("k")
    assert of_k.has_other_forms("\u212a")
    assert of_k.has_other_forms("\u0301")
    assert not of_k.has_other_forms("提灯：ＡＢ")


def test_edited_records_are_searched_as_they_are_now() -> None:
    document = Document(written([(f"Pair {n}", "x", None) for n in range(2 * BATCH)], escaped=False))
    document.do(document.edit(3, Record.of("Pair 3", "heliotrope")))
    document.do(document.add(BATCH + 10, Record.of("a new heliotrope", "y")))
    assert left("heliotrope", document.now) == [3, BATCH + 10]
    assert left("q:heliotrope", document.now) == [BATCH + 10]
    assert [stop for stop, _ in matches(document.now, parse("x"), {})] == [BATCH, 2 * BATCH, 2 * BATCH + 1]


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("A lantern, a LANTERN", ["lantern"], ["lantern", "LANTERN"]),
        ("ＡＢＣ abc", ["abc"], ["ＡＢＣ", "abc"]),
        ("ﬁre", ["i"], ["ﬁ"]),
        ("提灯と提灯", ["提灯"], ["提灯", "提灯"]),
        ("aaa", ["aa", "a"], ["aaa"]),
        ("at\nnight", ["at night"], ["at\nnight"]),
        ("nothing", ["x", ""], []),
        ("", ["x"], []),
    ],
)
def test_hits_are_found_where_they_are_written(text: str, words: list[str], found: list[str]) -> None:
    assert [text[a:b] for a, b in spans(text, words)] == found


def test_a_record_that_cannot_be_read_is_found_by_its_text() -> None:
    assert holds(parse("bro !whole"), Damaged("why", "broken"))
    assert not holds(parse("q:bro"), Damaged("why", "broken"))
