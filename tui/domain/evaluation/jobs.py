"""Evaluation jobs: Bedrock asks and judges by itself, over more questions than one terminal should ask.

One job evaluates one side. Its metric is this app's own rubric as a custom metric with marks from 1 to 10, so that
scores compare with those of the app's judges, or Bedrock's built-in correctness from 0 to 1.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.judging import Failure, Judge, JudgeKind, Score, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.rubrics import Rubric
from tui.domain.evaluation.spec import Answer, Slot, Spec
from tui.domain.text import safe, safe_line
from tui.domain.values import dataclass

MOST_PROMPTS = 1000
"""Prompts of one job (User Guide, model-evaluation-prompt-datasets-judge)."""
MOST_PARTS = 99
BUILTIN = "Builtin.Correctness"
OWN_METRIC = "agreement_with_reference"
_MARKS = range(1, 11)
_LONGEST_RUBRIC = 4_500
LONGEST_NAME = 48
"""Of a plan: AWS takes 63 characters, and `-tuned-99-of-99` follows."""
_PART = re.compile(r"-(\d{1,2})-of-(\d{1,2})")
_NAME = re.compile(r"[a-z0-9](?:-*[a-z0-9])*")


class EvaluationStatus(StrEnum):
    """States of an evaluation job as the API names them."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    DELETING = "Deleting"


_MOVING = frozenset({EvaluationStatus.IN_PROGRESS, EvaluationStatus.STOPPING, EvaluationStatus.DELETING})


@dataclass(frozen=True, slots=True)
class EvaluationJob:
    """A job that this app ordered, and the evaluation and side it belongs to; `taken` when its results are here."""

    arn: str
    name: str
    status: str
    created: datetime
    evaluation: str
    side: Side
    judge: Judge
    output_uri: str
    ended: datetime | None = None
    failure: str = ""
    taken: bool = False

    @property
    def moving(self) -> bool:
        """Whether its status may still change; an unknown one may."""
        return self.status in _MOVING or self.status not in set(EvaluationStatus)

    @property
    def to_take(self) -> bool:
        """Whether there are results that are not stored here yet."""
        return self.status == EvaluationStatus.COMPLETED and not self.taken

    @property
    def part(self) -> int:
        """Which thousand of its side's prompts it judges, from 0; its name tells."""
        found = _PART.fullmatch(self.name.rpartition(f"-{self.side}")[2])
        return int(found[1]) - 1 if found else 0

    @property
    def results_uri(self) -> str:
        """S3 URI under which its results are written."""
        return f"{self.output_uri.rstrip('/')}/{self.name}/"


@dataclass(frozen=True, slots=True)
class JobsPlan:
    """An evaluation handed to Bedrock: who judges, as which role, where to; a job for each thousand prompts of a side.

    `brought`: the answers stored here are judged; else Bedrock asks the models itself, without a system prompt.
    """

    name: str
    role_arn: str
    bucket: str
    prefix: str
    judge: Judge
    brought: bool

    def job_name(self, side: Side, part: int = 0, parts: int = 1) -> str:
        """Of one side, or a part of it; names are used once in an account."""
        return f"{self.name}-{side}" + (f"-{part + 1}-of-{parts}" if parts > 1 else "")

    def problems(self) -> dict[str, str]:
        """What is wrong with it, by field."""
        fits = _NAME.fullmatch(self.name) and len(self.name) <= LONGEST_NAME
        name = "" if fits else f"a–z, 0–9 and - between them, at most {LONGEST_NAME}"
        rubric = self.judge.rubric.scoring
        found = {"name": name, "rubric": "too long for Bedrock" if len(rubric) > _LONGEST_RUBRIC else ""}
        return {field: problem for field, problem in found.items() if problem}


def bedrock_judge(judge: Judge, *, builtin: bool) -> Judge:
    """The same model as a judge run by Bedrock, by the judge's own rubric or by Bedrock's correctness."""
    rubric = Rubric(judge.rubric.name, judge.rubric.scoring.strip(), "")
    return Judge(JudgeKind.BEDROCK, judge.target, rubric, BUILTIN if builtin else "")


def prompts_of(spec: Spec, *, brought: bool) -> int:
    """Prompts of one side."""
    return len(spec.questions) * (spec.samples if brought else 1)


