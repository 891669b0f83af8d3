"""The plan of an upload: what, how large, from which system prompt, into which bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.names import bucket_problem, key_problem
from tui.domain.text import count, human_size, safe_line
from tui.widgets.fields import Field, TextField

PlannedFile = tuple[str, str, int, int, int]
"""Role, file name, records, tokens, bytes."""


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """Where to; `create` when the bucket has to be made first."""

    bucket: str
    prefix: str
    create: bool


class UploadDialog(Dialog[UploadPlan]):
    """Nothing is sent before this is accepted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "Upload", priority=True, key_display="enter", id="upload.accept")
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
        bucket: str,
        prefix: str,
        warnings: Sequence[str],
    ) -> None:
        super().__init__()
        self._files = tuple(files)
        self._format = format_name
        self._system = system_prompt
        self._region = region
        self._buckets = tuple(buckets)
        self._bucket = bucket
        self._prefix = prefix
        self._warnings = tuple(warnings)

    def fields(self) -> ComposeResult:
        rows = [
            f"{role:<10}  {name}  {count(records, 'record')}, ≈ {tokens:,} tokens, {human_size(size)}"
            for role, name, records, tokens, size in self._files
        ]
        system = f"“{safe_line(self._system, 160)}”" if self._system.strip() else "none"
        text = "\n".join([f"for {self._format}", f"system prompt: {system}", *rows])
        yield Static(Content(f"{text}\n"), markup=False, classes="help-text")
        if self._warnings:
            yield Static(Content("\n".join(f"▲ {w}" for w in self._warnings) + "\n"), markup=False, classes="danger")
        yield TextField("bucket", self._bucket, id="bucket")
        yield TextField("folder", self._prefix, id="prefix")

    def on_mount(self) -> None:
        self._explain()
        self.query_one("#bucket", TextField).focus()

    @on(Field.Changed)
    def _explain(self) -> None:
        """Say of the bucket as typed whether it is there."""
        bucket, prefix = self.query_one("#bucket", TextField), self.query_one("#prefix", TextField)
        bucket.error = bucket_problem(bucket.value)
        prefix.error = key_problem(prefix.value.strip("/"))
        if bucket.error or prefix.error:
            self.complain("")
        elif bucket.value in self._buckets:
            self.complain("")
            self.query_one("#dialog-problem", Static).update(Content(f"{bucket.value} is in {self._region}"))
        else:
            others = f" Yours there: {', '.join(self._buckets[:4])}." if self._buckets else ""
            self.query_one("#dialog-problem", Static).update(
                Content(f"{bucket.value} will be created in {self._region}, private, public access blocked.{others}")
            )

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Go, when both fields are right."""
        bucket, prefix = self.query_one("#bucket", TextField), self.query_one("#prefix", TextField)
        if not bucket.error and not prefix.error:
            self.dismiss(UploadPlan(bucket.value, prefix.value.strip("/"), bucket.value not in self._buckets))
