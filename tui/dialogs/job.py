"""The form of a new customization job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.base_models import BaseModel
from tui.domain.jobs import DataRef, JobSpec, forecast
from tui.widgets.fields import ChoiceField, Field, TextField

NEW_ROLE = "new"
"""Stands for a role that has yet to be made."""
_NONE = "none"
Labelled = Sequence[tuple[str, DataRef]]


@dataclass(frozen=True, slots=True)
class JobForm:
    """What the form starts from. `lifecycle` says why Bedrock would refuse the base model; empty when it would not.

    `tokens` are the estimated tokens of one epoch by training URI.
    """

    model: BaseModel
    lifecycle: str
    job_name: str
    model_name: str
    training: Labelled
    validation: Labelled
    tokens: Mapping[str, int]
    roles: Sequence[tuple[str, str]]
    output_uri: str
    account: str
    region: str
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    role_arn: str = ""
    training_uri: str = ""
    validation_uri: str | None = None
    problem: str = ""

    def again(self, spec: JobSpec, problem: str = "") -> JobForm:
        """The form as it was left, with what went wrong."""
        return replace(
            self,
            job_name=spec.job_name,
            model_name=spec.model_name,
            output_uri=spec.output_uri,
            hyperparameters=spec.hyperparameters,
            role_arn=spec.role_arn,
            training_uri=spec.training.uri,
            validation_uri=spec.validation.uri if spec.validation else _NONE,
            problem=problem,
        )

    def with_role(self, name: str, arn: str) -> JobForm:
        """The form with one more role to choose from."""
        return replace(self, roles=[(name, arn), *self.roles])


class JobDialog(Dialog[JobSpec]):
    """Gives a job that the API would take as far as can be told here; `role_arn` may be NEW_ROLE."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "Start the job", priority=True, key_display="ctrl+s", id="job.start")
    ]

    def __init__(self, form: JobForm) -> None:
        super().__init__()
        self._form = form
        self.heading = f"New job on {form.model.name} in {form.region}"

    def fields(self) -> ComposeResult:
        form = self._form
        yield TextField(
            "job name", form.job_name, help="names are used up for good; they carry the time", id="job_name"
        )
        yield TextField("model name", form.model_name, id="model_name")
        training = [(label, ref.uri) for label, ref in form.training]
        yield ChoiceField("training data", training, form.training_uri or training[0][1], id="training")
        validation = [*((label, ref.uri) for label, ref in form.validation), ("none: no early stopping", _NONE)]
        yield ChoiceField("validation data", validation, form.validation_uri or validation[0][1], id="validation")
        roles = [*form.roles, ("create a role that may just read and write these places …", NEW_ROLE)]
        yield ChoiceField("role", roles, form.role_arn or roles[0][1], id="role_arn")
        yield TextField("output", form.output_uri, id="output_uri")
        for hyper in form.model.hyperparameters:
            value = form.hyperparameters.get(hyper.name, hyper.text(hyper.default))
            yield TextField(hyper.label, value, help=hyper.range_text, id=hyper.name)
        yield Static("", id="forecast", markup=False, classes="help-text")

    def on_mount(self) -> None:
        self._changed()
        if self._form.problem or self._form.lifecycle:
            self.complain(self._form.problem or self._form.lifecycle)
        first = self._form.model.hyperparameters[0].name if self._form.model.hyperparameters else "job_name"
        self.query_one(f"#{first}", TextField).focus()

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", TextField).value.strip()

    def _choice(self, name: str) -> str:
        return self.query_one(f"#{name}", ChoiceField).value or ""

    def _spec(self) -> JobSpec:
        form = self._form
        training = next((r for _, r in form.training if r.uri == self._choice("training")), DataRef(""))
        validation = next((r for _, r in form.validation if r.uri == self._choice("validation")), None)
        return JobSpec(
            job_name=self._text("job_name"),
            model_name=self._text("model_name"),
            base_model_id=form.model.customization_id,
            role_arn=self._choice("role_arn"),
            training=training,
            validation=validation,
            output_uri=self._text("output_uri"),
            hyperparameters={h.name: self._text(h.name) for h in form.model.hyperparameters},
        )

    def _problems(self, spec: JobSpec) -> dict[str, str]:
        found = spec.problems(self._form.model)
        if spec.role_arn == NEW_ROLE:
            found.pop("role_arn", None)
        return found

    @on(Field.Changed)
    def _changed(self) -> None:
        """Errors beside their fields, and the forecast, as they are typed."""
        spec = self._spec()
        problems = self._problems(spec)
        for shown in self.query(Field):
            shown.error = problems.get(shown.id or "", "")
        self.query_one("#forecast", Static).update(Content("" if problems else self._forecast(spec)))

    def _forecast(self, spec: JobSpec) -> str:
        batch = int(spec.hyperparameters.get("batchSize", "1"))
        epochs = int(spec.hyperparameters.get("epochCount", "1"))
        records = spec.training.records or 0
        known = self._form.model.batch_size is not None
        found = forecast(records, batch, epochs, self._form.tokens.get(spec.training.uri))
        steps = (
            f"{records:,} records / batch {batch} → {found.steps_per_epoch:,} steps per epoch × {epochs} epochs = "
            f"{found.steps:,} steps"
            if known
            else f"{records:,} records × {epochs} epochs"
        )
        tokens = f", at most ≈ {found.tokens:,} tokens charged" if found.tokens is not None else ""
        return f"{steps}{tokens}"

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()

    def action_accept(self) -> None:
        """Start, when nothing is wrong."""
        spec = self._spec()
        problems = self._problems(spec)
        if problems:
            name, problem = next(iter(problems.items()))
            self.complain(f"{name.replace('_', ' ')}: {problem}")
            self.query_one(f"#{name}", Field).focus()
            return
        self.dismiss(spec)
