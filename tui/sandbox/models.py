"""Foundation models, inference profiles, custom models and tags."""

from __future__ import annotations

from typing import Any

from tui.sandbox.catalog import (
    BASE_MODELS,
    BaseModelEntry,
    Customization,
    base_arn,
    find_base,
    profile_arn,
    profile_ids,
)
from tui.sandbox.errors import conflict, not_found
from tui.sandbox.records import Model
from tui.sandbox.wire import Call
from tui.sandbox.world import World, cut, find, page

_PROFILE_REGIONS = {"us": ("us-east-1", "us-east-2", "us-west-2")}


def list_foundation_models(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    summaries = [_foundation(entry, model_id, call.region) for entry in BASE_MODELS for model_id in entry.ids]
    if provider := given.get("byProvider"):
        summaries = [item for item in summaries if item["providerName"].lower() == provider.lower()]
    for parameter, member in (
        ("byCustomizationType", "customizationsSupported"),
        ("byOutputModality", "outputModalities"),
        ("byInferenceType", "inferenceTypesSupported"),
    ):
        if wanted := given.get(parameter):
            summaries = [item for item in summaries if wanted in item[member]]
    return {"modelSummaries": summaries}


def get_foundation_model(world: World, call: Call) -> dict[str, Any]:
    model_id = call.parameters["modelIdentifier"].rpartition("foundation-model/")[2]
    entry = find_base(model_id)
    if entry is None:
        raise not_found("Could not resolve the foundation model from the provided model identifier.")
    return {"modelDetails": _foundation(entry, model_id, call.region)}


def get_foundation_model_availability(world: World, call: Call) -> dict[str, Any]:
    model_id = call.parameters["modelId"]
    if find_base(model_id) is None:
        raise not_found("Could not resolve the foundation model from the provided model identifier.")
    return {
        "modelId": model_id,
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    }


def _foundation(entry: BaseModelEntry, model_id: str, region: str) -> dict[str, Any]:
    rules = entry.customization if entry.customization and model_id == entry.customization.model_id else None
    cycle = entry.lifecycle
    moments = {"startOfLifeTime": cycle.starts, "legacyTime": cycle.legacy, "endOfLifeTime": cycle.ends}
    times = {name: moment.timestamp() for name, moment in moments.items() if moment is not None}
    return {
        "modelArn": base_arn(region, model_id),
        "modelId": model_id,
        "modelName": entry.name,
        "providerName": entry.provider,
        "inputModalities": ["TEXT"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "customizationsSupported": ["FINE_TUNING"] if rules and region in rules.regions else [],
        "inferenceTypesSupported": _inference_types(entry, rules),
        "modelLifecycle": {"status": cycle.status, **times},
    }


def _inference_types(entry: BaseModelEntry, rules: Customization | None) -> list[str]:
    if rules is not None:
        return ["PROVISIONED"] if rules.provisioned else []
    return ["ON_DEMAND"] if entry.direct else ["INFERENCE_PROFILE"]


def _profiles(region: str) -> list[dict[str, Any]]:
    return [
        {
            "inferenceProfileName": f"{'Global' if profile_id.startswith('global.') else 'US'} {_plain(entry.name)}",
            "description": f"Routes requests to {_plain(entry.name)}",
            "inferenceProfileArn": profile_arn(region, profile_id),
            "models": [
                {"modelArn": base_arn(place, entry.model_id)}
                for place in _PROFILE_REGIONS.get(profile_id.split(".")[0], (region,))
            ],
            "inferenceProfileId": profile_id,
            "status": "ACTIVE",
            "type": "SYSTEM_DEFINED",
        }
        for entry in BASE_MODELS
        for profile_id in profile_ids(entry, region)
    ]


def _plain(name: str) -> str:
    """A name in the letters that profile names may have."""
    return name.replace(".", " ").replace(" - ", " ")


def list_inference_profiles(world: World, call: Call) -> dict[str, Any]:
    wanted = call.parameters.get("typeEquals", "SYSTEM_DEFINED")
    found = _profiles(call.region) if wanted == "SYSTEM_DEFINED" else []
    shown, token = cut(found, call.parameters)
    return {"inferenceProfileSummaries": shown} | ({"nextToken": token} if token else {})


def get_inference_profile(world: World, call: Call) -> dict[str, Any]:
    wanted = call.parameters["inferenceProfileIdentifier"]
    for profile in _profiles(call.region):
        if wanted in (profile["inferenceProfileId"], profile["inferenceProfileArn"]):
            return profile
    raise not_found("The provided inference profile was not found.")


def get_custom_model(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        model = find_model(world, call.region, call.parameters["modelIdentifier"])
        losses = [] if model.validation_loss is None else [{"validationLoss": model.validation_loss}]
        validators = [{"s3Uri": model.validation_uri}] if model.validation_uri else []
        document = {
            "modelArn": model.arn,
            "modelName": model.name,
            "jobName": model.job_name,
            "jobArn": model.job_arn,
            "baseModelArn": model.base_arn,
            "customizationType": model.customization_type,
            "hyperParameters": model.hyperparameters,
            "trainingDataConfig": {"s3Uri": model.training_uri},
            "outputDataConfig": {"s3Uri": model.output_uri},
            "trainingMetrics": {"trainingLoss": model.training_loss},
            "validationMetrics": losses,
            "creationTime": model.created,
            "modelStatus": "Active",
        }
        if validators:
            document["validationDataConfig"] = {"validators": validators}
        return document


def list_custom_models(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        models = [model for model in world.records.models.values() if model.region == call.region]
        if wanted := given.get("baseModelArnEquals"):
            models = [model for model in models if model.base_arn == wanted]
        if wanted := given.get("foundationModelArnEquals"):
            models = [model for model in models if base_arn(model.region, model.base_id) == wanted]
        if given.get("modelStatus", "Active") != "Active" or given.get("isOwned") is False:
            models = []
        shown, token = page(models, given, lambda model: model.created, lambda model: model.name)
    summaries = [
        {
            "modelArn": model.arn,
            "modelName": model.name,
            "creationTime": model.created,
            "baseModelArn": model.base_arn,
            # Recorded answers of the service leave it empty.
            "baseModelName": "",
            "customizationType": model.customization_type,
            "ownerAccountId": world.account_id,
            "modelStatus": "Active",
        }
        for model in shown
    ]
    return {"modelSummaries": summaries} | ({"nextToken": token} if token else {})


def delete_custom_model(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        model = find_model(world, call.region, call.parameters["modelIdentifier"])
        held = [item.name for item in world.records.throughputs.values() if model.arn in _models_of(item)]
        held += [item.name for item in world.records.deployments.values() if item.model_arn == model.arn]
        if held:
            raise conflict(f"The custom model {model.name} is in use by {', '.join(held)}.")
        del world.records.models[model.arn]
        world.records.tags.pop(model.arn, None)
        world.save()
        world.drop_adapter(model.id)
    return {}


def _models_of(throughput: Any) -> tuple[str, str]:
    return throughput.model_arn, throughput.desired_model_arn


def find_model(world: World, region: str, identifier: str) -> Model:
    """A custom model of the Region by ARN, id or name; raises ResourceNotFoundException."""
    models = {arn: model for arn, model in world.records.models.items() if model.region == region}
    return find(models, identifier, "custom model", lambda model: model.name)


# Tags


def tag_resource(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        arn = _taggable(world, call)
        world.tag(arn, call.parameters["tags"])
        world.save()
    return {}


def untag_resource(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        arn = _taggable(world, call)
        for key in call.parameters["tagKeys"]:
            world.records.tags.get(arn, {}).pop(key, None)
        world.save()
    return {}


def list_tags(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        tags = world.records.tags.get(_taggable(world, call), {})
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _taggable(world: World, call: Call) -> str:
    arn: str = call.parameters["resourceARN"]
    kept = world.records
    groups = (kept.jobs, kept.models, kept.throughputs, kept.deployments, kept.evaluations)
    if not any(arn in group for group in groups):
        raise not_found(f"Could not find resource {arn}.")
    return arn
