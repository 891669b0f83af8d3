"""Serving a run's model, stopping its job, deleting what is no longer wanted."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.endpoint import EndpointDialog, EndpointWish
from tui.dialogs.serve import ServeDialog, ServeOffer, ServePlan
from tui.domain.base_models import Serving
from tui.domain.clock import end_time, span
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.jobs import EvaluationJob
from tui.domain.names import plain
from tui.domain.serving.quotas import held_units
from tui.domain.training.runs import Endpoint, Run
from tui.services.reconciler import ENDPOINT_ORDERS
from tui.services.serving.buying import buy
from tui.services.serving.schedules import plan_deleting_role
from tui.tabs.jobs_orders import OrderingTab

_ROLE_WAITS = (2.0, 4.0, 8.0, 15.0)
"""Seconds between tries while IAM spreads a new role."""


class ServingTab(OrderingTab, part=True):
    """Makes and ends what bills."""

    def action_serve(self) -> None:
        """Buy throughput for the run's model, or deploy it."""
        self._begin(self._serve)

    async def _serve(self) -> None:
        place = self._known_place()
        run = self.run_shown
        if run is None or not run.model_arn:
            raise AppError(Cause.INVALID, "This run has no model to serve yet", hint="Wait until the job has completed")
        if any(e.moving or e.ready for e in run.endpoints):
            raise AppError(Cause.CONFLICT, "This model has an endpoint already", hint="c asks it, X deletes it")
        with self._hold("The order"):
            if await self._settled(place, ENDPOINT_ORDERS):
                await self._order_endpoint(place, run)

    async def _order_endpoint(self, place: str, run: Run) -> None:
        plan, problem = None, ""
        doubtful: ServePlan | None = None
        self.say("Looking at prices and quotas …")
        offer = await self._offer(run)
        self.say("")
        while True:
            tried = plan is not None
            plan = await self.put(ServeDialog(offer, plan=plan, problem=problem))
            if plan is None:
                self.say("Nothing more was sent" if tried else "Nothing was bought")
                return
            if doubtful is not None and doubtful != plan:
                plan = replace(plan, token=str(uuid.uuid4()))
                doubtful = None
            try:
                self._must_still_be(place)
                ender = await self._ender(plan)
                if await self._settled(place, ENDPOINT_ORDERS, plan.token):
                    await self._make_endpoint(place, run, plan, ender)
                return
            except AppError as error:
                problem = error.sentence()
                if error.outcome_unknown:
                    doubtful = plan
                    if await self._taken_after_all(place, ENDPOINT_ORDERS):
                        return

    async def _offer(self, run: Run) -> ServeOffer:
        model, at, services = run.base_model, self.identity, self.services
        billing = self.board.billing
        base = model.name if model else run.base_model_name
        return ServeOffer(
            model_name=run.model.name if run.model else run.name,
            base_model=base,
            ways=tuple(w for w in Serving if model is None or w in model.serving),
            name=self._endpoint_name(run),
            sandbox=services.sandbox,
            region=at.region,
            account=at.account,
            now=services.now(),
            prices=await services.prices.of(run.base_model_arn or base, at.region),
            quotas=await services.quotas.units(base),
            held={"": held_units(billing, ""), "committed": held_units(billing, "committed")},
            lease_minutes=services.settings.lease_minutes,
        )

    def _endpoint_name(self, run: Run) -> str:
        """Short, since it has to be typed; with a number where it is taken."""
        stem = plain(run.base_model_name, "endpoint")
        taken = {e.name for e in self.board.endpoints}
        return next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, 1000))) if n not in taken)

    async def _ender(self, plan: ServePlan) -> str:
        """ARN of the role that lets AWS end the lease, made when it is not there and that is agreed to; else empty.

        Raises AppError when it cannot be had: nothing is bought then.
        """
        if not plan.by_aws:
            return ""
        at = self.identity
        role = plan_deleting_role(at.account, at.region, at.partition)
        if await self.services.roles.exists(role.name):
            return f"arn:{at.partition}:iam::{at.account}:role/{role.name}"
        dialog = ConfirmDialog(f"Create the IAM role {role.name}?", role.text(), yes="Create this role")
        if not await self.put(dialog):
            raise AppError(Cause.INVALID, "AWS cannot end the lease without this role", hint="Or let tanzaku end it")
        with self._on_its_way(f"The role {role.name}"):
            return (await self.services.schedules.role(role)).arn

    async def _make_endpoint(self, place: str, run: Run, plan: ServePlan, ender: str) -> None:
        self.say(f"Making {plan.name} …")
        services = self.services
        with self._on_its_way(f"The endpoint {plan.name}"):
            made = await buy(
                services,
                place,
                plan.kind,
                plan.name,
                run.model_arn,
                plan.token,
                units=plan.units,
                commitment=plan.commitment,
                minutes=plan.minutes,
                ender=ender,
                patience=self._patient(),
            )
            ends = await self._begin_lease(plan, made.arn, ender) if made.arn and plan.minutes else ""
        self.post_message(self.AwsChanged())
        bills = f"; it bills until {ends or 'you delete it (X)'}" if plan.kind is Serving.PROVISIONED else ""
        trouble = made.note or "could not" in ends
        self.say(f"{plan.name} is being created{bills}{made.note}", "problem" if trouble else "good")

    async def _begin_lease(self, plan: ServePlan, arn: str, ender: str) -> str:
        """The lease runs; who ends it, in words. What was bought is told whatever fails here."""
        assert plan.minutes is not None
        services, bought = self.services, self.services.now()
        until = bought + timedelta(minutes=plan.minutes)
        alone = f"its lease ends at {end_time(until, self.services.now())}, while tanzaku runs here"
        try:
            await services.pool.run(services.leases.begin, plan.token, arn, bought)
            if not ender:
                return alone
            name = await self._schedule(arn, until, ender)
            await services.pool.run(services.leases.keep_in_aws, plan.token, name)
            until = await self._extended(plan.token, name, until)
        except AppError as error:
            if error.retryable or error.outcome_unknown:  # AWS may have it: the wish stays, and is told again
                return f"{alone}: AWS could not be told yet ({error.sentence()})"
            with suppress(AppError):  # a disk that refuses is told with the purchase
                await services.pool.run(services.leases.keep_in_aws, plan.token, "")
            return f"{alone}: AWS could not be told ({error.sentence()})"
        return f"AWS deletes it at {end_time(until, self.services.now())}"

    async def _extended(self, token: str, schedule: str, until: datetime) -> datetime:
        """The end of a lease as it is now: a + pressed while AWS was being told of it counts."""
        lease = await self.services.pool.run(self.services.leases.of, token)
        if lease is None or lease.until is None or lease.until == until:
            return until
        await self.services.schedules.move(schedule, lease.until)
        return lease.until

    async def _schedule(self, arn: str, until: datetime, ender: str) -> str:
        """A role just made may not be known at once: the schedule is tried for a while."""
        for wait in (*_ROLE_WAITS, None):
            try:
                return await self.services.schedules.put(arn, until, ender)
            except AppError as error:
                if wait is None or error.cause is not Cause.INVALID:
                    raise
            self.say("Waiting until AWS knows the new role …")
            await asyncio.sleep(wait)
        raise AssertionError("the last try either returns or raises")

    def action_edit_endpoint(self) -> None:
        """Rename a provisioned throughput, or move it to another custom model."""
        self._begin(self._edit_endpoint)

    async def _edit_endpoint(self) -> None:
        run = self.run_shown
        bought = [e for e in run.endpoints if e.kind is Serving.PROVISIONED] if run else []
        if run is None or not bought:
            raise AppError(Cause.INVALID, "Only provisioned throughput can be renamed or moved", hint="b buys it")
        endpoint = bought[0] if len(bought) == 1 else await self._which(tuple(bought))
        if endpoint is None:
            return
        base = run.base_model_arn
        others = [r.model for r in self.board.runs if r.model and base and r.base_model_arn == base]
        models = [(m.name, m.arn) for m in others]
        wish, problem = EndpointWish(endpoint.name, endpoint.model_arn), ""
        while True:
            answer = await self.put(EndpointDialog(endpoint, models, wish, problem))
            if answer is None or (answer.name == endpoint.name and answer.model_arn == endpoint.model_arn):
                self.say("Nothing was changed")
                return
            name = answer.name if answer.name != endpoint.name else ""
            model = answer.model_arn if answer.model_arn != endpoint.model_arn else ""
            try:
                call = self.services.endpoints.update(endpoint, name=name, model_arn=model)
                await self._send(call, "The change of", endpoint.name, "is changed; another model takes some minutes")
                return
            except AppError as error:
                wish, problem = answer, error.sentence()

    def action_stop_job(self) -> None:
        """Stop the run's job."""
        self._begin(self._stop_job)

    async def _stop_job(self) -> None:
        run = self.run_shown
        if run is not None and run.evaluation is not None and run.evaluation.moving:
            await self._stop_evaluation(run.evaluation)
            return
        if run is None or run.job is None or not run.job.moving:
            self.say("Only a job that is under way can be stopped", "problem")
            return
        body = (
            f"{run.job.name} has run for {span(self.services.now() - run.job.created)}. A stopped job cannot go on; "
            "what it trained so far is charged, and no model comes of it."
        )
        if await self.put(ConfirmDialog("Stop this job?", body, yes="Stop the job")):
            await self._send(self.services.jobs.stop(run.job.arn), "The stop of", run.job.name, "is stopping")

    async def _stop_evaluation(self, job: EvaluationJob) -> None:
        body = f"{job.name} cannot go on later; what was asked and judged so far is charged, and no results come of it."
        if await self.put(ConfirmDialog("Stop this evaluation job?", body, yes="Stop the job")):
            await self._send(self.services.evaluation_jobs.stop(job.arn), "The stop of", job.name, "is stopping")

    async def _send(self, call: Awaitable[None], order: str, name: str, done: str) -> None:
        self.say(f"{order} {name} is being sent …")
        with self._on_its_way(f"{order} {name}"):
            try:
                await call
            finally:
                self.post_message(self.AwsChanged())
        self.say(f"{name} {done}", "good")

    def action_delete(self) -> None:
        """Delete an endpoint of the run, or its model when it has none."""
        self._begin(self._delete)

    async def _delete(self) -> None:
        run = self.run_shown
        if run is None:
            self.say("There is nothing to delete here", "problem")
        elif run.endpoints:
            endpoint = await self._which(run.endpoints)
            if endpoint is not None:
                await self._delete_endpoint(endpoint)
        elif run.model is not None:
            body = f"The custom model {run.model.name} is deleted for good; only training again brings it back."
            dialog = ConfirmDialog("Delete this custom model?", body, word=run.model.name)
            if await self.put(dialog):
                call = self.services.jobs.delete_model(run.model.arn)
                await self._send(call, "The deletion of", run.model.name, "is deleted")
        else:
            self.say("AWS keeps every job; there is nothing to delete here", "problem")

    async def _which(self, endpoints: tuple[Endpoint, ...]) -> Endpoint | None:
        if len(endpoints) == 1:
            return endpoints[0]
        choices = [Choice(e.arn, e.name, f"{e.kind} · {e.status}") for e in endpoints]
        chosen = await self.put(ChoiceDialog("Delete which endpoint?", choices))
        return next((e for e in endpoints if e.arn == chosen), None)

    async def _delete_endpoint(self, endpoint: Endpoint) -> None:
        ends = " Billing ends with it." if endpoint.bills_by_hour else ""
        body = f"{endpoint.name} ({endpoint.kind}) stops answering.{ends} The custom model stays."
        body = f"{body} {endpoint.bound(self.services.now())}".rstrip()
        dialog = ConfirmDialog("Delete this endpoint?", body, word=endpoint.name)
        if await self.put(dialog):
            call = self.services.endpoints.delete(endpoint)
            await self._send(call, "The deletion of", endpoint.name, "is deleted")
