"""Whether a trust policy lets Bedrock assume a role: what is allowed, what is not, what cannot be judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.training.trust import BEDROCK, TrustProblem, trust_problem, with_statement

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


def with_deny(conditions: Any = None, **more: Any) -> dict[str, Any]:
    """Bedrock is let in by one statement; another denies."""
    deny = policy(conditions, Effect="Deny", **more)["Statement"][0]
    for word in ("Action", "Principal"):
        if f"Not{word}" in more:
            del deny[word]
    return {"Statement": [*policy()["Statement"], deny]}


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
        policy({"StringNotEquals": {"aws:SourceAccount": "999999999999"}}),
        policy({"ArnNotLike": {"aws:SourceArn": JOBS.replace(REGION, "us-east-1")}}),
        with_deny(Principal={"Service": "ec2.amazonaws.com"}),
        with_deny(Action="sts:TagSession"),
        with_deny(NotAction="sts:*"),
        with_deny(NotPrincipal={"Service": ["bedrock.amazonaws.com"]}),
        with_deny({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, Principal="*"),
        with_deny({"ArnNotLike": {"aws:SourceArn": JOBS}}, Principal={"AWS": "*"}),
        with_deny({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}, "Bool": {"aws:SecureTransport": "false"}}),
        {"Statement": [{**policy()["Statement"][0], "NotAction": "sts:TagSession"}]},
    ],
)
def test_it_is_trusted(document: Any) -> None:
    assert trust_problem(document, ACCOUNT, REGION) is None


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "does not trust bedrock"),
        ([], "does not trust bedrock"),
        ({"Statement": None}, "does not trust bedrock"),
        (policy(Effect="Deny"), "a Deny in its trust policy"),
        (policy(Principal={"Service": "ec2.amazonaws.com"}), "does not trust bedrock"),
        (policy(Action="sts:TagSession"), "does not trust bedrock"),
        (policy({"StringEquals": {"aws:SourceAccount": "999"}}), "for account 999, not 123456789012"),
        (policy({"StringEquals": {"aws:SourceAccount": "*"}}), "for account *"),
        (policy({"ArnEquals": {"aws:SourceArn": JOBS.replace(REGION, "us-east-1")}}), "this account and Region"),
        (policy({"StringEquals": {"aws:SourceArn": JOBS}}), "takes * literally"),
        (policy({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}), f"is not for {ACCOUNT}"),
        (
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": BEDROCK}, "NotAction": "sts:Assume*"}]},
            "does not trust bedrock",
        ),
        # Whatever cannot be judged beside it: an account that does not fit is enough.
        (policy({"DateLessThan": {"a": "1"}, "StringEquals": {"aws:SourceAccount": "999"}}), "for account 999"),
    ],
)
def test_it_is_not_and_the_reason_is_told(document: Any, words: str) -> None:
    problem = trust_problem(document, ACCOUNT, REGION)
    assert problem is not None
    assert words in problem.text
    assert problem.known
    assert problem.curable == ("Deny" not in words)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": ["ec2.amazonaws.com", "bedrock.amazonaws.com"]}},
        {"Action": "*"},
        {"NotAction": ["iam:*"]},
        {"conditions": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}},
        {"conditions": {"StringNotLike": {"aws:SourceArn": "arn:aws:ec2:*"}}},
    ],
)
def test_a_deny_wins_over_the_allow(more: dict[str, Any]) -> None:
    problem = trust_problem(with_deny(**more), ACCOUNT, REGION)
    assert problem == TrustProblem("a Deny in its trust policy keeps bedrock.amazonaws.com out", curable=False)


@pytest.mark.parametrize(
    "document",
    [
        policy({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        policy({"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}),
        policy({"ForAllValues:StringEquals": {"aws:SourceAccount": ACCOUNT}}),
        policy(Principal="*"),
        {"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "Action": "sts:AssumeRole"}]},
        with_deny(NotPrincipal={"AWS": "arn:aws:iam::123456789012:root"}),
        with_deny({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        with_deny({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, Principal="*"),
    ],
)
def test_what_cannot_be_judged_is_told_as_that(document: Any) -> None:
    problem = trust_problem(document, ACCOUNT, REGION)
    assert problem is not None
    assert not problem.known
    assert "cannot be judged" in problem.text


def test_another_partition_has_arns_of_its_own() -> None:
    document = policy({"ArnLike": {"aws:SourceArn": JOBS.replace("arn:aws:", "arn:aws-us-gov:")}})
    assert trust_problem(document, ACCOUNT, REGION, "aws-us-gov") is None
    assert trust_problem(document, ACCOUNT, REGION)


@pytest.mark.parametrize("before", [None, {}, policy(Action="iam:*"), {"Statement": policy()["Statement"][0]}, "text"])
def test_a_mended_policy_is_trusted_and_keeps_what_it_said(before: Any) -> None:
    after = with_statement(before, policy()["Statement"][0])
    assert trust_problem(after, ACCOUNT, REGION) is None
    said = before.get("Statement", []) if isinstance(before, dict) else []
    assert after["Statement"][:-1] == (said if isinstance(said, list) else [said])


_words = st.sampled_from(
    [
        "Statement",
        "Effect",
        "Allow",
        "Deny",
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
        before = trust_problem(one, ACCOUNT, REGION)
        after = trust_problem(with_statement(one, policy()["Statement"][0]), ACCOUNT, REGION)
        # One more Allow mends whatever no Deny stands against.
        assert after is None or (before is not None and (not before.curable or not after.known))
