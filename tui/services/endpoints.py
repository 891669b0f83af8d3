"""Provisioned throughput and on-demand deployments: what a custom model answers through."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.domain.runs import Endpoint
from tui.domain.text import safe, safe_line
from tui.services.aws import Aws
from tui.services.store import Intent, IntentState, Store

BUY = "create_provisioned_model_throughput"
DEPLOY = "create_custom_model_deployment"


class Endpoints:
    """Makes, lists and deletes endpoints."""

    def __init__(self, aws: Aws, store: Store) -> None:
        self._aws = aws
        self._store = store
        self._making: set[str] = set()

    async def all(self) -> list[Endpoint]:
        """Every endpoint of the account in the Region."""
        throughputs, deployments = await asyncio.gather(self.throughputs(), self.deployments())
        return [*throughputs, *deployments]

    async def throughputs(self) -> list[Endpoint]:
        """Every provisioned throughput."""
        found = await self._aws.pages(
            "bedrock",
            "list_provisioned_model_throughputs",
            "provisionedModelSummaries",
            {"maxResults": 100},
            need=("provisionedModelArn", "provisionedModelName", "status", "modelArn", "creationTime"),
        )
        return [_throughput(summary) for summary in found]

    async def deployments(self) -> list[Endpoint]:
        """Every on-demand deployment."""
        found = await self._aws.pages(
            "bedrock",
            "list_custom_model_deployments",
            "modelDeploymentSummaries",
            {"maxResults": 100},
            need=("customModelDeploymentArn", "customModelDeploymentName", "status", "modelArn", "createdAt"),
        )
        return [_deployment(summary) for summary in found]

    async def make(self, place: str, kind: Serving, name: str, model_arn: str, token: str, *, units: int = 1) -> str:
        """Buy no-commitment throughput, or deploy on demand; gives the ARN, empty when `token` is under way.

        Raises AppError; with `outcome_unknown` AWS may have made it, and `reconcile` tells.
        """
        if token in self._making:
            return ""
        self._making.add(token)
        params: dict[str, Any]
        if kind is Serving.PROVISIONED:
            operation, need = BUY, "provisionedModelArn"
            params = {"provisionedModelName": name, "modelId": model_arn, "modelUnits": units}
        else:
            operation, need = DEPLOY, "customModelDeploymentArn"
            params = {"modelDeploymentName": name, "modelArn": model_arn}
        params["clientRequestToken"] = token
        try:
            await self._aws.pool.run(self._store.prepare, place, operation, name, params, token)
            return await self._send(operation, params, need, token)
        finally:
            self._making.discard(token)

    async def _send(self, operation: str, params: Mapping[str, Any], need: str, token: str) -> str:
        try:
            answer = await self._aws.call("bedrock", operation, params, need=(need,))
        except AppError as error:
            state = IntentState.UNKNOWN if error.outcome_unknown else IntentState.REFUSED
            await self._aws.pool.run(self._store.settle, token, state, "", error.sentence())
            raise
        arn = str(answer[need])
        await self._aws.pool.run(self._store.settle, token, IntentState.DONE, arn)
        return arn

    def under_way(self, token: str) -> bool:
        """Whether an endpoint with this token is being asked for just now."""
        return token in self._making

    async def reconcile(self, intent: Intent) -> str:
        """Find out whether an endpoint whose outcome is unknown exists; gives its ARN, or an empty string."""
        kind = Serving.PROVISIONED if intent.operation == BUY else Serving.ON_DEMAND
        found = await self.all()
        return next((e.arn for e in found if e.name == intent.name and e.kind is kind), "")

    async def delete(self, endpoint: Endpoint) -> None:
        """Delete an endpoint; one that is gone already counts as deleted."""
        try:
            if endpoint.kind is Serving.PROVISIONED:
                await self._aws.call(
                    "bedrock", "delete_provisioned_model_throughput", {"provisionedModelId": endpoint.arn}
                )
            else:
                await self._aws.call(
                    "bedrock", "delete_custom_model_deployment", {"customModelDeploymentIdentifier": endpoint.arn}
                )
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise


def _throughput(summary: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        kind=Serving.PROVISIONED,
        arn=str(summary["provisionedModelArn"]),
        name=safe_line(str(summary["provisionedModelName"]), 80),
        status=safe_line(str(summary["status"]), 30),
        model_arn=str(summary["modelArn"]),
        created=summary["creationTime"],
        units=int(summary.get("modelUnits", 0)),
        commitment=safe_line(str(summary.get("commitmentDuration", "")), 30),
        commitment_ends=summary.get("commitmentExpirationTime"),
        base_model_arn=str(summary.get("foundationModelArn", "")),
    )


def _deployment(summary: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        kind=Serving.ON_DEMAND,
        arn=str(summary["customModelDeploymentArn"]),
        name=safe_line(str(summary["customModelDeploymentName"]), 80),
        status=safe_line(str(summary["status"]), 30),
        model_arn=str(summary["modelArn"]),
        created=summary["createdAt"],
        failure=safe(str(summary.get("failureMessage", "")), 1000),
    )
