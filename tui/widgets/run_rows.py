"""Runs as rows of a table, and one run in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from textual.content import Content

from tui.domain.base_models import Serving
from tui.domain.clock import absolute, ago, span
from tui.domain.evaluation.jobs import EvaluationJob
from tui.domain.text import safe, safe_line
from tui.domain.training.jobs import FINE_TUNING, PHASES, Job, JobStatus, cure
from tui.domain.training.run_list import Trends, last_loss
from tui.domain.training.runs import Endpoint, Run
from tui.widgets.columns import Column
from tui.widgets.sparkline import spark

RUN_COLUMNS = (
    Column("name", "run", weight=2),
    Column("base", "base model", 15, hide_below=100),
    Column("status", "status", 17),
    Column("since", "since", 10, align="right", hide_below=64),
    Column("loss", "val loss", 8, align="right", hide_below=86),
    Column("trend", "by epoch", 10, hide_below=90),
    Column("endpoint", "endpoint", 13, hide_below=50),
)
_GLYPHS = {
    JobStatus.IN_PROGRESS: "●",
    JobStatus.COMPLETED: "✓",
    JobStatus.FAILED: "✗",
    JobStatus.STOPPING: "■",
    JobStatus.STOPPED: "■",
}
_LABEL = 12
_TREND = 10
_SHORT = {
    "epochCount": "epochs",
    "batchSize": "batch",
    "learningRateMultiplier": "learning rate ×",
    "learningRate": "learning rate",
    "earlyStoppingThreshold": "stop below gain",
    "earlyStoppingPatience": "patience",
}


def status_text(run: Run) -> str:
    """`● Training`, `✓ Completed`; a model or endpoint without a job says so."""
    if run.evaluation is not None:
        status = run.evaluation.status
        mark = _GLYPHS.get(JobStatus(status), "?") if status in set(JobStatus) else "?"
        return f"{mark} {'Evaluating' if status == JobStatus.IN_PROGRESS else status}"
    if run.job is None:
        if run.model is None:
            return "endpoint only"
        return "model only" if run.model.status == "Active" else f"model {run.model.status}"
    phase = run.job.phase_text()
    glyph = _GLYPHS.get(JobStatus(run.job.status)) if run.job.status in set(JobStatus) else "?"
    return f"{'◌' if phase == 'Queued' else glyph} {phase}"


_PHASE_MARKS = {
    "Completed": "✓",
    "InProgress": "●",
    "NotStarted": "◌",
    "Failed": "✗",
    "Stopping": "■",
    "Stopped": "■",
}


def endpoint_text(endpoint: Endpoint, now: datetime) -> str:
    """`● 1 MU 0:42`, `◌ Creating`, `● on demand`."""
    if endpoint.ready:
        if endpoint.kind is Serving.ON_DEMAND:
            return "● on demand"
        minutes = max(0, int((now - endpoint.created).total_seconds() // 60))  # this machine's clock may be behind
        return f"● {endpoint.units} MU {minutes // 60}:{minutes % 60:02}"
    return f"{'✗' if endpoint.status == 'Failed' else '◌'} {endpoint.status}"


class RunRows:
    """A board's runs as rows."""

    def __init__(self, runs: Sequence[Run], now: datetime, trends: Trends | None = None) -> None:
        self._runs = runs
        self._now = now
        self._trends = trends or {}

    def __len__(self) -> int:
        return len(self._runs)

    def run(self, index: int) -> Run:
        """The run in a row."""
        return self._runs[index]

    def key(self, index: int) -> str:
        """The run's key."""
        return self._runs[index].key

    def cells(self, index: int) -> Sequence[str | Content]:
        """Name, base model, status, since, loss, its trend, endpoint."""
        run = self._runs[index]
        job = run.job
        timed = job or run.evaluation
        if timed is not None and timed.moving:
            since = span(self._now - timed.created)
        else:
            since = ago(timed.ended or timed.created if timed else run.created, self._now)
        last = last_loss(run, self._trends)
        loss = "–" if last is None else f"{last:.4f}"
        endpoints = ", ".join(endpoint_text(e, self._now) for e in run.endpoints) or "–"
        trend = spark(self._trends.get(run.key, ())[-_TREND:])
        base = "evaluation" if run.evaluation else run.base_model_name
        return (run.name, base, status_text(run), since, loss, trend, endpoints)


