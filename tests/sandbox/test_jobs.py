"""Customization jobs: the order of events, what is refused at once, and what fails later."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import (
    BUCKET,
    HAIKU,
    LLAMA_31,
    LLAMA_33,
    PAIRS,
    WHOLE_JOB,
    Scene,
    claude_lines,
    code_of,
    conversation_lines,
    message_of,
)
from tui.sandbox.catalog import SCHEDULED_JOBS


def _phases(job: dict[str, Any]) -> tuple[str, str, str]:
    details = job["statusDetails"]
    return (
        details["validationDetails"]["status"],
        details["dataProcessingDetails"]["status"],
        details["trainingDetails"]["status"],
    )


def _rows(scene: Scene, key: str) -> list[dict[str, str]]:
    text = scene.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    return list(csv.DictReader(io.StringIO(text)))


def _keys(scene: Scene) -> list[str]:
    return [item["Key"] for item in scene.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]


def _start(scene: Scene, **changes: Any) -> str:
    return str(scene.bedrock.create_model_customization_job(**scene.ready_for_jobs() | changes)["jobArn"])


def test_a_job_goes_through_the_phases_in_the_order_of_aws(scene: Scene) -> None:
    arn = _start(scene)
    assert _phases(scene.job(arn)) == ("InProgress", "NotStarted", "NotStarted")
    scene.pass_time(179)
    assert _phases(scene.job(arn)) == ("InProgress", "NotStarted", "NotStarted")
    scene.pass_time(1)
    assert _phases(scene.job(arn)) == ("Completed", "InProgress", "NotStarted")
    assert f"out/{'.write_access_check_file.tmp'}" in _keys(scene)
    scene.pass_time(180)
    assert _phases(scene.job(arn)) == ("Completed", "Completed", "NotStarted")
    scene.pass_time(840)
    job = scene.job(arn)
    assert _phases(job) == ("Completed", "Completed", "InProgress")
    assert job["status"] == "InProgress"
    assert "outputModelArn" not in job
    scene.pass_time(2400)
    job = scene.job(arn)
    assert job["status"] == "Completed"
    assert (job["endTime"] - job["creationTime"]).total_seconds() == WHOLE_JOB


def test_a_finished_job_leaves_a_model_and_the_metrics_in_s3(scene: Scene) -> None:
    arn = _start(scene, hyperParameters={"epochCount": "2", "batchSize": "16"})
    scene.pass_time(WHOLE_JOB)
    job = scene.job(arn)
    place = f"out/model-customization-job-{arn.rsplit('/', 1)[1]}"
    training = _rows(scene, f"{place}/training_artifacts/step_wise_training_metrics.csv")
    validation = _rows(
        scene, f"{place}/validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"
    )
    assert list(training[0]) == ["step_number", "epoch_number", "training_loss"]
    assert [(row["step_number"], row["epoch_number"]) for row in training] == [
        ("0", "1"), ("1", "1"), ("2", "1"), ("3", "2"), ("4", "2"), ("5", "2"),
    ]  # fmt: skip
    assert [(row["step_number"], row["epoch_number"]) for row in validation] == [("3", "1"), ("6", "2")]
    assert job["validationMetrics"] == [{"validationLoss": pytest.approx(float(validation[-1]["validation_loss"]))}]
    last = [float(row["training_loss"]) for row in training[3:]]
    assert job["trainingMetrics"]["trainingLoss"] == pytest.approx(sum(last) / 3)
    model = scene.bedrock.get_custom_model(modelIdentifier="lantern-keeper")
    assert model["modelArn"] == job["outputModelArn"]
    assert model["jobArn"] == arn
    assert model["trainingMetrics"] == job["trainingMetrics"]


def test_defaults_are_filled_in_as_strings(scene: Scene) -> None:
    job = scene.job(_start(scene, hyperParameters={"epochCount": "3"}))
    assert job["hyperParameters"] == {
        "epochCount": "3",
        "batchSize": "32",
        "learningRateMultiplier": "1.0",
        "earlyStoppingThreshold": "0.001",
        "earlyStoppingPatience": "2",
    }


def test_without_validation_data_the_answer_has_none(scene: Scene) -> None:
    request = scene.ready_for_jobs()
    del request["validationDataConfig"]
    arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(WHOLE_JOB)
    job = scene.job(arn)
    assert job["status"] == "Completed"
    assert "validationDataConfig" not in job
    assert job["validationMetrics"] == []


def test_llama_counts_epochs_from_zero_and_gives_a_perplexity(scene: Scene) -> None:
    request = scene.ready_for_jobs()
    del request["validationDataConfig"]
    pairs = [(f"{q} ({n})", a) for n in range(3) for q, a in PAIRS]
    request["trainingDataConfig"] = {"s3Uri": scene.upload("in/llama.jsonl", conversation_lines(pairs))}
    request |= {"baseModelIdentifier": LLAMA_33, "hyperParameters": {"epochCount": "1"}}
    arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(WHOLE_JOB)
    place = f"out/model-customization-job-{arn.rsplit('/', 1)[1]}"
    rows = _rows(scene, f"{place}/training_artifacts/step_wise_training_metrics.csv")
    assert list(rows[0]) == ["step_number", "epoch_number", "training_loss", "perplexity"]
    assert (rows[0]["step_number"], rows[0]["epoch_number"], len(rows)) == ("1", "0", 120)


def test_a_custom_model_can_be_trained_further(scene: Scene) -> None:
    request = scene.ready_for_jobs() | {"baseModelIdentifier": scene.model("first"), "customModelName": "second"}
    arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(WHOLE_JOB)
    job = scene.job(arn)
    assert job["status"] == "Completed"
    made = scene.bedrock.get_custom_model(modelIdentifier="second")
    assert made["baseModelArn"] == request["baseModelIdentifier"]


def test_the_same_token_makes_one_job(scene: Scene) -> None:
    request = scene.ready_for_jobs() | {"clientRequestToken": "press-twice"}
    first = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    assert scene.bedrock.create_model_customization_job(**request)["jobArn"] == first
    assert len(scene.bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"]) == 1
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**request | {"jobName": "another"})
    assert code_of(error) == "ConflictException"
    assert [request.client_request_token for request in scene.sandbox.requests][-1] == "press-twice"


def test_names_are_used_once(scene: Scene) -> None:
    request = scene.ready_for_jobs()
    arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**request | {"customModelName": "other"})
    assert (code_of(error), message_of(error)) == ("ConflictException", "The provided job name is currently in use.")
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**request | {"jobName": "other"})
    assert code_of(error) == "ConflictException"
    scene.bedrock.stop_model_customization_job(jobIdentifier=arn)
    scene.pass_time(60)
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**request)
    assert code_of(error) == "ConflictException"


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"jobName": "bad name!"}, "ValidationException", "at 'jobName' failed to satisfy constraint"),
        ({"jobName": "a" + "-" * 40 + "!"}, "ValidationException", "regular expression pattern"),
        ({"customModelName": "a--b"}, "ValidationException", "at 'customModelName'"),
        ({"customModelName": "x" * 64}, "ValidationException", "less than or equal to 63"),
        ({"outputDataConfig": {"s3Uri": "s3://b/with space"}}, "ValidationException", "outputDataConfig.s3Uri"),
        ({"customizationType": "MAGIC"}, "ValidationException", "enum value set"),
        ({"customizationType": "DISTILLATION"}, "ValidationException", "FINE_TUNING only"),
        ({"customModelKmsKeyId": "alias/mine"}, "ValidationException", "neither KMS keys nor VPCs"),
        ({"baseModelIdentifier": "anthropic.claude-9-v1:0"}, "ValidationException", "identifier is invalid"),
        ({"baseModelIdentifier": "amazon.nova-lite-v1:0:300k"}, "ValidationException", "customized in us-west-2"),
        ({"baseModelIdentifier": "amazon.titan-text-express-v1:0:8k"}, "ValidationException", "Legacy"),
        ({"roleArn": "arn:aws:iam::123456789012:role/nobody"}, "ValidationException", "Could not assume provided"),
        ({"hyperParameters": {"epochs": "3"}}, "ValidationException", "epochs is not supported"),
        ({"hyperParameters": {"epochCount": "2.5"}}, "ValidationException", "must be an integer"),
        ({"hyperParameters": {"epochCount": "11"}}, "ValidationException", "between 1 and 10"),
        ({"hyperParameters": {"learningRateMultiplier": "nan"}}, "ValidationException", "between 0.1 and 2"),
    ],
)  # fmt: skip
def test_a_bad_request_is_refused_at_once(scene: Scene, changes: dict[str, Any], code: str, part: str) -> None:
    request = scene.ready_for_jobs() | changes
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**request)
    assert code_of(error) == code
    assert part in message_of(error)
    assert scene.bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"] == []


def test_a_retired_model_cannot_be_customized(scene: Scene) -> None:
    request = scene.ready_for_jobs() | {"baseModelIdentifier": "meta.llama3-2-1b-instruct-v1:0:128k"}
    scene.clock.advance(365 * 86_400)
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**request)
    assert code_of(error) == "ResourceNotFoundException"
    assert message_of(error) == "This model version has reached the end of its life."


def test_a_role_that_trusts_someone_else_is_refused(scene: Scene) -> None:
    request = scene.ready_for_jobs()
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}},
    }
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**request | {"roleArn": scene.role("stranger", trust=trust)})
    assert "Could not assume provided IAM role" in message_of(error)


_READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
_WRITE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
_DENY = {"Effect": "Deny", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::{BUCKET}/in/validation.jsonl"}


@pytest.mark.parametrize(
    ("statements", "part"),
    [
        ([_WRITE], f"Could not validate GetObject permissions to access Amazon S3 bucket: {BUCKET} at key in/training"),
        ([_READ], "Could not validate PutObject permissions"),
        ([_READ, _WRITE, _DENY], "at key in/validation.jsonl"),
    ],
)
def test_a_role_without_access_fails_in_validation(scene: Scene, statements: Any, part: str) -> None:
    request = scene.ready_for_jobs()
    request["roleArn"] = scene.role("weak", statements=statements)
    arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(180)
    job = scene.job(arn)
    assert job["status"] == "Failed"
    assert part in job["failureMessage"]
    assert _phases(job) == ("Failed", "NotStarted", "NotStarted")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (claude_lines(PAIRS) + "\n", "must conform to JSONL format"),
        (claude_lines(PAIRS)[:-5], "must conform to JSONL format"),
        (b"\xff\xfe" + claude_lines(PAIRS).encode(), "must conform to JSONL format"),
        ("", "needs at least 32"),
        (claude_lines(PAIRS[:31]), "number of training records is 31; this model needs at least 32"),
        ('{"prompt":"a","completion":"b"}\n' * 40, "Input data at"),
        (claude_lines([(q, a + "x" * 96_100) for q, a in PAIRS[:32]]), "Input size exceeded in file"),
        (claude_lines([(q, a + "\nHuman: hello") for q, a in PAIRS]), "Input data at"),
        (claude_lines(PAIRS * 250), "takes at most"),
    ],
)
def test_bad_records_fail_in_validation(scene: Scene, text: str | bytes, part: str) -> None:
    request = scene.ready_for_jobs()
    scene.upload("in/training.jsonl", text)
    arn = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(180)
    job = scene.job(arn)
    assert job["status"] == "Failed"
    assert part in job["failureMessage"]
    assert "outputModelArn" not in job


def test_a_missing_object_or_a_bucket_elsewhere_fails_in_validation(scene: Scene) -> None:
    request = scene.ready_for_jobs() | {"trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/in/none.jsonl"}}
    first = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.bucket("tanzaku-far-away", "eu-west-1")
    everywhere = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
    request |= {
        "jobName": "lessons-2",
        "customModelName": "other",
        "roleArn": scene.role("strong", statements=everywhere),
        "trainingDataConfig": {"s3Uri": scene.upload("in.jsonl", claude_lines(PAIRS), "tanzaku-far-away")},
    }
    second = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(180)
    assert "at key in/none.jsonl" in scene.job(first)["failureMessage"]
    assert "tanzaku-far-away at key in.jsonl" in scene.job(second)["failureMessage"]


@pytest.mark.parametrize(("wait", "phase"), [(0, 0), (200, 1), (400, 2), (1300, 2)])
def test_a_stopped_job_stops_where_it_is(scene: Scene, wait: float, phase: int) -> None:
    arn = _start(scene)
    scene.clock.advance(wait)
    scene.bedrock.stop_model_customization_job(jobIdentifier=arn)
    job = scene.job(arn)
    assert (job["status"], _phases(job)[phase]) == ("Stopping", "Stopping")
    scene.pass_time(60)
    job = scene.job(arn)
    assert (job["status"], _phases(job)[phase]) == ("Stopped", "Stopped")
    scene.pass_time(WHOLE_JOB)
    assert scene.bedrock.list_custom_models()["modelSummaries"] == []
    with pytest.raises(ClientError) as error:
        scene.bedrock.stop_model_customization_job(jobIdentifier=arn)
    assert code_of(error) == "ConflictException"


def test_jobs_are_listed_filtered_sorted_and_paged(scene: Scene) -> None:
    request = scene.ready_for_jobs()
    for number in range(5):
        other = {"jobName": f"lessons-{number}", "customModelName": f"keeper-{number}"}
        scene.bedrock.create_model_customization_job(**request | other)
        scene.clock.advance(10)
    listed = scene.bedrock.list_model_customization_jobs

    def names(**filters: Any) -> list[str]:
        return [item["jobName"] for item in listed(**filters)["modelCustomizationJobSummaries"]]

    assert names() == [f"lessons-{number}" for number in (4, 3, 2, 1, 0)]
    assert names(sortBy="CreationTime", sortOrder="Ascending", maxResults=2) == ["lessons-0", "lessons-1"]
    assert names(nameContains="s-3") == ["lessons-3"]
    middle = scene.job("lessons-2")["creationTime"]
    assert names(creationTimeAfter=middle) == ["lessons-4", "lessons-3"]
    assert names(creationTimeBefore=middle) == ["lessons-1", "lessons-0"]
    scene.bedrock.stop_model_customization_job(jobIdentifier="lessons-1")
    assert names(statusEquals="Stopping") == ["lessons-1"]
    assert names(statusEquals="Completed") == []
    pages = scene.bedrock.get_paginator("list_model_customization_jobs").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["modelCustomizationJobSummaries"]) for page in pages] == [2, 2, 1]
    with pytest.raises(ClientError) as error:
        listed(nextToken="nonsense")
    assert code_of(error) == "ValidationException"


def test_another_region_knows_nothing_of_it(scene: Scene) -> None:
    arn = _start(scene)
    elsewhere = scene.sandbox.client("bedrock", region_name="us-east-1")
    assert elsewhere.list_model_customization_jobs()["modelCustomizationJobSummaries"] == []
    with pytest.raises(ClientError) as error:
        elsewhere.get_model_customization_job(jobIdentifier=arn)
    assert code_of(error) == "ResourceNotFoundException"


def test_prompt_and_completion_with_too_few_in_all(scene: Scene) -> None:
    request = scene.ready_for_jobs()
    del request["validationDataConfig"]
    scene.upload("in/training.jsonl", '{"prompt":"a","completion":"b"}\n' * 99)
    arn = scene.bedrock.create_model_customization_job(**request | {"baseModelIdentifier": LLAMA_31})["jobArn"]
    scene.pass_time(180)
    assert "is 99; this model needs at least 100" in scene.job(arn)["failureMessage"]


def test_tags_of_job_and_model(scene: Scene) -> None:
    arn = _start(scene, jobTags=[{"key": "for", "value": "job"}], customModelTags=[{"key": "for", "value": "model"}])
    scene.pass_time(WHOLE_JOB)
    tags = scene.bedrock.list_tags_for_resource
    assert tags(resourceARN=arn)["tags"] == [{"key": "for", "value": "job"}]
    model = scene.job(arn)["outputModelArn"]
    assert tags(resourceARN=model)["tags"] == [{"key": "for", "value": "model"}]
    scene.bedrock.tag_resource(resourceARN=model, tags=[{"key": "more", "value": "1"}])
    scene.bedrock.untag_resource(resourceARN=model, tagKeys=["for"])
    assert tags(resourceARN=model)["tags"] == [{"key": "more", "value": "1"}]
    with pytest.raises(ClientError) as error:
        scene.bedrock.tag_resource(resourceARN=model, tags=[{"key": f"k{n}", "value": ""} for n in range(51)])
    assert code_of(error) == "TooManyTagsException"
    assert scene.job(arn)["baseModelArn"].endswith(HAIKU)


def test_no_more_jobs_wait_to_be_trained_than_the_quota_allows(scene: Scene) -> None:
    asked = scene.ready_for_jobs()
    for number in range(SCHEDULED_JOBS):
        scene.bedrock.create_model_customization_job(
            **asked | {"jobName": f"j{number}", "customModelName": f"m{number}"}
        )
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_model_customization_job(**asked)
    assert code_of(error) == "ServiceQuotaExceededException"
