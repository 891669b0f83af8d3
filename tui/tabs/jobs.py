"""Jobs: start, watch, stop, serve and delete, one row per run."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.job import NEW_ROLE, JobDialog, JobForm
from tui.dialogs.serve import ServeDialog, ServePlan
from tui.dialogs.unsettled import UnsettledDialog
from tui.domain.base_models import CATALOGUE, BaseModel, FoundationModel, Serving, find
from tui.domain.clock import span
from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.jobs import DataRef, JobSpec
from tui.domain.names import plain, stamped
from tui.domain.pairs import Role
from tui.domain.runs import Board, Endpoint, Run
from tui.domain.text import count, safe_line
from tui.services.roles import ServiceRole, plan_role
from tui.services.session import ENDPOINT_ORDERS, JOB_ORDERS, Services, Settlement
from tui.services.store import Upload
from tui.tabs.base import Tab
from tui.widgets.frame import age_text
from tui.widgets.run_rows import RUN_COLUMNS, RunRows, run_detail
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

_RESTING = 0.2
"""Seconds that the cursor rests on a run before its detail is asked for."""
_NO_RUNS = "No runs yet. Upload data in 1 Dataset (p), then press n here."


class JobsTab(Tab):
    """Runs of this account and Region."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new_job", "new job", id="jobs.new"),
        Binding("c", "chat", "chat", id="jobs.chat"),
        Binding("b", "serve", "serve", id="jobs.serve"),
        Binding("S", "stop_job", "stop", id="jobs.stop"),
        Binding("X", "delete", "delete", id="jobs.delete"),
        Binding("l", "loss", "loss", id="jobs.loss"),
        Binding("y", "copy", "Copy the ARN", show=False, id="jobs.copy"),
    ]

    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    board: reactive[Board] = reactive(Board(), repaint=False)
    base_model_key: reactive[str] = reactive("", repaint=False)

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._sending = ""
        self._held = ""
        self._started = ""
        self._detailed = ""
        self._trends: dict[str, tuple[float, ...]] = {}

    def compose(self) -> ComposeResult:
        yield Line(id="jobs-line")
        yield VirtualTable(RUN_COLUMNS, id="runs")
        yield TextPane(id="detail")

    def on_mount(self) -> None:
        self.focus_first()
        self._show()
        self._look_at_trends()
        self.set_interval(1 if self.services.sandbox else 30, self._tick)

    def _tick(self) -> None:
        """Elapsed times go on although nothing was polled."""
        if self.is_on_screen and self.board.moving:
            self._show()

    def focus_first(self) -> None:
        """The list has the keys."""
        self.screen.set_focus(self.query_one("#runs", VirtualTable))

    def reasons_to_stay(self) -> list[str]:
        """A request on its way is better waited for."""
        return [f"{self._sending} is being sent; quitting leaves its outcome open."] if self._sending else []

    def watch_board(self) -> None:
        """Something was seen."""
        if self.is_mounted:
            self._show()
            self._look_at_trends()

    # Showing

    @property
    def run_shown(self) -> Run | None:
        """The run under the cursor."""
        table = self.query_one("#runs", VirtualTable)
        return self.board.run(table.cursor_key) if table.cursor_key else None

    def _show(self) -> None:
        board, now = self.board, self.services.now()
        table = self.query_one("#runs", VirtualTable)
        table.show(RunRows(board.runs, now, self._trends))
        new = next((n for n, run in enumerate(board.runs) if run.name == self._started), None)
        if self._started and new is not None:  # the keys that follow are meant for it
            self._started = ""
            table.move_to(new)
        moving = sum(run.moving for run in board.runs)
        # Whether there are runs is known only after the first look.
        self.query_one("#runs", VirtualTable).set_empty(_NO_RUNS if board.seen else "")
        if board.seen is None:
            text = " looking …" if self.identity.problem is None else " AWS has not been seen yet"
        else:
            text = f" {count(len(board.runs), 'run')}  {moving} moving  {age_text(board.seen, now)}"
            if board.missed:
                text += f"  ▲ may not be listed: {', '.join(sorted(board.missed))}"
        self.query_one("#jobs-line", Line).put(Content(text))
        self._show_detail()

    @work(group="trends", exclusive=True)
    async def _look_at_trends(self) -> None:
        """Validation losses for the list, from the copies kept here and from S3 for runs that have new ones."""
        found = await self.services.losses.trends([run.job for run in self.board.runs if run.job])
        if found != self._trends:
            self._trends = found
            self._show()

    def _show_detail(self) -> None:
        run = self.run_shown
        content = run_detail(run, self.services.now()) if run else Content("")
        self.query_one(TextPane).put(content, keep_place=run is not None and run.key == self._detailed)
        self._detailed = run.key if run else ""

    @on(VirtualTable.CursorMoved, "#runs")
    def _cursor_moved(self) -> None:
        self._show_detail()
        run = self.run_shown
        if run is not None and run.job is not None and not run.job.detailed:
            self._fetch_detail(run.job.arn)

    @work(group="detail", exclusive=True)
    async def _fetch_detail(self, arn: str) -> None:
        """A job that ended long ago is listed without its detail. What the cursor only passes is not asked for."""
        await asyncio.sleep(_RESTING)
        try:
            job = await self.services.jobs.detail(arn)
        except AppError as error:
            self.say(error.sentence(), "problem")
        else:
            self.post_message(self.JobDetailed(job))

    @on(VirtualTable.RowOpened, "#runs")
    def action_loss(self) -> None:
        """Show the run's loss curves."""
        run = self.run_shown
        if run is not None:
            self.post_message(self.LossRequested(run.key))

    def action_chat(self) -> None:
        """Ask the run's model."""
        run = self.run_shown
        if run is not None:
            self.post_message(self.ChatRequested(run.key))

    def action_copy(self) -> None:
        """Copy the ARN of the run's endpoint, model or job."""
        run = self.run_shown
        if run is not None:
            endpoint = run.ready_endpoint
            arn = endpoint.arn if endpoint else run.model_arn or run.key
            self.app.copy_to_clipboard(safe_line(arn))
            self.say(f"Sent to the terminal's clipboard: {arn}", "good")

    # A new job

    def action_new_job(self) -> None:
        """Fill in the form and start a job."""
        self._begin(self._new_job)

    def _begin(self, order: Callable[[], Awaitable[None]]) -> None:
        """Carry out an order, but none while another has come to its questions: it would be pushed aside unanswered."""
        if self._sending or self._held:
            what = f"{self._sending} is still being sent" if self._sending else f"{self._held} is still under way"
            self.say(what, "problem")
        else:
            self._order(order)

    @work(group="order", exclusive=True)
    async def _order(self, order: Callable[[], Awaitable[None]]) -> None:
        await self.attempt(order())

    @contextmanager
    def _hold(self, what: str) -> Iterator[None]:
        """From its questions to its end an order cannot be pushed aside."""
        self._held = what
        try:
            yield
        finally:
            self._held = ""

    @contextmanager
    def _on_its_way(self, what: str) -> Iterator[None]:
        self._sending = what
        try:
            yield
        finally:
            self._sending = ""

    def _known_place(self) -> str:
        """Account and Region that orders belong to; taken once, since the identity may get into trouble meanwhile."""
        if not self.identity.known:
            raise self.identity.problem or AppError(Cause.UNREACHABLE, "AWS is not ready yet", hint="Wait a moment")
        return self.services.place(self.identity)

    def _must_still_be(self, place: str) -> None:
        if self.services.place(self.identity) != place:
            raise AppError(Cause.CONFLICT, "The account or Region has changed since this was begun", hint="Begin anew")

    async def _new_job(self) -> None:
        place = self._known_place()
        model = find(self.base_model_key) or CATALOGUE[0]
        uploads = [
            u for u in await self.services.pool.run(self.services.store.uploads, place) if u.base_model == model.key
        ]
        if not any(u.role == Role.TRAIN for u in uploads):
            raise AppError(
                Cause.INVALID,
                f"No training file for {model.name} is uploaded yet",
                hint="Go to 1 Dataset and press p; b there chooses another base model",
            )
        with self._hold("The new job"):
            if not await self._settled(place, JOB_ORDERS):
                return
        self.say("Looking at roles and base models …")
        roles = await self.services.roles.usable()
        live = await self.services.catalog.foundation_models(fresh=True)
        self.say("")
        form = self._form(model, live, uploads, [(r.name, r.arn) for r in roles])
        with self._hold("The new job"):
            await self._fill_in(place, form)

    async def _fill_in(self, place: str, form: JobForm) -> None:
        # One token for every try of this form: AWS takes it once, whatever became of the answers.
        token, doubtful = str(uuid.uuid4()), None
        tried = False
        while True:
            spec = await self.app.push_screen_wait(JobDialog(form))
            if spec is None:
                self.say("Nothing more was sent" if tried else "No job was started")
                return
            try:
                self._must_still_be(place)
                if spec.role_arn == NEW_ROLE:
                    made = await self._make_role(spec)
                    if made is None:
                        form = form.again(spec)
                        continue
                    spec, form = replace(spec, role_arn=made.arn), form.with_role(made.name, made.arn)
                if doubtful is not None and doubtful != spec:
                    # Another job than the one AWS may have: it must not hide behind the same token.
                    token, doubtful = str(uuid.uuid4()), None
                if not await self._settled(place, JOB_ORDERS, token):
                    return
                tried = True
                await self._start(place, spec, token)
                return
            except AppError as error:
                # What was typed comes back with the reason, whatever happened.
                form = form.again(spec, error.sentence())
                if error.outcome_unknown:
                    doubtful = spec
                    if await self._taken_after_all(place, JOB_ORDERS):
                        return

    async def _settled(self, place: str, operations: Collection[str], token: str = "") -> bool:
        """Whether to go on: asks AWS about earlier orders of these operations whose outcome is open, and the user
        about those that stay open. One with the same `token` that AWS does not list may be sent again safely.

        Raises AppError when the user gives up.
        """
        while True:
            outcome = await self.services.reconcile(place, operations)
            if self._tell(outcome):
                return False
            in_doubt = next((o for o in outcome.still_open if o.problem or o.intent.token != token), None)
            if in_doubt is None:
                return True
            reason = in_doubt.problem.sentence() if in_doubt.problem else "AWS does not list it, but it is quite new."
            same = in_doubt.intent.token == token
            answer = await self.app.push_screen_wait(UnsettledDialog(in_doubt.intent.name, reason, same=same))
            if answer is None:
                what = f"What became of {in_doubt.intent.name} is not known yet"
                raise AppError(Cause.CONFLICT, what, "Nothing more was sent", "The app goes on looking for it")
            if answer:
                return True

    def _tell(self, outcome: Settlement) -> bool:
        """Say what became of open orders; True when AWS has one of them."""
        for one in outcome.recovered:
            text = "AWS has it after all: here it is" if one.found else "it never reached AWS, nothing was made"
            self.say(f"{one.name}: {text}", "good" if one.found else "problem")
        found = any(one.found for one in outcome.recovered)
        if found:
            self.post_message(self.AwsChanged())
        return found

    async def _taken_after_all(self, place: str, operations: Collection[str]) -> bool:
        """Whether AWS has the order. Where it cannot be asked now, the order stays open; the next try asks first."""
        self.say("AWS may have taken the order; looking …", "problem")
        self.post_message(self.AwsChanged())
        try:
            outcome = await self.services.reconcile(place, operations)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return False
        if outcome.problems:
            self.say(outcome.problems[0].sentence(), "problem")
        return self._tell(outcome)

    def _form(
        self, model: BaseModel, live: list[FoundationModel], uploads: list[Upload], roles: list[tuple[str, str]]
    ) -> JobForm:
        identity, now = self.identity, self.services.now()
        place, found, _ = uploads[0].uri.rpartition("/dataset/")
        above = place if found else uploads[0].uri.rpartition("/")[0]
        stem = plain(uploads[0].base_model)
        train = [u for u in uploads if u.role == Role.TRAIN]
        return JobForm(
            model=model,
            lifecycle=_lifecycle_problem(model, live, identity.region, self.services),
            job_name=stamped(stem, now),
            model_name=stamped(stem, now).replace(".", "-"),
            training=[(_upload_label(u), DataRef(u.uri, u.records, u.sha256)) for u in train],
            validation=[
                (_upload_label(u), DataRef(u.uri, u.records, u.sha256)) for u in uploads if u.role == Role.VALIDATION
            ],
            tokens={u.uri: u.tokens for u in train},
            roles=roles,
            output_uri=f"{above}/output/",
            account=identity.account,
            region=identity.region,
        )

    async def _make_role(self, spec: JobSpec) -> ServiceRole | None:
        at = self.identity
        partition = at.arn.split(":")[1] if at.arn.startswith("arn:") else "aws"
        plan = plan_role(at.account, at.region, spec.training.uri, spec.output_uri, partition)
        changes = await self._role_note(plan.name)
        agreed = await self.app.push_screen_wait(
            ConfirmDialog(f"Create the IAM role {plan.name}?", f"{changes}{plan.text()}", yes="Create this role")
        )
        if not agreed:
            return None
        self.say(f"Creating the role {plan.name} …")
        with self._on_its_way(f"The role {plan.name}"):
            return await self.services.roles.create(plan)

    async def _role_note(self, name: str) -> str:
        try:
            there = await self.services.roles.exists(name)
        except AppError as error:
            if error.cause is not Cause.DENIED:
                raise
            return "Whether a role of this name exists may not be looked up; one that does is changed to this.\n\n"
        return "A role of this name exists; it is changed to this.\n\n" if there else ""

    async def _start(self, place: str, spec: JobSpec, token: str) -> None:
        self.say(f"Starting {spec.job_name} …")
        with self._on_its_way(f"The job {spec.job_name}"):
            made = await self.services.jobs.start(place, spec, token, waiting=lambda text: self.say(text))
        self.post_message(self.AwsChanged())
        goes_on = "it goes on when the app runs" if self.services.sandbox else "AWS goes on without this app"
        told = f"{spec.job_name} is started; it is watched here, and {goes_on}{made.note}"
        self.say(told, "problem" if made.note else "good")
        self._started = spec.job_name

    # Serving, stopping, deleting

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


def _upload_label(upload: Upload) -> str:
    return f"{upload.uri.rsplit('/', 1)[-1]} · {count(upload.records, 'record')}"


def _lifecycle_problem(model: BaseModel, live: list[FoundationModel], region: str, services: Services) -> str:
    """Why Bedrock would not take a job on this base model now; empty when it would."""
    listed = [m for m in live if model.matches(m.model_id)]
    where = ", ".join(model.regions)
    if not listed:
        return f"{model.name} is not offered in {region} (fine-tuning: {where})"
    now = services.now()
    if any(m.can_fine_tune(now) for m in listed):
        return ""
    best = next((m for m in listed if "FINE_TUNING" in m.customizations), listed[0])
    if best.lifecycle == "ACTIVE" and not best.retired(now):
        return f"{model.name} cannot be fine-tuned in {region} (but in {where})"
    return f"{model.name} is {best.lifecycle_text(now)}: Bedrock takes no new jobs on it"
