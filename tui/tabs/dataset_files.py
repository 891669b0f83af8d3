"""The open files of the Dataset tab: opened, shown one at a time, each with what it is for, and closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from tui.domain.errors import AppError
from tui.domain.files.pairs import Keys, PairFile, Role, UnclearKeys, guess_role
from tui.domain.text import count, safe_line
from tui.tabs.base import working_folder
from tui.tabs.dataset_base import EditedFile
from tui.tabs.dataset_scrutiny import ScrutinyTab

if TYPE_CHECKING:
    from tui.services.dataset.documents import OpenDocument

Begun = Callable[[PairFile, Callable[[], None]], None]


class OpeningTab(ScrutinyTab, part=True):
    """Opens files, and knows which of them is shown."""

    refused: list[AppError]
    """Why files could not be opened that were asked for together."""
    _mistyped = ""
    """A path that was typed last and could not be opened: `o` offers it again."""

    @work(group="opening")
    async def _open_all(self, paths: Sequence[Path]) -> None:
        """Open the files that the app is started for. Of a large one what it begins with is shown before."""
        await self.open_path(paths[0], show=True, begun=self._show_beginning)
        if not self.files:
            self.show_file()
        self.first_shown()
        self._open_rest(paths[1:])

    @work(group="open")
    async def _open_rest(self, paths: Sequence[Path]) -> None:
        await self.painted.wait()
        for path in paths:
            await self.open_path(path, show=False)
        self.offer_recovery()

    def _show_beginning(self, file: PairFile, painted: Callable[[], None]) -> None:
        def seen() -> None:
            painted()
            self.services.pool.submit(self.services.scan_process.begin)

        self.show_beginning(file)
        self.post_message(self.FirstRows(seen))

    @work(group="recover")
    async def offer_recovery(self) -> None:
        """Ask what to do with edits that the last session could not save."""
        await self.painted.wait()
        from tui.tabs.dataset_recovery import Recovering

        await Recovering(self).offer()

    def _refuse(self, error: AppError) -> None:
        """Say what was not opened; of several files that are opened together all in one notice."""
        before = self._told_of_refused()
        self.refused.append(error)
        self.say(self._told_of_refused(), "problem", cures=before)

    def _told_of_refused(self) -> str:
        if len(self.refused) < 2:
            return "".join(error.sentence() for error in self.refused)
        told = "; ".join(error.title for error in self.refused)
        return f"{count(len(self.refused), 'file')} not opened: {told}"

    async def open_path(self, path: Path, *, show: bool, begun: Begun | None = None) -> None:
        """Open a file, or show it where it is open already; why it could not be is told.

        `begun` is told before what a large file begins with, and then calls when that is painted.
        """
        held = await self._held(path)
        if held is not None and (held.dirty or held.file.path != path):
            self.take_in(held, show=True, instead_of=held)
            same = held.file.path == path
            which = held.name if same else f"{safe_line(path.name, 60)} is the same file as {held.name}, which"
            self.say(f"{which} is open{' with unsaved edits' if held.dirty else ''}: here it is")
            return
        try:
            source, said = await self._source(path, held, begun)
        except AppError as error:
            self._refuse(error)
            return
        if source is None:
            self.say(f"{safe_line(path.name, 60)} was not opened")
            return
        opened = EditedFile(source.document.now, held.role if held else guess_role(path), source=source)
        self.take_in(opened, show=show, instead_of=held)
        alone = ["read-only: edits can be saved under another name only"] if source.read_only else []
        alone += [f"open elsewhere too ({source.holder})"] if source.holder else []
        said = [*opened.file.notes, *said, *alone]
        if said:
            self.say(f"{opened.name}: {'; '.join(said)}")
        self.remember_file(opened)

    async def _held(self, path: Path) -> EditedFile | None:
        """The open file that `path` leads to, by whatever name."""
        if not self.files:
            return None
        found = await self.services.documents.same([f.source for f in self.files], path)
        return next((f for f in self.files if f.source is found), None)

    async def _source(
        self, path: Path, held: EditedFile | None, begun: Begun | None
    ) -> tuple[OpenDocument | None, list[str]]:
        """The file opened, and what to say of the keys; None when nobody would choose them. Raises AppError."""
        documents = self.services.documents
        instead_of = held.source if held else None
        try:
            keys = held.source.keys if held else None
            return await documents.open(path, keys, instead_of=instead_of, begun=begun), []
        except AppError as error:
            from tui.tabs.dataset_keys import ChoosingKeys, told

            memory = self.services.file_memory
            keys = await memory.keys(path)
            if keys is not None and keys.dialect is not None:  # its own rows mislead since they were edited here
                with suppress(AppError):
                    return await documents.open(path, keys, instead_of=instead_of), []
            if not isinstance(error, UnclearKeys):
                raise
            unclear = error
            keys = keys or await memory.keys(path, unclear.candidates)
            if keys is not None and {keys.question, keys.answer} <= set(unclear.candidates):
                said = f"{told(keys)}, as last time (K chooses others)"
                return await documents.open(path, keys, instead_of=instead_of), [said]
            self.first_shown()
            keys = await ChoosingKeys(self).ask(path, unclear)
            if keys is None:
                return None, []
            source = await documents.open(path, keys, instead_of=instead_of)
            await self.attempt(memory.choose(path, keys, unclear.candidates))
            return source, []

    def remember_file(self, opened: EditedFile) -> None:
        """Once it is shown: what was chosen for it before counts, and it is among the recent files."""
        self.run_worker(self.attempt(self._recall(opened.source)), group="remember")

    async def _recall(self, source: OpenDocument) -> None:
        await self.painted.wait()
        memory, path = self.services.file_memory, source.path
        role, keys, system = await memory.role(path), await memory.keys(path), await memory.system(path)
        at = next((i for i, f in enumerate(self.files) if f.source is source), None)
        if at is None:
            return
        opened = self.files[at]
        if role is not None and role is not opened.role:
            self.files[at] = opened = replace(opened, role=role, problems=None)
            self._show_again(at)
        if system is not None and opened.system is None:
            self.files[at] = opened = replace(opened, system=system)
        await memory.opened(path, opened.role)
        if keys is None and source.keys is not None:
            await memory.choose(path, source.keys)
        layout = opened.file.layout
        if keys is not None and isinstance(layout, Keys) and not opened.dirty and not layout.agrees(keys):
            await self.read_again(opened, keys)

    def _show_again(self, at: int) -> None:
        if at == self.current:
            self.show_file()
        self.check(at)

    async def read_again(self, opened: EditedFile, keys: Keys) -> None:
        """Read a file that has no unsaved edits anew, with other keys. Raises AppError."""
        source = await self.services.documents.open(opened.file.path, keys, instead_of=opened.source)
        self.take_in(EditedFile(source.document.now, opened.role, source=source), show=False, instead_of=opened)

    def take_in(self, opened: EditedFile, *, show: bool, instead_of: EditedFile | None = None) -> None:
        """Put a file among the open ones, or in the place of one."""
        at = next((i for i, f in enumerate(self.files) if instead_of and f.source is instead_of.source), None)
        if instead_of is not None and opened.system is None:
            opened = replace(opened, system=instead_of.system)
        if at is None:
            self.files.append(opened)
            at = len(self.files) - 1
        else:
            self.files[at] = opened
        if show or len(self.files) == 1:
            self.current = at
            self.show_all()
        if at == self.current:
            self.show_file()
        else:
            self.show_line()
        self.check(at)

    async def close_file(self, source: OpenDocument) -> bool:
        """Give a file up, with what can be undone of it, and show the one behind it; False when it is closed
        already."""
        at = next((i for i, f in enumerate(self.files) if f.source is source), None)
        if at is None:
            return False
        shown = at == self.current
        del self.files[at]
        if at < self.current or self.current == len(self.files):
            self.current = max(0, self.current - 1)
        if shown:
            self.show_all()
        self.show_file(keep_cursor=not shown)
        self.look_for_leaks()
        await self.services.documents.close(source)
        return True

    def show_record(self, at: int, index: int) -> None:
        """Show a record of one of the open files."""
        if at >= len(self.files):
            return  # closed meanwhile
        if at != self.current:
            self.current = at
            self.show_all()
            self.show_file(keep_cursor=False)
        self.go_to(index)

    def action_close_file(self) -> None:
        """Close the file that is shown; asks first when edits would be gone."""
        from tui.dialogs.confirm import ConfirmDialog

        opened = self.opened
        if opened is None:
            self.say("No file is open")
            return
        if not opened.dirty:
            self._close(opened.source)
            return

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._close(opened.source)

        body = "Its unsaved edits are gone then. To keep them: esc, then w."
        self.app.push_screen(ConfirmDialog(f"Close {opened.name} without saving?", body, yes="Close it"), answered)

    @work(group="open")
    async def _close(self, source: OpenDocument) -> None:
        if await self.close_file(source):
            self.say(f"{source.name} is closed (o opens it again)")

    def action_open_file(self) -> None:
        """Choose a file and open it. Pushed at once: keys typed ahead must not act on the list."""
        from tui.dialogs.open_file import OpenFileDialog

        opened, memory = self.opened, self.services.file_memory
        folder = self._mistyped or (f"{opened.file.path.parent}/" if opened else working_folder())
        note = "JSON list, JSONL, CSV or TSV, whatever the keys are called"
        dialog = OpenFileDialog(
            "Open a file of pairs", value=folder, note=note, folder=memory.folder, recent=memory.recent
        )
        self.app.push_screen(dialog, self._open_typed)

    def _open_typed(self, path: str | None) -> None:
        from tui.domain.folders import typed_path

        if path:
            self._open_chosen(typed_path(path))

    @work(group="open")
    async def _open_chosen(self, path: Path) -> None:
        await self.open_path(path, show=True)
        self._mistyped = str(path) if self.refused else ""
        self.refused.clear()

    def action_next_file(self) -> None:
        """Show the next open file."""
        if self.files:
            self.current = (self.current + 1) % len(self.files)
            self.say("")  # what was said was said of the other file
            self.show_all()
            self.show_file(keep_cursor=False)

    def action_role(self) -> None:
        """Give the file the next role: train, validation, eval."""
        if self.opened:
            roles = list(Role)
            role = roles[(roles.index(self.opened.role) + 1) % len(roles)]
            self.files[self.current] = replace(self.opened, role=role, problems=None)
            self.show_file()
            self.check(self.current)
            self.say(f"{self.opened.name} is {_PURPOSE[role]} data now; R goes on to the next")
            self._remember_role(self.files[self.current])

    @work(group="remember")
    async def _remember_role(self, opened: EditedFile) -> None:
        await self.attempt(self.services.file_memory.opened(opened.file.path, opened.role))


_PURPOSE = {Role.TRAIN: "training", Role.VALIDATION: "validation", Role.EVAL: "evaluation"}
