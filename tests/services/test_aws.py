"""The door: who is reached, what is demanded of answers, and what read-only mode lets through."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import Scripted, address, operations, services_over
from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws, Connection

HOSTILE_CONFIG = """
[default]
region = eu-west-1
endpoint_url = http://127.0.0.1:9/config
use_fips_endpoint = true
retry_mode = bogus
services = elsewhere
[services elsewhere]
s3 =
  endpoint_url = http://127.0.0.1:9/s3
bedrock =
  endpoint_url = http://127.0.0.1:9/bedrock
"""
HOSTILE = {
    "AWS_PROFILE": "missing",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9/",
    "AWS_ENDPOINT_URL_BEDROCK": "http://127.0.0.1:9/",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:9/",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9/",
    "AWS_BEARER_TOKEN_BEDROCK": "token",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_RETRY_MODE": "bogus",
    "AWS_MAX_ATTEMPTS": "none",
    "AWS_DEFAULTS_MODE": "bogus",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_CA_BUNDLE": "/nowhere",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "bogus",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "bogus",
    "AWS_STS_REGIONAL_ENDPOINTS": "bogus",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "bogus",
    "AWS_AUTH_SCHEME_PREFERENCE": "httpBearerAuth",
}
EVERYWHERE = [
    ("sts", "get_caller_identity", "GetCallerIdentity"),
    ("bedrock", "list_foundation_models", "ListFoundationModels"),
    ("s3", "list_buckets", "ListBuckets"),
    ("iam", "list_roles", "ListRoles"),
]


async def test_a_hostile_environment_changes_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, _file(tmp_path / name, HOSTILE_CONFIG))
    aws = Aws(lambda: address(sandbox), sandbox=True)
    for service, operation, _ in EVERYWHERE:
        await aws.call(service, operation)
    await aws.call(
        "bedrock-runtime",
        "converse",
        {"modelId": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": "Hello"}]}]},
    )
    assert operations(sandbox) == [*(name for _, _, name in EVERYWHERE), "Converse"]
    assert list(aws.asked) == ["amazon.nova-lite-v1:0"]  # or its endpoint would count as idle


def _file(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


async def test_live_obeys_endpoint_variables_and_finds_its_keys(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, no_aws: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", sandbox.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", sandbox.secret_access_key)
    live = Aws(lambda: Connection(None, "us-west-2"), sandbox=False)
    for service, operation, _ in EVERYWHERE:
        await live.call(service, operation)
    assert operations(sandbox) == [name for _, _, name in EVERYWHERE]


@pytest.mark.parametrize(
    ("given", "profile", "variables", "config", "expected"),
    [
        ("ap-south-1", None, {"AWS_DEFAULT_REGION": "eu-west-1"}, "", "ap-south-1"),
        (None, None, {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}, "", "eu-west-1"),
        (None, None, {"AWS_REGION": "eu-west-2"}, "", "eu-west-2"),
        (None, None, {"AWS_REGION": "eu-west-2"}, "[default]\nregion = eu-west-3\n", "eu-west-3"),
        (None, "work", {}, "[profile work]\nregion = sa-east-1\n", "sa-east-1"),
        (None, None, {"AWS_PROFILE": "work"}, "[profile work]\nregion = sa-east-1\n", "sa-east-1"),
    ],
)
def test_the_region_is_the_one_boto3_finds_with_aws_region_last(
    no_aws: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    profile: str | None,
    variables: dict[str, str],
    config: str,
    expected: str,
) -> None:
    (no_aws / ".aws").mkdir()
    (no_aws / ".aws" / "config").write_text(config)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    aws = Aws(lambda: Connection(profile, given), sandbox=False)
    assert aws.client("bedrock").meta.region_name == expected


@pytest.mark.parametrize(
    ("connection", "cause"),
    [
        (Connection("missing", "us-west-2"), Cause.NO_CREDENTIALS),
        (Connection(None, None), Cause.NO_REGION),
        (Connection(None, "us-west-2"), Cause.NO_CREDENTIALS),
    ],
)
async def test_what_is_missing_is_told(no_aws: Path, connection: Connection, cause: Cause) -> None:
    with pytest.raises(AppError) as caught:
        await Aws(lambda: connection, sandbox=False).call("bedrock", "list_custom_models")
    assert caught.value.cause is cause
    assert caught.value.retryable


async def test_an_endpoint_that_is_down_is_unreachable(no_aws: Path) -> None:
    down = Connection(None, "us-west-2", "http://127.0.0.1:9", "SANDBOX", "secret")
    with pytest.raises(AppError) as caught:
        await Aws(lambda: down, sandbox=True).call("bedrock", "create_custom_model_deployment", _DEPLOY)
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.UNREACHABLE, False)


_DEPLOY = {"modelDeploymentName": "x", "modelArn": "arn:aws:bedrock:us-west-2:123456789012:custom-model/m/abcdefghijkl"}


@pytest.mark.parametrize(
    ("kind", "cause"), [("denied", Cause.DENIED), ("expired", Cause.EXPIRED), ("throttle", Cause.THROTTLED)]
)
async def test_what_aws_refuses_is_mapped(aws: Aws, sandbox: Sandbox, kind: str, cause: Cause) -> None:
    sandbox.faults.add(kind=kind, operation="ListCustomModels", times=None)
    with pytest.raises(AppError) as caught:
        await aws.call("bedrock", "list_custom_models")
    assert (caught.value.cause, caught.value.operation) == (cause, "list_custom_models")
    assert caught.value.__cause__ is not caught.value


async def test_a_fault_that_passes_is_not_seen(aws: Aws, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="unavailable", operation="ListCustomModels")
    assert (await aws.call("bedrock", "list_custom_models", need=("modelSummaries",)))["modelSummaries"] == []
    assert operations(sandbox) == ["ListCustomModels"] * 2


async def test_more_than_one_page(aws: Aws, scene: Scene, sandbox: Sandbox) -> None:
    names = {f"model-{n}" for n in range(130)}
    for name in names:
        scene.model(name)
    found = await aws.pages("bedrock", "list_custom_models", "modelSummaries", {"maxResults": 50}, need=("modelArn",))
    assert {m["modelName"] for m in found} == names
    assert operations(sandbox) == ["ListCustomModels"] * 3


async def test_an_answer_without_what_is_needed_is_incomplete(elsewhere: Aws, scripted: Scripted) -> None:
    with pytest.raises(AppError) as caught:
        await elsewhere.call("bedrock", "list_custom_models", need=("modelSummaries",))
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.INCOMPLETE, False)
    with pytest.raises(AppError, match="incomplete"):
        await elsewhere.pages("bedrock", "list_custom_models", "modelSummaries")
    scripted.answers({"modelSummaries": [{"modelName": "x"}]})
    with pytest.raises(AppError, match="incomplete") as caught:
        await elsewhere.pages("bedrock", "list_custom_models", "modelSummaries", need=("modelArn",))
    assert "modelArn missing" in caught.value.detail
    scripted.answers({}, 202)
    with pytest.raises(AppError) as caught:
        await elsewhere.call("bedrock", "create_custom_model_deployment", _DEPLOY, need=("customModelDeploymentArn",))
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.INCOMPLETE, True)


async def test_a_page_of_html_is_never_shown(elsewhere: Aws, scripted: Scripted) -> None:
    scripted.answer = lambda method, path: (502, b"<html><h1>Bad gateway</h1></html>")
    with pytest.raises(AppError) as caught:
        await elsewhere.call("bedrock", "list_custom_models")
    assert caught.value.cause is Cause.SERVICE
    assert "<" not in caught.value.sentence()


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("bedrock", "create_custom_model_deployment", _DEPLOY),
    ("bedrock", "stop_model_customization_job", {"jobIdentifier": "a" * 12}),
    ("bedrock", "delete_custom_model", {"modelIdentifier": "x"}),
    ("bedrock", "tag_resource", {"resourceARN": "x" * 20, "tags": []}),
    ("s3", "create_bucket", {"Bucket": "abc"}),
    ("s3", "put_object", {"Bucket": "abc", "Key": "k", "Body": b""}),
    ("s3", "delete_object", {"Bucket": "abc", "Key": "k"}),
    ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}),
    ("sts", "assume_role", {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "x" * 3}),
]


@pytest.mark.parametrize(("service", "operation", "params"), CHANGES, ids=lambda v: v if isinstance(v, str) else "")
async def test_read_only_sends_no_change(
    reading: Aws, sandbox: Sandbox, service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(AppError) as caught:
        await reading.call(service, operation, params)
    assert caught.value.cause is Cause.READ_ONLY
    with pytest.raises(AppError) as caught:  # past the first gate
        await reading.run(lambda client_of: getattr(client_of(service), operation)(**params), "list_things")
    assert caught.value.cause is Cause.READ_ONLY
    assert operations(sandbox) == []


async def test_read_only_services_change_nothing(
    reading: Aws, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    services = services_over(reading, tmp_path, clock)
    with pytest.raises(AppError, match="Read-only"):
        await services.endpoints.make("p", Serving.PROVISIONED, "x", "arn", "token")
    with pytest.raises(AppError, match="Read-only"):
        await services.storage.upload("b", "k", b"x", "", lambda done, total: None, threading.Event())
    with pytest.raises(AppError, match="Read-only"):
        await services.storage.create_bucket("bucket", "us-west-2")
    assert operations(sandbox) == []
    assert services.store.unsettled("p") == []
    assert await services.jobs.models() == []


async def test_renewing_never_waits(sandbox: Sandbox) -> None:
    entered, release = threading.Event(), threading.Event()
    asked: list[int] = []

    def connect() -> Connection:
        asked.append(1)
        entered.set()
        assert release.wait(10)
        return address(sandbox)

    aws = Aws(connect, sandbox=True)
    call = asyncio.ensure_future(aws.call("bedrock", "list_custom_models"))
    assert await aws.pool.run(entered.wait, 5)
    aws.renew()  # which would else wait for what comes only after it
    release.set()
    await call
    await aws.call("bedrock", "list_custom_models")
    assert len(asked) == 2
    await aws.call("bedrock", "list_custom_models")
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("service", "single", "tries"), [("bedrock-runtime", False, 1), ("bedrock", True, 1), ("bedrock", False, 3)]
)
async def test_what_may_be_paid_twice_is_tried_once(aws: Aws, service: str, single: bool, tries: int) -> None:
    client = await aws.pool.run(aws.client, service, single=single)
    assert client.meta.config.retries["total_max_attempts"] == tries


async def test_clients_are_shared(aws: Aws) -> None:
    first, second = await asyncio.gather(*(aws.pool.run(aws.client, "bedrock") for _ in range(2)))
    assert first is second
    assert await aws.pool.run(aws.client, "bedrock", "us-east-1") is not first


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(Connection(None, "us-west-2", "http://x", "key", "secret"))
    assert "'key'" not in repr(Connection(None, "us-west-2", "http://x", "key", "secret"))


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("scheduler", "create_schedule"),
        ("scheduler", "update_schedule"),
        ("scheduler", "delete_schedule"),
        ("iam", "create_role"),
        ("iam", "put_role_policy"),
        ("iam", "update_assume_role_policy"),
        ("bedrock", "create_evaluation_job"),
        ("bedrock", "update_provisioned_model_throughput"),
        ("s3", "create_bucket"),
    ],
)
async def test_reading_only_no_changing_call_leaves_by_either_gate(
    reading: Aws, sandbox: Sandbox, service: str, operation: str
) -> None:
    with pytest.raises(AppError) as caught:
        await reading.call(service, operation)
    assert caught.value.cause is Cause.READ_ONLY
    client = reading.client(service)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    with pytest.raises(AppError) as caught:
        reading._refuse_changes(model)
    assert caught.value.cause is Cause.READ_ONLY
    assert sandbox.requests == deque()
