"""Curves, questions, settings, errors, identity and time."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.chat.chat import AnswerEnd, Parameters
from tui.domain.clock import absolute, ago, end_time, span, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.loss.losses import Curves, EpochPoint
from tui.domain.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def points(*means: float) -> tuple[EpochPoint, ...]:
    return tuple(EpochPoint(n, mean, 1, mean, mean) for n, mean in enumerate(means, 1))


def test_the_best_epoch_is_the_lowest_and_the_earliest_of_equals() -> None:
    best = Curves("x", validation=points(2.5, 1.4, 1.4, 1.5)).best
    assert best is not None
    assert best.epoch == 2
    assert Curves("x", training=points(1.0)).best is None


def test_epochs_of_both_curves_together() -> None:
    found = Curves("x", points(3, 2), (EpochPoint(2, 1, 1, 1, 1), EpochPoint(4, 1, 1, 1, 1)))
    assert found.epochs == (1, 2, 4)
    assert found.training_at(4) is None
    assert found.validation_at(4) is found.validation[1]
    assert found.training_at(2) is found.training[1]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (Parameters(), "max 512"),
        (Parameters(2048, 0.1, 0.9), "max 2048 · T 0.1 · top_p 0.9"),
        (Parameters(temperature=0.0), "max 512 · T 0"),
    ],
)
def test_parameters(parameters: Parameters, text: str) -> None:
    assert parameters.text == text


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (AnswerEnd("end_turn", 41, 96, 0.42, 2.075), "0.42 s first · 58 tok/s · 41→96 tokens · 2.1 s"),
        (AnswerEnd("max_tokens", None, None, None, 0.5), "max tokens · 0.5 s"),
        (AnswerEnd("end_turn", 1, 0, 0.5, 0.5), "0.50 s first · 1→0 tokens · 0.5 s"),
    ],
)
def test_the_end_of_an_answer(end: AnswerEnd, text: str) -> None:
    assert end.text == text


def test_good_settings_are_taken() -> None:
    given_settings = {
        "theme": "x",
        "max_tokens": 7,
        "temperature": 1,
        "top_p": 0.5,
        "price_per_model_unit_hour": 22.5,
        "mouse": False,
        "keys": {"a.b": "ctrl+x"},
    }
    settings, complaints = Settings.from_mapping(given_settings)
    assert complaints == []
    assert {name: getattr(settings, name) for name in given_settings} == given_settings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("theme", 5),
        ("mouse", "yes"),
        ("mouse", 1),
        ("max_tokens", 1.5),
        ("max_tokens", True),
        ("max_tokens", -1),
        ("max_tokens", 0),
        ("temperature", "hot"),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("temperature", -0.1),
        ("price_per_model_unit_hour", False),
        ("keys", ["a"]),
        ("keys", {"a": 1}),
    ],
)
def test_a_setting_of_the_wrong_kind_keeps_its_default(key: str, value: Any) -> None:
    settings, complaints = Settings.from_mapping({key: value})
    assert settings == Settings()
    assert complaints == [f"{key} cannot be {value!r}"]


def test_unknown_settings_are_told_and_the_order_is_the_files() -> None:
    _, complaints = Settings.from_mapping({"colour": 1, "top_p": "x", "mouse": 3, "theme": 2})
    assert complaints == ["colour is not a setting", "top_p cannot be 'x'", "mouse cannot be 3", "theme cannot be 2"]


def test_an_error_is_one_sentence_after_another() -> None:
    error = AppError(Cause.DENIED, "AWS does not allow this.", "User: x", "Ask for it")
    assert error.sentence() == "AWS does not allow this. User: x. Ask for it."
    assert AppError(Cause.FILE, "No").sentence() == "No."
    assert str(error) == error.title


def test_an_identity_is_known_once_aws_confirmed_it() -> None:
    assert not Identity(region="us-west-2").known
    assert Identity(account="123456789012").known
    assert not Identity(account="123456789012", problem=AppError(Cause.EXPIRED, "x")).known


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (8.9, "8 s"),
        (60, "1 m"),
        (200, "3 m 20 s"),
        (3600, "1 h"),
        (3659, "1 h"),
        (4920, "1 h 22 m"),
        (86400 * 2 + 4 * 3600, "2 d 4 h"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-100, "just now"),
        (9, "just now"),
        (10, "10 s ago"),
        (300, "5 m ago"),
        (7200, "2 h ago"),
        (86400, "yesterday"),
        (86400 * 12, "12 d ago"),
    ],
)
def test_how_long_ago(seconds: int, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


@given(st.integers(-(10**9), 10**9))
def test_spans_have_at_most_two_units(seconds: int) -> None:
    assert 2 <= len(span(timedelta(seconds=seconds)).split()) <= 4


def test_times_are_aware() -> None:
    assert utc_now().utcoffset() == timedelta(0)
    shown = absolute(NOW)
    assert datetime.strptime(shown, "%Y-%m-%d %H:%M:%S %z") == NOW


@pytest.mark.parametrize(
    ("zone", "moment", "now", "text"),
    [
        ("UTC", "2026-11-22T14:10", "2026-11-22T13:20", "14:10"),
        ("UTC", "2026-11-23T00:10", "2026-11-22T23:20", "11-23 00:10"),
        ("Asia/Tokyo", "2026-11-22T15:10", "2026-11-22T14:50", "11-23 00:10"),
        ("Europe/Berlin", "2026-10-25T00:50", "2026-10-25T00:00", "02:50"),  # the first of two hours of this name
        ("Europe/Berlin", "2026-10-25T01:50", "2026-10-25T00:00", "02:50"),
        ("Europe/Berlin", "2026-03-29T01:10", "2026-03-29T00:50", "03:10"),  # there was no 02:10
        ("America/New_York", "2026-12-01T05:10", "2026-12-01T04:50", "12-01 00:10"),
    ],
)
def test_an_end_is_told_in_local_time_with_its_day_where_that_is_another(
    monkeypatch: pytest.MonkeyPatch, zone: str, moment: str, now: str, text: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        at, here = (datetime.fromisoformat(told).replace(tzinfo=UTC) for told in (moment, now))
        assert end_time(at, here) == text
    finally:
        monkeypatch.undo()
        time.tzset()
