"""Something to be read, with nothing to decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import CLOSE, SCROLLING, Dialog


class ReadingDialog(Dialog[None]):
    """Outside text must come as Content or plain str, never as markup."""

    BINDINGS: ClassVar[list[BindingType]] = [*SCROLLING, CLOSE]

    def __init__(self, heading: str, parts: Sequence[tuple[str, str] | str], *, note: str = "") -> None:
        super().__init__()
        self.heading = heading
        self._parts = tuple(parts)
        self._note = note

    def fields(self) -> ComposeResult:
        yield Static(Content.assemble(*self._parts), markup=False)

    def closing(self) -> ComposeResult:
        """Stays in sight while the text scrolls."""
        yield Static(Content(self._note), markup=False, classes="help-text")

    def on_mount(self) -> None:
        body = self.query_one("#dialog-body", VerticalScroll)
        body.can_focus = True
        body.focus()
