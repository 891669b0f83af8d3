"""The catalogue, checked against itself and against the forms AWS gives ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE, BaseModel, FoundationModel, Hyperparameter, Serving, base_id, find

NOW = datetime(2026, 11, 22, tzinfo=UTC)
each = pytest.mark.parametrize("model", CATALOGUE, ids=lambda m: m.key)


@each
def test_defaults_lie_within_their_ranges(model: BaseModel) -> None:
    for hyper in model.hyperparameters:
        assert hyper.minimum <= hyper.default <= hyper.maximum
        for value in (hyper.minimum, hyper.default, hyper.maximum):
            assert hyper.problem(hyper.text(value)) == ""
            assert float(hyper.text(value)) == value
        if hyper.whole:
            assert all(float(v).is_integer() for v in (hyper.minimum, hyper.default, hyper.maximum))


@each
def test_ids_have_the_forms_of_aws(model: BaseModel) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,63}\.[a-z0-9-.]+(:\d+)?", model.runtime_id)
    assert re.fullmatch(re.escape(model.runtime_id) + r":\d+k", model.customization_id)
    assert model.regions
    assert model.serving
    assert all(re.fullmatch(r"[a-z]{2}-[a-z]+-\d", region) for region in model.regions)


@each
def test_limits_are_ranges(model: BaseModel) -> None:
    limits = model.limits
    for low, high in (limits.training_records, limits.validation_records, limits.total_records):
        assert 0 < low <= high
    assert limits.tokens_per_record > 0


@each
def test_a_model_is_found_by_every_name_it_has(model: BaseModel) -> None:
    arn = f"arn:aws:bedrock:us-west-2::foundation-model/{model.customization_id}"
    for name in (model.key, model.runtime_id, model.customization_id, f"us.{model.runtime_id}", arn):
        assert find(name) is model


def test_keys_and_ids_are_unique() -> None:
    for names in ([m.key for m in CATALOGUE], [m.runtime_id for m in CATALOGUE]):
        assert len(set(names)) == len(names)


def test_claude_has_the_documented_hyperparameters() -> None:
    model = find("claude-3-haiku")
    assert model is not None
    assert {h.name: (h.minimum, h.maximum, h.default) for h in model.hyperparameters} == {
        "epochCount": (1, 10, 2),
        "batchSize": (4, 256, 32),
        "learningRateMultiplier": (0.1, 2, 1),
        "earlyStoppingThreshold": (0, 0.1, 0.001),
        "earlyStoppingPatience": (1, 10, 2),
    }
    assert model.serving == {Serving.PROVISIONED}
    assert model.batch_size is not None
    assert find("nova-lite").batch_size is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0:200k", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("arn:aws:bedrock:us-west-2::foundation-model/a.b-v1:0:128k", "a.b-v1:0"),
        ("us.a.b-v1:0", "a.b-v1:0"),
        ("global.anthropic.claude-opus-5-5", "anthropic.claude-opus-5-5"),
        ("us-gov.a.b", "a.b"),
        ("arn:aws:bedrock:us-west-2:123456789012:inference-profile/eu.a.b-v1:0", "a.b-v1:0"),
        ("a.b-v1:0", "a.b-v1:0"),
        ("", ""),
    ],
)
def test_base_ids(identifier: str, expected: str) -> None:
    assert base_id(identifier) == expected
    assert base_id(expected) == expected


def test_unknown_models_are_not_found() -> None:
    assert find("meta.llama9-v1:0") is None
    assert find("") is None


WHOLE = Hyperparameter("epochCount", "epochs", 1, 10, 2, whole=True)
RATE = Hyperparameter("learningRate", "rate", 1e-6, 1e-4, 1e-5)


@pytest.mark.parametrize("text", ["1", "10", "07"])
def test_whole_numbers_are_taken(text: str) -> None:
    assert WHOLE.problem(text) == ""


@pytest.mark.parametrize(
    "text", ["", " ", "0", "11", "-1", "2.0", "1e1", "1_0", "５", " 2", "2 ", "two", "nan", "9" * 400]
)
def test_what_is_no_whole_number_in_range_is_told(text: str) -> None:
    assert "1–10, default 2" in WHOLE.problem(text)


@pytest.mark.parametrize("text", ["0.00001", "1e-5", "1E-05", "0.0001", ".00005"])
def test_numbers_are_taken(text: str) -> None:
    assert RATE.problem(text) == ""


@pytest.mark.parametrize("text", ["", "nan", "inf", "-1e-5", "0", "1", "1_0e-6", "１e-5", "0x1", "1e-5 ", "1e9999"])
def test_what_is_no_number_in_range_is_told(text: str) -> None:
    assert RATE.problem(text).endswith("0.000001–0.0001, default 0.00001")


@given(st.text(max_size=12))
def test_what_is_taken_is_ascii_and_within_the_range(text: str) -> None:
    if not WHOLE.problem(text):
        assert text.isascii()
        assert text == text.strip()
        assert 1 <= int(text) <= 10


def listed(lifecycle: str, end: datetime | None = None) -> FoundationModel:
    return FoundationModel("m", "", "M", "P", lifecycle, frozenset({"FINE_TUNING"}), end_of_life=end)


@pytest.mark.parametrize(
    ("model", "words", "usable"),
    [
        (listed("ACTIVE"), "active", True),
        (listed("ACTIVE", NOW + timedelta(days=400)), "active", True),
        (listed("LEGACY"), "legacy", False),
        (listed("LEGACY", datetime(2027, 4, 8, tzinfo=UTC)), "legacy, end of life 2027-04-08", False),
        (listed("LEGACY", datetime(2026, 9, 10, tzinfo=UTC)), "retired 2026-09-10", False),
        (listed("ACTIVE", NOW), "retired 2026-11-22", False),
        (listed("SUNSET"), "sunset", False),
    ],
)
def test_lifecycles(model: FoundationModel, words: str, usable: bool) -> None:
    assert model.lifecycle_text(NOW) == words
    assert model.can_fine_tune(NOW) is usable


def test_a_model_that_is_not_customizable_cannot_be_tuned() -> None:
    assert not FoundationModel("m", "", "M", "P", "ACTIVE").can_fine_tune(NOW)
