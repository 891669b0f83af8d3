"""Pairs of the Dataset tab: written, edited, duplicated and deleted, one by one."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from tui.domain.errors import AppError
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.dialogs.pair import PairDialog
    from tui.domain.files.document import Document, Step
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile


class Pairs(Actions):
    """Edits pairs; each edit is one action that can be undone."""

    tab: DatasetTab

    _typing: tuple[PairDialog, Callable[[Record | None], Awaitable[None]]] | None = None
    """The dialog that was opened last to write a pair, and what takes its answer."""

    async def keep_typed(self) -> None:
        """What stands in an open dialog becomes an edit: who typed it cannot accept it any more."""
        if self._typing is not None and self._typing[0].changed:
            dialog, accepted = self._typing
            await accepted(dialog.written)
            if self._typing[0] is dialog:  # else it was refused, and stands there again
                dialog.let_go()

    # The dialogs are pushed at once, not by a worker: keys typed ahead must not act on the list meanwhile.

    def edit(self) -> None:
        """Edit the pair in a dialog."""
        if self.tab.here is None:
            return
        opened, index = self.tab.here
        record = opened.file[index]
        if isinstance(record, Damaged):
            self.tab.say("It cannot be read as a pair; E opens its text in your editor", "problem")
            return

        async def enter(after: Record) -> bool:
            return await self.tab.do(
                lambda d: d.edit(index, after), lambda step: f"{_capital(step.name)} (u undoes it)"
            )

        self._ask_pair(opened, f"Pair {index + 1} of {opened.name}", f"pair {opened.file.path}", record, enter)

    def add(self) -> None:
        """Write a new pair below the current one."""
        opened = self.tab.opened
        if opened is None:
            self.tab.say("Open a file first (o)", "problem")
            return
        at = self.tab.here[1] + 1 if self.tab.here else len(opened.file)
        blank = Record.of("", "")

        async def enter(record: Record) -> bool:
            if record == blank:
                return True
            added = await self.tab.do(lambda d: d.add(at, record), lambda _: f"Pair {at + 1} added (u undoes it)")
            if added:
                self.tab.go_to(at)
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
                self.tab.model,
                with_system=system,
                before=before,
                turns=turns,
                problem=problem,
                kept_as=kept_as,
            )
            self._typing = dialog, accepted
            self.tab.app.push_screen(dialog, accepted)

        async def accepted(after: Record | None) -> None:
            if after is not None and not await enter(after):
                ask(after, self.tab.refusal)

        ask(before)

    async def duplicate(self) -> None:
        """The pair once more, below itself."""
        if self.tab.here is not None:
            index = self.tab.here[1]
            if await self.tab.do(lambda d: d.duplicate(index), lambda s: f"{_capital(s.name)} (u undoes it)"):
                self.tab.go_to(index + 1)

    async def delete(self) -> None:
        """The marked pairs go, else the current one."""
        chosen = self.tab.chosen_pairs()
        if chosen:
            said = "{} (u undoes it)"
            await self.tab.do(
                lambda d: d.remove(chosen), lambda step: said.format(_capital(step.name)), places=len(chosen)
            )

    async def edit_outside(self) -> None:
        """Open the pair in the user's own editor."""
        from tui.domain.files import plain_pair
        from tui.domain.files.record_text import has_system
        from tui.services.dataset import editor

        if self.tab.here is None:
            return
        opened, index = self.tab.here
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
            with self.tab.app.suspend():
                # An exception that left this block would leave the terminal to the editor.
                try:
                    after = editor.edited(before, self.services.paths.state / "edit", name, os.environ)
                except AppError as error:
                    problem = error.sentence()
        except SuspendNotSupported:
            problem = "Another program cannot have this terminal; e edits in a dialog"
        if problem:
            self.tab.say(problem, "problem")
            return

        def make(document: Document) -> Step:
            if isinstance(record, Damaged):
                return document.rewrite(index, after)
            return document.edit(index, plain_pair.read(after, record, with_system=system))

        if after == before:
            self.tab.say("Nothing was changed")
        else:
            await self.tab.do(make, lambda step: f"{_capital(step.name)} (u undoes it)")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
