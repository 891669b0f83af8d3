"""Words typed to narrow a list."""

from __future__ import annotations

from typing import Self

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from tui.domain.text import safe_line
from tui.widgets.text_pane import Line

_OF_PAIRS = 'words  "a phrase"  q:word  a:word  !word  tok>200  is:problem  (esc clears)'


class FilterLine(Vertical):
    """One line to type in; tells of each change, and when enter ends the typing. Below it, what is not understood."""

    DEFAULT_CSS = """
    FilterLine { height: auto; }
    FilterLine Input { width: 1fr; }
    FilterLine Line { display: none; color: $text-warning; }
    FilterLine.-unclear Line { display: block; }
    """

    class Changed(Message):
        """Other words."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Done(Message):
        """Enter was pressed."""

    def __init__(self, example: str = _OF_PAIRS, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._example = example

    def compose(self) -> ComposeResult:
        field = Input(placeholder=self._example, compact=True)
        field.cursor_blink = False
        yield field
        yield Line()

    def focus(self, scroll_visible: bool = True) -> Self:
        """To the place where words are typed."""
        self.query_one(Input).focus(scroll_visible)
        return self

    def clear(self) -> None:
        """No words, and no message about it."""
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = ""
        self.complain("")

    def complain(self, text: str) -> None:
        """Say below the line what is not understood; nothing when all is."""
        self.query_one(Line).put(Content(f"▲ {safe_line(text, 200)}" if text else ""))
        self.set_class(bool(text), "-unclear")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Done())
