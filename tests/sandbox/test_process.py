"""The child process: its start, its end, its lock, and what survives kill -9."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from tests.sandbox.conftest import PAIRS, claude_lines
from tui.sandbox.process import SandboxAddress, SandboxError, SandboxProcess

ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], Any], timeout: float = 30) -> Any:
    """Wait for a process outside this one, whose changes raise no event here."""
    import threading

    pause = threading.Event()
    end = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        pause.wait(0.02)
    return found


def client(address: SandboxAddress, service: str) -> Any:
    settings = Config(proxies={}, auth_scheme_preference="sigv4", region_name=address.region)
    return _session().client(
        service,
        endpoint_url=address.url,
        aws_access_key_id=address.access_key_id,
        aws_secret_access_key=address.secret_access_key,
        config=settings,
    )


@cache
def _session() -> Any:
    return boto3.session.Session()


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., SandboxProcess]]:
    started: list[SandboxProcess] = []

    def start(**options: Any) -> SandboxProcess:
        process = SandboxProcess(state=tmp_path / "state", **options)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()


def _fill(address: SandboxAddress) -> dict[str, Any]:
    """Bucket, objects, role and a job; the answer is what was made."""
    s3, iam, bedrock = (client(address, name) for name in ("s3", "iam", "bedrock"))
    s3.create_bucket(Bucket="kept-bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="kept-bucket", Key="in/t.jsonl", Body=claude_lines(PAIRS).encode(), Metadata={"note": "kept"})
    trust = {"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="kept", AssumeRolePolicyDocument=document, Tags=[{"Key": "a", "Value": "b"}])
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="kept", PolicyName="inline", PolicyDocument=policy)
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=policy)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="kept", PolicyArn=managed)
    arn = bedrock.create_model_customization_job(
        jobName="kept-job",
        customModelName="kept-model",
        roleArn=role["Role"]["Arn"],
        baseModelIdentifier="anthropic.claude-3-haiku-20240307-v1:0:200k",
        trainingDataConfig={"s3Uri": "s3://kept-bucket/in/t.jsonl"},
        outputDataConfig={"s3Uri": "s3://kept-bucket/out"},
        clientRequestToken="kept-token",
        hyperParameters={"epochCount": "6", "batchSize": "8"},
    )["jobArn"]
    return {"job": arn, "role": role["Role"]["Arn"]}


def test_nothing_answered_is_lost_by_kill_9(spawn: Callable[..., SandboxProcess]) -> None:
    first = spawn(speed=1200.0)
    address = first.address()
    made = _fill(address)
    get = client(address, "bedrock").get_model_customization_job
    until(lambda: get(jobIdentifier=made["job"])["statusDetails"]["trainingDetails"]["status"] == "InProgress")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    second = spawn(speed=7200.0)
    address = second.address()
    s3, iam, bedrock = (client(address, name) for name in ("s3", "iam", "bedrock"))
    found = s3.get_object(Bucket="kept-bucket", Key="in/t.jsonl")
    assert found["Body"].read() == claude_lines(PAIRS).encode()
    assert found["Metadata"] == {"note": "kept"}
    assert s3.get_bucket_location(Bucket="kept-bucket")["LocationConstraint"] == "us-west-2"
    assert iam.get_role(RoleName="kept")["Role"]["Arn"] == made["role"]
    assert iam.list_role_policies(RoleName="kept")["PolicyNames"] == ["inline"]
    attached = iam.list_attached_role_policies(RoleName="kept")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["managed"]
    listed = bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"]
    assert [item["jobArn"] for item in listed] == [made["job"]]
    # The training begins again by itself, and its model is kept in turn.
    get = bedrock.get_model_customization_job
    until(lambda: get(jobIdentifier=made["job"])["status"] == "Completed")
    bought = bedrock.create_provisioned_model_throughput(modelUnits=1, provisionedModelName="g", modelId="kept-model")
    arn = bought["provisionedModelArn"]
    until(lambda: bedrock.get_provisioned_model_throughput(provisionedModelId=arn)["status"] == "InService")
    assert second.pid is not None
    os.kill(second.pid, signal.SIGKILL)
    third = spawn()
    runtime = client(third.address(), "bedrock-runtime")
    messages = [{"role": "user", "content": [{"text": PAIRS[3][0]}]}]
    answer = runtime.converse(modelId=arn, messages=messages, inferenceConfig={"temperature": 0.0})
    # Which lantern it names depends on the job's random seed; that it knows lanterns at all is the training's work.
    assert "hangs at gate" in answer["output"]["message"]["content"][0]["text"]


def test_a_second_owner_is_told_who_has_it(spawn: Callable[..., SandboxProcess]) -> None:
    first = spawn()
    first.address()
    with pytest.raises(SandboxError, match=f"Another tanzaku has this sandbox open \\(pid {first.pid}\\)"):
        spawn().address()
    first.stop()
    spawn().address()


def test_the_state_is_the_users_own_until_it_is_reset(spawn: Callable[..., SandboxProcess], tmp_path: Path) -> None:
    first = spawn()
    _fill(first.address())
    for path in [tmp_path / "state", *(tmp_path / "state").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    first.stop()
    address = spawn(reset=True).address()
    assert client(address, "bedrock").list_model_customization_jobs()["modelCustomizationJobSummaries"] == []
    assert client(address, "s3").list_buckets()["Buckets"] == []
    assert list((tmp_path / "state" / "objects").iterdir()) == []


def test_a_damaged_state_is_set_aside_and_told(spawn: Callable[..., SandboxProcess], tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    damages = {"bedrock.json": b'{"jobs": {"a": {', "s3.json": b"[]", "iam.json": b"\xff\x00"}
    for name, damage in damages.items():
        (state / name).write_bytes(damage)
    process = spawn()
    address = process.address()
    assert client(address, "bedrock").list_model_customization_jobs()["modelCustomizationJobSummaries"] == []
    assert client(address, "s3").list_buckets()["Buckets"] == []
    assert client(address, "iam").list_roles()["Roles"] == []
    until(lambda: all(any("set aside" in line and name in line for line in process.notices) for name in damages))
    for name, damage in damages.items():
        (kept,) = state.glob(f"{name}.damaged-*")
        assert kept.read_bytes() == damage


def test_it_ends_by_itself_when_stopped_and_leaves_no_process(
    spawn: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.sandbox.process._PATIENCE", 60.0)
    process = spawn()
    process.address()
    pid = process.pid
    assert pid is not None
    began = time.monotonic()
    process.stop()
    assert time.monotonic() - began < 50  # else it had to be told by a signal
    assert not psutil.pid_exists(pid)


def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tui.sandbox.process import SandboxProcess\n"
        f"p = SandboxProcess(state=Path({str(tmp_path / 'state')!r})); p.start(); p.address()\n"
        "print(p.pid, flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE, 10)
    parent.stdout.close()
    assert parent.stdin is not None
    parent.stdin.close()


def test_sigterm_ends_it(spawn: Callable[..., SandboxProcess]) -> None:
    process = spawn()
    process.address()
    assert process.pid is not None
    child = psutil.Process(process.pid)
    child.terminate()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 5)


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    process = SandboxProcess(state=tmp_path / "file")
    process.start()
    with pytest.raises(SandboxError, match=r"^It cannot use its folder: .*file"):
        process.address()
    process.stop()


def test_a_hostile_environment_does_not_reach_the_child(
    spawn: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('taken for a module')")
    (tmp_path / "config").write_text("[broken")
    for name, value in {
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://10.255.255.1",
        "HTTP_PROXY": "http://10.255.255.1:9",
        "AWS_BEARER_TOKEN_BEDROCK": "real",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    process = spawn()
    process.address()
    assert process.pid is not None
    child = psutil.Process(process.pid).environ()
    assert "AWS_PROFILE" not in child
    assert "HTTP_PROXY" not in child
    assert child["AWS_CONFIG_FILE"] == os.devnull
    assert not [c for c in psutil.Process(process.pid).net_connections() if c.raddr and c.raddr.ip != "127.0.0.1"]


def test_importing_the_process_module_is_light() -> None:
    script = (
        "import sys, tui.sandbox.process as p\n"
        "heavy = {'boto3', 'botocore', 'moto', 'numpy', 'werkzeug', 'flask', 'subprocess'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_a_child_that_died_is_replaced_and_keeps_its_world(tmp_path: Path) -> None:
    process = SandboxProcess(state=tmp_path / "world", reset=True)
    process.start()
    try:
        first = process.address()
        client(first, "s3").create_bucket(
            Bucket="kept-bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        process.start()
        second = process.address()
        assert second.access_key_id != first.access_key_id
        assert [b["Name"] for b in client(second, "s3").list_buckets()["Buckets"]] == ["kept-bucket"]
    finally:
        process.stop()
