"""Jobs: start, watch, stop, serve and delete, one row per run."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
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
from tui.services.session import Services
from tui.services.store import Upload
from tui.tabs.base import Tab
from tui.widgets.frame import age_text
from tui.widgets.run_rows import RUN_COLUMNS, RunRows, run_detail
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

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
    uploads_made: reactive[int] = reactive(0, repaint=False)

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._sending = ""
        self._detailed = ""

    def compose(self) -> ComposeResult:
        yield Line(id="jobs-line")
        yield VirtualTable(RUN_COLUMNS, id="runs")
        yield TextPane(id="detail")

    def on_mount(self) -> None:
        self.focus_first()
        self._show()
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

    # Showing

    @property
    def run_shown(self) -> Run | None:
        """The run under the cursor."""
        table = self.query_one("#runs", VirtualTable)
        return self.board.run(table.cursor_key) if table.cursor_key else None

    def _show(self) -> None:
        board, now = self.board, self.services.now()
        self.query_one("#runs", VirtualTable).show(RunRows(board.runs, now))
        moving = sum(run.moving for run in board.runs)
        # Whether there are runs is known only after the first look.
        self.query_one("#runs", VirtualTable).set_empty(_NO_RUNS if board.seen else "")
        if board.seen is None:
            text = " looking …" if self.identity.problem is None else " AWS has not been seen yet"
        else:
            text = f" {count(len(board.runs), 'run')}  {moving} moving  {age_text(board.seen, now)}"
        self.query_one("#jobs-line", Line).put(Content(text))
        self._show_detail()

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
        """A job that ended long ago is listed without its detail; the board brings it from then on."""
        if await self.attempt(self.services.jobs.detail(arn)):
            self.post_message(self.AwsChanged())

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
        """Carry out an order, but none while another is on its way: it would be pushed aside unanswered."""
        if self._sending:
            self.say(f"{self._sending} is still being sent", "problem")
        else:
            self._order(order)

    @work(group="order", exclusive=True)
    async def _order(self, order: Callable[[], Awaitable[None]]) -> None:
        await self.attempt(order())

    def _must_be_known(self) -> None:
        if not self.identity.known:
            raise self.identity.problem or AppError(Cause.UNREACHABLE, "AWS is not ready yet", hint="Wait a moment")

    async def _new_job(self) -> None:
        self._must_be_known()
        model = find(self.base_model_key) or CATALOGUE[0]
        place = self.services.place(self.identity)
        uploads = [
            u for u in await self.services.pool.run(self.services.store.uploads, place) if u.base_model == model.key
        ]
        if not any(u.role == Role.TRAIN for u in uploads):
            raise AppError(
                Cause.INVALID,
                f"No training file for {model.name} is uploaded yet",
                hint="Go to 1 Dataset and press p; b there chooses another base model",
            )
        if await self._settle(place):
            return
        self.say("Looking at roles and base models …")
        roles = await self.services.roles.usable()
        live = await self.services.catalog.foundation_models(fresh=True)
        self.say("")
        form = self._form(model, live, uploads, [(r.name, r.arn) for r in roles])
        # One token for every try of this form: AWS takes it once, whatever became of the answers.
        token = str(uuid.uuid4())
        while True:
            spec = await self.app.push_screen_wait(JobDialog(form))
            if spec is None:
                self.say("No job was started")
                return
            try:
                if await self._settle(place):
                    return
                if spec.role_arn == NEW_ROLE:
                    made = await self._make_role(spec)
                    if made is None:
                        form = form.again(spec)
                        continue
                    spec, form = replace(spec, role_arn=made.arn), form.with_role(made.name, made.arn)
                await self._start(spec, token)
                return
            except AppError as error:
                # What was typed comes back with the reason, whatever happened.
                form = form.again(spec, error.sentence())
                if error.outcome_unknown and await self._taken_after_all(place):
                    return

    async def _settle(self, place: str) -> bool:
        """Ask AWS about every order whose outcome is open; True when it has one of them."""
        found = False
        for outcome in await self.services.reconcile(place):
            found = found or outcome.found
            text = "AWS has it after all: here it is" if outcome.found else "it never reached AWS, nothing was made"
            self.say(f"{outcome.name}: {text}", "good" if outcome.found else "problem")
        if found:
            self.post_message(self.AwsChanged())
        return found

    async def _taken_after_all(self, place: str) -> bool:
        """As `_settle`; where AWS cannot be asked now, the order stays open, and the next try asks first."""
        self.say("AWS may have taken the order; looking …", "problem")
        self.post_message(self.AwsChanged())
        try:
            return await self._settle(place)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return False

    def _form(
        self, model: BaseModel, live: list[FoundationModel], uploads: list[Upload], roles: list[tuple[str, str]]
    ) -> JobForm:
        identity, now = self.identity, self.services.now()
        bucket_prefix = uploads[0].uri.rsplit("/dataset/", 1)[0]
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
            output_uri=f"{bucket_prefix}/output/",
            account=identity.account,
            region=identity.region,
        )

    async def _make_role(self, spec: JobSpec) -> ServiceRole | None:
        plan = plan_role(self.identity.account, self.identity.region, spec.training.uri, spec.output_uri)
        agreed = await self.app.push_screen_wait(
            ConfirmDialog(f"Create the IAM role {plan.name}?", plan.text(), yes="Create this role")
        )
        if not agreed:
            return None
        self.say(f"Creating the role {plan.name} …")
        return await self.services.roles.create(plan)

    async def _start(self, spec: JobSpec, token: str) -> None:
        self._sending = f"The job {spec.job_name}"
        self.say(f"Starting {spec.job_name} …")
        try:
            place = self.services.place(self.identity)
            arn = await self.services.jobs.start(place, spec, token, waiting=lambda text: self.say(text))
        finally:
            self._sending = ""
        self.post_message(self.AwsChanged())
        self.say(f"{spec.job_name} is started; it is watched here, and AWS goes on without this app", "good")
        self.query_one("#runs", VirtualTable).move_to(0)
        await self.services.remember(self.services.place(self.identity), "run", arn)

    # Serving, stopping, deleting

    def action_serve(self) -> None:
        """Buy throughput for the run's model, or deploy it."""
        self._begin(self._serve)

    async def _serve(self) -> None:
        self._must_be_known()
        run = self.run_shown
        if run is None or not run.model_arn:
            raise AppError(Cause.INVALID, "This run has no model to serve yet", hint="Wait until the job has completed")
        if any(e.moving or e.ready for e in run.endpoints):
            raise AppError(Cause.CONFLICT, "This model has an endpoint already", hint="c asks it, X deletes it")
        if await self._settle(self.services.place(self.identity)):
            return
        plan, problem = None, ""
        while True:
            plan = await self.app.push_screen_wait(self._serve_dialog(run, plan, problem))
            if plan is None:
                self.say("Nothing was bought")
                return
            try:
                await self._make_endpoint(run, plan)
                return
            except AppError as error:
                problem = error.sentence()

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

    async def _make_endpoint(self, run: Run, plan: ServePlan) -> None:
        place = self.services.place(self.identity)
        if await self._settle(place):
            return
        self.say(f"Making {plan.name} …")
        self._sending = f"The endpoint {plan.name}"
        try:
            await self.services.endpoints.make(place, plan.kind, plan.name, run.model_arn, plan.token, units=plan.units)
        except AppError as error:
            if error.outcome_unknown and await self._taken_after_all(place):
                return
            raise
        finally:
            self._sending = ""
        self.post_message(self.AwsChanged())
        bills = "; it bills until you delete it (X)" if plan.kind is Serving.PROVISIONED else ""
        self.say(f"{plan.name} is being created{bills}", "good")

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
        self._sending = f"{order} {name}"
        self.say(f"{self._sending} is being sent …")
        try:
            await call
        finally:
            self._sending = ""
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
