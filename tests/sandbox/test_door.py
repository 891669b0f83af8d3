"""Who is let in, what is refused loudly, and that nothing of the user's environment has a part in it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.sandbox.conftest import Scene, code_of, message_of
from tui.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]


def _ask(
    sandbox: Sandbox,
    path: str,
    *,
    key: str | None = None,
    service: str = "bedrock",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> tuple[int, str]:
    """One raw request, signed with ``key`` (the sandbox's own by default; empty: not signed)."""
    request = AWSRequest(method, f"{sandbox.url}{path}", data=body)
    key = sandbox.access_key_id if key is None else key
    if key:
        SigV4Auth(Credentials(key, "any secret"), service, sandbox.region).add_auth(request)
    address = sandbox.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body, dict(request.headers) | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_key_opens_the_door(sandbox: Sandbox) -> None:
    assert _ask(sandbox, "/foundation-models")[0] == 200


@pytest.mark.parametrize("service", ["bedrock", "s3", "iam", "sts"])
@pytest.mark.parametrize("key", ["", "AKIAIOSFODNN7EXAMPLE"])
def test_without_the_key_nothing_is_answered(sandbox: Sandbox, service: str, key: str) -> None:
    path = {"bedrock": "/model-customization-jobs", "s3": "/bucket/key"}.get(service, "/")
    status, text = _ask(sandbox, path, key=key, service=service)
    assert status == 403
    assert "modelCustomizationJobSummaries" not in text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://127.0.0.1"}, {"Origin": "null"}, {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}],
)
def test_browsers_and_other_hosts_are_refused(sandbox: Sandbox, headers: dict[str, str]) -> None:
    status, text = _ask(sandbox, "/foundation-models", headers=headers)
    assert (status, json.loads(text)["__type"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize(
    "path", ["/moto-api/data.json", "/moto-api/reset", "/moto-api/", "/latest/meta-data/", "/favicon.ico"]
)
@pytest.mark.parametrize("service", ["bedrock", "s3"])
def test_motos_own_pages_cannot_be_reached(scene: Scene, path: str, service: str) -> None:
    scene.bucket()
    for method in ("GET", "POST"):
        for form in (path, path.replace("t", "%74"), f"/{path}"):
            assert _ask(scene.sandbox, form, service=service, method=method)[0] == 403
    assert len(scene.client("s3").list_buckets()["Buckets"]) == 1


def test_a_body_in_chunks_is_read_to_its_end(scene: Scene) -> None:
    scene.bucket()
    sandbox = scene.sandbox
    request = AWSRequest("PUT", f"{sandbox.url}/tanzaku-lessons/chunked")
    SigV4Auth(Credentials(sandbox.access_key_id, "x"), "s3", sandbox.region).add_auth(request)
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=10)
    headers = dict(request.headers) | {"Transfer-Encoding": "chunked"}
    connection.request("PUT", "/tanzaku-lessons/chunked", iter([b"one ", b"two"]), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert sandbox.world.storage.read("s3://tanzaku-lessons/chunked") == b"one two"


def test_every_answer_has_a_request_id_of_its_own(scene: Scene) -> None:
    ids = {scene.bedrock.list_custom_models()["ResponseMetadata"]["RequestId"] for _ in range(3)}
    assert len(ids) == 3
    with pytest.raises(ClientError) as error:
        scene.bedrock.get_custom_model(modelIdentifier="nobody")
    assert error.value.response["ResponseMetadata"]["RequestId"]


def test_presigned_requests_are_refused(scene: Scene) -> None:
    scene.bucket()
    scene.upload("secret.txt", "private")
    url = scene.client("s3").generate_presigned_url("get_object", {"Bucket": "tanzaku-lessons", "Key": "secret.txt"})
    status, text = _ask(scene.sandbox, url.removeprefix(scene.sandbox.url), key="")
    assert status == 403
    assert "private" not in text


def test_a_foreign_client_gets_the_error_of_its_service(sandbox: Sandbox) -> None:
    session = boto3.session.Session("AKIAIOSFODNN7EXAMPLE", "x", region_name="us-west-2")
    codes = {}
    for service, operation in (
        ("bedrock", "list_custom_models"),
        ("s3", "list_buckets"),
        ("sts", "get_caller_identity"),
        ("iam", "list_roles"),
    ):
        settings = Config(proxies={}, auth_scheme_preference="sigv4", retries={"total_max_attempts": 1})
        client = session.client(service, endpoint_url=sandbox.url, config=settings)
        with pytest.raises(ClientError) as error:
            getattr(client, operation)()
        codes[service] = code_of(error)
    assert codes == {
        "bedrock": "UnrecognizedClientException",
        "s3": "InvalidAccessKeyId",
        "sts": "InvalidClientTokenId",
        "iam": "InvalidClientTokenId",
    }


def test_the_server_listens_on_the_loopback_address_only(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    assert sandbox._server.socket.getsockname() == ("127.0.0.1", port)
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", port))


def test_unknown_operations_fail_loudly(scene: Scene) -> None:
    def refused(call: object, **parameters: object) -> str:
        assert callable(call)
        with pytest.raises(ClientError) as error:
            call(**parameters)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert "does not emulate" in message_of(error)
        return code_of(error)

    assert refused(scene.bedrock.list_guardrails) == "UnknownOperationException"
    assert refused(scene.runtime.list_async_invokes) == "UnknownOperationException"
    assert refused(scene.client("service-quotas").list_services) == "UnknownOperationException"
    assert refused(scene.client("bedrock-agent").list_agents) == "UnknownOperationException"
    assert refused(scene.client("dynamodb").list_tables) == "UnknownOperationException"
    assert refused(scene.client("ec2").describe_instances) == "NotImplemented"
    assert refused(scene.client("lambda").list_functions) == "UnknownOperationException"
    custom = scene.client("iam").simulate_custom_policy
    assert refused(custom, PolicyInputList=["{}"], ActionNames=["s3:GetObject"]) == "NotImplemented"


def test_a_damaged_request_is_refused(sandbox: Sandbox) -> None:
    path = "/model-customization-jobs"
    for body in (b"{", b"[]", b'{"a":' * 100_000):
        status, text = _ask(sandbox, path, method="POST", body=body)
        assert (status, json.loads(text)["__type"]) == (400, "SerializationException")
    status, text = _ask(sandbox, path, method="POST", body=b'{"jobName": 5, "trainingDataConfig": []}')
    assert (status, json.loads(text)["__type"]) == (400, "ValidationException")
    assert "at 'jobName' failed to satisfy constraint: Member must be a string" in text
    status, text = _ask(sandbox, f"{path}?maxResults=many")
    assert (status, json.loads(text)["__type"]) == (400, "SerializationException")


def test_the_users_environment_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile hostile]\nregion = eu-central-1\nendpoint_url = http://10.255.255.1\n")
    (tmp_path / "credentials").write_text("this is not\na credentials file [")
    hostile = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_BEARER_TOKEN_BEDROCK": "real",
        "AWS_ENDPOINT_URL": "http://10.255.255.1",
        "AWS_ENDPOINT_URL_BEDROCK": "http://10.255.255.1",
        "AWS_ENDPOINT_URL_S3": "http://10.255.255.1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "HTTP_PROXY": "http://10.255.255.1:9",
        "http_proxy": "http://10.255.255.1:9",
        "HTTPS_PROXY": "http://10.255.255.1:9",
        "ALL_PROXY": "http://10.255.255.1:9",
    }
    script = textwrap.dedent(
        """
        import socket
        real = socket.socket.connect
        def connect(self, address):
            assert self.family != socket.AF_INET or address[0] == "127.0.0.1", address
            return real(self, address)
        socket.socket.connect = connect
        from tui.sandbox.server import Sandbox
        with Sandbox() as sandbox:
            print(sandbox.client("sts").get_caller_identity()["Account"])
            print(sandbox.client("bedrock").meta.region_name)
            print(len(sandbox.client("bedrock").list_foundation_models()["modelSummaries"]) > 10)
            sandbox.client("s3").list_buckets()
            runtime = sandbox.client("bedrock-runtime")
            message = {"role": "user", "content": [{"text": "Hello"}]}
            print(runtime.converse(modelId="amazon.nova-lite-v1:0", messages=[message])["stopReason"])
        """
    )
    done = subprocess.run([sys.executable, "-c", script], env=hostile, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.split() == ["123456789012", "us-west-2", "True", "end_turn"]
