"""Checks before a job that need nothing but what is known already."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta

from tui.domain.base_models import BaseModel, DataFormat, FoundationModel
from tui.domain.clock import span
from tui.domain.identity import Identity
from tui.domain.text import safe_line, whole
from tui.domain.training.jobs import JobSpec
from tui.domain.training.preflight import Check, Cure, Mark
from tui.domain.values import dataclass

_SHORT = timedelta(hours=4)
FIRST_BYTES = 65_536
"""Of a data file, so much is looked at."""
_ANOTHER = "b in 1 Dataset chooses another"
_RETIRED = "Its end of life has passed: requests to it fail, except by private arrangement"
_LEGACY = "A Legacy model takes no new jobs and no new throughput; what it serves goes on"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the form: who asks, what exists, and the model."""

    identity: Identity
    model: BaseModel
    now: datetime
    job_names: Collection[str] = ()
    model_names: Collection[str] = ()
    moving: int = 0


def role_name(arn: str) -> str:
    """The name in a role's ARN."""
    return arn.rsplit("/", 1)[-1]


def credentials_check(around: Surroundings) -> Check:
    """Who asks, and whether the credentials outlast a usual job."""
    at = around.identity
    if at.problem is not None or not at.account:
        problem = at.problem.sentence() if at.problem else "not known yet"
        return Check("account", "credentials", Mark.BAD, problem)
    text = f"account {at.account} in {at.region}"
    left = at.expires - around.now if at.expires else None
    if left is not None and left < _SHORT:
        ends = f"they end in {span(left)}" if left > timedelta(0) else "they have ended"
        return Check("account", "credentials", Mark.OK, f"{text}; {ends}, the job goes on without them")
    return Check("account", "credentials", Mark.OK, text)


def names_check(spec: JobSpec, around: Surroundings) -> Check:
    """Names that are right and free: AWS keeps every job, so that its name is used up for good."""
    problems = spec.problems(None)
    wrong = problems.get("job_name") or problems.get("model_name")
    if wrong:
        return Check("names", "names", Mark.BAD, wrong)
    if spec.job_name in around.job_names:
        return Check("names", "names", Mark.BAD, f"a job {spec.job_name} exists", cure=Cure.RENAME)
    if spec.model_name in around.model_names:
        return Check("names", "names", Mark.BAD, f"a model {spec.model_name} exists", cure=Cure.RENAME)
    return Check("names", "names", Mark.OK, "right and free")


def base_check(model: BaseModel, listed: list[FoundationModel], around: Surroundings, typed: str = "") -> Check:
    """Whether Bedrock takes new jobs on the base model here and now; `typed` is the id of one that is not ours."""
    key, title, now, region = "base", "base model", around.now, around.identity.region
    name, where = typed or model.name, ", ".join(model.regions) if not typed else "see the User Guide"
    if not listed:
        return Check(key, title, Mark.BAD, f"{name} is not offered in {region}", f"Fine-tuning: {where}")
    if any(m.can_fine_tune(now) for m in listed):
        return Check(key, title, Mark.OK, f"{name}, active")
    best = next((m for m in listed if "FINE_TUNING" in m.customizations), listed[0])
    state = best.lifecycle_text(now)
    if best.retired(now):
        advice = f"{_RETIRED}. {_ANOTHER}"
        return Check(key, title, Mark.BAD, f"{name} is {state}", advice)
    if best.lifecycle != "ACTIVE":
        advice = f"{_LEGACY}. {_ANOTHER}"
        return Check(key, title, Mark.BAD, f"{name} is {state}", advice)
    return Check(key, title, Mark.BAD, f"{name} cannot be fine-tuned in {region}", f"Fine-tuning: {where}")


def counts_check(spec: JobSpec, model: BaseModel) -> Check:
    """Records against the model's limits, and the batch against the records."""
    key, title, limits = "counts", "records", model.limits
    train = spec.training.records
    validation = spec.validation.records if spec.validation else 0
    if train is None or validation is None:
        return Check(key, title, Mark.UNKNOWN, "how many records a file holds is known of uploads from here only")
    for what, number, (low, high) in (
        ("training", train, limits.training_records),
        ("validation", validation, limits.validation_records),
        ("together", train + validation, limits.total_records),
    ):
        if (number or what != "validation") and not low <= number <= high:
            return Check(
                key, title, Mark.BAD, f"{what}: {number:,} records, {low:,} to {high:,} are taken ({limits.source})"
            )
    batch = whole(spec.hyperparameters.get("batchSize", ""), 10**9) or 0
    if batch > max(1, train):
        text = f"a batch of {batch} is more than the {train:,} training records: one step per epoch"
        return Check(key, title, Mark.BAD, text, "Take a smaller batch size")
    return Check(key, title, Mark.OK, f"{train:,} training, {validation:,} validation")


def format_problem(head: bytes, model: BaseModel) -> str:
    """What is wrong with the first record of a file for the model; empty when nothing is, or it is too long to see."""
    line, ended, _ = head.partition(b"\n")
    if not ended and len(head) >= FIRST_BYTES:
        return ""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return "line 1 is no JSON"
    if not isinstance(record, dict):
        return "line 1 is no JSON object"
    if model.data_format is DataFormat.PROMPT_COMPLETION:
        fits = isinstance(record.get("prompt"), str) and isinstance(record.get("completion"), str)
    else:
        messages = record.get("messages")
        first = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
        plain = model.data_format is DataFormat.CLAUDE_MESSAGES
        fits = isinstance(first.get("content"), str if plain else list)
        fits = fits and (plain or "schemaVersion" in record)
    return "" if fits else f"line 1 is not in the format {model.data_format}"


def keys_check(spec: JobSpec, around: Surroundings) -> Check | None:
    """What a KMS key and a VPC ask of the role, which no call tells without effects; None where neither is used."""
    key, title, at = "keys", "KMS key and VPC", around.identity
    if not spec.kms_key and not spec.subnets:
        return None
    region = spec.kms_key.split(":")[3] if spec.kms_key.count(":") >= 5 else at.region
    if region != at.region:
        return Check(key, title, Mark.BAD, f"the key is in {safe_line(region, 30)}, the job in {at.region}")
    needs = ["the key's policy has to let the role use it (kms:Decrypt, GenerateDataKey, CreateGrant)"]
    needs = needs if spec.kms_key else []
    if spec.subnets:
        needs.append(
            "the role needs EC2 permissions for network interfaces (one made here has them), and the VPC a way to S3"
        )
    return Check(key, title, Mark.UNKNOWN, "; ".join(needs))
