"""An evaluation handed over to Bedrock: who judges, by which metric, as which role, and where the results go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.dialogs.job import NEW_ROLE
from tui.domain.chat.chat import Target
from tui.domain.evaluation.jobs import BUILTIN, JobsPlan, bedrock_judge
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.rubrics import Rubric
from tui.domain.names import bucket_problem, key_problem
from tui.domain.values import dataclass
from tui.widgets.fields import ChoiceField, Field, TextField

_BROUGHT, _ASKED = "brought", "asked"


@dataclass(frozen=True, slots=True)
class JobsForm:
    """What stands in the dialog. `why_not` says of a way why it cannot be gone; `plan_of` what a plan takes."""

    name: str
    models: tuple[Target, ...]
    roles: tuple[tuple[str, str], ...]
    bucket: str
    prefix: str
    rubric: Rubric
    brought: bool
    where: str
    why_not: Callable[[bool], str]
    plan_of: Callable[[JobsPlan], Sequence[str]]
    judge: Target | None = None
    builtin: bool = False
    role_arn: str = NEW_ROLE
    problem: str = ""

    def again(self, plan: JobsPlan, problem: str = "") -> JobsForm:
        """As it was filled in, with why it was not enough."""
        return replace(
            self,
            name=plan.name,
            bucket=plan.bucket,
            prefix=plan.prefix,
            brought=plan.brought,
            judge=plan.judge.target,
            builtin=bool(plan.judge.encoder),
            role_arn=plan.role_arn,
            problem=problem,
        )

    def with_role(self, name: str, arn: str) -> JobsForm:
        """With a role that was made."""
        return replace(self, roles=(*self.roles, (name, arn)), role_arn=arn)


class EvaluationJobsDialog(Dialog[JobsPlan]):
    """Nothing is uploaded or ordered before this is accepted and its cost confirmed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "go on", priority=True, key_display="ctrl+s", id="evaluation_jobs.accept")
    ]
    heading = "Hand the evaluation over to Bedrock"

    def __init__(self, form: JobsForm) -> None:
        super().__init__()
        self._form = form

    def fields(self) -> ComposeResult:
        form = self._form
        yield Static(Content(f"{form.where}\n"), markup=False, classes="help-text")
        ways = [("the answers stored here", _BROUGHT), ("Bedrock asks both models, without a system prompt", _ASKED)]
        yield ChoiceField("answers", ways, _BROUGHT if form.brought else _ASKED, id="answers")
        models = [(f"{t.name} · {t.model_id}", t.model_id) for t in form.models]
        judge = form.judge or (form.models[0] if form.models else None)
        yield ChoiceField("judging model", models, judge.model_id if judge else None, id="judge-model")
        metrics = [(f"this app's rubric, 1 to 10: {form.rubric.name}", ""), (f"{BUILTIN}, 0 to 1", BUILTIN)]
        yield ChoiceField("metric", metrics, BUILTIN if form.builtin else "", id="metric")
        roles = [*form.roles, ("create a role for evaluation jobs on this bucket …", NEW_ROLE)]
        yield ChoiceField("role", roles, form.role_arn, id="role")
        yield TextField("bucket", form.bucket, id="bucket")
        yield TextField("folder", form.prefix, id="prefix")
        yield TextField("name", form.name, help="both jobs' names begin with it", id="name")

    def closing(self) -> ComposeResult:
        """The plan stays in sight."""
        yield Static("", id="plan", markup=False, classes="help-text")

    def on_mount(self) -> None:
        self._explain()
        self.complain(self._form.problem)
        self.query_one("#answers", ChoiceField).focus()

    @property
    def plan(self) -> JobsPlan | None:
        """As the fields stand; None while no model judges."""
        chosen = self.query_one("#judge-model", ChoiceField).value
        target = next((t for t in self._form.models if t.model_id == chosen), None)
        if target is None:
            return None
        builtin = self.query_one("#metric", ChoiceField).value == BUILTIN
        judge = bedrock_judge(Judge(JudgeKind.MODEL, target, self._form.rubric), builtin=builtin)
        bucket, prefix, name = (self.query_one(f"#{n}", TextField).value.strip() for n in ("bucket", "prefix", "name"))
        brought = self.query_one("#answers", ChoiceField).value == _BROUGHT
        role = self.query_one("#role", ChoiceField).value or NEW_ROLE
        return JobsPlan(name, role, bucket, prefix.strip("/"), judge, brought)

    @property
    def _problem(self) -> str:
        plan = self.plan
        if plan is None:
            return "Choose the model that judges"
        return self._form.why_not(plan.brought) or next(iter(plan.problems().values()), "")

    @on(Field.Changed)
    def _explain(self) -> None:
        """Say what it takes, or what is wrong."""
        bucket, prefix = self.query_one("#bucket", TextField), self.query_one("#prefix", TextField)
        bucket.error, prefix.error = bucket_problem(bucket.value), key_problem(prefix.value.strip("/"))
        plan = self.plan
        lines = self._form.plan_of(plan) if plan is not None else ()
        self.query_one("#plan", Static).update(Content("\n".join(lines)))
        self.complain(self._problem)

    def action_accept(self) -> None:
        """Go on to the confirmation, when everything is right."""
        plan = self.plan
        wrong = self.query_one("#bucket", TextField).error or self.query_one("#prefix", TextField).error
        if plan is not None and not self._problem and not wrong:
            self.dismiss(plan)
