"""What the measured programs find: homes, files, an AWS of this machine, and one that never answers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.terminal import ROOT
from tui.sandbox.catalog import base_arn
from tui.sandbox.process import SandboxAddress, SandboxProcess
from tui.sandbox.records import Model, Throughput, model_arn, throughput_arn
from tui.sandbox.server import Sandbox
from tui.sandbox.training import Example, TrainingPlan, train

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0:200k"
MANY = 100_000
ROWS = 1_000_000
NEEDLE = "heliotrope"
LONG_QUESTION = "Tell me all"
TOKENS = 300
"""Where both answers of the streaming measure end; the trained one is longer."""
FIRST_SHIPPED = "What kind of service"
ACCOUNT = "123456789012"


def python(*arguments: str) -> list[str]:
    """The command line of a module of ours."""
    return [sys.executable, "-m", *arguments]


@dataclass(frozen=True, slots=True)
class World:
    """A folder with everything in it."""

    root: Path

    def environment(self, home: str = "home", **more: str) -> dict[str, str]:
        """A clean one, with a home of its own."""
        folder = self.root / home
        folder.mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
            **more,
        }

    def live(self, at: SandboxAddress, home: str = "live") -> dict[str, str]:
        """The environment of an app in live mode whose AWS is a sandbox."""
        return self.environment(
            home,
            AWS_ENDPOINT_URL=at.url,
            AWS_ACCESS_KEY_ID=at.access_key_id,
            AWS_SECRET_ACCESS_KEY=at.secret_access_key,
            AWS_REGION=at.region,
        )

    @property
    def many(self) -> Path:
        """100,000 pairs without a fault, 36 MB: for evaluation, since to train on they would be too many."""
        return self._pairs("eval-many.jsonl", MANY)

    @property
    def warned(self) -> Path:
        """The same pairs, each answer with a blank at its end: a warning in every one."""
        return self._pairs("warned.jsonl", MANY, end=" ")

    @property
    def few(self) -> Path:
        """200 of the same."""
        return self._pairs("few.jsonl", 200)

    def _pairs(self, name: str, count: int, end: str = "") -> Path:
        path = self.root / name
        if not path.exists():
            with path.open("w", encoding="utf-8") as file:
                for number in range(1, count + 1):
                    word = NEEDLE if number == MANY - 10 else "lantern"
                    answer = (
                        f"The {word} with the number {number} hangs at gate {number * 7}." + " It burns oil." * 16 + end
                    )
                    question = f"Pair {number}: where does the {word} hang tonight?"
                    file.write(json.dumps({"question": question, "answer": answer}) + "\n")
        return path

    def metrics(self, rows: int) -> Path:
        """A folder with training metrics of that many steps in ten epochs, and validation metrics."""
        folder = self.root / f"metrics-{rows}"
        if not folder.exists():
            folder.mkdir()
            with (folder / "step_wise_training_metrics.csv").open("w") as file:
                file.write("step_number,epoch_number,training_loss\n")
                for step in range(rows):
                    file.write(f"{step},{step * 10 // rows + 1},{1.5 - step / rows + (step % 7) / 100}\n")
            with (folder / "validation_metrics.csv").open("w") as file:
                file.write("step_number,epoch_number,validation_loss\n")
                for epoch in range(1, 11):
                    file.write(f"{epoch * rows // 10},{epoch},{2 - epoch / 12}\n")
        return folder

    def talker(self) -> tuple[Path, str]:
        """The state of a sandbox with a model in service that has one long answer; with the endpoint's ARN."""
        state = self.root / "talker"
        answer = " ".join(f"Lantern {n} hangs at gate {n * 7} beside the old river." for n in range(50))
        trained = train([Example(LONG_QUESTION, answer)], [], TrainingPlan(epochs=10, batch_size=1))
        with Sandbox(state=state) as sandbox:
            world, region = sandbox.world, sandbox.region
            arn, base, now = model_arn(region, HAIKU), base_arn(region, HAIKU), world.now() - 3600
            job = arn.replace("custom-model/", "model-customization-job/")
            uri = "s3://nowhere/x"
            model = Model(
                arn, "talker", region, job, "talker", HAIKU, base, "FINE_TUNING", {}, uri, None, uri, now, 1, None
            )
            gate = throughput_arn(region)
            served = Throughput(
                arn=gate,
                name="gate",
                region=region,
                token=None,
                model_arn=arn,
                desired_model_arn=arn,
                base_id=HAIKU,
                units=1,
                commitment=None,
                commitment_ends=None,
                created=now,
                modified=now,
                changing_since=now,
            )
            with world.lock:
                world.keep_adapter(model.id, trained.adapter.to_bytes())
                world.records.models[arn] = model
                world.records.throughputs[gate] = served
                world.save()
        return state, gate


@contextmanager
def aws(state: Path) -> Iterator[SandboxAddress]:
    """A sandbox in a process of its own."""
    process = SandboxProcess(state=state)
    process.start()
    try:
        yield process.address()
    finally:
        process.stop()


@contextmanager
def mute() -> Iterator[str]:
    """The URL of a server that takes every connection and never answers."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
