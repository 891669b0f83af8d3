"""Names and places that AWS accepts. The patterns are the API's own, rewritten where theirs backtrack."""

from __future__ import annotations

import re
from datetime import datetime

# Equal to the API's `[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*`, which takes exponential time on runs of dashes.
_JOB_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9+.\-]*")
_MODEL_NAME = re.compile(r"[0-9a-zA-Z](?:[_-]?[0-9a-zA-Z])*[_-]?")
_BUCKET = re.compile(r"[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]")
_KEY = re.compile(r"[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*/?")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9_+=,.@/-]{1,512}")
_LONGEST = 63


def job_name_problem(name: str) -> str:
    """What is wrong with a customization job's name; empty when nothing is."""
    if not 1 <= len(name) <= _LONGEST:
        return f"1 to {_LONGEST} characters"
    if not _JOB_NAME.fullmatch(name):
        return "letters, digits, + - and . only, beginning with a letter or digit"
    return ""


def model_name_problem(name: str) -> str:
    """What is wrong with the name of a custom model, provisioned throughput or deployment."""
    if not 1 <= len(name) <= _LONGEST:
        return f"1 to {_LONGEST} characters"
    if not _MODEL_NAME.fullmatch(name):
        return "letters, digits, and single - or _ between them"
    return ""


def bucket_problem(name: str) -> str:
    """What is wrong with a bucket's name."""
    if not _BUCKET.fullmatch(name) or ".." in name:
        return "3 to 63 of a–z, 0–9, - and ., beginning and ending with a letter or digit"
    return ""


def key_problem(key: str) -> str:
    """What is wrong with an S3 key or prefix, as customization jobs take them."""
    if not key or not _KEY.fullmatch(key) or len(key) > 900:
        return "letters, digits and - _ . ! * ' ( ) between single slashes; no spaces"
    return ""


def role_arn_problem(arn: str) -> str:
    """What is wrong with the ARN of an IAM role."""
    return "" if _ROLE.fullmatch(arn) else "an IAM role ARN: arn:aws:iam::123456789012:role/name"


def s3_uri(bucket: str, key: str) -> str:
    """`s3://bucket/key`."""
    return f"s3://{bucket}/{key}"


def place_problem(uri: str, *, folder: bool) -> str:
    """What is wrong with the S3 URI of a data file, or of a `folder`, as customization jobs take them."""
    match = re.fullmatch(r"s3://([^/]+)(?:/(.*))?", uri, re.DOTALL)
    if match is None:
        return "an S3 place, s3://bucket/prefix/" if folder else "an S3 file, s3://bucket/key"
    bucket, key = match[1], match[2] or ""
    return bucket_problem(bucket) or (key_problem(key) if key or not folder else "")


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key; raises ValueError when it is not an S3 URI."""
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri, re.DOTALL)
    if match is None:
        raise ValueError(f"not an S3 URI: {uri}")
    return match[1], match[2]


def plain(text: str, fallback: str = "data") -> str:
    """`text` reduced to what S3 keys and model names both take: letters, digits and single dashes."""
    kept = re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")
    return kept[:40].strip("-") or fallback


def stamped(stem: str, moment: datetime) -> str:
    """A job name for once: job names cannot be used again, so the local time is part of it."""
    return f"{plain(stem, 'job')}-{moment.astimezone():%m%d-%H%M%S}"
