"""Where a drafted pair may not go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset.drafts import OpenPairs, Provenance, held_out
from tui.domain.files import pairs
from tui.domain.files.pairs import Role

QUESTION = "How can I get started with Amazon Bedrock?"


def opened(role: Role, *questions: str) -> OpenPairs:
    data = json.dumps([{"question": q, "answer": "x"} for q in questions]).encode()
    return OpenPairs(pairs.read(Path(f"{role}.json"), data), role)


@pytest.mark.parametrize(
    ("question", "how"),
    [
        (QUESTION, "is"),
        (f"  {QUESTION}\n", "is"),
        ("how can I get started with amazon-bedrock", "reads like"),
        ("get started with Amazon Bedrock", "is part of"),  # five words of it
        (f"{QUESTION} Please answer in one sentence.", "holds"),
        ("How can I get started with Amazon S3?", ""),  # another question in the same words
        ("Amazon Bedrock?", ""),
        ("What is a lantern?", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("role", [Role.VALIDATION, Role.EVAL])
def test_what_is_held_out(question: str, how: str, role: Role) -> None:
    found = held_out(question, [opened(Role.TRAIN, question or "-"), opened(role, "another one", QUESTION)])
    assert (found.how if found else "") == how
    if found:
        assert (found.index, found.role) == (1, role)
        assert f"pair 2 of {role}.json" in found.sentence


def test_japanese_is_compared_by_characters() -> None:
    files = [opened(Role.VALIDATION, "アマゾンベッドロックの料金はどのように計算されますか？")]
    short = held_out("料金はどのように計算されますか", files)
    assert short is not None
    assert short.how == "is part of"
    assert held_out("料金は", files) is None


def test_the_same_question_counts_more_than_a_part() -> None:
    found = held_out(QUESTION, [opened(Role.VALIDATION, f"{QUESTION} And why?"), opened(Role.EVAL, QUESTION)])
    assert found is not None
    assert (found.how, found.name) == ("is", "eval.json")


@given(st.text(max_size=80))
def test_training_pairs_hold_nothing_out(question: str) -> None:
    assert held_out(question, [opened(Role.TRAIN, question, QUESTION)]) is None


def test_only_what_is_known_is_written() -> None:
    assert Provenance("correction", model="lantern", at="2026-11-22T09:30:00Z").to_dict() == {
        "kind": "correction",
        "model": "lantern",
        "at": "2026-11-22T09:30:00Z",
    }
