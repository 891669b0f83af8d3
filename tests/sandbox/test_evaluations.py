"""Evaluation jobs with a judge: what is refused at once, what fails later, and what stands in S3 at the end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import BUCKET, HAIKU, Scene, code_of, message_of
from tui.sandbox.assessment import overlap
from tui.sandbox.clock import ManualClock
from tui.sandbox.lifecycle import EVALUATION
from tui.sandbox.server import Sandbox

JUDGE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ASKED = "amazon.nova-lite-v1:0"
QUESTIONS = [("What hangs at gate 7?", "Lantern 1 hangs there."), ("七番の門には何がありますか。", "提灯があります。")]


_HUMAN = {
    "datasetMetricConfigs": [{"taskType": "General", "dataset": {"name": "a"}, "metricNames": ["Builtin.Correctness"]}]
}


def _role(scene: Scene, name: str = "judge", models: str = "*") -> str:
    account = scene.sandbox.account_id
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:bedrock:us-west-2:{account}:evaluation-job/*"}},
    }
    places = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    allowed = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": places},
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": models},
    ]
    return scene.role(name, trust=trust, statements=allowed)


def _dataset(scene: Scene, answers: list[str] | None = None) -> str:
    lines = []
    for number, (question, reference) in enumerate(QUESTIONS):
        record: dict[str, Any] = {"prompt": question, "referenceResponse": reference}
        if answers is not None:
            record["modelResponses"] = [{"response": answers[number], "modelIdentifier": "tuned"}]
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return scene.upload("eval/questions.jsonl", "".join(lines))


def _request(scene: Scene, answers: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    scene.bucket()
    source = {"precomputedInferenceSource": {"inferenceSourceIdentifier": "tuned"}}
    asked = {"bedrockModel": {"modelIdentifier": ASKED, "inferenceParams": '{"inferenceConfig": {"maxTokens": 20}}'}}
    return {
        "jobName": "judged-1",
        "roleArn": _role(scene),
        "applicationType": "ModelEvaluation",
        "evaluationConfig": {
            "automated": {
                "datasetMetricConfigs": [
                    {
                        "taskType": "General",
                        "dataset": {"name": "questions", "datasetLocation": {"s3Uri": _dataset(scene, answers)}},
                        "metricNames": ["Builtin.Correctness"],
                    }
                ],
                "evaluatorModelConfig": {"bedrockEvaluatorModels": [{"modelIdentifier": JUDGE}]},
            }
        },
        "inferenceConfig": {"models": [source if answers is not None else asked]},
        "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/judged/"},
    } | changes


def _start(scene: Scene, **given: Any) -> str:
    return str(scene.bedrock.create_evaluation_job(**_request(scene, **given))["jobArn"])


def _job(scene: Scene, arn: str) -> dict[str, Any]:
    return dict(scene.bedrock.get_evaluation_job(jobIdentifier=arn))


def _results(scene: Scene) -> list[dict[str, Any]]:
    found = scene.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="judged/").get("Contents", [])
    keys = [item["Key"] for item in found if item["Key"].endswith("_output.jsonl")]
    text = scene.client("s3").get_object(Bucket=BUCKET, Key=keys[0])["Body"].read().decode() if keys else ""
    return [json.loads(line) for line in text.splitlines()]


def test_answers_brought_along_are_judged_by_the_overlap_with_the_reference(scene: Scene) -> None:
    arn = _start(scene, answers=["Lantern 1 hangs there.", "分かりません。"])
    assert _job(scene, arn)["status"] == "InProgress"
    scene.pass_time(EVALUATION - 1)
    assert _job(scene, arn)["status"] == "InProgress"
    assert _results(scene) == []
    scene.pass_time(1)
    assert _job(scene, arn)["status"] == "Completed"
    one, two = _results(scene)
    assert one["inputRecord"] == {"prompt": QUESTIONS[0][0], "referenceResponse": QUESTIONS[0][1]}
    assert one["modelResponses"] == [{"response": "Lantern 1 hangs there.", "modelIdentifier": "tuned"}]
    score = one["automatedEvaluationResult"]["scores"][0]
    assert (score["metricName"], score["result"]) == ("Builtin.Correctness", 1.0)
    assert "Rule of the sandbox" in score["evaluatorDetails"][0]["explanation"]
    assert two["automatedEvaluationResult"]["scores"][0]["result"] < 1


def test_a_model_is_asked_where_no_answers_are_brought(scene: Scene) -> None:
    _start(scene)
    scene.pass_time(EVALUATION)
    assert [r["modelResponses"][0]["modelIdentifier"] for r in _results(scene)] == [ASKED, ASKED]
    assert all(r["modelResponses"][0]["response"] for r in _results(scene))


def test_a_tuned_model_answers_through_its_throughput(scene: Scene) -> None:
    request = _request(scene)
    arn = scene.throughput(scene.model(base_id=HAIKU))
    request["inferenceConfig"] = {"models": [{"bedrockModel": {"modelIdentifier": arn}}]}
    scene.bedrock.create_evaluation_job(**request)
    scene.pass_time(EVALUATION)
    assert _results(scene)[0]["modelResponses"][0]["modelIdentifier"] == arn


def test_a_custom_metric_gives_marks_of_its_scale_and_no_answer_has_none(scene: Scene) -> None:
    request = _request(scene, answers=["Lantern 1 hangs there.", " "])
    scale = [{"definition": f"{n} of ten", "value": {"floatValue": float(n)}} for n in range(1, 11)]
    metric = {"name": "like_ours", "instructions": "{{ground_truth}} {{prediction}}", "ratingScale": scale}
    automated = request["evaluationConfig"]["automated"]
    automated["datasetMetricConfigs"][0]["metricNames"] = ["like_ours"]
    automated["customMetricConfig"] = {
        "customMetrics": [{"customMetricDefinition": metric}],
        "evaluatorModelConfig": {"bedrockEvaluatorModels": [{"modelIdentifier": JUDGE}]},
    }
    scene.bedrock.create_evaluation_job(**request)
    scene.pass_time(EVALUATION)
    assert [r["automatedEvaluationResult"]["scores"][0]["result"] for r in _results(scene)] == [10.0, None]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"jobName": "With Capitals"}, "regular expression"),
        ({"outputDataConfig": {"s3Uri": "nowhere"}}, "regular expression"),
        ({"roleArn": "arn:aws:iam::123456789012:role/none"}, "Could not assume"),
        ({"applicationType": "RagEvaluation"}, "models only"),
        ({"evaluationConfig": {"human": _HUMAN}}, "judge model only"),
        ({"inferenceConfig": {"models": [{"bedrockModel": {"modelIdentifier": ASKED}}] * 2}}, "one model"),
        ({"inferenceConfig": {"models": [{"bedrockModel": {"modelIdentifier": "no.such-model"}}]}}, "identifier"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_at_once(scene: Scene, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_evaluation_job(**_request(scene) | change)
    assert code_of(error) == "ValidationException"
    assert says in message_of(error)


@pytest.mark.parametrize(("task", "metric"), [("Generation", "Builtin.Correctness"), ("General", "Builtin.Wit")])
def test_only_metrics_of_judges_are_taken(scene: Scene, task: str, metric: str) -> None:
    request = _request(scene)
    config = request["evaluationConfig"]["automated"]["datasetMetricConfigs"][0]
    config["taskType"], config["metricNames"] = task, [metric]
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_evaluation_job(**request)
    assert code_of(error) == "ValidationException"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ('{"referenceResponse": "x"}\n', "no prompt"),
        ('{"prompt": "x"}\n', "one entry in modelResponses"),
        ('{"prompt": "x", "modelResponses": [{"response": "y", "modelIdentifier": "other"}]}\n', "is not tuned"),
        ('{"prompt": "x", "modelResponses": [{"response": "y", "modelIdentifier": "tuned"}]}\n' * 1001, "1 to 1000"),
    ],
)
def test_a_dataset_that_cannot_be_judged_fails_the_job(scene: Scene, text: str, says: str) -> None:
    request = _request(scene, answers=["a", "b"])
    scene.upload("eval/questions.jsonl", text)
    arn = str(scene.bedrock.create_evaluation_job(**request)["jobArn"])
    scene.pass_time(EVALUATION)
    job = _job(scene, arn)
    assert job["status"] == "Failed"
    assert says in job["failureMessages"][0]


def test_the_role_must_be_allowed_to_invoke_the_judge(scene: Scene) -> None:
    request = _request(scene)
    request["roleArn"] = _role(scene, "narrow", models=f"arn:aws:bedrock:us-west-2::foundation-model/{ASKED}")
    arn = str(scene.bedrock.create_evaluation_job(**request)["jobArn"])
    scene.pass_time(EVALUATION)
    assert "bedrock:InvokeModel" in _job(scene, arn)["failureMessages"][0]


def test_a_name_is_used_once_and_a_token_makes_one_job(scene: Scene) -> None:
    request = _request(scene) | {"clientRequestToken": "one-and-the-same"}
    first = scene.bedrock.create_evaluation_job(**request)["jobArn"]
    assert scene.bedrock.create_evaluation_job(**request)["jobArn"] == first
    with pytest.raises(ClientError) as error:
        scene.bedrock.create_evaluation_job(**request | {"clientRequestToken": "another"})
    assert code_of(error) == "ConflictException"


def test_a_stopped_job_leaves_nothing(scene: Scene) -> None:
    arn = _start(scene)
    scene.bedrock.stop_evaluation_job(jobIdentifier=arn)
    assert _job(scene, arn)["status"] == "Stopping"
    scene.pass_time(EVALUATION)
    assert _job(scene, arn)["status"] == "Stopped"
    assert _results(scene) == []
    with pytest.raises(ClientError) as error:
        scene.bedrock.stop_evaluation_job(jobIdentifier=arn)
    assert code_of(error) == "ConflictException"


def test_lists_come_in_pages_of_five_newest_first(scene: Scene) -> None:
    assert "jobSummaries" not in scene.bedrock.list_evaluation_jobs()
    request = _request(scene)
    for number in range(7):
        scene.bedrock.create_evaluation_job(**request | {"jobName": f"judged-{number}"})
        scene.clock.advance(1)
    pages = list(scene.bedrock.get_paginator("list_evaluation_jobs").paginate())
    names = [[job["jobName"] for job in page["jobSummaries"]] for page in pages]
    assert names == [[f"judged-{n}" for n in (6, 5, 4, 3, 2)], ["judged-1", "judged-0"]]
    assert pages[0]["jobSummaries"][0]["evaluatorModelIdentifiers"] == [JUDGE]


def test_jobs_outlive_the_process(tmp_path: Any) -> None:
    clock = ManualClock()
    with Sandbox(clock=clock, state=tmp_path) as sandbox:
        arn = _start(Scene(sandbox, clock))
    with Sandbox(clock=clock, state=tmp_path) as sandbox:
        scene = Scene(sandbox, clock)
        assert _job(scene, arn)["status"] == "InProgress"
        scene.pass_time(EVALUATION)
        assert _job(scene, arn)["status"] == "Completed"


def test_overlap_is_the_f1_of_the_words() -> None:
    assert overlap("a b c d", "a b") == pytest.approx(2 / 3)
    assert overlap("提灯があります。", "提灯があります") == 1
    assert overlap("", "") == 0
