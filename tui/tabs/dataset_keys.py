"""Which keys of a file hold its pairs: chosen where they are unclear, and chosen anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.domain.errors import AppError, Cause
from tui.domain.files.pairs import Columns, Keys, UnclearKeys
from tui.domain.text import safe_line
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.tabs.dataset_base import EditedFile
    from tui.tabs.dataset_files import OpeningTab


class ChoosingKeys(Actions):
    """Asks for the keys of question and answer."""

    tab: OpeningTab

    async def ask(self, path: Path, unclear: UnclearKeys) -> Keys | None:
        """The keys that somebody chooses, one after the other; None when nobody does."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        chosen: list[str] = []
        samples = dict(zip(unclear.candidates, unclear.samples, strict=False))
        for part in ("question", "answer"):
            rest = [Choice(k, safe_line(k, 60), samples.get(k, "")) for k in unclear.candidates if k not in chosen]
            heading = f"{safe_line(path.name, 60)}: which key holds the {part}?"
            key = await self.tab.ask(ChoiceDialog(heading, rest))
            if key is None:
                return None
            chosen.append(key)
        return Keys(chosen[0], chosen[1])

    async def choose(self) -> None:
        """Choose the keys of question and answer anew, and of a table whether its first row names the columns."""
        if self.tab.opened is not None:
            await self.tab.attempt(self._choose(self.tab.opened))

    async def _choose(self, opened: EditedFile) -> None:
        from tui.dialogs.choice import Choice, ChoiceDialog

        if opened.dirty:
            raise AppError(Cause.FILE, f"{opened.name} has unsaved edits", hint="Save it first (w)")
        path, layout = opened.file.path, opened.file.layout
        unclear = await self.services.documents.candidates(opened.source)
        if unclear is None:
            raise AppError(Cause.FILE, f"{opened.name} is {layout}", hint="That format names its keys itself")
        heading: bool | None = None
        if isinstance(layout, Columns):
            rows = [Choice("names", "names the columns"), Choice("pair", "is a pair like the others")]
            title = f"The first row of {opened.name}"
            answer = await self.tab.ask(ChoiceDialog(title, rows, chosen="names" if layout.heading else "pair"))
            if answer is None:
                return
            heading = answer == "names"
            if heading is not layout.heading:
                first = Keys(layout.question, layout.answer, None, heading, layout.dialect)
                unclear = await self.services.documents.candidates(opened.source, first)
        keys = await self.ask(path, unclear) if unclear is not None else None
        if keys is not None and unclear is not None:
            held = opened.source.keys
            keys = replace(keys, heading=heading, dialect=held.dialect if held else None)
            await self.tab.read_again(opened, keys)
            await self.services.file_memory.choose(path, keys, unclear.candidates)
            self.tab.say(f"{opened.name}: {told(keys)}")


def told(keys: Keys) -> str:
    """Keys in words."""
    return f"question is “{safe_line(keys.question, 30)}”, answer “{safe_line(keys.answer, 30)}”"
