"""Evaluation jobs on Bedrock: ordered for both sides, followed while they move, their results brought back.

Jobs that this app ordered are remembered with the evaluation they belong to. Only those that still move are asked
for, each by itself: the account's list comes in pages of five and would cost more requests with each job ever run.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tui.domain.chat.chat import Target
from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.jobs import (
    EvaluationJob,
    EvaluationStatus,
    JobResults,
    JobsPlan,
    dataset,
    metric_config,
    parts_of,
    read_results,
    why_not,
)
from tui.domain.evaluation.judging import Judge, JudgeKind, Score, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.rubrics import Rubric
from tui.domain.names import s3_uri, split_s3_uri
from tui.domain.text import safe, safe_line
from tui.services.aws import Aws
from tui.services.aws_errors import moment, understood
from tui.services.evaluation.evaluations import Evaluations
from tui.services.evaluation.store import EvaluationStore
from tui.services.orders import ROLE_WAITS, SKEW, Ordered, Orders, Patience
from tui.services.pool import DaemonPool
from tui.services.storage import Storage
from tui.services.store import Intent, Store, Tables

CREATE = "create_evaluation_job"
MOST_ASKED = 10
"""Jobs asked for at one look; the others have their turn at the next."""
_NO_TAG = re.compile(r"[^a-zA-Z0-9\s._:/=+@-]+")
_TABLE = """CREATE TABLE IF NOT EXISTS evaluation_jobs (
    arn TEXT PRIMARY KEY, place TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, created TEXT NOT NULL,
    ended TEXT NOT NULL, evaluation TEXT NOT NULL, side TEXT NOT NULL, judge TEXT NOT NULL, output_uri TEXT NOT NULL,
    failure TEXT NOT NULL, taken INTEGER NOT NULL
)"""
_COLUMNS = "arn, name, status, created, evaluation, side, judge, output_uri, ended, failure, taken"


class EvaluationJobs:
    """Orders, follows and reads evaluation jobs. Every method raises AppError for what may be expected."""

    def __init__(
        self,
        aws: Aws,
        orders: Orders,
        storage: Storage,
        store: Store,
        pool: DaemonPool,
        *,
        now: Now = utc_now,
        role_waits: tuple[float, ...] = ROLE_WAITS,
    ) -> None:
        self._aws = aws
        self._orders = orders
        self._storage = storage
        self._tables = Tables(store, _TABLE)
        self._pool = pool
        self._now = now
        self._role_waits = role_waits
        self._jobs: dict[str, EvaluationJob] = {}

    async def follow(self, place: str) -> None:
        """Read what was ordered here in this account and Region, so that `look` tells of it."""
        self._jobs = {job.arn: job for job in await self._pool.run(self._kept, place)}

    def forget(self) -> None:
        """Drop what was kept: another account is looked at."""
        self._jobs.clear()

    async def look(self) -> list[EvaluationJob]:
        """Every job followed, newest first; those that move as they are now. No request where none moves."""
        moving = [job for job in self._jobs.values() if job.moving]
        for job in await asyncio.gather(*map(self._fresh, moving[:MOST_ASKED])):
            self._jobs.pop(job.arn, None)  # to the end: who was asked waits for the others
            self._jobs[job.arn] = job
        return sorted(self._jobs.values(), key=lambda job: job.created, reverse=True)

    async def _fresh(self, job: EvaluationJob) -> EvaluationJob:
        try:
            answer = await self._aws.call(
                "bedrock", "get_evaluation_job", {"jobIdentifier": job.arn}, need=("jobArn", "status", "creationTime")
            )
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
            found = replace(job, status=EvaluationStatus.FAILED, failure=error.sentence(), ended=self._now())
        else:
            found = understood("get_evaluation_job", _seen, job, answer)
        if found != job:
            await self._pool.run(self._change, found)
        return found

    async def order(
        self,
        place: str,
        results: Results,
        side: Side,
        plan: JobsPlan,
        token: str,
        *,
        part: int = 0,
        patience: Patience | None = None,
    ) -> Ordered:
        """Upload the prompts of one side, or a part, and start a job. `token` is made when the form is confirmed.

        A second call with a token that is under way starts nothing. Raises AppError; with `outcome_unknown` Bedrock
        may have taken the job, and `reconcile` tells.
        """
        if problem := why_not(results, side, brought=plan.brought):
            raise AppError(Cause.INVALID, f"Bedrock cannot evaluate the {side} side", problem)
        data = await self._pool.run(_encoded, results, side, plan.brought, part)
        sha = hashlib.sha256(data).hexdigest()
        key = f"{plan.prefix.strip('/')}/{plan.name}/{side}-{sha[:12]}.jsonl"
        if not await self._storage.holds(plan.bucket, key, sha, len(data)):
            await self._storage.upload(plan.bucket, key, data, sha, lambda *_: None, threading.Event())
        name = plan.job_name(side, part, parts_of(results.spec, brought=plan.brought))
        request = _request(results, side, plan, s3_uri(plan.bucket, key), token) | {"jobName": name}
        made = await self._orders.send(
            place,
            CREATE,
            name,
            request,
            "jobArn",
            token,
            role_waits=self._role_waits,
            patience=patience,
        )
        if made.arn:
            await self._keep(place, _ordered(made.arn, request, self._now()))
        return made

    async def reconcile(self, place: str, intent: Intent) -> str:
        """Find out whether a job whose outcome is unknown exists; gives its ARN, or an empty string.

        Lists do not tell a job's token: it is known by its name, which is used once, and its time.
        """

        def look(client_of: Callable[[str], Any]) -> str:
            pages = client_of("bedrock").get_paginator("list_evaluation_jobs")
            wanted = {"nameContains": intent.name, "creationTimeAfter": intent.created - SKEW}
            # A page without jobs has no list at all.
            jobs = (job for page in pages.paginate(**wanted) for job in page.get("jobSummaries", ()))
            return next((str(job["jobArn"]) for job in jobs if job.get("jobName") == intent.name), "")

        arn: str = await self._aws.run(look, "list_evaluation_jobs")
        if arn and arn not in self._jobs:
            await self._keep(place, _ordered(arn, intent.params, intent.created))
        return arn

    async def stop(self, arn: str) -> None:
        """Ask Bedrock to stop a job; what it judged so far is charged, and no results come of it."""
        await self._aws.call("bedrock", "stop_evaluation_job", {"jobIdentifier": arn})

    async def results(self, job: EvaluationJob, of: Results) -> JobResults:
        """What a completed job found for the evaluation `of`."""
        objects = await self._storage.objects(job.results_uri)
        keys = [o.key for o in objects if o.key.endswith("_output.jsonl")]
        if not keys:
            raise AppError(
                Cause.NOT_FOUND, "The job's results are not in S3", safe_line(job.results_uri, 200), retryable=True
            )
        bucket, _ = split_s3_uri(job.results_uri)
        files = {key: await self._storage.read(bucket, key) for key in keys}
        return await self._pool.run(read_results, of, job, files, self._now())

    async def take(self, job: EvaluationJob, evaluations: Evaluations) -> tuple[str, ...]:
        """Store a completed job's scores, and answers that are not here yet; gives what could not be used.

        Taken twice it changes nothing. An evaluation that was deleted meanwhile counts as taken.
        """
        try:
            of = await evaluations.load(job.evaluation)
        except AppError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
            await self.mark_taken(job)
            return (f"{job.name}: its evaluation was deleted here; the results stay in S3",)
        found = await self.results(job, of)
        await self._pool.run(_store, evaluations.store, job, found)
        await self.mark_taken(job)
        return found.notes

    async def mark_taken(self, job: EvaluationJob) -> None:
        """Its results are stored here."""
        taken = replace(self._jobs.get(job.arn, job), taken=True)
        await self._pool.run(self._change, taken)
        self._jobs[job.arn] = taken

    def of(self, evaluation: str) -> list[EvaluationJob]:
        """The jobs of one evaluation, as last seen."""
        return [job for job in self._jobs.values() if job.evaluation == evaluation]

    # What is remembered

    async def _keep(self, place: str, job: EvaluationJob) -> None:
        self._jobs[job.arn] = job
        await self._pool.run(self._add, place, job)

    def _kept(self, place: str) -> list[EvaluationJob]:
        rows = self._tables.read(f"SELECT {_COLUMNS} FROM evaluation_jobs WHERE place=? ORDER BY created", (place,))
        return [_stored(row) for row in rows]

    def _add(self, place: str, job: EvaluationJob) -> None:
        self._tables.write(
            f"INSERT OR REPLACE INTO evaluation_jobs (place, {_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (place, job.arn, job.name, job.status, job.created.isoformat(), job.evaluation, str(job.side),
             _judge_text(job.judge), job.output_uri, _text(job.ended), job.failure, int(job.taken)),
        )  # fmt: skip

    def _change(self, job: EvaluationJob) -> None:
        self._tables.write(
            "UPDATE evaluation_jobs SET status=?, created=?, ended=?, failure=?, taken=? WHERE arn=?",
            (job.status, job.created.isoformat(), _text(job.ended), job.failure, int(job.taken), job.arn),
        )


def _store(store: EvaluationStore, job: EvaluationJob, found: JobResults) -> None:
    with store.together():
        store.add_judge(job.evaluation, job.judge)
        for slot, answer in found.answers.items():
            store.add_answer(job.evaluation, slot, answer)
        for slot, score in found.scores.items():
            if isinstance(score, Score):
                store.add_score(job.evaluation, job.judge.id, slot, score)
            else:
                store.add_failure(job.evaluation, job.judge.id, slot.side, slot.question, slot.sample, score)


def _encoded(results: Results, side: Side, brought: bool, part: int) -> bytes:
    return dataset(results, side, brought=brought, part=part)


def _request(results: Results, side: Side, plan: JobsPlan, dataset_uri: str, token: str) -> dict[str, Any]:
    spec = results.spec
    if plan.brought:
        model: dict[str, Any] = {"precomputedInferenceSource": {"inferenceSourceIdentifier": str(side)}}
    else:
        asked = spec.parameters
        settings = {"maxTokens": asked.max_tokens, "temperature": asked.temperature, "topP": asked.top_p}
        given = {name: value for name, value in settings.items() if value is not None}
        parameters = json.dumps({"inferenceConfig": given})
        model = {"bedrockModel": {"modelIdentifier": spec.target(side).model_id, "inferenceParams": parameters}}
    return {
        "clientRequestToken": token,
        "roleArn": plan.role_arn,
        "applicationType": "ModelEvaluation",
        "evaluationConfig": {"automated": metric_config(plan.judge, dataset_uri)},
        "inferenceConfig": {"models": [model]},
        "outputDataConfig": {"s3Uri": f"s3://{plan.bucket}/{plan.prefix.strip('/')}/{plan.name}/"},
        "jobTags": [
            {"key": "tanzaku:evaluation", "value": results.id},
            {"key": "tanzaku:side", "value": str(side)},
            {
                "key": "tanzaku:judge",
                "value": _NO_TAG.sub(" ", plan.judge.target.name)[:100] if plan.judge.target else "",
            },
        ],
    }


def _ordered(arn: str, request: Mapping[str, Any], at: datetime) -> EvaluationJob:
    """A job as it was ordered; everything of it stands in the request, so that a crash loses nothing."""
    tags = {tag["key"]: tag["value"] for tag in request["jobTags"]}
    automated = request["evaluationConfig"]["automated"]
    model_id = automated["evaluatorModelConfig"]["bedrockEvaluatorModels"][0]["modelIdentifier"]
    metric = automated["datasetMetricConfigs"][0]["metricNames"][0]
    custom = automated.get("customMetricConfig", {}).get("customMetrics", ())
    scoring = custom[0]["customMetricDefinition"]["instructions"].rpartition("\n\nQuestion: ")[0] if custom else ""
    target = Target(tags.get("tanzaku:judge") or model_id, model_id, "judge")
    judge = Judge(JudgeKind.BEDROCK, target, Rubric("by Bedrock", scoring, ""), "" if custom else metric)
    return EvaluationJob(
        arn,
        request["jobName"],
        EvaluationStatus.IN_PROGRESS,
        at,
        tags["tanzaku:evaluation"],
        Side(tags["tanzaku:side"]),
        judge,
        request["outputDataConfig"]["s3Uri"],
    )


def _seen(job: EvaluationJob, answer: Mapping[str, Any]) -> EvaluationJob:
    modified = answer.get("lastModifiedTime")
    found = replace(
        job,
        status=safe_line(str(answer["status"]), 30),
        created=moment(answer["creationTime"]),
        failure=safe("\n".join(str(m) for m in answer.get("failureMessages") or ()), 2000),
    )
    return found if found.moving else replace(found, ended=modified if isinstance(modified, datetime) else None)


def _text(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _judge_text(judge: Judge) -> str:
    target = judge.target or Target("?", "?", "judge")
    return json.dumps([target.name, target.model_id, judge.rubric.name, judge.rubric.scoring, judge.encoder])


def _stored(row: tuple[Any, ...]) -> EvaluationJob:
    arn, name, status, created, evaluation, side, judge, output_uri, ended, failure, taken = row
    target_name, model_id, rubric, scoring, metric = json.loads(judge)
    return EvaluationJob(
        arn,
        name,
        status,
        datetime.fromisoformat(created),
        evaluation,
        Side(side),
        Judge(JudgeKind.BEDROCK, Target(target_name, model_id, "judge"), Rubric(rubric, scoring, ""), metric),
        output_uri,
        datetime.fromisoformat(ended) if ended else None,
        failure,
        bool(taken),
    )
