"""Cutting, padding and wrapping by display cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.hosts import HOSTILE
from tui.domain.text import UNSAFE
from tui.widgets.cells import displayed, fit, fit_right, wrap, wrap_line

ANY = st.one_of(st.sampled_from(HOSTILE[:-1]), st.text(st.characters(), max_size=60), st.text("あ。「a b", max_size=60))


@given(ANY, st.integers(-1, 40))
def test_fit_gives_exactly_the_width(text: str, width: int) -> None:
    for cut in (fit(text, width), fit_right(text, width)):
        assert cell_len(cut) == max(0, width)
        assert not UNSAFE.search(cut)
        assert not {"\n", "\t", "\u200d"} & set(cut)


@pytest.mark.parametrize(
    ("text", "width", "left", "right"),
    [
        ("abc", 5, "abc  ", "  abc"),
        ("abcdef", 4, "abc…", "abc…"),
        ("日本語", 6, "日本語", "日本語"),
        ("日本語", 5, "日本…", "日本…"),
        ("日本語", 4, "日… ", " 日…"),
        ("日本語", 1, "…", "…"),
        ("👩🏽\u200d🚀❤\ufe0f", 6, "👩🚀❤ ", " 👩🚀❤"),  # as every terminal draws them
        ("a  b\nc", 6, "a b c ", " a b c"),
        ("", 2, "  ", "  "),
    ],
)
def test_fit_by_example(text: str, width: int, left: str, right: str) -> None:
    assert fit(text, width) == left
    assert fit_right(text, width) == right


def test_fit_does_not_read_a_megabyte() -> None:
    assert fit(HOSTILE[-1], 5) == "xxxx…"


@given(ANY, st.integers(1, 30))
def test_wrapped_parts_are_the_line_and_fit(text: str, width: int) -> None:
    for line in displayed(text).split("\n"):
        parts = wrap_line(line, width)
        assert "".join(parts) == line
        for part in parts:
            assert cell_len(part.rstrip()) <= max(width, 2)
            assert width == 1 or cell_len(part.rstrip()) <= width


@given(ANY, ANY, st.integers(1, 30))
def test_all_parts_but_the_last_stay_when_the_line_grows(text: str, more: str, width: int) -> None:
    line = displayed(text).replace("\n", "")
    grown = line + displayed(more).replace("\n", "")
    assert wrap_line(grown, width)[: len(wrap_line(line, width)) - 1] == wrap_line(line, width)[:-1]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 8, ["one two", "three"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("a abcdefgh", 4, ["a", "abcd", "efgh"]),
        ("日本語です。", 10, ["日本語で", "す。"]),
        ("これは「鍵」", 8, ["これは", "「鍵」"]),
        ("a\n\nb", 5, ["a", "", "b"]),
        ("", 5, [""]),
    ],
)
def test_wrap_by_example(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines
