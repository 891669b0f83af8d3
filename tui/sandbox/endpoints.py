"""What serves a custom model: provisioned throughputs, paid by the hour, and deployments, served on demand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tui.sandbox import records
from tui.sandbox.catalog import (
    COMMITTED_UNITS,
    NO_COMMITMENT_UNITS,
    BaseModelEntry,
    Customization,
    base_arn,
    find_base,
    find_customizable,
)
from tui.sandbox.errors import not_found, quota_exceeded, validation
from tui.sandbox.models import find_model
from tui.sandbox.records import Deployment, Purchase, Throughput
from tui.sandbox.scenarios import Scenario
from tui.sandbox.wire import Call
from tui.sandbox.world import World, find, page, refuse_duplicate

_MONTHS = {"OneMonth": 30, "SixMonths": 180}


def create_throughput(world: World, call: Call) -> dict[str, Any]:
    given, operation = call.parameters, "CreateProvisionedModelThroughput"
    with world.lock:
        if arn := world.remembered(operation, given):
            return {"provisionedModelArn": arn}
        name = given["provisionedModelName"]
        refuse_duplicate(
            any(item.name == name for item in _throughputs(world, call).values()), "provisioned model", name
        )
        model_arn, entry, rules = _servable(world, call.region, given["modelId"])
        if not rules.provisioned:
            raise validation(f"Provisioned Throughput is not supported for model {rules.model_id}.")
        if entry.lifecycle.status == "LEGACY":
            raise validation(f"Model {rules.model_id} is in Legacy state: no Provisioned Throughput can be created.")
        commitment = given.get("commitmentDuration")
        _check_units(world, call, given["modelUnits"], commitment, model_arn, rules.model_id)
        arn, now = records.throughput_arn(call.region), world.now()
        ends = world.clock.now() + timedelta(days=_MONTHS[commitment]) if commitment else None
        world.records.throughputs[arn] = Throughput(
            arn=arn,
            name=name,
            region=call.region,
            token=given.get("clientRequestToken"),
            model_arn=model_arn,
            desired_model_arn=model_arn,
            base_id=rules.model_id,
            units=given["modelUnits"],
            commitment=commitment,
            commitment_ends=ends.timestamp() if ends else None,
            created=now,
            modified=now,
            changing_since=now,
        )
        world.records.purchases.append(Purchase(arn, name, model_arn, given["modelUnits"], commitment, now))
        world.tag(arn, given.get("tags", []))
        world.remember(operation, given, arn)
        world.save()
    return {"provisionedModelArn": arn}


def _servable(world: World, region: str, identifier: str) -> tuple[str, BaseModelEntry, Customization]:
    """The ARN that is served and its base model; raises for what is unknown, retired or not servable."""
    entry = find_base(identifier.rpartition("foundation-model/")[2])
    if entry is None:
        model = find_model(world, region, identifier)
        found = find_customizable(model.base_id)
        assert found is not None
        entry, arn = found[0], model.arn
    else:
        if entry.customization is None:
            raise validation(f"Provisioned Throughput is not supported for model {entry.model_id}.")
        arn = base_arn(region, entry.customization.model_id)
    if entry.lifecycle.ends is not None and entry.lifecycle.ends <= world.clock.now():
        raise not_found("This model version has reached the end of its life.")
    assert entry.customization is not None
    return arn, entry, entry.customization


def _check_units(world: World, call: Call, units: int, commitment: str | None, model_arn: str, base_id: str) -> None:
    """Base models and custom ones have quotas apart, and so have the two kinds of term."""
    custom = ":custom-model/" in model_arn
    held = sum(
        item.units
        for item in _throughputs(world, call).values()
        if (item.commitment is None) == (commitment is None) and (":custom-model/" in item.model_arn) == custom
    )
    allowed = NO_COMMITMENT_UNITS if commitment is None else COMMITTED_UNITS
    if Scenario.QUOTA in world.scenarios:
        allowed = 0
    if held + units > allowed:
        kind = "no commitment" if commitment is None else "commitment"
        raise quota_exceeded(
            f"Your account does not currently have enough {kind} model units reserved for {base_id}: "
            f"{allowed} in all, {held} in use, {units} more asked for."
        )


def get_throughput(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        return _throughput(throughput_named(world, call))


def list_throughputs(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        found = list(_throughputs(world, call).values())
        if status := given.get("statusEquals"):
            found = [item for item in found if item.status == status]
        if arn := given.get("modelArnEquals"):
            found = [item for item in found if arn in (item.model_arn, base_arn(item.region, item.base_id))]
        shown, token = page(found, given, lambda item: item.created, lambda item: item.name)
        summaries = [_throughput(item) for item in shown]
    return {"provisionedModelSummaries": summaries} | ({"nextToken": token} if token else {})


def update_throughput(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        item = throughput_named(world, call)
        if item.status != "InService":
            raise validation(f"Provisioned Throughput {item.name} is {item.status} and cannot be updated.")
        now = world.now()
        if name := given.get("desiredProvisionedModelName"):
            others = [other.name for other in _throughputs(world, call).values() if other is not item]
            refuse_duplicate(name in others, "provisioned model", name)
        if wanted := given.get("desiredModelId"):
            arn, _, rules = _servable(world, call.region, wanted)
            if rules.model_id != item.base_id:
                raise validation("The desired model must have the same base model as the present one.")
            item.desired_model_arn, item.status, item.changing_since = arn, "Updating", now
        item.name, item.modified = name or item.name, now
        world.save()
    return {}


def delete_throughput(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        item = throughput_named(world, call)
        now = world.now()
        bound = item.commitment_ends is not None and now < item.commitment_ends
        if bound or Scenario.COMMITMENT in world.scenarios:
            raise validation(
                f"Provisioned Throughput {item.name} cannot be deleted before its commitment term is over."
            )
        del world.records.throughputs[item.arn]
        world.records.tags.pop(item.arn, None)
        for purchase in world.records.purchases:
            if purchase.arn == item.arn:
                purchase.ended = now
        world.save()
    return {}


def _throughputs(world: World, call: Call) -> dict[str, Throughput]:
    return {arn: item for arn, item in world.records.throughputs.items() if item.region == call.region}


def throughput_named(world: World, call: Call) -> Throughput:
    identifier = call.parameters["provisionedModelId"]
    return find(_throughputs(world, call), identifier, "provisioned model", lambda item: item.name)


def _throughput(item: Throughput) -> dict[str, Any]:
    document = {
        "modelUnits": item.units,
        "desiredModelUnits": item.units,
        "provisionedModelName": item.name,
        "provisionedModelArn": item.arn,
        "modelArn": item.model_arn,
        "desiredModelArn": item.desired_model_arn,
        "foundationModelArn": base_arn(item.region, item.base_id),
        "status": item.status,
        "creationTime": item.created,
        "lastModifiedTime": item.modified,
    }
    if item.commitment is not None:
        document["commitmentDuration"] = item.commitment
        document["commitmentExpirationTime"] = item.commitment_ends
    return document


def create_deployment(world: World, call: Call) -> dict[str, Any]:
    given, operation = call.parameters, "CreateCustomModelDeployment"
    with world.lock:
        if arn := world.remembered(operation, given):
            return {"customModelDeploymentArn": arn}
        name = given["modelDeploymentName"]
        if any(item.name == name for item in _deployments(world, call).values()):
            # The operation has no ConflictException.
            raise validation(f"The model deployment name {name} is already in use.")
        model = find_model(world, call.region, given["modelArn"])
        found = find_customizable(model.base_id)
        assert found is not None
        if not found[1].deployable:
            raise validation(f"On-demand deployment is not supported for custom models of {model.base_id}.")
        arn, now = records.deployment_arn(call.region), world.now()
        world.records.deployments[arn] = Deployment(
            arn, name, call.region, given.get("clientRequestToken"), model.arn, given.get("description"), now, now
        )
        world.tag(arn, given.get("tags", []))
        world.remember(operation, given, arn)
        world.save()
    return {"customModelDeploymentArn": arn}


def get_deployment(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        item = _find_deployment(world, call)
        document = {
            "customModelDeploymentArn": item.arn,
            "modelDeploymentName": item.name,
            "modelArn": item.model_arn,
            "createdAt": item.created,
            "status": item.status,
            "lastUpdatedAt": item.modified,
        }
        return document | ({"description": item.description} if item.description else {})


def list_deployments(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        found = list(_deployments(world, call).values())
        if status := given.get("statusEquals"):
            found = [item for item in found if item.status == status]
        if arn := given.get("modelArnEquals"):
            found = [item for item in found if item.model_arn == arn]
        shown, token = page(
            found, given, lambda item: item.created, lambda item: item.name, "createdAfter", "createdBefore"
        )
        summaries = [
            {
                "customModelDeploymentArn": item.arn,
                "customModelDeploymentName": item.name,
                "modelArn": item.model_arn,
                "createdAt": item.created,
                "status": item.status,
                "lastUpdatedAt": item.modified,
            }
            for item in shown
        ]
    return {"modelDeploymentSummaries": summaries} | ({"nextToken": token} if token else {})


def delete_deployment(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        item = _find_deployment(world, call)
        if item.status == "Creating":
            raise validation("Custom model deployment is in a mutating state")
        del world.records.deployments[item.arn]
        world.records.tags.pop(item.arn, None)
        world.save()
    return {}


def _deployments(world: World, call: Call) -> dict[str, Deployment]:
    return {arn: item for arn, item in world.records.deployments.items() if item.region == call.region}


def _find_deployment(world: World, call: Call) -> Deployment:
    identifier = call.parameters["customModelDeploymentIdentifier"]
    return find(_deployments(world, call), identifier, "custom model deployment", lambda item: item.name)
