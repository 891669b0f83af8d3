"""How what is done to a file of the Dataset tab is done, undone, done again, and shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.domain.errors import AppError
from tui.domain.files.formats import FormatError
from tui.domain.text import safe_line
from tui.tabs.dataset_files import OpeningTab

if TYPE_CHECKING:
    from tui.domain.files.document import Document, Step
    from tui.tabs.dataset_base import EditedFile

_MANY = 500
"""Records from which on an action is made on a thread."""


class EditingTab(OpeningTab, part=True):
    """Every change of a file is one step of its document, and shown by `edited`."""

    refusal = ""
    """Why the last action could not be done."""

    async def do(self, make: Callable[[Document], Step], done: Callable[[Step], str], *, places: int = 1) -> bool:
        """Do what `make` makes of the current file in so many `places`, and say so; False when it cannot be done."""
        opened = self.opened
        if opened is None:
            return False
        try:
            documents = self.services.documents
            step = await (documents.do_apart if places > _MANY else documents.do)(opened.source, make)
        except (AppError, FormatError) as error:
            sentence = error.sentence() if isinstance(error, AppError) else f"That cannot be done: {error}"
            self.refusal = sentence
            self.say(sentence, "problem")
            return False
        self.edited(opened, step, done(step) if step.splices else "Nothing was changed")
        return True

    def edited(self, opened: EditedFile, step: Step, said: str) -> None:
        """Show what a file holds now."""
        at = next((i for i, f in enumerate(self.files) if f.source is opened.source), None)
        if at is None:
            return  # closed meanwhile
        now = opened.source.document.now
        if step.splices:
            self.step_taken(opened, step)
            self.files[at] = replace(self.files[at], file=now, problems=None)
            self.check(at, edited=True)
        if at == self.current:
            self.show_file()
        self.say(opened.source.unguarded or said, "problem" if opened.source.unguarded else "")

    async def action_undo(self) -> None:
        """Take the last action on this file back."""
        if self.opened is not None:
            documents = self.services.documents
            await self._back_or_forth(self.opened, documents.undo(self.opened.source), "Undone", "u")

    async def action_redo(self) -> None:
        """Do again what was taken back last."""
        if self.opened is not None:
            documents = self.services.documents
            await self._back_or_forth(self.opened, documents.redo(self.opened.source), "Redone", "U")

    async def _back_or_forth(self, opened: EditedFile, doing: Awaitable[Step | None], what: str, key: str) -> None:
        step = await doing
        if step is None:
            self.say(f"{opened.name}: nothing to {'undo' if key == 'u' else 'redo'}")
            return
        self.edited(opened, step, f"{what}: {step.name}{self._other_half(step, key)}")
        # What goes may leave a place that the filter hides.
        if self.rows is not None and self.rows.row(step.place) is not None and step.place < len(self.rows):
            self.go_to(step.place)

    def _other_half(self, step: Step, key: str) -> str:
        """A word about the other file that an action has changed too."""
        if not step.partner:
            return ""
        name = next((f.name for f in self.files if str(f.source.path) == step.partner), None)
        if name is None:
            return f"; its other half, in {safe_line(Path(step.partner).name, 40)} (not open), stands as it is"
        return f"; its other half, in {name}, stands until {key} there (f)"
