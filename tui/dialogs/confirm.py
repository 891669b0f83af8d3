"""Yes or no; for what costs or destroys, the name has to be typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import SCROLLING, Dialog
from tui.widgets.frame import key_of


class ConfirmDialog(Dialog[bool]):
    """States what will be done. With `word` only typing that word confirms; else a letter does, never enter.
    Whatever was typed before the question could be read is for something else, and is not taken."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", "Yes", show=False, id="confirm.yes"),
        *SCROLLING,
    ]

    def __init__(self, heading: str, body: str, *, yes: str = "Yes", word: str = "") -> None:
        super().__init__()
        self.heading = heading
        self._body = body
        self._yes = yes
        self._word = word

    def closing(self) -> ComposeResult:
        """What confirms stays in sight while the text scrolls."""
        if not self._word:
            yield Static(Content(f"{key_of(self, 'confirm.yes')}  {self._yes}"), markup=False, classes="danger")
            return
        yield Static(Content(f"\nType {self._word} and press enter to confirm:"), markup=False, classes="danger")
        field = Input(id="confirm-word", placeholder="here", compact=True)
        field.cursor_blink = False
        yield field

    def closing_lines(self) -> int:
        """A blank line, what to type, perhaps in two lines, and the field."""
        return 3 if self._word else 0

    def fields(self) -> ComposeResult:
        yield Static(Content(self._body), markup=False, classes="help-text", id="confirm-body")

    def on_mount(self) -> None:
        self.came_late()
        body = self.query_one("#dialog-body", VerticalScroll)
        body.can_focus = not self._word
        (self.query_one(Input) if self._word else body).focus()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._word:
            self.dismiss(True)
        else:
            self.complain(f"That is not {self._word}. Nothing was done.")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The letter counts only where no word is asked for."""
        return not self._word if action == "confirm" else True

    def action_confirm(self) -> None:
        """Yes."""
        self.dismiss(True)


class QuitDialog(ConfirmDialog):
    """What quitting now would leave behind; the key that asked to quit confirms it too."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "confirm", "Yes", show=False, id="quit.again")]

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("Quit tanzaku?", "\n".join(reasons), yes="Quit")
