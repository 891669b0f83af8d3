"""Evaluations handed over to Bedrock: prompts uploaded, one job ordered for each side, in doubt asked about."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import replace

from textual import work

from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.evaluation_jobs import EvaluationJobsDialog, JobsForm
from tui.dialogs.job import NEW_ROLE
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.jobs import MOST_PROMPTS, JobsPlan, parts_of, prompts_of, why_not
from tui.domain.evaluation.judging import Judge, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.rubrics import DEFAULT
from tui.domain.evaluation.run import plan as plan_of
from tui.domain.names import plain
from tui.domain.serving.pricing import TokenPrices
from tui.domain.text import count
from tui.screens.evaluation_base import EvaluationBase
from tui.services.orders import Patience
from tui.services.reconciler import EVALUATION_ORDERS
from tui.services.training.roles import plan_judge_role
from tui.tabs.base import Tab

_JUDGEMENT = 300
_Job = tuple[Side, int]
"""A side, and which thousand of its prompts."""


class _Orders:
    """What came of the tries of one form. There is one token for each job and every try: AWS takes each job once."""

    def __init__(self) -> None:
        self.tokens: dict[_Job, str] = defaultdict(lambda: str(uuid.uuid4()))
        self.done: set[_Job] = set()
        self.tried: JobsPlan | None = None

    def renew(self, plan: JobsPlan) -> None:
        """Another plan means other jobs."""
        self.tokens.clear()
        if self.tried is None or (self.tried.judge, self.tried.brought) != (plan.judge, plan.brought):
            self.done.clear()  # both sides are judged alike


class BedrockPart(EvaluationBase):
    """What goes beyond one terminal."""

    _ordering = False
    _patience: Patience | None = None

    def had_enough(self) -> bool:
        """Give up an order that waits for its next try; False where there is none."""
        return self._patience is not None and self._patience.end()

    def action_bedrock(self) -> None:
        """Let Bedrock evaluate both sides by itself."""
        if self.needs_results() is None:
            return
        if self._ordering:
            self.say("Evaluation jobs are still being ordered", "problem")
        else:
            self._hand_over()

    @work(group="bedrock")
    async def _hand_over(self) -> None:
        self._ordering = True
        try:
            await self.attempt(self._order())
        finally:
            self._ordering = False

    async def _order(self) -> None:
        results, place = self.results, self.place
        assert results is not None
        self.services.aws.must_write()
        await self._settle(place)
        self.say("Looking at roles and models …")
        form = await self._jobs_form(results, place)
        self.say("")
        orders = _Orders()
        while (plan := await self.ask(EvaluationJobsDialog(form))) is not None:
            form = form.again(plan)
            try:
                if plan.role_arn == NEW_ROLE:
                    role = await self._make_role(plan.bucket)
                    if not role:
                        continue
                    plan, form = replace(plan, role_arn=role), form.with_role("the new role", role)
                if await self._all_ordered(place, results, plan, orders):
                    break
            except AppError as error:
                form = form.again(plan, error.sentence())
            finally:
                self.home.post_message(Tab.AwsChanged())
        else:
            none = "Nothing was ordered; b hands it over, r asks from here"
            self.say("Nothing more was ordered" if orders.done else none)
            return
        await self.services.remember(place, "bucket", plan.bucket)
        all_of = "Both" if len(orders.done) == 2 else f"All {len(orders.done)}"
        self.say(f"{all_of} evaluation jobs are started; 2 Jobs follows them, and their results come here", "good")

    async def _all_ordered(self, place: str, results: Results, plan: JobsPlan, orders: _Orders) -> bool:
        """Order what is not ordered yet; False when that is not agreed to. Raises AppError."""
        if orders.tried is not None and orders.tried != plan:
            await self._settle(place)
            orders.renew(plan)
        new = plan.bucket not in await self.services.storage.buckets(self.home.identity.region)
        if not await self._agreed_to_jobs(results, plan, new=new):
            return False
        if new:
            await self.services.storage.create_bucket(plan.bucket, self.home.identity.region)
        orders.tried = plan
        for job in [job for job in _jobs(results, plan) if job not in orders.done]:
            await self._order_one(place, results, plan, job, orders.tokens[job])
            orders.done.add(job)
        return True

    async def _order_one(self, place: str, results: Results, plan: JobsPlan, job: _Job, token: str) -> None:
        side, part = job
        parts = parts_of(results.spec, brought=plan.brought)
        self._patience = Patience(lambda text: self.say(f"{text} (esc gives it up)"))
        self.say(f"Ordering {plan.job_name(side, part, parts)} …")
        await self.services.evaluation_jobs.order(place, results, side, plan, token, part=part, patience=self._patience)

    async def _settle(self, place: str) -> None:
        """Nothing new is ordered while an earlier order is in doubt. Raises AppError."""
        outcome = await self.services.reconciler.reconcile(place, EVALUATION_ORDERS)
        for one in outcome.recovered:
            self.say(one.text, "good" if one.found else "problem")
        if outcome.still_open:
            name = outcome.still_open[0].intent.name
            raise AppError(Cause.CONFLICT, f"What became of {name} is not known yet", "", "Try again in a moment")

    async def _jobs_form(self, results: Results, place: str) -> JobsForm:
        at = self.home.identity
        roles = await self.services.roles.usable()
        models = [t for t in await self.services.catalog.targets() if not t.tuned]
        models.sort(key=lambda t: ("claude-haiku-4-5" not in t.model_id, t.name))
        bucket = await self.services.recall(place, "bucket")
        if not bucket:
            bucket = next(iter(await self.services.storage.buckets(at.region)), f"tanzaku-{at.account}-{at.region}")
        whole = not any(why_not(results, side, brought=True) for side in Side)
        known = self.judge.target if self.judge else None
        rubric = self.judge.rubric if self.judge and self.judge.compares else DEFAULT
        where = f"{'SANDBOX' if self.services.sandbox else 'LIVE'} {at.region} {at.account}"
        return JobsForm(
            name=plain(results.spec.name).lower()[:40].rstrip("-") or "evaluation",
            judge=known if known in models else None,
            models=tuple(models),
            roles=tuple((r.name, r.arn) for r in roles),
            bucket=bucket,
            prefix="tanzaku/evaluations",
            rubric=rubric,
            brought=whole,
            where=where,
            why_not=lambda brought: next(filter(None, (why_not(results, s, brought=brought) for s in Side)), ""),
            plan_of=lambda plan: _lines(results, plan),
        )

    async def _make_role(self, bucket: str) -> str:
        at = self.home.identity
        plan = plan_judge_role(at.account, at.region, bucket, at.partition)
        if not await self.ask(ConfirmDialog(f"Create the IAM role {plan.name}?", plan.text(), yes="Create this role")):
            return ""
        self.say(f"Creating the role {plan.name} …")
        return (await self.services.roles.create(plan)).arn

    async def _agreed_to_jobs(self, results: Results, plan: JobsPlan, *, new: bool) -> bool:
        region = self.home.identity.region
        judge = plan.judge.target
        assert judge is not None
        found = await self.services.prices.of_target(judge, region)
        cost = _cost(results, plan, found)
        amount = (
            f"≈ ${cost:,.2f} for the judge ({found.origin})" if cost is not None else "$ ? (the price is not known)"
        )
        models = "" if plan.brought else " Asking the models is charged beside it."
        made = f"The bucket {plan.bucket} will be created, private, public access blocked.\n" if new else ""
        parts = parts_of(results.spec, brought=plan.brought)
        each = " and ".join(plan.job_name(side, 0, parts) for side in Side) + (" …" if parts > 1 else "")
        body = (
            f"{made}{each} in s3://{plan.bucket}/{plan.prefix}/.\n"
            f"Cost: {amount}.{models}\nThey run on Bedrock when this app is closed, too."
        )
        number = "two" if parts == 1 else 2 * parts
        asked = ConfirmDialog(f"Start {number} evaluation jobs?", body, yes="Start them")
        return await self.ask(asked) is True


def _jobs(results: Results, plan: JobsPlan) -> list[_Job]:
    """Both sides of a part beside each other: what is there after a failure can be compared."""
    return [(side, part) for part in range(parts_of(results.spec, brought=plan.brought)) for side in Side]


def _tokens(results: Results, plan: JobsPlan) -> tuple[int, int]:
    """What the judge reads and writes at most, roughly: each answer is judged once."""
    planned = plan_of(results.spec, Judge(plan.judge.kind, plan.judge.target, plan.judge.rubric))
    return planned.judge_input_tokens, 2 * prompts_of(results.spec, brought=plan.brought) * _JUDGEMENT


def _cost(results: Results, plan: JobsPlan, prices: TokenPrices) -> float | None:
    return prices.answered(*_tokens(results, plan))


def _lines(results: Results, plan: JobsPlan) -> list[str]:
    read, written = _tokens(results, plan)
    prompts, parts = (of(results.spec, brought=plan.brought) for of in (prompts_of, parts_of))
    each = count(prompts, "prompt") if parts == 1 else f"at most {MOST_PROMPTS:,} of the {prompts:,} prompts"
    lines = [f"{2 * parts} jobs of {each}, ≈ {read:,} tokens read and {written:,} written by the judge"]
    if not plan.brought and results.spec.system:
        lines.append("▲ a model tuned with a system prompt should be asked with it: bring the answers along")
    return lines
