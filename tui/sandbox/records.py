"""What the sandbox remembers about Amazon Bedrock, as plain values that go to JSON and back.

Times are seconds since the epoch in UTC, durations seconds.
"""

from __future__ import annotations

import dataclasses
import secrets
import string
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tui.sandbox.catalog import ACCOUNT_ID


@dataclass(slots=True)
class Phase:
    """One entry of a job's statusDetails."""

    status: str
    created: float
    modified: float


@dataclass(slots=True)
class Job:
    """A model customization job. ``phase_started`` is when the present phase (or the stopping) began."""

    arn: str
    name: str
    model_name: str
    token: str | None
    role_arn: str
    region: str
    base_id: str
    base_arn: str
    customization_type: str
    hyperparameters: dict[str, str]
    training_uri: str
    validation_uri: str | None
    output_uri: str
    created: float
    modified: float
    phase_started: float
    seed: int
    status: str = "InProgress"
    phase: str = "validation"
    phases: dict[str, Phase] = field(default_factory=dict)
    source_model_arn: str | None = None
    failure: str | None = None
    ended: float | None = None
    training_loss: float | None = None
    validation_loss: float | None = None
    model_arn: str | None = None
    epochs_run: int | None = None
    model_tags: list[dict[str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]


@dataclass(slots=True)
class Model:
    """A custom model; its adapter is stored under the last part of the ARN."""

    arn: str
    name: str
    region: str
    job_arn: str
    job_name: str
    base_id: str
    base_arn: str
    customization_type: str
    hyperparameters: dict[str, str]
    training_uri: str
    validation_uri: str | None
    output_uri: str
    created: float
    training_loss: float | None
    validation_loss: float | None

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]


@dataclass(slots=True)
class Throughput:
    """A provisioned throughput; ``base_id`` is the foundation model's id with its suffix."""

    arn: str
    name: str
    region: str
    token: str | None
    model_arn: str
    desired_model_arn: str
    base_id: str
    units: int
    commitment: str | None
    commitment_ends: float | None
    created: float
    modified: float
    changing_since: float
    status: str = "Creating"


@dataclass(slots=True)
class Deployment:
    """A custom model deployment, served on demand."""

    arn: str
    name: str
    region: str
    token: str | None
    model_arn: str
    description: str | None
    created: float
    modified: float
    status: str = "Creating"


@dataclass(slots=True)
class Purchase:
    """A line of the books: model units that were held from ``started`` to ``ended`` (None: still held)."""

    arn: str
    name: str
    model_arn: str
    units: int
    commitment: str | None
    started: float
    ended: float | None = None


@dataclass(slots=True)
class Evaluation:
    """A model evaluation job with a judge. ``generator`` is the model asked, or None for answers brought along under
    the name ``source``; ``config`` and ``inference`` are kept as they were asked for."""

    arn: str
    name: str
    description: str | None
    token: str | None
    role_arn: str
    region: str
    config: dict[str, Any]
    inference: dict[str, Any]
    output_uri: str
    judge: str
    generator: str | None
    source: str | None
    created: float
    modified: float
    changing_since: float
    status: str = "InProgress"
    failures: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]


@dataclass(slots=True)
class Schedule:
    """A one-time schedule; ``due`` is when it fires, ``after`` what becomes of it then (NONE or DELETE)."""

    arn: str
    name: str
    region: str
    token: str | None
    expression: str
    timezone: str
    due: float
    target: str
    role_arn: str
    input: str
    after: str
    state: str
    created: float
    modified: float
    fired: bool = False


@dataclass(slots=True)
class Request:
    """What was asked for under a client request token, and what it created."""

    operation: str
    digest: str
    arn: str


@dataclass(slots=True)
class Records:
    """Everything Bedrock holds, keyed by ARN; tags by ARN, requests by client request token."""

    jobs: dict[str, Job] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    throughputs: dict[str, Throughput] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    purchases: list[Purchase] = field(default_factory=list)
    requests: dict[str, Request] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Records:
        """Raises ValueError, KeyError or TypeError for anything that ``to_json`` did not write."""
        records = cls()
        for arn, item in document["jobs"].items():
            phases = {name: _build(Phase, phase) for name, phase in item.pop("phases").items()}
            records.jobs[arn] = _build(Job, {**item, "phases": phases})
        records.models = {arn: _build(Model, item) for arn, item in document["models"].items()}
        records.throughputs = {arn: _build(Throughput, item) for arn, item in document["throughputs"].items()}
        records.deployments = {arn: _build(Deployment, item) for arn, item in document["deployments"].items()}
        # Worlds saved before there were evaluation jobs have none.
        kept = document.get("evaluations", {})
        records.evaluations = {arn: _build(Evaluation, item) for arn, item in kept.items()}
        # Nor schedules.
        kept = document.get("schedules", {})
        records.schedules = {key: _build(Schedule, item) for key, item in kept.items()}
        records.purchases = [_build(Purchase, item) for item in document["purchases"]]
        records.requests = {token: _build(Request, item) for token, item in document["requests"].items()}
        records.tags = {arn: dict(tags) for arn, tags in document["tags"].items()}
        return records


_T = TypeVar("_T")


def _build(kind: type[_T], item: dict[str, Any]) -> _T:
    return kind(**item)


_ALPHABET = string.ascii_lowercase + string.digits


def new_id() -> str:
    """Twelve lower-case letters and digits, as at the end of Bedrock's ARNs."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def job_arn(region: str, base_id: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:model-customization-job/{base_id}/{new_id()}"


def model_arn(region: str, base_id: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:custom-model/{base_id}/{new_id()}"


def throughput_arn(region: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:provisioned-model/{new_id()}"


def deployment_arn(region: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:custom-model-deployment/{new_id()}"


def evaluation_arn(region: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:evaluation-job/{new_id()}"
