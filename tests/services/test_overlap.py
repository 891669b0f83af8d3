"""Metrics without a model, against values worked out by hand, in English and Japanese."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.services.evaluation.overlap import Overlap, overlap, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Quick-brown fox's 3.5 km", ["the", "quick", "brown", "fox", "s", "3", "5", "km"]),
        ("提灯はGate 7に", ["提", "灯", "は", "gate", "7", "に"]),
        ("ＡＢＣ　ｶﾀｶﾅ", ["abc", "カ", "タ", "カ", "ナ"]),
        ("안녕 Seoul", ["안", "녕", "seoul"]),
        ("", []),
        ("… !?", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("reference", "answer", "f1", "rouge"),
    [
        # Lin 2004, section 3.1: S1 against S2 and S3
        ("police killed the gunman", "police kill the gunman", 3 / 4, 3 / 4),
        ("police killed the gunman", "the gunman kill police", 3 / 4, 2 / 4),
        ("a b c d", "a b", 2 * 2 / 6, 2 * 2 / 6),
        ("a a b", "a", 2 * 1 / 4, 2 * 1 / 4),
        ("提灯は門の前", "門の前の提灯", 2 * 5 / 12, 2 * 3 / 12),
        ("x", "y", 0, 0),
        ("x", "", 0, 0),
        ("", "", 1, 1),
    ],
)
def test_known_values(reference: str, answer: str, f1: float, rouge: float) -> None:
    found = overlap(reference, answer)
    assert (found.token_f1, found.rouge_l) == pytest.approx((f1, rouge))


def test_exact_but_for_case_width_and_signs() -> None:
    assert overlap("提灯は、７個。", "提灯は7個") == Overlap(1.0, 1.0, True)
    assert not overlap("a b", "b a").exact


@given(st.text(alphabet="ab提灯 ", max_size=30), st.text(alphabet="ab提灯 ", max_size=30))
def test_metrics_are_symmetric_shares_and_rouge_is_never_above_f1(one: str, two: str) -> None:
    found = overlap(one, two)
    assert found == overlap(two, one)
    assert 0 <= found.rouge_l <= found.token_f1 <= 1
    assert overlap(one, one) == Overlap(1.0, 1.0, True)


def test_long_texts_take_no_long_time() -> None:
    began = time.thread_time()
    overlap("a b c d e f g " * 20_000, "g f e d c b a " * 20_000)
    assert time.thread_time() - began < 5
