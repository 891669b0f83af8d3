"""The plan of an upload: what, how large, from which system prompt, into which bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.errors import AppError
from tui.domain.files.pairs import Role
from tui.domain.names import bucket_problem, key_problem
from tui.domain.settings import DEFAULT_SYSTEM, SHIPPED_SYSTEM
from tui.domain.text import count, human_size, safe_line
from tui.domain.values import dataclass
from tui.widgets.fields import Field, TextField


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """What would go: where it comes from, its name in S3, what it holds; `size` in bytes, `tokens` estimated."""

    role: str
    source: str
    file_name: str
    records: int
    tokens: int
    size: int
    sha256: str
    left_out: tuple[str, ...] = ()
    """Fields of the records that have no place in the file."""

    @property
    def label(self) -> str:
        """`training.json #3f9a`."""
        return f"{safe_line(self.source, 40)} #{self.sha256[:4]}"


@dataclass(frozen=True, slots=True)
class UploadForm:
    """Where to, as it is typed; `problem` is why it could not be done."""

    bucket: str
    prefix: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """Where to; `create` when the bucket has to be made first."""

    bucket: str
    prefix: str
    create: bool


Look = Callable[[str, str], Awaitable[Sequence[str]]]
"""From bucket and folder to what is there already, a word for each file. Raises AppError."""
_PAUSE = 0.3
"""Seconds without a key after which S3 is asked what is there."""


class UploadDialog(Dialog[UploadPlan]):
    """Nothing is sent before this is accepted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "upload", priority=True, key_display="enter", id="upload.accept")
    ]
    heading = "Convert and upload to S3"

    def __init__(
        self,
        *,
        files: Sequence[PlannedFile],
        format_name: str,
        system_prompt: str,
        region: str,
        buckets: Sequence[str],
        form: UploadForm,
        warnings: Sequence[str],
        look: Look,
    ) -> None:
        super().__init__()
        self._files = tuple(files)
        self._format = format_name
        self._system = system_prompt
        self._region = region
        self._buckets = tuple(buckets)
        self._form = form
        self._problem = form.problem
        self._warnings = tuple(warnings)
        self._look = look

    def fields(self) -> ComposeResult:
        yield Static("", id="upload-files", markup=False, classes="help-text")
        if self._warnings:
            yield Static(Content("\n".join(f"▲ {w}" for w in self._warnings) + "\n"), markup=False, classes="danger")
        yield TextField("bucket", self._form.bucket, id="bucket")
        yield TextField("folder", self._form.prefix, id="prefix")

    def on_mount(self) -> None:
        self._explain()
        if self._problem:
            self.complain(self._problem)
        self.query_one("#bucket", TextField).focus()

    def _show_files(self, there: Sequence[str]) -> None:
        """What goes, and what S3 holds in its place."""
        system = f"“{safe_line(self._system, 160)}”" if self._system.strip() else "none"
        system += "; s in Dataset sets another" if self._system in (DEFAULT_SYSTEM, SHIPPED_SYSTEM) else ""
        rows = [f"for {self._format}", f"system prompt: {system}"]
        for file, word in zip(self._files, there or [""] * len(self._files), strict=True):
            held = f"{count(file.records, 'record')}, ≈ {file.tokens:,} tokens, {human_size(file.size)}"
            rows.append(f"{file.role:<10}  {file.label} → {file.file_name}")
            rows.append(f"            {held}")
            if file.left_out:
                more = f" and {len(file.left_out) - 5} more" if len(file.left_out) > 5 else ""
                rows.append(f"            not sent: {', '.join(f'“{name}”' for name in file.left_out[:5])}{more}")
            rows += [f"    {word}"] if word else []
        if all(file.role != Role.VALIDATION for file in self._files):
            rows.append(f"{Role.VALIDATION:<10}  none; P in Dataset splits some off")
        self.query_one("#upload-files", Static).update(Content("\n".join(rows) + "\n"))

    @on(Field.Changed)
    def _typed(self) -> None:
        self._problem = ""
        self._explain()

    def _explain(self) -> None:
        """Say of the bucket as typed whether it is there, and of the files what is in their place."""
        bucket, prefix = self.query_one("#bucket", TextField), self.query_one("#prefix", TextField)
        bucket.error = bucket_problem(bucket.value)
        prefix.error = key_problem(prefix.value.strip("/"))
        self.workers.cancel_group(self, "look")
        self._show_files([])
        self.complain("")
        if bucket.error or prefix.error:
            return
        if bucket.value in self._buckets:
            self._tell(f"{bucket.value} is in {self._region}; looking what is there …")
            self._ask(bucket.value, prefix.value.strip("/"))
        else:
            others = f" Yours there: {', '.join(self._buckets[:4])}." if self._buckets else ""
            self._tell(
                f"{bucket.value} will be created in {self._region}: private, public access blocked, "
                f"encrypted by S3 (SSE-S3).{others}"
            )
            self._show_files([])

    def _tell(self, text: str) -> None:
        self.query_one("#dialog-problem", Static).update(Content(text))

    @work(group="look", exclusive=True)
    async def _ask(self, bucket: str, prefix: str) -> None:
        await asyncio.sleep(_PAUSE)
        try:
            there = await self._look(bucket, prefix)
        except AppError as error:
            self.complain(f"What is there cannot be told: {error.sentence()}")
            return
        self._show_files(there)
        if not self._problem:
            self._tell(f"{bucket} is in {self._region}")

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Go, when both fields are right."""
        bucket, prefix = self.query_one("#bucket", TextField), self.query_one("#prefix", TextField)
        if not bucket.error and not prefix.error:
            self.dismiss(UploadPlan(bucket.value, prefix.value.strip("/"), bucket.value not in self._buckets))
