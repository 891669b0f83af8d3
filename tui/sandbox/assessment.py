"""The work of an evaluation job: answers, and the judge's marks for them, written as Bedrock writes them.

The judge is a rule, and says so in every explanation: how many of the words of answer and reference are the same
(token F1, the harmonic mean of precision and recall).
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import traceback
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.sandbox import bodies, evaluations, roles
from tui.sandbox.access import context, no_put, read_as_role
from tui.sandbox.errors import ServiceError
from tui.sandbox.records import Evaluation
from tui.sandbox.targets import resolve
from tui.sandbox.trainingdata import DataError
from tui.sandbox.world import World

MOST_PROMPTS = 1000
_UNEXPECTED = "The evaluation job failed for an internal reason. Please try again."
_BUILTIN_MARKS = (0.0, 0.5, 1.0)


@dataclass(slots=True)
class Assessment:
    """One job's work; ``lines`` are the output records, None where it failed, and ``problem`` then says why."""

    world: World
    item: Evaluation
    prompts: list[dict[str, Any]]
    lines: list[str] | None = None
    problem: str = _UNEXPECTED
    finished_at: float | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def finished(self) -> bool:
        return self.finished_at is not None

    def cancel(self) -> None:
        self._cancelled.set()

    def run(self) -> None:
        """Answer and judge; a defect is reported on stderr and fails the job."""
        lines: list[str] = []
        try:
            for record in self.prompts:
                if self._cancelled.is_set():
                    break
                lines.append(json.dumps(self._judged(record), ensure_ascii=False))
            self.lines = lines
        except ServiceError as error:
            self.problem = error.message
        except Exception:
            traceback.print_exc(file=sys.stderr)
        self.finished_at = self.world.now()

    def _judged(self, record: dict[str, Any]) -> dict[str, Any]:
        response = self._response(record)
        automated = self.item.config["automated"]
        names = automated["datasetMetricConfigs"][0]["metricNames"]
        scales = {
            custom["customMetricDefinition"]["name"]: custom["customMetricDefinition"].get("ratingScale", [])
            for custom in automated.get("customMetricConfig", {}).get("customMetrics", [])
        }
        scores = [_score(name, scales.get(name), response, record, self.item.judge) for name in names]
        answered = {"response": response, "modelIdentifier": self.item.generator or self.item.source}
        return {
            "automatedEvaluationResult": {"scores": scores},
            "inputRecord": {name: value for name, value in record.items() if name != "modelResponses"},
            "modelResponses": [answered],
        }

    def _response(self, record: dict[str, Any]) -> str:
        if self.item.generator is None:
            return str(record["modelResponses"][0]["response"])
        settings = evaluations.inference_settings(self.item)
        prompt = bodies.Prompt(
            (("user", record["prompt"]),),
            max_tokens=settings.get("maxTokens", bodies.DEFAULT_MAX_TOKENS),
            temperature=settings.get("temperature"),
            top_p=settings.get("topP"),
        )
        target = resolve(self.world, self.item.region, self.item.generator)
        return "".join(bodies.start(target, prompt))


def prepare(world: World, item: Evaluation) -> Assessment:
    """Read the prompts as the job's role; raises DataError with the job's failure message."""
    documents = world.storage.role(item.role_arn)
    if documents is None or not roles.may_assume(documents.trust, world.account_id, item.arn):
        raise DataError("Could not assume provided IAM role. Please provide a valid role.")
    for model in filter(None, (item.judge, item.generator)):
        if not roles.may_act(documents.permissions, "bedrock:InvokeModel", _model_arn(item, model), context(world)):
            raise DataError(f"The service role is not authorized to perform bedrock:InvokeModel on {model}.")
    uri = item.config["automated"]["datasetMetricConfigs"][0]["dataset"]["datasetLocation"]["s3Uri"]
    return Assessment(world, item, _prompts(read_as_role(world, item, uri, documents.permissions), uri, item.source))


