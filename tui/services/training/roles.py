"""The service role that Bedrock assumes for a job: find one, or make one with the least that is needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.names import split_s3_uri
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.aws import Aws
from tui.services.aws_errors import understood

POLICY_NAME = "tanzaku-training-data"
_JOB_TAG = "BedrockModelCustomizationJobArn"


@dataclass(frozen=True, slots=True)
class ServiceRole:
    """An IAM role that trusts bedrock.amazonaws.com."""

    name: str
    arn: str


@dataclass(frozen=True, slots=True)
class RolePlan:
    """A role to be made, told in full before it is: both documents are what will be sent."""

    name: str
    trust: Mapping[str, Any]
    permissions: Mapping[str, Any]
    policy: str = POLICY_NAME
    description: str = "Lets Amazon Bedrock read training data and write the results of customization jobs"

    def text(self) -> str:
        """Both policies as indented JSON."""
        trust, permissions = (json.dumps(d, indent=2) for d in (self.trust, self.permissions))
        return f"trust policy\n{trust}\n\npermissions\n{permissions}"


def plan_role(
    account: str,
    region: str,
    data_uri: str,
    output_uri: str,
    partition: str = "aws",
    validation_uri: str = "",
    *,
    kms_key: str = "",
    subnets: Sequence[str] = (),
    security_groups: Sequence[str] = (),
) -> RolePlan:
    """Least privilege for one Region and few places: read the data, read and write the output, encrypt the model by
    `kms_key` where one is given, and have network interfaces in `subnets` where there are some. Without a
    `validation_uri` the validation data stand in the bucket of the training data.

    The trust is bound to this account and to customization jobs of this Region, as the Amazon Bedrock User
    Guide (model-customization-iam-role) advises against the confused deputy.
    """
    data_bucket, _ = split_s3_uri(data_uri)
    output_bucket, _ = split_s3_uri(output_uri)
    buckets = list(dict.fromkeys([data_bucket, *([split_s3_uri(validation_uri)[0]] if validation_uri else [])]))
    arn = f"arn:{partition}:s3:::"
    same_account = {"StringEquals": {"aws:ResourceAccount": account}}
    trust = _trust(account, f"arn:{partition}:bedrock:{region}:{account}:model-customization-job/*")
    permissions: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadData",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": [f"{arn}{bucket}{part}" for bucket in buckets for part in ("", "/*")],
                "Condition": same_account,
            },
            {
                "Sid": "WriteOutput",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                "Resource": [f"{arn}{output_bucket}", f"{arn}{output_bucket}/*"],
                "Condition": same_account,
            },
        ],
    }
    if kms_key:
        permissions["Statement"] += [_use_of(kms_key, region)]
    if subnets:
        permissions["Statement"] += _use_of_network(partition, account, region, subnets, security_groups)
    others = "".join((kms_key, *subnets, *security_groups))
    return RolePlan(_role_name(region, buckets, output_bucket, others), trust, permissions)


def _use_of_network(
    partition: str, account: str, region: str, subnets: Sequence[str], security_groups: Sequence[str]
) -> list[dict[str, Any]]:
    """Network interfaces of customization jobs, known by the tags that Bedrock gives them, in these subnets only
    (User Guide, vpc-model-customization)."""
    here = f"arn:{partition}:ec2:{region}:{account}"
    jobs = f"arn:{partition}:bedrock:{region}:{account}:model-customization-job/*"
    places = [f"{here}:subnet/{one}" for one in subnets]
    looks = ("NetworkInterfaces", "Vpcs", "DhcpOptions", "Subnets", "SecurityGroups")
    tagged = {
        "StringEquals": {"aws:RequestTag/BedrockManaged": "true"},
        "ArnEquals": {f"aws:RequestTag/{_JOB_TAG}": jobs},
    }
    owned = {"StringEquals": {"ec2:Subnet": places}, "ArnEquals": {f"ec2:ResourceTag/{_JOB_TAG}": jobs}}
    tagging = {
        "StringEquals": {"ec2:CreateAction": "CreateNetworkInterface"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["BedrockManaged", _JOB_TAG]},
    }
    within = places + [f"{here}:security-group/{one}" for one in security_groups]
    parts: tuple[tuple[str, str | list[str], str | list[str], dict[str, Any]], ...] = (
        ("SeeNetwork", [f"ec2:Describe{what}" for what in looks], "*", {}),
        ("MakeInterface", "ec2:CreateNetworkInterface", f"{here}:network-interface/*", tagged),
        ("MakeInterfaceWithin", "ec2:CreateNetworkInterface", within, {}),
        ("LetBedrockAttach", "ec2:CreateNetworkInterfacePermission", "*", owned),
        ("TagInterface", "ec2:CreateTags", f"{here}:network-interface/*", tagging),
    )
    return [
        {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
        | ({"Condition": condition} if condition else {})
        for sid, action, resource, condition in parts
    ]


def _use_of(key: str, region: str) -> dict[str, Any]:
    """Using a key, by its ARN or that of an alias, on behalf of Bedrock only (User Guide, encryption-custom-job)."""
    condition = {"StringLike": {"kms:ViaService": f"bedrock.{region}.*"}}
    above, is_alias, alias = key.partition(":alias/")
    if is_alias:  # aliases are no resources of policies
        condition |= {"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{alias}"}}
    return {
        "Sid": "EncryptModel",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:CreateGrant"],
        "Resource": f"{above}:key/*" if is_alias else key,
        "Condition": condition,
    }


def plan_judge_role(account: str, region: str, bucket: str, partition: str = "aws") -> RolePlan:
    """Least privilege for evaluation jobs: one bucket for prompts and results, and invoking models, for evaluation
    jobs of this account and Region only (User Guide, judge-service-roles)."""
    arn = f"arn:{partition}:s3:::{bucket}"
    bedrock = f"arn:{partition}:bedrock"
    permissions = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PromptsAndResults",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetBucketLocation"],
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"StringEquals": {"aws:ResourceAccount": account}},
            },
            {
                "Sid": "AskAndJudge",
                "Effect": "Allow",
                # Profiles lead to foundation models of other Regions.
                "Action": [
                    "bedrock:InvokeModel",
                    "bedrock:InvokeModelWithResponseStream",
                    "bedrock:GetInferenceProfile",
                ],
                "Resource": [
                    f"{bedrock}:*::foundation-model/*",
                    f"{bedrock}:{region}:{account}:inference-profile/*",
                    f"{bedrock}:{region}:{account}:provisioned-model/*",
                ],
            },
        ],
    }
    mark = hashlib.sha256(bucket.encode()).hexdigest()[:8]
    name = f"{f'tanzaku-judge-{region}-{bucket}'[:55].rstrip('-')}-{mark}"
    trust = _trust(account, f"{bedrock}:{region}:{account}:evaluation-job/*")
    purpose = "Lets Amazon Bedrock read prompts, invoke models and write the results of evaluation jobs"
    return RolePlan(name, trust, permissions, "tanzaku-evaluation", purpose)


def _trust(account: str, jobs: str) -> dict[str, Any]:
    """Bedrock may assume the role for these jobs of this account."""
    condition = {"StringEquals": {"aws:SourceAccount": account}, "ArnEquals": {"aws:SourceArn": jobs}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _role_name(region: str, data_buckets: Sequence[str], output_bucket: str, others: str) -> str:
    """At most 64 characters, as IAM takes; other buckets, keys or networks give another name, so that no job loses its
    role."""
    mark = hashlib.sha256(f"{'+'.join(data_buckets)}/{output_bucket}{others}".encode()).hexdigest()[:8]
    return f"{f'tanzaku-bedrock-{region}-{data_buckets[0]}'[:55].rstrip('-')}-{mark}"


class Roles:
    """Roles of the account."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def usable(self) -> list[ServiceRole]:
        """Roles whose trust policy names Bedrock, by name."""
        roles = await self._aws.pages("iam", "list_roles", "Roles", need=("RoleName", "Arn"))
        found = [
            ServiceRole(safe_line(str(role["RoleName"]), 80), str(role["Arn"]))
            for role in roles
            if understood("list_roles", _trusts_bedrock, role.get("AssumeRolePolicyDocument"))
        ]
        return sorted(found, key=lambda r: r.name)

    async def exists(self, name: str) -> bool:
        """Whether there is a role of this name. Raises AppError."""
        try:
            await self._aws.call("iam", "get_role", {"RoleName": name}, need=("Role",))
        except AppError as error:
            if error.cause is Cause.NOT_FOUND:
                return False
            raise
        return True

    async def trust(self, name: str) -> Any:
        """A role's trust policy. Raises AppError."""
        found = await self._aws.call("iam", "get_role", {"RoleName": name}, need=("Role",))
        return found["Role"].get("AssumeRolePolicyDocument")

    async def set_trust(self, name: str, document: Mapping[str, Any]) -> None:
        """Give a role another trust policy. Raises AppError."""
        params = {"RoleName": name, "PolicyDocument": json.dumps(document)}
        await self._aws.call("iam", "update_assume_role_policy", params)

    async def set_policy(self, name: str, plan: RolePlan) -> None:
        """Put the permissions of `plan` beside a role's other policies. Raises AppError."""
        params = {"RoleName": name, "PolicyName": plan.policy, "PolicyDocument": json.dumps(plan.permissions)}
        await self._aws.call("iam", "put_role_policy", params)

    async def create(self, plan: RolePlan) -> ServiceRole:
        """Make the role of `plan`, or bring one of that name up to it."""
        trust = json.dumps(plan.trust)
        try:
            made = await self._aws.call(
                "iam",
                "create_role",
                {
                    "RoleName": plan.name,
                    "AssumeRolePolicyDocument": trust,
                    "Description": plan.description,
                },
                need=("Role",),
            )
            arn = str(made["Role"]["Arn"])
        except AppError as error:
            if error.cause is not Cause.CONFLICT and not error.outcome_unknown:
                raise
            found = await self._aws.call("iam", "get_role", {"RoleName": plan.name}, need=("Role",))
            arn = str(found["Role"]["Arn"])
            await self.set_trust(plan.name, plan.trust)
        await self.set_policy(plan.name, plan)
        return ServiceRole(plan.name, arn)


def _trusts_bedrock(document: Any) -> bool:
    if not isinstance(document, Mapping):
        return False
    statements = document.get("Statement", ())
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        principal = statement.get("Principal") if isinstance(statement, Mapping) else None
        services = principal.get("Service") if isinstance(principal, Mapping) else None
        named = [services] if isinstance(services, str) else services or ()
        if named and statement.get("Effect") == "Allow" and "bedrock.amazonaws.com" in named:
            return True
    return False
