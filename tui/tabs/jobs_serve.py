"""Serving a run's model, stopping its job, deleting what is no longer wanted."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from dataclasses import replace

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.serve import ServeDialog, ServePlan
from tui.domain.base_models import Serving
from tui.domain.clock import span
from tui.domain.errors import AppError, Cause
from tui.domain.names import plain
from tui.domain.runs import Endpoint, Run
from tui.services.session import ENDPOINT_ORDERS
from tui.tabs.jobs_orders import OrderingTab


class ServingTab(OrderingTab):
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
        while True:
            tried = plan is not None
            plan = await self.app.push_screen_wait(self._serve_dialog(run, plan, problem))
            if plan is None:
                self.say("Nothing more was sent" if tried else "Nothing was bought")
                return
            if doubtful is not None and doubtful != plan:
                plan = replace(plan, token=str(uuid.uuid4()))
                doubtful = None
            try:
                self._must_still_be(place)
                if await self._settled(place, ENDPOINT_ORDERS, plan.token):
                    await self._make_endpoint(place, run, plan)
                return
            except AppError as error:
                problem = error.sentence()
                if error.outcome_unknown:
                    doubtful = plan
                    if await self._taken_after_all(place, ENDPOINT_ORDERS):
                        return

    def _serve_dialog(self, run: Run, plan: ServePlan | None, problem: str) -> ServeDialog:
        model = run.base_model
        return ServeDialog(
            model_name=run.model.name if run.model else run.name,
            base_model=model.name if model else run.base_model_name,
            ways=tuple(w for w in Serving if model is None or w in model.serving),
            name=self._endpoint_name(run),
            price=self.services.settings.price_per_model_unit_hour,
            sandbox=self.services.sandbox,
            region=self.identity.region,
            account=self.identity.account,
            plan=plan,
            problem=problem,
        )

    def _endpoint_name(self, run: Run) -> str:
        """Short, since it has to be typed; with a number where it is taken."""
        stem = plain(run.base_model_name, "endpoint")
        taken = {e.name for e in self.board.endpoints}
        return next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, 1000))) if n not in taken)

    async def _make_endpoint(self, place: str, run: Run, plan: ServePlan) -> None:
        self.say(f"Making {plan.name} …")
        make = self.services.endpoints.make
        with self._on_its_way(f"The endpoint {plan.name}"):
            made = await make(place, plan.kind, plan.name, run.model_arn, plan.token, units=plan.units)
        self.post_message(self.AwsChanged())
        bills = "; it bills until you delete it (X)" if plan.kind is Serving.PROVISIONED else ""
        self.say(f"{plan.name} is being created{bills}{made.note}", "problem" if made.note else "good")

    def action_stop_job(self) -> None:
        """Stop the run's job."""
        self._begin(self._stop_job)

    async def _stop_job(self) -> None:
        run = self.run_shown
        if run is None or run.job is None or not run.job.moving:
            self.say("Only a job that is under way can be stopped", "problem")
            return
        body = (
            f"{run.job.name} has run for {span(self.services.now() - run.job.created)}. A stopped job cannot go on; "
            "what it trained so far is charged, and no model comes of it."
        )
        if await self.app.push_screen_wait(ConfirmDialog("Stop this job?", body, yes="Stop the job")):
            await self._send(self.services.jobs.stop(run.job.arn), "The stop of", run.job.name, "is stopping")

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
            return
        if run.endpoints:
            endpoint = await self._which(run.endpoints)
            if endpoint is not None:
                await self._delete_endpoint(endpoint)
        elif run.model is not None:
            body = f"The custom model {run.model.name} is deleted for good; only training again brings it back."
            dialog = ConfirmDialog("Delete this custom model?", body, word=run.model.name)
            if await self.app.push_screen_wait(dialog):
                call = self.services.jobs.delete_model(run.model.arn)
                await self._send(call, "The deletion of", run.model.name, "is deleted")
        else:
            self.say("AWS keeps every job; there is nothing to delete here", "problem")

    async def _which(self, endpoints: tuple[Endpoint, ...]) -> Endpoint | None:
        if len(endpoints) == 1:
            return endpoints[0]
        choices = [Choice(e.arn, e.name, f"{e.kind} · {e.status}") for e in endpoints]
        chosen = await self.app.push_screen_wait(ChoiceDialog("Delete which endpoint?", choices))
        return next((e for e in endpoints if e.arn == chosen), None)

    async def _delete_endpoint(self, endpoint: Endpoint) -> None:
        ends = " Billing ends with it." if endpoint.bills_by_hour else ""
        body = f"{endpoint.name} ({endpoint.kind}) stops answering.{ends} The custom model stays."
        if endpoint.commitment:
            body += f" It is bought for {endpoint.commitment}: AWS refuses to delete it before that ends."
        dialog = ConfirmDialog("Delete this endpoint?", body, word=endpoint.name)
        if await self.app.push_screen_wait(dialog):
            call = self.services.endpoints.delete(endpoint)
            await self._send(call, "The deletion of", endpoint.name, "is deleted")
