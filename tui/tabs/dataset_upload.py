"""The Dataset tab's ways out: a file in the base model's format, and training data in S3."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.reactive import reactive

from tui.domain.base_models import CATALOGUE, BaseModel
from tui.domain.dataset.checks import total_problem
from tui.domain.errors import AppError, Cause
from tui.domain.files.pairs import Role
from tui.domain.identity import Identity
from tui.domain.text import count, safe_line
from tui.tabs.dataset_editing import EditedFile
from tui.tabs.dataset_system import SystemTab
from tui.widgets.progress import ProgressLine

if TYPE_CHECKING:
    from tui.dialogs.export import ExportForm
    from tui.dialogs.upload import UploadForm, UploadPlan
    from tui.domain.files.exporting import Export
    from tui.services.dataset.datasets import Converted
    from tui.services.storage import Held


class UploadingTab(SystemTab, part=True):
    """Converts files and uploads them."""

    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    _cancel_upload: threading.Event | None
    _export: Export | None = None
    """How a file was exported last."""

    def stop_upload(self) -> bool:
        """Break off the upload under way; False when there is none."""
        if self._cancel_upload is None:
            return False
        self._cancel_upload.set()
        return True

    @work(group="ask")
    async def action_base_model(self) -> None:
        """Choose the base model that files are checked and converted for."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        live = await self._lifecycles()
        choices = [
            Choice(m.key, m.name, " · ".join(p for p in (live.get(m.runtime_id, ""), m.data_format, m.regions[0]) if p))
            for m in CATALOGUE
        ]
        note = "" if live else "AWS was not asked: whether a model can be fine-tuned now is not known."
        chosen = await self.ask(ChoiceDialog("Base model", choices, chosen=self.model.key, note=note))
        if chosen is not None:
            self.post_message(self.BaseModelChosen(chosen))

    async def _lifecycles(self) -> dict[str, str]:
        if not self.identity.known:
            return {}
        try:
            models = await self.services.catalog.foundation_models()
        except AppError as error:
            self.say(error.sentence(), "problem")
            return {}
        listed = {m.model_id: m.lifecycle_text(self.services.now()) for m in models}
        return {m.runtime_id: listed.get(m.runtime_id, f"not listed in {self.identity.region}") for m in CATALOGUE}

    def action_convert(self) -> None:
        """Write the file in the base model's format, or for other programs."""
        from tui.dialogs.export import ExportForm
        from tui.domain.files.exporting import Export

        if self.opened is None or not len(self.opened.file):
            self.say("Open a file first (o)", "problem")
            return
        self._ask_export(self.opened, ExportForm(replace(self._export or Export(), system=self.system_of(self.opened))))

    def _ask_export(self, opened: EditedFile, form: ExportForm) -> None:
        from tui.dialogs.export import ExportDialog
        from tui.services.dataset.datasets import problems_summary

        index = self._here[1] if self._here and self._here[0].source is opened.source else 0
        problems = [problems_summary(opened.problems)] if opened.problems else []
        edits = self._edits_too([opened]).strip()
        dialog = ExportDialog(
            f"Convert {opened.name} for {self.model.name}, or export it",
            form,
            opened.file.path,
            (index, opened.file[index]),
            self.model,
            [*problems, *([edits] if edits else [])],
        )

        def accepted(filled: ExportForm | None) -> None:
            if filled is None:
                self.say("Nothing was written")
            else:
                self._export = filled.export
                self._begin_export(opened, filled)

        self.app.push_screen(dialog, accepted)

    @work(group="ask")
    async def _begin_export(self, opened: EditedFile, form: ExportForm) -> None:
        from tui.domain.folders import typed_path

        try:
            await self._write(opened, typed_path(form.path), form.export)
        except AppError as error:
            self._ask_export(opened, replace(form, problem=error.sentence()))

    async def _write(self, opened: EditedFile, target: Path, export: Export) -> None:
        places = await self.services.pool.run(_real_paths, [target, *(f.file.path for f in self.files)])
        held = next((f for f, place in zip(self.files, places[1:], strict=True) if place == places[0]), None)
        if held is not None:
            what = "That is the file itself" if held is opened else f"{held.name} is open here"
            raise AppError(Cause.FILE, what, hint="Choose another name")
        if await self.services.datasets.is_there(target) and not await self._may_replace(target):
            self.say("Nothing was written")
            return
        self.say(f"Writing {safe_line(target.name, 60)} …")
        made = await self.services.datasets.convert(opened.file, self.model, opened.role, export)
        await self.services.datasets.write(made, target)
        left = f"; left out: {', '.join(made.left_out[:5])}" if made.left_out else ""
        self.say(f"{count(made.records, 'record')} written to {target}{left}", "good")

    async def _may_replace(self, target: Path) -> bool:
        from tui.dialogs.confirm import ConfirmDialog

        body = f"{safe_line(str(target), 300)} is there already; what it holds would be gone."
        agreed = await self.ask(ConfirmDialog("Replace this file?", body, yes="Replace it"))
        return agreed is True

    @staticmethod
    def _edits_too(files: Sequence[EditedFile]) -> str:
        """Says which of the files go with edits that are not in the files on disk."""
        names = [f.name for f in files if f.dirty]
        return f"With the unsaved edits of {', '.join(names)}. " if names else ""

    def _to_upload(self) -> list[EditedFile]:
        """The files to go: the shown one, and the first of each other role that training reads."""
        if not self.files:
            return []
        shown = self.files[self.current]
        # training.ja.json goes with validation.ja.json: the same ending, else the same folder, else as opened.
        order = [shown, *sorted(self.files, key=lambda f: _distance(shown.file.path, f.file.path))]
        return [
            next(f for f in order if f.role is role)
            for role in (Role.TRAIN, Role.VALIDATION)
            if any(f.role is role for f in order)
        ]

    def action_upload(self) -> None:
        """Convert the training and validation files and put them into S3."""
        files = self._to_upload()
        if self._cancel_upload is not None:
            self.say("An upload is under way; esc stops it", "problem")
        elif not files:
            self.say("Open a training file first (o); R changes what a file is for", "problem")
        else:
            self._begin_upload(files)

    @work(group="upload", exclusive=True)
    async def _begin_upload(self, files: list[EditedFile]) -> None:
        await self.attempt(self._upload(files))

    async def _upload(self, files: list[EditedFile]) -> None:
        from tui.dialogs.upload import UploadForm
        from tui.domain.tokens import Counter

        if not self._answered():
            self.say("AWS has not answered yet; the upload is shown when it has …")
            await self.until(self._answered)
        if self.identity.problem is not None:
            raise self.identity.problem
        model = self.model
        self.say("Converting …")
        counter, convert = Counter(await self.services.token_counts.rates(model)), self.services.datasets.convert
        made = [await convert(f.file, model, f.role, self.system_of(f), counter) for f in files]
        by_role = {m.role: m.records for m in made}
        total = total_problem(by_role.get(Role.TRAIN, 0), by_role.get(Role.VALIDATION, 0), model.limits)
        warnings = [p.message for f in files for p in f.problems or () if p.index is None and p.rule != "total records"]
        edits = self._edits_too(files)
        warnings += [edits.strip()] if edits else []
        warnings += [total.message] if total else []
        warnings += [*await self._not_taken_here(model), *_shared(files)]
        system = self.system_of(files[0])
        warnings += [
            f"{f.name} goes with another system prompt: “{safe_line(self.system_of(f), 80)}”"
            for f in files[1:]
            if self.system_of(f) != system
        ]
        place = self.services.place(self.identity)
        form: UploadForm | None = None
        while True:
            plan = await self._plan(made, warnings, form, system)
            if plan is None:
                self.say("Nothing was uploaded")
                return
            try:
                if self.services.place(self.identity) != place:
                    raise AppError(Cause.CONFLICT, "The account or Region has changed", hint="Look at the plan again")
                await self._carry_out(plan, made, system)
                return
            except AppError as error:
                # What was typed comes back with the reason.
                self.say(error.sentence(), "problem")
                form = UploadForm(plan.bucket, plan.prefix, error.sentence())
                place = self.services.place(self.identity)

    def _answered(self) -> bool:
        """Whether AWS has told who calls, or why it does not."""
        return self.identity.known or self.identity.problem is not None

    async def _not_taken_here(self, model: BaseModel) -> list[str]:
        """Why no job in this Region could read what goes; nothing when one can, or AWS does not tell."""
        try:
            listed = [m for m in await self.services.catalog.foundation_models() if model.matches(m.model_id)]
        except AppError:
            return []
        now, region = self.services.now(), self.identity.region
        if any(m.can_fine_tune(now) for m in listed):
            return []
        state = f" ({listed[0].lifecycle_text(now)})" if listed and listed[0].lifecycle != "ACTIVE" else ""
        others = [name for name in model.regions if name != region]
        if others:
            return [f"{model.name} is fine-tuned in {', '.join(others)}, not in {region}{state}"]
        return [f"{model.name} takes no fine-tuning jobs in {region}{state}"]

    async def _plan(
        self, made: list[Converted], warnings: list[str], form: UploadForm | None, system: str
    ) -> UploadPlan | None:
        from tui.dialogs.upload import PlannedFile, UploadDialog, UploadForm

        self.say("Looking at the buckets …")
        region = self.identity.region
        buckets = await self.services.storage.buckets(region)
        if form is None:
            remembered = await self.services.recall(self.services.place(self.identity), "bucket")
            suggested = f"tanzaku-{self.identity.account}-{region}"
            bucket = next((b for b in (remembered, suggested, *buckets) if b in buckets), suggested)
            form = UploadForm(bucket, f"tanzaku/{self.model.key}/dataset")
            self.say("")

        async def look(bucket: str, prefix: str) -> list[str]:
            found = await self.services.uploads.held(bucket, prefix, made)
            return [_there(held, file) for held, file in zip(found, made, strict=True)]

        return await self.ask(
            UploadDialog(
                files=[
                    PlannedFile(
                        m.role, Path(m.source).name, m.file_name, m.records, m.tokens, len(m.data), m.sha256, m.left_out
                    )
                    for m in made
                ],
                format_name=f"{self.model.name}, {self.model.data_format}",
                system_prompt=system,
                region=region,
                buckets=buckets,
                form=form,
                warnings=warnings,
                look=look,
            )
        )

    async def _carry_out(self, plan: UploadPlan, made: list[Converted], system: str) -> None:
        from tui.services.storage import UploadCancelled

        services, place = self.services, self.services.place(self.identity)
        self._cancel_upload = threading.Event()
        self.add_class("-uploading")
        self.refresh_bindings()
        try:
            if plan.create:
                self.say(f"Creating the bucket {plan.bucket} …")
                await services.storage.create_bucket(plan.bucket, self.identity.region)
            await services.remember(place, "bucket", plan.bucket)
            skipped = 0
            for file in made:
                skipped += await self._put(plan, file)
            await services.remember(place, "system_prompt", system)
        except UploadCancelled:
            self.say("The upload was stopped; nothing usable was left in S3", "problem")
            return
        finally:
            self._cancel_upload = None
            self.remove_class("-uploading")
            self.refresh_bindings()
        already = f" ({skipped} there already, not sent again)" if skipped else ""
        what = f"{count(len(made), 'file')}{already} uploaded"
        self.say(f"{what}. Next: 2 (Jobs), then n (new job). In s3://{plan.bucket}/{plan.prefix}", "good")

    async def _put(self, plan: UploadPlan, file: Converted) -> bool:
        """Upload one file; True when S3 had just this content already."""
        assert self._cancel_upload is not None
        self.say(f"Uploading {file.file_name} … esc stops")
        line, began, loop = self.query_one(ProgressLine), time.monotonic(), asyncio.get_running_loop()
        line.show(0, len(file.data), 0)

        def progress(done: int, total: int) -> None:
            loop.call_soon_threadsafe(line.show, done, total, time.monotonic() - began)

        place = self.services.place(self.identity)
        return await self.services.uploads.put(place, plan.bucket, plan.prefix, file, progress, self._cancel_upload)


def _shared(files: Sequence[EditedFile]) -> list[str]:
    """How many pairs of a file stand in open files of other roles too."""
    most = max((len(f.findings.named("leak")) for f in files), default=0)
    return [f"{count(most, 'pair')} {'stands' if most == 1 else 'stand'} in another open file too (L)"] if most else []


def _real_paths(paths: Sequence[Path]) -> list[str]:
    """Where paths lead, so that a file is known by whichever of its names. Touches the disk."""
    return [os.path.realpath(path) for path in paths]


def _there(held: Held | None, file: Converted) -> str:
    """What S3 holds in a file's place, as a line below it; nothing when there is nothing."""
    if held is None:
        return ""
    when = f" since {held.modified.astimezone():%Y-%m-%d %H:%M}" if held.modified else ""
    if held.same(file.sha256, len(file.data)):
        return f"= the same content{when}, not sent again"
    return f"▲ other content{when} (ETag {held.etag[:8]}): replaced"


def _distance(shown: Path, other: Path) -> tuple[bool, bool]:
    """How little two files look like parts of one data set."""
    return shown.stem.split(".")[1:] != other.stem.split(".")[1:], shown.parent != other.parent
