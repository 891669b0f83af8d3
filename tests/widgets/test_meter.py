"""The money meter: what it says of what bills, and of what nobody could look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tui.domain.base_models import Serving
from tui.domain.serving.meter import IDLE, Bill, bills_of, is_idle, latest, meter_text
from tui.domain.serving.pricing import TokenPrices
from tui.domain.training.runs import Endpoint

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def bill(*, commitment: str = "", price: float | None = 10.0, elsewhere: bool = False, minutes: float = 90) -> Bill:
    arn = f"arn:aws:bedrock:{'us-east-1' if elsewhere else 'us-west-2'}:1:provisioned-model/x"
    made = NOW - timedelta(minutes=minutes)
    endpoint = Endpoint(Serving.PROVISIONED, arn, "gate", "InService", "m", made, 2, commitment)
    prices = {arn: TokenPrices(model_unit_hour=price)}
    (found,) = bills_of([endpoint], prices, {}, elsewhere=elsewhere)
    return found


@pytest.mark.parametrize(
    ("bills", "options", "text"),
    [
        ((), {}, ""),
        ((), {"unseen": True}, "● ? MU"),
        ((bill(),), {}, "● 2 MU 1:30 ≈ $30.00"),
        ((bill(),), {"unsure": True}, "● 2 MU? 1:30 ≈ $30.00"),
        ((bill(price=None),), {}, "● 2 MU 1:30 $ ?/h"),
        ((bill(commitment="OneMonth"),), {}, "● 2 MU 1:30 $ ?/h"),
        ((bill(), bill(elsewhere=True, minutes=30)), {}, "● 4 MU 1:30 ≈ $40.00 also us-east-1"),
        ((bill(minutes=-5),), {}, "● 2 MU 0:00 ≈ $0.00"),
        ((bill(minutes=1445, price=1),), {}, "● 2 MU 24:05 ≈ $48.17"),
    ],
)
def test_the_meter(bills: tuple[Bill, ...], options: dict[str, bool], text: str) -> None:
    assert meter_text(bills, NOW, **options) == text


def test_an_endpoint_that_nobody_asks_is_idle() -> None:
    quiet = bill()
    assert is_idle([quiet], NOW)
    assert not is_idle([replace(quiet, asked=NOW - timedelta(minutes=14))], NOW)
    assert not is_idle([bill(minutes=10)], NOW)
    just_now = replace(quiet, asked=NOW - IDLE)
    assert just_now.idle_for(NOW) == IDLE
    assert replace(quiet, asked=latest({"x": NOW}, {"x": NOW - IDLE, "y": NOW})["x"]).idle_for(NOW) is None
    creating = replace(quiet, endpoint=replace(quiet.endpoint, status="Creating"))
    assert not is_idle([creating], NOW)


def test_a_price_has_an_origin_and_no_price_has_none() -> None:
    made = Endpoint(Serving.PROVISIONED, "arn", "gate", "InService", "m", NOW, 1)
    known = {"arn": TokenPrices(training=4.0, model_unit_hour=24.0, source="config.toml")}
    (priced,) = bills_of([made], known, {})
    (unpriced,) = bills_of([made], {"arn": TokenPrices(training=4.0, source="config.toml")}, {})
    assert (priced.origin, unpriced.origin) == ("config.toml", "")
