"""What IAM would allow, asked of its policy simulator: nothing is carried out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tui.domain.values import dataclass
from tui.services.aws import Aws


@dataclass(frozen=True, slots=True)
class May:
    """Whether something is allowed. `missing` are the condition keys that its policies ask for and that nobody here
    could tell, where it is not: then that is no more than the simulator's guess."""

    allowed: bool
    missing: tuple[str, ...] = ()


def context_of(account: str, region: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Condition keys that hold in every call here: the simulator takes none for granted."""
    return {
        "aws:ResourceAccount": account,
        "aws:PrincipalAccount": account,
        "aws:RequestedRegion": region,
        "aws:SecureTransport": "true",
        **(more or {}),
    }


class Simulator:
    """Asks SimulatePrincipalPolicy."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def may(
        self, source: str, actions: Collection[str], resources: Collection[str], context: Mapping[str, str]
    ) -> May:
        """Whether `source` may do all the actions on one of the resources. Raises AppError."""
        missing: dict[str, None] = {}
        for resource in resources:
            found = await self._aws.pages(
                "iam",
                "simulate_principal_policy",
                "EvaluationResults",
                {
                    "PolicySourceArn": source,
                    "ActionNames": list(actions),
                    "ResourceArns": [resource],
                    "ContextEntries": [
                        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                        for key, value in context.items()
                    ],
                },
                need=("EvalDecision",),
            )
            denied = [item for item in found if item["EvalDecision"] != "allowed"]
            if found and not denied:
                return May(True)
            for item in denied:
                missing |= dict.fromkeys(str(key) for key in item.get("MissingContextValues") or ())
        return May(False, tuple(missing))

    async def caller(self, arn: str) -> str | None:
        """The IAM identity behind the caller of this ARN; None for the root user. Raises AppError."""
        if arn.endswith(":root"):
            return None
        if ":assumed-role/" not in arn:
            return arn
        found = await self._aws.call("iam", "get_role", {"RoleName": arn.split("/")[1]}, need=("Role",))
        return str(found["Role"]["Arn"])
