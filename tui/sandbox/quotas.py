"""Service Quotas, as far as they concern customization; the figures are the sandbox account's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tui.sandbox.catalog import BASE_MODELS, COMMITTED_UNITS, NO_COMMITMENT_UNITS, SCHEDULED_JOBS
from tui.sandbox.errors import ServiceError
from tui.sandbox.scenarios import Scenario
from tui.sandbox.wire import Call
from tui.sandbox.world import World, cut


def _quota(world: World, call: Call, code: str, name: str, value: float, *, units: bool = True) -> dict[str, Any]:
    if units and Scenario.QUOTA in world.scenarios:
        value = 0
    return {
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": f"arn:aws:servicequotas:{call.region}:{world.account_id}:bedrock/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


# Codes that AWS has published; the others are the sandbox's own and say so.
_LLAMA_8B = "meta.llama3-1-8b-instruct-v1:0"
_KNOWN_CODES = {_LLAMA_8B: "L-3632DE15"}


def _quotas(world: World, call: Call) -> list[dict[str, Any]]:
    found = [
        _quota(
            world,
            call,
            "L-0406044C",
            "(Model customization) Scheduled customization jobs",
            SCHEDULED_JOBS,
            units=False,
        ),
        _quota(
            world,
            call,
            "L-BE77399C",
            "Model units no-commitment Provisioned Throughputs across custom models",
            NO_COMMITMENT_UNITS,
        ),
        _quota(
            world,
            call,
            "L-SANDBOX00",
            "Model units with commitment Provisioned Throughputs across custom models",
            COMMITTED_UNITS,
        ),
    ]
    for number, entry in enumerate(BASE_MODELS, 1):
        if entry.customization and entry.customization.provisioned:
            code = _KNOWN_CODES.get(entry.model_id, f"L-SANDBOX{number:02}")
            name = f"Model units per provisioned model for {entry.provider} {entry.name}"
            found.append(_quota(world, call, code, name, NO_COMMITMENT_UNITS))
    return found


def list_quotas(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    found = _quotas(world, call) if given["ServiceCode"] == "bedrock" else []
    if code := given.get("QuotaCode"):
        found = [item for item in found if item["QuotaCode"] == code]
    return _quota_page(found, given)


def list_default_quotas(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    found = _quotas(world, call) if given["ServiceCode"] == "bedrock" else []
    return _quota_page(found, given)


def _quota_page(found: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    names = {"MaxResults": "maxResults", "NextToken": "nextToken"}
    shown, token = cut(found, {names[name]: value for name, value in given.items() if name in names})
    return {"Quotas": shown} | ({"NextToken": token} if token else {})


def get_quota(world: World, call: Call) -> dict[str, Any]:
    for item in _quotas(world, call) if call.parameters["ServiceCode"] == "bedrock" else []:
        if item["QuotaCode"] == call.parameters["QuotaCode"]:
            return {"Quota": item}
    raise ServiceError("NoSuchResourceException", "The request failed because the specified quota does not exist.")


Handler = Callable[[World, Call], dict[str, Any]]
QUOTA_HANDLERS: dict[str, Handler] = {
    "ListServiceQuotas": list_quotas,
    "ListAWSDefaultServiceQuotas": list_default_quotas,
    "GetServiceQuota": get_quota,
    "GetAWSDefaultServiceQuota": get_quota,
}
