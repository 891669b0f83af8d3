"""Provisioned throughput and on-demand deployments: what a custom model answers through."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.domain.text import safe, safe_line
from tui.domain.training.runs import Endpoint
from tui.services.aws import Aws
from tui.services.aws_errors import moment, understood
from tui.services.orders import SKEW, Ordered, Orders, Patience
from tui.services.store import Intent

BUY = "create_provisioned_model_throughput"
DEPLOY = "create_custom_model_deployment"


class Endpoints:
    """Makes, lists and deletes endpoints."""

    def __init__(self, aws: Aws, orders: Orders) -> None:
        self._aws = aws
        self._orders = orders
        self.deleted: set[str] = set()
        """ARNs of what was deleted from here: whoever did it tells of it."""

    async def all(self) -> list[Endpoint]:
        """Every endpoint of the account in the Region."""
        throughputs, deployments = await asyncio.gather(self.throughputs(), self.deployments())
        return [*throughputs, *deployments]

    async def throughputs(self, region: str | None = None) -> list[Endpoint]:
        """Every provisioned throughput of a Region, the session's unless told."""
        found = await self._aws.pages(
            "bedrock",
            "list_provisioned_model_throughputs",
            "provisionedModelSummaries",
            {"maxResults": 100},
            need=("provisionedModelArn", "provisionedModelName", "status", "modelArn", "creationTime"),
            region=region,
        )
        return [understood("list_provisioned_model_throughputs", _throughput, summary) for summary in found]

    async def deployments(self) -> list[Endpoint]:
        """Every on-demand deployment."""
        found = await self._aws.pages(
            "bedrock",
            "list_custom_model_deployments",
            "modelDeploymentSummaries",
            {"maxResults": 100},
            need=("customModelDeploymentArn", "customModelDeploymentName", "status", "modelArn", "createdAt"),
        )
        return [understood("list_custom_model_deployments", _deployment, summary) for summary in found]

    async def make(
        self,
        place: str,
        kind: Serving,
        name: str,
        model_arn: str,
        token: str,
        *,
        units: int = 1,
        commitment: str = "",
        patience: Patience | None = None,
    ) -> Ordered:
        """Buy throughput, or deploy on demand; the ARN is empty when `token` is under way.

        `commitment` is empty, OneMonth or SixMonths: what is bought with one cannot be deleted before its end.

        Raises AppError; with `outcome_unknown` AWS may have made it, and `reconcile` tells.
        """
        params: dict[str, Any]
        if kind is Serving.PROVISIONED:
            operation, need = BUY, "provisionedModelArn"
            params = {"provisionedModelName": name, "modelId": model_arn, "modelUnits": units}
            if commitment:
                params["commitmentDuration"] = commitment
        else:
            operation, need = DEPLOY, "customModelDeploymentArn"
            params = {"modelDeploymentName": name, "modelArn": model_arn}
        params["clientRequestToken"] = token
        return await self._orders.send(place, operation, name, params, need, token, patience=patience)

    async def reconcile(self, intent: Intent) -> str:
        """Find out whether an endpoint whose outcome is unknown exists; gives its ARN, or an empty string.

        No listing tells an endpoint's token: it is known by name, model and time.
        """
        buying = intent.operation == BUY
        found = await (self.throughputs() if buying else self.deployments())
        model = intent.params.get("modelId" if buying else "modelArn")
        since = intent.created - SKEW
        return next((e.arn for e in found if e.name == intent.name and e.model_arn == model and e.created >= since), "")

    async def update(self, endpoint: Endpoint, *, name: str = "", model_arn: str = "") -> None:
        """Rename a provisioned throughput, or move it to another custom model of the same base model.

        Units and commitment cannot be changed (UpdateProvisionedModelThroughput). Raises AppError, unless AWS shows it
        changed all the same: of a try whose answer was lost the next one is refused.
        """
        params = {"provisionedModelId": endpoint.arn}
        if name:
            params["desiredProvisionedModelName"] = name
        if model_arn:
            params["desiredModelId"] = model_arn
        try:
            await self._aws.call("bedrock", "update_provisioned_model_throughput", params)
        except AppError as error:
            if error.cause is Cause.READ_ONLY or not await self._is_so(endpoint.arn, name, model_arn):
                raise

    async def _is_so(self, arn: str, name: str, model_arn: str) -> bool:
        """Whether AWS shows a throughput of this name, for this model or on its way to it; empty ones are any."""
        try:
            found = await self._aws.call(
                "bedrock", "get_provisioned_model_throughput", {"provisionedModelId": arn}, need=("modelArn",)
            )
        except AppError:
            return False  # why it could not be changed is what is told
        serves = (found["modelArn"], found.get("desiredModelArn"))
        return name in ("", found.get("provisionedModelName")) and (not model_arn or model_arn in serves)

    async def delete(self, endpoint: Endpoint) -> None:
        """Delete an endpoint; one that is gone already counts as deleted."""
        try:
            if endpoint.kind is Serving.PROVISIONED:
                await self._aws.call(
                    "bedrock",
                    "delete_provisioned_model_throughput",
                    {"provisionedModelId": endpoint.arn},
                    region=endpoint.region or None,
                )
            else:
                await self._aws.call(
                    "bedrock", "delete_custom_model_deployment", {"customModelDeploymentIdentifier": endpoint.arn}
                )
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
        self.deleted.add(endpoint.arn)


def _throughput(summary: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        kind=Serving.PROVISIONED,
        arn=str(summary["provisionedModelArn"]),
        name=safe_line(str(summary["provisionedModelName"]), 80),
        status=safe_line(str(summary["status"]), 30),
        model_arn=str(summary["modelArn"]),
        created=moment(summary["creationTime"]),
        # Those that are still on their way count: they were bought.
        units=max(int(summary.get("modelUnits", 0)), int(summary.get("desiredModelUnits", 0))),
        commitment=safe_line(str(summary.get("commitmentDuration", "")), 30),
        base_model_arn=str(summary.get("foundationModelArn", "")),
        commitment_ends=summary.get("commitmentExpirationTime"),
    )


def _deployment(summary: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        kind=Serving.ON_DEMAND,
        arn=str(summary["customModelDeploymentArn"]),
        name=safe_line(str(summary["customModelDeploymentName"]), 80),
        status=safe_line(str(summary["status"]), 30),
        model_arn=str(summary["modelArn"]),
        created=moment(summary["createdAt"]),
        failure=safe(str(summary.get("failureMessage", "")), 1000),
    )
