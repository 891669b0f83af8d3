"""Faults that are ordered reach the client as AWS's would."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3.exceptions
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, EventStreamError, ReadTimeoutError

from tests.sandbox.conftest import Scene, code_of

MODEL = "amazon.nova-lite-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "How do I make tea?"}]}]


def _status(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


@pytest.mark.parametrize(
    ("kind", "service", "code", "status"),
    [
        ("throttle", "bedrock", "ThrottlingException", 429),
        ("denied", "bedrock", "AccessDeniedException", 403),
        ("expired", "bedrock", "ExpiredTokenException", 403),
        ("error", "bedrock", "InternalServerException", 500),
        ("unavailable", "bedrock", "ServiceUnavailableException", 503),
        ("throttle", "s3", "SlowDown", 503),
        ("denied", "s3", "AccessDenied", 403),
        ("expired", "s3", "ExpiredToken", 400),
        ("expired", "sts", "ExpiredToken", 403),
        ("denied", "iam", "AccessDenied", 403),
    ],
)
def test_an_error_is_sent_as_often_as_ordered(scene: Scene, kind: str, service: str, code: str, status: int) -> None:
    call = {
        "bedrock": ("list_custom_models", "ListCustomModels"),
        "s3": ("list_buckets", "ListBuckets"),
        "sts": ("get_caller_identity", "GetCallerIdentity"),
        "iam": ("list_roles", "ListRoles"),
    }[service]
    scene.sandbox.faults.add(kind=kind, service=service, operation=call[1], times=2)
    for _ in range(2):
        with pytest.raises(ClientError) as error:
            getattr(scene.client(service), call[0])()
        assert (code_of(error), _status(error)) == (code, status)
    getattr(scene.client(service), call[0])()


def test_only_the_named_operation_fails(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="denied", operation="Create.*", times=None)
    scene.bedrock.list_custom_models()
    with pytest.raises(ClientError):
        scene.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    scene.sandbox.faults.clear()
    scene.bucket()


@pytest.mark.parametrize(("kind", "raised"), [("reset_after", ConnectionClosedError), ("error_after", ClientError)])
def test_a_lost_answer_has_taken_effect_once(scene: Scene, kind: str, raised: type[Exception]) -> None:
    model = scene.model()
    request = {"modelUnits": 1, "provisionedModelName": "g", "modelId": model, "clientRequestToken": "once"}
    scene.sandbox.faults.add(kind=kind, operation="CreateProvisionedModelThroughput")
    with pytest.raises(raised):
        scene.bedrock.create_provisioned_model_throughput(**request)
    assert len(scene.sandbox.books()) == 1
    scene.bedrock.create_provisioned_model_throughput(**request)
    assert len(scene.sandbox.books()) == 1


def test_a_reset_before_acceptance_has_no_effect(scene: Scene) -> None:
    model = scene.model()
    scene.sandbox.faults.add(kind="reset", operation="CreateProvisionedModelThroughput")
    with pytest.raises(ConnectionClosedError):
        scene.bedrock.create_provisioned_model_throughput(modelUnits=1, provisionedModelName="g", modelId=model)
    assert scene.sandbox.books() == ()


def _stream(scene: Scene) -> list[str]:
    names = []
    for event in scene.runtime.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]:
        names.append(next(iter(event)))
    return names


def test_a_cut_stream_is_noticed(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="cut", operation="ConverseStream", after=2)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        _stream(scene)
    assert _stream(scene)[-1] == "metadata"


def test_a_stream_that_ends_early_has_no_message_stop(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="end", operation="ConverseStream", after=2)
    assert _stream(scene) == ["messageStart", "contentBlockDelta"]


def test_an_exception_arrives_inside_a_stream(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="event", operation="ConverseStream", code="modelStreamErrorException")
    with pytest.raises(EventStreamError) as error:
        _stream(scene)
    assert error.value.response["Error"]["Code"] == "modelStreamErrorException"


def test_a_silent_stream_times_out(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="stall", operation="ConverseStream", seconds=30)
    impatient = scene.sandbox.client("bedrock-runtime", read_timeout=0.3, retries={"total_max_attempts": 1})
    with pytest.raises((urllib3.exceptions.ReadTimeoutError, ReadTimeoutError)):  # the second where all is slow
        list(impatient.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    scene.sandbox.faults.clear()


def test_a_slow_answer_comes_in_the_end(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="slow", operation="ListCustomModels", seconds=0.05)
    assert scene.bedrock.list_custom_models()["modelSummaries"] == []


def _order(scene: Scene, faults: Any, key: str) -> int:
    url = f"{scene.sandbox.url}/_sandbox/faults"
    request = AWSRequest("PUT", url, data=json.dumps(faults))
    SigV4Auth(Credentials(key, "x"), "bedrock", "us-west-2").add_auth(request)
    answer = urllib3.PoolManager().request("PUT", url, body=request.data, headers=dict(request.headers))
    return answer.status


def test_faults_can_be_ordered_over_http_with_the_key(scene: Scene) -> None:
    orders = [{"kind": "throttle", "service": "bedrock", "operation": "ListCustomModels", "times": 1}]
    assert _order(scene, orders, "AKIAIOSFODNN7EXAMPLE") == 403
    scene.bedrock.list_custom_models()
    assert _order(scene, orders, scene.sandbox.access_key_id) == 200
    with pytest.raises(ClientError):
        scene.bedrock.list_custom_models()
    for wrong in ([{"kind": "magic"}], [{"kind": "slow", "operation": "("}], {"kind": 1}, [{"x": 1}]):
        assert _order(scene, wrong, scene.sandbox.access_key_id) == 400
