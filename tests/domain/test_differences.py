"""Where two texts differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.differences import Piece, differences


def changed(pieces: list[Piece]) -> list[str]:
    return [text.strip() for text, differs in pieces if differs]


@pytest.mark.parametrize(
    ("one", "other", "left", "right"),
    [
        ("It hangs at gate 21.", "It hangs at gate 22.", ["21"], ["22"]),
        ("It is free", "It is never free", [], ["never"]),
        ("IT  IS\nfree", "it is free", [], []),
        ("", "all of it", [], ["all of it"]),
        ("東京は日本の首都です", "京都は日本の首都でした", ["東", "す"], ["都", "した"]),
        ("料金は月額3ドル", "料金は月額30ドル", ["3"], ["30"]),
    ],
)
def test_words_and_characters(one: str, other: str, left: list[str], right: list[str]) -> None:
    found = differences(one, other)
    assert found is not None
    assert (changed(found[0]), changed(found[1])) == (left, right)


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_give_the_texts_again(one: str, other: str) -> None:
    found = differences(one, other)
    assert found is not None
    assert ("".join(t for t, _ in found[0]), "".join(t for t, _ in found[1])) == (one, other)


@given(st.text(max_size=60))
def test_equal_texts_do_not_differ(text: str) -> None:
    assert differences(text, text) == (([(text, False)], [(text, False)]) if text else ([], []))


def test_long_texts_are_not_compared() -> None:
    assert differences("a b " * 3_000, "a") is None
    assert differences("x" * 200_001, "x") is None


@pytest.mark.parametrize(("one", "other"), [("答え" * 1_900, "え答" * 1_900), ("again " * 1_900, "again " * 1_899)])
def test_texts_that_repeat_themselves_without_end_are_not_compared(one: str, other: str) -> None:
    assert differences(one, other) is None


def test_a_thousand_words_are_compared() -> None:
    one = " ".join(f"word{n % 700}" for n in range(1_000))
    assert differences(one, one + " more") is not None
