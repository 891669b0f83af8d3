"""One-time schedules of EventBridge Scheduler that delete provisioned throughput, also when this machine is gone.

The target is Scheduler's universal one, `aws-sdk:bedrock:deleteProvisionedModelThroughput`; its input has the
operation's parameters with capitals first. A schedule removes itself once it has fired.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.services.aws import Aws
from tui.services.training.roles import RolePlan, Roles, ServiceRole

_TARGET = "arn:{partition}:scheduler:::aws-sdk:bedrock:deleteProvisionedModelThroughput"
_PREFIX = "tanzaku-lease-"
_AT = "at(%Y-%m-%dT%H:%M:%S)"


def plan_deleting_role(account: str, region: str, partition: str = "aws") -> RolePlan:
    """A role that EventBridge Scheduler may assume for this account, and that may delete throughput of this Region."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "scheduler.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            }
        ],
    }
    resource = f"arn:{partition}:bedrock:{region}:{account}:provisioned-model/*"
    statement = {"Effect": "Allow", "Action": "bedrock:DeleteProvisionedModelThroughput", "Resource": resource}
    return RolePlan(
        f"tanzaku-lease-{region}",
        trust,
        {"Version": "2012-10-17", "Statement": [statement]},
        policy="tanzaku-end-of-lease",
        description="Lets EventBridge Scheduler delete provisioned throughput at the end of its lease",
    )


class Schedules:
    """Schedules of the session's Region."""

    def __init__(self, aws: Aws, roles: Roles) -> None:
        self._aws = aws
        self._roles = roles

    async def role(self, plan: RolePlan) -> ServiceRole:
        """Make or mend the role of `plan`. Raises AppError."""
        return await self._roles.create(plan)

    async def put(self, arn: str, until: datetime, role_arn: str) -> str:
        """Have an endpoint deleted at `until`; a schedule that is there for it is moved. Gives its name.

        Raises AppError; a role just made may take a moment to be known (cause INVALID, retryable by the caller).
        """
        name = schedule_name(arn)
        params = self._params(name, arn, until, role_arn)
        try:
            await self._aws.call("scheduler", "create_schedule", params, need=("ScheduleArn",))
        except AppError as error:
            if error.cause is not Cause.CONFLICT:
                raise
            await self._aws.call("scheduler", "update_schedule", params, need=("ScheduleArn",))
        return name

    async def move(self, name: str, until: datetime) -> None:
        """Give a schedule another time. Raises AppError (NOT_FOUND when it has fired already)."""
        found = await self._aws.call("scheduler", "get_schedule", {"Name": name}, need=("Target",))
        params = {
            "Name": name,
            "ScheduleExpression": _expression(until),
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": found["Target"],
        }
        await self._aws.call("scheduler", "update_schedule", params, need=("ScheduleArn",))

    async def time_of(self, name: str) -> datetime | None:
        """When a schedule deletes its endpoint; None when there is none, or it has been given another shape by hand.

        Raises AppError.
        """
        try:
            found = await self._aws.call("scheduler", "get_schedule", {"Name": name}, need=("ScheduleExpression",))
        except AppError as error:
            if error.cause is Cause.NOT_FOUND:
                return None
            raise
        try:
            return datetime.strptime(str(found["ScheduleExpression"]), _AT).replace(tzinfo=UTC)
        except ValueError:
            return None

    async def remove(self, name: str) -> None:
        """Delete a schedule; one that is gone counts as deleted. Raises AppError."""
        try:
            await self._aws.call("scheduler", "delete_schedule", {"Name": name})
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise

    @staticmethod
    def _params(name: str, arn: str, until: datetime, role_arn: str) -> dict[str, Any]:
        partition = arn.split(":", 2)[1]
        return {
            "Name": name,
            "Description": "End of the lease of a provisioned throughput",
            "ScheduleExpression": _expression(until),
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": _TARGET.format(partition=partition),
                "RoleArn": role_arn,
                "Input": json.dumps({"ProvisionedModelId": arn}),
                "RetryPolicy": {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 3600},
            },
        }


def schedule_name(arn: str) -> str:
    """One name for each endpoint, within Scheduler's 64 letters, digits, `-_.`."""
    return f"{_PREFIX}{hashlib.sha256(arn.encode()).hexdigest()[:24]}"


def _expression(until: datetime) -> str:
    return until.astimezone(UTC).strftime(_AT)
