"""System prompts of the Dataset tab: one for all open files, and those that were set for one file alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile


class SystemPrompts(Actions):
    """Has them written."""

    tab: DatasetTab

    async def write(self) -> None:
        """Write the system prompt that every record gets which has none of its own, in this file or in all."""
        from tui.dialogs.text import TextDialog

        opened = self.tab.opened
        text: str | None = self.tab.system_prompt if opened is None else self.tab.system_of(opened)
        note = "For records without one; empty for none."
        kept_as = "system" if opened is None else f"system {opened.file.path}"
        while (
            text := await self.tab.ask(TextDialog("System prompt", value=text or "", note=note, kept_as=kept_as))
        ) is not None:
            alone = opened is not None and len(self.tab.files) > 1 and await self._for_this_alone(opened)
            if alone is not None:
                await self.tab.attempt(self._set_system(opened if alone else None, text))
                return

    async def _for_this_alone(self, opened: EditedFile) -> bool | None:
        """Whether a system prompt is for the file that is shown, not for all; None when nobody says."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        choices = [
            Choice("every", "Every file", "also those that had one of their own"),
            Choice("this", f"{opened.name} only", "the others keep theirs; it is remembered with the file"),
        ]
        before = "every" if opened.system is None else "this"
        chosen = await self.tab.ask(ChoiceDialog("For which files?", choices, chosen=before))
        return None if chosen is None else chosen == "this"

    async def _set_system(self, only: EditedFile | None, text: str) -> None:
        memory = self.services.file_memory
        if only is None:
            self.tab.system_for_all = text
            own = [f.file.path for f in self.tab.files if f.system is not None]
            self.tab.files[:] = [replace(f, system=None) for f in self.tab.files]
            await memory.set_system(own, None)
            self.tab.say("The system prompt is set", "good")
        else:
            at = next(i for i, f in enumerate(self.tab.files) if f.source is only.source)
            self.tab.files[at] = replace(self.tab.files[at], system=text)
            await memory.set_system([only.file.path], text)
            self.tab.say(f"The system prompt of {only.name} is set", "good")
