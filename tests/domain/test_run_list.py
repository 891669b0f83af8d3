"""Which runs a list shows, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import Serving
from tui.domain.training.jobs import CustomModel, Job
from tui.domain.training.run_list import STATES, By, Order, listed, orders
from tui.domain.training.runs import Endpoint, Run

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
HAIKU = "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"


def job(name: str, status: str, base: str, age: int, loss: float | None = None) -> Run:
    made = NOW - timedelta(hours=age)
    return Run(name, Job(name, name, status, base, made, made, validation_loss=loss))


BOUGHT = Endpoint(Serving.PROVISIONED, "arn:pt", "gate", "InService", "m", NOW - timedelta(hours=4), 1)
RUNS = (
    job("Ｈaiku-faq", "Completed", HAIKU, 1, 1.5),
    job("nova-faq", "Failed", NOVA, 2),
    job("haiku-long", "InProgress", HAIKU, 3),
    Run("m", model=CustomModel("m", "orphan-model", NOVA, NOW - timedelta(hours=5)), endpoints=(BOUGHT,)),
)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", ["Ｈaiku-faq", "nova-faq", "haiku-long", "orphan-model"]),
        ("HAIKU", ["Ｈaiku-faq", "haiku-long"]),
        ("haiku !long", ["Ｈaiku-faq"]),
        ("is:moving", ["haiku-long"]),
        ("is:failed", ["nova-faq"]),
        ("is:billing", ["orphan-model"]),
        ("!is:orphan is:completed", ["Ｈaiku-faq"]),
        ("gate", ["orphan-model"]),
        ("!", ["Ｈaiku-faq", "nova-faq", "haiku-long", "orphan-model"]),
    ],
)
def test_words(words: str, names: list[str]) -> None:
    found, unclear = listed(RUNS, words, Order())
    assert [run.name for run in found] == names
    assert unclear == ""


def test_what_is_not_understood_is_told_and_not_used() -> None:
    found, unclear = listed(RUNS, "is:purple haiku", Order())
    assert len(found) == 2
    assert "is:purple" in unclear
    assert all(state in unclear for state in STATES)


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        (Order(By.SINCE, False), "orphan-model", "Ｈaiku-faq"),
        (Order(By.NAME, False), "Ｈaiku-faq", "orphan-model"),
        (Order(By.LOSS, False), "Ｈaiku-faq", "orphan-model"),
        (Order(By.LOSS, True), "Ｈaiku-faq", "orphan-model"),
        (Order(By.ENDPOINT, True), "orphan-model", "haiku-long"),
    ],
)
def test_orders_put_what_has_no_value_last(order: Order, first: str, last: str) -> None:
    found, _ = listed(RUNS, "", order)
    assert (found[0].name, found[-1].name) == (first, last)


def test_the_end_of_a_curve_stands_in_for_a_loss_that_was_not_told() -> None:
    found, _ = listed(
        RUNS, "", Order(By.LOSS, False), {"haiku-long": (2.0, 1.25), "Ｈaiku-faq": (9.0,), "nova-faq": ()}
    )
    assert [run.name for run in found[:2]] == ["haiku-long", "Ｈaiku-faq"]


@given(st.text(), st.sampled_from([order for order, *_ in orders()]))
def test_no_words_are_too_odd_and_nothing_is_invented(words: str, order: Order) -> None:
    found, _ = listed(RUNS, words, order)
    keys = [run.key for run in found]
    assert set(keys) <= {run.key for run in RUNS}
    assert len(keys) == len(set(keys))
