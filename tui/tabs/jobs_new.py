"""A new customization job: its form, its role, its start."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.job import NEW_ROLE, JobDialog, JobForm
from tui.domain.base_models import CATALOGUE, BaseModel, find
from tui.domain.clock import ago
from tui.domain.errors import AppError, Cause
from tui.domain.files.pairs import Role
from tui.domain.names import plain, split_s3_uri, stamped
from tui.domain.text import count, safe_line
from tui.domain.training.jobs import FINE_TUNING, DataRef, JobSpec, clone_of, past_durations
from tui.domain.training.preflight import Check, Cure
from tui.domain.training.trust import with_statement
from tui.services.reconciler import JOB_ORDERS
from tui.services.store import Upload
from tui.services.training.preflight import Surroundings, role_name
from tui.services.training.roles import RolePlan, ServiceRole, plan_role
from tui.tabs.jobs_orders import OrderingTab


class NewJobTab(OrderingTab, part=True):
    """Starts jobs."""

    _left: tuple[str, JobForm] | None = None
    """The form as it was left to upload data, and its place."""

    def action_new_job(self) -> None:
        """Fill in the form and start a job."""
        self._begin(self._new_job, on_run=False, looks_first=True)

    def action_clone(self) -> None:
        """Fill in the form with what the run under the cursor was made with."""
        self._begin(self._clone, looks_first=True)

    async def _new_job(self) -> None:
        place = self._known_place()
        left, self._left = self._left, None
        model = find(self.base_model_key) or CATALOGUE[0]
        if left is not None and left[0] == place and left[1].model is model:
            await self._open_form(place, model, left[1].start)
        else:
            await self._open_form(place, model, None)

    async def _clone(self) -> None:
        place, run = self._known_place(), self.run_shown
        if run is None or run.job is None:
            raise AppError(Cause.INVALID, "Only a run with a job can be cloned", hint="n begins a new one")
        job = await self.services.jobs.detail(run.job.arn)
        model = find(job.base_model_arn)
        if model is None:
            raise AppError(Cause.INVALID, f"{safe_line(run.base_model_name, 60)} is not in the catalogue")
        if job.kind != FINE_TUNING:
            what = f"A job of the kind {job.kind} cannot be cloned: tanzaku starts {FINE_TUNING} only"
            raise AppError(Cause.INVALID, what, hint="n begins a new one")
        name = stamped(plain(model.key), self.services.now())
        tags = [await self._tags_of(arn) for arn in (job.arn, run.model_arn)]
        await self._open_form(place, model, clone_of(job, model, name, *tags))

    async def _tags_of(self, arn: str) -> Mapping[str, str]:
        try:
            return await self.services.tags.of(arn) if arn else {}
        except AppError as error:
            self.say(f"Its tags are not known and not cloned: {error.sentence()}", "problem")
            return {}

    async def _open_form(self, place: str, model: BaseModel, start: JobSpec | None) -> None:
        with self._hold("The new job"):
            if not await self._settled(place, JOB_ORDERS):
                return
        self.say("Looking at roles and prices …")
        form = await self._form(place, model, start)
        self.say("")
        with self._hold("The new job"):
            await self._fill_in(place, form)

    async def _fill_in(self, place: str, form: JobForm) -> None:
        # One token for every try of this form: AWS takes it once, whatever became of the answers.
        token, doubtful = str(uuid.uuid4()), None
        tried, model = False, form.model
        while True:
            answer = await self.put(JobDialog(form, lambda spec: self._checks(model, spec)))
            if answer is None:
                self.say("Nothing more was sent" if tried else "No job was started")
                return
            spec = answer.spec
            try:
                self._must_still_be(place)
                if answer.cure is Cure.UPLOAD:
                    self._left = (place, form.again(spec))
                    self.post_message(self.UploadRequested())
                    return
                if answer.cure is not None:
                    form = await self._cured(form.again(spec), answer.cure)
                    continue
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

    def _checks(self, model: BaseModel, spec: JobSpec) -> AsyncIterator[Check]:
        jobs = [run.job for run in self.board.runs if run.job]
        around = Surroundings(
            self.identity,
            model,
            self.services.now(),
            job_names={job.name for job in jobs},
            model_names={run.model.name for run in self.board.runs if run.model},
            moving=sum(job.moving for job in jobs),
        )
        return self.services.preflight.run(spec, around)

    # Cures

    async def _cured(self, form: JobForm, cure: Cure) -> JobForm:
        """The form with one thing mended, when that was agreed to. Raises AppError."""
        spec = form.start
        if cure is Cure.RENAME:
            stem, now = plain(form.model.key), self.services.now()
            name = stamped(stem, now)
            return form.again(replace(spec, job_name=name, model_name=name.replace(".", "-")))
        if cure is Cure.CREATE_BUCKET:
            await self._make_bucket(spec)
        elif cure is Cure.CREATE_ROLE:
            made = await self._make_role(spec)
            return form if made is None else form.with_role(made.name, made.arn)
        elif cure is Cure.FIX_TRUST:
            await self._mend_trust(spec)
        elif cure is Cure.FIX_ACCESS:
            await self._mend_access(spec)
        return form.again(spec)

    async def _make_bucket(self, spec: JobSpec) -> None:
        bucket, region = split_s3_uri(spec.output_uri)[0], self.identity.region
        body = (
            f"The bucket {bucket} is made in {region}, with public access blocked; S3 encrypts what is put into it. "
            "An empty bucket costs nothing."
        )
        if await self.put(ConfirmDialog("Create this bucket?", body, yes="Create it")):
            with self._on_its_way(f"The bucket {bucket}"):
                await self.services.storage.create_bucket(bucket, region)

    def _role_plan(self, spec: JobSpec) -> RolePlan:
        at, data = self.identity, spec.training.uri or spec.output_uri
        validation = spec.validation.uri if spec.validation else ""
        return plan_role(
            at.account,
            at.region,
            data,
            spec.output_uri,
            at.partition,
            validation,
            kms_key=spec.kms_key,
            subnets=spec.subnets,
            security_groups=spec.security_groups,
        )

    async def _mend_trust(self, spec: JobSpec) -> None:
        roles, name = self.services.roles, role_name(spec.role_arn)
        plan = self._role_plan(spec)
        document = with_statement(await roles.trust(name), plan.trust["Statement"][0])
        body = f"What it trusts already stays; Bedrock is added.\n\n{json.dumps(document, indent=2)}"
        if await self.put(ConfirmDialog(f"Change the trust of {name}?", body, yes="Change it")):
            with self._on_its_way(f"The trust of {name}"):
                await roles.set_trust(name, document)

    async def _mend_access(self, spec: JobSpec) -> None:
        name, plan = role_name(spec.role_arn), self._role_plan(spec)
        body = f"A policy {plan.policy} is put beside the role's others.\n\n{json.dumps(plan.permissions, indent=2)}"
        if await self.put(ConfirmDialog(f"Let {name} use these places?", body, yes="Put the policy")):
            with self._on_its_way(f"The policy of {name}"):
                await self.services.roles.set_policy(name, plan)

    # The form

    async def _form(self, place: str, model: BaseModel, start: JobSpec | None) -> JobForm:
        services, at = self.services, self.identity
        known = await services.pool.run(services.store.uploads, place)
        uploads = [u for u in known if u.base_model == model.key]
        train = [u for u in uploads if u.role == Role.TRAIN]
        validation = [u for u in uploads if u.role == Role.VALIDATION]
        problem = ""
        try:
            roles = [(r.name, r.arn) for r in await services.roles.usable()]
        except AppError as error:
            roles, problem = [], f"Roles could not be listed: {error.sentence()}"
        await services.catalog.foundation_models(fresh=True)
        models = [run.model for run in self.board.runs if run.model and run.base_model is model]
        return JobForm(
            model=model,
            start=self._with_records(start, uploads) if start else self._proposed(model, train, validation, roles),
            training=[(_upload_label(u, services.now()), _ref(u)) for u in train],
            validation=[(_upload_label(u, services.now()), _ref(u)) for u in validation],
            tokens={u.uri: u.tokens for u in train},
            roles=roles,
            region=at.region,
            bases=[(f"{m.name} (yours), trained further", m.arn) for m in models],
            prices=await services.prices.of(model.key, at.region),
            past=past_durations(run.job for run in self.board.runs if run.job and run.base_model is model),
            problem=problem,
        )

    def _proposed(
        self, model: BaseModel, train: list[Upload], validation: list[Upload], roles: list[tuple[str, str]]
    ) -> JobSpec:
        at, stem = self.identity, plain(model.key)
        name = stamped(stem, self.services.now())
        output = f"s3://tanzaku-{at.account}-{at.region}/tanzaku/{model.key}/output/"
        if train:
            above, found, _ = train[0].uri.rpartition("/dataset/")
            output = f"{above if found else train[0].uri.rpartition('/')[0]}/output/"
        return JobSpec(
            job_name=name,
            model_name=name.replace(".", "-"),
            base_model_id=model.customization_id,
            role_arn=roles[0][1] if roles else "",
            training=_ref(train[0]) if train else DataRef(""),
            validation=_ref(validation[0]) if validation else None,
            output_uri=output,
        )

    @staticmethod
    def _with_records(start: JobSpec, uploads: list[Upload]) -> JobSpec:
        """Data that was uploaded from here is known with its records."""
        known = {u.uri: _ref(u) for u in uploads}
        if not start.training.uri:  # the form was left to upload them
            first = {u.role: _ref(u) for u in reversed(uploads)}
            training = first.get(Role.TRAIN, start.training)
            return replace(start, training=training, validation=first.get(Role.VALIDATION))
        validation = known.get(start.validation.uri, start.validation) if start.validation else None
        return replace(start, training=known.get(start.training.uri, start.training), validation=validation)

    async def _make_role(self, spec: JobSpec) -> ServiceRole | None:
        plan = self._role_plan(spec)
        changes = await self._role_note(plan.name)
        agreed = await self.put(
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
            made = await self.services.jobs.start(place, spec, token, patience=self._patient())
        self.post_message(self.AwsChanged())
        goes_on = "it goes on while the app is open" if self.services.sandbox else "AWS goes on without this app"
        told = f"{spec.job_name} is started; it is watched here, and {goes_on}{made.note}"
        self.say(told, "problem" if made.note else "good")
        self._started = spec.job_name


def _upload_label(upload: Upload, now: datetime) -> str:
    """`training.json #3f9a · 85 records · 5 m ago`: the content's hash tells which pairs they are."""
    name = safe_line(Path(upload.source).name, 40) or upload.uri.rsplit("/", 1)[-1]
    return f"{name} #{upload.sha256[:4]} · {count(upload.records, 'record')} · {ago(upload.at, now)}"


def _ref(upload: Upload) -> DataRef:
    return DataRef(upload.uri, upload.records, upload.sha256)
