"""Choose a file: by its path, among those opened before, or by walking through folders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.errors import AppError
from tui.domain.folders import Entry, Recent, completed, folder_of, matching, split
from tui.domain.text import human_size, safe_line
from tui.domain.values import dataclass
from tui.widgets.columns import Column
from tui.widgets.fields import restart
from tui.widgets.virtual_table import VirtualTable

Lister = Callable[[Path], Awaitable[Sequence[Entry]]]
Remembered = Callable[[], Awaitable[Sequence[Recent]]]

_ROWS = 12
_RECENT = 5
"""Recent files shown above a folder; all that fit what is typed otherwise."""


@dataclass(frozen=True, slots=True)
class _Row:
    path: str
    title: str
    note: str
    folder: bool = False


class FileRows:
    """Recent files, then what is in the folder."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, index: int) -> str:
        """The path."""
        return self.rows[index].path

    def cells(self, index: int) -> Sequence[str | Content]:
        """Name, and a word about it."""
        row = self.rows[index]
        return (row.title, Content.styled(row.note, "$foreground-muted"))


class OpenFileDialog(Dialog[str]):
    """Gives the path of a file. Typing narrows the list, tab completes, the arrows choose from the list.

    `folder` lists a folder and may raise AppError; `recent` tells the files of before.
    """

    on_enter = "open"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete", priority=True, id="open.complete"),
        Binding("down,ctrl+n", "step(1)", "choose", key_display="↑↓", id="open.down"),
        Binding("up,ctrl+p", "step(-1)", "Up", show=False, priority=True, id="open.up"),
        Binding("pagedown", "step(10)", "Page down", show=False, id="open.page_down"),
        Binding("pageup", "step(-10)", "Page up", show=False, id="open.page_up"),
    ]

    def __init__(self, heading: str, *, value: str, folder: Lister, recent: Remembered, note: str = "") -> None:
        super().__init__()
        self.heading = heading
        self._value = value
        self._note = note
        self._list_folder = folder
        self._list_recent = recent
        self._entries: Sequence[Entry] = ()
        self._listed: str | None = None
        self._recent: Sequence[Recent] = ()
        self._by_list = False

    def fields(self) -> ComposeResult:
        if self._note:
            yield Static(Content(self._note), markup=False, classes="help-text")
        field = Input(self._value, compact=True, select_on_focus=False)
        field.cursor_blink = False
        yield field
        yield VirtualTable((Column("name", "", weight=3), Column("note", "", weight=2)), empty="…")

    def on_mount(self) -> None:
        self.query_one(VirtualTable).styles.height = _ROWS
        self.query_one(VirtualTable).can_focus = False
        self.query_one(Input).focus()
        self._load_recent()
        self._load_folder(self._value)

    def on_resize(self) -> None:
        """The list takes what the window leaves."""
        super().on_resize()
        self.query_one(VirtualTable).styles.height = max(3, min(_ROWS, self.size.height - 12))

    # Lists

    @work(group="recent")
    async def _load_recent(self) -> None:
        try:
            self._recent = await self._list_recent()
        except AppError as error:
            self.complain(error.sentence())
        self._show()

    @work(group="folder", exclusive=True)
    async def _load_folder(self, typed: str) -> None:
        folder = split(typed)[0]
        if folder != self._listed:
            try:
                self._entries = await self._list_folder(folder_of(typed))
            except AppError as error:
                self._entries = ()
                self.complain(error.sentence())
            self._listed = folder
        self._show()

    def _show(self) -> None:
        typed = self.query_one(Input).value
        folder, beginning = split(typed)
        recent = [r for r in self._recent if beginning.casefold() in str(r.path).casefold()]
        rows = [_recent_row(r) for r in recent[: _RECENT if not beginning else None]]
        rows += [_entry_row(folder, e) for e in matching(self._entries, beginning)]
        table = self.query_one(VirtualTable)
        table.set_empty("Nothing here begins so; enter opens what is typed")
        table.show(FileRows(rows), keep_cursor=self._by_list)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._by_list = False
        if restart(event.input) or self._begun_anew(event.input):
            return
        if split(event.value)[1]:
            self.complain("")
        self._load_folder(event.value)

    def _begun_anew(self, field: Input) -> bool:
        """Leave only the path that was typed behind a file that could not be opened: nothing lies in a file."""
        refused = self._value if split(self._value)[1] else ""
        if not refused or not field.value.startswith(f"{refused}/"):
            return False
        self._put(field.value[len(refused) :])
        return True

    # Keys

    def action_step(self, rows: int) -> None:
        """Move in the list."""
        table = self.query_one(VirtualTable)
        table.move_to(table.cursor + rows)
        self._by_list = True

    def action_complete(self) -> None:
        """Complete the name as far as it is the only one."""
        field = self.query_one(Input)
        row = self._row()
        if self._by_list and row is not None:
            self._put(row.path)
        else:
            self._put(completed(field.value, self._entries))

    def _put(self, typed: str) -> None:
        field = self.query_one(Input)
        field.value = typed
        field.cursor_position = len(typed)

    def _row(self) -> _Row | None:
        table = self.query_one(VirtualTable)
        source = table.source
        return source.rows[table.cursor] if isinstance(source, FileRows) and len(source) else None

    @on(Input.Submitted)
    def _accept(self) -> None:
        """Open what the list points at; what is typed where it is a whole name, or the list has nothing like it."""
        typed = self.query_one(Input).value
        row, (folder, beginning) = self._row(), split(typed)
        same = next((e for e in self._entries if e.name == beginning and folder == self._listed), None)
        if self._by_list or not beginning:
            self._take(row)
        elif same is not None:
            self._take(_entry_row(folder, same))
        elif row is not None and folder == self._listed:
            self._take(row)
        else:
            self.dismiss(typed)

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self._take(self._row())

    def _take(self, row: _Row | None) -> None:
        if row is None:
            self.complain("Type the path of a file")
        elif row.folder:
            self._put(row.path)
            self.complain(f"{safe_line(row.title, 60)} is a folder: choose a file in it")
        else:
            self.dismiss(row.path)


def _recent_row(recent: Recent) -> _Row:
    when = f"{recent.at.astimezone():%Y-%m-%d %H:%M}"
    note = f"{recent.role} · {when}" if recent.there else "✗ not there any more"
    return _Row(str(recent.path), f"↻ {recent.path.name}  {_short(recent.path.parent)}", note)


def _short(folder: Path) -> str:
    try:
        return f"~/{folder.relative_to(Path.home())}/"
    except (ValueError, RuntimeError):
        return f"{folder}/"


def _entry_row(folder: str, entry: Entry) -> _Row:
    if entry.folder:
        return _Row(f"{folder}{entry.name}/", f"{entry.name}/", "folder", folder=True)
    size = human_size(entry.size) if entry.size is not None else "?"
    return _Row(f"{folder}{entry.name}", entry.name, f"{size} · {_day(entry.modified)}")


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at is not None else "?"