def parts_of(spec: Spec, *, brought: bool) -> int:
    """Jobs of one side: one for each thousand prompts."""
    return -(-prompts_of(spec, brought=brought) // MOST_PROMPTS)


def why_not(results: Results, side: Side, *, brought: bool) -> str:
    """Why Bedrock cannot evaluate this side; empty when it can."""
    spec = results.spec
    if parts_of(spec, brought=brought) > MOST_PARTS:
        return f"more than {MOST_PROMPTS * MOST_PARTS:,} prompts are not handed over at once"
    if brought:
        missing = sum(not isinstance(results.answers.get(slot), Answer) for slot in spec.slots if slot.side is side)
        return f"{missing:,} answers of the {side} side are not there yet" if missing else ""
    if not spec.can_ask(side):
        return "predictions from a file have no model to ask; they can only be brought along"
    if spec.samples > 1:
        return "Bedrock asks each question once; several samples can only be brought along"
    if any(question.earlier for question in spec.questions):
        return "Bedrock asks single questions; answers to conversations can only be brought along"
    target = spec.target(side).model_id
    if ":custom-model-deployment/" in target:
        return "evaluation jobs cannot ask an on-demand deployment; its answers can only be brought along"
    if _has_answers(results, side):
        return "answers are stored here already: r asks for those that are missing, then all can be brought along"
    return ""


def dataset(results: Results, side: Side, *, brought: bool, part: int = 0) -> bytes:
    """The prompts of one job as Bedrock reads them: JSONL with references, and answers where they are brought."""
    lines = []
    for slot, _ in _of_part(results, side, part, brought=brought):
        question = results.spec.questions[slot.question]
        record: dict[str, Any] = {"prompt": question.prompt, "referenceResponse": question.reference}
        if brought:
            answer = results.answers[slot]
            assert isinstance(answer, Answer)
            record["modelResponses"] = [{"response": answer.text, "modelIdentifier": str(side)}]
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines).encode("utf-8", "replace")


def _of_part(results: Results, side: Side, part: int, *, brought: bool) -> Iterator[tuple[Slot, str]]:
    return islice(_wanted(results, side, brought=brought), part * MOST_PROMPTS, (part + 1) * MOST_PROMPTS)


def _wanted(results: Results, side: Side, *, brought: bool) -> Iterator[tuple[Slot, str]]:
    for slot in results.spec.slots:
        if slot.side is side and (brought or slot.sample == 0):
            answer = results.answers.get(slot)
            yield slot, answer.text if isinstance(answer, Answer) else ""


def metric_config(judge: Judge, dataset_uri: str) -> dict[str, Any]:
    """`evaluationConfig.automated` of one job."""
    assert judge.target is not None
    models = {"bedrockEvaluatorModels": [{"modelIdentifier": judge.target.model_id}]}
    metric = judge.encoder or OWN_METRIC
    config: dict[str, Any] = {
        "datasetMetricConfigs": [
            {
                "taskType": "General",
                "dataset": {"name": "questions", "datasetLocation": {"s3Uri": dataset_uri}},
                "metricNames": [metric],
            }
        ],
        "evaluatorModelConfig": models,
    }
    if not judge.encoder:
        # The User Guide wants the variables at the end of the instructions.
        instructions = (
            f"{judge.rubric.scoring.strip()}\n\nQuestion: {{{{prompt}}}}\nReference answer: {{{{ground_truth}}}}\n"
            "Answer: {{prediction}}"
        )
        scale = [{"definition": f"{mark} of 10", "value": {"floatValue": float(mark)}} for mark in _MARKS]
        definition = {"name": OWN_METRIC, "instructions": instructions, "ratingScale": scale}
        config["customMetricConfig"] = {
            "customMetrics": [{"customMetricDefinition": definition}],
            "evaluatorModelConfig": models,
        }
    return config


class Way(StrEnum):
    """Who asks and who judges."""

    BEDROCK = "Bedrock asks and judges"
    ANSWERS = "asked from here, judged by Bedrock"
    HERE = "asked and judged from here"


