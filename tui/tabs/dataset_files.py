"""The open files of the Dataset tab: opened, shown one at a time, each with what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from textual import work

from tui.domain.errors import AppError
from tui.domain.pairs import Keys, Role, UnclearKeys, guess_role
from tui.domain.text import safe_line
from tui.tabs.base import working_folder
from tui.tabs.dataset_shape import ShapingTab
from tui.tabs.editing import EditedFile, typed_path


class OpeningTab(ShapingTab):
    """Opens files, and knows which of them is shown."""

    _refused: list[str]
    """What was said of files that could not be opened."""

    @work(group="open")
    async def _open_all(self, paths: Sequence[Path]) -> None:
        for number, path in enumerate(paths):
            await self._open(path, show=number == 0)
            if number == 0:
                self.post_message(self.FirstShown())
        if len(self._refused) > 1:
            self.say(" ".join(self._refused), "problem")
        self.offer_recovery()

    async def _open(self, path: Path, *, show: bool) -> None:
        keys: Keys | None = None
        held = next((f for f in self.files if f.file.path == path), None)
        if held is not None and held.dirty:
            self.take_in(held, show=True, instead_of=held)
            self.say(f"{held.name} is open with unsaved edits: here they are")
            return
        while True:
            try:
                source = await self.services.documents.open(path, keys, instead_of=held.source if held else None)
                break
            except UnclearKeys as unclear:
                keys = await self._ask_keys(path, unclear.candidates)
                if keys is None:
                    self.say(f"{path.name} was not opened")
                    return
            except AppError as error:
                self._refused.append(error.sentence())
                self.say(error.sentence(), "problem")
                return
        opened = EditedFile(source.document.now, held.role if held else guess_role(path), source=source)
        self.take_in(opened, show=show, instead_of=held)
        said = [*opened.file.notes, *([f"open elsewhere too ({source.holder})"] if source.holder else [])]
        if said:
            self.say(f"{opened.name}: {'; '.join(said)}")

    def take_in(self, opened: EditedFile, *, show: bool, instead_of: EditedFile | None = None) -> None:
        """Put a file among the open ones, or in the place of one."""
        at = next((i for i, f in enumerate(self.files) if instead_of and f.source is instead_of.source), None)
        if at is None:
            self.files.append(opened)
            at = len(self.files) - 1
        else:
            self.files[at] = opened
        if show or len(self.files) == 1:
            self.current = at
            self._found = None
        if at == self.current:
            self.show_file()
        else:
            self._show_line()
        self.check(at)

    async def _ask_keys(self, path: Path, candidates: tuple[str, ...]) -> Keys | None:
        from tui.dialogs.choice import Choice, ChoiceDialog

        chosen: list[str] = []
        for part in ("question", "answer"):
            rest = [Choice(key, safe_line(key, 60)) for key in candidates if key not in chosen]
            heading = f"{safe_line(path.name, 60)}: which key holds the {part}?"
            key = await self.ask(ChoiceDialog(heading, rest))
            if key is None:
                return None
            chosen.append(key)
        return Keys(chosen[0], chosen[1])

    @work(group="ask")
    async def action_open_file(self) -> None:
        """Ask for a path and open the file."""
        from tui.dialogs.text import LineDialog

        opened = self.opened
        folder = f"{opened.file.path.parent}/" if opened else working_folder()
        path = await self.ask(
            LineDialog("Open a file of pairs", value=folder, note="JSON list or JSONL, whatever the keys are called")
        )
        if path:
            await self._open(typed_path(path), show=True)

    def action_next_file(self) -> None:
        """Show the next open file."""
        if self.files:
            self.current = (self.current + 1) % len(self.files)
            self._found = None
            self._clear_filter()
            self.show_file(keep_cursor=False)

    def action_role(self) -> None:
        """Give the file the next role: train, validation, eval."""
        if self.opened:
            roles = list(Role)
            role = roles[(roles.index(self.opened.role) + 1) % len(roles)]
            self.files[self.current] = replace(self.opened, role=role, problems=None)
            self.show_file()
            self.check(self.current)
