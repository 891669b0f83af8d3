"""Customization jobs and custom models."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from tui.domain.base_models import BaseModel
from tui.domain.clock import span
from tui.domain.names import job_name_problem, model_name_problem, place_problem, role_arn_problem
from tui.domain.values import dataclass

_BASE = r"[a-zA-Z0-9.:/_-]{1,2048}"
_KMS = r"arn:aws[a-z-]*:kms:[a-z0-9-]{1,20}:[0-9]{12}:(?:key|alias)/[a-zA-Z0-9/_-]{1,256}"
_NETWORK = r"[-0-9a-zA-Z]{1,32}"
_TAG = r"[a-zA-Z0-9\s._:/=+@-]*"
_MOST_SUBNETS, _MOST_GROUPS, _MOST_TAGS = 16, 5, 50
PHASES = ("Validation", "Data processing", "Training")


class JobStatus(StrEnum):
    """States of a job as the API names them."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


FINE_TUNING = "FINE_TUNING"
MOVING = frozenset({JobStatus.IN_PROGRESS, JobStatus.STOPPING})


@dataclass(frozen=True, slots=True)
class DataRef:
    """An uploaded data file: where it is, and how many records it holds (None when not known)."""

    uri: str
    records: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job as asked for. Hyperparameters are strings, as the API takes them; names as the API names them."""

    job_name: str
    model_name: str
    base_model_id: str
    role_arn: str
    training: DataRef
    output_uri: str
    validation: DataRef | None = None
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    kms_key: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    job_tags: Mapping[str, str] = field(default_factory=dict)
    model_tags: Mapping[str, str] = field(default_factory=dict)

    def problems(self, model: BaseModel | None) -> dict[str, str]:
        """What is wrong, by field; empty when the job can be sent."""
        found = {
            "job_name": job_name_problem(self.job_name),
            "model_name": model_name_problem(self.model_name),
            "role_arn": role_arn_problem(self.role_arn),
            "training": place_problem(self.training.uri, folder=False)
            if self.training.uri
            else "upload a training file first",
            "output_uri": place_problem(self.output_uri, folder=True),
            "base_model_id": "" if re.fullmatch(_BASE, self.base_model_id) else "a model id or ARN",
            "kms_key": "" if not self.kms_key or re.fullmatch(_KMS, self.kms_key) else "the ARN of a KMS key",
            "subnets": _network_problem(self.subnets, self.security_groups, _MOST_SUBNETS),
            "security_groups": _network_problem(self.security_groups, self.subnets, _MOST_GROUPS),
            "job_tags": _tags_problem(self.job_tags),
            "model_tags": _tags_problem(self.model_tags),
        }
        if self.validation is not None:
            found["validation"] = place_problem(self.validation.uri, folder=False)
        for hyper in model.hyperparameters if model else ():
            found[hyper.name] = hyper.problem(self.hyperparameters.get(hyper.name, ""))
        return {name: problem for name, problem in found.items() if problem}


def _network_problem(ours: tuple[str, ...], others: tuple[str, ...], most: int) -> str:
    if not ours and others:
        return "subnets and security groups go together"
    if len(ours) > most or not all(re.fullmatch(_NETWORK, one) for one in ours):
        return f"up to {most} ids, with commas between them"
    return ""


def _tags_problem(tags: Mapping[str, str]) -> str:
    """Limits of tags as the API states them."""
    if len(tags) > _MOST_TAGS:
        return f"at most {_MOST_TAGS}"
    wrong = any(not 1 <= len(k) <= 128 or len(v) > 256 or k.lower().startswith("aws:") for k, v in tags.items())
    wrong = wrong or not all(re.fullmatch(_TAG, text, re.ASCII) for pair in tags.items() for text in pair)
    return "keys of 1 to 128 letters, digits, spaces and ._:/=+@-, not aws:…; values of up to 256" if wrong else ""


def pairs_of(text: str) -> dict[str, str] | None:
    """`a=1, b=2` as a mapping; None for what is no such list."""
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            return None
        found[name.strip()] = value.strip()
    return found


def pairs_text(pairs: Mapping[str, str]) -> str:
    """What `pairs_of` reads."""
    return ", ".join(f"{name}={value}" for name, value in pairs.items())


@dataclass(frozen=True, slots=True)
class Forecast:
    """Upper bounds: early stopping may end the job sooner."""

    steps_per_epoch: int
    epochs: int
    tokens: int | None = None

    @property
    def steps(self) -> int:
        """Optimizer steps of all epochs."""
        return self.steps_per_epoch * self.epochs


def forecast(records: int, batch_size: int, epochs: int, tokens_per_epoch: int | None = None) -> Forecast:
    """Steps per epoch are records / batch size, rounded up; charged tokens are tokens × epochs."""
    per_epoch = max(1, math.ceil(records / max(1, batch_size)))
    return Forecast(per_epoch, epochs, None if tokens_per_epoch is None else tokens_per_epoch * epochs)


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a job; `status` is the API's word (NotStarted, InProgress, Completed, …)."""

    name: str
    status: str
    began: datetime | None = None
    changed: datetime | None = None

    def lasted(self, now: datetime) -> timedelta | None:
        """How long it took, or has taken so far."""
        if self.began is None or self.status == "NotStarted":
            return None
        return (now if self.status == "InProgress" else self.changed or now) - self.began


