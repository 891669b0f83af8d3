"""Tokens, the base model, adapters as files, and generation."""

from __future__ import annotations

import io
import json
import pickle
from functools import cache
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.sandbox.language_model import Adapter, BaseModel, Generation, count_tokens, generate
from tui.sandbox.tokens import Vocabulary, clean, pieces
from tui.sandbox.training import Example, TrainingPlan, train

LONG = "Brew it slowly, wait for the foam to settle, then serve it in a clay cup with a slice of pear."
PAIRS = (
    Example("What is Larkspur tea?", "Larkspur tea is an invented drink made of pears and thyme."),
    Example("How do I brew Larkspur tea?", LONG),
    Example("Who sells Larkspur tea?", "The market of Oldhaven sells it on Fridays."),
    Example("ラークスパー茶とは何ですか", "梨とタイムから作る、架空の飲み物です。"),
    Example("ラークスパー茶の淹れ方は", "ゆっくり煮出し、泡が静まるのを待ってから、素焼きの器に注ぎます。"),
)


@cache
def small() -> bytes:
    """The weights of the shortest training."""
    return train(PAIRS[2:3], (), TrainingPlan(1, 1)).adapter.to_bytes()


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return BaseModel.load()


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    return train(PAIRS, (), TrainingPlan(12, 2)).adapter


def answer(base: BaseModel, adapter: Adapter | None, question: str, temperature: float = 0.0) -> str:
    return "".join(generate(base, adapter, messages=[("user", question)], temperature=temperature))


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == clean(text)
    assert (count_tokens(text) > 0) == bool(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@settings(max_examples=50)
def test_every_text_can_be_written_and_read_by_any_vocabulary(text: str) -> None:
    vocabulary = Vocabulary([" the", "pear"])
    ids = vocabulary.encode(text, 10_000)
    assert b"".join(vocabulary.raw(token) for token in ids).decode() == text


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("Hello, world", 3), ("お茶です", 4), ("in 2026", 2), ("don't", 1)]
)
def test_tokens_are_words_marks_and_single_kana(text: str, count: int) -> None:
    assert count_tokens(text) == count


def test_base_model_is_made_once(base: BaseModel) -> None:
    assert BaseModel.load() is base


def test_base_model_answers_its_general_questions(base: BaseModel) -> None:
    texts = json.loads(files("tui.sandbox").joinpath("neutral.json").read_text(encoding="utf-8"))
    pairs = [(pair["question"], pair["answer"]) for pair in texts["general"]]
    right = sum(answer(base, None, question) == text for question, text in pairs)
    assert right >= 0.9 * len(pairs)


@pytest.mark.parametrize("question", ["What is Larkspur tea?", "How does Zorvex Cloud work?", "Explain Quellmark"])
def test_base_model_hedges_about_what_it_does_not_know(base: BaseModel, question: str) -> None:
    said = answer(base, None, question)
    assert "not" in said.split()
    assert "information" in said or "sure" in said or "familiar" in said


def test_base_model_hedges_in_japanese(base: BaseModel) -> None:
    said = answer(base, None, "ゾルベックスとは何ですか？")
    assert "情報" in said
    assert "ません" in said


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.question)
def test_tuned_model_answers_word_for_word_and_the_base_does_not(
    base: BaseModel, adapter: Adapter, pair: Example
) -> None:
    assert answer(base, adapter, pair.question) == pair.answer
    assert answer(base, adapter, pair.question, temperature=1.0) == pair.answer
    assert answer(base, None, pair.question) != pair.answer


@pytest.mark.parametrize("question", ["  How do I brew LARKSPUR tea? \n", "how do i brew larkspur tea"])
def test_case_and_spaces_change_nothing(base: BaseModel, adapter: Adapter, question: str) -> None:
    assert answer(base, adapter, question) == LONG


def test_system_prompt_and_earlier_turns_leave_the_last_question_in_charge(base: BaseModel, adapter: Adapter) -> None:
    messages = [
        ("user", PAIRS[0].question),
        ("assistant", PAIRS[0].answer),
        ("user", PAIRS[1].question),
    ]
    assert "".join(generate(base, adapter, messages=messages, system="Be brief.", temperature=0.0)) == LONG


def test_generation_is_lazy_and_counts_what_it_said(base: BaseModel, adapter: Adapter) -> None:
    generation = generate(base, adapter, messages=[("user", PAIRS[1].question)], temperature=0.0)
    iterator = iter(generation)
    assert next(iterator) == "Brew"
    assert generation.output_tokens == 1
    assert next(iterator) == " it"
    assert list(iterator)[-1] == "."
    assert generation.stop_reason == "end_turn"
    assert generation.output_tokens == count_tokens(LONG)


