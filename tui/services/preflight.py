"""The checks before a job, each made with reading calls only; one that cannot be made says why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from tui.domain.base_models import BaseModel, DataFormat, FoundationModel
from tui.domain.clock import span
from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.jobs import DataRef, JobSpec
from tui.domain.names import split_s3_uri
from tui.domain.preflight import Check, Cure, Mark
from tui.domain.text import count, safe_line
from tui.domain.trust import BEDROCK, trust_problem
from tui.domain.values import dataclass
from tui.services.aws import Aws
from tui.services.catalog import Catalog
from tui.services.permissions import Simulator, context_of
from tui.services.quotas import Quotas

NEW_ROLE = "new"
_SHORT = timedelta(hours=4)
_FIRST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the form: who asks, what exists, and the model."""

    identity: Identity
    model: BaseModel
    now: datetime
    job_names: Collection[str] = ()
    model_names: Collection[str] = ()
    moving: int = 0


class Preflight:
    """Makes the checks of one form."""

    def __init__(self, aws: Aws, catalog: Catalog, quotas: Quotas) -> None:
        self._aws = aws
        self._catalog = catalog
        self._quotas = quotas
        self._simulator = Simulator(aws)

    async def run(self, spec: JobSpec, around: Surroundings) -> AsyncIterator[Check]:
        """The checks, each as soon as it is known. Never raises AppError."""
        makers: dict[str, tuple[str, Callable[[], Awaitable[Check]]]] = {
            "account": ("credentials", lambda: _now(credentials_check(around))),
            "base": ("base model", lambda: self._base(spec, around)),
            "names": ("names", lambda: _now(names_check(spec, around))),
            "training": ("training data", lambda: self._data("training", spec.training, around)),
            "validation": ("validation data", lambda: self._data("validation", spec.validation, around)),
            "counts": ("records", lambda: _now(counts_check(spec, around.model))),
            "output": ("output place", lambda: self._output(spec, around)),
            "role": ("role", lambda: self._role(spec, around)),
            "access": ("role's access", lambda: self._access(spec, around)),
            "caller": ("permissions", lambda: self._caller(spec, around)),
            "quota": ("quota", lambda: self._jobs_quota(around)),
        }

        async def made(key: str, title: str, make: Callable[[], Awaitable[Check]]) -> Check:
            try:
                return await make()
            except AppError as error:
                return Check(key, title, Mark.UNKNOWN, f"could not be looked at ({error.title})", error.hint)

        waiting = [asyncio.ensure_future(made(key, title, make)) for key, (title, make) in makers.items()]
        try:
            for done in asyncio.as_completed(waiting):
                yield await done
        finally:
            for task in waiting:
                task.cancel()

    async def _base(self, spec: JobSpec, around: Surroundings) -> Check:
        key, title, model = "base", "base model", around.model
        if spec.base_model_id.startswith("arn:") and ":custom-model/" in spec.base_model_id:
            await self._aws.call("bedrock", "get_custom_model", {"modelIdentifier": spec.base_model_id})
            return Check(key, title, Mark.OK, "a custom model of yours, trained further")
        live = await self._catalog.foundation_models()
        listed = [m for m in live if model.matches(m.model_id) or m.model_id == spec.base_model_id]
        return base_check(model, listed, around)

    async def _data(self, what: str, ref: DataRef | None, around: Surroundings) -> Check:
        title = f"{what} data"
        if ref is None:
            return Check(what, title, Mark.OK, "none: no validation loss, no early stopping")
        if not ref.uri:
            return Check(what, title, Mark.BAD, "nothing is uploaded for this base model yet", cure=Cure.UPLOAD)
        bucket, key = split_s3_uri(ref.uri)
        wrong = await self._region_problem(bucket, around.identity.region)
        if wrong:
            return Check(what, title, Mark.BAD, wrong, "Upload it again to a bucket here", Cure.UPLOAD)
        try:
            head = await self._aws.call("s3", "head_object", {"Bucket": bucket, "Key": key}, need=("ContentLength",))
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
            return Check(what, title, Mark.BAD, f"there is no {safe_line(ref.uri, 120)}", cure=Cure.UPLOAD)
        size = int(head["ContentLength"])
        limit = around.model.limits.training_bytes if what == "training" else around.model.limits.validation_bytes
        if not size:
            return Check(what, title, Mark.BAD, "the file is empty", cure=Cure.UPLOAD)
        if limit and size > limit:
            return Check(what, title, Mark.BAD, f"{size:,} bytes, more than {limit:,}", "Split or shorten it")
        wrong = await self._format_problem(bucket, key, around.model)
        if wrong:
            return Check(what, title, Mark.BAD, wrong, cure=Cure.UPLOAD)
        known = f"{count(ref.records, 'record')}, " if ref.records is not None else ""
        mark = f" #{ref.sha256[:4]}" if ref.sha256 else ""
        return Check(what, title, Mark.OK, f"{known}{size:,} bytes, {around.model.data_format}{mark}")

    async def _format_problem(self, bucket: str, key: str, model: BaseModel) -> str:
        params = {"Bucket": bucket, "Key": key, "Range": f"bytes=0-{_FIRST_BYTES - 1}"}

        def read(client_of: Callable[[str], Any]) -> bytes:
            body: bytes = client_of("s3").get_object(**params)["Body"].read()
            return body

        return format_problem(await self._aws.run(read, "get_object"), model)

    async def _region_problem(self, bucket: str, region: str) -> str:
        """Why a bucket cannot serve a job in the Region; empty when it can."""
        try:
            found = await self._aws.call("s3", "get_bucket_location", {"Bucket": bucket})
        except AppError as error:
            if error.cause is Cause.NOT_FOUND:
                return f"there is no bucket {safe_line(bucket, 63)}"
            raise
        where = found.get("LocationConstraint") or "us-east-1"
        return "" if where == region else f"the bucket {safe_line(bucket, 63)} is in {where}, the job in {region}"

    async def _output(self, spec: JobSpec, around: Surroundings) -> Check:
        bucket, _ = split_s3_uri(spec.output_uri)
        wrong = await self._region_problem(bucket, around.identity.region)
        if not wrong:
            return Check(
                "output", "output place", Mark.OK, f"bucket {safe_line(bucket, 63)} in {around.identity.region}"
            )
        missing = wrong.startswith("there is no")
        cure = Cure.CREATE_BUCKET if missing else None
        return Check("output", "output place", Mark.BAD, wrong, "Name a place in another bucket", cure)

    async def _role(self, spec: JobSpec, around: Surroundings) -> Check:
        if spec.role_arn == NEW_ROLE:
            return Check("role", "role", Mark.UNKNOWN, "one is made before the job is started", cure=Cure.CREATE_ROLE)
        if not spec.role_arn:
            return Check("role", "role", Mark.BAD, "none is chosen", cure=Cure.CREATE_ROLE)
        try:
            found = await self._aws.call("iam", "get_role", {"RoleName": role_name(spec.role_arn)}, need=("Role",))
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
            return Check("role", "role", Mark.BAD, "it does not exist", cure=Cure.CREATE_ROLE)
        at = around.identity
        problem = trust_problem(
            found["Role"].get("AssumeRolePolicyDocument"), at.account, at.region, around.identity.partition
        )
        if problem is None:
            return Check("role", "role", Mark.OK, f"{role_name(spec.role_arn)} trusts Bedrock for jobs here")
        text = safe_line(problem.text, 200)
        if not problem.known:
            return Check("role", "role", Mark.UNKNOWN, text)
        if not problem.curable:
            return Check("role", "role", Mark.BAD, text, "Take it out in IAM, or choose another role")
        return Check("role", "role", Mark.BAD, text, cure=Cure.FIX_TRUST)

    async def _access(self, spec: JobSpec, around: Surroundings) -> Check:
        key, title = "access", "role's access"
        if spec.role_arn in ("", NEW_ROLE) or not spec.training.uri:
            return Check(key, title, Mark.UNKNOWN, "to be seen when role and data are there")
        read = [ref.uri for ref in (spec.training, spec.validation) if ref is not None]
        wanted = [("s3:GetObject", uri) for uri in read]
        wanted += [("s3:ListBucket", f"s3://{bucket}") for bucket in dict.fromkeys(split_s3_uri(u)[0] for u in read)]
        wanted.append(("s3:PutObject", f"{spec.output_uri.rstrip('/')}/x"))
        context, denied, unsure = context_of(around.identity.account, around.identity.region), [], set[str]()
        for action, uri in wanted:
            resource = f"arn:{around.identity.partition}:s3:::{uri.removeprefix('s3://')}"
            may = await self._simulator.may(spec.role_arn, (action,), (resource,), context)
            unsure.update(may.missing)
            if not may.allowed and not may.missing:
                denied.append(f"{action} on {safe_line(uri, 100)}")
        if denied:
            return Check(key, title, Mark.BAD, f"it may not {' or '.join(denied)}", cure=Cure.FIX_ACCESS)
        if unsure:
            return Check(key, title, Mark.UNKNOWN, _depends(unsure))
        return Check(key, title, Mark.OK, "it may read the data and write the output")

    async def _caller(self, spec: JobSpec, around: Surroundings) -> Check:
        key, title, at = "caller", "permissions", around.identity
        source = await self._simulator.caller(at.arn)
        if source is None:
            return Check(key, title, Mark.OK, "the account's root user may do everything")
        bedrock = f"arn:{around.identity.partition}:bedrock:{at.region}"
        places = {
            "bedrock:CreateModelCustomizationJob": f"{bedrock}::foundation-model/{around.model.customization_id}",
            "bedrock:GetModelCustomizationJob": f"{bedrock}:{at.account}:model-customization-job/*",
        }
        context, unsure = context_of(at.account, at.region, {"aws:PrincipalArn": source}), set[str]()
        for action, place in places.items():
            # Who is allowed everything of the kind, or this one, may do it: policies name what they like.
            may = await self._simulator.may(source, (action,), ("*", place), context)
            unsure.update(may.missing)
            if not may.allowed and not may.missing:
                return Check(
                    key, title, Mark.BAD, "you may not start customization jobs", f"Ask for {', '.join(places)}"
                )
        if spec.role_arn not in ("", NEW_ROLE):
            passed = context | {"iam:PassedToService": BEDROCK}
            may = await self._simulator.may(source, ("iam:PassRole",), (spec.role_arn,), passed)
            unsure.update(may.missing)
            if not may.allowed and not may.missing:
                return Check(key, title, Mark.BAD, "you may not pass this role", "Ask for iam:PassRole on it")
        if unsure:
            return Check(key, title, Mark.UNKNOWN, _depends(unsure))
        return Check(key, title, Mark.OK, "you may start jobs and pass the role")

    async def _jobs_quota(self, around: Surroundings) -> Check:
        limit = await self._quotas.value("customization jobs")
        if limit is None:
            return Check("quota", "quota", Mark.UNKNOWN, "AWS tells no quota on customization jobs here")
        text = f"{count(around.moving, 'job')} under way, {limit:g} may be scheduled at once"
        if around.moving >= limit:
            # Which of them AWS still counts as scheduled no call tells; a job in training may no longer be one.
            advice = "AWS may refuse: wait for one to end, or ask for more in Service Quotas"
            return Check("quota", "quota", Mark.UNKNOWN, text, advice)
        return Check("quota", "quota", Mark.OK, text)