@dataclass(frozen=True, slots=True)
class Job:
    """A customization job. Fields that only the detail call tells are empty until it was made (`detailed`)."""

    arn: str
    name: str
    status: str
    base_model_arn: str
    created: datetime
    ended: datetime | None = None
    modified: datetime | None = None
    model_arn: str = ""
    model_name: str = ""
    phases: tuple[Phase, ...] = ()
    detailed: bool = False
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    training_uri: str = ""
    validation_uris: tuple[str, ...] = ()
    output_uri: str = ""
    role_arn: str = ""
    failure: str = ""
    token: str = ""
    training_loss: float | None = None
    validation_loss: float | None = None
    kms_key: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    kind: str = FINE_TUNING
    """How the model is made from its base: the API's word, FINE_TUNING, DISTILLATION and others."""

    @property
    def job_id(self) -> str:
        """The last part of the ARN, which names the job's folder in the output place."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def moving(self) -> bool:
        """Whether its status may still change. An unknown status counts as moving until it has ended."""
        return self.status in MOVING or (self.status not in set(JobStatus) and self.ended is None)

    @property
    def metrics_prefix(self) -> str:
        """S3 URI under which the metrics files are written; empty until the detail is known."""
        if not self.output_uri:
            return ""
        return f"{self.output_uri.rstrip('/')}/model-customization-job-{self.job_id}/"

    def phase_text(self) -> str:
        """The phase that is under way, `Queued` while training waits for capacity; else the status."""
        if self.status != JobStatus.IN_PROGRESS:
            return self.status
        for phase in self.phases:
            if phase.status == "InProgress":
                return phase.name
        done = [phase.name for phase in self.phases if phase.status == "Completed"]
        if done == list(PHASES[:2]):
            return "Queued"
        return "In progress"


def clone_of(job: Job, model: BaseModel, name: str, tags: Mapping[str, str], model_tags: Mapping[str, str]) -> JobSpec:
    """A job like `job`, known in detail, under another name; encrypted by the same key and within the same network."""
    return JobSpec(
        job_name=name,
        model_name=name.replace(".", "-"),
        base_model_id=model.customization_id,
        role_arn=job.role_arn,
        training=DataRef(job.training_uri),
        validation=DataRef(job.validation_uris[0]) if job.validation_uris else None,
        output_uri=job.output_uri,
        hyperparameters=job.hyperparameters,
        kms_key=job.kms_key,
        subnets=job.subnets,
        security_groups=job.security_groups,
        job_tags=_own_tags(tags),
        model_tags=_own_tags(model_tags),
    )


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Without those that AWS itself has put there, and lets nobody put."""
    return {key: value for key, value in tags.items() if not key.lower().startswith("aws:")}


def past_durations(jobs: Iterable[Job]) -> str:
    """How long completed jobs took, to plan with; empty when there are none."""
    took = sorted(job.ended - job.created for job in jobs if job.status == JobStatus.COMPLETED and job.ended)
    if not took:
        return ""
    if len(took) == 1:
        return f"Your one earlier job on this base model took {span(took[0])}, queue included."
    return f"Your {len(took)} earlier jobs on this base model took {span(took[0])} to {span(took[-1])}, queue included."


@dataclass(frozen=True, slots=True)
class CustomModel:
    """A model made by a job."""

    arn: str
    name: str
    base_model_arn: str
    created: datetime
    status: str = "Active"
    kind: str = FINE_TUNING
    owner: str = ""
    """The account it belongs to, where AWS tells of it."""


@dataclass(frozen=True, slots=True)
class Cure:
    """What a failure message means and what to do."""

    cause: str
    action: str


_CURES: tuple[tuple[str, Cure], ...] = (
    (
        "could not validate getobject permissions",
        Cure(
            "The role may not read the data.",
            "Give it s3:GetObject and s3:ListBucket on a bucket in the job's own Region, and kms:Decrypt if the "
            "bucket is encrypted with a KMS key.",
        ),
    ),
    (
        "could not validate putobject permissions",
        Cure("The role may not write the output.", "Give it s3:PutObject on the output place."),
    ),
    (
        "could not assume provided iam role",
        Cure(
            "Bedrock may not use the role, or IAM has not spread it yet.",
            "Wait a minute and start again; else check that the role trusts bedrock.amazonaws.com for this "
            "account and Region.",
        ),
    ),
    (
        "data files must conform to jsonl",
        Cure("A data file is not clean JSONL.", "Convert and upload it again from the Dataset tab."),
    ),
    (
        "must follow",
        Cure("The data has another model's format.", "Choose this base model in the Dataset tab and convert again."),
    ),
    ("input size exceeded", Cure("A record is too long.", "Check the file against this base model and shorten it.")),
    ("token count", Cure("A record is too long.", "Check the file against this base model and shorten it.")),
    (
        "third-party license terms",
        Cure("A content review refused the data.", "Contact AWS support; trying again does not help."),
    ),
    (
        "unexpected error when processing",
        Cure("A fault on the side of the service.", "Start it again under a new name."),
    ),
)  # fmt: skip


def cure(message: str) -> Cure | None:
    """Cause and cure of a job's failure message, where it is a known one."""
    folded = message.casefold()
    return next((found for text, found in _CURES if text in folded), None)
