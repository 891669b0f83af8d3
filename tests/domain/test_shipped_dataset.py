"""The question and answer pairs shipped in ``dataset/``: counts, form, no duplicates, no leakage."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from statistics import mean

import pytest

DATASET = Path(__file__).parents[2] / "dataset"
PAIR_KEYS = ("sentence1", "sentence2")
QA_KEYS = ("question", "answer")
# Words some base model refuses anywhere in a record, and the turn marks of the Claude prompt format.
RESERVED = (
    "\nHuman:",
    "\nAssistant:",
    "User:",
    "Bot:",
    "Assistant:",
    "System:",
    "[EOS]",
    "<image>",
    "<video>",
)
MAX_JACCARD = 0.6
MAX_CONTAINMENT = 0.8


@dataclass(frozen=True, slots=True)
class Shipped:
    """One shipped file: path below ``dataset/``, keys of its objects in order, least number of pairs."""

    path: str
    keys: tuple[str, str]
    least: int

    @property
    def japanese(self) -> bool:
        return self.path.endswith(".ja.json")


TRAINING = Shipped("rawdata/training.json", PAIR_KEYS, 90)
TRAINING_JA = Shipped("rawdata/training.ja.json", PAIR_KEYS, 44)
VALIDATION = Shipped("rawdata/validation.json", QA_KEYS, 34)
VALIDATION_JA = Shipped("rawdata/validation.ja.json", QA_KEYS, 34)
LABEL = Shipped("eval/label.json", QA_KEYS, 14)
LABEL_JA = Shipped("eval/label.ja.json", QA_KEYS, 8)
FILES = (TRAINING, VALIDATION, TRAINING_JA, VALIDATION_JA, LABEL, LABEL_JA)

each_file = pytest.mark.parametrize("shipped", FILES, ids=lambda shipped: shipped.path)
japanese_file = pytest.mark.parametrize("shipped", [f for f in FILES if f.japanese], ids=lambda shipped: shipped.path)
english_file = pytest.mark.parametrize(
    "shipped", [f for f in FILES if not f.japanese], ids=lambda shipped: shipped.path
)
two_files = pytest.mark.parametrize(("first", "second"), list(combinations(FILES, 2)), ids=lambda shipped: shipped.path)


@cache
def pairs(shipped: Shipped) -> tuple[tuple[str, str], ...]:
    """Every (question, answer) of the file, in order; KeyError where a key is missing."""
    records: list[dict[str, str]] = json.loads((DATASET / shipped.path).read_text("utf-8"))
    question, answer = shipped.keys
    return tuple((record[question], record[answer]) for record in records)


def questions(shipped: Shipped) -> list[str]:
    return [question for question, _ in pairs(shipped)]


def answers(shipped: Shipped) -> list[str]:
    return [answer for _, answer in pairs(shipped)]


@cache
def normalise(text: str) -> str:
    """NFKC, case folded, without punctuation and symbols, white space collapsed to one space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(char for char in folded if unicodedata.category(char)[0] not in "PS")
    return " ".join(kept.split())


@cache
def grams(text: str) -> frozenset[str]:
    """Character trigrams if the text holds kana, otherwise word bigrams; of the normalised text."""
    plain = normalise(text)
    if re.search(r"[\u3040-\u30ff]", plain):
        joined = plain.replace(" ", "")
        return frozenset(joined[i : i + 3] for i in range(len(joined) - 2))
    words = plain.split()
    return frozenset(f"{a} {b}" for a, b in pairwise(words))


def jaccard(first: str, second: str) -> float:
    """Shared grams over all grams, 0 to 1."""
    a, b = grams(first), grams(second)
    return len(a & b) / len(a | b)


def containment(first: str, second: str) -> float:
    """Shared grams over the grams of the shorter text, 0 to 1."""
    a, b = grams(first), grams(second)
    return len(a & b) / min(len(a), len(b))


def leaks(first: str, second: str) -> bool:
    """Whether one question is the other, stands in it, or is made of nearly the same grams."""
    a, b = normalise(first), normalise(second)
    return a in b or b in a or containment(first, second) >= MAX_CONTAINMENT


def near_duplicates(texts: list[str]) -> list[tuple[str, str]]:
    return [(a, b) for a, b in combinations(texts, 2) if jaccard(a, b) >= MAX_JACCARD]


def blemishes(text: str) -> Iterator[str]:
    """What no question or answer may hold, by name."""
    if not text:
        yield "empty"
    if text != text.strip():
        yield "space at an end"
    if "  " in text:
        yield "two spaces"
    # Line and paragraph separators, control, format, private and unassigned characters.
    if any(unicodedata.category(char) in {"Zl", "Zp", "Cc", "Cf", "Co", "Cn", "Cs"} for char in text):
        yield "control character"
    if "\N{REPLACEMENT CHARACTER}" in text:
        yield "lost character"
    if unicodedata.normalize("NFC", text) != text:
        yield "not NFC"
    yield from (f"reserved {word!r}" for word in RESERVED if word in text)


@each_file
def test_there_are_enough_pairs(shipped: Shipped) -> None:
    assert len(pairs(shipped)) >= shipped.least


@each_file
def test_every_object_has_the_two_keys_in_order_and_strings_only(shipped: Shipped) -> None:
    records = json.loads((DATASET / shipped.path).read_text("utf-8"))
    assert isinstance(records, list)
    for record in records:
        assert tuple(record) == shipped.keys
        assert all(isinstance(value, str) for value in record.values())


