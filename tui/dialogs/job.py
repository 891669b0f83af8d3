"""The form of a new customization job, with its preflight."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.base_models import BaseModel
from tui.domain.serving.pricing import UNKNOWN, TokenPrices, money
from tui.domain.text import count, whole
from tui.domain.training.jobs import DataRef, JobSpec, forecast, pairs_of, pairs_text
from tui.domain.training.preflight import Check, Cure, Mark, first_cure, in_order, summary
from tui.domain.values import dataclass
from tui.widgets.fields import ChoiceField, Field, TextField

NEW_ROLE = "new"
"""Stands for a role that has yet to be made."""
_NONE, _OTHER = "none", "other"
_TYPED = ("another S3 object, typed below", _OTHER)
_REST, _AT_ONCE = 0.4, 0.01
"""Seconds that the form rests before it is checked again."""
_MORE = ("base_model_id", "extra_hyperparameters", "kms_key", "subnets", "security_groups", "job_tags", "model_tags")
Labelled = Sequence[tuple[str, DataRef]]
Checking = Callable[[JobSpec], AsyncIterator[Check]]


@dataclass(frozen=True, slots=True)
class JobForm:
    """What the form starts from, and what is known beside it.

    `tokens` are the estimated tokens of one epoch by training URI; `bases` are custom models that can be trained
    further, as label and ARN; `past` says how long the account's earlier jobs took. `start` is the job as it was
    left, cloned or proposed.
    """

    model: BaseModel
    start: JobSpec
    training: Labelled
    validation: Labelled
    tokens: Mapping[str, int]
    roles: Sequence[tuple[str, str]]
    region: str
    bases: Sequence[tuple[str, str]] = ()
    prices: TokenPrices = UNKNOWN
    past: str = ""
    problem: str = ""
    checks: Mapping[str, Check] = field(default_factory=dict)

    def again(self, spec: JobSpec, problem: str = "") -> JobForm:
        """The form as it was left, with what went wrong."""
        return replace(self, start=spec, problem=problem)

    def with_role(self, name: str, arn: str) -> JobForm:
        """The form with one more role to choose from, and chosen."""
        roles = [(name, arn), *(r for r in self.roles if r[1] != arn)]
        return replace(self, roles=roles, start=replace(self.start, role_arn=arn))


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """The job to start; with a `cure`, what to mend before the form is shown again."""

    spec: JobSpec
    cure: Cure | None = None


class JobDialog(Dialog[JobAnswer]):
    """Gives a job that the API would take as far as can be told here; `role_arn` may be NEW_ROLE."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "start the job", priority=True, key_display="ctrl+s", id="job.start"),
        Binding("ctrl+f", "cure", "mend", priority=True, key_display="ctrl+f", id="job.cure"),
        Binding("ctrl+o", "more", "more fields", priority=True, key_display="ctrl+o", id="job.more"),
        Binding("pagedown", "scroll(8)", "Down", show=False, priority=True, id="job.down"),
        Binding("pageup", "scroll(-8)", "Up", show=False, priority=True, id="job.up"),
    ]

    def __init__(self, form: JobForm, check: Checking | None = None) -> None:
        super().__init__()
        self._form = form
        self._check = check
        self._checks: dict[str, Check] = dict(form.checks)
        self._checked: JobSpec | None = None
        self._warned: JobSpec | None = None
        """The job that was about to be started though the preflight finds something wrong."""
        self._rest: Timer | None = None
        self.heading = f"New job on {form.model.name} in {form.region}"
        self.kept_as = f"job {form.model.key}"

    def fields(self) -> ComposeResult:
        form, start = self._form, self._form.start
        yield TextField("job name", start.job_name, help="used up for good; it carries the time", id="job_name")
        yield TextField("model name", start.model_name, id="model_name")
        yield from self._data_field("training", form.training, start.training, [])
        yield from self._data_field(
            "validation", form.validation, start.validation, [("none: no early stopping", _NONE)]
        )
        roles = [*form.roles, ("create a role that may just read and write these places …", NEW_ROLE)]
        known = {arn for _, arn in roles}
        if start.role_arn and start.role_arn not in known:
            roles.insert(0, (start.role_arn.rsplit("/", 1)[-1], start.role_arn))
        yield ChoiceField("role", roles, start.role_arn or roles[0][1], id="role_arn")
        yield TextField("output", start.output_uri, id="output_uri")
        if form.bases:
            bases = [(f"{form.model.name} itself", form.model.customization_id), *form.bases]
            chosen = start.base_model_id if start.base_model_id in {b for _, b in bases} else bases[0][1]
            yield ChoiceField("trained from", bases, chosen, id="base")
        for hyper in form.model.hyperparameters:
            value = start.hyperparameters.get(hyper.name, hyper.text(hyper.default))
            yield TextField(hyper.label, value, help=hyper.range_text, id=hyper.name)
        yield from self._more_fields()
        yield Static("", id="forecast", markup=False, classes="help-text")
        yield Static("", id="preflight", markup=False, classes="help-text")

    def _data_field(
        self, what: str, known: Labelled, start: DataRef | None, more: list[tuple[str, str]]
    ) -> ComposeResult:
        choices = [*((label, ref.uri) for label, ref in known), *more, _TYPED]
        if what == "training" and not known:
            choices.insert(0, ("nothing is uploaded yet", ""))
        listed = {uri for _, uri in choices}
        uri = start.uri if start else ""
        other = bool(uri) and uri not in listed
        nothing = _NONE if what == "validation" and start is None and uri == "" and not known else choices[0][1]
        chosen = _OTHER if other else uri or (_NONE if self._none_chosen(what) else nothing)
        yield ChoiceField(f"{what} data", choices, chosen, id=what)
        yield TextField("  s3://…", uri if other else "", id=f"{what}_typed")

    def _none_chosen(self, what: str) -> bool:
        return what == "validation" and self._form.start.validation is None and self._form.start.training.uri != ""

    def _more_fields(self) -> ComposeResult:
        start, model = self._form.start, self._form.model
        named = {h.name for h in model.hyperparameters}
        extra = {name: value for name, value in start.hyperparameters.items() if name not in named}
        yield TextField("base model id", start.base_model_id, id="base_model_id")
        yield TextField("more hyperparameters", pairs_text(extra), help="name=value, …", id="extra_hyperparameters")
        yield TextField("KMS key of the model", start.kms_key, help="ARN; empty: AWS's own key", id="kms_key")
        yield TextField("VPC subnets", ", ".join(start.subnets), help="subnet-…, …", id="subnets")
        yield TextField("security groups", ", ".join(start.security_groups), help="sg-…, …", id="security_groups")
        yield TextField("job tags", pairs_text(start.job_tags), help="key=value, …", id="job_tags")
        yield TextField("model tags", pairs_text(start.model_tags), help="key=value, …", id="model_tags")

    def closing(self) -> ComposeResult:
        """How the preflight stands, and what is wrong first, stay in sight."""
        yield Static("", id="preflight-summary", markup=False)

    def on_mount(self) -> None:
        start, named = self._form.start, {h.name for h in self._form.model.hyperparameters}
        used = start.kms_key or start.subnets or start.job_tags or start.model_tags
        shown = bool(used) or any(name not in named for name in start.hyperparameters)
        for name in _MORE:
            self.query_one(f"#{name}").display = shown
        self._changed()
        self._show_checks()
        self.complain(self._form.problem)
        first = self._form.model.hyperparameters[0].name if self._form.model.hyperparameters else "job_name"
        self.query_one(f"#{first}", TextField).focus()

    # The job as the fields stand

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", TextField).value.strip()

    def _choice(self, name: str) -> str:
        return self.query_one(f"#{name}", ChoiceField).value or ""

    def _words(self, name: str) -> tuple[str, ...]:
        return tuple(word for word in self._text(name).replace(",", " ").split() if word)

    def _data(self, what: str, known: Labelled) -> DataRef | None:
        chosen = self._choice(what)
        if chosen == _OTHER:
            return DataRef(self._text(f"{what}_typed"))
        return next((ref for _, ref in known if ref.uri == chosen), None)

    def _spec(self) -> JobSpec:
        form = self._form
        hyperparameters = {h.name: self._text(h.name) for h in form.model.hyperparameters}
        base = self._text("base_model_id")
        if self.query("#base") and base == form.start.base_model_id:
            base = self._choice("base") or base
        return JobSpec(
            job_name=self._text("job_name"),
            model_name=self._text("model_name"),
            base_model_id=base,
            role_arn=self._choice("role_arn"),
            training=self._data("training", form.training) or DataRef(""),
            validation=self._data("validation", form.validation),
            output_uri=self._text("output_uri"),
            hyperparameters=hyperparameters | (pairs_of(self._text("extra_hyperparameters")) or {}),
            kms_key=self._text("kms_key"),
            subnets=self._words("subnets"),
            security_groups=self._words("security_groups"),
            job_tags=pairs_of(self._text("job_tags")) or {},
            model_tags=pairs_of(self._text("model_tags")) or {},
        )

    def _problems(self, spec: JobSpec) -> dict[str, str]:
        found = spec.problems(self._form.model)
        if spec.role_arn == NEW_ROLE:
            found.pop("role_arn", None)
        for name in ("extra_hyperparameters", "job_tags", "model_tags"):
            if pairs_of(self._text(name)) is None:
                found[name] = "name=value, name=value"
        for what in ("training", "validation"):
            if self._choice(what) == _OTHER and what in found:
                found[f"{what}_typed"] = found.pop(what)
        return found

    @on(Field.Changed)
    def _changed(self) -> None:
        """Errors beside their fields, and the forecast, as they are typed; the checks when the form rests."""
        for what in ("training", "validation"):
            self.query_one(f"#{what}_typed").display = self._choice(what) == _OTHER
        spec = self._spec()
        problems = self._problems(spec)
        for shown in self.query(Field):
            shown.error = problems.get(shown.id or "", "")
        self.query_one("#forecast", Static).update(Content("" if problems else self._forecast(spec)))
        if self._check is not None and spec != self._checked:
            if self._rest is not None:
                self._rest.stop()
            self._rest = self.set_timer(_REST if self._checks else _AT_ONCE, self._look)

    def _forecast(self, spec: JobSpec) -> str:
        batch = _whole(spec.hyperparameters.get("batchSize"))
        epochs = _whole(spec.hyperparameters.get("epochCount"))
        records = spec.training.records
        lines = []
        if records is not None:
            found = forecast(records, batch, epochs, self._form.tokens.get(spec.training.uri))
            steps = (
                f"{count(records, 'record')} / batch {batch} → {count(found.steps_per_epoch, 'step')} per epoch × "
                f"{count(epochs, 'epoch')} = {count(found.steps, 'step')}"
                if self._form.model.batch_size is not None
                else f"{count(records, 'record')} × {count(epochs, 'epoch')}"
            )
            if found.tokens is not None:
                prices = self._form.prices
                cost = prices.trained(found.tokens // max(1, epochs), epochs)
                origin = f" ({prices.origin})" if cost is not None and prices.origin else ""
                steps += f", at most ≈ {found.tokens:,} tokens charged, ≈ {money(cost)}{origin}"
            lines.append(steps)
        return "\n".join([*lines, *filter(None, [self._form.past])])

    # Preflight

    @work(group="preflight", exclusive=True)
    async def _look(self) -> None:
        spec = self._spec()
        problems = self._problems(spec)
        # Places and names that are no such thing cannot be looked up; their fields say so.
        if self._check is None or {"output_uri", "training_typed", "validation_typed"} & problems.keys():
            return
        self._checked = spec
        fresh: dict[str, Check] = {}
        async for check in self._check(spec):
            fresh[check.key] = check
            self._checks[check.key] = check
            self._show_checks()
        self._checks = {key: fresh[key] for key in fresh}
        self._show_checks()

    def _show_checks(self) -> None:
        checks = in_order(self._checks.values())
        self.query_one("#preflight", Static).update(Content("\n".join(check.line for check in checks)))
        bad = next((c for c in checks if c.mark is Mark.BAD), None)
        text = summary(checks) if checks else ("preflight …" if self._check else "")
        self.query_one("#preflight-summary", Static).update(Content(f"{text}\n{bad.line}" if bad else text))

    def action_cure(self) -> None:
        """Mend the first thing that is wrong and can be mended from here."""
        wrong = first_cure(self._checks.values())
        if wrong is None:
            self.complain("Nothing here can be mended by this key")
            return
        self.dismiss(JobAnswer(self._spec(), wrong.cure))

    def action_more(self) -> None:
        """Show or hide what few jobs need."""
        shown = not self.query_one(f"#{_MORE[0]}").display
        for name in _MORE:
            self.query_one(f"#{name}").display = shown
        if shown:
            self.query_one(f"#{_MORE[0]}", TextField).focus()

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
            if name in _MORE:
                self.query_one(f"#{name}").display = True
            self.query_one(f"#{name}", Field).focus()
            return
        bad = [check for check in self._checks.values() if check.mark is Mark.BAD]
        if bad and self._checked == spec and self._warned != spec:
            # Whether AWS sees it so is AWS's matter, but a job's name is used up also by one that fails.
            self._warned = spec
            self.complain("The preflight says ✗: ctrl+s once more starts the job all the same")
            return
        self.dismiss(JobAnswer(spec))


def _whole(text: str | None) -> int:
    return whole(text or "", 10**9) or 1
