"""Files of the Dataset tab are closed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.content import Content

from tui.tabs.dataset_leaks import LeakingTab
from tui.tabs.dataset_list import NO_FILE
from tui.widgets.table_rows import NoRows
from tui.widgets.text_pane import TextPane
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.services.dataset.documents import OpenDocument


class ClosingTab(LeakingTab, part=True):
    """Lets go of files: what is closed is neither compared with the others nor uploaded."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("Q", "close_file", "Close the file", show=False, id="dataset.close"),
    ]

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
        if not self.files:
            self._show_none()
        self.show_file(keep_cursor=not shown)
        self.look_for_leaks()
        await self.services.documents.close(source)
        return True

    def _show_none(self) -> None:
        table = self.query_one("#pairs", VirtualTable)
        self._rows, self._marked_of, table.follow = None, None, None
        table.marked = frozenset()
        table.set_empty(NO_FILE)
        table.show(NoRows())
        self.query_one("#preview", TextPane).put(Content(""))
