"""May Bedrock assume a role, and may the role do something: a small evaluator of IAM policies.

A Deny wins over every Allow. Condition operators known here are the string, ARN, Bool and Null ones; a condition that
is not understood never allows and always denies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

BEDROCK = "bedrock.amazonaws.com"


def may_assume(trust: str, account: str, source_arn: str, service: str = BEDROCK) -> bool:
    """Whether a trust policy lets a service assume the role on behalf of ``source_arn`` in ``account``."""
    context = {"aws:sourceaccount": account, "aws:sourcearn": source_arn}
    allowed = False
    for statement in _statements(trust):
        if not _names(statement, service) or not _covers(statement, "Action", "sts:AssumeRole"):
            continue
        deny = statement.get("Effect") == "Deny"
        if _conditions_hold(statement, context, deny):
            if deny:
                return False
            allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def may_act(policies: tuple[str, ...], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether permission policies allow ``action`` on ``resource``; the context's keys are lower case."""
    allowed = False
    for policy in policies:
        for statement in _statements(policy):
            if not _covers(statement, "Action", action) or not _covers(statement, "Resource", resource):
                continue
            deny = statement.get("Effect") == "Deny"
            if _conditions_hold(statement, context, deny):
                if deny:
                    return False
                allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def keys_asked(policies: tuple[str, ...]) -> set[str]:
    """The condition keys that permission policies ask for, in lower case."""
    conditions = [statement.get("Condition") or {} for policy in policies for statement in _statements(policy)]
    return {str(key).lower() for condition in conditions for keys in condition.values() for key in keys}


def _statements(policy: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(policy)
    except ValueError:
        return []
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    return [item for item in _listed(statements) if isinstance(item, dict)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal")
    if principal == "*":
        return True
    services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    return service in services


def _covers(statement: Mapping[str, Any], word: str, wanted: str) -> bool:
    """Whether a statement's Action or Resource (or their Not- forms) takes in what is wanted."""
    fold = str.lower if word == "Action" else str
    patterns = statement.get(word, statement.get(f"Not{word}"))
    if patterns is None:
        return False
    hit = any(_like(fold(str(pattern)), fold(wanted)) for pattern in _listed(patterns))
    return hit if word in statement else not hit


def _like(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _conditions_hold(statement: Mapping[str, Any], context: Mapping[str, str], deny: bool) -> bool:
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, wanted in keys.items():
            held = _condition_holds(operator, context.get(key.lower()), [str(item) for item in _listed(wanted)])
            if held is None:
                return deny
            if not held:
                return False
    return True


def _condition_holds(operator: str, given: str | None, wanted: list[str]) -> bool | None:
    """None for an operator that is not known here."""
    name = operator.rpartition(":")[2]
    if name == "Null":
        return (given is None) == (wanted[0].lower() == "true")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = "Not" in name
    compare = _COMPARISONS.get(name.replace("Not", ""))
    if compare is None:
        return None
    if given is None:
        return optional or negated
    return any(compare(item, given) for item in wanted) != negated


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "Bool": str.__eq__,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": _like,
    "ArnLike": _like,
    "ArnEquals": _like,
}