def run_detail(run: Run, now: datetime, tags: Mapping[str, Mapping[str, str]] | None = None) -> Content:
    """Everything that is known of a run: what moves or costs first, names of AWS's things last; `tags` by ARN."""
    parts: list[tuple[str, str] | str] = [(f"{run.name}\n", "bold")]
    job = run.job
    if job is not None:
        parts += _job_parts(job, now)
    for endpoint in run.endpoints:
        parts += _endpoint_parts(endpoint, now)
    if job is not None:
        parts += _data_parts(job)
    if run.evaluation is not None:
        parts += _evaluation_parts(run.evaluation)
    if run.model is not None:
        # Models of other accounts can be served, where those share them; they cannot be deleted.
        shared = run.model.owner and run.model.owner not in run.model.arn
        parts += _line("model", run.model.arn + (f" · shared by {run.model.owner}" if shared else ""))
    made = job or run.model
    if made is not None and made.kind != FINE_TUNING:
        parts += _line("made by", made.kind)
    for endpoint in run.endpoints:
        parts += _line("endpoint", endpoint.arn)
    for label, arn in (("job tags", job.arn if job else ""), ("model tags", run.model_arn)):
        parts += _line(label, " · ".join(f"{key}={value}" for key, value in ((tags or {}).get(arn) or {}).items()))
    return Content.assemble(*parts)


def _line(label: str, value: str) -> list[tuple[str, str] | str]:
    return [(f"{label:<{_LABEL}}", "$foreground-muted"), f"{safe_line(value, 400)}\n"] if value else []


def _evaluation_parts(job: EvaluationJob) -> list[tuple[str, str] | str]:
    parts: list[tuple[str, str] | str] = []
    if job.failure:
        parts.append((f"✗ {safe(job.failure, 1000)}\n", "$text-error"))
    stored = " · results stored here" if job.taken else ""
    parts += _line("evaluation", f"of the {job.side} side, judged by {job.judge.name}{stored} (enter opens it)")
    ended = f" · ended {absolute(job.ended)} after {span(job.ended - job.created)}" if job.ended else ""
    parts += _line("created", f"{absolute(job.created)}{ended}")
    parts += _line("output", job.results_uri)
    parts += _line("job", job.arn)
    return parts


def _job_parts(job: Job, now: datetime) -> list[tuple[str, str] | str]:
    parts: list[tuple[str, str] | str] = []
    if job.failure:
        found = cure(job.failure)
        parts.append((f"✗ {safe(job.failure, 1000)}\n", "$text-error"))
        if found:
            parts.append((f"  {found.cause} {found.action}\n", "$text-warning"))
    phases = []
    for phase in job.phases:
        lasted = phase.lasted(now)
        mark = _PHASE_MARKS.get(phase.status, "?")
        phases.append(f"{phase.name} {mark}" + (f" {span(lasted)}" if lasted is not None else ""))
    if phases:
        parts.append((" → ".join(phases) + _queue(job, now) + "\n", "$text-accent"))
    elif job.moving:
        parts.append(
            (f"AWS tells no phases of this job; it has run for {span(now - job.created)}\n", "$foreground-muted")
        )
    if job.training_loss is not None:
        loss = f"training {job.training_loss:.4f}"
        loss += f" · validation {job.validation_loss:.4f}" if job.validation_loss is not None else ""
        parts += _line("last loss", loss)
    return parts


def _queue(job: Job, now: datetime) -> str:
    """The wait between data processing and training, which AWS counts to neither."""
    by_name = {phase.name: phase for phase in job.phases}
    processed, training = by_name.get(PHASES[1]), by_name.get(PHASES[2])
    since = processed.changed if processed and processed.status == "Completed" else None
    if since is None:
        return ""
    if job.phase_text() == "Queued":
        return f"  (queued {span(now - since)}: training waits for capacity)"
    if training is not None and training.began is not None and training.began > since:
        return f"  (queued {span(training.began - since)} before training)"
    return ""


def _data_parts(job: Job) -> list[tuple[str, str] | str]:
    ended = f" · ended {absolute(job.ended)} after {span(job.ended - job.created)}" if job.ended else ""
    asked = " · ".join(f"{_SHORT.get(k, k)} {v}" for k, v in sorted(job.hyperparameters.items(), key=_order))
    parts = [*_line("asked", asked), *_line("created", f"{absolute(job.created)}{ended}")]
    parts += _line("training", job.training_uri)
    for uri in job.validation_uris:
        parts += _line("validation", uri)
    parts += _line("output", job.output_uri)
    parts += _line("role", job.role_arn)
    parts += _line("KMS key", job.kms_key)
    network = [f"subnets {', '.join(job.subnets)}" if job.subnets else ""]
    network.append(f"security groups {', '.join(job.security_groups)}" if job.security_groups else "")
    parts += _line("VPC", " · ".join(filter(None, network)))
    parts += _line("job", job.arn)
    return parts


def _order(item: tuple[str, str]) -> tuple[int, str]:
    return (list(_SHORT).index(item[0]) if item[0] in _SHORT else len(_SHORT), item[0])


def _endpoint_parts(endpoint: Endpoint, now: datetime) -> list[tuple[str, str] | str]:
    age = span(now - endpoint.created)
    bills = " · bills by the hour until deleted" if endpoint.bills_by_hour else ""
    text = f"{endpoint.name} · {endpoint.kind} · {endpoint.status} · {age}{bills}"
    parts = _line("endpoint", text)
    if endpoint.failure:
        parts.append((f"✗ {safe(endpoint.failure, 500)}\n", "$text-error"))
    return parts
