"""Model evaluation jobs with a judge: creating, reading, listing and stopping them.

What is not emulated is refused: people as judges, retrieval, the statistical metrics, and two models in one job,
which the service does not take with a judge either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tui.sandbox import records, roles
from tui.sandbox.errors import conflict, validation
from tui.sandbox.records import Evaluation
from tui.sandbox.targets import resolve
from tui.sandbox.wire import Call
from tui.sandbox.world import World, find, page

_OPERATION = "CreateEvaluationJob"
_TASK = "General"
_PAGE = 5
"""Summaries in one answer: the service model's own limit of the list."""
METRICS = (
    "Correctness",
    "Completeness",
    "Faithfulness",
    "Helpfulness",
    "Coherence",
    "Relevance",
    "FollowingInstructions",
    "ProfessionalStyleAndTone",
    "Harmfulness",
    "Stereotyping",
    "Refusal",
)


def create_job(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        if arn := world.remembered(_OPERATION, given):
            return {"jobArn": arn}
        taken = (item.name for item in world.records.evaluations.values() if item.region == call.region)
        if given["jobName"] in taken:
            raise conflict("The provided job name is currently in use.")
        for name in ("customerEncryptionKeyId",):
            if name in given:
                raise validation(f"{name}: the sandbox has no KMS keys.")
        if given.get("applicationType", "ModelEvaluation") != "ModelEvaluation":
            raise validation("The sandbox evaluates models only.")
        judge = _judge(world, call.region, given["evaluationConfig"])
        generator, source = _inference(world, call.region, given["inferenceConfig"])
        arn = records.evaluation_arn(call.region)
        documents = world.storage.role(given["roleArn"])
        if documents is None or not roles.may_assume(documents.trust, world.account_id, arn):
            raise validation("Could not assume provided IAM role. Please provide a valid role.")
        now = world.now()
        world.records.evaluations[arn] = Evaluation(
            arn=arn,
            name=given["jobName"],
            description=given.get("jobDescription"),
            token=given.get("clientRequestToken"),
            role_arn=given["roleArn"],
            region=call.region,
            config=given["evaluationConfig"],
            inference=given["inferenceConfig"],
            output_uri=given["outputDataConfig"]["s3Uri"],
            judge=judge,
            generator=generator,
            source=source,
            created=now,
            modified=now,
            changing_since=now,
        )
        world.tag(arn, given.get("jobTags", []))
        world.remember(_OPERATION, given, arn)
        world.save()
    return {"jobArn": arn}


def _judge(world: World, region: str, config: Mapping[str, Any]) -> str:
    """The judge's id; raises for what the service or the sandbox does not take."""
    automated = config.get("automated")
    if automated is None or "evaluatorModelConfig" not in automated:
        raise validation("The sandbox evaluates with a judge model only: give automated.evaluatorModelConfig.")
    judge = str(automated["evaluatorModelConfig"]["bedrockEvaluatorModels"][0]["modelIdentifier"])
    custom = [_custom_name(item) for item in automated.get("customMetricConfig", {}).get("customMetrics", [])]
    if len(automated["datasetMetricConfigs"]) != 1:
        raise validation("A job with a judge takes one dataset.")
    for item in automated["datasetMetricConfigs"]:
        if item["taskType"] != _TASK:
            raise validation(f"taskType must be {_TASK} for a job with an evaluator model.")
        if "datasetLocation" not in item["dataset"]:
            raise validation("The sandbox has no built-in datasets: give a datasetLocation.")
        known = {f"Builtin.{name}" for name in METRICS} | set(custom)
        unknown = sorted(set(item["metricNames"]) - known)
        if unknown:
            raise validation(f"Metrics that are not supported: {', '.join(unknown)}.")
    resolve(world, region, judge)
    return judge


def _custom_name(item: Mapping[str, Any]) -> str:
    definition = item["customMetricDefinition"]
    if "{{prediction}}" not in definition["instructions"]:
        raise validation("The instructions of a custom metric must contain {{prediction}}.")
    return str(definition["name"])


def _inference(world: World, region: str, config: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The model to be asked, or the name of the answers that the dataset brings along."""
    models = config.get("models")
    if models is None:
        raise validation("The sandbox evaluates models only: give inferenceConfig.models.")
    if len(models) != 1:
        raise validation("A job with an evaluator model takes one model or inference source.")
    if "precomputedInferenceSource" in models[0]:
        return None, str(models[0]["precomputedInferenceSource"]["inferenceSourceIdentifier"])
    model = models[0]["bedrockModel"]
    _parameters(model.get("inferenceParams", "{}"))
    resolve(world, region, model["modelIdentifier"])
    return str(model["modelIdentifier"]), None


def _parameters(text: str) -> dict[str, Any]:
    """Inference parameters of a job, JSON in a string."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise validation("inferenceParams is not valid JSON.") from error
    settings = document.get("inferenceConfig", {}) if isinstance(document, dict) else None
    if not isinstance(settings, dict):
        raise validation("inferenceParams must be an object.")
    return settings


def inference_settings(item: Evaluation) -> dict[str, Any]:
    """`maxTokens`, `temperature` and `topP` of a job that asks a model."""
    return _parameters(item.inference["models"][0].get("bedrockModel", {}).get("inferenceParams", "{}"))


def get_job(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        item = _find(world, call)
        answer: dict[str, Any] = {
            "jobName": item.name,
            "status": item.status,
            "jobArn": item.arn,
            "roleArn": item.role_arn,
            "jobType": "Automated",
            "applicationType": "ModelEvaluation",
            "evaluationConfig": item.config,
            "inferenceConfig": item.inference,
            "outputDataConfig": {"s3Uri": item.output_uri},
            "creationTime": item.created,
            "lastModifiedTime": item.modified,
        }
        if item.description:
            answer["jobDescription"] = item.description
        if item.failures:
            answer["failureMessages"] = item.failures
        return answer


def list_jobs(world: World, call: Call) -> dict[str, Any]:
    given = dict(call.parameters)
    with world.lock:
        items = [item for item in world.records.evaluations.values() if item.region == call.region]
        if status := given.get("statusEquals"):
            items = [item for item in items if item.status == status]
        if given.get("applicationTypeEquals", "ModelEvaluation") != "ModelEvaluation":
            items = []
        given["maxResults"] = min(_PAGE, given.get("maxResults", _PAGE))
        shown, token = page(items, given, lambda item: item.created, lambda item: item.name)
        summaries = [_summary(item) for item in shown]
    # An empty list is left out: its model wants at least one.
    return ({"jobSummaries": summaries} if summaries else {}) | ({"nextToken": token} if token else {})


def _summary(item: Evaluation) -> dict[str, Any]:
    models = {"bedrockModelIdentifiers": [item.generator]} if item.generator else {}
    sources = {"precomputedInferenceSourceIdentifiers": [item.source]} if item.source else {}
    return {
        "jobArn": item.arn,
        "jobName": item.name,
        "status": item.status,
        "creationTime": item.created,
        "jobType": "Automated",
        "evaluationTaskTypes": [_TASK],
        "evaluatorModelIdentifiers": [item.judge],
        "inferenceConfigSummary": {"modelConfigSummary": {**models, **sources}},
        "applicationType": "ModelEvaluation",
    }


def stop_job(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        item = _find(world, call)
        if item.status == "Stopping":
            return {}
        if item.status != "InProgress":
            raise conflict(f"The job is {item.status} and cannot be stopped.")
        item.status = "Stopping"
        item.modified = item.changing_since = world.now()
        world.save()
    return {}


def _find(world: World, call: Call) -> Evaluation:
    items = {arn: item for arn, item in world.records.evaluations.items() if item.region == call.region}
    return find(items, call.parameters["jobIdentifier"], "evaluation job", lambda item: item.name)
