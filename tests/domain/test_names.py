"""Names: the same language as AWS's patterns, without their traps."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.names import (
    bucket_problem,
    job_name_problem,
    key_problem,
    model_name_problem,
    place_problem,
    plain,
    role_arn_problem,
    s3_uri,
    split_s3_uri,
    stamped,
)

# The API's own patterns. They take exponential time on some texts, so that only short ones are tried here.
AWS_JOB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*")
AWS_MODEL_NAME = re.compile(r"([0-9a-zA-Z][_-]?){1,63}")
AWS_S3_URI = re.compile(r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?")
short = st.text("aZ09-_+.! \n日", max_size=9)


@given(short)
def test_job_names_are_those_of_the_api(name: str) -> None:
    assert (job_name_problem(name) == "") is bool(AWS_JOB_NAME.fullmatch(name))


@given(short)
def test_model_names_are_those_of_the_api(name: str) -> None:
    assert (model_name_problem(name) == "") is bool(AWS_MODEL_NAME.fullmatch(name))


@given(st.text("ab./- =", max_size=8), st.text("aB9/-_.!*'() =+", max_size=8))
def test_places_are_uris_of_the_api(bucket: str, key: str) -> None:
    uri = f"s3://{bucket}/{key}" if key else f"s3://{bucket}"
    if place_problem(uri, folder=True) == "":
        assert AWS_S3_URI.fullmatch(uri)
    elif AWS_S3_URI.fullmatch(uri):
        assert ".." in bucket  # which S3 itself refuses


@pytest.mark.parametrize("check", [job_name_problem, model_name_problem], ids=lambda f: f.__name__)
def test_lengths(check: object) -> None:
    assert callable(check)
    assert check("a" * 63) == check("a") == ""
    assert check("a" * 64) == check("") == "1 to 63 characters"


@pytest.mark.parametrize("text", ["a" + "-" * 60 + "!", "a-" * 31 + "!", "a" + "_" * 60, "a/" * 400 + "!"])
def test_no_text_takes_long(text: str) -> None:
    began = time.thread_time()
    for check in (job_name_problem, model_name_problem, bucket_problem, key_problem, role_arn_problem):
        check(text)
    assert time.thread_time() - began < 4
    assert role_arn_problem(text)


@pytest.mark.parametrize(
    ("bucket", "good"),
    [
        ("abc", True),
        ("a-b.c9", True),
        ("a" * 63, True),
        ("ab", False),
        ("a" * 64, False),
        ("Abc", False),
        ("a..b", False),
        ("-ab", False),
        ("ab-", False),
        ("a_b", False),
        ("", False),
    ],
)
def test_buckets(bucket: str, good: bool) -> None:
    assert (bucket_problem(bucket) == "") is good


@pytest.mark.parametrize(
    ("uri", "folder", "good"),
    [
        ("s3://bucket/out/", True, True),
        ("s3://bucket", True, True),
        ("s3://bucket/", True, True),
        ("s3://bucket/in/x.jsonl", False, True),
        ("s3://bucket", False, False),
        ("s3://bucket/", False, False),
        ("s3://", True, False),
        ("s3:///x", True, False),
        ("s3://bucket/with space/", True, False),
        ("s3://bucket//x", True, False),
        ("s3://Bucket/x", True, False),
        ("https://bucket/x", True, False),
        ("", True, False),
    ],
)
def test_places(uri: str, folder: bool, good: bool) -> None:
    assert (place_problem(uri, folder=folder) == "") is good


@pytest.mark.parametrize(
    ("arn", "good"),
    [
        ("arn:aws:iam::123456789012:role/tuner", True),
        ("arn:aws-us-gov:iam::123456789012:role/path/to/tuner", True),
        ("arn:aws:iam::12345678901:role/tuner", False),
        ("arn:aws:iam::１２３４５６７８９０１２:role/tuner", False),
        ("arn:aws:iam::123456789012:user/tuner", False),
        ("arn:aws:iam::123456789012:role/役", False),
        ("arn:aws:iam::123456789012:role/", False),
        ("", False),
    ],
)
def test_roles(arn: str, good: bool) -> None:
    assert (role_arn_problem(arn) == "") is good


@given(st.text("ab-./日 ", min_size=1, max_size=6).filter(lambda b: "/" not in b), st.text(max_size=12))
def test_uris_come_apart_as_they_were_put_together(bucket: str, key: str) -> None:
    key = key.removeprefix("/")
    assert split_s3_uri(s3_uri(bucket, key)) == (bucket, key)


@pytest.mark.parametrize("uri", ["", "s3:/x", "S3://x/y", "http://x"])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="not an S3 URI"):
        split_s3_uri(uri)


@given(st.text(max_size=80))
def test_a_plain_name_is_good_everywhere(text: str) -> None:
    name = plain(text)
    assert key_problem(name) == model_name_problem(name) == job_name_problem(name) == ""
    job = stamped(text, datetime(2026, 11, 22, 9, 30, 5, tzinfo=UTC))
    assert job_name_problem(job) == model_name_problem(job) == ""


def test_names_of_two_seconds_differ() -> None:
    first, second = (stamped("x", datetime(2026, 1, 5, 9, 0, s, tzinfo=UTC)) for s in (1, 2))
    assert first != second
    assert plain("質問") == "data"
    assert plain("My file (2).json") == "My-file-2-json"
