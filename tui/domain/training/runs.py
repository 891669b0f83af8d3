"""Endpoints, and runs: job → custom model → endpoints as one row. A board is all of it at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from tui.domain.base_models import BaseModel, Serving, base_id, find
from tui.domain.errors import AppError
from tui.domain.text import safe_line
from tui.domain.values import dataclass

if TYPE_CHECKING:
    from tui.domain.chat.chat import Target
    from tui.domain.evaluation.jobs import EvaluationJob
    from tui.domain.training.jobs import CustomModel, Job

_READY = frozenset({"InService", "Active"})
_CHANGING = frozenset({"Creating", "Updating"})


class Part(StrEnum):
    """The lists that a board is made of."""

    JOBS = "jobs"
    MODELS = "custom models"
    THROUGHPUTS = "provisioned throughputs"
    DEPLOYMENTS = "deployments"
    EVALUATIONS = "evaluation jobs"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Provisioned throughput or an on-demand deployment of a custom model (or bought for a base model)."""

    kind: Serving
    arn: str
    name: str
    status: str
    model_arn: str
    created: datetime
    units: int = 0
    commitment: str = ""
    failure: str = ""
    base_model_arn: str = ""
    commitment_ends: datetime | None = None

    @property
    def region(self) -> str:
        """The Region in its ARN."""
        parts = self.arn.split(":", 4)
        return parts[3] if len(parts) > 4 else ""

    def bound(self, now: datetime) -> str:
        """One sentence on how its commitment keeps it from being deleted; empty where there is none."""
        if not self.commitment:
            return ""
        ends = self.commitment_ends
        if ends is not None and ends <= now:
            return f"Its {self.commitment} ended on {ends:%Y-%m-%d}: if AWS has renewed it, AWS refuses to delete it."
        until = f"{ends:%Y-%m-%d}" if ends else "that ends"
        return f"It is bought for {self.commitment}: AWS refuses to delete it before {until}."

    @property
    def part(self) -> Part:
        """The list that tells it."""
        return Part.THROUGHPUTS if self.kind is Serving.PROVISIONED else Part.DEPLOYMENTS

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self.status in _READY

    @property
    def moving(self) -> bool:
        """Whether its status is about to change."""
        return self.status in _CHANGING

    @property
    def bills_by_hour(self) -> bool:
        """Provisioned throughput bills from its creation until it is deleted, in service or not."""
        return self.kind is Serving.PROVISIONED and self.status != "Failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One row: at least one of job, model and endpoints is there, or it is an evaluation job by itself."""

    key: str
    job: Job | None = None
    model: CustomModel | None = None
    endpoints: tuple[Endpoint, ...] = ()
    evaluation: EvaluationJob | None = None

    @property
    def name(self) -> str:
        """The job's name, else the model's, else the first endpoint's."""
        if self.job:
            return self.job.name
        if self.evaluation:
            return self.evaluation.name
        if self.model:
            return self.model.name
        return self.endpoints[0].name if self.endpoints else self.key

    @property
    def created(self) -> datetime:
        """When its oldest known part was made."""
        parts = [p.created for p in (self.job, self.model, *self.endpoints, self.evaluation) if p is not None]
        return min(parts)

    @property
    def base_model_arn(self) -> str:
        """ARN of the base model, as far as it is known."""
        for part in (self.job, self.model, *self.endpoints):
            if part is not None and part.base_model_arn:
                return part.base_model_arn
        return ""

    @property
    def base_model(self) -> BaseModel | None:
        """The catalogue's entry for the base model."""
        return find(self.base_model_arn) if self.base_model_arn else None

    @property
    def base_model_name(self) -> str:
        """The catalogue's name, else the id."""
        found = self.base_model
        return found.key if found else safe_line(base_id(self.base_model_arn), 80) or "?"

    @property
    def model_arn(self) -> str:
        """ARN of the custom model that can be served, empty while there is none."""
        return self.model.arn if self.model else ""

    @property
    def moving(self) -> bool:
        """Whether anything in it is about to change."""
        jobs = (self.job, self.evaluation)
        return any(j is not None and j.moving for j in jobs) or any(e.moving for e in self.endpoints)

    @property
    def ready_endpoint(self) -> Endpoint | None:
        """The first endpoint that answers."""
        return next((e for e in self.endpoints if e.ready), None)

    def target(self, endpoint: Endpoint) -> Target:
        """What answers for it at one of its endpoints."""
        from tui.domain.chat.chat import Target

        hourly = endpoint.kind is Serving.PROVISIONED
        kind = f"{endpoint.units} MU" if hourly else "on demand"
        base = self.base_model
        priced_as = "" if hourly or base is None else base.runtime_id
        return Target(self.name, endpoint.arn, kind, tuned=True, priced_as=priced_as, hourly=hourly)


