"""Files of pairs written to disk, and what other programs do to them meanwhile."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.domain.errors import AppError, Cause
from tui.tabs.base import Actions
from tui.tabs.dataset_base import EditedFile

if TYPE_CHECKING:
    from tui.domain.files.material import Encoding
    from tui.services.dataset.documents import NotInEncoding
    from tui.services.saving import NotWritten
    from tui.tabs.dataset import DatasetTab


class Saving(Actions):
    """Saves the files, and notices when they are changed by others."""

    tab: DatasetTab

    async def look(self) -> None:
        """Look whether the files are on disk as they were left."""
        for opened in list(self.tab.files):
            if await self.services.documents.look(opened.source):
                self._tell_outside(opened)

    def _tell_outside(self, opened: EditedFile) -> None:
        if self.tab.opened is not None and self.tab.opened.source is opened.source:
            self.tab.show_line()
        if opened.source.outside == "changed":
            self.tab.say(f"{_changed(opened).title}; w asks what to do", "problem")
        elif opened.source.outside:
            self.tab.say(f"{opened.name} is gone from the disk; w writes it again", "problem")

    async def save(self) -> None:
        """Write the file."""
        opened = self.tab.opened
        if opened is None:
            return
        if opened.dirty or opened.source.outside == "gone":
            await self.tab.attempt(self._save(opened))
        elif opened.source.outside:
            await self.tab.attempt(self._settle_conflict(opened, _changed(opened), None))
        else:
            self.tab.say(f"{opened.name}: everything is saved")

    async def _save(
        self, opened: EditedFile, path: Path | None = None, *, anyway: bool = False, encoding: Encoding | None = None
    ) -> None:
        from tui.services.dataset.documents import NotInEncoding, WouldOverwrite
        from tui.services.saving import NotWritten

        self.tab.say(f"Saving {opened.name} …")
        try:
            note = await self.services.documents.save(opened.source, path, anyway=anyway, encoding=encoding)
        except WouldOverwrite as conflict:
            self.tab.say(conflict.sentence(), "problem")
            await self._settle_conflict(opened, conflict, path, encoding)
            return
        except NotInEncoding as found:
            self.tab.say(found.sentence(), "problem")
            await self._settle_encoding(opened, found, path, anyway=anyway)
            return
        except NotWritten as found:
            self.tab.say(found.sentence(), "problem")
            await self._settle_place(opened, found, path, encoding)
            return
        at = next((i for i, f in enumerate(self.tab.files) if f.source is opened.source), None)
        if at is None:
            return  # closed meanwhile
        now, keys = opened.source.document.now, opened.source.keys
        if self.tab.files[at].file.path != now.path:
            self.tab.files[at] = replace(self.tab.files[at], file=now)
            self.tab.remember_file(self.tab.files[at])
        self.tab.show_file()
        self.tab.say(f"{self.tab.files[at].name} is saved{f': {note}' if note else ''}", "good")
        if keys is not None:
            await self.tab.attempt(self.services.file_memory.choose(now.path, keys))

    async def _settle_encoding(
        self, opened: EditedFile, found: NotInEncoding, path: Path | None, *, anyway: bool
    ) -> None:
        from tui.dialogs.choice import Choice, ChoiceDialog

        mark = " with a byte order mark, by which Excel knows it" if found.encoding.mark else ""
        choices = [Choice("convert", "Save in UTF-8", f"the whole file{mark}")]
        if found.index is not None:
            choices.append(Choice("go", "Go to that pair", "to write it otherwise"))
        dialog = ChoiceDialog(found.title, choices, note="Nothing was saved. esc decides later.")
        chosen = await self.tab.ask(dialog)
        if chosen == "convert":
            await self._save(opened, path, anyway=anyway, encoding=found.encoding)
        elif chosen == "go" and found.index is not None:
            at = next((n for n, f in enumerate(self.tab.files) if f.source is opened.source), None)
            if at is not None:
                self.tab.show_record(at, found.index)

    async def _settle_conflict(
        self, opened: EditedFile, conflict: AppError, path: Path | None, encoding: Encoding | None = None
    ) -> None:
        from tui.dialogs.choice import Choice, ChoiceDialog

        choices = [
            Choice("elsewhere", "Save as …", "under another name; the file stays as it is"),
            Choice("mine", "Keep mine", "write over it; a copy of what is there now is kept"),
        ]
        if path is None:
            choices.append(Choice("reload", "Reload", "take what is on disk; your unsaved edits go"))
            choices.append(Choice("show", "Show difference", "pair by pair; then choose"))
        chosen: str | None = "show"
        while chosen == "show":
            chosen = await self.tab.ask(ChoiceDialog(conflict.title, choices, note="esc decides later."))
            if chosen == "show":
                await self.tab.attempt(self._show_differences(opened))
        if chosen == "mine":
            await self._save(opened, path, anyway=True, encoding=encoding)
        elif chosen == "reload":
            await self.reload(opened)
        elif chosen == "elsewhere":
            old = opened.file.path
            await self._save_as(opened, str(old.with_name(f"{old.stem}.mine{old.suffix}")), encoding)

    async def _settle_place(
        self, opened: EditedFile, found: NotWritten, path: Path | None, encoding: Encoding | None
    ) -> None:
        from tui.dialogs.choice import Choice, ChoiceDialog

        choices = [
            Choice("elsewhere", "Save as …", "in another folder"),
            Choice("again", "Try again", "when the cause is gone"),
        ]
        note = f"{found.detail}. esc decides later; the edits stay." if found.detail else "esc decides later."
        chosen = await self.tab.ask(ChoiceDialog(found.title, choices, note=note))
        if chosen == "again":
            await self._save(opened, path, encoding=encoding)
        elif chosen == "elsewhere":
            await self._save_as(opened, os.path.join("~", opened.file.path.name), encoding)

    async def _save_as(self, opened: EditedFile, suggested: str, encoding: Encoding | None) -> None:
        from tui.dialogs.text import PathDialog
        from tui.domain.folders import typed_path

        typed = await self.tab.ask(PathDialog(f"Save {opened.name} as", value=suggested))
        if typed:
            await self._save(opened, typed_path(typed), encoding=encoding)

    async def _show_differences(self, opened: EditedFile) -> None:
        from tui.dialogs.differences import DifferencesDialog

        found = await self.services.documents.differences(opened.source)
        heading = f"{opened.name}: here and on disk"
        await self.tab.ask(DifferencesDialog(heading, found, before="here", after="on disk"))

    async def reload(self, opened: EditedFile) -> None:
        """Give up the edits of a file and open it again. Raises AppError; then nothing is given up."""
        documents = self.services.documents
        again = await documents.open(opened.file.path, opened.source.keys, instead_of=opened.source)
        self.tab.take_in(EditedFile(again.document.now, opened.role, source=again), show=True, instead_of=opened)
        self.tab.say(f"{opened.name} is as it is on disk", "good")


def _changed(opened: EditedFile) -> AppError:
    return AppError(Cause.CONFLICT, f"{opened.name} was changed on disk by another program")
