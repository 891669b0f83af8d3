"""Estimates of tokens: the rule of thumb, and what a model has counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.files.formats import Record
from tui.domain.tokens import ENOUGH, Counter, Rate, Script, plausible, script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("What is Amazon Bedrock?", Script.LATIN),
        ("Größe übermäßig", Script.LATIN),
        ("Amazon Bedrockとは何ですか。", Script.JAPANESE),
        ("提灯は門に掛かる", Script.JAPANESE),
        ("亚马逊的服务是什么", Script.CHINESE),
        ("아마존 베드록이란?", Script.KOREAN),
        ("Что такое фонарь?", Script.CYRILLIC),
        ("τι είναι αυτό", Script.GREEK),
        ("ما هو", Script.ARABIC),
        ("מה זה", Script.HEBREW),
        ("คืออะไร", Script.THAI),
        ("क्या है", Script.INDIC),
        ("ᚠᚢᚦ", Script.OTHER),
        ("12 + 30 = ?", Script.NONE),
        ("", Script.NONE),
        ("👍🏽 ①", Script.NONE),
    ],
)
def test_scripts(text: str, script: Script) -> None:
    assert script_of(text) is script


@given(st.text(st.characters(max_codepoint=0x10FF)))
def test_the_rule_of_thumb_is_that_of_single_records(text: str) -> None:
    assert abs(Counter().count(text) - Record.of(text, "").estimate()) < 1
    assert Counter().count("日本" * 10 + text) - Counter().count(text) == pytest.approx(20)


def test_a_measured_rate_replaces_it_for_its_script_only() -> None:
    counter = Counter({Script.LATIN: Rate(1_000, 4_000, 9), Script.JAPANESE: Rate(3, ENOUGH - 1, 1)})
    assert counter.count("x" * 40) == pytest.approx(10)
    assert counter.count("日" * 40) == pytest.approx(40)
    assert counter.count("") == 0
    assert (
        counter.basis("Claude 3 Haiku")
        == "≈ each 4.00 Latin characters (Claude 3 Haiku, 9 texts); else 3, kana, Han, Hangul 1"
    )
    assert "nothing measured" in Counter().basis("x")


def test_a_count_that_holds_more_than_the_text_is_not_believed() -> None:
    assert plausible(60, 200)
    assert plausible(200, 200)
    assert not plausible(2_000, 200)
    assert not plausible(0, 200)
    assert not plausible(2, 200)
