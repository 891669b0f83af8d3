"""Whether a role's trust policy lets Bedrock assume it for customization jobs of an account and Region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tui.domain.values import dataclass

BEDROCK = "bedrock.amazonaws.com"
_ASSUME = "sts:assumerole"
_EXACT = frozenset({"stringequals", "stringequalsignorecase"})
"""Operators that take * and ? for themselves (IAM User Guide, condition operators)."""
_PATTERNS = frozenset({"arnequals", "arnlike", "stringlike"})


@dataclass(frozen=True, slots=True)
class TrustProblem:
    """What keeps Bedrock from assuming a role. `known` is False where that cannot be told from here; `curable` where
    one more statement would let Bedrock in."""

    text: str
    known: bool = True
    curable: bool = True


def trust_problem(document: Any, account: str, region: str, partition: str = "aws") -> TrustProblem | None:
    """What keeps Bedrock from assuming the role, None when nothing does.

    A Deny wins over every Allow. Conditions on aws:SourceAccount and aws:SourceArn are judged as the Amazon Bedrock
    User Guide uses them (model-customization-iam-role); another condition, NotPrincipal, and a principal of everyone
    are told, since they cannot be judged here.
    """
    caller = _Caller(account, f"arn:{partition}:bedrock:{region}:{account}:model-customization-job/x/abcdefghijkl")
    statements = [s for s in _statements(document) if _covers_assuming(s)]
    doubt = None
    for statement in statements:
        if statement.get("Effect") == "Deny":
            applies = _and(_names_bedrock(statement), caller.meets(statement)[0])
            if applies:
                return TrustProblem(f"a Deny in its trust policy keeps {BEDROCK} out", curable=False)
            if applies is None:
                doubt = TrustProblem("its trust policy has a Deny that cannot be judged here", known=False)
    return _not_allowed(statements, caller) or doubt


def _not_allowed(statements: Iterable[Mapping[str, Any]], caller: _Caller) -> TrustProblem | None:
    """Why no statement lets Bedrock in; None when one does."""
    doubt = wrong = None
    for statement in statements:
        named = _names_bedrock(statement)
        if statement.get("Effect") != "Allow" or named is False:
            continue
        met, reason = caller.meets(statement)
        if named and met:
            return None
        if met is False:
            wrong = wrong or TrustProblem(reason)
        else:
            doubt = TrustProblem(reason or "its trust names principals that cannot be judged here", known=False)
    return doubt or wrong or TrustProblem(f"it does not trust {BEDROCK}")


def _statements(document: Any) -> list[Mapping[str, Any]]:
    found = _listed(document.get("Statement", ())) if isinstance(document, Mapping) else ()
    return [statement for statement in found if isinstance(statement, Mapping)]


def _covers_assuming(statement: Mapping[str, Any]) -> bool:
    """Whether its Action, or its NotAction, takes in sts:AssumeRole."""
    inverted = "Action" not in statement and "NotAction" in statement
    actions = _listed(statement.get("NotAction" if inverted else "Action", ()))
    hit = any(_like(_ASSUME, str(action).lower()) for action in actions)
    return hit != inverted


def _names_bedrock(statement: Mapping[str, Any]) -> bool | None:
    """Whether its principals take Bedrock in; None when that cannot be told."""
    if "NotPrincipal" in statement and "Principal" not in statement:
        return False if BEDROCK in _services(statement["NotPrincipal"]) else None
    principal = statement.get("Principal")
    if BEDROCK in _services(principal):
        return True
    aws = _listed(principal.get("AWS", ())) if isinstance(principal, Mapping) else ()
    if "*" not in (principal, *aws):
        return False
    # Everyone: a Deny is meant to keep all out; whether an Allow lets AWS's own services in is not documented.
    return True if statement.get("Effect") == "Deny" else None


def _services(principal: Any) -> list[Any]:
    return list(_listed(principal.get("Service", ()))) if isinstance(principal, Mapping) else []


@dataclass(frozen=True, slots=True)
class _Caller:
    """Bedrock, asking on behalf of a job: `job` is the ARN of one that nobody has, as aws:SourceArn."""

    account: str
    job: str

    def meets(self, statement: Mapping[str, Any]) -> tuple[bool | None, str]:
        """Whether a statement's conditions hold, None when that cannot be told, and why they do not."""
        conditions, doubt = statement.get("Condition"), ""
        for operator, keys in conditions.items() if isinstance(conditions, Mapping) else ():
            for key, values in keys.items() if isinstance(keys, Mapping) else ():
                held, reason = self._holds(str(operator), str(key), [str(value) for value in _listed(values)])
                if held is False:
                    return False, reason
                doubt = doubt if held else reason
        return (None, doubt) if doubt else (True, "")

    def _holds(self, operator: str, key: str, wanted: list[str]) -> tuple[bool | None, str]:
        asks = operator.lower().removesuffix("ifexists")
        positive, name = asks.replace("not", "", 1), key.lower()
        given = {"aws:sourceaccount": self.account, "aws:sourcearn": self.job}.get(name)
        if given is None or positive not in _EXACT | _PATTERNS or any("${" in one for one in wanted):
            return None, f"its trust has a condition on {key} that cannot be judged here"
        literal = positive in _EXACT
        fits = any(given == one if literal else _like(given, one) for one in wanted)
        if fits != (positive != asks):
            return True, ""
        if positive != asks:
            return False, f"its trust is not for {', '.join(wanted)}"
        if name == "aws:sourceaccount":
            return False, f"its trust is for account {', '.join(wanted)}, not {self.account}"
        if literal and any(_like(given, one) for one in wanted):
            return False, f"its trust compares {key} with {operator}, which takes * literally: ArnLike is meant"
        return False, f"its trust is for {', '.join(wanted)}, not for jobs of this account and Region"


def _and(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return True if one and other else None


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def with_statement(document: Any, statement: Mapping[str, Any]) -> dict[str, Any]:
    """The trust policy with one more statement; what it said before stays."""
    there = dict(document) if isinstance(document, Mapping) else {"Version": "2012-10-17"}
    return there | {"Statement": [*_listed(there.get("Statement", ())), dict(statement)]}


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else [value]