async def _now(check: Check) -> Check:
    return check


def _depends(missing: set[str]) -> str:
    return f"it depends on {safe_line(', '.join(sorted(missing)), 100)}, which cannot be told from here"


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


def base_check(model: BaseModel, listed: list[FoundationModel], around: Surroundings) -> Check:
    """Whether Bedrock takes new jobs on the base model here and now."""
    key, title, now, region = "base", "base model", around.now, around.identity.region
    where = ", ".join(model.regions)
    if not listed:
        return Check(key, title, Mark.BAD, f"{model.name} is not offered in {region}", f"Fine-tuning: {where}")
    if any(m.can_fine_tune(now) for m in listed):
        return Check(key, title, Mark.OK, f"{model.name}, active")
    best = next((m for m in listed if "FINE_TUNING" in m.customizations), listed[0])
    state = best.lifecycle_text(now)
    if best.retired(now):
        advice = "Its end of life has passed: requests to it fail, except by private arrangement. b chooses another"
        return Check(key, title, Mark.BAD, f"{model.name} is {state}", advice)
    if best.lifecycle != "ACTIVE":
        advice = "A Legacy model takes no new jobs and no new throughput; what it serves goes on. b chooses another"
        return Check(key, title, Mark.BAD, f"{model.name} is {state}", advice)
    return Check(key, title, Mark.BAD, f"{model.name} cannot be fine-tuned in {region}", f"Fine-tuning: {where}")


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
    batch = spec.hyperparameters.get("batchSize", "")
    if batch.isascii() and batch.isdigit() and int(batch) > max(1, train):
        text = f"a batch of {batch} is more than the {train:,} training records: one step per epoch"
        return Check(key, title, Mark.BAD, text, "Take a smaller batch size")
    return Check(key, title, Mark.OK, f"{train:,} training, {validation:,} validation")


def format_problem(head: bytes, model: BaseModel) -> str:
    """What is wrong with the first record of a file for the model; empty when nothing is, or it is too long to see."""
    line, ended, _ = head.partition(b"\n")
    if not ended and len(head) >= _FIRST_BYTES:
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
