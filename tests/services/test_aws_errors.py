"""Every way a call fails, made from the libraries' own exceptions, and what the user is told of it."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import boto3.exceptions
import botocore.eventstream
import botocore.exceptions as aws
import botocore.parsers
import pytest
import urllib3.exceptions

from tui.domain.errors import CURED_OUTSIDE, AppError, Cause
from tui.services.aws_errors import as_app_error

URL = "https://bedrock.us-west-2.amazonaws.com/"


def refused(code: str, message: str = "", status: int = 400) -> aws.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r-1"},
    }
    return aws.ClientError(response, "Operation")


CREDENTIALS = [
    (aws.NoCredentialsError(), Cause.NO_CREDENTIALS),
    (aws.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), Cause.NO_CREDENTIALS),
    (aws.ProfileNotFound(profile="p"), Cause.NO_CREDENTIALS),
    (aws.ConfigParseError(path="~/.aws/config", error="x"), Cause.NO_CREDENTIALS),
    (aws.InvalidConfigError(error_msg="x"), Cause.NO_CREDENTIALS),
    (aws.InfiniteLoopConfigError(source_profile="a", visited_profiles=["a"]), Cause.NO_CREDENTIALS),
    (aws.MissingDependencyException(msg="x"), Cause.NO_CREDENTIALS),
    (aws.SSOTokenLoadError(error_msg="x"), Cause.EXPIRED),
    (aws.UnauthorizedSSOTokenError(), Cause.EXPIRED),
    (aws.SSOError(), Cause.EXPIRED),
    (aws.TokenRetrievalError(provider="sso", error_msg="x"), Cause.EXPIRED),
    (aws.CredentialRetrievalError(provider="custom-process", error_msg="x"), Cause.EXPIRED),
    (aws.LoginRefreshRequired(), Cause.EXPIRED),
    (aws.LoginTokenLoadError(error_msg="x"), Cause.EXPIRED),
    (aws.NoRegionError(), Cause.NO_REGION),
    (aws.InvalidRegionError(region_name="x y"), Cause.NO_REGION),
    (refused("ExpiredTokenException", status=403), Cause.EXPIRED),
    (refused("ExpiredToken"), Cause.EXPIRED),
    (refused("RequestExpired"), Cause.EXPIRED),
    (refused("UnrecognizedClientException", status=403), Cause.EXPIRED),
    (refused("InvalidClientTokenId", status=403), Cause.EXPIRED),
    (refused("InvalidAccessKeyId", status=403), Cause.EXPIRED),
    (refused("SignatureDoesNotMatch", status=403), Cause.EXPIRED),
    (refused("InvalidSignatureException", "The request signature we calculated does not match", 403), Cause.EXPIRED),
    (refused("InvalidToken", "The provided token is malformed"), Cause.EXPIRED),
]

NETWORK = [
    (aws.EndpointConnectionError(endpoint_url=URL, error="x"), Cause.UNREACHABLE, False),
    (aws.ConnectTimeoutError(endpoint_url=URL), Cause.UNREACHABLE, False),
    (aws.ProxyConnectionError(proxy_url="http://p"), Cause.UNREACHABLE, False),
    (aws.SSLError(endpoint_url=URL, error="x"), Cause.UNREACHABLE, False),
    (aws.ReadTimeoutError(endpoint_url=URL), Cause.UNREACHABLE, True),
    (aws.ConnectionClosedError(endpoint_url=URL), Cause.UNREACHABLE, True),
    (aws.HTTPClientError(error="x"), Cause.UNREACHABLE, True),
    (aws.HTTPClientError(error=urllib3.exceptions.LocationParseError("::::")), Cause.INVALID, False),
    (aws.HTTPClientError(error=ValueError("Invalid IPv6 URL")), Cause.INVALID, False),
    (aws.ResponseStreamingError(error="x"), Cause.UNREACHABLE, True),
    (urllib3.exceptions.ProtocolError("x"), Cause.UNREACHABLE, True),
    (urllib3.exceptions.IncompleteRead(1, 2), Cause.UNREACHABLE, True),
    (urllib3.exceptions.ReadTimeoutError(None, "u", "x"), Cause.UNREACHABLE, True),  # type: ignore[arg-type]
    (ConnectionResetError(104, "Connection reset by peer"), Cause.UNREACHABLE, True),
    (TimeoutError("timed out"), Cause.UNREACHABLE, True),
    (aws.IncompleteReadError(actual_bytes=1, expected_bytes=2), Cause.INCOMPLETE, True),
    (botocore.eventstream.ChecksumMismatch(1, 2), Cause.INCOMPLETE, True),
    (botocore.eventstream.InvalidHeadersLength(9), Cause.INCOMPLETE, True),
    (botocore.parsers.ResponseParserError("x"), Cause.INCOMPLETE, True),
    (ValueError("bad timestamp"), Cause.INCOMPLETE, True),
    (KeyError("Buckets"), Cause.INCOMPLETE, True),
    (aws.PaginationError(message="x"), Cause.SERVICE, True),
    (boto3.exceptions.S3UploadFailedError("x"), Cause.SERVICE, True),
    (aws.ParamValidationError(report="x"), Cause.INVALID, False),
    (aws.UnknownServiceError(service_name="x", known_service_names="y"), Cause.INVALID, False),
    (aws.InvalidEndpointConfigurationError(msg="x"), Cause.INVALID, False),
    (FileNotFoundError(2, "No such file"), Cause.FILE, False),
    (PermissionError(13, "Permission denied"), Cause.FILE, False),
    (socket.gaierror(-2, "Name or service not known"), Cause.FILE, False),
]

END_OF_LIFE = "This model version has reached the end of its life. Please refer to the documentation."
LEGACY = "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model."
CODES = [
    ("ThrottlingException", "", 429, Cause.THROTTLED),
    ("Throttling", "", 400, Cause.THROTTLED),
    ("SlowDown", "", 503, Cause.THROTTLED),
    ("throttlingException", "", 0, Cause.THROTTLED),
    ("AccessDeniedException", "", 403, Cause.DENIED),
    ("AccessDenied", "", 403, Cause.DENIED),
    ("403", "Forbidden", 403, Cause.DENIED),
    ("ForbiddenException", "No access", 403, Cause.DENIED),
    ("ResourceNotFoundException", "", 404, Cause.NOT_FOUND),
    ("NoSuchBucket", "", 404, Cause.NOT_FOUND),
    ("NoSuchKey", "", 404, Cause.NOT_FOUND),
    ("NoSuchEntity", "", 404, Cause.NOT_FOUND),
    ("404", "Not Found", 404, Cause.NOT_FOUND),
    ("ResourceNotFoundException", END_OF_LIFE, 404, Cause.RETIRED),
    ("ResourceNotFoundException", LEGACY, 404, Cause.RETIRED),
    ("ValidationException", "The provided model identifier is invalid.", 400, Cause.RETIRED),
    ("ValidationException", "Operation not allowed", 400, Cause.RETIRED),
    ("ConflictException", "", 400, Cause.CONFLICT),
    ("ValidationException", "The provided job name is currently in use.", 400, Cause.CONFLICT),
    ("ValidationException", "The model deployment name x is already in use.", 400, Cause.CONFLICT),
    ("ValidationException", "Custom model deployment is in a mutating state", 400, Cause.CONFLICT),
    ("BucketAlreadyOwnedByYou", "", 409, Cause.CONFLICT),
    ("EntityAlreadyExists", "", 409, Cause.CONFLICT),
    ("ServiceQuotaExceededException", "", 400, Cause.QUOTA),
    ("LimitExceeded", "", 409, Cause.QUOTA),
    ("ValidationException", "maxTokens is too large", 400, Cause.INVALID),
    ("TooManyTagsException", "", 400, Cause.INVALID),
    ("PermanentRedirect", "", 301, Cause.INVALID),
    ("301", "Moved Permanently", 301, Cause.INVALID),
    ("IllegalLocationConstraintException", "", 400, Cause.INVALID),
    ("ModelNotReadyException", "", 429, Cause.NOT_READY),
    ("modelNotReadyException", "", 0, Cause.NOT_READY),
    ("ModelErrorException", "", 424, Cause.SERVICE),
    ("modelStreamErrorException", "", 0, Cause.SERVICE),
    ("ModelTimeoutException", "", 408, Cause.SERVICE),
    ("overloaded_error", "", 529, Cause.SERVICE),
    ("InternalServerException", "", 500, Cause.SERVICE),
    ("internalServerException", "", 0, Cause.SERVICE),
    ("ServiceUnavailableException", "", 503, Cause.SERVICE),
    ("InternalError", "", 500, Cause.SERVICE),
    ("500", "<html><body>Bad gateway</body></html>", 502, Cause.SERVICE),
    ("InvalidSignatureException", "Signature expired: 20261122T090000Z is now earlier than", 403, Cause.CLOCK),
    ("InvalidSignatureException", "Signature not yet current: 20261122T090000Z is still later", 403, Cause.CLOCK),
    ("SignatureDoesNotMatch", "Signature expired: 20261122T090000Z is now earlier than", 403, Cause.CLOCK),
    ("RequestTimeTooSkewed", "The difference between the request time and now is too large", 403, Cause.CLOCK),
    ("KMS.DisabledException", "key is disabled", 400, Cause.INVALID),
    ("302", "Found", 302, Cause.UNREACHABLE),
    ("407", "Proxy Authentication Required", 407, Cause.UNREACHABLE),
    ("511", "<html>Sign in to the network</html>", 511, Cause.UNREACHABLE),
    ("", "", 400, Cause.INVALID),
]


@pytest.mark.parametrize(("error", "cause"), CREDENTIALS, ids=lambda v: v if isinstance(v, str) else type(v).__name__)
def test_credentials(error: Exception, cause: Cause) -> None:
    found = as_app_error(error, "get", changing=True, profile="work")
    assert found.cause is cause
    assert found.hint
    assert not found.outcome_unknown
    if not isinstance(error, aws.MissingDependencyException):
        assert found.retryable
        assert found.cause in CURED_OUTSIDE


@pytest.mark.parametrize(
    ("error", "cause", "unknown"), NETWORK, ids=lambda v: type(v).__name__ if isinstance(v, Exception) else str(v)
)
def test_network_and_local(error: Exception, cause: Cause, unknown: bool) -> None:
    found = as_app_error(error, "create", changing=True)
    assert (found.cause, found.outcome_unknown, found.operation) == (cause, unknown, "create")
    assert not as_app_error(error, "list").outcome_unknown


@pytest.mark.parametrize(("code", "message", "status", "cause"), CODES, ids=lambda v: str(v)[:30])
def test_codes(code: str, message: str, status: int, cause: Cause) -> None:
    found = as_app_error(refused(code, message, status), "create", changing=True)
    assert found.cause is cause
    assert (found.operation, found.request_id) == ("create", "r-1")
    faulty = code == "internalServerException" or (status >= 500 and code != "overloaded_error")
    assert found.outcome_unknown is (faulty and cause is Cause.SERVICE)
    assert "<" not in found.detail
    assert "Exception" not in found.title


def test_an_event_of_a_stream_is_read_like_an_answer() -> None:
    error = aws.EventStreamError({"Error": {"Code": "modelStreamErrorException", "Message": "m"}}, "ConverseStream")
    assert as_app_error(error).cause is Cause.SERVICE


def test_the_missing_permission_is_named() -> None:
    said = "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:ListCustomModels because no policy"
    assert as_app_error(refused("AccessDeniedException", said, 403)).hint.endswith("bedrock:ListCustomModels")


ME = "User: arn:aws:sts::1:assumed-role/Dev/me is not authorized to perform: "
BUY = "bedrock:CreateProvisionedModelThroughput"
SCP = "arn:aws:organizations::9:policy/o-1/service_control_policy/p-abc"
DENIALS = [
    (f"{ME}{BUY} with an explicit deny in a service control policy", "organization denies it to assumed-role/Dev/me"),
    (f"{ME}{BUY} with an explicit deny in a service control policy: {SCP}", "organization (p-abc) denies it to"),
    (f"{ME}{BUY} because no service control policy allows the {BUY} action", "organization does not allow it to"),
    (f"{ME}{BUY} with an explicit deny in a resource control policy", "resource control policy of the organization"),
    (f"{ME}{BUY} because no permissions boundary allows the {BUY} action", "permissions boundary does not allow it"),
    (f"{ME}{BUY} with an explicit deny in a permissions boundary", "the permissions boundary denies it"),
    (f"{ME}{BUY} because no session policy allows the {BUY} action", "the policy of this session does not allow it"),
    (f"{ME}{BUY} with an explicit deny in a VPC endpoint policy", "the policy of the VPC endpoint denies it"),
    (f"{ME}{BUY} with an explicit deny in a resource-based policy", "the resource's own policy denies it"),
    (f"{ME}{BUY} with an explicit deny in an identity-based policy", "a policy denies it to assumed-role/Dev/me"),
    (f"{ME}{BUY} on resource: arn:aws:bedrock:x:1:custom-model/m because no identity-based policy allows the {BUY}",
     "no policy allows it to assumed-role/Dev/me on custom-model/m"),
    (f"{ME}{BUY}", "no policy allows it"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "told"), DENIALS)
def test_a_denial_names_the_action_first_and_who_denies_it(said: str, told: str) -> None:
    found = as_app_error(refused("AccessDeniedException", said, 403))
    assert found.detail.startswith(f"{BUY}: ")
    assert told in found.detail
    assert (found.cause, found.retryable) == (Cause.DENIED, False)
    assert found.hint.startswith("Ask for the permission") is ("no policy" in told)


@pytest.mark.parametrize(
    ("code", "said", "cause", "told"),
    [
        ("AccessDeniedException", "Cross-account pass role is not allowed.", Cause.DENIED, "of another account"),
        ("AccessDeniedException", "Authentication failed: check your API Key", Cause.EXPIRED, "Bedrock API key"),
        ("AccessDeniedException", "You don't have access to the model with the specified model ID.", Cause.DENIED,
         "has no access to this model"),
        ("ResourceNotFoundException", "Model use case details have not been submitted for this account.", Cause.DENIED,
         "has no access to this model"),
        ("OptInRequired", "You are not subscribed to this service", Cause.NO_REGION, "Region is not enabled"),
        ("RegionDisabledException", "STS is not activated in this region", Cause.NO_REGION, "Region is not enabled"),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", Cause.EXPIRED,
         "may not be enabled"),
    ],
)  # fmt: skip
def test_refusals_with_a_cure_of_their_own(code: str, said: str, cause: Cause, told: str) -> None:
    found = as_app_error(refused(code, said, 403))
    assert found.cause is cause
    assert told in found.sentence()


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed"])
@pytest.mark.parametrize(("hours", "told"), [(-2, "ahead of AWS's"), (3, "behind AWS's"), (0, "clock is off")])
def test_how_wrong_the_clock_is_is_told(code: str, hours: int, told: str) -> None:
    """By when AWS answered; STS has the code of wrong keys for it."""
    error = refused(code, "Signature expired: 20261122T090000Z is now earlier than 20261122T100000Z", 403)
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    error.response["ResponseMetadata"]["HTTPHeaders"] = {"date": date} if hours else {"date": "odd"}
    found = as_app_error(error)
    assert found.cause is Cause.CLOCK
    assert told in found.title


def test_the_hint_names_the_profile() -> None:
    assert "--profile work" in as_app_error(aws.UnauthorizedSSOTokenError(), profile="work").hint
    assert "--profile" not in as_app_error(aws.UnauthorizedSSOTokenError()).hint.replace("--use-device-code", "")


def test_a_model_without_system_prompts_says_what_to_do() -> None:
    words = "This model doesn't support system messages. Try again without a system message or use another model."
    error = as_app_error(refused("ValidationException", words, 400))
    assert "takes no system prompt" in error.title
    assert "without one" in error.hint


def test_a_new_role_can_be_tried_again() -> None:
    found = as_app_error(refused("ValidationException", "Could not assume provided IAM role"))
    assert (found.cause, found.retryable) == (Cause.INVALID, True)


def test_hostile_texts_are_made_safe() -> None:
    found = as_app_error(refused("x\x1b[2J", "\x1b]52;c;x\x07" + "y" * 5000))
    assert "\x1b" not in found.sentence()
    assert len(found.detail) < 500


def test_a_proxys_password_is_not_shown() -> None:
    found = as_app_error(aws.ProxyConnectionError(proxy_url='"http://me:secret@proxy:8080"'))
    assert "secret" not in found.detail
    assert "proxy:8080" in found.detail


def test_our_own_errors_pass_through() -> None:
    own = AppError(Cause.FILE, "x")
    assert as_app_error(own) is own
    with pytest.raises(KeyboardInterrupt):
        as_app_error(KeyboardInterrupt())


@pytest.mark.parametrize("error", [RecursionError("too deep"), AttributeError("no get"), IndexError(), KeyError("x")])
@pytest.mark.parametrize("changing", [True, False])
def test_whatever_a_library_stumbles_over_is_an_answer_not_understood(error: Exception, changing: bool) -> None:
    found = as_app_error(error, "list_jobs", changing=changing)
    assert (found.cause, found.outcome_unknown, found.operation) == (Cause.INCOMPLETE, changing, "list_jobs")
    assert found.detail.startswith("list_jobs: ")
    assert "get" not in found.detail  # Python's own words


def test_a_host_that_does_not_answer_is_named_without_what_was_asked_of_it() -> None:
    told = as_app_error(aws.EndpointConnectionError(endpoint_url=f"{URL}custom-models?maxResults=100"))
    assert told.detail == "bedrock.us-west-2.amazonaws.com does not answer"
    secret = as_app_error(aws.ConnectTimeoutError(endpoint_url="http://name:secret@proxy:1/x", error="x"))
    assert secret.detail == "proxy:1 does not answer"
