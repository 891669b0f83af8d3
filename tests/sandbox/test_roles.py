"""The evaluator of trust and permission policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tui.sandbox.roles import may_act, may_assume

ACCOUNT = "123456789012"
JOB = f"arn:aws:bedrock:us-west-2:{ACCOUNT}:model-customization-job/a.b:0:1k/abcdefghijkl"


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _trust(condition: Any = None, **changes: Any) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
    } | changes
    return _policy(statement | ({"Condition": condition} if condition else {}))


@pytest.mark.parametrize(
    ("trust", "allowed"),
    [
        (_trust(), True),
        (_trust(Principal={"Service": ["ec2.amazonaws.com", "bedrock.amazonaws.com"]}), True),
        (_trust(Principal="*"), True),
        (_trust(Principal={"Service": "ec2.amazonaws.com"}), False),
        (_trust(Principal={"AWS": "*"}), False),
        (_trust(Action="sts:*"), True),
        (_trust(Action="sts:TagSession"), False),
        (_trust(Effect="Deny"), False),
        (_trust({"StringEquals": {"aws:SourceAccount": ACCOUNT}}), True),
        (_trust({"StringEquals": {"AWS:sourceaccount": [ACCOUNT, "1"]}}), True),
        (_trust({"StringEquals": {"aws:SourceAccount": "1"}}), False),
        (_trust({"ArnEquals": {"aws:SourceArn": f"arn:aws:bedrock:us-west-2:{ACCOUNT}:*"}}), True),
        (_trust({"ArnLike": {"aws:SourceArn": f"arn:aws:bedrock:*:{ACCOUNT}:*"}}), True),
        (_trust({"ArnEquals": {"aws:SourceArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:*"}}), False),
        (_trust({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), False),
        (_trust({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}), True),
        (_trust({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}), False),
        (_trust({"Null": {"aws:SourceArn": "false"}}), True),
        ("not json", False),
        ("[]", False),
    ],
)  # fmt: skip
def test_who_may_assume_a_role(trust: str, allowed: bool) -> None:
    assert may_assume(trust, ACCOUNT, JOB) is allowed


OBJECT = "arn:aws:s3:::bucket/in/x.jsonl"
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([ALLOW], True),
        ([], False),
        ([ALLOW | {"Action": "S3:getobject"}], True),
        ([ALLOW | {"Action": ["s3:Get*"]}], True),
        ([ALLOW | {"Action": "s3:PutObject"}], False),
        ([ALLOW | {"Resource": "*"}], True),
        ([ALLOW | {"Resource": "arn:aws:s3:::bucket"}], False),
        ([ALLOW | {"Resource": "arn:aws:s3:::bucket/in/?.jsonl"}], True),
        ([ALLOW | {"Resource": "arn:aws:s3:::bucket/[i]n/*"}], False),
        ([ALLOW, ALLOW | {"Effect": "Deny"}], False),
        ([ALLOW | {"Effect": "Deny"}, ALLOW], False),
        ([ALLOW, {"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"}], True),
        ([ALLOW, {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::other/*"}], False),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], True),
        ([ALLOW | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}], True),
        ([ALLOW | {"Condition": {"StringNotEquals": {"aws:ResourceAccount": ACCOUNT}}}], False),
        ([ALLOW | {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}], False),
        ([ALLOW, ALLOW | {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}], True),
        ([ALLOW, ALLOW | {"Effect": "Deny", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}], False),
    ],
)
def test_what_a_role_may_do(statements: list[dict[str, Any]], allowed: bool) -> None:
    context = {"aws:resourceaccount": ACCOUNT, "aws:securetransport": "true"}
    assert may_act((_policy(*statements),), "s3:GetObject", OBJECT, context) is allowed


def test_a_deny_in_another_policy_wins() -> None:
    assert not may_act((_policy(ALLOW), _policy(ALLOW | {"Effect": "Deny"})), "s3:GetObject", OBJECT, {})