def _model_arn(item: Evaluation, model: str) -> str:
    if model.startswith("arn:"):
        return model
    head = f"arn:aws:bedrock:{item.region}"
    if model.split(".")[0] in ("us", "eu", "au", "jp", "apac", "global"):
        return f"{head}:{item.arn.split(':')[4]}:inference-profile/{model}"
    return f"{head}::foundation-model/{model}"


def _prompts(data: bytes, uri: str, source: str | None) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"Line {number} of {uri} is not valid JSON.") from error
        if not isinstance(record, dict) or not isinstance(record.get("prompt"), str) or not record["prompt"].strip():
            raise DataError(f"Line {number} of {uri} has no prompt.")
        if source is not None:
            _check_brought(record, number, uri, source)
        records.append(record)
    if not records or len(records) > MOST_PROMPTS:
        raise DataError(f"The dataset has {len(records)} prompts; a job takes 1 to {MOST_PROMPTS}.")
    return records


def _check_brought(record: Mapping[str, Any], number: int, uri: str, source: str) -> None:
    brought = record.get("modelResponses")
    right = isinstance(brought, list) and len(brought) == 1 and isinstance(brought[0], dict)
    if not right or not isinstance(brought, list) or not isinstance(brought[0].get("response"), str):
        raise DataError(f"Line {number} of {uri} needs one entry in modelResponses.")
    if brought[0].get("modelIdentifier") != source:
        raise DataError(f"The modelIdentifier in line {number} of {uri} is not {source}.")


def _score(
    name: str, scale: list[dict[str, Any]] | None, response: str, record: Mapping[str, Any], judge: str
) -> dict[str, Any]:
    reference = str(record.get("referenceResponse") or record["prompt"])
    share = overlap(response, reference)
    marks = [item["value"]["floatValue"] for item in scale or () if "floatValue" in item["value"]] or _BUILTIN_MARKS
    low, high = min(marks), max(marks)
    result = None if not response.strip() else min(marks, key=lambda mark: abs(low + share * (high - low) - mark))
    explanation = f"Rule of the sandbox, not a judgement: answer and reference share {share:.0%} of their words."
    if result is None:
        explanation = "There is no answer to judge."
    return {
        "metricName": name,
        "result": result,
        "evaluatorDetails": [{"modelIdentifier": judge, "explanation": explanation}],
    }


def overlap(one: str, two: str) -> float:
    """Token F1 of two texts, 0 to 1, over the sandbox's own tokens without marks and blanks."""
    from tui.sandbox.tokens import pieces

    left, right = (Counter(p.strip().casefold() for p in pieces(text) if p.strip().isalnum()) for text in (one, two))
    shared = sum((left & right).values())
    return 2 * shared / (sum(left.values()) + sum(right.values())) if shared else 0.0


def conclude(world: World, item: Evaluation, work: Assessment) -> list[str]:
    """Write the results; gives failure messages, none when all is written."""
    if work.lines is None:
        return [work.problem]
    dataset = item.config["automated"]["datasetMetricConfigs"][0]["dataset"]["name"]
    model = (item.generator or item.source or "").rsplit("/", 1)[-1].replace(":", "-")
    name = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    place = f"{item.name}/{item.id}/models/{model}/taskTypes/General/datasets/{dataset}/{name}_output.jsonl"
    bucket, _, prefix = item.output_uri.removeprefix("s3://").partition("/")
    key = f"{prefix.rstrip('/')}/{place}".lstrip("/")
    documents = world.storage.role(item.role_arn)
    policies = documents.permissions if documents else ()
    allowed = roles.may_act(policies, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", context(world))
    data = "".join(f"{line}\n" for line in work.lines).encode("utf-8", "replace")
    if not allowed or not world.storage.write(f"s3://{bucket}/{key}", data, "application/jsonl"):
        return [no_put(item.output_uri, place)]
    return []
