"""The real program with its real sandbox: kill -9 anywhere, a hostile environment, hostile texts, the command line."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.terminal import ROOT, Terminal, bare_environment
from tests.sandbox.conftest import PAIRS, claude_lines
from tests.sandbox.test_process import client
from tui.sandbox.process import SandboxProcess

SPEED = ["--sandbox", "--sandbox-speed", "20000"]
NEEDLES = {
    "colour": b"\x1b[31mneedle",
    "OSC 52": b"\x1b]52;c;bmVlZGxl",
    "OSC 8": b"\x1b]8;;http://needle",
    "C1": "\x9bneedle".encode(),
    "bidi": "\u202eneedle".encode(),
}
HOSTILE = "\x1b[31mneedle \x1b]52;c;bmVlZGxl\x07 \x1b]8;;http://needle\x1b\\x \x9bneedle \u202eneedle"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps([{"q": q, "a": a} for q, a in PAIRS]))
    return path


def world(home: Path) -> Any:
    """The sandbox's state after the app is gone: its Bedrock."""
    return SandboxProcess(state=home / ".local/state/tanzaku/sandbox/world", speed=1e5)


def raw(terminal: Terminal) -> None:
    found = [name for name, needle in NEEDLES.items() if needle in terminal.written]
    assert found == []


def ask_store(home: Path, question: str) -> int:
    path = home / ".local/state/tanzaku/sandbox/tanzaku.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as store:
        return int(store.execute(question).fetchone()[0])


def intended(home: Path, what: str) -> int:
    """How many orders for a job or for throughput were ever written down."""
    return ask_store(home, f"SELECT count(*) FROM intents WHERE operation LIKE 'create%{what}%'")


def unsettled(home: Path) -> int:
    """Of how many it is not known what became of them."""
    return ask_store(home, "SELECT count(*) FROM intents WHERE state IN ('prepared', 'unknown')")


def leave(terminal: Terminal) -> None:
    """Close a dialog; another key right behind escape would be taken for one with alt."""
    terminal.sees("esc c")  # cancel where something is filled in, close where it is read
    terminal.send("escape")
    terminal.until(lambda: not terminal.shows("esc c"), "the dialog's end")


def kill(terminal: Terminal) -> None:
    terminal.signal(signal.SIGKILL)
    assert terminal.ended() == -signal.SIGKILL


