"""What a job may read and write: by its role's policies, in its own Region."""

from __future__ import annotations

from tui.sandbox import roles
from tui.sandbox.records import Evaluation, Job
from tui.sandbox.trainingdata import DataError
from tui.sandbox.world import World


def read_as_role(world: World, job: Job | Evaluation, uri: str, policies: tuple[str, ...]) -> bytes:
    """An object's bytes if the job's role may read it and its bucket is in the job's Region; raises DataError."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    given = context(world)
    allowed = roles.may_act(policies, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", given)
    allowed = allowed and roles.may_act(
        policies, "s3:ListBucket", f"arn:aws:s3:::{bucket}", {**given, "s3:prefix": key}
    )
    data = world.storage.read(uri) if allowed and world.storage.bucket_region(bucket) == job.region else None
    if data is None:
        raise DataError(f"Could not validate GetObject permissions to access Amazon S3 bucket: {bucket} at key {key}")
    return data


def context(world: World) -> dict[str, str]:
    """What conditions of policies are compared with."""
    return {"aws:resourceaccount": world.account_id, "aws:securetransport": "true"}


def no_put(output_uri: str, name: str) -> str:
    """The failure message for an output place that may not be written."""
    bucket, _, prefix = output_uri.removeprefix("s3://").partition("/")
    key = f"{prefix.rstrip('/')}/{name}".lstrip("/")
    return f"(PutObject): Could not validate PutObject permissions to access Amazon S3 bucket: {bucket} at key {key}"
