"""Model customization jobs: creating, reading, listing and stopping them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from tui.sandbox import records, roles
from tui.sandbox.catalog import (
    SCHEDULED_JOBS,
    BaseModelEntry,
    Customization,
    Hyperparameter,
    base_arn,
    find_customizable,
)
from tui.sandbox.errors import conflict, not_found, quota_exceeded, validation
from tui.sandbox.records import Job, Model, Phase
from tui.sandbox.scenarios import Scenario
from tui.sandbox.wire import Call
from tui.sandbox.world import World, find, page

_OPERATION = "CreateModelCustomizationJob"
PHASES = ("validation", "dataProcessing", "training")


def create_job(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        if arn := world.remembered(_OPERATION, given):
            return {"jobArn": arn}
        _check_names(world, call.region, given)
        entry, rules, source = _resolve_base(world, call.region, given["baseModelIdentifier"])
        _check_offer(world, call, entry, rules)
        _check_kind(given)
        _check_room(world, call.region)
        hyperparameters = _hyperparameters(given.get("hyperParameters", {}), rules.hyperparameters)
        arn = records.job_arn(call.region, rules.model_id)
        _check_role(world, given["roleArn"], arn)
        job = _new_job(world, call, rules, source, hyperparameters, arn)
        world.records.jobs[arn] = job
        world.tag(arn, given.get("jobTags", []))
        world.remember(_OPERATION, given, arn)
        world.save()
    return {"jobArn": arn}


def _check_names(world: World, region: str, given: Mapping[str, Any]) -> None:
    jobs = [job for job in world.records.jobs.values() if job.region == region]
    # AWS's text; its code is not documented. Job names cannot be used twice, which is what a conflict is.
    if any(job.name == given["jobName"] for job in jobs):
        raise conflict("The provided job name is currently in use.")
    name = given["customModelName"]
    taken = any(model.name == name for model in world.records.models.values() if model.region == region)
    moving = (job for job in jobs if job.status in ("InProgress", "Stopping"))
    if taken or any(job.model_name == name for job in moving):
        raise conflict("The provided custom model name is currently in use.")


def _check_room(world: World, region: str) -> None:
    jobs = [job for job in world.records.jobs.values() if job.region == region and job.status == "InProgress"]
    if sum(job.phases[PHASES[-1]].status == "NotStarted" for job in jobs) >= SCHEDULED_JOBS:
        raise quota_exceeded(f"Your account may have {SCHEDULED_JOBS} scheduled model customization jobs at most.")


def _resolve_base(world: World, region: str, identifier: str) -> tuple[BaseModelEntry, Customization, Model | None]:
    model_id = identifier.rpartition("foundation-model/")[2]
    if found := find_customizable(model_id):
        return (*found, None)
    for model in world.records.models.values():
        if identifier in (model.arn, model.name) and model.region == region:
            entry = find_customizable(model.base_id)
            assert entry is not None
            return (*entry, model)
    raise validation("The provided model identifier is invalid.")


def _check_offer(world: World, call: Call, entry: BaseModelEntry, rules: Customization) -> None:
    ends = entry.lifecycle.ends
    if ends is not None and ends <= world.clock.now():
        raise not_found("This model version has reached the end of its life.")
    if call.region not in rules.regions:
        raise validation(f"Model {rules.model_id} cannot be customized in {call.region}.")
    if entry.lifecycle.status == "LEGACY":
        raise validation(f"Model {rules.model_id} is in Legacy state: new customization jobs cannot be created.")


def _check_kind(given: Mapping[str, Any]) -> None:
    if given.get("customizationType", "FINE_TUNING") != "FINE_TUNING" or "customizationConfig" in given:
        raise validation("The sandbox trains by FINE_TUNING only.")
    for name in ("customModelKmsKeyId", "vpcConfig"):
        if name in given:
            raise validation(f"{name}: the sandbox has neither KMS keys nor VPCs.")
    if len(given.get("validationDataConfig", {}).get("validators", [])) > 1:
        raise validation("The sandbox takes one validation file.")
    for config in ("trainingDataConfig", "validationDataConfig"):
        if set(given.get(config, {})) - {"s3Uri", "validators"}:
            raise validation("The sandbox takes training data from S3 only.")
    if "s3Uri" not in given["trainingDataConfig"]:
        raise validation("The sandbox takes training data from S3 only.")


def _hyperparameters(given: Mapping[str, str], known: tuple[Hyperparameter, ...]) -> dict[str, str]:
    """The values asked for with the service's defaults filled in; raises for names, types and ranges."""
    by_name = {item.name: item for item in known}
    for name, text in given.items():
        rule = by_name.get(name)
        if rule is None:
            raise validation(f"Hyperparameter {name} is not supported; this model takes {', '.join(by_name)}.")
        try:
            value = int(text) if rule.whole else float(text)
        except ValueError as error:
            kind = "an integer" if rule.whole else "a number"
            raise validation(f"Hyperparameter {name} must be {kind}, not {text!r}.") from error
        if not rule.low <= value <= rule.high:
            raise validation(f"Hyperparameter {name} must be between {rule.low} and {rule.high}, not {text}.")
    return {item.name: given.get(item.name, item.default_text) for item in known}