def test_kill_9_anywhere_in_the_walk_loses_nothing_and_doubles_nothing(tmp_path: Path, pairs: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    files = [str(pairs)]
    with Terminal([*SPEED, *files], home) as terminal:
        terminal.sees("✓ clean", "123456789012")
        terminal.send("p")
        terminal.sees("Convert and upload to S3", "enter upload")
        terminal.send("enter")
        terminal.sees("uploaded. Next")
        kill(terminal)
    with Terminal([*SPEED, *files], home) as terminal:
        terminal.sees("✓ clean", "123456789012")
        terminal.send("2")
        terminal.sees("No runs yet")
        terminal.send("n")
        terminal.sees("New job on Claude 3 Haiku", "start the job")
        terminal.send("ctrl+s")
        terminal.agree("Create the IAM role")
        terminal.until(lambda: intended(home, "job") == 1, "the note of the order")
        kill(terminal)
    with Terminal([*SPEED, *files], home) as terminal:
        terminal.sees("123456789012")
        terminal.send("2")
        terminal.until(lambda: terminal.shows("1 run ") or terminal.shows("No runs yet"), "the jobs")
        terminal.until(lambda: not unsettled(home), "settled orders")
        if terminal.shows("No runs yet"):  # killed between the note of the order and its sending
            terminal.send("n")
            terminal.sees("New job on", "start the job")
            terminal.send("ctrl+s")
        terminal.sees("✓ Completed")
        terminal.send("b")
        terminal.sees("Serve claude-3-haiku", "ctrl+s order")
        terminal.send(*"claude-3-haiku", "enter")
        terminal.until(lambda: intended(home, "throughput") == 1, "the note of the order")
        kill(terminal)
    with Terminal([*SPEED, *files], home) as terminal:
        terminal.sees("123456789012")
        terminal.send("2")
        terminal.sees("✓ Completed")
        terminal.until(lambda: not unsettled(home), "settled orders")
        terminal.signal(signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM
    process = world(home)
    process.start()
    try:
        bedrock = client(process.address(), "bedrock")
        jobs = bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"]
        bought = bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"]
        assert [job["status"] for job in jobs] == ["Completed"]
        assert len(bought) <= 1
    finally:
        process.stop()


WITNESS = """
import os, socket, sys
def _see(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open(os.environ["WITNESS"], "a") as file:
            file.write(f"{event} {arguments[1] if event != 'socket.getaddrinfo' else arguments[0]!r}\\n")
sys.addaudithook(_see)
"""


def test_a_hostile_environment_changes_nothing_and_nothing_leaves_the_machine(tmp_path: Path, pairs: Path) -> None:
    home, spy, log = tmp_path / "home", tmp_path / "spy", tmp_path / "witness.log"
    home.mkdir()
    spy.mkdir()
    (spy / "sitecustomize.py").write_text(WITNESS)
    evil = "http://evil.invalid:1"
    (home / "aws-config").write_text(
        f"[default]\nregion = mars-east-1\nendpoint_url = {evil}\n[profile x]\nregion = y\n"
    )
    (home / "aws-credentials").write_text("[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    environment = {
        "PYTHONPATH": f"{spy}{os.pathsep}{ROOT}",
        "WITNESS": str(log),
        "AWS_PROFILE": "missing",
        "AWS_DEFAULT_PROFILE": "missing",
        "AWS_ENDPOINT_URL": evil,
        "AWS_ENDPOINT_URL_S3": evil,
        "AWS_ENDPOINT_URL_BEDROCK": evil,
        "AWS_REGION": "mars-east-1",
        "AWS_DEFAULT_REGION": "mars-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_BEARER_TOKEN_BEDROCK": "real",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_CA_BUNDLE": "/nowhere",
        "HTTP_PROXY": evil,
        "HTTPS_PROXY": evil,
        "http_proxy": evil,
        "ALL_PROXY": evil,
    }
    with Terminal([*SPEED, str(pairs)], home, environment=environment) as terminal:
        terminal.sees("SANDBOX us-west-2 123456789012", "✓ clean")
        terminal.send("p")
        terminal.sees("Convert and upload to S3", "enter upload")
        terminal.send("enter")
        terminal.sees("uploaded. Next")
        terminal.send("4")
        terminal.sees("ask both", "B Claude 3 Haiku")
        terminal.send(*"What?", "enter")
        terminal.sees("tok/s")
        # Twice: the answer may still be on its way into the store, and the second press asks nothing.
        terminal.send("ctrl+q", "ctrl+q")
        assert terminal.ended() == 0
    seen = log.read_text().splitlines()
    assert any("127.0.0.1" in line for line in seen)
    strangers = [line for line in seen if not re.search(r"'127\.0\.0\.1'|'localhost'|'::1'| '/|None", line)]
    assert strangers == []


def test_no_hostile_text_reaches_the_terminal_raw(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    path = tmp_path / "training-\x1b[31mneedle\u202eneedle.json"
    rows = [{"q": f"{HOSTILE} {n}", "a": f"{HOSTILE} answer {n}"} for n in range(40)]
    path.write_text(json.dumps(rows))
    clean = tmp_path / "validation.json"
    clean.write_text(json.dumps([{"q": q, "a": a} for q, a in PAIRS]))
    with Terminal([*SPEED, str(path), str(clean)], home) as terminal:
        terminal.sees("40 pairs", "needle", "123456789012")
        terminal.until(lambda: not terminal.shows("checking"), "the check")
        terminal.send("j", "c")
        terminal.sees("esc close")
        leave(terminal)
        terminal.send("y")
        terminal.sees("answer was sent")
        terminal.send("x")
        terminal.sees("Convert training-", "esc cancel")
        terminal.send("enter")
        terminal.sees("40 records written")
        terminal.send("p")
        terminal.sees("Convert and upload to S3")
        leave(terminal)
        terminal.send("4")
        terminal.sees("ask both", "B Claude 3 Haiku")
        os.write(terminal.master, b"\x1b[200~" + HOSTILE.replace("\x1b", "").encode() + b"\x1b[201~")
        terminal.sees("needle")
        terminal.send("enter")
        terminal.sees("tok/s")
        raw(terminal)
        copied = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)", terminal.written)
        assert copied
        for text in map(base64.b64decode, copied):
            assert b"\x1b" not in text
            assert "\x9b".encode() not in text
            assert "\u202e".encode() not in text
        terminal.send("ctrl+q", "ctrl+q")
        assert terminal.ended() == 0
        raw(terminal)


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui", *arguments]
    return subprocess.run(command, env=bare_environment(home), cwd=home, capture_output=True, text=True, timeout=30)


def test_the_command_line(tmp_path: Path) -> None:
    version = run("--version", home=tmp_path)
    assert version.returncode == 0
    assert re.fullmatch(r"tanzaku \d+\.\d+\S*\n", version.stdout)
    told = run("--help", home=tmp_path)
    assert told.returncode == 0
    for option in ("--profile", "--region", "--read-only", "--sandbox", "--sandbox-speed", "--sandbox-reset", "FILE"):
        assert option in told.stdout
    for bad in (
        ["--nonsense"],
        ["--sandbox-reset"],
        ["--sandbox", "--sandbox-speed", "0"],
        ["--sandbox-speed", "fast"],
        ["loss", "--epochs", "1e3", "x.csv"],
        ["notify-test", "shout"],
    ):
        refused = run(*bad, home=tmp_path)
        assert refused.returncode == 2
        assert "usage: tanzaku" in refused.stderr
        assert not re.search(r"\b_\w+ value|Way", refused.stderr)  # a name of ours
        assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("to", "told"), [(">&-", ""), ("| true", ""), (">/dev/full", "cannot be written: No space left on device")]
)
def test_what_is_printed_to_nowhere_is_no_fault_of_its_own(tmp_path: Path, to: str, told: str) -> None:
    command = ["sh", "-c", f"{sys.executable} -m tui notify-test {to}"]
    done = subprocess.run(
        command, env=bare_environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == bool(told)


def test_without_a_terminal_it_says_so_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui", "--sandbox"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=bare_environment(tmp_path), timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a terminal" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_home_that_is_none_is_told_with_its_cure(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    with Terminal(["--sandbox", "--sandbox-reset"], home, cwd=tmp_path, size=(200, 30)) as terminal:
        terminal.sees("✓ clean", "The sandbox did not start", "Not a directory", "XDG_STATE_HOME")


def test_started_anywhere_it_offers_the_shipped_pairs_and_reset_empties(tmp_path: Path) -> None:
    state = tmp_path / ".local/state/tanzaku/sandbox/world"
    process = SandboxProcess(state=state)
    process.start()
    s3 = client(process.address(), "s3")
    s3.create_bucket(Bucket="left-over", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="left-over", Key="training.jsonl", Body=claude_lines(PAIRS).encode())
    process.stop()
    with Terminal([*SPEED, "--sandbox-reset"], tmp_path, cwd=Path("/")) as terminal:
        terminal.sees("training.json (1/3)", "TRAIN", "✓ clean", "123456789012")
        terminal.send("p")
        terminal.sees("will be created")
        assert not terminal.shows("left-over")
        leave(terminal)
        terminal.send("q")
        assert terminal.ended() == 0
    names = {path.name for path in (tmp_path / ".local/share/tanzaku/pairs").iterdir()}
    assert {"training.json", "validation.json", "label.json", "training.ja.json"} <= names
    strays = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert [path for path in strays if "state" in path.parts] == []


def test_the_wheel_has_all_that_the_app_reads(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        ".",
    ]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert built.returncode == 0, built.stderr
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "tui").rglob("*.tcss")}
    wanted |= {"tui/py.typed", "tui/sandbox/neutral.json", "tui/dataset/rawdata/training.json"}
    assert "tui/app.tcss" in wanted
    assert wanted <= names
    assert not [name for name in names if name.startswith("tests/")]