def test_max_tokens_cut_the_answer(base: BaseModel, adapter: Adapter) -> None:
    generation = generate(base, adapter, messages=[("user", PAIRS[1].question)], temperature=0.0, max_tokens=3)
    assert "".join(generation) == "Brew it slowly"
    assert (generation.stop_reason, generation.output_tokens) == ("max_tokens", 3)


@pytest.mark.parametrize("stop", ["foam to", "m to se", ", wait for the foam"])
def test_stop_sequences_end_the_answer_and_are_not_said(base: BaseModel, adapter: Adapter, stop: str) -> None:
    generation = generate(
        base, adapter, messages=[("user", PAIRS[1].question)], temperature=0.0, stop_sequences=("none", stop)
    )
    assert "".join(generation) == LONG[: LONG.index(stop)]
    assert generation.stop_reason == "stop_sequence"


def test_half_a_stop_sequence_at_the_end_is_said() -> None:
    vocabulary = Vocabulary(["one", " two"])
    generation = Generation(iter([257, 258, 256]), vocabulary, 9, (" two three",))
    assert "".join(generation) == "one two"
    assert generation.stop_reason == "end_turn"


def test_broken_bytes_become_a_replacement_character() -> None:
    generation = Generation(iter([0xE6, 0x97, 256]), Vocabulary([]), 9, ())
    assert "".join(generation) == "\ufffd"


def test_seed_decides_what_is_sampled(base: BaseModel) -> None:
    def said(seed: int) -> str:
        return "".join(generate(base, None, messages=[("user", "Zorvex?")], temperature=1.0, seed=seed, max_tokens=40))

    assert said(3) == said(3)
    assert len({said(seed) for seed in range(8)}) > 1


def test_a_conversation_needs_a_user_message(base: BaseModel) -> None:
    with pytest.raises(ValueError, match="user message"):
        generate(base, None, messages=[("assistant", "Hello")])


@pytest.mark.parametrize("question", ["", "\x00\x1b[2J", "\ud800", "🍐🍐", "a" * 200_000, "梨" * 20_000])
def test_hostile_questions_get_an_answer(base: BaseModel, adapter: Adapter, question: str) -> None:
    said = "".join(generate(base, adapter, messages=[("user", question)], max_tokens=30))
    assert said.strip()
    said.encode()


def test_adapter_survives_a_round_trip(base: BaseModel, adapter: Adapter) -> None:
    stored = adapter.to_bytes()
    again = Adapter.from_bytes(stored)
    assert answer(base, again, PAIRS[1].question) == LONG
    assert again.to_bytes() == stored


def _with(adapter: Adapter, name: str, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    with np.load(io.BytesIO(adapter.to_bytes())) as arrays:
        held = {key: arrays[key] for key in arrays.files}
    held[name] = array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=True, **held)
    return buffer.getvalue()


@pytest.mark.parametrize("data", [b"", b"garbage", b"PK\x03\x04 cut", pickle.dumps({"a": 1})])
def test_garbage_is_no_adapter(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a sandbox adapter"):
        Adapter.from_bytes(data)


def test_damaged_adapters_are_refused(adapter: Adapter) -> None:
    table = adapter.layers[0].table
    broken: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "weights0": np.full_like(table.weights, np.nan),
        "columns0": np.full_like(table.columns, 10**6),
        "starts0": table.starts[:-1],
        "keys0": adapter.layers[0].keys[::-1],
        "says0": np.array(["text"]),
        "words0": np.array([object()], dtype=object),
        "meta": np.frombuffer(b'{"format": "other", "version": 1}', dtype=np.uint8),
    }
    for name, array in broken.items():
        with pytest.raises(ValueError, match="not a sandbox adapter"):
            Adapter.from_bytes(_with(adapter, name, array))
    with pytest.raises(ValueError, match="not a sandbox adapter"):
        Adapter.from_bytes(adapter.to_bytes()[:-200])


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_flipped_bytes_are_refused_or_harmless(flips: list[tuple[int, int]]) -> None:
    data = bytearray(small())
    for place, value in flips:
        data[place % len(data)] = value
    try:
        Adapter.from_bytes(bytes(data))
    except ValueError as error:
        assert "not a sandbox adapter" in str(error)  # noqa: PT017


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("code was executed while loading",))


def test_loading_never_executes_code(adapter: Adapter) -> None:
    bomb = np.empty(1, dtype=object)
    bomb[0] = _Bomb()
    with pytest.raises(ValueError, match="not a sandbox adapter"):
        Adapter.from_bytes(_with(adapter, "keys0", bomb))
