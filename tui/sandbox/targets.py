"""Which model answers: a foundation model, an inference profile, a provisioned throughput or a deployment."""

from __future__ import annotations

from dataclasses import dataclass

from tui.sandbox.catalog import BASE_MODELS, BaseModelEntry, find_base, profile_arn, profile_ids
from tui.sandbox.errors import ServiceError, not_found, validation
from tui.sandbox.world import World

_INVALID = "The provided model identifier is invalid."


@dataclass(frozen=True, slots=True)
class Target:
    """A base model and, for a custom model, the trained weights on top of it."""

    entry: BaseModelEntry
    adapter_id: str | None = None
    adapter: bytes | None = None


def resolve(world: World, region: str, model_id: str, *, for_counting: bool = False) -> Target:
    """Find what an invocation's modelId names; raises what the service answers when it cannot be invoked."""
    if ":provisioned-model/" in model_id:
        return _provisioned(world, region, model_id)
    if ":custom-model-deployment/" in model_id:
        return _deployed(world, region, model_id)
    if ":custom-model/" in model_id:
        raise validation(
            "A custom model cannot be invoked by its own ARN: give the ARN of a Provisioned Throughput or of a "
            "custom model deployment that serves it."
        )
    for entry in BASE_MODELS:
        for profile_id in profile_ids(entry, region):
            if model_id in (profile_id, profile_arn(region, profile_id)):
                return _alive(world, Target(entry))
    name = model_id.rpartition("foundation-model/")[2]
    found = find_base(name)
    if found is None:
        raise validation(_INVALID)
    target = _alive(world, Target(found))
    if name != found.model_id or not (found.direct or for_counting):
        raise validation(
            f"Invocation of model ID {name} with on-demand throughput isn’t supported. Retry your request with "
            "the ID or ARN of an inference profile that contains this model."
        )
    return target


def _alive(world: World, target: Target) -> Target:
    ends = target.entry.lifecycle.ends
    if ends is not None and ends <= world.clock.now():
        raise not_found("This model version has reached the end of its life.")
    return target


def _provisioned(world: World, region: str, arn: str) -> Target:
    with world.lock:
        item = world.records.throughputs.get(arn)
        if item is None or item.region != region:
            raise not_found(f"Could not find provisioned model {arn}.")
        if item.status == "Creating":
            raise ServiceError("ModelNotReadyException", "The model is not ready for inference. Try again later.")
        return _custom(world, item.model_arn, item.base_id)


def _deployed(world: World, region: str, arn: str) -> Target:
    with world.lock:
        item = world.records.deployments.get(arn)
        if item is None or item.region != region:
            raise not_found(f"Could not find custom model deployment {arn}.")
        if item.status != "Active":
            raise ServiceError("ModelNotReadyException", "The model is not ready for inference. Try again later.")
        return _custom(world, item.model_arn, world.records.models[item.model_arn].base_id)


def _custom(world: World, model_arn: str, base_id: str) -> Target:
    entry = find_base(base_id)
    assert entry is not None
    model = world.records.models.get(model_arn)
    if model is None:
        return _alive(world, Target(entry))
    adapter = world.adapter(model.id)
    if adapter is None:
        raise ServiceError("ModelErrorException", f"The weights of custom model {model.name} are lost.")
    return _alive(world, Target(entry, model.id, adapter))
