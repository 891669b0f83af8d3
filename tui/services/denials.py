"""What AWS says when it denies something: which action, to whom, and by which kind of policy, in few words."""

from __future__ import annotations

import re

from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line

_TITLE = "AWS does not allow this"
_SAID = re.compile(
    r"(?:User: (?P<who>\S+) )?is not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<what>\S+))?"
)
"""How IAM puts it (IAM User Guide, Troubleshoot access denied error messages)."""
_WHY = re.compile(
    r"with an explicit deny in an? (?P<deny>[\w -]*?polic\w+|permissions boundary)|because no (?P<none>[\w -]+?) allows"
)
_POLICY = re.compile(r"arn:[\w-]+:(?:iam|organizations):\S*/(?P<id>[\w+=,.@-]+)")
_ORGANIZATION = "Only the administrators of the organization can change that"
_DENIERS = (
    ("service control policy", "a service control policy of the organization", _ORGANIZATION),
    ("resource control policy", "a resource control policy of the organization", _ORGANIZATION),
    ("permissions boundary", "the permissions boundary", "Whoever set the boundary has to widen it"),
    ("session policy", "the policy of this session", "Sign in with a session that may do it"),
    ("vpc endpoint policy", "the policy of the VPC endpoint", "Whoever runs the network has to widen it"),
    ("resource-based policy", "the resource's own policy", "Whoever owns the resource has to change it"),
)
"""Kinds of policies, what they are called, and who can change them."""


def denial(detail: str) -> AppError:
    """AWS's refusal as an error whose first words name the action and what denies it, so that they are never cut
    off. What IAM does not word as it does elsewhere is told as it is."""
    folded = detail.casefold()
    if "cross-account pass role" in folded:
        return AppError(Cause.DENIED, "A role of another account cannot be passed", "", "Choose one of this account")
    if "api key" in folded and "authentication failed" in folded:
        hint = "Set AWS_BEARER_TOKEN_BEDROCK to a valid key, or unset it to sign with your credentials"
        return AppError(Cause.EXPIRED, "AWS does not accept the Bedrock API key", "", hint, retryable=True)
    if "access to the model" in folded or "aws-marketplace" in folded or "model access" in folded:
        return without_model(detail)
    said = _SAID.search(detail)
    if said is None:
        return AppError(Cause.DENIED, _TITLE, detail, "Ask for the permission that this needs (see README)")
    who = f" to {_end(said['who'])}" if said["who"] else ""
    what = f" on {_end(said['what'])}" if said["what"] and said["what"] != "*" else ""
    denier, hint = _denier(detail, said["action"])
    return AppError(Cause.DENIED, _TITLE, f"{said['action']}: {denier}{who}{what}", hint)


def without_model(detail: str) -> AppError:
    """The account may not use this model yet, whatever its policies say."""
    hint = "Open the model once in the Bedrock console: it asks for what is missing (use case, Marketplace)"
    return AppError(Cause.DENIED, "The account has no access to this model", safe_line(detail, 120), hint)


def _denier(detail: str, action: str) -> tuple[str, str]:
    why = _WHY.search(detail)
    kind = ((why["deny"] or why["none"]) if why else "").casefold()
    explicit = bool(why and why["deny"])
    policy = _POLICY.search(detail, why.end()) if why else None
    name = f" ({safe_line(policy['id'], 40)})" if policy else ""
    for known, called, hint in _DENIERS:
        if known in kind:
            return f"{called}{name} {'denies' if explicit else 'does not allow'} it", hint
    if explicit:
        return f"a policy{name} denies it", "Have that Deny lifted: another permission does not help"
    return "no policy allows it", f"Ask for the permission {action}"


def _end(arn: str) -> str:
    """What tells one from others of the account."""
    return safe_line(arn.split(":", 5)[-1], 60)
