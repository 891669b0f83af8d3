"""Dataset: open files of pairs, look at them, check, convert and upload them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from tui.domain.errors import AppError
from tui.services.session import Services
from tui.tabs.dataset_editing import EditedFile
from tui.tabs.dataset_generate import GeneratingTab
from tui.tabs.dataset_list import NO_FILE
from tui.tabs.dataset_replace import ReplacingTab
from tui.widgets.pair_rows import PAIR_COLUMNS, PairRows
from tui.widgets.progress import ProgressLine
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable


class DatasetTab(GeneratingTab, ReplacingTab):
    """Files of pairs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open_file", "open", id="dataset.open", tooltip="Open a file of pairs"),
        Binding("p", "upload", "upload", id="dataset.upload", tooltip="Upload to S3, converted for the base model"),
        Binding("slash", "filter", "filter", key_display="/", id="dataset.filter", tooltip="Filter: words, q:, is: …"),
        Binding("b", "base_model", "base model", id="dataset.base_model", tooltip="Choose the base model"),
        Binding("c", "problems", "problems", id="dataset.problems", tooltip="List the problems, with fixes"),
        Binding("f", "next_file", "next file", id="dataset.next_file", tooltip="Show the next open file"),
        Binding("s", "system_prompt", "system", id="dataset.system", tooltip="System prompt, for this file or for all"),
        Binding("x", "convert", "convert", id="dataset.convert", tooltip="Convert or export to a file"),
        Binding("R", "role", "What the file is for", show=False, id="dataset.role"),
        Binding("right_square_bracket", "problem(1)", "Next problem", show=False, key_display="]", id="dataset.next"),
        Binding("left_square_bracket", "problem(-1)", "Last problem", show=False, key_display="[", id="dataset.last"),
        Binding("y", "copy", "Copy the answer", show=False, id="dataset.copy"),
        Binding("escape", "escape", "Clear the filter", show=False, id="dataset.escape"),
    ]

    def __init__(
        self, services: Services, files: Sequence[Path] = (), *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(services, id=id, classes=classes)
        self._to_open = tuple(files)
        self.files: list[EditedFile] = []
        self.current = 0
        self.system_prompt = services.settings.system_prompt
        self._rows: PairRows | None = None
        self._refused: list[AppError] = []
        self._cancel_upload: threading.Event | None = None

    def compose(self) -> ComposeResult:
        yield Line(id="file-line")
        with Container(id="split"):
            yield VirtualTable(PAIR_COLUMNS, id="pairs", empty=NO_FILE)
            yield TextPane(id="preview")
        yield ProgressLine(id="upload-line")

    def on_mount(self) -> None:
        self.focus_first()
        self.watch_files()
        if self._to_open:
            self._open_all(self._to_open)
        else:
            self.show_file()
            self.first_shown()
            self.offer_recovery()

    def reasons_to_stay(self) -> list[str]:
        """An upload under way would be broken off, and edits are not saved."""
        reasons = ["An upload is under way; quitting breaks it off."] if self._cancel_upload else []
        if self._writing is not None:
            reasons.append("Pairs are being written; quitting drops the answer under way. What came is kept.")
        names = self.unsaved()
        if names:
            reasons.append(f"Not saved: {', '.join(names)} (w saves). The next start offers the edits again.")
        return reasons
