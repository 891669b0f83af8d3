"""A sandbox per test with a clock moved by hand, and a scene to act in: bucket, role, records, jobs, models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tui.sandbox.catalog import base_arn
from tui.sandbox.clock import ManualClock
from tui.sandbox.records import Model, model_arn
from tui.sandbox.server import Sandbox
from tui.sandbox.training import Example, TrainingPlan, train

BUCKET = "tanzaku-lessons"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0:200k"
LLAMA_33 = "meta.llama3-3-70b-instruct-v1:0:128k"
LLAMA_31 = "meta.llama3-1-8b-instruct-v1:0:128k"
WHOLE_JOB = 3600
PAIRS = [(f"What is lantern number {n}?", f"Lantern {n} hangs at gate {n * 7} of the garden.") for n in range(40)]


def claude_lines(pairs: list[tuple[str, str]]) -> str:
    """JSONL in the layout of Claude."""
    return "".join(
        json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]}) + "\n"
        for q, a in pairs
    )


def conversation_lines(pairs: list[tuple[str, str]]) -> str:
    """JSONL in the layout of Nova and the newer Llama models."""
    lines = []
    for q, a in pairs:
        turns = [{"role": "user", "content": [{"text": q}]}, {"role": "assistant", "content": [{"text": a}]}]
        document = {"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "Be brief."}], "messages": turns}
        lines.append(json.dumps(document) + "\n")
    return "".join(lines)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def message_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Message"])


@cache
def small_adapter() -> bytes:
    """The weights of one short training, shared by the tests of a process."""
    examples = [Example(question, answer) for question, answer in PAIRS]
    return train(examples, [], TrainingPlan(epochs=6, batch_size=8)).adapter.to_bytes()


@dataclass
class Scene:
    """Clients of one sandbox and the things a job needs."""

    sandbox: Sandbox
    clock: ManualClock
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.sandbox.client(service, retries={"total_max_attempts": 1})
        return self._clients[service]

    @property
    def bedrock(self) -> Any:
        return self.client("bedrock")

    @property
    def runtime(self) -> Any:
        return self.client("bedrock-runtime")

    def bucket(self, name: str = BUCKET, region: str = "us-west-2") -> str:
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3 = self.sandbox.client("s3", region_name=region) if region != "us-west-2" else self.client("s3")
        s3.create_bucket(Bucket=name, **place)
        return name

    def upload(self, key: str, text: str | bytes, bucket: str = BUCKET) -> str:
        body = text.encode() if isinstance(text, str) else text
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    def role(self, name: str = "tuner", *, trust: Any = None, statements: Any = None) -> str:
        account = self.sandbox.account_id
        trusted = trust or {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnEquals": {"aws:SourceArn": f"arn:aws:bedrock:us-west-2:{account}:model-customization-job/*"},
            },
        }
        allowed = statements or [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            }
        ]
        iam = self.client("iam")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_role_policy(RoleName=name, PolicyName="access", PolicyDocument=policy)
        return str(arn)

    def ready_for_jobs(self) -> dict[str, Any]:
        """Bucket, role and records; the answer is what a job request needs."""
        self.bucket()
        return {
            "jobName": "lessons-1",
            "customModelName": "lantern-keeper",
            "roleArn": self.role(),
            "baseModelIdentifier": HAIKU,
            "trainingDataConfig": {"s3Uri": self.upload("in/training.jsonl", claude_lines(PAIRS))},
            "validationDataConfig": {
                "validators": [{"s3Uri": self.upload("in/validation.jsonl", claude_lines(PAIRS[:32]))}]
            },
            "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/out/"},
        }

    def ready_for_jobs_here(self) -> dict[str, Any]:
        """What a job request needs where bucket and role are there already."""
        account = self.sandbox.account_id
        return {
            "jobName": "lessons-1",
            "customModelName": "lantern-keeper",
            "roleArn": f"arn:aws:iam::{account}:role/tuner",
            "baseModelIdentifier": HAIKU,
            "trainingDataConfig": {"s3Uri": self.upload("in/training.jsonl", claude_lines(PAIRS))},
            "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/out/"},
        }

    def job(self, arn: str) -> dict[str, Any]:
        return dict(self.bedrock.get_model_customization_job(jobIdentifier=arn))

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.sandbox.settle()

    def model(self, name: str = "lantern-keeper", base_id: str = HAIKU) -> str:
        """A custom model as if a job had made it, without the wait for one; its ARN."""
        world, region = self.sandbox.world, self.sandbox.region
        arn = model_arn(region, base_id)
        job = arn.replace("custom-model/", "model-customization-job/")
        now = world.now()
        base = base_arn(region, base_id)
        uri = f"s3://{BUCKET}/x"
        model = Model(
            arn, name, region, job, f"{name}-job", base_id, base, "FINE_TUNING", {}, uri, None, uri, now, 1.5, None
        )
        with world.lock:
            world.keep_adapter(model.id, small_adapter())
            world.records.models[arn] = model
            world.save()
        return arn

    def throughput(self, model: str, name: str = "gate-1") -> str:
        """A provisioned throughput in service; its ARN."""
        made = self.bedrock.create_provisioned_model_throughput(modelUnits=1, provisionedModelName=name, modelId=model)
        self.clock.advance(600)
        return str(made["provisionedModelArn"])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        running.reset()
        yield running


@pytest.fixture
def scene(sandbox: Sandbox, clock: ManualClock) -> Scene:
    return Scene(sandbox, clock)
