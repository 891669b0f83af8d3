"""Outside text becomes text that a terminal shows and does not obey."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.text import UNSAFE, count, guarded, human_size, is_cjk, normalised, safe, safe_line, whole

anything = st.text(st.characters(exclude_categories=()), max_size=200)
"""Every code point, lone surrogates included."""

NEEDLES = {
    "escape": "\x1b]52;c;aGk=\x07",
    "c1": "\x9b31m",
    "bidi override": "a\u202eb",
    "bidi isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "tag": "a\U000e0041b",
    "lone surrogate": "a\ud800b",
    "line separator": "a\u2028b",
    "byte order mark": "a\ufeffb",
    "nul": "a\0b",
    "delete": "a\x7fb",
    "vertical tab": "a\x0bb",
    "mongolian vowel separator": "a\u180eb",
}


@given(anything)
def test_nothing_unsafe_survives_and_a_second_pass_changes_nothing(text: str) -> None:
    once = safe(text)
    assert UNSAFE.search(once) is None
    assert not any(unicodedata.category(ch) in {"Cc", "Cs"} and ch not in "\n\t" for ch in once)
    assert safe(once) == once


@given(anything)
def test_one_line_is_one_line(text: str) -> None:
    line = safe_line(text, 10_000)
    assert line.splitlines() in ([], [line])
    assert UNSAFE.search(line) is None
    assert safe_line(line, 10_000) == line


@given(anything, st.integers(1, 60))
def test_a_line_is_cut_at_its_limit_when_the_text_is_longer(text: str, limit: int) -> None:
    line = safe_line(text, limit)
    assert len(text) <= limit or (line.endswith("…") and len(line) <= limit + 1)


@pytest.mark.parametrize("needle", NEEDLES.values(), ids=NEEDLES.keys())
def test_every_needle_is_made_visible(needle: str) -> None:
    shown = safe(f"x{needle}y")
    assert UNSAFE.search(f"x{needle}y")
    assert shown.startswith("x")
    assert shown.endswith("y")
    assert all(ch.isprintable() or ch in "\n\t" for ch in shown)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\tb", "a\tb"),
        ("\x1b[0m", "␛[0m"),
        ("\x7f", "␡"),
        ("\u202e", "‹202E›"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("日本語", "日本語"),
    ],
)
def test_stand_ins(given_text: str, shown: str) -> None:
    assert safe(given_text) == shown


def test_what_is_past_the_limit_is_counted() -> None:
    assert safe("x" * 1500, 1000) == "x" * 1000 + "… (500 more characters)"
    assert safe("x" * 1000, 1000) == "x" * 1000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What is Bedrock?", "what  is bedrock"),
        ("Ｂｅｄｒｏｃｋ　とは？", "bedrock とは"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("STRASSE", "straße"),
    ],
)
def test_questions_that_differ_in_form_only_are_equal(first: str, second: str) -> None:
    assert normalised(first) == normalised(second)


def test_questions_that_differ_are_not_equal() -> None:
    assert normalised("What is S3?") != normalised("What is S4?")
    assert normalised("!?…") == ""


@given(anything)
def test_normalised_text_has_single_blanks_and_no_punctuation(text: str) -> None:
    result = normalised(text)
    assert result == " ".join(result.split())
    assert all(ch.isalnum() or ch == " " for ch in result)


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("日本語の文", True),
        ("Bedrock とは何ですか", True),
        ("한국어", True),
        ("plain", False),
        ("", False),
        ("123", False),
    ],
)
def test_cjk(text: str, wide: bool) -> None:
    assert is_cjk(text) is wide


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (61_300, "61.3 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (999_999_999, "1.0 GB"),
        (10_000_000_000, "10.0 GB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert human_size(size) == text


@given(st.integers(0, 10**12 - 1))
def test_a_size_below_a_terabyte_has_at_most_three_digits_before_the_point(size: int) -> None:
    assert float(human_size(size).split()[0]) < 1000.05


def test_counts() -> None:
    assert (count(1, "pair"), count(0, "pair"), count(12_000, "pair")) == ("1 pair", "0 pairs", "12,000 pairs")
    assert count(2, "entry", "entries") == "2 entries"


def test_whole_numbers_as_they_are_typed() -> None:
    assert [whole(text, 20) for text in ("0", " 7 ", "020", "20", "0" * 5000 + "3")] == [0, 7, 20, 20, 3]
    for text in ("", " ", "21", "-1", "1.0", "1_0", "１", "²", "9" * 5000, "nine"):
        assert whole(text, 20) is None


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1", "\n=1"])
def test_what_a_spreadsheet_may_run_is_guarded(text: str) -> None:
    assert guarded(text).startswith("'")


def test_other_text_is_a_cell_as_it_is() -> None:
    assert [guarded(t) for t in ("日本語", "a=b", "")] == ["日本語", "a=b", ""]
