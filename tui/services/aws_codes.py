"""AWS's own refusals and faults, by their codes: one kind of error with a next step for each."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from tui.domain.clock import span
from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.services.denials import denial, without_model

_EXPIRED = {"expiredtoken", "expiredtokenexception", "requestexpired", "tokenrefreshrequired"}
_BAD_KEYS = {
    "unrecognizedclientexception",
    "invalidclienttokenid",
    "invalidaccesskeyid",
    "signaturedoesnotmatch",
    "invalidsignatureexception",
    "incompletesignature",
    "missingauthenticationtoken",
    "authfailure",
    "invalidtoken",
}
_THROTTLED = {
    "throttlingexception",
    "throttling",
    "throttledexception",
    "requestthrottled",
    "slowdown",
    "toomanyrequestsexception",
    "requestlimitexceeded",
}
_DENIED = {"accessdenied", "accessdeniedexception", "403", "unauthorizedoperation", "forbiddenexception"}
_MISSING = {"resourcenotfoundexception", "nosuchbucket", "nosuchkey", "nosuchentity", "404", "notfound"}
_CONFLICT = {
    "conflictexception",
    "resourceinuseexception",
    "bucketalreadyexists",
    "entityalreadyexists",
    "resourceinuse",
    "concurrentmodification",
}
_INVALID = {
    "validationexception",
    "validationerror",
    "invalidparameter",
    "malformedpolicydocument",
    "toomanytagsexception",
}
_QUOTA = {"servicequotaexceededexception", "limitexceeded", "limitexceededexception"}
_NO_REGION = {"optinrequired", "regiondisabledexception"}
_NOT_AWS = {"302", "303", "307", "308", "407", "511"}
"""Statuses that AWS's own services do not answer with, and that come without any code of theirs."""
_MODEL_FAULT = {"modelerrorexception", "modelstreamerrorexception", "modeltimeoutexception", "overloaded_error"}
SIGN_IN = "Sign in again outside the app; it looks again by itself (r looks at once)"
_NO_DIFFERENCE = timedelta(minutes=1)
"""Between two clocks: what AWS refuses differs by more."""


def from_code(error: Any, operation: str, changing: bool) -> AppError:
    """What AWS answered with an error code (botocore's ClientError), as ours."""
    response = error.response or {}
    said, about = response.get("Error") or {}, response.get("ResponseMetadata") or {}
    code = str(said.get("Code", "")).casefold()
    text = str(said.get("Message") or "")
    detail = "" if text.lstrip().startswith("<") else safe_line(text, 400)
    if _is_clock(code, detail.casefold()):
        found = _off_by((about.get("HTTPHeaders") or {}).get("date"), detail)
    else:
        found = _by_code(code, detail, int(about.get("HTTPStatusCode") or 0), changing)
    found.operation = operation
    found.request_id = safe_line(str(about.get("RequestId") or ""), 80)
    return found


def _is_clock(code: str, said: str) -> bool:
    """Services have several codes for it, among them that of keys that are wrong."""
    signature = code in {"invalidsignatureexception", "signaturedoesnotmatch"}
    return code == "requesttimetooskewed" or (signature and ("signature expired" in said or "not yet current" in said))


def _off_by(date: Any, detail: str) -> AppError:
    """The difference to AWS's clock, by the time at which it answered."""
    from email.utils import parsedate_to_datetime

    title, hint = "This machine's clock is off", "Set the clock (on Linux: timedatectl); the app goes on by itself"
    with suppress(TypeError, ValueError):
        ahead = datetime.now(UTC) - parsedate_to_datetime(date)
        if abs(ahead) > _NO_DIFFERENCE:
            title = (
                f"This machine's clock is {span(abs(ahead))} {'ahead of' if ahead > timedelta(0) else 'behind'} AWS's"
            )
            detail = ""
    return AppError(Cause.CLOCK, title, detail, hint, retryable=True)


