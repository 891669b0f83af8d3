"""The checks before a job, each made with reading calls only; one that cannot be made says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tui.domain.base_models import BaseModel, base_id
from tui.domain.errors import AppError, Cause
from tui.domain.names import split_s3_uri
from tui.domain.text import count, safe_line
from tui.domain.training.jobs import DataRef, JobSpec
from tui.domain.training.preflight import Check, Cure, Mark
from tui.domain.training.trust import BEDROCK, trust_problem
from tui.services.aws import Aws
from tui.services.catalog import Catalog
from tui.services.serving.quotas import Quotas
from tui.services.training.permissions import Simulator, context_of
from tui.services.training.preflight_facts import (
    FIRST_BYTES,
    Surroundings,
    base_check,
    counts_check,
    credentials_check,
    format_problem,
    keys_check,
    names_check,
    role_name,
)

__all__ = ["NEW_ROLE", "Preflight", "Surroundings", "role_name"]

NEW_ROLE = "new"


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
        keys = keys_check(spec, around)
        if keys is not None:
            makers["keys"] = (keys.title, lambda: _now(keys))

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
        model = around.model
        if spec.base_model_id.startswith("arn:") and ":custom-model/" in spec.base_model_id:
            return await self._own_base(spec.base_model_id, around)
        live, wanted = await self._catalog.foundation_models(), base_id(spec.base_model_id)
        listed = [m for m in live if base_id(m.model_id) == wanted]
        typed = "" if model.matches(spec.base_model_id) else safe_line(spec.base_model_id, 80)
        return base_check(model, listed, around, typed)

    async def _own_base(self, arn: str, around: Surroundings) -> Check:
        key, title, at, model = "base", "base model", around.identity, around.model
        region = arn.split(":")[3]
        if region != at.region:
            text = f"the custom model is in {safe_line(region, 30)}, the job in {at.region}"
            return Check(key, title, Mark.BAD, text, "Copy it here first, or train there")
        try:
            found = await self._aws.call("bedrock", "get_custom_model", {"modelIdentifier": arn})
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
            return Check(key, title, Mark.BAD, "there is no such custom model", "Choose another to train from")
        name, base = safe_line(str(found.get("modelName", "")), 63), str(found.get("baseModelArn", ""))
        if ":foundation-model/" in base and not model.matches(base):
            made_of = safe_line(base.rsplit("/", 1)[-1], 60)
            text = f"{name} was made from {made_of}: this form has the data format and limits of {model.name}"
            return Check(key, title, Mark.BAD, text, "b in 1 Dataset chooses its base model")
        return Check(key, title, Mark.OK, f"{name}, a custom model of yours, trained further")

    async def _data(self, what: str, ref: DataRef | None, around: Surroundings) -> Check:
        title = f"{what} data"
        if ref is None:
            return Check(what, title, Mark.OK, "none: no validation loss, no early stopping")
        if not ref.uri:
            return Check(what, title, Mark.BAD, "nothing is uploaded for this base model yet", cure=Cure.UPLOAD)
        bucket, key = split_s3_uri(ref.uri)
        wrong = _elsewhere(bucket, await self._region_of(bucket), around.identity.region)
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
        text = f"{known}{size:,} bytes, {around.model.data_format}{mark}"
        if head.get("SSEKMSKeyId"):
            text += "; encrypted with a KMS key: but for S3's own, the role needs kms:Decrypt on it"
            return Check(what, title, Mark.UNKNOWN, text)
        return Check(what, title, Mark.OK, text)

    async def _format_problem(self, bucket: str, key: str, model: BaseModel) -> str:
        params = {"Bucket": bucket, "Key": key, "Range": f"bytes=0-{FIRST_BYTES - 1}"}

        def read(client_of: Callable[[str], Any]) -> bytes:
            body: bytes = client_of("s3").get_object(**params)["Body"].read()
            return body

        return format_problem(await self._aws.run(read, "get_object"), model)

    async def _region_of(self, bucket: str) -> str | None:
        """The Region of a bucket; None when there is no such bucket."""
        try:
            found = await self._aws.call("s3", "get_bucket_location", {"Bucket": bucket})
        except AppError as error:
            if error.cause is Cause.NOT_FOUND:
                return None
            raise
        return str(found.get("LocationConstraint") or "us-east-1")

    async def _output(self, spec: JobSpec, around: Surroundings) -> Check:
        bucket, _ = split_s3_uri(spec.output_uri)
        where = await self._region_of(bucket)
        wrong = _elsewhere(bucket, where, around.identity.region)
        if not wrong:
            return Check(
                "output", "output place", Mark.OK, f"bucket {safe_line(bucket, 63)} in {around.identity.region}"
            )
        cure = Cure.CREATE_BUCKET if where is None else None
        return Check("output", "output place", Mark.BAD, wrong, "Name a place in another bucket", cure)

    async def _role(self, spec: JobSpec, around: Surroundings) -> Check:
        if spec.role_arn == NEW_ROLE:
            return Check("role", "role", Mark.UNKNOWN, "one is made before the job is started", cure=Cure.CREATE_ROLE)
        if not spec.role_arn:
            return Check("role", "role", Mark.BAD, "none is chosen", cure=Cure.CREATE_ROLE)
        at, owner = around.identity, spec.role_arn.split(":")[4:5]
        if owner and owner[0] != at.account:
            text = f"it belongs to account {safe_line(owner[0], 20)}, not {at.account}: Bedrock takes roles of its own"
            return Check("role", "role", Mark.BAD, text, cure=Cure.CREATE_ROLE)
        try:
            found = await self._aws.call("iam", "get_role", {"RoleName": role_name(spec.role_arn)}, need=("Role",))
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
            return Check("role", "role", Mark.BAD, "it does not exist", cure=Cure.CREATE_ROLE)
        there = str(found["Role"].get("Arn", spec.role_arn))
        if there != spec.role_arn:
            text = f"the role of this name is {safe_line(there, 120)} now"
            return Check("role", "role", Mark.BAD, text, "Choose that one from the list")
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


def _elsewhere(bucket: str, where: str | None, region: str) -> str:
    """Why a bucket in the Region `where` cannot serve a job in `region`; empty when it can."""
    if where is None:
        return f"there is no bucket {safe_line(bucket, 63)}"
    return "" if where == region else f"the bucket {safe_line(bucket, 63)} is in {where}, the job in {region}"


def _depends(missing: set[str]) -> str:
    return f"it depends on {safe_line(', '.join(sorted(missing)), 100)}, which cannot be told from here"
