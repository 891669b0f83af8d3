"""The training of one job: from its records in S3 to losses, metric files and an adapter."""

from __future__ import annotations

import math
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui.sandbox.catalog import Customization, Layout, find_customizable
from tui.sandbox.records import Job
from tui.sandbox.trainingdata import DataError, Turns, read_records
from tui.sandbox.world import World

if TYPE_CHECKING:
    from tui.sandbox.training import Example, LossRow, TrainingPlan, TrainingResult

UNEXPECTED = "Encountered an unexpected error when processing the request, please try again"
_MULTIPLIER_RANGE = (0.05, 4.0)


@dataclass(slots=True)
class Training:
    """A computation that may wait, run, be cancelled or have ended. ``outcome`` is None when it failed."""

    world: World
    examples: list[Turns]
    validation: list[Turns]
    rules: Customization
    hyperparameters: Mapping[str, str]
    seed: int
    base_adapter: bytes | None
    outcome: TrainingResult | None = None
    finished_at: float | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def finished(self) -> bool:
        return self.finished_at is not None

    def cancel(self) -> None:
        self._cancelled.set()

    def run(self) -> None:
        """Compute; a defect is reported on stderr and fails the job."""
        from tui.sandbox import training
        from tui.sandbox.language_model import Adapter

        try:
            adapter = Adapter.from_bytes(self.base_adapter) if self.base_adapter else None
            self.outcome = training.train(
                _examples(self.examples),
                _examples(self.validation),
                plan(self.hyperparameters, self.rules, self.seed),
                base_adapter=adapter,
                should_stop=self._cancelled.is_set,
            )
        except training.TrainingStopped:
            self.outcome = None
        except Exception:
            traceback.print_exc(file=sys.stderr)
        self.finished_at = self.world.now()


def prepare(world: World, job: Job) -> Training:
    """Read a job's data as it is now; raises DataError when it is gone."""
    found = find_customizable(job.base_id)
    assert found is not None
    rules = found[1]
    files = []
    for uri in (job.training_uri, job.validation_uri):
        data = world.storage.read(uri) if uri else b""
        if data is None:
            raise DataError(f"Unable to parse Amazon S3 file: {uri}. Data files must conform to JSONL format.")
        files.append(read_records(data, uri or "", rules))
    source = world.records.models.get(job.source_model_arn or "")
    adapter = world.adapter(source.id) if source else None
    return Training(world, files[0], files[1], rules, job.hyperparameters, job.seed, adapter)


def _examples(turns: list[Turns]) -> list[Example]:
    from tui.sandbox.training import Example

    return [Example(question, answer, record.system) for record in turns for question, answer in record.pairs]


def plan(hyperparameters: Mapping[str, str], rules: Customization, seed: int) -> TrainingPlan:
    """Hyperparameters of any base model as the language model's own.

    An absolute learning rate becomes a multiple of the base model's default rate.
    """
    from tui.sandbox.training import TrainingPlan

    multiplier = float(hyperparameters.get("learningRateMultiplier", 1.0))
    if "learningRate" in hyperparameters:
        default = next(item.default for item in rules.hyperparameters if item.name == "learningRate")
        multiplier = float(hyperparameters["learningRate"]) / default
    low, high = _MULTIPLIER_RANGE
    threshold = hyperparameters.get("earlyStoppingThreshold")
    patience = hyperparameters.get("earlyStoppingPatience")
    return TrainingPlan(
        epochs=int(hyperparameters["epochCount"]),
        batch_size=int(hyperparameters.get("batchSize", rules.batch_size)),
        learning_rate_multiplier=min(max(multiplier, low), high),
        early_stopping_threshold=None if threshold is None else float(threshold),
        early_stopping_patience=None if patience is None else int(patience),
        warmup_steps=int(hyperparameters.get("learningRateWarmupSteps", 0)),
        seed=seed,
    )


def final_losses(outcome: TrainingResult) -> tuple[float, float | None]:
    """Mean training loss of the last epoch, and the last validation loss."""
    last = [row.loss for row in outcome.training if row.epoch == outcome.epochs_run]
    return sum(last) / len(last), outcome.validation[-1].loss if outcome.validation else None


def metric_files(job: Job, outcome: TrainingResult) -> dict[str, str]:
    """The metric CSV files by their path below the job's output folder.

    Claude's count steps from 0 and epochs from 1; the others steps from 1 and epochs from 0, with a perplexity.
    """
    found = find_customizable(job.base_id)
    assert found is not None
    claude = found[1].layout is Layout.CLAUDE_MESSAGES
    files = {
        "training_artifacts/step_wise_training_metrics.csv": _csv("training_loss", outcome.training, claude, 1),
    }
    if outcome.validation:
        path = "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"
        files[path] = _csv("validation_loss", outcome.validation, claude, 0)
    return files


def _csv(column: str, rows: tuple[LossRow, ...], claude: bool, step_shift: int) -> str:
    if claude:
        lines = [f"step_number,epoch_number,{column}"]
        lines += [f"{row.step},{row.epoch},{row.loss!r}" for row in rows]
    else:
        lines = [f"step_number,epoch_number,{column},perplexity"]
        lines += [
            f"{row.step + step_shift},{row.epoch - 1},{row.loss!r},{math.exp(min(row.loss, 700.0))!r}" for row in rows
        ]
    return "\n".join(lines) + "\n"
