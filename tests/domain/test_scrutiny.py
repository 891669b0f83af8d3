"""The closer look: near duplicates, odd lengths and languages; it finds what a slow way finds, and never fails."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE, DataFormat
from tui.domain.dataset.checks import Problem, Severity, check
from tui.domain.dataset.grams import Sketches, measure, sketch, tokens
from tui.domain.dataset.languages import language, script
from tui.domain.dataset.near_duplicates import near_duplicates, near_pairs
from tui.domain.dataset.scrutiny import Traits, look_closer, merged
from tui.domain.errors import AppError
from tui.domain.files.document import Document
from tui.domain.files.formats import Record
from tui.domain.files.pairs import PairFile, Role, read

HAIKU = CATALOGUE[0]
DATASET = Path(__file__).parents[2] / "dataset"
TOPICS = [
    "masts",
    "sails",
    "keels",
    "rudders",
    "lanterns",
    "anchors",
    "oars",
    "decks",
    "hulls",
    "ropes",
    "flags",
    "bows",
]
USES = ["rain", "storms", "harbours"]


def opened(records: list[Any], name: str = "pairs.jsonl") -> PairFile:
    return read(Path(name), "\n".join(json.dumps(r) for r in records).encode())


def sound(count: int = 30) -> list[dict[str, str]]:
    """Records in which nothing is odd."""
    return [
        {
            "q": f"Why do boats need good {TOPICS[n % 12]} when {USES[n // 12]} come?",
            "a": f"The {TOPICS[n % 12]} keep the boat on its course and the crew is glad of that in {USES[n // 12]}.",
        }
        for n in range(count)
    ]


def looked(records: list[Any]) -> list[Problem]:
    return look_closer(opened(records), HAIKU)


def test_nothing_is_odd_in_a_sound_file() -> None:
    assert looked(sound()) == []


@pytest.mark.parametrize("path", sorted(DATASET.glob("*/*.json")), ids=lambda p: str(p.relative_to(DATASET)))
def test_the_shipped_files_hold_no_near_duplicates_and_one_language(path: Path) -> None:
    found = {p.rule for p in look_closer(read(path, path.read_bytes()), HAIKU)}
    assert found <= {"very short", "very long"}


def test_a_reworded_question_is_named_with_the_first_one() -> None:
    records = [*sound(), {"q": "Why do boats need good anchors when rain come today?", "a": "A question of safety."}]
    (found,) = [p for p in looked(records) if p.rule == "near duplicate"]
    assert (found.index, found.line, found.field, found.severity) == (30, 31, "question", Severity.WARNING)
    assert "record 6, line 6" in found.message
    assert "Jaccard 0.89" in found.message


def test_a_conversation_that_comes_twice_is_a_duplicate() -> None:
    turns = [{"role": r, "content": f"{r} {n}"} for n in range(2) for r in ("user", "assistant")]
    other = [{"role": r, "content": f"{r} {n}, of course"} for n in range(2) for r in ("user", "assistant")]
    found = looked([{"messages": turns}, {"messages": other}, {"messages": turns}])
    assert [(p.rule, p.index) for p in found] == [("duplicate", 2)]
    assert "record 1, line 1" in found[0].message


@pytest.mark.parametrize(
    ("answer", "rule"),
    [("Yes.", "very short"), ("The boat is glad of the oars and the crew is glad of the boat. " * 20, "very long")],
)
def test_an_odd_length_is_told_with_the_rule(answer: str, rule: str) -> None:
    (found,) = looked([*sound(), {"q": "Why do boats sink in deep water?", "a": answer}])
    assert (found.rule, found.index, found.field) == (rule, 30, "answer")
    assert "odd beyond ±3.5" in found.message
    assert "Iglewicz and Hoaglin" in found.source


def test_three_times_the_usual_length_is_not_odd_in_a_uniform_file() -> None:
    records = [{"q": f"Is {topic} {use} a word?", "a": "x" * 100} for topic in TOPICS for use in USES]
    records.append({"q": "Is the night at sea a long one?", "a": "x" * 300})
    assert [p for p in looked(records) if p.rule.startswith("very")] == []


def test_in_a_small_file_nothing_is_odd() -> None:
    assert looked([*sound(8), {"q": "Боты?", "a": "Да."}]) == []


PAINT = "Why do boats need good paint in the rain?"
KEPT = "The anchors keep the boat where it is, and that is what the crew needs."


@pytest.mark.parametrize(
    ("question", "answer", "field", "said"),
    [
        ("Зачем лодке хороший якорь?", KEPT, "question", "reads as Cyrillic; 96 % of the questions are Latin"),
        (
            PAINT,
            "塗装は木を水から守り、船を長持ちさせるからです。",
            "answer",
            "reads as Japanese; 96 % of the answers are",
        ),
        (
            PAINT,
            "Weil die Farbe das Holz schützt und das Boot nicht sinkt.",
            "answer",
            "German; 96 % of the answers are",
        ),
    ],
)
def test_a_record_in_another_language_is_named(question: str, answer: str, field: str, said: str) -> None:
    found = [p for p in looked([*sound(), {"q": question, "a": answer}]) if p.rule == "language"]
    assert [(p.index, p.field) for p in found] == [(30, field)]
    assert said in found[0].message


def test_a_file_in_two_languages_is_meant_so() -> None:
    german = [{"q": f"Warum ist das {t} nicht auf der {u}?", "a": "Das ist nicht so."} for t in TOPICS for u in USES]
    assert [p for p in looked([*sound(), *german]) if p.rule == "language"] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is the use of a lantern on the river?", "English"),
        ("Was ist das und wie wird es auf dem Boot verwendet?", "German"),
        ("Quel est le rôle des voiles dans la tempête et pour qui ?", "French"),
        ("¿Cómo se puede usar el ancla en los puertos?", "Spanish"),
        ("Come si può usare la vela nel porto della città? È una domanda per gli altri.", "Italian"),
        ("Amazon Bedrockとは何ですか？", "Japanese"),
        ("東京都千代田区", "Han"),
        ("무엇입니까", "Hangul"),
        ("Что это такое?", "Cyrillic"),
        ("Amazon Bedrock", "Latin"),
        ("42", ""),
        ("", ""),
    ],
)
def test_languages(text: str, expected: str) -> None:
    assert language(text, tokens(text)) == expected


def test_a_name_in_latin_letters_makes_no_latin_text() -> None:
    assert script("短冊 tanzaku は何ですか") == "Japanese"
    assert script("…") == ""


@pytest.mark.parametrize(("start", "note"), [(b"\xef\xbb\xbf", "byte order mark"), (b"", "")])
def test_an_encoding_that_aws_would_refuse_is_told(start: bytes, note: str) -> None:
    line = json.dumps({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]})
    found = look_closer(read(Path("x.jsonl"), start + line.encode()), HAIKU)
    assert [p.rule for p in found] == ["encoding"] * bool(note)
    assert all(note in p.message for p in found)


def test_after_an_edit_only_what_was_edited_is_read_again() -> None:
    document, traits = Document(opened(sound())), Traits()
    assert look_closer(document.now, HAIKU, traits) == []
    document.do(document.edit(20, Record.of("Why do boats need good masts when rain comes?", "Because of the wind.")))
    found = look_closer(document.now, HAIKU, traits)
    assert len(traits.whole) == 31
    assert found == look_closer(document.now, HAIKU)
    document.do(document.remove([3]))
    assert look_closer(document.now, HAIKU, traits) == look_closer(document.now, HAIKU)
    assert len(traits.whole) == 31


def test_told_to_stop_it_stops() -> None:
    traits = Traits()
    assert look_closer(opened([*sound(), *sound()]), HAIKU, traits, lambda: True) == []
    assert len(traits.whole) == 0


WORDS = st.lists(st.sampled_from(["ab", "bc", "cd", "de", "紙", "舟", "の"]), max_size=9).map(" ".join)


@example(["ab ab", "ab ab ab"], 0.4)  # one gram each, and the same: too little to tell
@given(st.lists(WORDS, max_size=8), st.sampled_from([0.4, 0.7, 0.9]))
def test_the_quick_way_finds_the_near_duplicates_that_comparing_all_finds(texts: list[str], least: float) -> None:
    expected = set()
    for (i, one), (j, other) in combinations(enumerate(texts), 2):
        found = measure(sketch(one), sketch(other))
        small = min(len(set(sketch(t).grams)) for t in (one, other))
        if tokens(one) and tokens(other) and found.jaccard >= least and small > 1:
            expected |= {j}
            assert i < j
    found_now = near_duplicates(Sketches(texts), range(len(texts)), lambda: False, least)
    same = {j for (i, a), (j, b) in combinations(enumerate(texts), 2) if "".join(tokens(a)) == "".join(tokens(b)) != ""}
    # Of two equal texts only one is compared with the others.
    assert set(found_now) | same == expected | same
    assert same <= set(found_now)


def test_near_duplicates_just_at_the_limit_and_equal_ones_are_told_once() -> None:
    shorter = "one two three four five six seven eight nine"
    texts = [shorter, f"{shorter} ten eleven", shorter.upper(), shorter]
    found = list(near_pairs(Sketches(texts), [0, 1, 2, 3], lambda: False, 0.8))
    assert sorted((at, other, alike.jaccard) for at, other, alike in found) == [(1, 0, 0.8), (2, 0, 1.0), (3, 0, 1.0)]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
RECORD = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("q", "a", "system", "messages", "prompt", "completion", "schemaVersion"), JSON)
)
TURN = st.fixed_dictionaries(
    {}, optional={"role": st.sampled_from(["user", "assistant"]) | JSON, "content": st.text(max_size=5) | JSON}
)
TALK = st.fixed_dictionaries({"messages": st.lists(TURN | JSON, max_size=4)}, optional={"system": JSON})


@given(st.lists(RECORD | TALK | JSON, min_size=1, max_size=30), st.sampled_from(CATALOGUE))
def test_whatever_stands_in_a_file_no_check_fails(values: list[Any], model: Any) -> None:
    try:
        file = read(Path("x.jsonl"), "\n".join(json.dumps(v) for v in values).encode())
    except AppError:
        return
    found = merged(check(file, model, Role.TRAIN), look_closer(file, model))
    for problem in found:
        assert problem.rule
        assert problem.message
        assert problem.source
        assert (problem.line is None) == (problem.index is None)


def test_what_the_rules_say_of_a_duplicate_is_not_said_again() -> None:
    first = Problem("duplicate", Severity.WARNING, "x", "question", 3, 4)
    later = Problem("near duplicate", Severity.WARNING, "y", "question", 3, 4)
    other = Problem("near duplicate", Severity.WARNING, "y", "question", 1, 2)
    assert merged([first], [later, other]) == (other, first)


def test_every_format_of_the_catalogue_can_be_looked_at() -> None:
    assert {m.data_format for m in CATALOGUE} == set(DataFormat)


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ('{"q": "one", "q": "two", "a": "b"}', ["q"]),
        ('{"q": "one", "a": "b", "system": "x", "system": "y", "a": "c"}', ["a", "system"]),
        ('{"q": "the \\"q\\" of it", "a": "b", "more": {"q": 1}}', []),
        ('{"q": "one", "a": "b", "id": 1, "id": 2}', []),
        ('{"q": "one", "q": "cut', []),
    ],
)
def test_a_key_that_stands_twice_in_a_record_is_told(body: str, keys: list[str]) -> None:
    lines = [json.dumps(r) for r in sound()]
    file = read(Path("pairs.jsonl"), "\n".join([*lines, body]).encode())
    found = [p for p in look_closer(file, HAIKU) if p.rule == "key twice"]
    assert sorted(p.field for p in found) == keys
    assert all(p.index == 30 and p.line == 31 for p in found)


def test_keys_in_japanese_and_in_formats_are_looked_at_too() -> None:
    japanese = read(Path("x.jsonl"), '{"質問": "a", "\\u8cea\\u554f": "b", "回答": "c"}'.encode())
    assert [p.field for p in look_closer(japanese, HAIKU) if p.rule == "key twice"] == ["質問"]
    completion = read(Path("x.jsonl"), b'{"prompt": "a", "completion": "b", "completion": "c"}')
    assert [p.field for p in look_closer(completion, HAIKU) if p.rule == "key twice"] == ["completion"]
    table = read(Path("x.csv"), b"question,answer\nquestion,question\n")
    assert [p for p in look_closer(table, HAIKU) if p.rule == "key twice"] == []


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (
            "a.jsonl",
            '{"instruction":"a","Input":"b","output":"c"}\n{"instruction":"a b","Input":"b","output":"d"}',
            [0],
        ),
        ("a.json", '[{"question":"a","context":" ","answer":"c"},{"question":"d","context":7,"answer":"c"}]', []),
        ("a.csv", "context,question,answer\n,a,b\nc,d,e\nf\n", [1]),
        ("a.jsonl", '{"input":"a","output":"c"}\n{"input": ["input"], "output": 1}\n', []),
        ("a.jsonl", '{"prompt":"a","completion":"c","input":"b"}\n', []),
        ("a.jsonl", '{"q":"a","a":"c"}\n{"q":"a","b":"c","input":"b"}\n', []),
    ],
)
def test_a_part_of_the_question_in_a_field_of_its_own_is_told(name: str, text: str, found: list[int]) -> None:
    problems = look_closer(read(Path(name), text.encode()), HAIKU)
    assert [p.index for p in problems if p.rule == "context apart"] == found


def test_a_carriage_return_inside_a_line_is_told_where_lines_are_trained_on() -> None:
    line = b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}'
    lines = [line, line.replace(b":[", b":\r["), line + b"\r", b" " + line + b" "]
    file = read(Path("a.jsonl"), b"\r\n".join(lines) + b"\r")
    assert [p.index for p in look_closer(file, HAIKU) if p.rule == "line end"] == [1, 2]
    pairs = read(Path("a.jsonl"), b'{"question":"a",\r"answer":"b"}\n')
    assert not look_closer(pairs, HAIKU)


def test_half_a_character_in_the_name_of_a_field_is_looked_at_too() -> None:
    body = b'{"a\\ud800": "x", "b": "y", "a\\ud800": "z"}\n'
    assert [p.rule for p in look_closer(read(Path("a.jsonl"), body), HAIKU)] == ["key twice"]


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ([{"text": 'Speak\\ "kindly".'}], ""),
        ([{"text": "Speak {kindly}]", "cachePoint": None}], ""),
        ([{"text": "Speak"}, {"text": "kindly"}], "system holds 2 blocks, Llama 3.3 70B Instruct takes one"),
        (None, "system is null"),
    ],
    ids=["one", "odd", "two", "null"],
)
def test_llama_takes_one_system_prompt(system: Any, told: str) -> None:
    records = [
        {"schemaVersion": "bedrock-conversation-2024", **more, "messages": [
            {"role": "user", "content": [{"text": pair["q"]}]}, {"role": "assistant", "content": [{"text": pair["a"]}]}
        ]}
        for pair, more in zip(sound(25), [{"system": system}] + [{}] * 24, strict=True)
    ]  # fmt: skip
    file = opened(records)
    for model in CATALOGUE:
        found = [p for p in look_closer(file, model) if p.rule == "system blocks"]
        assert [p.index for p in found] == ([0] if told and model.key == "llama-3.3-70b" else [])
        assert all(told in p.message for p in found)
    assert not check(file, CATALOGUE[2], Role.TRAIN)
    document = Document(file)
    first = document.now[0]
    assert isinstance(first, Record)
    document.do(document.edit(0, replace(first, system="All anew")))
    assert json.loads(document.now.text(0)) == {**records[0], "system": [{"text": "All anew"}]} or system is not None
