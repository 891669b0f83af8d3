"""Jobs: what may be asked for, where they stand, and what a failure means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE, find
from tui.domain.training.jobs import (
    DataRef,
    Job,
    JobSpec,
    Phase,
    clone_of,
    cure,
    forecast,
    pairs_of,
    pairs_text,
    past_durations,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HAIKU = find("claude-3-haiku")
ARN = "arn:aws:bedrock:us-west-2:123456789012:model-customization-job/anthropic.claude-3-haiku-20240307-v1:0:200k/abc1"
SPEC = JobSpec(
    job_name="faq-1122-093000",
    model_name="faq",
    base_model_id="anthropic.claude-3-haiku-20240307-v1:0:200k",
    role_arn="arn:aws:iam::123456789012:role/tuner",
    training=DataRef("s3://bucket/in/training.jsonl", 85),
    output_uri="s3://bucket/out/",
    hyperparameters={
        "epochCount": "10",
        "batchSize": "32",
        "learningRateMultiplier": "1",
        "earlyStoppingThreshold": "0.001",
        "earlyStoppingPatience": "2",
    },
)


def job(status: str = "InProgress", *phases: str, ended: datetime | None = None, output: str = "") -> Job:
    names = ("Validation", "Data processing", "Training")
    known = tuple(Phase(name, word, NOW, NOW) for name, word in zip(names, phases, strict=False))
    return Job(ARN, "faq", status, "", NOW, ended, phases=known, output_uri=output)


def test_a_good_job_has_no_problem() -> None:
    assert SPEC.problems(HAIKU) == {}


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda m: m.key)
def test_the_defaults_of_every_model_can_be_sent(model: object) -> None:
    found = find(getattr(model, "key"))  # noqa: B009
    assert found is not None
    defaults = {h.name: h.text(h.default) for h in found.hyperparameters}
    assert replace(SPEC, hyperparameters=defaults).problems(found) == {}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (replace(SPEC, job_name="two words"), "job_name"),
        (replace(SPEC, model_name="a--b"), "model_name"),
        (replace(SPEC, role_arn=""), "role_arn"),
        (replace(SPEC, training=DataRef("")), "training"),
        (replace(SPEC, training=DataRef("s3://")), "training"),
        (replace(SPEC, output_uri="out/"), "output_uri"),
        (replace(SPEC, output_uri="s3://bucket/a b/"), "output_uri"),
        (replace(SPEC, hyperparameters={**SPEC.hyperparameters, "epochCount": "11"}), "epochCount"),
        (replace(SPEC, hyperparameters={}), "epochCount"),
        (replace(SPEC, subnets=("subnet-1",)), "security_groups"),
        (replace(SPEC, security_groups=("sg-1",)), "subnets"),
        (replace(SPEC, subnets=("subnet-1",) * 17, security_groups=("sg-1",)), "subnets"),
        (replace(SPEC, subnets=("subnet-1",), security_groups=("sg-1",) * 6), "security_groups"),
        (replace(SPEC, subnets=("a b",), security_groups=("sg-1",)), "subnets"),
        (replace(SPEC, model_tags={"": "x"}), "model_tags"),
        *(
            (replace(SPEC, job_tags=tags), "job_tags")
            for tags in (
                {"": "x"},
                {"k" * 129: "x"},
                {"k": "x" * 257},
                {"AWS:k": "x"},
                {"k": "a,b"},
                {"k\u3000": "x"},  # a blank to Python's patterns, not to those of AWS
                {f"k{n}": "" for n in range(51)},
            )
        ),
    ],
)
def test_each_problem_stands_at_its_field(changed: JobSpec, field: str) -> None:
    assert changed.problems(HAIKU)[field]


def test_networks_and_tags_may_be_as_large_as_aws_lets_them() -> None:
    largest = replace(
        SPEC,
        subnets=("subnet-1",) * 16,
        security_groups=("sg-1",) * 5,
        job_tags={f"k{n}": "" for n in range(50)},
        model_tags={"k" * 128: "x" * 256, "a b._:/=+@-": "9"},
    )
    assert largest.problems(HAIKU) == {}


def test_tags_are_written_as_they_are_read() -> None:
    assert pairs_of(" team = search=1 ,, 部署=灯台,") == {"team": "search=1", "部署": "灯台"}
    assert pairs_of(pairs_text({"a": "1", "b": ""})) == {"a": "1", "b": ""}
    assert pairs_of("") == {}
    assert pairs_of("a") is pairs_of("=1") is pairs_of("a=1, =") is None


def test_earlier_jobs_tell_how_long_the_next_may_take() -> None:
    def took(minutes: int, status: str = "Completed") -> Job:
        return job(status, ended=NOW + timedelta(minutes=minutes))

    assert past_durations([job("Completed"), took(9, "Failed")]) == ""
    assert past_durations([took(9)]) == "Your one earlier job on this base model took 9 m, queue included."
    both = past_durations([took(90), took(9), took(30)])
    assert both == "Your 3 earlier jobs on this base model took 9 m to 1 h 30 m, queue included."


def test_an_unknown_model_has_no_hyperparameters_to_check() -> None:
    assert replace(SPEC, hyperparameters={"x": "y"}).problems(None) == {}


@pytest.mark.parametrize(
    ("records", "batch", "epochs", "steps"),
    [(85, 32, 7, 21), (96, 32, 1, 3), (1, 32, 2, 2), (0, 32, 3, 3), (5, 1, 1, 5)],
)
def test_forecasts(records: int, batch: int, epochs: int, steps: int) -> None:
    found = forecast(records, batch, epochs, 1000)
    assert (found.steps, found.tokens) == (steps, 1000 * epochs)
    assert forecast(records, batch, epochs).tokens is None


@given(st.integers(1, 20_000), st.integers(1, 256))
def test_an_epoch_sees_every_record_once(records: int, batch: int) -> None:
    steps = forecast(records, batch, 1).steps_per_epoch
    assert (steps - 1) * batch < records <= steps * batch


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (job("InProgress"), "In progress"),
        (job("InProgress", "NotStarted"), "In progress"),
        (job("InProgress", "InProgress", "NotStarted", "NotStarted"), "Validation"),
        (job("InProgress", "Completed", "NotStarted", "NotStarted"), "In progress"),
        (job("InProgress", "Completed", "InProgress", "NotStarted"), "Data processing"),
        (job("InProgress", "Completed", "Completed", "NotStarted"), "Queued"),
        (job("InProgress", "Completed", "Completed"), "Queued"),
        (job("InProgress", "Completed", "Completed", "InProgress"), "Training"),
        (job("Completed", "Completed", "Completed", "Completed"), "Completed"),
        (job("Stopping", "Completed", "Completed", "InProgress"), "Stopping"),
        (job("Hibernating"), "Hibernating"),
    ],
)
def test_the_phase_that_is_under_way(found: Job, text: str) -> None:
    assert found.phase_text() == text


@pytest.mark.parametrize(
    ("status", "ended", "moving"),
    [
        ("InProgress", None, True),
        ("Stopping", None, True),
        ("Completed", NOW, False),
        ("Completed", None, False),
        ("Failed", None, False),
        ("Stopped", NOW, False),
        ("Hibernating", None, True),
        ("Hibernating", NOW, False),
    ],
)
def test_what_moves(status: str, ended: datetime | None, moving: bool) -> None:
    assert job(status, ended=ended).moving is moving


def test_how_long_a_phase_lasted() -> None:
    began = NOW - timedelta(minutes=5)
    assert Phase("Training", "InProgress", began, NOW).lasted(NOW + timedelta(minutes=1)) == timedelta(minutes=6)
    assert Phase("Training", "Completed", began, NOW).lasted(NOW + timedelta(hours=1)) == timedelta(minutes=5)
    assert Phase("Training", "Completed", began).lasted(NOW) == timedelta(minutes=5)
    assert Phase("Training", "NotStarted", began).lasted(NOW) is None
    assert Phase("Training", "InProgress").lasted(NOW) is None


def test_metrics_stand_below_the_output_place() -> None:
    assert job(output="s3://bucket/out").metrics_prefix == "s3://bucket/out/model-customization-job-abc1/"
    assert job(output="s3://bucket/out/").metrics_prefix == "s3://bucket/out/model-customization-job-abc1/"
    assert job().metrics_prefix == ""


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (
            "Could not validate GetObject permissions to access Amazon S3 bucket: B at key K",
            "s3:GetObject",
        ),
        (
            "S3 (PutObject): Could not validate PutObject permissions for output/.write_access_check_file.tmp",
            "PutObject",
        ),
        ("Could not assume provided IAM role", "bedrock.amazonaws.com"),
        ("Unable to parse Amazon S3 file: F. Data files must conform to JSONL format.", "Convert"),
        ('Input data at s3://x must follow \'{"prompt": "<input text>"}\' format', "base model"),
        ("Input size exceeded in file F for record starting with x", "shorten"),
        ("Maximum input token count 4097 exceeds limit of 4096", "shorten"),
        ("Automated tests flagged this fine-tuning job … Anthropic's third-party license terms. …", "AWS support"),
        ("Encountered an unexpected error when processing the request, please try again", "new name"),
    ],
)
def test_known_failures_have_a_cure(message: str, word: str) -> None:
    found = cure(message)
    assert found is not None
    assert word in f"{found.cause} {found.action}"
    assert cure(message.upper()) == found


def test_unknown_failures_have_none() -> None:
    assert cure("The moon is full") is None
    assert cure("") is None


def test_a_clone_keeps_the_key_the_network_and_the_tags_but_for_those_of_aws() -> None:
    assert HAIKU is not None
    made = replace(
        job("Completed", output="s3://bucket/out/"),
        role_arn=SPEC.role_arn,
        training_uri="s3://bucket/in/training.jsonl",
        validation_uris=("s3://bucket/in/validation.jsonl",),
        hyperparameters=SPEC.hyperparameters,
        kms_key="arn:aws:kms:us-west-2:123456789012:key/1",
        subnets=("subnet-1",),
        security_groups=("sg-1",),
    )
    spec = clone_of(made, HAIKU, "faq-2", {"team": "faq", "aws:cloudformation:stack": "x"}, {"model": "m"})
    assert spec.problems(HAIKU) == {}
    assert (spec.kms_key, spec.subnets, spec.security_groups) == (made.kms_key, made.subnets, made.security_groups)
    assert (spec.job_tags, spec.model_tags) == ({"team": "faq"}, {"model": "m"})
    assert spec.validation == DataRef("s3://bucket/in/validation.jsonl")
