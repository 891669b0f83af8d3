"""Running alone: what is printed, and that the AWS command line interface gets along with it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.conftest import PAIRS, claude_lines

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def exports() -> Iterator[list[str]]:
    """The lines a sandbox of its own prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.sandbox", "--speed", "3600"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("unset"):
            break
    yield lines
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    process.stdout.close()


def test_it_prints_what_a_shell_needs(exports: list[str]) -> None:
    named = dict(line.removeprefix("export ").split("=", 1) for line in exports if line.startswith("export "))
    assert set(named) == {
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "NO_PROXY",
    }
    assert shlex.split(named["AWS_ENDPOINT_URL"])[0].startswith("http://127.0.0.1:")
    assert exports[-1] == "unset AWS_PROFILE AWS_SESSION_TOKEN AWS_BEARER_TOKEN_BEDROCK"


@pytest.mark.parametrize(
    "arguments", [["--speed", "0"], ["--speed", "-1"], ["--port", "many"], ["--port", "80000"], ["--unknown"]]
)
def test_wrong_arguments_are_told(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui.sandbox", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=30
    )
    assert done.returncode == 2
    assert arguments[0] in done.stderr


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "tui.sandbox", "--state", str(tmp_path), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert done.returncode == 1
    assert f"It cannot listen on port {port}: another program has it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS command line interface is not installed")
def test_the_aws_cli_gets_along_with_it(exports: list[str], tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    script = "\n".join(exports) + "\nenv -0"
    shell = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    environment |= dict(item.split("=", 1) for item in shell.stdout.split("\0") if "=" in item)

    def aws(*arguments: str) -> str:
        done = subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = json.loads(aws("bedrock", "list-foundation-models", "--by-customization-type", "FINE_TUNING"))
    assert "Claude 3 Haiku" in {item["modelName"] for item in listed["modelSummaries"]}
    (tmp_path / "t.jsonl").write_text(claude_lines(PAIRS))
    aws("s3", "mb", "s3://cli-bucket")
    aws("s3", "cp", str(tmp_path / "t.jsonl"), "s3://cli-bucket/in/t.jsonl")
    assert "t.jsonl" in aws("s3", "ls", "s3://cli-bucket/in/")
    trust = {"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    for name, statement in (("trust", trust), ("policy", allow)):
        (tmp_path / name).write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    made = aws("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", f"file://{tmp_path}/trust")
    role = json.loads(made)["Role"]["Arn"]
    aws(
        "iam",
        "put-role-policy",
        "--role-name",
        "cli",
        "--policy-name",
        "p",
        "--policy-document",
        f"file://{tmp_path}/policy",
    )
    job = json.loads(
        aws(
            *("bedrock", "create-model-customization-job", "--job-name", "cli-job", "--custom-model-name", "cli-model"),
            *("--role-arn", role, "--base-model-identifier", "anthropic.claude-3-haiku-20240307-v1:0:200k"),
            *("--training-data-config", "s3Uri=s3://cli-bucket/in/t.jsonl"),
            *("--output-data-config", "s3Uri=s3://cli-bucket/out"),
        )
    )["jobArn"]
    shown = json.loads(aws("bedrock", "get-model-customization-job", "--job-identifier", job))
    assert shown["jobName"] == "cli-job"
    answer = json.loads(
        aws(
            *("bedrock-runtime", "converse", "--model-id", "amazon.nova-lite-v1:0"),
            *("--messages", json.dumps([{"role": "user", "content": [{"text": "Hello"}]}])),
        )
    )
    assert answer["output"]["message"]["content"][0]["text"]
