"""IAM's policy simulator: what a role's policies would allow. Anyone else in the sandbox's account may do anything."""

from __future__ import annotations

from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tui.sandbox import roles
from tui.sandbox.errors import ServiceError
from tui.sandbox.wire import Answer
from tui.sandbox.world import World


def simulate(world: World, body: bytes) -> Answer:
    """SimulatePrincipalPolicy for the permissions policies of a role; raises ServiceError NoSuchEntity."""
    given = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    source = given.get("PolicySourceArn", [""])[0]
    actions = _members(given, "ActionNames")
    resources = _members(given, "ResourceArns") or ["*"]
    documents = world.storage.role(source) if ":role/" in source else None
    if ":role/" in source and documents is None:
        raise ServiceError("NoSuchEntity", f"The role {source} cannot be found.", 404)
    context = _context(given)
    missing = sorted(roles.keys_asked(documents.permissions) - context.keys()) if documents else []
    untold = "".join(f"<member>{escape(key)}</member>" for key in missing)
    found = []
    for action in actions:
        for resource in resources:
            allowed = documents is None or roles.may_act(documents.permissions, action, resource, context)
            found.append(
                f"<member><EvalActionName>{escape(action)}</EvalActionName>"
                f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
                f"<EvalDecision>{'allowed' if allowed else 'implicitDeny'}</EvalDecision>"
                f"<MissingContextValues>{untold}</MissingContextValues></member>"
            )
    text = (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<SimulatePrincipalPolicyResult><EvaluationResults>{''.join(found)}</EvaluationResults>"
        "<IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
    return Answer(200, [("Content-Type", "text/xml")], text.encode())


def _members(given: dict[str, list[str]], name: str) -> list[str]:
    keys = sorted((k for k in given if k.startswith(f"{name}.member.")), key=lambda key: int(key.rsplit(".", 1)[1]))
    return [given[key][0] for key in keys]


def _context(given: dict[str, list[str]]) -> dict[str, str]:
    """What the caller tells of the call: AWS's simulator, too, takes no condition key for granted."""
    found: dict[str, str] = {}
    for key, values in given.items():
        if key.startswith("ContextEntries.member.") and key.endswith(".ContextKeyName"):
            value = given.get(key.replace("ContextKeyName", "ContextKeyValues.member.1"), [""])[0]
            found[values[0].lower()] = value
    return found