@dataclass(frozen=True, slots=True)
class Board:
    """What exists in one account and Region, as last seen.

    `problem` is set when the newest look failed; the rest is then the last good one, of `seen`. Lists that the
    account may not read are `missed`: what is shown of them is what was read last, and nothing where they are
    `never` read.
    """

    runs: tuple[Run, ...] = ()
    seen: datetime | None = None
    problem: AppError | None = None
    missed: frozenset[Part] = frozenset()
    never: frozenset[Part] = frozenset()

    @property
    def moving(self) -> bool:
        """Whether anything is about to change."""
        return any(run.moving for run in self.runs)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint of every run."""
        return tuple(e for run in self.runs for e in run.endpoints)

    @property
    def billing(self) -> tuple[Endpoint, ...]:
        """What bills by the hour."""
        return tuple(e for e in self.endpoints if e.bills_by_hour)

    @property
    def may_bill_unseen(self) -> bool:
        """Whether throughput may be billing that nobody could ever list."""
        return Part.THROUGHPUTS in self.never

    def with_job(self, job: Job) -> Board:
        """The board with one job known better."""
        runs = tuple(replace(r, job=job) if r.job and r.job.arn == job.arn else r for r in self.runs)
        return replace(self, runs=runs)

    def run(self, key: str) -> Run | None:
        """The run with this key."""
        return next((r for r in self.runs if r.key == key), None)


@dataclass(frozen=True, slots=True)
class News:
    """A run or endpoint that reached an end or came into service between two boards."""

    text: str
    good: bool
    gone: str = ""
    """ARN of the endpoint that is not there any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a job or endpoint was when it was last looked at."""

    name: str
    status: str
    part: Part
    moving: bool


def states(board: Board) -> dict[str, Seen]:
    """Jobs and endpoints of a board by ARN: what `since` compares a later board with."""
    found = {r.job.arn: Seen(r.name, r.job.status, Part.JOBS, r.job.moving) for r in board.runs if r.job}
    judged = [r.evaluation for r in board.runs if r.evaluation]
    found |= {e.arn: Seen(e.name, e.status, Part.EVALUATIONS, e.moving) for e in judged}
    return found | {e.arn: Seen(e.name, e.status, e.part, e.moving) for e in board.endpoints}


def since(before: Mapping[str, Seen], new: Board) -> list[News]:
    """What is worth telling: jobs that ended, endpoints that answer, failed or are gone.

    What the account could not list is not taken for gone.
    """
    news = []
    for run in new.runs:
        job = run.job or run.evaluation
        was = before.get(job.arn) if job else None
        if job and was and was.moving and not job.moving:
            news.append(News(f"{run.name}: {job.status}", job.status == "Completed"))
    there = {e.arn: e for e in new.endpoints}
    for arn, seen in before.items():
        if seen.part not in (Part.THROUGHPUTS, Part.DEPLOYMENTS):
            continue
        now = there.get(arn)
        if now is None and seen.part not in new.missed:
            news.append(News(f"{seen.name} is deleted", True, gone=arn))
        elif now is not None and now.status != seen.status and not now.moving:
            news.append(News(f"{now.name}: {now.status}", now.ready))
    return news


def changes(old: Board, new: Board) -> list[News]:
    """What is worth telling between two boards; nothing on the first look."""
    return [] if old.seen is None or new.seen is None else since(states(old), new)


def summary(board: Board) -> str:
    """For the window's title: what runs and what bills, empty when nothing does."""
    jobs = sum(1 for run in board.runs if run.job and run.job.moving)
    units = sum(e.units for e in board.billing)
    parts = [f"{jobs} training" if jobs else "", f"{units} MU" if units else ""]
    return " · ".join(p for p in parts if p)


def assemble(
    jobs: Iterable[Job],
    models: Iterable[CustomModel],
    endpoints: Iterable[Endpoint],
    evaluations: Iterable[EvaluationJob] = (),
) -> tuple[Run, ...]:
    """Rows joined by the model's ARN, newest first; models and endpoints without a known job get rows too."""
    by_model: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in sorted(endpoints, key=lambda e: e.created):
        by_model[endpoint.model_arn].append(endpoint)
    known = {model.arn: model for model in models}
    runs = []
    for job in jobs:
        model = known.pop(job.model_arn, None) if job.model_arn else None
        served = tuple(by_model.pop(job.model_arn, ())) if job.model_arn else ()
        runs.append(Run(job.arn, job, model, served))
    runs += [Run(m.arn, None, m, tuple(by_model.pop(m.arn, ()))) for m in known.values()]
    runs += [Run(e.arn, None, None, (e,)) for rest in by_model.values() for e in rest]
    runs += [Run(e.arn, evaluation=e) for e in evaluations]
    return tuple(sorted(runs, key=lambda r: r.created, reverse=True))
