"""Every way a call to AWS can fail, as one kind of error with a next step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.services.aws_codes import SIGN_IN, from_code

P = ParamSpec("P")
T = TypeVar("T")
_MOST = 10**12
_ELSEWHERE = "Try again; if it stays so, a proxy or a sign-in page answers in AWS's place"


def as_app_error(error: BaseException, operation: str = "", *, changing: bool = False, profile: str = "") -> AppError:
    """`error`, whatever library raised it, as an AppError. `changing` calls may have been carried out
    although no good answer came; then `outcome_unknown` is set."""
    if isinstance(error, AppError):
        return error
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return from_code(error, operation, changing)
    inner = getattr(error, "__context__", None)
    if type(error).__name__ == "S3UploadFailedError" and isinstance(inner, ClientError):
        return from_code(inner, operation, changing)
    found: AppError | None = None
    for kind in (ancestor.__name__ for ancestor in type(error).__mro__):
        found = _credentials(kind, error, profile) or _network(kind, error, changing)
        if found is not None:
            break
    found = found or _local(type(error).__name__, error, operation, changing)
    found.operation = operation
    return found


def _credentials(kind: str, error: BaseException, profile: str) -> AppError | None:
    flag = f" --profile {profile}" if profile else ""
    detail = _message(error)
    match kind:
        case "NoCredentialsError":
            hint = f"Run `aws configure` or `aws sso login{flag}`, or set AWS_PROFILE; the app looks again by itself"
            return AppError(Cause.NO_CREDENTIALS, "No AWS credentials found", "", hint, retryable=True)
        case "PartialCredentialsError":
            role = "role" in str(getattr(error, "kwargs", {}).get("provider", ""))
            hint = (
                "Complete the profile in ~/.aws/config" if role else "Set the access key id and the secret access key"
            )
            return AppError(
                Cause.NO_CREDENTIALS, "Half of the AWS credentials is missing", detail, hint, retryable=True
            )
        case "ProfileNotFound":
            hint = "Check the name in ~/.aws/config, or start with another --profile"
            return AppError(
                Cause.NO_CREDENTIALS, f"There is no AWS profile {profile}".strip(), "", hint, retryable=True
            )
        case "ConfigParseError" | "InvalidConfigError" | "ConfigNotFound":
            return AppError(
                Cause.NO_CREDENTIALS, "The AWS config file cannot be read", detail, "Mend it", retryable=True
            )
        case "SSOTokenLoadError" | "UnauthorizedSSOTokenError" | "TokenRetrievalError" | "SSOError":
            hint = f"Run `aws sso login{flag}` (over SSH with --use-device-code); the app goes on by itself"
            return AppError(Cause.EXPIRED, "The SSO sign-in is missing or has expired", "", hint, retryable=True)
        case "CredentialRetrievalError":
            if getattr(error, "kwargs", {}).get("provider") == "custom-process":
                hint = "Run the profile's credential_process by hand to see why"
                return AppError(Cause.EXPIRED, "The credential process failed", detail, hint, retryable=True)
            return AppError(Cause.EXPIRED, "The credentials cannot be fetched", detail, SIGN_IN, retryable=True)
        case "LoginRefreshRequired" | "LoginTokenLoadError" | "LoginError":
            return AppError(Cause.EXPIRED, "The `aws login` session has ended", "", "Run `aws login`", retryable=True)
        case "MissingDependencyException":
            hint = "Run `pip install 'botocore[crt]'` where the app is installed, then start it again"
            return AppError(Cause.NO_CREDENTIALS, "Profiles of `aws login` need another package", "", hint)
        case "InvalidRegionError":
            hint = "Start with another --region, or mend AWS_REGION or the profile's region"
            return AppError(Cause.NO_REGION, "That is no AWS Region", detail, hint, retryable=True)
        case "NoRegionError":
            hint = "Start with --region us-west-2, or set AWS_REGION or the profile's region"
            return AppError(Cause.NO_REGION, "No AWS Region is set", "", hint, retryable=True)
    return None


_USER_INFO = re.compile(r"//[^/\s\"]*@")
"""Name and password before a host."""
_SETTING = re.compile(
    r"Invalid(DefaultsMode|RetryMode|MaxRetryAttempts|S3Addressing|S3UsEast1|STSRegional|Ipv6|Host|Proxies|Checksum)\w*"
)
"""Errors of botocore about settings that no client can be made with."""


def _called(error: BaseException) -> str:
    """Which host did not answer; a line that names more has no room left for the cure."""
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    parts = urlsplit(url) if isinstance(url, str) else None
    return safe_line(f"{parts.netloc.rpartition('@')[2]} does not answer", 120) if parts and parts.netloc else ""


def _network(kind: str, error: BaseException, changing: bool) -> AppError | None:
    detail = _message(error)
    unknown = changing
    match kind:
        case "EndpointConnectionError" | "ConnectTimeoutError" | "ConnectionRefusedError":
            return AppError(
                Cause.UNREACHABLE,
                "AWS cannot be reached",
                _called(error) or detail,
                "Check network, DNS and Region; the app tries again by itself",
                retryable=True,
            )
        case "ProxyConnectionError":
            told = _USER_INFO.sub("//", detail)
            return AppError(Cause.UNREACHABLE, "The proxy cannot be reached", told, "Check HTTPS_PROXY", retryable=True)
        case "HTTPClientError" if isinstance(getattr(error, "kwargs", {}).get("error"), ValueError):
            # Endpoints have been looked at when their clients were made.
            return AppError(
                Cause.INVALID,
                "The proxy's address cannot be read",
                "",
                "Mend HTTPS_PROXY or HTTP_PROXY",
                retryable=True,
            )
        case "SSLError":
            hint = "Check the certificate bundle (AWS_CA_BUNDLE)"
            return AppError(Cause.UNREACHABLE, "The TLS connection was refused", detail, hint, retryable=True)
        case "InvalidEndpointConfigurationError":
            hint = "Unset AWS_BEARER_TOKEN_BEDROCK, or use an https endpoint"
            return AppError(Cause.INVALID, "The endpoint cannot be used", detail, hint)
        case "ReadTimeoutError" | "TimeoutError":
            return AppError(
                Cause.UNREACHABLE,
                "AWS did not answer in time",
                "",
                "Try again",
                retryable=True,
                outcome_unknown=unknown,
            )
        case (
            "ConnectionClosedError"
            | "ConnectionError"
            | "HTTPClientError"
            | "ProtocolError"
            | "IncompleteRead"
            | "ResponseStreamingError"
        ):
            return AppError(
                Cause.UNREACHABLE, "The connection was cut", "", "Try again", retryable=True, outcome_unknown=unknown
            )
        case "IncompleteReadError" | "ChecksumMismatch" | "ParserError" | "ResponseParserError":
            return AppError(
                Cause.INCOMPLETE,
                "The answer was damaged on the way",
                "",
                _ELSEWHERE if kind == "ResponseParserError" else "Try again",
                retryable=True,
                outcome_unknown=unknown,
            )
    return None


def _local(kind: str, error: BaseException, operation: str, changing: bool) -> AppError:
    detail = _message(error)
    match kind:
        case "ParamValidationError":
            return AppError(Cause.INVALID, "The request was refused before it was sent", detail)
        case "UnknownServiceError":
            return AppError(Cause.INVALID, "This boto3 does not know the service", detail, "Install a newer boto3")
    if isinstance(error, ValueError) and str(error).startswith("Invalid endpoint"):
        hint = "Check AWS_ENDPOINT_URL and endpoint_url in ~/.aws/config: http:// or https://, and a host"
        return AppError(Cause.INVALID, "The endpoint cannot be used", detail, hint, retryable=True)
    if _SETTING.fullmatch(kind):
        hint = "Mend it in ~/.aws/config or the environment"
        return AppError(Cause.INVALID, "A setting of AWS clients is wrong", detail, hint, retryable=True)
    if isinstance(error, FileNotFoundError):
        return AppError(Cause.FILE, "The file is not there", detail)
    if isinstance(error, OSError):
        return AppError(Cause.FILE, "The system refused", safe_line(error.strerror or str(error), 200))
    if kind in {"BotoCoreError", "Boto3Error", "S3UploadFailedError", "RetriesExceededError"} or _is_aws_library(error):
        return AppError(
            Cause.SERVICE, "The call to AWS failed", detail, "Try again", retryable=True, outcome_unknown=changing
        )
    if isinstance(error, Exception):
        return odd_answer(operation, _stumbled(error), changing=changing)
    raise error


def odd_answer(operation: str, detail: str, *, changing: bool = False) -> AppError:
    """An answer that came whole and cannot be understood."""
    return AppError(
        Cause.INCOMPLETE,
        "AWS's answer was not what it should be",
        f"{operation}: {detail}" if operation else detail,
        _ELSEWHERE,
        retryable=True,
        outcome_unknown=changing,
        operation=operation,
    )


def _stumbled(error: Exception) -> str:
    """What was wrong with an answer, by what its reader stumbled over; Python's own words help nobody."""
    match error:
        case KeyError():
            return f"{safe_line(str(error), 80)} is missing"
        case AttributeError() | TypeError() | IndexError():
            return "something in it is of another kind than it should be"
        case RecursionError():
            return "it is nested too deeply"
        case json.JSONDecodeError():
            return "it is no JSON"
    return _message(error) or type(error).__name__


def understood(operation: str, parse: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`parse(…)` of an answer; whatever it stumbles over is an AppError (cause INCOMPLETE)."""
    try:
        return parse(*args, **kwargs)
    except AppError:
        raise
    except Exception as error:
        raise odd_answer(operation, _stumbled(error)) from error


def moment(value: Any) -> datetime:
    """A time that an answer must have; for what `understood` parses. Raises TypeError."""
    if not isinstance(value, datetime):
        raise TypeError("no time")
    return value


def counted(value: Any) -> int | None:
    """A number of things in an answer, as far as it is one: from 0 to a million millions."""
    return value if type(value) is int and 0 <= value <= _MOST else None


def _is_aws_library(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in {"botocore", "boto3", "s3transfer", "urllib3"}


def _message(error: BaseException) -> str:
    return safe_line(str(error), 300)
