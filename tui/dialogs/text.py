"""Ask for a line, or for a text of several lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static, TextArea

from tui.dialogs.base import Dialog
from tui.widgets.fields import restart


class LineDialog(Dialog[str]):
    """One line; `problem` says what is wrong with what was typed, nothing when it may be accepted."""

    on_enter = "accept"

    def __init__(
        self, heading: str, *, value: str = "", note: str = "", problem: Callable[[str], str] = lambda _: ""
    ) -> None:
        super().__init__()
        self.heading = heading
        self._value = value
        self._note = note
        self._problem = problem

    def fields(self) -> ComposeResult:
        if self._note:
            yield Static(Content(self._note), markup=False, classes="help-text")
        field = Input(self._value, compact=True)
        field.cursor_blink = False
        yield field

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _accept(self) -> None:
        value = self.query_one(Input).value
        problem = self._problem(value)
        if problem:
            self.complain(problem)
        else:
            self.dismiss(value)


class PathDialog(LineDialog):
    """A path; one that is typed behind the folder that was proposed takes its place."""

    @on(Input.Changed)
    def _path_typed(self, event: Input.Changed) -> None:
        restart(event.input)


class TextDialog(Dialog[str]):
    """Several lines; ctrl+s accepts, so that enter can make a line."""

    _asked = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "accept", priority=True, key_display="ctrl+s", id="text.accept")
    ]

    def __init__(self, heading: str, *, value: str = "", note: str = "", kept_as: str = "") -> None:
        super().__init__()
        self.kept_as = kept_as
        self.heading = heading
        self._value = value
        self._note = note

    def fields(self) -> ComposeResult:
        if self._note:
            yield Static(Content(self._note), markup=False, classes="help-text")
        area = TextArea(self._value, soft_wrap=True, tab_behavior="focus")
        area.cursor_blink = False
        yield area

    def on_mount(self) -> None:
        area = self.query_one(TextArea)
        self._loaded = area.text  # as the field holds it: it may spell the ends of lines otherwise
        area.focus()
        area.move_cursor(area.document.end)

    def action_accept(self) -> None:
        """Take the text, once the field has all that was typed before."""
        self.query_one(TextArea).call_later(self._accept)

    def _accept(self) -> None:
        self.dismiss(self.query_one(TextArea).text)

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._asked = False

    def action_cancel(self) -> None:
        """Give up; what was typed goes only when asked twice."""
        self.query_one(TextArea).call_later(self._give_up)

    def _give_up(self) -> None:
        if self.query_one(TextArea).text == self._loaded or self._asked:
            self.dismiss(None)
            return
        self._asked = True
        self.complain("esc once more drops what you changed; ctrl+s keeps it")
