"""The list of pairs in the Dataset tab: what it shows, where its cursor is, and the words that narrow it."""

from __future__ import annotations

import asyncio

from textual import on, work
from textual.content import Content

from tui.domain.formats import Record
from tui.domain.text import count, safe
from tui.tabs.editing import EditingTab
from tui.widgets.filter_line import FilterLine
from tui.widgets.pair_rows import PairRows, record_text
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

_SEARCH_DELAY = 0.03
NO_FILE = "No file is open. Press o to open one."


class ListingTab(EditingTab):
    """Shows the current file as a list with a preview."""

    _search_number: int

    def focus_first(self) -> None:
        """The list has the keys."""
        self.screen.set_focus(self.query_one("#pairs", VirtualTable))

    def stop_upload(self) -> bool:
        """Break off the upload under way; False when there is none."""
        return False

    # Showing

    def show_file(self, *, keep_cursor: bool = True) -> None:
        opened = self.opened
        table = self.query_one("#pairs", VirtualTable)
        if opened is None:
            self.query_one("#file-line", Line).put(Content(f" base model {self.model.name}"))
            return
        self._rows = PairRows(opened, self._found)
        table.set_empty("Nothing holds these words; esc clears them." if self._found is not None else NO_FILE)
        table.show(self._rows, keep_cursor=keep_cursor)
        self._show_line()
        self._show_preview(table.cursor)

    def _show_line(self) -> None:
        opened = self.opened
        if opened is None:
            return
        shown = (
            count(len(opened.file), "pair") if self._found is None else f"{len(self._found):,} of {len(opened.file):,}"
        )
        unsaved = "● unsaved  " if opened.dirty else ""
        alone = "▲ no recovery  " if opened.source.unguarded else ""
        alone += "▲ open elsewhere  " if opened.source.holder else ""
        several = f" ({self.current + 1}/{len(self.files)})" if len(self.files) > 1 else ""
        if opened.problems is None:
            state, colour = "checking …", "$foreground-muted"
        elif opened.problems:
            state, colour = f"▲ {opened.findings.summary}", "$text-warning"
        else:
            state, colour = "✓ clean", "$text-success"
        self.query_one("#file-line", Line).put(
            Content.assemble(
                " ",
                (opened.name, "bold"),
                (f"{several}  {opened.role.upper()}  {shown}  ", "$foreground-muted"),
                (unsaved + alone, "$text-warning"),
                (state, colour),
                (f"  for {self.model.name}", "$foreground-muted"),
            )
        )

    @on(VirtualTable.CursorMoved, "#pairs")
    def _cursor_moved(self, message: VirtualTable.CursorMoved) -> None:
        self._show_preview(message.index)

    def _show_preview(self, row: int) -> None:
        opened, preview = self.opened, self.query_one(TextPane)
        if opened is None or self._rows is None or not 0 <= row < len(self._rows):
            preview.put(Content(""))
            return
        index = self._rows.index(row)
        preview.put(record_text(opened.file[index], opened.findings.of(index)))

    def go_to(self, index: int) -> None:
        if self._rows is not None and self._rows.row(index) is None:
            self._clear_filter()
            self._found = None
            self.show_file()
        row = self._rows.row(index) if self._rows is not None else None
        if row is not None:
            self.query_one("#pairs", VirtualTable).move_to(row)

    # Filter

    async def action_filter(self) -> None:
        """Type words to look for."""
        if not self.query(FilterLine):
            await self.mount(FilterLine(), after=self.query_one("#file-line"))
        self.add_class("-filtering")
        self.query_one(FilterLine).focus()

    @on(FilterLine.Changed)
    def _filter_typed(self, event: FilterLine.Changed) -> None:
        self._search(event.words)

    @on(FilterLine.Done)
    def _filter_done(self) -> None:
        self.focus_first()

    @work(group="search", exclusive=True)
    async def _search(self, words: str) -> None:
        await asyncio.sleep(_SEARCH_DELAY)
        opened = self.opened
        if opened is None:
            return
        self._search_number += 1
        number = self._search_number
        found = await self.services.datasets.search(opened.file, words) if words.strip() else None
        if number == self._search_number and self.opened is not None and opened.file is self.opened.file:
            self._found = found
            self.show_file()

    def action_escape(self) -> None:
        """Stop an upload, else clear the filter."""
        if not self.stop_upload() and self.has_class("-filtering"):
            self._clear_filter()
            self._found = None
            self.show_file()

    def _clear_filter(self) -> None:
        self._search_number += 1
        for field in self.query(FilterLine):
            field.clear()
            if field.has_focus_within:
                self.focus_first()
        self.remove_class("-filtering")

    def action_copy(self) -> None:
        """Copy the answer to the terminal's clipboard."""
        opened = self.opened
        if opened is not None and self._rows is not None and len(self._rows):
            record = opened.file[self._rows.index(self.query_one("#pairs", VirtualTable).cursor)]
            if isinstance(record, Record):
                self.app.copy_to_clipboard(safe(record.answer))
                self.say("The answer was sent to the terminal's clipboard", "good")
