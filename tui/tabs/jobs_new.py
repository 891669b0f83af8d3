"""A new customization job: its form, its role, its start."""

from __future__ import annotations

import uuid
from dataclasses import replace

from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.job import NEW_ROLE, JobDialog, JobForm
from tui.domain.base_models import CATALOGUE, BaseModel, FoundationModel, find
from tui.domain.errors import AppError, Cause
from tui.domain.jobs import DataRef, JobSpec
from tui.domain.names import plain, stamped
from tui.domain.pairs import Role
from tui.domain.text import count
from tui.services.roles import ServiceRole, plan_role
from tui.services.session import JOB_ORDERS, Services
from tui.services.store import Upload
from tui.tabs.jobs_orders import OrderingTab


class NewJobTab(OrderingTab):
    """Starts jobs."""

    def action_new_job(self) -> None:
        """Fill in the form and start a job."""
        self._begin(self._new_job)

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