def _by_code(code: str, detail: str, status: int, changing: bool) -> AppError:
    if code in _EXPIRED:
        return AppError(Cause.EXPIRED, "The AWS credentials have expired", "", SIGN_IN, retryable=True)
    if code in _BAD_KEYS:
        hint = f"{SIGN_IN}. Keys that work elsewhere: this Region may not be enabled for the account"
        known = hint if "security token" in detail.casefold() else SIGN_IN
        return AppError(Cause.EXPIRED, "AWS does not accept these credentials", detail, known, retryable=True)
    if code in _NO_REGION:
        hint = "Enable it in the account's settings, or start with another --region"
        return AppError(Cause.NO_REGION, "This Region is not enabled for the account", detail, hint, retryable=True)
    if code == "modelnotreadyexception":
        return AppError(Cause.NOT_READY, "The model is not ready yet", detail, "Wait, then ask again", retryable=True)
    if code in _THROTTLED or status == 429:
        return AppError(Cause.THROTTLED, "AWS is asked too often", detail, "Wait a moment", retryable=True)
    if "end of its life" in detail or "marked by provider as Legacy" in detail:
        return AppError(Cause.RETIRED, "The provider has retired this model", detail, "Choose an active base model")
    if "use case details have not been submitted" in detail:
        return without_model(detail)
    if code in _DENIED:
        return denial(detail)
    if code in _QUOTA:
        hint = "Ask for a higher quota in the Service Quotas console"
        return AppError(Cause.QUOTA, "A quota of the account does not allow this", detail, hint)
    if code == "bucketalreadyownedbyyou":  # one in the Region that was asked for is taken as it is
        hint = "Use another name, or a bucket in the Region of the job"
        return AppError(Cause.CONFLICT, "The bucket is yours, in another Region", detail, hint)
    if code in _CONFLICT or "currently in use" in detail or "already in use" in detail:
        return AppError(Cause.CONFLICT, "It clashes with something that exists", detail, "Use another name, or wait")
    if code in _MISSING:
        return AppError(Cause.NOT_FOUND, "AWS does not find it", detail, "Check account and Region in the first line")
    if code in {"permanentredirect", "301", "authorizationheadermalformed", "illegallocationconstraintexception"}:
        hint = "Use a bucket in the Region of the job"
        return AppError(Cause.INVALID, "The bucket is in another Region", detail, hint)
    if code in _INVALID:
        return _invalid(detail)
    if code in _NOT_AWS:
        hint = "Sign in to the network, or put the proxy's name and password into HTTPS_PROXY; the app looks again"
        return AppError(Cause.UNREACHABLE, "A proxy or a sign-in page answers in AWS's place", "", hint, retryable=True)
    if code in _MODEL_FAULT:
        return AppError(Cause.SERVICE, "The model failed to answer", detail, "Ask again", retryable=True)
    if status >= 500 or code.startswith("internal") or code in {"serviceunavailableexception", "500", "503"}:
        return AppError(Cause.SERVICE, "AWS had a fault", detail, "Try again", retryable=True, outcome_unknown=changing)
    return AppError(Cause.INVALID, f"AWS refused: {safe_line(code, 60) or 'no reason given'}", detail)


def _invalid(detail: str) -> AppError:
    folded = detail.casefold()
    if "could not assume" in folded:
        hint = "A new role takes up to a minute or two to spread; else check whom it trusts"
        return AppError(Cause.INVALID, "Bedrock cannot use the role yet", detail, hint, retryable=True)
    if "operation not allowed" in folded or "model identifier is invalid" in folded:
        return AppError(
            Cause.RETIRED, "This model cannot be used here", detail, "It may be retired, or not in this Region"
        )
    if "support" in folded and re.search(r"\bsystem (message|prompt|field|instruction)", folded):
        return AppError(Cause.INVALID, "This model takes no system prompt", detail, "Ask both sides without one (s)")
    if "mutating state" in folded:
        return AppError(Cause.CONFLICT, "It is just changing", detail, "Wait until it is ready", retryable=True)
    return AppError(Cause.INVALID, "AWS refuses the request", detail)
