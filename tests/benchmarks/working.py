"""Two answers streaming, loss curves, an upload."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.benchmarks.figures import Figure, median, ratio
from tests.benchmarks.terminal import Terminal
from tests.benchmarks.world import ACCOUNT, LONG_QUESTION, ROWS, TOKENS, World, aws, python
from tui.domain.settings import Settings
from tui.sandbox.process import SandboxAddress
from tui.services.aws import Connection
from tui.services.paths import Paths
from tui.services.session import build

_BUCKET = "tanzaku-measures"
_MEGABYTES = 50


def streaming(world: World, rounds: int) -> Iterator[Figure]:
    """Both panes ask the same model; a bare boto3 loop does the same."""
    state, gate = world.talker()
    ratios, sizes, slower, cpus = [], [], [], []
    settings = world.root / "live" / ".config" / "tanzaku"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "config.toml").write_text(f'max_tokens = {TOKENS}\nsystem_prompt = ""\n')
    with aws(state) as at:
        for _ in range(min(rounds, 3)):
            loop = python(
                "tests.benchmarks.apps", "stream", at.url, at.access_key_id, at.secret_access_key, gate, str(TOKENS)
            )
            said = subprocess.run(
                [*loop, LONG_QUESTION], env=world.environment(), capture_output=True, text=True, check=True
            )
            bare_cpu, bare_took, deltas = map(float, said.stdout.split())
            cpu, took, size = _chat(world, at)
            cpus.append(cpu)
            ratios.append(cpu / bare_cpu)
            slower.append(took / bare_took)
            sizes.append(size / deltas * 600 / 1000)
        letters = _typing(world, at)
    yield Figure(
        "stream", f"two answers, {deltas:.0f} deltas in {bare_took:.1f} s: CPU ÷ bare loop", median(ratios), "×", 3
    )
    yield Figure("stream", "CPU of the app meanwhile", median(cpus), "s")
    yield Figure("stream", "time to the last token ÷ bare loop", median(slower), "×", 1.05)
    yield Figure("stream", "bytes per 600 tokens, 120x40", median(sizes), "kB", 80)
    yield Figure("stream", f"a letter typed meanwhile is shown, p95 of {len(letters)}", _p95(letters), "ms", 100)


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


def _chat(world: World, at: SandboxAddress) -> tuple[float, float, int]:
    """Processor seconds, seconds and bytes of one question to both sides."""
    with _asking(world, at) as terminal:
        before, cpu = len(terminal.output), terminal.cpu()
        sent = terminal.send("enter")
        ended = terminal.wait(lambda text: text.count("tok/s") == 2, 120)
        terminal.settle(0.5)
        return terminal.cpu() - cpu, ended - sent, len(terminal.output) - before


def _typing(world: World, at: SandboxAddress) -> list[float]:
    """Milliseconds until each letter stands in the prompt while both answers stream."""
    with _asking(world, at) as terminal:
        terminal.send("enter")
        terminal.wait(lambda text: text.count("Lantern") >= 4, 60)
        times: list[float] = []
        while "tok/s" not in terminal.text and len(times) < 40:
            sent = terminal.send("z")
            times.append((terminal.wait("z" * (len(times) + 1)) - sent) * 1000)
        return times


@contextmanager
def _asking(world: World, at: SandboxAddress) -> Iterator[Terminal]:
    """The app with both panes on one model, and a question in the prompt."""
    with Terminal(python("tui"), world.live(at), size=(120, 40)) as terminal:
        terminal.wait(ACCOUNT)
        terminal.wait("1 MU", 10)
        terminal.press("4", quiet=1)
        terminal.wait("A  talker")
        terminal.press("escape")
        terminal.press("b", quiet=0.7)
        terminal.press("g", quiet=0.3)
        terminal.press("enter", quiet=0.5)
        terminal.wait(lambda text: text.count("talker ·") == 2)
        terminal.press("i")
        for letter in LONG_QUESTION:
            terminal.press(letter, quiet=0.02)
        terminal.settle(0.5)
        yield terminal


def losses(world: World, rounds: int) -> Iterator[Figure]:
    """The first opening of metrics in a fresh app: a small run, then a million rows."""
    small = [_open_metrics(world, world.metrics(40)) for _ in range(rounds)]
    yield Figure("loss", "first opening of a small run, enter to chart", median(small), "s", 0.8)
    folder = world.metrics(ROWS)
    ours, theirs = [], []
    for _ in range(min(rounds, 3)):
        ours.append(_open_metrics(world, folder))
        paths = [str(path) for path in sorted(folder.iterdir())]
        command = python("tests.benchmarks.apps", "means", *paths)
        said = subprocess.run(command, env=world.environment(), capture_output=True, text=True, check=True)
        theirs.append(float(said.stdout))
    yield Figure("loss", "1,000,000 rows, enter to chart", median(ours), "s")
    yield Figure("loss", "pandas: import, read, group", median(theirs), "s")
    yield Figure("loss", "1,000,000 rows: ÷ pandas", ratio(ours, theirs), "×", 1.3)


def _open_metrics(world: World, folder: Path) -> float:
    with Terminal(python("tui", "--sandbox"), world.environment()) as terminal:
        terminal.wait(ACCOUNT)
        terminal.settle(1.5)
        terminal.press("3", quiet=0.5)
        terminal.press("o", quiet=0.5)
        terminal.wait("Open metrics files")
        terminal.send("\x15")  # ctrl+u empties the line
        terminal.settle(0.3)
        terminal.send(str(folder))
        terminal.settle(0.3)
        sent = terminal.send("enter")
        return terminal.wait("   training ") - sent


def uploads(world: World, rounds: int) -> Iterator[Figure]:
    """50 MB by the app's service with progress, and by a bare HTTP PUT."""
    data = bytes(range(256)) * (_MEGABYTES * 4096)
    digest = hashlib.sha256(data).hexdigest()
    told: list[float] = []
    ours, theirs = [], []
    with aws(world.root / "uploads") as at:
        services = build(
            lambda: Connection(None, at.region, at.url, at.access_key_id, at.secret_access_key),
            sandbox=True,
            paths=Paths.under(world.root / "home"),
            settings=Settings(),
            region=at.region,
        )
        asyncio.run(services.storage.create_bucket(_BUCKET, at.region))
        for number in range(rounds):
            began = time.perf_counter()
            upload = services.storage.upload(
                _BUCKET, f"ours/{number}", data, digest, lambda *_: told.append(0), threading.Event()
            )
            asyncio.run(upload)
            ours.append(time.perf_counter() - began)
            theirs.append(_raw_put(at, f"raw/{number}", data))
    yield Figure("upload", f"{_MEGABYTES} MB, with progress", median(ours), "s")
    yield Figure("upload", "÷ a raw PUT", ratio(ours, theirs), "×", 1.6)
    yield Figure("upload", "reports of progress a second", len(told) / sum(ours), "/s", 10)


def _raw_put(at: SandboxAddress, key: str, data: bytes) -> float:
    signed = AWSRequest("PUT", f"{at.url}/{_BUCKET}/{key}", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    signer = S3SigV4Auth(Credentials(at.access_key_id, at.secret_access_key), "s3", at.region)
    signer.add_auth(signed)
    parts = urlsplit(at.url)
    assert parts.hostname is not None
    began = time.perf_counter()
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.request("PUT", f"/{_BUCKET}/{key}", body=data, headers=dict(signed.headers))
    answer = connection.getresponse()
    said = answer.read()
    took = time.perf_counter() - began
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"the raw PUT was answered with {answer.status}: {said[:300]!r}")
    return took