@each_file
def test_the_file_is_written_as_plain_indented_utf8(shipped: Shipped) -> None:
    raw = (DATASET / shipped.path).read_bytes()
    assert raw.decode("utf-8") == json.dumps(json.loads(raw), ensure_ascii=False, indent=2) + "\n"


@each_file
def test_no_text_has_a_blemish(shipped: Shipped) -> None:
    found = {text: list(blemishes(text)) for pair in pairs(shipped) for text in pair}
    assert {text: names for text, names in found.items() if names} == {}


@each_file
def test_no_question_or_answer_comes_twice(shipped: Shipped) -> None:
    for texts in (questions(shipped), answers(shipped)):
        plain = [normalise(text) for text in texts]
        assert sorted(text for text in set(plain) if plain.count(text) > 1) == []


@each_file
def test_no_two_questions_are_nearly_the_same(shipped: Shipped) -> None:
    assert near_duplicates(questions(shipped)) == []


@two_files
def test_no_question_leaks_into_another_file(first: Shipped, second: Shipped) -> None:
    found = [(a, b) for a in questions(first) for b in questions(second) if leaks(a, b)]
    assert found == []


@two_files
def test_no_answer_stands_in_two_files(first: Shipped, second: Shipped) -> None:
    shared = {normalise(text) for text in answers(first)} & {normalise(text) for text in answers(second)}
    assert shared == set()


def test_training_answers_have_several_lengths() -> None:
    words = [len(answer.split()) for answer in answers(TRAINING)]
    assert min(words) <= 15
    assert 80 <= max(words) <= 110
    assert 38 <= mean(words) <= 52


def test_japanese_training_answers_have_several_lengths() -> None:
    chars = [len(answer) for answer in answers(TRAINING_JA)]
    assert min(chars) <= 60
    assert 120 <= max(chars) <= 240


def test_references_are_25_to_70_words() -> None:
    words = {answer: len(answer.split()) for answer in answers(LABEL)}
    assert {answer: count for answer, count in words.items() if not 25 <= count <= 70} == {}


@english_file
def test_english_texts_are_ascii_sentences(shipped: Shipped) -> None:
    assert [text for pair in pairs(shipped) for text in pair if not text.isascii()] == []
    assert [answer for answer in answers(shipped) if not answer.endswith((".", "!", "?"))] == []


@japanese_file
def test_japanese_texts_hold_kana_and_end_as_sentences(shipped: Shipped) -> None:
    texts = [text for pair in pairs(shipped) for text in pair]
    assert [text for text in texts if not re.search(r"[\u3041-\u3096]", text)] == []
    assert [text for text in texts if not text.endswith(("。", "？"))] == []


@japanese_file
def test_japanese_answers_end_politely(shipped: Shipped) -> None:
    polite = re.compile(r"(です|ます|ません|でした|ました|ください)。$")
    assert [answer for answer in answers(shipped) if not polite.search(answer)] == []


def test_training_teaches_what_the_held_out_answers_say() -> None:
    """Most grams of the held-out answers occur in the training answers, so that learning can show."""
    held_out_files = (VALIDATION, VALIDATION_JA, LABEL, LABEL_JA)
    for held_out in held_out_files:
        train = TRAINING_JA if held_out.japanese else TRAINING
        known = frozenset[str]().union(*map(grams, answers(train)))
        asked = frozenset[str]().union(*map(grams, answers(held_out)))
        assert len(asked & known) / len(asked) > 0.5, held_out.path


def test_the_readme_names_every_file_with_its_count_and_keys() -> None:
    readme = (DATASET / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\S+)` \| (\d+) \| `(\w+)`, `(\w+)` \|", readme, re.MULTILINE)
    assert sorted(rows) == sorted((f.path, str(len(pairs(f))), *f.keys) for f in FILES)


def test_every_shipped_json_file_is_checked_here() -> None:
    found = {
        path.relative_to(DATASET).as_posix() for part in ("rawdata", "eval") for path in DATASET.glob(f"{part}/*.json")
    }
    assert found == {shipped.path for shipped in FILES}


@pytest.mark.parametrize(
    ("first", "second", "leaking"),
    [
        ("What is a token?", "what is a TOKEN", True),
        ("What is a token?", "What is a token in a prompt?", True),
        ("Can a stopped job be resumed later?", "Tell me: can a stopped job be resumed?", True),
        ("トークンとは何ですか？", "そもそもトークンとは何ですか", True),
        ("What is a token?", "How is a prompt counted?", False),
        ("トークンとは何ですか？", "推論の料金を教えてください。", False),
    ],
)
def test_the_leak_rule_tells_copies_from_other_questions(first: str, second: str, leaking: bool) -> None:
    assert leaks(first, second) is leaking


def test_the_duplicate_rule_finds_a_reworded_copy() -> None:
    copy = ["How do I stop a running fine-tuning job?", "How do I stop a running fine-tuning job today?"]
    assert near_duplicates([*copy, "What is a model unit?"]) == [(copy[0], copy[1])]


@pytest.mark.parametrize(
    "text",
    ["", " a", "a ", "a  b", "a\tb", "a\u200bb", "a\u2028b", "か\u3099", *(f"a{word}b" for word in RESERVED)],
)
def test_a_blemish_is_seen(text: str) -> None:
    assert list(blemishes(text))
