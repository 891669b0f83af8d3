"""Customization jobs and custom models on Bedrock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.text import safe, safe_line
from tui.domain.training.jobs import FINE_TUNING, PHASES, CustomModel, Job, JobSpec, JobStatus, Phase
from tui.services.aws import Aws
from tui.services.aws_errors import moment, understood
from tui.services.orders import ROLE_WAITS, SKEW, Ordered, Orders, Patience
from tui.services.store import Intent

CREATE = "create_model_customization_job"
_JOB_KEYS = ("jobArn", "jobName", "status", "creationTime")


class Jobs:
    """Starts, stops and reads jobs. Details of jobs that have ended never change and are kept."""

    def __init__(self, aws: Aws, orders: Orders, *, role_waits: tuple[float, ...] = ROLE_WAITS) -> None:
        self._aws = aws
        self._orders = orders
        self._role_waits = role_waits
        self._ended: dict[str, Job] = {}
        self._moving: dict[str, Job] = {}

    def forget(self) -> None:
        """Drop what was kept: another account is looked at."""
        self._ended.clear()
        self._moving.clear()

    async def all(self) -> list[Job]:
        """Every job of the account in the Region; those that move, or are known in detail, with their detail.

        Asked for in detail are those first seen moving, and again when their status changes (how it ended is not in
        the list); in between the list tells their phases. Where it does not, they are asked for each time.
        """
        summaries = await self._aws.pages(
            "bedrock",
            "list_model_customization_jobs",
            "modelCustomizationJobSummaries",
            {"maxResults": 100},
            need=_JOB_KEYS,
        )
        jobs = [understood("list_model_customization_jobs", _job, s) for s in summaries]
        wanted = [j for j in jobs if j.arn not in self._ended and (j.moving or j.arn in self._moving)]
        detailed = dict(zip((j.arn for j in wanted), await asyncio.gather(*map(self._fresh, wanted)), strict=True))
        self._moving = {j.arn: j for j in detailed.values() if j.moving}
        return [self._ended.get(j.arn) or detailed.get(j.arn) or j for j in jobs]

    async def _fresh(self, job: Job) -> Job:
        known = self._moving.get(job.arn)
        if known is not None and job.phases and job.status == known.status:
            return replace(known, phases=job.phases, modified=job.modified)
        return await self.detail(job.arn)

    async def detail(self, arn: str) -> Job:
        """One job with all that Bedrock tells of it."""
        known = self._ended.get(arn)
        if known is not None:
            return known
        answer = await self._aws.call("bedrock", "get_model_customization_job", {"jobIdentifier": arn}, need=_JOB_KEYS)
        job = understood("get_model_customization_job", _detailed, answer)
        if not job.moving:
            self._ended[arn] = job
        return job

    async def models(self) -> list[CustomModel]:
        """Every custom model of the account in the Region."""
        summaries = await self._aws.pages(
            "bedrock",
            "list_custom_models",
            "modelSummaries",
            {"maxResults": 100},
            need=("modelArn", "modelName", "creationTime"),
        )
        return [understood("list_custom_models", _model, s) for s in summaries]

    async def start(self, place: str, spec: JobSpec, token: str, *, patience: Patience | None = None) -> Ordered:
        """Start the job. `token` is made when the form is confirmed and kept for every try.

        A second call with a token that is under way raises nothing and starts nothing: it gives an empty ARN.
        Raises AppError; with `outcome_unknown` Bedrock may have taken the job, and `reconcile` tells.
        """
        return await self._orders.send(
            place,
            CREATE,
            spec.job_name,
            _request(spec, token),
            "jobArn",
            token,
            role_waits=self._role_waits,
            patience=patience,
        )

    async def reconcile(self, intent: Intent) -> str:
        """Find out whether a job whose outcome is unknown exists; gives its ARN, or an empty string."""
        found = await self._aws.pages(
            "bedrock",
            "list_model_customization_jobs",
            "modelCustomizationJobSummaries",
            {"nameContains": intent.name},
            need=("jobArn",),
        )
        for summary in found:
            if summary.get("jobName") == intent.name:
                job = await self.detail(str(summary["jobArn"]))
                if job.token == intent.token or (not job.token and job.created >= intent.created - SKEW):
                    return job.arn
        return ""

    async def stop(self, arn: str) -> None:
        """Ask Bedrock to stop a job. What it trained so far is charged, and no model comes of it.

        Raises AppError, unless it stops all the same: of a try whose answer was lost the next one is refused.
        """
        try:
            await self._aws.call("bedrock", "stop_model_customization_job", {"jobIdentifier": arn})
        except AppError as error:
            if error.cause is Cause.READ_ONLY or not await self._stops(arn):
                raise

    async def _stops(self, arn: str) -> bool:
        try:
            return (await self.detail(arn)).status in (JobStatus.STOPPING, JobStatus.STOPPED)
        except AppError:
            return False  # why it could not be stopped is what is told

    async def delete_model(self, arn: str) -> None:
        """Delete a custom model for good."""
        await self._aws.call("bedrock", "delete_custom_model", {"modelIdentifier": arn})


def _request(spec: JobSpec, token: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "jobName": spec.job_name,
        "customModelName": spec.model_name,
        "roleArn": spec.role_arn,
        "baseModelIdentifier": spec.base_model_id,
        "customizationType": "FINE_TUNING",
        "trainingDataConfig": {"s3Uri": spec.training.uri},
        "outputDataConfig": {"s3Uri": spec.output_uri},
        "clientRequestToken": token,
    }
    if spec.validation is not None:
        request["validationDataConfig"] = {"validators": [{"s3Uri": spec.validation.uri}]}
    if spec.hyperparameters:
        request["hyperParameters"] = dict(spec.hyperparameters)
    if spec.kms_key:
        request["customModelKmsKeyId"] = spec.kms_key
    if spec.subnets:
        request["vpcConfig"] = {"subnetIds": list(spec.subnets), "securityGroupIds": list(spec.security_groups)}
    for name, tags in (("jobTags", spec.job_tags), ("customModelTags", spec.model_tags)):
        if tags:
            request[name] = [{"key": key, "value": value} for key, value in tags.items()]
    return request


def _phases(details: Any) -> tuple[Phase, ...]:
    if not isinstance(details, Mapping):
        return ()
    parts = zip(PHASES, ("validationDetails", "dataProcessingDetails", "trainingDetails"), strict=True)
    return tuple(
        Phase(name, str(part.get("status", "")), part.get("creationTime"), part.get("lastModifiedTime"))
        for name, key in parts
        if isinstance(part := details.get(key), Mapping)
    )


def _model(summary: Mapping[str, Any]) -> CustomModel:
    return CustomModel(
        str(summary["modelArn"]),
        safe_line(str(summary["modelName"]), 80),
        str(summary.get("baseModelArn", "")),
        moment(summary["creationTime"]),
        safe_line(str(summary.get("modelStatus", "Active")), 30),
        _kind(summary),
        safe_line(str(summary.get("ownerAccountId", "")), 12),
    )


def _kind(told: Mapping[str, Any]) -> str:
    return safe_line(str(told.get("customizationType") or FINE_TUNING), 40)


def _loss(value: Any) -> float | None:
    return None if value is None else float(value)


def _job(told: Mapping[str, Any], arn: str = "customModelArn", name: str = "customModelName") -> Job:
    """What lists tell, and details too, where the model has other names."""
    return Job(
        arn=str(told["jobArn"]),
        name=safe_line(str(told["jobName"]), 80),
        status=safe_line(str(told["status"]), 30),
        base_model_arn=str(told.get("baseModelArn", "")),
        created=moment(told["creationTime"]),
        ended=told.get("endTime"),
        modified=told.get("lastModifiedTime"),
        model_arn=str(told.get(arn, "")),
        model_name=safe_line(str(told.get(name, "")), 80),
        phases=_phases(told.get("statusDetails")),
        kind=_kind(told),
    )


def _detailed(answer: Mapping[str, Any]) -> Job:
    metrics = answer.get("trainingMetrics") or {}
    validation = answer.get("validationMetrics") or ()
    hyperparameters = answer.get("hyperParameters") or {}
    network = answer.get("vpcConfig") or {}
    validators = (answer.get("validationDataConfig") or {}).get("validators") or ()
    return replace(
        _job(answer, "outputModelArn", "outputModelName"),
        detailed=True,
        hyperparameters={safe_line(str(k), 60): safe_line(str(v), 60) for k, v in hyperparameters.items()},
        training_uri=str((answer.get("trainingDataConfig") or {}).get("s3Uri", "")),
        validation_uris=tuple(str(v.get("s3Uri", "")) for v in validators),
        output_uri=str((answer.get("outputDataConfig") or {}).get("s3Uri", "")),
        role_arn=str(answer.get("roleArn", "")),
        failure=safe(str(answer.get("failureMessage", "")), 2000),
        token=str(answer.get("clientRequestToken", "")),
        training_loss=_loss(metrics.get("trainingLoss")),
        validation_loss=_loss(validation[0].get("validationLoss")) if validation else None,
        kms_key=str(answer.get("outputModelKmsKeyArn", "")),
        subnets=tuple(map(str, network.get("subnetIds") or ())),
        security_groups=tuple(map(str, network.get("securityGroupIds") or ())),
    )
