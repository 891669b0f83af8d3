"""Dataset: open files of pairs, look at them, edit, check, convert and upload them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from tui.domain.errors import AppError
from tui.domain.identity import Identity
from tui.services.session import Services
from tui.tabs.dataset_base import EditedFile
from tui.tabs.dataset_editing import EditingTab
from tui.tabs.dataset_list import NO_FILE
from tui.widgets.pair_rows import PAIR_COLUMNS, PairRows
from tui.widgets.progress import ProgressLine
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.tabs.dataset_convert import Converting
    from tui.tabs.dataset_fixes import Fixing
    from tui.tabs.dataset_generate import Generating
    from tui.tabs.dataset_leaks import Leaks
    from tui.tabs.dataset_pairs import Pairs
    from tui.tabs.dataset_replace import Replacing
    from tui.tabs.dataset_saving import Saving
    from tui.tabs.dataset_shape import Shaping
    from tui.tabs.dataset_sharing import Sharing
    from tui.tabs.dataset_upload import Uploading

LOOK_EVERY = 3.0
"""Seconds between two looks at the open files on disk."""


class DatasetTab(EditingTab):
    """Files of pairs.

    What the first frame needs is below this class, and each of these knows those before it only: `DatasetBase` (the
    open files), `ListingTab` (the list), `CheckingTab` and `ScrutinyTab` (what is wrong), `OpeningTab` (opening and
    closing), `EditingTab` (steps done and undone). What else a key sets off is in `Actions` of its own, imported with
    the first such key; here stand the keys and where they lead.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "edit", id="dataset.edit", tooltip="Edit the pair"),
        Binding("E", "edit_outside", "Edit in $VISUAL or $EDITOR", show=False, id="dataset.edit_outside"),
        Binding("a", "add", "Add a pair", show=False, id="dataset.add"),
        Binding("D", "duplicate", "Duplicate the pair", show=False, id="dataset.duplicate"),
        Binding("d", "delete", "Delete the pair, or the marked ones", show=False, id="dataset.delete"),
        Binding("u", "undo", "Undo", show=False, id="dataset.undo"),
        Binding("U", "redo", "Redo", show=False, id="dataset.redo"),
        Binding("w", "save", "Save the file", show=False, id="dataset.save"),
        Binding("ctrl+s", "save", "Save the file", show=False, key_display="ctrl+s", id="dataset.save_too"),
        Binding("S", "sort", "Sort the list", show=False, id="dataset.sort"),
        Binding("asterisk", "mark_all", "Mark all shown", show=False, key_display="*", id="dataset.mark_all"),
        Binding("n", "hit(1)", "Next hit of the filter", show=False, id="dataset.next_hit"),
        Binding("N", "hit(-1)", "Previous hit of the filter", show=False, id="dataset.last_hit"),
        Binding("ctrl+r", "replace", "Replace in many pairs", show=False, key_display="ctrl+r", id="dataset.replace"),
        Binding("F", "fix", "Fix what can be fixed here", show=False, id="dataset.fix"),
        Binding("L", "leaks", "Leakage between the open files", show=False, id="dataset.leaks"),
        Binding("Q", "close_file", "Close the file", show=False, id="dataset.close"),
        Binding("i", "statistics", "Statistics", show=False, id="dataset.statistics"),
        Binding("P", "split", "Split into train, validation and eval", show=False, id="dataset.split"),
        Binding("K", "keys", "Choose the keys of question and answer", show=False, id="dataset.keys"),
        Binding("m", "move", "Move or copy pairs to another file", show=False, id="dataset.move"),
        Binding("t", "ask_pair", "Ask this question in Chat", show=False, id="dataset.ask"),
        Binding("ctrl+g", "generate", "Write pairs from a document", show=False, id="dataset.generate"),
        Binding("o", "open_file", "open", id="dataset.open", tooltip="Open a file of pairs"),
        Binding("p", "upload", "upload", id="dataset.upload", tooltip="Upload to S3, converted for the base model"),
        Binding("slash", "filter", "filter", key_display="/", id="dataset.filter", tooltip="Filter: words, q:, is: …"),
        Binding("b", "base_model", "base model", id="dataset.base_model", tooltip="Choose the base model"),
        Binding("c", "problems", "problems", id="dataset.problems", tooltip="List the problems, with fixes"),
        Binding("f", "next_file", "next file", id="dataset.next_file", tooltip="Show the next open file"),
        Binding("s", "system_prompt", "system", id="dataset.system", tooltip="System prompt, for this file or for all"),
        Binding("x", "convert", "convert", id="dataset.convert", tooltip="Convert or export to a file"),
        Binding("R", "role", "What the file is for", show=False, id="dataset.role"),
        Binding("right_square_bracket", "problem(1)", "Next problem", show=False, key_display="]", id="dataset.next"),
        Binding("left_square_bracket", "problem(-1)", "Last problem", show=False, key_display="[", id="dataset.last"),
        Binding("y", "copy", "Copy the answer", show=False, id="dataset.copy"),
        Binding("escape", "escape", "Clear the filter", show=False, id="dataset.escape"),
    ]

    def __init__(
        self, services: Services, files: Sequence[Path] = (), *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(services, id=id, classes=classes)
        self._to_open = tuple(files)
        self._told: Sequence[tuple[Any, ...]] = ()
        self._offered = ""
        self.files: list[EditedFile] = []
        self.current = 0
        self.rows: PairRows | None = None
        self.refused: list[AppError] = []

    def compose(self) -> ComposeResult:
        yield Line(id="file-line")
        with Container(id="split"):
            yield VirtualTable(PAIR_COLUMNS, id="pairs", empty=NO_FILE)
            yield TextPane(id="preview")
        yield ProgressLine(id="upload-line")

    def on_mount(self) -> None:
        self.focus_first()
        self.set_interval(LOOK_EVERY, self._look)
        self.watch(self.app, "app_focus", self._back, init=False)
        if self._to_open:
            self._open_all(self._to_open)
        else:
            self.show_file()
            self.first_shown()
            self.offer_recovery()

    def reasons_to_stay(self) -> list[str]:
        """An upload under way would be broken off, and edits are not saved."""
        reasons = ["An upload is under way; quitting breaks it off."] if self.uploading.under_way else []
        if self.generating.under_way:
            reasons.append("Pairs are being written; quitting drops the answer under way. What came is kept.")
        names = [opened.name for opened in self.files if opened.dirty]
        if names:
            reasons.append(f"Not saved: {', '.join(names)} (w saves). The next start offers the edits again.")
        return reasons

    async def keep_typed(self) -> None:
        await self.pairs.keep_typed()

    # What the others are told

    def show_file(self, *, keep_cursor: bool = True) -> None:
        super().show_file(keep_cursor=keep_cursor)
        self._tell_files()

    def check(self, at: int, *, edited: bool = False) -> None:
        super().check(at, edited=edited)
        self._tell_files()

    def _tell_files(self) -> None:
        """Let the others know what is open now, if that has changed."""
        told = [(f.file, f.file.path, f.role) for f in self.files]
        if told != self._told:
            self._told = told
            self.post_message(self.FilesChanged(self.shared_files))

    # What happens elsewhere

    def _back(self, focused: bool) -> None:
        """The terminal has the keys again, and another program may have had the files."""
        if focused:
            self._look()

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        await self.saving.look()

    def watch_identity(self, identity: Identity) -> None:
        """Whose pairs may wait is known now: say what an earlier session left."""
        if identity.known and self.place != self._offered:
            self._offered = self.place
            self.tell_waiting()

    @work(group="review")
    async def tell_waiting(self) -> None:
        """Say what written pairs wait for a review."""
        await self.generating.tell_waiting()

    # Where the keys lead

    @cached_property
    def pairs(self) -> Pairs:
        """Pairs written and edited one by one."""
        from tui.tabs.dataset_pairs import Pairs

        return Pairs(self)

    def action_edit(self) -> None:
        """Edit the pair in a dialog."""
        self.pairs.edit()

    def action_add(self) -> None:
        """Write a new pair below the current one."""
        self.pairs.add()

    async def action_edit_outside(self) -> None:
        """Open the pair in the user's own editor."""
        await self.pairs.edit_outside()

    async def action_duplicate(self) -> None:
        """The pair once more, below itself."""
        await self.pairs.duplicate()

    async def action_delete(self) -> None:
        """The marked pairs go, else the current one."""
        await self.pairs.delete()

    @cached_property
    def replacing(self) -> Replacing:
        """Text replaced in many pairs."""
        from tui.tabs.dataset_replace import Replacing

        return Replacing(self)

    def action_replace(self) -> None:
        """Replace in many pairs."""
        self.replacing.replace()

    def action_move(self) -> None:
        """Move or copy pairs to another file."""
        from tui.tabs.dataset_moving import Moving

        Moving(self).move()

    @cached_property
    def saving(self) -> Saving:
        """Files written, and what other programs do to them."""
        from tui.tabs.dataset_saving import Saving

        return Saving(self)

    @work(group="save")
    async def action_save(self) -> None:
        """Write the file."""
        await self.saving.save()

    @work(group="ask")
    async def action_keys(self) -> None:
        """Choose the keys of question and answer anew."""
        from tui.tabs.dataset_keys import ChoosingKeys

        await ChoosingKeys(self).choose()

    @cached_property
    def fixing(self) -> Fixing:
        """Problems listed and mended."""
        from tui.tabs.dataset_fixes import Fixing

        return Fixing(self)

    def action_problems(self) -> None:
        """List what is wrong."""
        self.fixing.problems()

    async def action_fix(self) -> None:
        """Mend the record under the cursor as far as that is safe."""
        await self.fixing.fix_here()

    @cached_property
    def leaks(self) -> Leaks:
        """What files share that must not share anything."""
        from tui.tabs.dataset_leaks import Leaks

        return Leaks(self)

    def action_leaks(self) -> None:
        """Show what the open files share."""
        self.leaks.show()

    @cached_property
    def shaping(self) -> Shaping:
        """Statistics and splits."""
        from tui.tabs.dataset_shape import Shaping

        return Shaping(self)

    def action_statistics(self) -> None:
        """Show what the open files are made of."""
        self.shaping.statistics()

    def action_split(self) -> None:
        """Divide the marked pairs, else the whole file, into new files."""
        self.shaping.split()

    @cached_property
    def converting(self) -> Converting:
        """The base model, and files in its format."""
        from tui.tabs.dataset_convert import Converting

        return Converting(self)

    @work(group="ask")
    async def action_base_model(self) -> None:
        """Choose the base model that files are checked and converted for."""
        await self.converting.choose_base_model()

    def action_convert(self) -> None:
        """Write the file in the base model's format, or for other programs."""
        self.converting.convert()

    @work(group="ask")
    async def action_system_prompt(self) -> None:
        """Write the system prompt that every record gets which has none of its own."""
        from tui.tabs.dataset_system import SystemPrompts

        await SystemPrompts(self).write()

    @cached_property
    def uploading(self) -> Uploading:
        """Files put into S3."""
        from tui.tabs.dataset_upload import Uploading

        return Uploading(self)

    def action_upload(self) -> None:
        """Convert the training and validation files and put them into S3."""
        self.uploading.upload()

    @cached_property
    def sharing(self) -> Sharing:
        """Questions and pairs between the tabs."""
        from tui.tabs.dataset_sharing import Sharing

        return Sharing(self)

    def action_ask_pair(self) -> None:
        """Ask both sides of Chat the question under the cursor."""
        self.sharing.ask_in_chat()

    @cached_property
    def generating(self) -> Generating:
        """Pairs written from a document by a larger model."""
        from tui.tabs.dataset_generate import Generating

        return Generating(self)

    @work(group="ask")
    async def action_generate(self) -> None:
        """Look at pairs that wait, or have new ones written."""
        await self.generating.generate()

    def action_escape(self) -> None:
        """Stop what is being written, or the upload under way, else clear the filter."""
        if not (self.generating.stop() or self.uploading.stop()):
            self.show_unfiltered()
