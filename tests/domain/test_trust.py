"""Whether a trust policy lets Bedrock assume a role: what is allowed, what is not, what cannot be judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.trust import trust_problem, with_statement

ACCOUNT, REGION = "123456789012", "us-west-2"
JOBS = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:model-customization-job/*"


def policy(conditions: Any = None, **more: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    if conditions is not None:
        statement["Condition"] = conditions
    return {"Version": "2012-10-17", "Statement": [statement | more]}


@pytest.mark.parametrize(
    "document",
    [
        policy(),
        policy({"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": JOBS}}),
        policy({"StringEquals": {"AWS:SOURCEACCOUNT": ["000000000000", ACCOUNT]}}),
        policy({"ArnLike": {"aws:SourceArn": f"arn:aws:bedrock:*:{ACCOUNT}:*"}}),
        policy({"StringLike": {"aws:SourceAccount": "12345678901?"}}),
        policy({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}),
        policy(Action="sts:*"),
        policy(Action=["sts:TagSession", "sts:AssumeRole"]),
        policy(Principal={"Service": ["ec2.amazonaws.com", "bedrock.amazonaws.com"]}),
        {"Statement": policy()["Statement"][0]},
        {"Statement": [policy({"StringEquals": {"aws:SourceAccount": "1"}})["Statement"][0], policy()["Statement"][0]]},
    ],
)
def test_it_is_trusted(document: Any) -> None:
    assert trust_problem(document, ACCOUNT, REGION) == ""


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "does not trust bedrock"),
        ([], "does not trust bedrock"),
        ({"Statement": None}, "does not trust bedrock"),
        (policy(Effect="Deny"), "does not trust bedrock"),
        (policy(Principal={"Service": "ec2.amazonaws.com"}), "does not trust bedrock"),
        (policy(Principal="*"), "does not trust bedrock"),
        (policy(Action="sts:TagSession"), "does not trust bedrock"),
        (policy({"StringEquals": {"aws:SourceAccount": "999"}}), "for account 999, not 123456789012"),
        (policy({"StringEquals": {"aws:SourceAccount": "*"}}), "for account *"),
        (policy({"ArnEquals": {"aws:SourceArn": JOBS.replace(REGION, "us-east-1")}}), "this account and Region"),
        (policy({"StringEquals": {"aws:SourceArn": JOBS}}), "takes * literally"),
        (policy({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}), "cannot be judged"),
        (policy({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}), "cannot be judged"),
    ],
)
def test_it_is_not_and_the_reason_is_told(document: Any, words: str) -> None:
    assert words in trust_problem(document, ACCOUNT, REGION)


def test_another_partition_has_arns_of_its_own() -> None:
    document = policy({"ArnLike": {"aws:SourceArn": JOBS.replace("arn:aws:", "arn:aws-us-gov:")}})
    assert trust_problem(document, ACCOUNT, REGION, "aws-us-gov") == ""
    assert trust_problem(document, ACCOUNT, REGION)


@pytest.mark.parametrize("before", [None, {}, policy(Effect="Deny"), {"Statement": policy()["Statement"][0]}, "text"])
def test_a_mended_policy_is_trusted_and_keeps_what_it_said(before: Any) -> None:
    after = with_statement(before, policy()["Statement"][0])
    assert trust_problem(after, ACCOUNT, REGION) == ""
    said = before.get("Statement", []) if isinstance(before, dict) else []
    assert after["Statement"][:-1] == (said if isinstance(said, list) else [said])


_words = st.sampled_from(
    [
        "Statement",
        "Effect",
        "Allow",
        "Principal",
        "Service",
        "Action",
        "Condition",
        "sts:AssumeRole",
        "[",
        "*",
        "提灯",
        "bedrock.amazonaws.com",
        "ArnLike",
        "StringEquals",
        "aws:SourceArn",
        "aws:SourceAccount",
    ]
) | st.sampled_from([JOBS, ACCOUNT])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | _words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words | st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(document=_json, conditions=_json, principal=_json, action=_json)
def test_nothing_that_a_policy_may_hold_is_stumbled_over(
    document: Any, conditions: Any, principal: Any, action: Any
) -> None:
    for one in (
        document,
        policy(conditions),
        policy(Principal=principal),
        policy(Action=action),
        {"Statement": document},
    ):
        assert isinstance(trust_problem(one, ACCOUNT, REGION), str)
        assert trust_problem(with_statement(one, policy()["Statement"][0]), ACCOUNT, REGION) == ""
