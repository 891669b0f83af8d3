"""Files of pairs written to disk, and what other programs do to them meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tui.domain.errors import AppError, Cause
from tui.tabs.dataset_editing import EditedFile, EditingTab

_LOOK_EVERY = 3.0
"""Seconds between two looks at the open files on disk."""


class SavingTab(EditingTab, part=True):
    """Saves the files, and notices when they are changed by others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "save", "Save the file", show=False, id="dataset.save"),
        Binding("ctrl+s", "save", "Save the file", show=False, key_display="ctrl+s", id="dataset.save_too"),
    ]

    def watch_files(self) -> None:
        """Look at the files on disk now and then, and when the terminal has the keys again; on a thread."""
        self.set_interval(_LOOK_EVERY, self._look)
        self.watch(self.app, "app_focus", self._back, init=False)

    def _back(self, focused: bool) -> None:
        if focused:
            self._look()

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        for opened in list(self.files):
            if await self.services.documents.look(opened.source):
                self._tell_outside(opened)

    def _tell_outside(self, opened: EditedFile) -> None:
        if self.opened is not None and self.opened.source is opened.source:
            self.show_line()
        if opened.source.outside == "changed":
            self.say(f"{_changed(opened).title}; w asks what to do", "problem")
        elif opened.source.outside:
            self.say(f"{opened.name} is gone from the disk; w writes it again", "problem")

    def remember_file(self, opened: EditedFile) -> None:
        """Have it among the recent files, as what it was the last time."""
        raise NotImplementedError

    def show_line(self) -> None:
        """Show again what is said of the file."""
        raise NotImplementedError

    @work(group="save")
    async def action_save(self) -> None:
        """Write the file."""
        opened = self.opened
        if opened is None:
            return
        if opened.dirty or opened.source.outside == "gone":
            await self.attempt(self._save(opened))
        elif opened.source.outside:
            await self.attempt(self._settle_conflict(opened, _changed(opened), None))
        else:
            self.say(f"{opened.name}: everything is saved")

    async def _save(self, opened: EditedFile, path: Path | None = None, *, anyway: bool = False) -> None:
        from tui.services.dataset.documents import WouldOverwrite

        self.say(f"Saving {opened.name} …")
        try:
            note = await self.services.documents.save(opened.source, path, anyway=anyway)
        except WouldOverwrite as conflict:
            self.say(conflict.sentence(), "problem")
            await self._settle_conflict(opened, conflict, path)
            return
        at = next((i for i, f in enumerate(self.files) if f.source is opened.source), None)
        if at is None:
            return  # closed meanwhile
        now, keys = opened.source.document.now, opened.source.keys
        if self.files[at].file.path != now.path:
            self.files[at] = replace(self.files[at], file=now)
            self.remember_file(self.files[at])
        self.show_file()
        self.say(f"{self.files[at].name} is saved{f': {note}' if note else ''}", "good")
        if keys is not None:
            await self.attempt(self.services.file_memory.choose(now.path, keys))

    async def _settle_conflict(self, opened: EditedFile, conflict: AppError, path: Path | None) -> None:
        from tui.dialogs.choice import Choice, ChoiceDialog
        from tui.dialogs.text import PathDialog

        choices = [
            Choice("elsewhere", "Save as …", "under another name; the file stays as it is"),
            Choice("mine", "Keep mine", "write over it; a copy of what is there now is kept"),
        ]
        if path is None:
            choices.append(Choice("reload", "Reload", "take what is on disk; your unsaved edits go"))
            choices.append(Choice("show", "Show difference", "pair by pair; then choose"))
        chosen: str | None = "show"
        while chosen == "show":
            chosen = await self.ask(ChoiceDialog(conflict.title, choices, note="esc decides later."))
            if chosen == "show":
                await self.attempt(self._show_differences(opened))
        if chosen == "mine":
            await self._save(opened, path, anyway=True)
        elif chosen == "reload":
            await self.reload(opened)
        elif chosen == "elsewhere":
            old = opened.file.path
            suggested = str(old.with_name(f"{old.stem}.mine{old.suffix}"))
            typed = await self.ask(PathDialog(f"Save {opened.name} as", value=suggested))
            if typed:
                from tui.domain.folders import typed_path

                await self._save(opened, typed_path(typed))

    async def _show_differences(self, opened: EditedFile) -> None:
        from tui.dialogs.differences import DifferencesDialog

        found = await self.services.documents.differences(opened.source)
        heading = f"{opened.name}: here and on disk"
        await self.ask(DifferencesDialog(heading, found, before="here", after="on disk"))

    async def reload(self, opened: EditedFile) -> None:
        """Give up the edits of a file and open it again. Raises AppError; then nothing is given up."""
        documents = self.services.documents
        again = await documents.open(opened.file.path, opened.source.keys, instead_of=opened.source)
        self.take_in(EditedFile(again.document.now, opened.role, source=again), show=True, instead_of=opened)
        self.say(f"{opened.name} is as it is on disk", "good")


def _changed(opened: EditedFile) -> AppError:
    return AppError(Cause.CONFLICT, f"{opened.name} was changed on disk by another program")
