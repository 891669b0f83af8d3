"""A text field for questions: enter sends, ctrl+j makes a line."""

from __future__ import annotations

from textual.events import Key
from textual.message import Message
from textual.widgets import TextArea


class Prompt(TextArea):
    """Grows with its text up to five lines."""

    DEFAULT_CSS = """
    Prompt { height: auto; min-height: 1; max-height: 5; border: none; padding: 0 1; background: $surface; }
    Prompt:focus { border: none; background: $panel; }
    """

    class Submitted(Message):
        """Enter was pressed with text in the field."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, placeholder: str, *, id: str | None = None) -> None:
        super().__init__(id=id, soft_wrap=True, tab_behavior="focus", placeholder=placeholder, compact=True)
        self.cursor_blink = False
        self.highlight_cursor_line = False

    async def _on_key(self, event: Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            if self.text.strip():
                self.post_message(self.Submitted(self.text))
        elif event.key == "ctrl+j":
            event.stop()
            event.prevent_default()
            self.insert("\n")