def _check_role(world: World, role_arn: str, source_arn: str) -> None:
    documents = world.storage.role(role_arn)
    if (
        Scenario.ROLE in world.scenarios
        or documents is None
        or not roles.may_assume(documents.trust, world.account_id, source_arn)
    ):
        raise validation("Could not assume provided IAM role. Please provide a valid role.")


def _new_job(
    world: World, call: Call, rules: Customization, source: Model | None, hyperparameters: dict[str, str], arn: str
) -> Job:
    given, now = call.parameters, world.now()
    validators = given.get("validationDataConfig", {}).get("validators", [])
    return Job(
        arn=arn,
        name=given["jobName"],
        model_name=given["customModelName"],
        token=given.get("clientRequestToken"),
        role_arn=given["roleArn"],
        region=call.region,
        base_id=rules.model_id,
        base_arn=base_arn(call.region, rules.model_id),
        customization_type="FINE_TUNING",
        hyperparameters=hyperparameters,
        training_uri=given["trainingDataConfig"]["s3Uri"],
        validation_uri=validators[0]["s3Uri"] if validators else None,
        output_uri=given["outputDataConfig"]["s3Uri"],
        created=now,
        modified=now,
        phase_started=now,
        seed=secrets.randbelow(2**31),
        phases={name: Phase("NotStarted" if name != "validation" else "InProgress", now, now) for name in PHASES},
        source_model_arn=source.arn if source else None,
        model_tags=list(given.get("customModelTags", [])),
    )


def get_job(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        job = _find(world, call)
        return _present({**_summary(world, job), **_detail(job)})


def list_jobs(world: World, call: Call) -> dict[str, Any]:
    given = call.parameters
    with world.lock:
        jobs = [job for job in world.records.jobs.values() if job.region == call.region]
        if status := given.get("statusEquals"):
            jobs = [job for job in jobs if job.status == status]
        shown, token = page(jobs, given, lambda job: job.created, lambda job: job.name)
        summaries = [_present(_summary(world, job)) for job in shown]
    for summary in summaries:
        if "outputModelArn" in summary:
            summary["customModelArn"] = summary.pop("outputModelArn")
        summary["customModelName"] = summary.pop("outputModelName")
    return _present({"modelCustomizationJobSummaries": summaries, "nextToken": token})


def stop_job(world: World, call: Call) -> dict[str, Any]:
    with world.lock:
        job = _find(world, call)
        if job.status == "Stopping":
            return {}
        if job.status != "InProgress":
            raise conflict(f"The job is {job.status} and cannot be stopped.")
        now = world.now()
        job.status, job.modified, job.phase_started = "Stopping", now, now
        phase = job.phases[job.phase]
        phase.status, phase.modified = "Stopping", now
        world.save()
    return {}


def _find(world: World, call: Call) -> Job:
    jobs = {arn: job for arn, job in world.records.jobs.items() if job.region == call.region}
    return find(jobs, call.parameters["jobIdentifier"], "model customization job", lambda job: job.name)


def _summary(world: World, job: Job) -> dict[str, Any]:
    model = world.records.models.get(job.model_arn or "")
    details = {
        f"{name}Details": {
            "status": phase.status,
            "creationTime": phase.created,
            "lastModifiedTime": phase.modified,
        }
        for name, phase in job.phases.items()
    }
    return {
        "jobArn": job.arn,
        "baseModelArn": job.base_arn,
        "jobName": job.name,
        "status": job.status,
        "statusDetails": details,
        "lastModifiedTime": job.modified,
        "creationTime": job.created,
        "endTime": job.ended,
        "outputModelArn": model.arn if model else job.model_arn,
        "outputModelName": job.model_name,
        "customizationType": job.customization_type,
    }


def _detail(job: Job) -> dict[str, Any]:
    validators = [{"s3Uri": job.validation_uri}] if job.validation_uri else None
    losses = [] if job.validation_loss is None else [{"validationLoss": job.validation_loss}]
    return {
        "clientRequestToken": job.token,
        "roleArn": job.role_arn,
        "failureMessage": job.failure,
        "hyperParameters": job.hyperparameters,
        "trainingDataConfig": {"s3Uri": job.training_uri},
        "validationDataConfig": {"validators": validators} if validators else None,
        "outputDataConfig": {"s3Uri": job.output_uri},
        "trainingMetrics": None if job.training_loss is None else {"trainingLoss": job.training_loss},
        "validationMetrics": losses,
    }


def _present(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
