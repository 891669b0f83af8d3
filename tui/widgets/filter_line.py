"""Words typed to narrow a list."""

from __future__ import annotations

from typing import Self

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input


class FilterLine(Horizontal):
    """One line to type in; tells of each change, and when enter ends the typing."""

    DEFAULT_CSS = "FilterLine { height: 1; } FilterLine Input { width: 1fr; }"

    class Changed(Message):
        """Other words."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Done(Message):
        """Enter was pressed."""

    def compose(self) -> ComposeResult:
        field = Input(placeholder="words that question or answer hold; esc clears", compact=True)
        field.cursor_blink = False
        yield field

    def focus(self, scroll_visible: bool = True) -> Self:
        """To the place where words are typed."""
        self.query_one(Input).focus(scroll_visible)
        return self

    def clear(self) -> None:
        """No words, and no message about it."""
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = ""

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Done())