def ways(spec: Spec, now: datetime) -> list[tuple[Way, str]]:
    """How many questions may be evaluated, the most sensible first, with a word about each."""
    empty = Results("", spec, now, {})
    refused = next(filter(None, (why_not(empty, side, brought=False) for side in Side)), "")
    jobs = 2 * parts_of(spec, brought=False)
    plain = "without the system prompt" if spec.system.strip() else "goes on when this app is closed"
    found = [(Way.ANSWERS, "then b hands the answers over"), (Way.HERE, "takes its time; p pauses, r goes on")]
    return found if refused else [(Way.BEDROCK, f"{jobs} jobs, {plain}"), *found]


@dataclass(frozen=True, slots=True)
class JobResults:
    """What a job found, slot by slot, and what could not be used."""

    answers: Mapping[Slot, Answer]
    scores: Mapping[Slot, Score | Failure]
    notes: tuple[str, ...] = ()


def read_results(results: Results, job: EvaluationJob, files: Mapping[str, bytes], now: datetime) -> JobResults:
    """The scores in a job's output files, given by key. Raises AppError with file and line for what is no result.

    Records are matched to questions by prompt, and among the samples of one question by the answer.
    """
    lines = [_record(key, number, line) for key, data in files.items() for number, line in _lines(data)]
    brought = any(s.sample for s in results.spec.slots) or _has_answers(results, job.side)
    free: dict[str, list[tuple[Slot, str]]] = defaultdict(list)
    for slot, text in _of_part(results, job.side, job.part, brought=brought):
        free[results.spec.questions[slot.question].prompt.strip()].append((slot, text))
    answers: dict[Slot, Answer] = {}
    scores: dict[Slot, Score | Failure] = {}
    strange = 0
    stretch = _is_shrunk(lines, job.judge)
    for prompt, response, mark, reasons in lines:
        open_slots = free.get(prompt.strip(), [])
        at = next((i for i, (_, text) in enumerate(open_slots) if text == response), 0)
        if not open_slots:
            strange += 1
            continue
        slot, known = open_slots.pop(at)
        if not known:
            answers[slot] = Answer(response, now, stop_reason="", imported=True)
        if mark is None:
            scores[slot] = Failure(reasons or "Bedrock's judge gave no mark", now, retryable=False)
        else:
            scores[slot] = Score(1 + 9 * mark if stretch else mark, reasons, now)
    notes = [f"{strange} results belong to no question of this evaluation"] if strange else []
    missing = sum(map(len, free.values()))
    notes += [f"Bedrock returned nothing for {missing} prompts"] if missing else []
    return JobResults(answers, scores, tuple(notes))


def _has_answers(results: Results, side: Side) -> bool:
    return any(slot.side is side and isinstance(a, Answer) for slot, a in results.answers.items())


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if line.strip():
            yield number, line


_Line = tuple[str, str, float | None, str]


def _record(key: str, number: int, line: str) -> _Line:
    """Prompt, answer, mark and reasons of one line."""
    try:
        record = json.loads(line)
        score = record["automatedEvaluationResult"]["scores"][0]
        prompt, mark = record["inputRecord"]["prompt"], score["result"]
        responses = record.get("modelResponses") or record["inputRecord"].get("modelResponses") or [{}]
        response = responses[0].get("response") or ""
        details = score.get("evaluatorDetails") or [{}]
        reasons = details[0].get("explanation") or ""
        if not isinstance(prompt, str) or not isinstance(response, str):
            raise TypeError("prompt and response are texts")
        value = None if mark is None else float(mark)
        if value is not None and not 0 <= value <= 10:
            raise ValueError("a mark between 0 and 10 was expected")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        where = f"{safe_line(key.rsplit('/', 1)[-1], 80)}, line {number}: {safe_line(str(error), 100)}"
        raise AppError(Cause.INCOMPLETE, "Bedrock's results cannot be read", where) from error
    return prompt, response, value, safe(str(reasons), 4000)


def _is_shrunk(lines: list[_Line], judge: Judge) -> bool:
    """Whether marks asked for from 1 to 10 came as shares of the scale: any below 1 tells it."""
    marks = [mark for _, _, mark, _ in lines if mark is not None]
    return not judge.encoder and any(mark < 1 for mark in marks) and all(mark <= 1 for mark in marks)
