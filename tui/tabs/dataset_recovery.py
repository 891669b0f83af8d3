"""Edits that the last session could not save, offered again."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tui.domain.errors import AppError, Cause
from tui.domain.files.pairs import guess_role
from tui.domain.text import count, safe_line
from tui.tabs.base import Actions
from tui.tabs.dataset_base import EditedFile

if TYPE_CHECKING:
    from tui.services.dataset.journal import Left
    from tui.tabs.dataset_files import OpeningTab


class Recovering(Actions):
    """Asks what to do with them."""

    tab: OpeningTab

    async def offer(self) -> None:
        """Ask about each file that has such edits."""
        for left in await self.services.documents.left_behind():
            await self.tab.attempt(self._offer(left))

    async def _offer(self, left: Left) -> None:
        from tui.dialogs.choice import Choice, ChoiceDialog

        name = safe_line(left.file.name, 60)
        when = f"{datetime.fromtimestamp(left.modified):%Y-%m-%d %H:%M}"
        choices = [
            Choice("recover", "Recover", "open the file with them; nothing is saved yet"),
            Choice("later", "Later", "ask again at the next start"),
            Choice("discard", "Discard", "they are gone"),
        ]
        last = "; ".join(safe_line(name, 60) for name in left.last_names(3))
        note = f"{count(left.actions, 'action')}, the last one at {when}: {last}.\n{safe_line(str(left.file), 200)}"
        dialog = ChoiceDialog(f"Unsaved edits of {name} were found", choices, note=note)
        chosen = await self.tab.ask(dialog)
        if chosen == "recover":
            await self._recover(left)
        elif chosen == "discard":
            await self.services.documents.discard(left)
            self.tab.say(f"The unsaved edits of {name} are gone")
        else:
            left.let_go()
            self.tab.say(f"The unsaved edits of {name} are kept; the next start asks again")

    async def _recover(self, left: Left) -> None:
        documents = self.services.documents
        held = next((f for f in self.tab.files if _same_file(f.file.path, left.file)), None)
        if held is not None and held.dirty:
            left.let_go()
            raise AppError(Cause.CONFLICT, f"{held.name} has newer unsaved edits", hint="The older ones are kept")
        if held is not None:
            await documents.close(held.source)
        try:
            recovered = await documents.recover(left)
        except AppError:
            left.let_go()
            raise
        source = recovered.opened
        role = held.role if held is not None else guess_role(left.file)
        opened = EditedFile(source.document.now, role, source=source)
        self.tab.take_in(opened, show=True, instead_of=None if recovered.apart else held)
        self.tab.remember_file(opened)
        edits = count(recovered.actions, "action")
        changed = f"the file was changed since, so they are in {opened.name}, unsaved" if recovered.apart else "w saves"
        self.tab.say(f"Recovered {edits} on {safe_line(left.file.name, 60)}; {changed}", "good")


def _same_file(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
