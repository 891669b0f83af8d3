"""Prices: the user's own figures, found by any name of a model, and never a made-up zero."""

from __future__ import annotations

import pytest

from tui.domain.serving.pricing import UNKNOWN, TokenPrices, money, prices_of, read_prices
from tui.domain.settings import Settings

HAIKU = TokenPrices(0.25, 1.25, 4.0, "2026-11-01", "config.toml")
PROFILE = "us.anthropic.claude-3-haiku-20240307-v1:0"


@pytest.mark.parametrize("written", ["claude-3-haiku", "anthropic.claude-3-haiku-20240307-v1:0", PROFILE])
@pytest.mark.parametrize(
    "asked",
    [
        "claude-3-haiku",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic.claude-3-haiku-20240307-v1:0:200k",
        PROFILE,
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:200k",
    ],
)
def test_a_model_is_found_by_any_of_its_names(written: str, asked: str) -> None:
    assert prices_of({"nova-lite": UNKNOWN, written: HAIKU}, asked) == HAIKU


def test_an_exact_name_wins_and_an_unknown_one_has_no_price() -> None:
    profile = TokenPrices(0.3)
    assert prices_of({"claude-3-haiku": HAIKU, PROFILE: profile}, PROFILE) is profile
    assert prices_of({"claude-3-haiku": HAIKU}, "some.other-model-v1:0") is UNKNOWN


def test_costs() -> None:
    assert HAIKU.trained(500_000, 10) == pytest.approx(20)
    assert HAIKU.answered(1_000, 2_000) == pytest.approx(0.00275)
    assert UNKNOWN.trained(1, 1) is None
    assert TokenPrices(input=1).answered(1, 1) is None
    assert TokenPrices(output=1).answered(1, 1) is None
    assert HAIKU.per_million == "$0.25 in, $1.25 out per M tokens"
    assert {TokenPrices(input=1).per_million, TokenPrices(output=1).per_million, UNKNOWN.per_million} == {"$ ?"}
    assert HAIKU.origin == "config.toml, 2026-11-01"
    assert UNKNOWN.origin == ""


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "$ ?"),
        (0, "$0.00"),
        (0.00001, "< $0.0001"),
        (0.00275, "$0.0027"),
        (0.5, "$0.5000"),
        (1, "$1.00"),
        (3.1, "$3.10"),
        (12345.6, "$12,345.60"),
    ],
)
def test_amounts(amount: float | None, text: str) -> None:
    assert money(amount) == text


def test_settings_take_prices_and_say_what_they_cannot_use() -> None:
    import tomllib

    data = tomllib.loads(
        """
        [prices.claude-3-haiku]
        training = 4
        output = -1
        as_of = 2026-11-01
        colour = "red"
        [prices.nova-lite]
        input = true
        training = 0
        output = inf
        as_of = "soon"
        """
    )
    settings, complaints = Settings.from_mapping({**data, "theme": "washi"})
    assert settings.theme == "washi"
    assert settings.prices["claude-3-haiku"] == TokenPrices(training=4, as_of="2026-11-01", source="config.toml")
    assert settings.prices["nova-lite"] == TokenPrices(training=0, source="config.toml")
    assert complaints == [
        "prices.claude-3-haiku.output cannot be -1",
        "prices.claude-3-haiku.colour is not a setting",
        "prices.nova-lite.input cannot be True",
        "prices.nova-lite.output cannot be inf",
        "prices.nova-lite.as_of cannot be 'soon'",
    ]
    assert Settings.from_mapping({"prices": 3})[1] == ["prices cannot be 3"]
    assert read_prices({"x": 3}, "") == ({}, ["prices.x is no table"])
