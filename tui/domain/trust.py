"""Whether a role's trust policy lets Bedrock assume it for customization jobs of an account and Region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

BEDROCK = "bedrock.amazonaws.com"
_ARNS = frozenset({"arnequals", "arnlike", "stringlike", "stringequals"})
_LITERAL = "stringequals"
"""The one of them that takes * and ? for themselves (IAM User Guide, condition operators)."""


def trust_problem(document: Any, account: str, region: str, partition: str = "aws") -> str:
    """What keeps Bedrock from assuming the role; empty when nothing does.

    Conditions on aws:SourceAccount and aws:SourceArn are judged as the Amazon Bedrock User Guide uses them
    (model-customization-iam-role); another condition is told, since it cannot be judged here.
    """
    problems = []
    for statement in _listed(document.get("Statement", ())) if isinstance(document, Mapping) else ():
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow" or not _names_bedrock(statement):
            continue
        problem = _conditions(statement.get("Condition"), account, f"arn:{partition}:bedrock:{region}:{account}:")
        if not problem:
            return ""
        problems.append(problem)
    return problems[0] if problems else f"it does not trust {BEDROCK}"


def _names_bedrock(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service", ())) if isinstance(principal, Mapping) else ()
    actions = [str(action).lower() for action in _listed(statement.get("Action", ()))]
    return BEDROCK in services and any(fnmatchcase("sts:assumerole", action) for action in actions)


def _conditions(conditions: Any, account: str, arn: str) -> str:
    for operator, keys in conditions.items() if isinstance(conditions, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            wanted, name = [str(value) for value in _listed(values)], str(key).lower()
            asks = str(operator).lower().removesuffix("ifexists")
            known = asks in _ARNS
            if name == "aws:sourceaccount" and known:
                if account not in wanted and not any(_fits(account, w, asks) for w in wanted):
                    return f"its trust is for account {', '.join(wanted)}, not {account}"
            elif name == "aws:sourcearn" and known:
                job = f"{arn}model-customization-job/x/abcdefghijkl"
                if asks == _LITERAL and any(_fits(job, w, "") for w in wanted):
                    return f"its trust compares {key} with {operator}, which takes * literally: ArnLike is meant"
                if not any(_fits(job, w, asks) for w in wanted):
                    return f"its trust is for {', '.join(wanted)}, not for jobs of this account and Region"
            else:
                return f"its trust has a condition on {key} that cannot be judged here"
    return ""


def _fits(value: str, pattern: str, operator: str) -> bool:
    return value == pattern if operator == _LITERAL else fnmatchcase(value, pattern.replace("[", "[[]"))


def with_statement(document: Any, statement: Mapping[str, Any]) -> dict[str, Any]:
    """The trust policy with one more statement; what it said before stays."""
    there = dict(document) if isinstance(document, Mapping) else {"Version": "2012-10-17"}
    return there | {"Statement": [*_listed(there.get("Statement", ())), dict(statement)]}


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else [value]
