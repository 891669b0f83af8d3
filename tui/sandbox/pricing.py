"""The sandbox's price list, in the shape of AWS's Price List API.

Nothing is sold here: the figures are round numbers of the sandbox's own, marked as such in every product, so that
meters, plans and books have something to count with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tui.sandbox.catalog import BASE_MODELS, BaseModelEntry
from tui.sandbox.wire import Call
from tui.sandbox.world import World

_NOTE = "sandbox: not a price of AWS"
_SINCE = "2026-01-01T00:00:00Z"
HOURLY = {None: 24.0, "OneMonth": 20.0, "SixMonths": 16.0}
"""USD per model unit and hour, by commitment."""
_TOKENS = {"input": 0.25, "output": 1.25}
"""USD per million tokens."""
_TRAINING = 0.004
"""USD per thousand tokens and epoch."""
_COMMITMENTS = {None: "NoCommit", "OneMonth": "1MonthCommit", "SixMonths": "6MonthsCommit"}
_USAGE_NAMES = {
    "amazon.nova-micro-v1:0": "NovaMicro",
    "amazon.nova-lite-v1:0": "NovaLite",
    "amazon.nova-pro-v1:0": "NovaPro",
    "meta.llama3-3-70b-instruct-v1:0": "Llama3-3-70B",
    "meta.llama3-1-8b-instruct-v1:0": "Llama3-1-8B",
    "meta.llama3-1-70b-instruct-v1:0": "Llama3-1-70B",
}


def _product(service: str, region: str, usage: str, unit: str, usd: float, name: str) -> dict[str, Any]:
    return {
        "publicationNote": _NOTE,
        "serviceCode": service,
        "product": {"attributes": {"regionCode": region, "usagetype": usage, "servicename": name}},
        "terms": {
            "OnDemand": {
                "sandbox": {
                    "effectiveDate": _SINCE,
                    "priceDimensions": {"one": {"unit": unit, "description": _NOTE, "pricePerUnit": {"USD": f"{usd}"}}},
                }
            }
        },
    }


def _products(region: str) -> list[dict[str, Any]]:
    return [product for entry in BASE_MODELS for product in _of(entry, region)]


def _of(entry: BaseModelEntry, region: str) -> list[dict[str, Any]]:
    anthropic = entry.provider == "Anthropic"
    service = "AmazonBedrockFoundationModels" if anthropic else "AmazonBedrock"
    name = f"{entry.name} (Amazon Bedrock Edition)" if anthropic else "Amazon Bedrock"
    start = "MP" if anthropic else _USAGE_NAMES.get(entry.model_id, "")
    if not start:
        return []
    made = [
        _product(service, region, f"{start}-{kind}-tokens", "1M tokens", usd, name) for kind, usd in _TOKENS.items()
    ]
    rules = entry.customization
    if rules is None or region not in rules.regions:
        return made
    made.append(_product(service, region, f"{start}-Customization-Training", "1K tokens", _TRAINING, name))
    if rules.provisioned:
        for commitment, word in _COMMITMENTS.items():
            usage = f"{start}_ProvisionedThroughput_{word}_ModelUnits"
            made.append(_product(service, region, usage, "hour", HOURLY[commitment], name))
    return made


def describe_services(world: World, call: Call) -> dict[str, Any]:
    codes = ("AmazonBedrock", "AmazonBedrockFoundationModels")
    known: list[dict[str, Any]] = [{"ServiceCode": code, "AttributeNames": []} for code in codes]
    wanted = call.parameters.get("ServiceCode")
    return {"Services": [item for item in known if wanted in (None, item["ServiceCode"])], "FormatVersion": "aws_v1"}


def get_products(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    filters = given.get("Filters", [])
    region = next((f["Value"] for f in filters if f["Field"] == "regionCode"), world.region)
    found = [p for p in _products(region) if p["serviceCode"] == given["ServiceCode"]]
    for one in filters:
        found = [p for p in found if _passes(str(p["product"]["attributes"].get(one["Field"], "")), one)]
    return {"PriceList": [json.dumps(p) for p in found], "FormatVersion": "aws_v1"}


def _passes(value: str, one: dict[str, Any]) -> bool:
    wanted = one["Value"]
    match one["Type"]:
        case "CONTAINS":
            return bool(wanted in value)
        case "ANY_OF":
            return value in wanted.split(",")
        case "NONE_OF":
            return value not in wanted.split(",")
        case _:
            return bool(value == wanted)


def get_attribute_values(world: World, call: Call) -> dict[str, Any]:
    values = sorted(
        {str(p["product"]["attributes"].get(call.parameters["AttributeName"], "")) for p in _products(call.region)}
    )
    return {"AttributeValues": [{"Value": value} for value in values if value]}


Handler = Callable[[World, Call], dict[str, Any]]
PRICING_HANDLERS: dict[str, Handler] = {
    "DescribeServices": describe_services,
    "GetProducts": get_products,
    "GetAttributeValues": get_attribute_values,
}
