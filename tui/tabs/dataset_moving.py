"""Pairs that go from one open file to another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.domain.errors import AppError
from tui.domain.files.formats import FormatError
from tui.domain.files.pairs import guess_role
from tui.domain.text import count
from tui.tabs.base import Actions
from tui.tabs.dataset_base import EditedFile

if TYPE_CHECKING:
    from tui.tabs.dataset import DatasetTab


class Moving(Actions):
    """Moves and copies the marked pairs, else the current one."""

    tab: DatasetTab

    def move(self) -> None:
        """Choose the file that the pairs go to. Pushed at once: keys typed ahead must not act on the list."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        opened, chosen = self.tab.opened, self.tab.chosen_pairs()
        if opened is None or not chosen:
            return
        one = len(chosen) == 1
        what = f"pair {chosen[0] + 1:,}" if one else count(len(chosen), "marked pair")
        others = [(str(n), f) for n, f in enumerate(self.tab.files) if f.source is not opened.source]
        choices = [
            Choice(f"move {n}", f"Move to {f.name}", f"{f.role}, {count(len(f.file), 'pair')}") for n, f in others
        ]
        choices.append(Choice("move new", "Move to a new file …"))
        stay = "it stays" if one else "they stay"
        choices += [Choice(f"copy {n}", f"Copy to {f.name}", f"{f.role}; {stay} here too") for n, f in others]
        choices.append(Choice("copy new", "Copy to a new file …", f"{stay} here too"))
        files = list(self.tab.files)

        def answered(answer: str | None) -> None:
            if answer is not None:
                verb, _, where = answer.partition(" ")
                target = None if where == "new" else files[int(where)]
                self.tab.run_worker(self._carry(opened, chosen, target, keep=verb == "copy"), group="move")

        note = f"{'It goes' if one else 'They go'} to the end of the other file; u in each file takes its half back."
        heading = f"Move or copy {what} of {opened.name}"
        self.tab.app.push_screen(ChoiceDialog(heading, choices, note=note), answered)

    async def _carry(self, opened: EditedFile, chosen: Sequence[int], target: EditedFile | None, *, keep: bool) -> None:
        try:
            if target is None:
                await self._carry_to_new(opened, chosen, keep=keep)
            else:
                await self._carry_to(opened, chosen, target, keep=keep)
        except (AppError, FormatError) as error:
            self.tab.say(
                error.sentence() if isinstance(error, AppError) else f"That cannot be done: {error}", "problem"
            )

    async def _carry_to(self, opened: EditedFile, chosen: Sequence[int], target: EditedFile, *, keep: bool) -> None:
        done = await self.services.documents.carry(opened.source, chosen, target.source, keep=keep)
        left = f"; left out: {', '.join(done.left_out[:5])}" if done.left_out else ""
        said = f"{count(len(chosen), 'pair')} {'copied' if keep else 'moved'} to the end of {target.name}{left}"
        self.tab.edited(target, done.arrived, "")
        if done.gone is not None:
            self.tab.edited(opened, done.gone, "")
        self.tab.say(f"{said} (u undoes it, in each file)", "problem" if left else "")

    async def _carry_to_new(self, opened: EditedFile, chosen: Sequence[int], *, keep: bool) -> None:
        from tui.dialogs.text import PathDialog
        from tui.domain.folders import typed_path

        path, problem = await self._free_name(opened.file.path), ""
        while True:
            note = problem or "It is written at once, in the manner of this one."
            typed = await self.tab.ask(
                PathDialog(f"New file for {count(len(chosen), 'pair')}", value=str(path), note=note)
            )
            if not typed:
                return
            path = typed_path(typed)
            try:
                made, gone = await self.services.documents.carry_to_new(opened.source, chosen, path, keep=keep)
                break
            except AppError as error:
                problem = error.sentence()
        self.tab.take_in(EditedFile(made.document.now, guess_role(path), source=made), show=False)
        self.tab.remember_file(self.tab.files[-1])
        if gone is not None:
            self.tab.edited(opened, gone, "")
        self.tab.say(
            f"{count(len(chosen), 'pair')} {'copied' if keep else 'moved'} to {made.name}, which is open now (f)"
        )

    async def _free_name(self, path: Path) -> Path:
        """A name beside `path` that is not taken."""

        def look() -> Path:
            number = 2
            while os.path.lexists(path.with_name(f"{path.stem}-{number}{path.suffix}")):
                number += 1
            return path.with_name(f"{path.stem}-{number}{path.suffix}")

        return await self.services.pool.run(look)
