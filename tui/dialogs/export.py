"""How a file is written for others: as what, with which system prompts, where; and one record just as it would be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.base_models import BaseModel, DataFormat
from tui.domain.files.exporting import Export, Systems, Target, name_problem, proposed_path, text_of
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.pairs import Damaged
from tui.domain.text import safe, safe_line
from tui.domain.values import dataclass
from tui.widgets.fields import ChoiceField, Field, PathField, TextField

_SHOWN = 900
"""Characters of the record that are shown."""


@dataclass(frozen=True, slots=True)
class ExportForm:
    """What the dialog starts from. `path` is empty for the name that goes with the choices."""

    export: Export
    path: str = ""
    problem: str = ""


class ExportDialog(Dialog[ExportForm]):
    """Gives the form as filled in; nothing is written by the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "write the file", priority=True, key_display="ctrl+s", id="export.accept"),
    ]

    def __init__(
        self,
        heading: str,
        form: ExportForm,
        source: Path,
        record: tuple[int, Record | Damaged],
        model: BaseModel,
        warnings: Sequence[str] = (),
    ) -> None:
        """`record` with its index is shown as it would be written."""
        super().__init__()
        self.heading = heading
        self._form = form
        self._source = source
        self._index, self._record = record
        self._model = model
        self._warnings = tuple(warnings)
        self._proposed = ""

    def fields(self) -> ComposeResult:
        export = self._form.export
        self._proposed = str(proposed_path(self._source, self._model, export))
        yield PathField("file", self._form.path or self._proposed, id="path")
        targets = [(f"{self._model.data_format}, JSONL" if one is Target.MODEL else one, str(one)) for one in Target]
        yield ChoiceField("format", targets, str(export.target), id="target")
        yield ChoiceField("system prompt", [(one, str(one)) for one in Systems], str(export.systems), id="systems")
        escapes = [("as it is, in UTF-8", ""), ("as ASCII escapes, \\u65e5", "escape")]
        yield ChoiceField("not ASCII", escapes, "escape" if export.escape else "", id="escape")
        yield Static("", id="export-preview", markup=False)

    def on_mount(self) -> None:
        self._changed()
        if self._form.problem:
            self.complain(self._form.problem)
        self.query_one("#path", TextField).focus()

    def _filled(self) -> Export:
        def chosen(name: str) -> str:
            return self.query_one(f"#{name}", ChoiceField).value or ""

        target, systems = Target(chosen("target")), Systems(chosen("systems"))
        return Export(target, systems, self._form.export.system, chosen("escape") == "escape")

    @on(Field.Changed)
    def _changed(self) -> None:
        """Another name where the old one was not typed, and the record as it would be written."""
        export, path = self._filled(), self.query_one("#path", TextField)
        proposed = str(proposed_path(self._source, self._model, export))
        if path.value == self._proposed != proposed:
            path.value = proposed
        self._proposed = proposed
        name = Path(path.value.strip()).name
        model = export.target is Target.MODEL
        path.error = (name_problem(name, self._model) if model else "") if name else "a file name"
        self.complain("")
        self.query_one("#export-preview", Static).update(self._preview(export))

    def _preview(self, export: Export) -> Content:
        parts: list[tuple[str, str] | str] = [(f"▲ {warning}\n", "$text-warning") for warning in self._warnings]
        if not export.system.strip() and export.systems in (Systems.FILL, Systems.SAME):
            parts.append(("no system prompt is set (s sets one)\n", "$foreground-muted"))
        name = safe_line(Path(self.query_one("#path", TextField).value.strip()).name, 100)
        number = f"\npair {self._index + 1:,} as it is written in {name}"
        try:
            text = self._written(export)
        except FormatError as error:
            parts.append((f"{number}: it cannot be, {safe_line(str(error), 200)}", "$text-error"))
            return Content.assemble(*parts)
        return Content.assemble(*parts, (f"{number}:\n", "$foreground-muted"), safe(text, _SHOWN))

    def _written(self, export: Export) -> str:
        if isinstance(self._record, Damaged):
            raise FormatError(self._record.reason)
        record = export.with_system(self._record)
        data_format: DataFormat = self._model.data_format
        return text_of(record, export, data_format, system_column=bool(record.system))

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Write it, when the name is right."""
        path = self.query_one("#path", TextField)
        if path.error:
            path.focus()
        else:
            self.dismiss(ExportForm(self._filled(), path.value))
