"""Training and validation data of the Dataset tab, put into S3 in the base model's format."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.domain.dataset.checks import total_problem
from tui.domain.errors import AppError, Cause
from tui.domain.files.pairs import Role
from tui.domain.text import count, safe_line
from tui.tabs.base import Actions, newest
from tui.tabs.dataset_base import with_edits
from tui.widgets.progress import ProgressLine

if TYPE_CHECKING:
    from tui.dialogs.upload import UploadForm, UploadPlan
    from tui.domain.base_models import BaseModel
    from tui.services.dataset.datasets import Converted
    from tui.services.storage import Held
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile


class Uploading(Actions):
    """Converts files and uploads them, one upload at a time."""

    tab: DatasetTab

    _cancel: threading.Event | None = None
    """Breaks the upload under way off."""

    @property
    def under_way(self) -> bool:
        """Whether something is being uploaded."""
        return self._cancel is not None

    def stop(self) -> bool:
        """Break off the upload under way; False when there is none."""
        if self._cancel is None:
            return False
        self._cancel.set()
        return True

    def _to_upload(self) -> list[EditedFile]:
        """The files to go: the shown one, and the first of each other role that training reads."""
        if not self.tab.files:
            return []
        shown = self.tab.files[self.tab.current]
        # training.ja.json goes with validation.ja.json: the same ending, else the same folder, else as opened.
        order = [shown, *sorted(self.tab.files, key=lambda f: _distance(shown.file.path, f.file.path))]
        return [
            next(f for f in order if f.role is role)
            for role in (Role.TRAIN, Role.VALIDATION)
            if any(f.role is role for f in order)
        ]

    def upload(self) -> None:
        """Convert the training and validation files and put them into S3."""
        files = self._to_upload()
        if self._cancel is not None:
            self.tab.say("An upload is under way; esc stops it", "problem")
        elif not files:
            self.tab.say("Open a training file first (o); R changes what a file is for", "problem")
        else:
            newest(self.tab, "upload", self._begin, files)

    async def _begin(self, files: list[EditedFile]) -> None:
        await self.tab.attempt(self._upload(files))

    async def _upload(self, files: list[EditedFile]) -> None:
        from tui.dialogs.upload import UploadForm
        from tui.domain.tokens import Counter

        if not self._answered():
            self.tab.say("AWS has not answered yet; the upload is shown when it has …")
            await self.tab.until(self._answered)
        if self.tab.identity.problem is not None:
            raise self.tab.identity.problem
        model = self.tab.model
        self.tab.say("Converting …")
        counter, convert = Counter(await self.services.token_counts.rates(model)), self.services.datasets.convert
        made = [await convert(f.file, model, f.role, self.tab.system_of(f), counter) for f in files]
        by_role = {m.role: m.records for m in made}
        total = total_problem(by_role.get(Role.TRAIN, 0), by_role.get(Role.VALIDATION, 0), model.limits)
        warnings = [p.message for f in files for p in f.problems or () if p.index is None and p.rule != "total records"]
        edits = with_edits(files)
        warnings += [edits.strip()] if edits else []
        warnings += [total.message] if total else []
        warnings += [*await self._not_taken_here(model), *_shared(files)]
        system = self.tab.system_of(files[0])
        warnings += [
            f"{f.name} goes with another system prompt: “{safe_line(self.tab.system_of(f), 80)}”"
            for f in files[1:]
            if self.tab.system_of(f) != system
        ]
        place = self.services.place(self.tab.identity)
        form: UploadForm | None = None
        while True:
            plan = await self._plan(made, warnings, form, system)
            if plan is None:
                self.tab.say("Nothing was uploaded")
                return
            try:
                if self.services.place(self.tab.identity) != place:
                    raise AppError(Cause.CONFLICT, "The account or Region has changed", hint="Look at the plan again")
                await self._carry_out(plan, made, system)
                return
            except AppError as error:
                # What was typed comes back with the reason.
                self.tab.say(error.sentence(), "problem")
                form = UploadForm(plan.bucket, plan.prefix, error.sentence())
                place = self.services.place(self.tab.identity)

    def _answered(self) -> bool:
        """Whether AWS has told who calls, or why it does not."""
        return self.tab.identity.known or self.tab.identity.problem is not None

    async def _not_taken_here(self, model: BaseModel) -> list[str]:
        """Why no job in this Region could read what goes; nothing when one can, or AWS does not tell."""
        try:
            listed = [m for m in await self.services.catalog.foundation_models() if model.matches(m.model_id)]
        except AppError:
            return []
        now, region = self.services.now(), self.tab.identity.region
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

        self.tab.say("Looking at the buckets …")
        region = self.tab.identity.region
        buckets = await self.services.storage.buckets(region)
        if form is None:
            remembered = await self.services.recall(self.services.place(self.tab.identity), "bucket")
            suggested = f"tanzaku-{self.tab.identity.account}-{region}"
            bucket = next((b for b in (remembered, suggested, *buckets) if b in buckets), suggested)
            form = UploadForm(bucket, f"tanzaku/{self.tab.model.key}/dataset")
            self.tab.say("")

        async def look(bucket: str, prefix: str) -> list[str]:
            found = await self.services.uploads.held(bucket, prefix, made)
            return [_there(held, file) for held, file in zip(found, made, strict=True)]

        return await self.tab.ask(
            UploadDialog(
                files=[
                    PlannedFile(
                        m.role, Path(m.source).name, m.file_name, m.records, m.tokens, len(m.data), m.sha256, m.left_out
                    )
                    for m in made
                ],
                format_name=f"{self.tab.model.name}, {self.tab.model.data_format}",
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

        services, place = self.services, self.services.place(self.tab.identity)
        self._cancel = threading.Event()
        self.tab.add_class("-uploading")
        self.tab.refresh_bindings()
        try:
            if plan.create:
                self.tab.say(f"Creating the bucket {plan.bucket} …")
                await services.storage.create_bucket(plan.bucket, self.tab.identity.region)
            await services.remember(place, "bucket", plan.bucket)
            skipped = 0
            for file in made:
                skipped += await self._put(plan, file)
            await services.remember(place, "system_prompt", system)
        except UploadCancelled:
            self.tab.say("The upload was stopped; nothing usable was left in S3", "problem")
            return
        finally:
            self._cancel = None
            self.tab.remove_class("-uploading")
            self.tab.refresh_bindings()
        already = f" ({skipped} there already, not sent again)" if skipped else ""
        what = f"{count(len(made), 'file')}{already} uploaded"
        self.tab.say(f"{what}. Next: 2 (Jobs), then n (new job). In s3://{plan.bucket}/{plan.prefix}", "good")

    async def _put(self, plan: UploadPlan, file: Converted) -> bool:
        """Upload one file; True when S3 had just this content already."""
        assert self._cancel is not None
        self.tab.say(f"Uploading {file.file_name} … esc stops")
        line, began, loop = self.tab.query_one(ProgressLine), time.monotonic(), asyncio.get_running_loop()
        line.show(0, len(file.data), 0)

        def progress(done: int, total: int) -> None:
            loop.call_soon_threadsafe(line.show, done, total, time.monotonic() - began)

        place = self.services.place(self.tab.identity)
        return await self.services.uploads.put(place, plan.bucket, plan.prefix, file, progress, self._cancel)


def _shared(files: Sequence[EditedFile]) -> list[str]:
    """How many pairs of a file stand in open files of other roles too."""
    most = max((len(f.findings.named("leak")) for f in files), default=0)
    return [f"{count(most, 'pair')} {'stands' if most == 1 else 'stand'} in another open file too (L)"] if most else []


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
