"""What happens by itself as time passes: jobs go through their phases, endpoints come into service.

The waits are those seen on AWS, in seconds there; the clock's speed divides them.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from tui.sandbox import assessment, records, roles, schedules, trainer
from tui.sandbox.access import context, no_put, read_as_role
from tui.sandbox.catalog import find_customizable
from tui.sandbox.records import Evaluation, Job, Model
from tui.sandbox.scenarios import Scenario
from tui.sandbox.trainingdata import DataError, check_counts, read_records
from tui.sandbox.world import World

VALIDATION, DATA_PROCESSING, QUEUE, TRAINING, STOPPING = 180.0, 180.0, 840.0, 2400.0, 60.0
EVALUATION = 600.0
THROUGHPUT_START, THROUGHPUT_UPDATE, DEPLOYMENT_START = 600.0, 300.0, 300.0
_PROBE = ".write_access_check_file.tmp"
_PULSE = 0.1


class Lifecycle:
    """Moves the world on: by a thread that looks often, and at once when a manual clock is advanced."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._trainings: dict[str, trainer.Training] = {}
        self._assessments: dict[str, assessment.Assessment] = {}
        self._ticking = threading.Lock()
        self._closed = False
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for target in (self._pulse, self._train):
            thread = threading.Thread(target=target, name=f"sandbox-{target.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        self._closed = True
        self._closing.set()
        for work in self._works():
            work.cancel()
        self.world.stirred.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=5)

    def forget(self) -> None:
        """Give up every training, as after a reset of the world."""
        with self._ticking:
            for work in self._works():
                work.cancel()
            self._trainings.clear()
            self._assessments.clear()

    def settle(self, timeout: float) -> None:
        """Wait until each training that may run by now has been computed; raises TimeoutError."""
        self.tick()
        with self._changed:
            if not self._changed.wait_for(self._idle, timeout):
                raise TimeoutError("trainings are still being computed")
        self.tick()

    def _idle(self) -> bool:
        return self._closed or not self._waiting()

    def _pulse(self) -> None:
        while not self._closed:
            # With nothing under way there is nothing to look for until a request changes something.
            self.world.stirred.wait(_PULSE if self._moving() else None)
            self.world.stirred.clear()
            self._guarded(self.tick)
            self._closing.wait(_PULSE)

    def _train(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting())
            if self._closed:
                return
            self._waiting()[0].run()
            with self._changed:
                self._changed.notify_all()
            self.world.stirred.set()

    def _works(self) -> list[trainer.Training | assessment.Assessment]:
        return [*list(self._trainings.values()), *list(self._assessments.values())]

    def _waiting(self) -> list[trainer.Training | assessment.Assessment]:
        return [work for work in self._works() if not work.finished]

    def _moving(self) -> bool:
        with self.world.lock:
            kept = self.world.records
            return (
                any(job.status in ("InProgress", "Stopping") for job in kept.jobs.values())
                or any(item.status in ("Creating", "Updating") for item in kept.throughputs.values())
                or any(item.status == "Creating" for item in kept.deployments.values())
                or any(not item.fired for item in kept.schedules.values())
                or any(item.status in ("InProgress", "Stopping") for item in kept.evaluations.values())
            )

    @staticmethod
    def _guarded(step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            # The thread must outlive a defect, and the defect must be seen.
            traceback.print_exc(file=sys.stderr)

    def tick(self) -> None:
        """Bring everything up to the present."""
        with self._ticking, self.world.lock:
            now = self.world.now()
            changed = False
            for job in list(self.world.records.jobs.values()):
                while self._step_job(job, now):
                    changed = True
            for item in list(self.world.records.evaluations.values()):
                changed = self._step_evaluation(item, now) or changed
            changed = self._step_endpoints(now) or changed
            changed = schedules.fire(self.world, now) or changed
            if changed:
                self.world.save()

    def _step_endpoints(self, now: float) -> bool:
        changed = False
        for throughput in self.world.records.throughputs.values():
            wait = THROUGHPUT_START if throughput.status == "Creating" else THROUGHPUT_UPDATE
            due = throughput.changing_since + self.world.wait(wait)
            if throughput.status == "Creating" and Scenario.STUCK in self.world.scenarios:
                continue
            if throughput.status in ("Creating", "Updating") and now >= due:
                throughput.status, throughput.modified = "InService", due
                throughput.model_arn = throughput.desired_model_arn
                changed = True
        for deployment in self.world.records.deployments.values():
            due = deployment.created + self.world.wait(DEPLOYMENT_START)
            if deployment.status == "Creating" and now >= due:
                deployment.status, deployment.modified = "Active", due
                changed = True
        return changed

    def _step_evaluation(self, item: Evaluation, now: float) -> bool:
        """Its answers are asked for and judged at its end, in the thread of the trainings."""
        if item.status not in ("InProgress", "Stopping"):
            return False
        wait = STOPPING if item.status == "Stopping" else EVALUATION
        due = item.changing_since + self.world.wait(wait)
        work = self._assessments.get(item.arn)
        if item.status == "Stopping" and work is not None:
            work.cancel()
        if now < due or (work is not None and not work.finished):
            return False
        if item.status == "InProgress" and work is None:
            try:
                self._assessments[item.arn] = assessment.prepare(self.world, item)
            except DataError as error:
                item.status, item.failures, item.modified = "Failed", [str(error)], due
                return True
            with self._changed:
                self._changed.notify_all()
            return False
        self._assessments.pop(item.arn, None)
        if item.status == "Stopping":
            item.status = "Stopped"
        else:
            assert work is not None
            item.failures = assessment.conclude(self.world, item, work)
            item.status = "Failed" if item.failures else "Completed"
        item.modified = due
        return True

    def _step_job(self, job: Job, now: float) -> bool:
        """Take one step if its time has come; whether there may be another."""
        if job.status == "Stopping":
            return self._step_stopping(job, now)
        if job.status != "InProgress":
            return False
        step = {"validation": self._step_validation, "dataProcessing": self._step_processing}.get(job.phase)
        return step(job, now) if step else self._step_training(job, now)

    def _step_validation(self, job: Job, now: float) -> bool:
        due = job.phase_started + self.world.wait(VALIDATION)
        if now < due:
            return False
        try:
            validate(self.world, job)
        except DataError as error:
            self._fail(job, str(error), due)
            return True
        self._finish_phase(job, "validation", due)
        self._begin_phase(job, "dataProcessing", due)
        return True

    def _step_processing(self, job: Job, now: float) -> bool:
        due = job.phase_started + self.world.wait(DATA_PROCESSING)
        if now < due:
            return False
        self._finish_phase(job, "dataProcessing", due)
        # Waiting for capacity shows as training NotStarted.
        job.phase, job.phase_started, job.modified = "training", due, due
        return True

    def _step_training(self, job: Job, now: float) -> bool:
        queue_ends = job.phase_started + self.world.wait(QUEUE)
        if now < queue_ends or Scenario.CAPACITY in self.world.scenarios:
            return False
        phase = job.phases["training"]
        if phase.status == "NotStarted":
            phase.status, phase.created, phase.modified, job.modified = "InProgress", queue_ends, queue_ends, queue_ends
        training = self._trainings.get(job.arn)
        if training is None:
            training = self._begin_training(job)
            if training is None:
                return True
        due = queue_ends + self.world.wait(TRAINING)
        if not training.finished or now < due:
            return False
        # Training ends when the losses are computed and the time is over, whichever is later.
        self._conclude(job, training, due if training.finished_at is None else max(due, training.finished_at))
        return True

    def _begin_training(self, job: Job) -> trainer.Training | None:
        try:
            training = trainer.prepare(self.world, job)
        except DataError as error:
            self._fail(job, str(error), self.world.now())
            return None
        self._trainings[job.arn] = training
        with self._changed:
            self._changed.notify_all()
        return training

    def _conclude(self, job: Job, training: trainer.Training, moment: float) -> None:
        del self._trainings[job.arn]
        outcome = training.outcome
        if outcome is None or Scenario.TRAINING in self.world.scenarios:
            self._fail(job, trainer.UNEXPECTED, moment)
            return
        place = f"{job.output_uri.rstrip('/')}/model-customization-job-{job.id}"
        for name, text in trainer.metric_files(job, outcome).items():
            if not self.world.storage.write(f"{place}/{name}", text.encode(), "text/csv"):
                self._fail(job, no_put(job.output_uri, name), moment)
                return
        job.training_loss, job.validation_loss = trainer.final_losses(outcome)
        job.epochs_run = outcome.epochs_run
        self._finish_phase(job, "training", moment)
        self._create_model(job, outcome, moment)
        job.status, job.ended, job.modified = "Completed", moment, moment

    def _create_model(self, job: Job, outcome: Any, moment: float) -> None:
        arn = records.model_arn(job.region, job.base_id)
        model = Model(
            arn=arn,
            name=job.model_name,
            region=job.region,
            job_arn=job.arn,
            job_name=job.name,
            base_id=job.base_id,
            base_arn=job.source_model_arn or job.base_arn,
            customization_type=job.customization_type,
            hyperparameters=job.hyperparameters,
            training_uri=job.training_uri,
            validation_uri=job.validation_uri,
            output_uri=job.output_uri,
            created=moment,
            training_loss=job.training_loss,
            validation_loss=job.validation_loss,
        )
        self.world.keep_adapter(model.id, outcome.adapter.to_bytes())
        self.world.records.models[arn] = model
        self.world.tag(arn, job.model_tags)
        job.model_arn = arn

    def _step_stopping(self, job: Job, now: float) -> bool:
        training = self._trainings.get(job.arn)
        if training is not None and not training.finished:
            training.cancel()
            return False
        due = job.phase_started + self.world.wait(STOPPING)
        if now < due:
            return False
        self._trainings.pop(job.arn, None)
        job.status, job.ended, job.modified = "Stopped", due, due
        phase = job.phases[job.phase]
        phase.status, phase.modified = "Stopped", due
        return True

    def _fail(self, job: Job, message: str, moment: float) -> None:
        job.status, job.failure, job.ended, job.modified = "Failed", message, moment, moment
        phase = job.phases[job.phase]
        phase.status, phase.modified = "Failed", moment

    @staticmethod
    def _finish_phase(job: Job, name: str, moment: float) -> None:
        phase = job.phases[name]
        phase.status, phase.modified, job.modified = "Completed", moment, moment

    @staticmethod
    def _begin_phase(job: Job, name: str, moment: float) -> None:
        phase = job.phases[name]
        phase.status, phase.created, phase.modified = "InProgress", moment, moment
        job.phase, job.phase_started = name, moment


def validate(world: World, job: Job) -> None:
    """What the service checks before it trains: access by the role, Region, format, counts; raises DataError."""
    found = find_customizable(job.base_id)
    assert found is not None
    rules = found[1]
    documents = world.storage.role(job.role_arn)
    if documents is None or not roles.may_assume(documents.trust, world.account_id, job.arn):
        raise DataError("Could not assume provided IAM role. Please provide a valid role.")
    if Scenario.FORMAT in world.scenarios:
        raise DataError(f"Invalid input error: Malformed records in {job.training_uri}: line 1 is not in the format.")
    policies = documents.permissions
    counts = [
        len(read_records(read_as_role(world, job, uri, policies), uri, rules))
        for uri in (job.training_uri, job.validation_uri)
        if uri is not None
    ]
    check_counts(counts[0], counts[1] if len(counts) > 1 else None, rules)
    bucket, _, prefix = job.output_uri.removeprefix("s3://").partition("/")
    key = f"{prefix.rstrip('/')}/{_PROBE}".lstrip("/")
    allowed = roles.may_act(policies, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", context(world))
    in_region = world.storage.bucket_region(bucket) == job.region
    if not (allowed and in_region and world.storage.write(f"s3://{bucket}/{key}", b"", "text/plain")):
        raise DataError(no_put(job.output_uri, _PROBE))
