"""Leakage between the files of the Dataset tab: shown side by side, with a way to either record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.dialogs.leaks import Entry, Place
    from tui.domain.dataset.grams import Thresholds
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile

_MOST = 10_000
"""Leaks that are listed; the gravest come first."""


class Leaks(Actions):
    """Shows what files of different roles share."""

    tab: DatasetTab

    _thresholds_changed = False

    def show(self) -> None:
        """Show what the open files share; nothing is deleted but by a key there."""
        from tui.dialogs.leaks import LeaksDialog

        if len({f.role for f in self.tab.files}) < 2:
            self.tab.say(
                "Leakage is between files of two roles: open another one (o), R says what a file is for", "problem"
            )
            return

        def closed(place: Place | None) -> None:
            if self._thresholds_changed:
                self._thresholds_changed = False
                self.tab.look_for_leaks()
            at = next((n for n, f in enumerate(self.tab.files) if place and f.file is place.file), None)
            if place is not None and at is not None:
                self.tab.show_record(at, place.index)

        self.tab.app.push_screen(LeaksDialog(self.tab.thresholds, self._entries, self._remove_leak), closed)

    async def _entries(self, thresholds: Thresholds) -> Sequence[Entry] | None:
        """Everything that is alike by these thresholds, the gravest first; they count for the tab from then on."""
        from tui.dialogs.leaks import Entry, Place
        from tui.services.dataset.scrutiny import Side

        if thresholds != self.tab.thresholds:
            self.tab.thresholds, self._thresholds_changed = thresholds, True
        files: Sequence[EditedFile] = tuple(self.tab.files)
        sides = [Side(f.source.document.now, f.role) for f in files]

        def outdated() -> bool:
            return self.tab.thresholds != thresholds

        shared = await self.services.scrutiny.leaks(sides, outdated, thresholds)
        if outdated():
            return None

        def place(file: int, index: int) -> Place:
            return Place(files[file].name, files[file].role, sides[file].file, index)

        def made() -> list[Entry]:
            ranked = sorted(((leak, pair) for pair in shared for leak in pair.leaks), key=lambda found: found[0].rank)
            return [Entry((place(p.one, k.one), place(p.other, k.other)), k) for k, p in ranked[:_MOST]]

        return await self.services.pool.run(made)

    async def _remove_leak(self, place: Place) -> bool:
        """Delete a record that leaks, as one action of its file."""
        opened = next((f for f in self.tab.files if f.source.document.now is place.file), None)
        if opened is None:
            self.tab.say("The file was edited meanwhile; nothing was deleted", "problem")
            return False
        step = await self.services.documents.do(opened.source, lambda document: document.remove([place.index]))
        self.tab.edited(opened, step, f"{step.name.capitalize()} in {opened.name} (u undoes it there)")
        return True
