"""Dataset: open files of pairs, look at them, check, convert and upload them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.reactive import reactive

from tui.domain.base_models import CATALOGUE, BaseModel, find
from tui.domain.checks import Severity, total_problem
from tui.domain.errors import AppError, Cause
from tui.domain.formats import Record
from tui.domain.identity import Identity
from tui.domain.pairs import Keys, Role, UnclearKeys, guess_role
from tui.domain.text import count, safe, safe_line
from tui.services.datasets import Converted, problems_summary
from tui.services.session import Services
from tui.tabs.base import working_folder
from tui.tabs.editing import EditedFile, EditingTab, typed_path
from tui.widgets.filter_line import FilterLine
from tui.widgets.pair_rows import PAIR_COLUMNS, PairRows, record_text
from tui.widgets.progress import ProgressLine
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.dialogs.upload import UploadPlan

_SEARCH_DELAY = 0.03
_CHECK_DELAY = 0.3
_LARGE = 10_000
"""Records from which on the check after an edit begins a little later."""

_NO_FILE = "No file is open. Press o to open one."


class DatasetTab(EditingTab):
    """Files of pairs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open_file", "open", id="dataset.open"),
        Binding("p", "upload", "upload", id="dataset.upload"),
        Binding("slash", "filter", "filter", key_display="/", id="dataset.filter"),
        Binding("b", "base_model", "base model", id="dataset.base_model"),
        Binding("c", "problems", "problems", id="dataset.problems"),
        Binding("f", "next_file", "next file", id="dataset.next_file"),
        Binding("s", "system_prompt", "system", id="dataset.system"),
        Binding("x", "convert", "convert", id="dataset.convert"),
        Binding("t", "role", "role", show=False, id="dataset.role"),
        Binding("right_square_bracket", "problem(1)", "Next problem", show=False, key_display="]", id="dataset.next"),
        Binding("left_square_bracket", "problem(-1)", "Last problem", show=False, key_display="[", id="dataset.last"),
        Binding("y", "copy", "Copy the answer", show=False, id="dataset.copy"),
        Binding("escape", "escape", "Clear the filter", show=False, id="dataset.escape"),
    ]

    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    base_model_key: reactive[str] = reactive("", repaint=False)

    def __init__(
        self, services: Services, files: Sequence[Path] = (), *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(services, id=id, classes=classes)
        self._to_open = tuple(files)
        self.files: list[EditedFile] = []
        self.current = 0
        self.system_prompt = services.settings.system_prompt
        self._found: list[int] | None = None
        self._rows: PairRows | None = None
        self._search_number = 0
        self._refused: list[str] = []
        """What was said of files that could not be opened."""
        self._cancel_upload: threading.Event | None = None

    def compose(self) -> ComposeResult:
        yield Line(id="file-line")
        with Container(id="split"):
            yield VirtualTable(PAIR_COLUMNS, id="pairs", empty=_NO_FILE)
            yield TextPane(id="preview")
        yield ProgressLine(id="upload-line")

    def on_mount(self) -> None:
        self.focus_first()
        if self._to_open:
            self._open_all(self._to_open)
        else:
            self.show_file()
            self.post_message(self.FirstShown())
            self.offer_recovery()

    def focus_first(self) -> None:
        """The list has the keys."""
        self.screen.set_focus(self.query_one("#pairs", VirtualTable))

    def reasons_to_stay(self) -> list[str]:
        """An upload under way would be broken off, and edits are not saved."""
        reasons = ["An upload is under way; quitting breaks it off."] if self._cancel_upload else []
        names = self.unsaved()
        if names:
            reasons.append(f"Not saved: {', '.join(names)} (w saves). The next start offers the edits again.")
        return reasons

    @property
    def model(self) -> BaseModel:
        """The base model that files are checked and converted for."""
        return find(self.base_model_key) or CATALOGUE[0]

    # Opening

    @work(group="open")
    async def _open_all(self, paths: Sequence[Path]) -> None:
        for number, path in enumerate(paths):
            await self._open(path, show=number == 0)
            if number == 0:
                self.post_message(self.FirstShown())
        if len(self._refused) > 1:
            self.say(" ".join(self._refused), "problem")
        self.offer_recovery()

    async def _open(self, path: Path, *, show: bool) -> None:
        keys: Keys | None = None
        held = next((f for f in self.files if f.file.path == path), None)
        if held is not None and held.dirty:
            self.take_in(held, show=True, instead_of=held)
            self.say(f"{held.name} is open with unsaved edits: here they are")
            return
        while True:
            try:
                source = await self.services.documents.open(path, keys, instead_of=held.source if held else None)
                break
            except UnclearKeys as unclear:
                keys = await self._ask_keys(path, unclear.candidates)
                if keys is None:
                    self.say(f"{path.name} was not opened")
                    return
            except AppError as error:
                self._refused.append(error.sentence())
                self.say(error.sentence(), "problem")
                return
        opened = EditedFile(source.document.now, held.role if held else guess_role(path), source=source)
        self.take_in(opened, show=show, instead_of=held)
        said = [*opened.file.notes, *([f"open elsewhere too ({source.holder})"] if source.holder else [])]
        if said:
            self.say(f"{opened.name}: {'; '.join(said)}")

    def take_in(self, opened: EditedFile, *, show: bool, instead_of: EditedFile | None = None) -> None:
        """Put a file among the open ones, or in the place of one."""
        at = next((i for i, f in enumerate(self.files) if instead_of and f.source is instead_of.source), None)
        if at is None:
            self.files.append(opened)
            at = len(self.files) - 1
        else:
            self.files[at] = opened
        if show or len(self.files) == 1:
            self.current = at
            self._found = None
        if at == self.current:
            self.show_file()
        else:
            self._show_line()
        self.check(at)

    async def _ask_keys(self, path: Path, candidates: tuple[str, ...]) -> Keys | None:
        from tui.dialogs.choice import Choice, ChoiceDialog

        chosen: list[str] = []
        for part in ("question", "answer"):
            rest = [Choice(key, safe_line(key, 60)) for key in candidates if key not in chosen]
            heading = f"{safe_line(path.name, 60)}: which key holds the {part}?"
            key = await self.ask(ChoiceDialog(heading, rest))
            if key is None:
                return None
            chosen.append(key)
        return Keys(chosen[0], chosen[1])

    @work(group="ask")
    async def action_open_file(self) -> None:
        """Ask for a path and open the file."""
        from tui.dialogs.text import LineDialog

        opened = self.opened
        folder = f"{opened.file.path.parent}/" if opened else working_folder()
        path = await self.ask(
            LineDialog("Open a file of pairs", value=folder, note="JSON list or JSONL, whatever the keys are called")
        )
        if path:
            await self._open(typed_path(path), show=True)

    def action_next_file(self) -> None:
        """Show the next open file."""
        if self.files:
            self.current = (self.current + 1) % len(self.files)
            self._found = None
            self._clear_filter()
            self.show_file(keep_cursor=False)

    def action_role(self) -> None:
        """Give the file the next role: train, validation, eval."""
        if self.opened:
            roles = list(Role)
            role = roles[(roles.index(self.opened.role) + 1) % len(roles)]
            self.files[self.current] = replace(self.opened, role=role, problems=None)
            self.show_file()
            self.check(self.current)

    # Showing

    def show_file(self, *, keep_cursor: bool = True) -> None:
        opened = self.opened
        table = self.query_one("#pairs", VirtualTable)
        if opened is None:
            self.query_one("#file-line", Line).put(Content(f" base model {self.model.name}"))
            return
        self._rows = PairRows(opened, self._found)
        table.set_empty("Nothing holds these words; esc clears them." if self._found is not None else _NO_FILE)
        table.show(self._rows, keep_cursor=keep_cursor)
        self._show_line()
        self._show_preview(table.cursor)

    def _show_line(self) -> None:
        opened = self.opened
        if opened is None:
            return
        shown = (
            count(len(opened.file), "pair") if self._found is None else f"{len(self._found):,} of {len(opened.file):,}"
        )
        unsaved = "● unsaved  " if opened.dirty else ""
        alone = "▲ no recovery  " if opened.source.unguarded else ""
        alone += "▲ open elsewhere  " if opened.source.holder else ""
        several = f" ({self.current + 1}/{len(self.files)})" if len(self.files) > 1 else ""
        if opened.problems is None:
            state, colour = "checking …", "$foreground-muted"
        elif opened.problems:
            state, colour = f"▲ {problems_summary(list(opened.problems))}", "$text-warning"
        else:
            state, colour = "✓ clean", "$text-success"
        self.query_one("#file-line", Line).put(
            Content.assemble(
                " ",
                (opened.name, "bold"),
                (f"{several}  {opened.role.upper()}  {shown}  ", "$foreground-muted"),
                (unsaved + alone, "$text-warning"),
                (state, colour),
                (f"  for {self.model.name}", "$foreground-muted"),
            )
        )

    @on(VirtualTable.CursorMoved, "#pairs")
    def _cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        self._show_preview(message.index)

    def _show_preview(self, row: int) -> None:
        opened, preview = self.opened, self.query_one(TextPane)
        if opened is None or self._rows is None or not 0 <= row < len(self._rows):
            preview.put(Content(""))
            return
        index = self._rows.index(row)
        problems = [p for p in opened.problems or () if p.index == index]
        preview.put(record_text(opened.file[index], problems))

    # Checking

    def check(self, at: int, *, edited: bool = False) -> None:
        """Look for problems in the background."""
        self._check(at, edited=edited)

    @work(group="check")
    async def _check(self, at: int, *, edited: bool) -> None:
        """What is found counts unless the file is edited meanwhile."""
        opened, model = self.files[at], self.model
        if edited and len(opened.file) > _LARGE:
            await asyncio.sleep(_CHECK_DELAY)  # the next edit is likely, and a check takes a processor

        def outdated() -> bool:
            now = self.files[at]
            return not (now.file is opened.file and now.role is opened.role and self.model is model)

        if outdated():
            return
        found = await self.services.datasets.check(opened.file, model, opened.role, outdated)
        if not outdated():
            self.files[at] = replace(self.files[at], problems=tuple(found))
            if at == self.current:
                self.show_file()

    def watch_base_model_key(self) -> None:
        """Other limits: check everything again."""
        for at, opened in enumerate(self.files):
            self.files[at] = replace(opened, problems=None)
            self.check(at)
        if self.is_mounted:
            self.show_file()

    @work(group="ask")
    async def action_problems(self) -> None:
        """List what is wrong and go to one of it."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        opened = self.opened
        if opened is None or opened.problems is None:
            return
        if not opened.problems:
            self.say(f"{opened.name}: nothing is wrong for {self.model.name}", "good")
            return
        choices = [
            Choice(
                str(number),
                f"{'✗' if p.severity is Severity.ERROR else '▲'} {f'line {p.line}' if p.line else 'file'}  {p.rule}",
                f"{p.field + ': ' if p.field else ''}{p.message}  [{p.source}]",
            )
            for number, p in enumerate(opened.problems)
        ]
        heading = f"{opened.name}: {problems_summary(list(opened.problems))}"
        chosen = await self.ask(ChoiceDialog(heading, choices))
        if chosen is not None:
            index = opened.problems[int(chosen)].index
            if index is not None:
                self.go_to(index)

    def action_problem(self, step: int) -> None:
        """Go to the next or last record that has a problem."""
        opened = self.opened
        if opened is None or not opened.problems or self._rows is None or not len(self._rows):
            return
        places = sorted({p.index for p in opened.problems if p.index is not None})
        if not places:
            self.say(f"{opened.name}: {opened.problems[0].message}", "problem")
            return
        here = self._rows.index(self.query_one("#pairs", VirtualTable).cursor)
        ahead = [p for p in places if p > here] if step > 0 else [p for p in reversed(places) if p < here]
        self.go_to((ahead or (places if step > 0 else places[::-1]))[0])

    def go_to(self, index: int) -> None:
        if self._rows is not None and self._rows.row(index) is None:
            self._clear_filter()
            self._found = None
            self.show_file()
        row = self._rows.row(index) if self._rows is not None else None
        if row is not None:
            self.query_one("#pairs", VirtualTable).move_to(row)

    # Filter

    async def action_filter(self) -> None:
        """Type words to look for."""
        if not self.query(FilterLine):
            await self.mount(FilterLine(), after=self.query_one("#file-line"))
        self.add_class("-filtering")
        self.query_one(FilterLine).focus()

    @on(FilterLine.Changed)
    def _filter_typed(self, event: FilterLine.Changed) -> None:
        self._search(event.words)

    @on(FilterLine.Done)
    def _filter_done(self) -> None:
        self.focus_first()

    @work(group="search", exclusive=True)
    async def _search(self, words: str) -> None:
        await asyncio.sleep(_SEARCH_DELAY)
        opened = self.opened
        if opened is None:
            return
        self._search_number += 1
        number = self._search_number
        found = await self.services.datasets.search(opened.file, words) if words.strip() else None
        if number == self._search_number and self.opened is not None and opened.file is self.opened.file:
            self._found = found
            self.show_file()

    def action_escape(self) -> None:
        """Stop an upload, else clear the filter."""
        if self._cancel_upload is not None:
            self._cancel_upload.set()
        elif self.has_class("-filtering"):
            self._clear_filter()
            self._found = None
            self.show_file()

    def _clear_filter(self) -> None:
        self._search_number += 1
        for field in self.query(FilterLine):
            field.clear()
            if field.has_focus_within:
                self.focus_first()
        self.remove_class("-filtering")

    def action_copy(self) -> None:
        """Copy the answer to the terminal's clipboard."""
        opened = self.opened
        if opened is not None and self._rows is not None and len(self._rows):
            record = opened.file[self._rows.index(self.query_one("#pairs", VirtualTable).cursor)]
            if isinstance(record, Record):
                self.app.copy_to_clipboard(safe(record.answer))
                self.say("The answer was sent to the terminal's clipboard", "good")

    # Converting and uploading

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

    @work(group="ask")
    async def action_system_prompt(self) -> None:
        """Write the system prompt that every record gets which has none of its own."""
        from tui.dialogs.text import TextDialog

        text = await self.ask(
            TextDialog("System prompt", value=self.system_prompt, note="For records without one; empty for none.")
        )
        if text is not None:
            self.system_prompt = text
            self.say("The system prompt is set", "good")

    @work(group="ask")
    async def action_convert(self) -> None:
        """Write the file in the base model's format."""
        from tui.dialogs.text import LineDialog

        opened = self.opened
        if opened is None:
            return
        where = opened.file.path.with_name(f"{opened.file.path.stem}.{self.model.key}.jsonl")
        path = await self.ask(
            LineDialog(
                f"Convert {opened.name} for {self.model.name}",
                value=str(where),
                note=f"{self._edits_too([opened])}Format {self.model.data_format}. "
                f"System prompt: {safe_line(self.system_prompt, 120) or 'none'}",
            )
        )
        if path:
            target = typed_path(path)
            await self.attempt(self._write(opened, target))

    async def _write(self, opened: EditedFile, target: Path) -> None:
        held = next((f for f in self.files if target in (f.file.path, f.file.path.absolute())), None)
        if held is not None:
            what = "That is the file itself" if held is opened else f"{held.name} is open here"
            raise AppError(Cause.FILE, what, hint="Choose another name")
        if await self.services.datasets.is_there(target) and not await self._may_replace(target):
            self.say("Nothing was written")
            return
        made = await self.services.datasets.convert(opened.file, self.model, opened.role, self.system_prompt)
        await self.services.datasets.write(made, target)
        self.say(f"{count(made.records, 'record')} written to {target}", "good")

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
            self.say("Open a training file first (o); t changes what a file is for", "problem")
        else:
            self._begin_upload(files)

    @work(group="upload", exclusive=True)
    async def _begin_upload(self, files: list[EditedFile]) -> None:
        await self.attempt(self._upload(files))

    async def _upload(self, files: list[EditedFile]) -> None:
        if not self.identity.known:
            raise self.identity.problem or AppError(Cause.UNREACHABLE, "AWS is not ready yet", hint="Wait a moment")
        model = self.model
        self.say("Converting …")
        made = [await self.services.datasets.convert(f.file, model, f.role, self.system_prompt) for f in files]
        by_role = {m.role: m.records for m in made}
        total = total_problem(by_role.get(Role.TRAIN, 0), by_role.get(Role.VALIDATION, 0), model.limits)
        warnings = [p.message for f in files for p in f.problems or () if p.index is None]
        edits = self._edits_too(files)
        warnings += [edits.strip()] if edits else []
        plan = await self._plan(made, [*warnings, *([total.message] if total else [])])
        if plan is None:
            self.say("Nothing was uploaded")
            return
        await self._carry_out(plan, made)

    async def _plan(self, made: list[Converted], warnings: list[str]) -> UploadPlan | None:
        from tui.dialogs.upload import UploadDialog

        self.say("Looking at the buckets …")
        region = self.identity.region
        place = self.services.place(self.identity)
        buckets = await self.services.storage.buckets(region)
        remembered = await self.services.recall(place, "bucket")
        suggested = f"tanzaku-{self.identity.account}-{region}"
        bucket = next((b for b in (remembered, suggested, *buckets) if b in buckets), suggested)
        self.say("")
        return await self.ask(
            UploadDialog(
                files=[(m.role, m.file_name, m.records, m.tokens, len(m.data)) for m in made],
                format_name=f"{self.model.name}, {self.model.data_format}",
                system_prompt=self.system_prompt,
                region=region,
                buckets=buckets,
                bucket=bucket,
                prefix=f"tanzaku/{self.model.key}/dataset",
                warnings=warnings,
            )
        )

    async def _carry_out(self, plan: UploadPlan, made: list[Converted]) -> None:
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
            await services.remember(place, "system_prompt", self.system_prompt)
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


def _distance(shown: Path, other: Path) -> tuple[bool, bool]:
    """How little two files look like parts of one data set."""
    return shown.stem.split(".")[1:] != other.stem.split(".")[1:], shown.parent != other.parent
