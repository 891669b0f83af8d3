"""Who is calling, and everything that may be wrong with it."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import InvalidConfigError

from tests.services.conftest import Scripted, address, services_over, until
from tui.domain.errors import Cause
from tui.domain.settings import Settings
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws, Connection
from tui.services.identity import IdentityService
from tui.services.paths import Paths
from tui.services.session import Services, build, warm


def live(profile: str | None = None, region: str | None = "us-west-2", *, read_only: bool = False) -> IdentityService:
    aws = Aws(lambda: Connection(profile, region), sandbox=False, read_only=read_only)
    return IdentityService(aws, profile=profile, region=region)


def config(home: Path, text: str, name: str = "config") -> None:
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / name).write_text(text)


async def test_the_sandbox_is_known(services: Services) -> None:
    found = await services.identity.look()
    assert found.known
    assert (found.sandbox, found.account, found.region) == (True, "123456789012", "us-west-2")
    assert (found.credentials, found.endpoint, found.profile) == ("sandbox keys", "", "")
    assert services.place(found) == "123456789012/us-west-2"


@pytest.mark.parametrize(("kind", "cause"), [("expired", Cause.EXPIRED), ("denied", Cause.DENIED)])
async def test_what_sts_refuses_stands_beside_what_is_known(
    services: Services, sandbox: Sandbox, kind: str, cause: Cause
) -> None:
    sandbox.faults.add(kind=kind, service="sts", times=None)
    found = await services.identity.look()
    assert found.problem is not None
    assert found.problem.cause is cause
    assert not found.known
    assert found.region == "us-west-2"
    sandbox.faults.clear()
    assert (await services.identity.look()).known


def test_before_anything_was_asked(monkeypatch: pytest.MonkeyPatch, no_aws: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work\x1b[31m")
    first = live(read_only=True).first()
    assert (first.region, first.read_only, first.sandbox) == ("us-west-2", True, False)
    assert first.profile == "work␛[31m"


@pytest.fixture
def to_sandbox(sandbox: Sandbox, no_aws: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.url)
    return sandbox


async def test_keys_of_the_environment(to_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", to_sandbox.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", to_sandbox.secret_access_key)
    found = await live().look()
    assert found.problem is None
    assert (found.account, found.credentials, found.profile) == ("123456789012", "environment", "")
    assert found.endpoint == to_sandbox.url


async def test_a_profile_of_the_files(to_sandbox: Sandbox, no_aws: Path) -> None:
    config(no_aws, "[profile work]\nregion = eu-west-1\n")
    keys = f"aws_access_key_id = {to_sandbox.access_key_id}\naws_secret_access_key = {to_sandbox.secret_access_key}\n"
    config(no_aws, f"[work]\n{keys}", "credentials")
    found = await live("work", None).look()
    assert found.problem is None
    assert (found.profile, found.region, found.credentials) == ("work", "eu-west-1", "credentials file")


async def test_the_expiry_of_temporary_credentials(to_sandbox: Sandbox, no_aws: Path) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    answer = {
        "Version": 1,
        "AccessKeyId": to_sandbox.access_key_id,
        "SecretAccessKey": to_sandbox.secret_access_key,
        "SessionToken": "token",
        "Expiration": ends.isoformat(),
    }
    script = no_aws / "keys.py"
    script.write_text(f"print({json.dumps(answer)!r})")
    config(no_aws, f"[default]\ncredential_process = {sys.executable} {script}\n")
    found = await live().look()
    assert found.problem is None
    assert (found.expires, found.credentials) == (ends, "credential process")


SSO = """
[profile sso]
sso_session = s
sso_account_id = 123456789012
sso_role_name = r
region = us-west-2
[sso-session s]
sso_start_url = https://example.awsapps.com/start
sso_region = us-west-2
"""


ROLE = "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = gone\n"


KEYS = "aws_access_key_id = x\naws_secret_access_key = y\n"
WEB_IDENTITY = "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = /gone/token\n"


@pytest.mark.parametrize(
    ("text", "profile", "region", "cause", "hint"),
    [
        ("", None, "us-west-2", Cause.NO_CREDENTIALS, "aws configure"),
        ("", "missing", "us-west-2", Cause.NO_CREDENTIALS, "--profile"),
        ("", None, None, Cause.NO_REGION, "--region"),
        ("not a config file", None, "us-west-2", Cause.NO_CREDENTIALS, ""),
        ("[default]\naws_access_key_id = x\n", None, "us-west-2", Cause.NO_CREDENTIALS, "secret access key"),
        ("[default]\ncredential_process = false\n", None, "us-west-2", Cause.EXPIRED, "credential_process"),
        (ROLE, None, "us-west-2", Cause.NO_CREDENTIALS, ""),
        (SSO, "sso", None, Cause.EXPIRED, "aws sso login --profile sso"),
        ("", None, "us west 2", Cause.NO_REGION, "another --region"),
        ("[default]\ncredential_process = echo hello\n", None, "us-west-2", Cause.NO_CREDENTIALS, "credential_process"),
        ("[default]\ncredential_process = /gone/x\n", None, "us-west-2", Cause.NO_CREDENTIALS, "credential_process"),
        (WEB_IDENTITY, None, "us-west-2", Cause.NO_CREDENTIALS, "web_identity_token_file"),
        ("[default]\nendpoint_url = nothing\n" + KEYS, None, "us-west-2", Cause.INVALID, "endpoint_url"),
        ("[default]\ndefaults_mode = odd\n" + KEYS, None, "us-west-2", Cause.INVALID, "Mend it"),
    ],
    ids=[
        "none",
        "no profile",
        "no region",
        "bad file",
        "half",
        "process",
        "no source",
        "sso",
        "bad region",
        "process without JSON",
        "no process",
        "no token file",
        "bad endpoint",
        "bad setting",
    ],
)
async def test_what_is_missing_is_told_with_its_cure(
    no_aws: Path, text: str, profile: str | None, region: str | None, cause: Cause, hint: str
) -> None:
    if text:
        config(no_aws, text)
    found = await live(profile, region).look()
    assert found.problem is not None
    assert (found.problem.cause, found.problem.retryable) == (cause, True)
    assert hint in found.problem.hint
    assert not found.known


async def test_a_code_is_never_asked_for_and_the_one_given_to_the_cli_is_enough(
    to_sandbox: Sandbox, no_aws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, device = "arn:aws:iam::123456789012:role/x", "arn:aws:iam::123456789012:mfa/me"
    mfa = f"[profile mfa]\nrole_arn = {role}\nmfa_serial = {device}\nsource_profile = keys\n"
    config(no_aws, f"{mfa}[profile keys]\n{KEYS}")
    monkeypatch.setattr("getpass.getpass", lambda _: pytest.fail("it asks at the terminal"))
    aws = Aws(lambda: Connection("mfa", "us-west-2"), sandbox=False)
    service = IdentityService(aws, profile="mfa", region="us-west-2")
    problem = (await service.look()).problem
    assert problem is not None
    assert (problem.cause, problem.retryable) == (Cause.EXPIRED, True)
    assert "aws sts get-caller-identity --profile mfa" in problem.hint
    # As the CLI keeps what it got for the code.
    asked = json.dumps({"RoleArn": role, "SerialNumber": device}, sort_keys=True)
    kept = no_aws / ".aws" / "cli" / "cache" / f"{hashlib.sha1(asked.encode()).hexdigest()}.json"
    kept.parent.mkdir(parents=True)
    answer = {
        "AccessKeyId": to_sandbox.access_key_id,
        "SecretAccessKey": to_sandbox.secret_access_key,
        "SessionToken": "token",
        "Expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    kept.write_text(json.dumps({"Credentials": answer}))
    aws.renew()
    found = await service.look()
    assert found.problem is None
    assert (found.account, found.credentials, found.profile) == ("123456789012", "assumed role", "mfa")


async def test_a_credential_process_has_no_terminal_to_ask_at(to_sandbox: Sandbox, no_aws: Path) -> None:
    answer = {
        "Version": 1,
        "AccessKeyId": to_sandbox.access_key_id,
        "SecretAccessKey": to_sandbox.secret_access_key,
    }
    script = no_aws / "keys.py"
    script.write_text(
        "import os, sys\n"
        "assert os.getsid(0) == os.getpid() and sys.stdin.read() == '', 'it could ask'\n"
        f"print({json.dumps(answer)!r})"
    )
    config(no_aws, f"[default]\ncredential_process = {sys.executable} {script}\n")
    found = await live().look()
    assert found.problem is None
    assert found.credentials == "credential process"


async def test_it_recovers_without_a_restart(to_sandbox: Sandbox, no_aws: Path) -> None:
    aws = Aws(lambda: Connection(None, "us-west-2"), sandbox=False)
    service = IdentityService(aws, profile=None, region="us-west-2")
    assert not (await service.look()).known
    keys = f"aws_access_key_id = {to_sandbox.access_key_id}\naws_secret_access_key = {to_sandbox.secret_access_key}\n"
    config(no_aws, f"[default]\n{keys}", "credentials")
    aws.renew()
    assert (await service.look()).known


async def test_a_chain_of_roles_that_breaks_is_told_alike_at_each_try_and_mended(
    to_sandbox: Sandbox, no_aws: Path
) -> None:
    chain = "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = b\n"
    config(no_aws, chain + "[profile b]\nrole_arn = arn:aws:iam::123456789012:role/y\nsource_profile = gone\n")
    service = live()
    for _ in range(2):
        problem = (await service.look()).problem
        assert problem is not None
        assert '"gone"' in problem.detail
        with pytest.raises(InvalidConfigError, match="gone"):
            service._aws.client("bedrock")
    keys = f"aws_access_key_id = {to_sandbox.access_key_id}\naws_secret_access_key = {to_sandbox.secret_access_key}\n"
    config(no_aws, f"[gone]\n{keys}", "credentials")
    service._aws.renew()
    found = await service.look()
    assert found.credentials
    assert found.problem is None or found.problem.cause is not Cause.NO_CREDENTIALS


@pytest.mark.parametrize(
    "name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL_S3"]
)
async def test_an_endpoint_that_is_not_aws_is_shown(no_aws: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://evil.example:8080/path")
    assert (await live().look()).endpoint == "http://evil.example:8080"
    monkeypatch.setenv(name, "http://name:secret@evil.example:8080/path")
    assert (await live().look()).endpoint == "http://evil.example:8080"


async def test_aws_itself_is_no_foreign_endpoint(no_aws: Path) -> None:
    assert (await live().look()).endpoint == ""


async def test_a_bedrock_api_key_is_named(no_aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "secret-token")
    found = await live().look()
    assert found.credentials == "Bedrock API key"
    assert "secret-token" not in repr(found)


async def test_a_session_is_built_and_warmed(sandbox: Sandbox, tmp_path: Path, clock: ManualClock) -> None:
    services = build(
        lambda: address(sandbox), sandbox=True, paths=Paths.under(tmp_path), settings=Settings(), region="us-west-2"
    )
    assert services.sandbox
    warm(services)
    await services.pool.run(until, lambda: len(services.aws._clients) == 5)
    assert (await services.identity.look()).known
    assert services_over(services.aws, tmp_path, clock).store.uploads("p") == []


async def test_beside_trouble_stands_the_account_that_was_confirmed(aws: Aws, sandbox: Sandbox) -> None:
    service = IdentityService(aws, profile=None, region="us-west-2")
    sandbox.faults.add(kind="expired", operation="GetCallerIdentity")
    assert (await service.look()).account == ""
    good = await service.look()
    sandbox.faults.add(kind="expired", operation="GetCallerIdentity")
    troubled = await service.look()
    assert troubled.problem is not None
    assert (troubled.account, troubled.arn, troubled.region) == (good.account, good.arn, good.region)
    assert not troubled.known


async def test_an_odd_identity_is_an_error_of_ours(elsewhere: Aws, scripted: Scripted) -> None:
    scripted.answers([1, 2])
    found = await IdentityService(elsewhere, profile=None, region="us-west-2").look()
    assert found.problem is not None
    assert found.problem.cause is Cause.INCOMPLETE
