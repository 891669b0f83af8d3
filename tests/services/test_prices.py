"""What is understood of AWS's price list, and what stands in for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import operations, services_over
from tui.domain.serving.pricing import UNKNOWN, TokenPrices
from tui.domain.settings import Settings
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.serving.prices import PriceService, understood_prices

OWN = TokenPrices(training=7.0, model_unit_hour=99.0, as_of="2026-11-01", source="config.toml")


def product(usage: str, usd: str, unit: str, **more: Any) -> str:
    dimension = {"unit": unit, "description": "", "pricePerUnit": {"USD": usd}}
    term = {"effectiveDate": "2026-10-01T00:00:00Z", "priceDimensions": {"d": dimension}}
    return json.dumps({"product": {"attributes": {"usagetype": usage}}, "terms": {"OnDemand": {"t": term}}} | more)


@pytest.mark.parametrize(
    ("usage", "usd", "unit", "kind", "price"),
    [
        ("USW2-Llama3-3-70B-Customization-Training", "0.0033000000", "1K tokens", "training", 3.3),
        ("USE1-NovaLite-input-tokens", "0.00006", "1K tokens", "input", 0.06),
        ("USW2-MP:USW2_OutputTokenCount-Units", "1.25", "1M tokens", "output", 1.25),
        ("USW2-MP:USW2_ProvisionedThroughput_NoCommit_ModelUnits_Usage-Units", "44", "hour", "model_unit_hour", 44),
        ("X_ProvisionedThroughput_1MonthCommit_ModelUnits", "39.6", "Hrs", "model_unit_hour_one_month", 39.6),
        ("X_ProvisionedThroughput_6MonthsCommit_ModelUnits", "22", "hour", "model_unit_hour_six_months", 22),
    ],
)
def test_prices_are_read_in_our_units(usage: str, usd: str, unit: str, kind: str, price: float) -> None:
    found = understood_prices([product(usage, usd, unit)])
    assert getattr(found, kind) == pytest.approx(price)
    assert found.origin == "AWS price list, 2026-10-01"


@pytest.mark.parametrize(
    "text",
    [
        product("USE1-NovaLite-input-tokens-batch", "0.00003", "1K tokens"),
        product("USE1-NovaLite-cache-read-input-token-count", "0.00003", "1K tokens"),
        product("USE1-NovaLite-input-tokens", "0.00006", "Units"),
        product("X_ProvisionedThroughput_NoCommit_ModelUnits", "44", "month"),
        product("X_ProvisionedThroughput_Forever_ModelUnits", "44", "hour"),
        product("X_ProvisionedThroughput_NoCommit_ModelUnits", "0.0000000000", "hour"),
        product("X_ProvisionedThroughput_NoCommit_ModelUnits", "44", "hour").replace('"USD"', '"CNY"'),
        product("USE1-NovaLite-input-tokens", "１", "1K tokens"),
        product("USE1-NovaLite-input-tokens", "nan", "1K tokens"),
        "{",
        "[]",
        "null",
        '{"product": {"attributes": {"usagetype": "input-tokens"}}, "terms": {}}',
        "[" * 100_000,
    ],
)
def test_what_is_not_clear_is_not_known(text: str) -> None:
    assert understood_prices([text]) is UNKNOWN


def test_two_prices_for_one_thing_are_none() -> None:
    usage = "USE1-NovaLite-input-tokens"
    found = understood_prices([product(usage, "1", "1M tokens"), product(usage, "2", "1M tokens")])
    assert found is UNKNOWN


async def test_the_list_is_asked_once_a_day_and_the_own_figures_fill_its_gaps(
    aws: Aws, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    services = services_over(aws, tmp_path, clock)
    own = {"claude-3-haiku": OWN, "llama-3.3-70b": TokenPrices(model_unit_hour=5, source="config.toml")}
    prices = PriceService(aws, services.store, services.pool, own, now=clock.now)
    found = await prices.of("claude-3-haiku", "us-west-2")
    assert (found.per_hour(), found.per_hour("OneMonth"), found.per_hour("Century")) == (24.0, 20.0, None)
    assert found.training == 4.0
    assert "not AWS's prices" in found.origin
    llama = await prices.of("arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-3-70b-instruct-v1:0", "us-west-2")
    assert llama.per_hour() == 5
    assert "config.toml" in llama.origin
    again = PriceService(aws, services.store, services.pool, {}, now=clock.now)
    assert (await again.of("claude-3-haiku", "us-west-2")).per_hour() == 24.0
    assert operations(sandbox).count("GetProducts") == 2


async def test_whoever_may_not_read_the_list_has_the_own_figures(
    aws: Aws, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    sandbox.faults.add(kind="denied", operation="GetProducts", times=None)
    services = services_over(aws, tmp_path, clock, Settings(prices={"claude-3-haiku": OWN}))
    found = await services.prices.of("claude-3-haiku", "us-west-2")
    assert found == OWN
    assert await services.prices.of("nova-lite", "us-east-1") is UNKNOWN
    assert operations(sandbox).count("GetProducts") == 1
