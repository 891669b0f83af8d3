"""What the keys of the Dataset tab do to a file: edit, undo, save, and bring back what a crash left unsaved."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType

from tui.domain.base_models import BaseModel
from tui.domain.errors import AppError
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.pairs import Damaged
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.tabs.base import Tab
from tui.widgets.pair_rows import OpenFile, PairRows
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.dialogs.pair import PairDialog
    from tui.domain.files.document import Document, Step
    from tui.services.dataset.documents import OpenDocument


_MANY = 500
"""Records from which on an action is made on a thread."""


@dataclass(frozen=True, slots=True)
class EditedFile(OpenFile):
    """A file that is open for editing; `file` is what it holds now."""

    source: OpenDocument = field(kw_only=True)
    system: str | None = field(default=None, kw_only=True)
    """The system prompt set for this file alone; None when it goes with the one for all."""

    @property
    def dirty(self) -> bool:
        """Whether the file on disk holds something else."""
        return self.source.document.dirty


class EditingTab(Tab, part=True):
    """A tab with files of pairs that can be edited."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "edit", id="dataset.edit", tooltip="Edit the pair"),
        Binding("E", "edit_outside", "Edit in $VISUAL or $EDITOR", show=False, id="dataset.edit_outside"),
        Binding("a", "add", "Add a pair", show=False, id="dataset.add"),
        Binding("D", "duplicate", "Duplicate the pair", show=False, id="dataset.duplicate"),
        Binding("d", "delete", "Delete the pair, or the marked ones", show=False, id="dataset.delete"),
        Binding("u", "undo", "Undo", show=False, id="dataset.undo"),
        Binding("U", "redo", "Redo", show=False, id="dataset.redo"),
    ]

    files: list[EditedFile]
    current: int
    _rows: PairRows | None

    _typing: tuple[PairDialog, Callable[[Record | None], Awaitable[None]]] | None = None
    """The dialog that was opened last to write a pair, and what takes its answer."""
    _refusal = ""
    """Why the last action could not be done."""

    @cached_property
    def painted(self) -> asyncio.Event:
        """Set once the first rows are on the screen: what can wait for them does, since it would only delay them."""
        return asyncio.Event()

    def first_shown(self) -> None:
        """What the app was started for is ready to be painted, or known to be missing."""
        # The tab's own `call_after_refresh` does not wait for a frame while painting is held back.
        self.post_message(self.FirstShown(self.painted.set))

    # What the tab itself has

    @property
    def model(self) -> BaseModel:
        """The base model whose limits count."""
        raise NotImplementedError

    def show_file(self, *, keep_cursor: bool = True) -> None:
        """Show the current file again."""
        raise NotImplementedError

    def check(self, at: int, *, edited: bool = False) -> None:
        """Look for problems in the background."""
        raise NotImplementedError

    def go_to(self, index: int) -> None:
        """Put the cursor on a record, clearing a filter that hides it."""
        raise NotImplementedError

    def take_in(self, opened: EditedFile, *, show: bool, instead_of: EditedFile | None = None) -> None:
        """Put a file among the open ones, or in the place of one."""
        raise NotImplementedError

    def step_taken(self, opened: EditedFile, step: Step) -> None:
        """What is remembered of records by their index moves with them."""

    @property
    def opened(self) -> EditedFile | None:
        """The file that is shown."""
        return self.files[self.current] if self.files else None

    @property
    def _here(self) -> tuple[EditedFile, int] | None:
        """The file shown and the record under the cursor."""
        if self.opened is None or self._rows is None or not len(self._rows):
            return None
        return self.opened, self._rows.index(self.query_one("#pairs", VirtualTable).cursor)

    def unsaved(self) -> list[str]:
        """Names of the files that were edited and not saved."""
        return [opened.name for opened in self.files if opened.dirty]

    # Doing and undoing

    async def _do(self, make: Callable[[Document], Step], done: Callable[[Step], str], *, places: int = 1) -> bool:
        """Do what `make` makes of the current file in so many `places`, and say so; False when it cannot be done."""
        opened = self.opened
        if opened is None:
            return False
        try:
            documents = self.services.documents
            step = await (documents.do_apart if places > _MANY else documents.do)(opened.source, make)
        except (AppError, FormatError) as error:
            sentence = error.sentence() if isinstance(error, AppError) else f"That cannot be done: {error}"
            self._refusal = sentence
            self.say(sentence, "problem")
            return False
        self._edited(opened, step, done(step) if step.splices else "Nothing was changed")
        return True

    def _edited(self, opened: EditedFile, step: Step, said: str) -> None:
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
        self._edited(opened, step, f"{what}: {step.name}{self._other_half(step, key)}")
        # What goes may leave a place that the filter hides.
        if self._rows is not None and self._rows.row(step.place) is not None and step.place < len(self._rows):
            self.go_to(step.place)

    def _other_half(self, step: Step, key: str) -> str:
        """A word about the other file that an action has changed too."""
        if not step.partner:
            return ""
        name = next((f.name for f in self.files if str(f.source.path) == step.partner), None)
        if name is None:
            return f"; its other half, in {safe_line(Path(step.partner).name, 40)} (not open), stands as it is"
        return f"; its other half, in {name}, stands until {key} there (f)"

    def chosen_pairs(self) -> list[int]:
        """Indices of the marked pairs, else of the one under the cursor; ascending."""
        if self._here is None:
            return []
        marked = self.query_one("#pairs", VirtualTable).marked
        return sorted(int(key) for key in marked) or [self._here[1]]

    async def keep_typed(self) -> None:
        """What stands in an open dialog becomes an edit: who typed it cannot accept it any more."""
        if self._typing is not None and self._typing[0].changed:
            dialog, accepted = self._typing
            await accepted(dialog.written)
            if self._typing[0] is dialog:  # else it was refused, and stands there again
                dialog.let_go()

    # Actions on pairs

    # The dialogs are pushed at once, not by a worker: keys typed ahead must not act on the list meanwhile.

    def action_edit(self) -> None:
        """Edit the pair in a dialog."""
        if self._here is None:
            return
        opened, index = self._here
        record = opened.file[index]
        if isinstance(record, Damaged):
            self.say("It cannot be read as a pair; E opens its text in your editor", "problem")
            return

        async def enter(after: Record) -> bool:
            return await self._do(lambda d: d.edit(index, after), lambda step: f"{_capital(step.name)} (u undoes it)")

        self._ask_pair(opened, f"Pair {index + 1} of {opened.name}", f"pair {opened.file.path}", record, enter)

    def action_add(self) -> None:
        """Write a new pair below the current one."""
        opened = self.opened
        if opened is None:
            self.say("Open a file first (o)", "problem")
            return
        at = self._here[1] + 1 if self._here else len(opened.file)
        blank = Record.of("", "")

        async def enter(record: Record) -> bool:
            if record == blank:
                return True
            added = await self._do(lambda d: d.add(at, record), lambda _: f"Pair {at + 1} added (u undoes it)")
            if added:
                self.go_to(at)
            return added

        self._ask_pair(opened, f"New pair in {opened.name}", f"new pair {opened.file.path}", blank, enter)

    def _ask_pair(
        self, opened: EditedFile, heading: str, kept_as: str, before: Record, enter: Callable[[Record], Awaitable[bool]]
    ) -> None:
        """Have a pair written, and again as it was written while `enter` refuses it."""
        from tui.dialogs.pair import PairDialog
        from tui.domain.files.record_text import has_system, holds_turns

        system, turns = has_system(opened.file.layout), holds_turns(opened.file.layout)

        def ask(shown: Record, problem: str = "") -> None:
            dialog = PairDialog(
                heading,
                shown,
                self.model,
                with_system=system,
                before=before,
                turns=turns,
                problem=problem,
                kept_as=kept_as,
            )
            self._typing = dialog, accepted
            self.app.push_screen(dialog, accepted)

        async def accepted(after: Record | None) -> None:
            if after is not None and not await enter(after):
                ask(after, self._refusal)

        ask(before)

    async def action_duplicate(self) -> None:
        """The pair once more, below itself."""
        if self._here is not None:
            index = self._here[1]
            if await self._do(lambda d: d.duplicate(index), lambda s: f"{_capital(s.name)} (u undoes it)"):
                self.go_to(index + 1)

    async def action_delete(self) -> None:
        """The marked pairs go, else the current one."""
        chosen = self.chosen_pairs()
        if chosen:
            said = "{} (u undoes it)"
            await self._do(
                lambda d: d.remove(chosen), lambda step: said.format(_capital(step.name)), places=len(chosen)
            )

    async def action_edit_outside(self) -> None:
        """Open the pair in the user's own editor."""
        from tui.domain.files import plain_pair
        from tui.domain.files.record_text import has_system
        from tui.services.dataset import editor

        if self._here is None:
            return
        opened, index = self._here
        record = opened.file[index]
        system = has_system(opened.file.layout)
        damaged = isinstance(record, Damaged)
        before = (
            opened.source.document.now.text(index)
            if isinstance(record, Damaged)
            else plain_pair.written(record, with_system=system)
        )
        name = f"pair-{os.getpid()}-{index + 1}.{'json' if damaged else 'txt'}"
        after, problem = before, ""
        try:
            with self.app.suspend():
                # An exception that left this block would leave the terminal to the editor.
                try:
                    after = editor.edited(before, self.services.paths.state / "edit", name, os.environ)
                except AppError as error:
                    problem = error.sentence()
        except SuspendNotSupported:
            problem = "Another program cannot have this terminal; e edits in a dialog"
        if problem:
            self.say(problem, "problem")
            return

        def make(document: Document) -> Step:
            if isinstance(record, Damaged):
                return document.rewrite(index, after)
            return document.edit(index, plain_pair.read(after, record, with_system=system))

        if after == before:
            self.say("Nothing was changed")
        else:
            await self._do(make, lambda step: f"{_capital(step.name)} (u undoes it)")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
