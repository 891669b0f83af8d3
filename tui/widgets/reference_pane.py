"""What the answer should have been."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from tui.domain.differences import Piece
from tui.domain.text import safe, safe_line
from tui.widgets.text_pane import Line, TextPane

_NONE = "No open file holds this question.\n\nOpen one in 1 Dataset (o); t there asks the question under the cursor."


class ReferencePane(Vertical):
    """The reference answer to the last question, and where it stands."""

    def compose(self) -> ComposeResult:
        yield Line(classes="pane-title")
        yield TextPane()
        yield Line(classes="pane-footer")

    def on_mount(self) -> None:
        self.show("", "")

    @property
    def text(self) -> TextPane:
        """What is read."""
        return self.query_one(TextPane)

    def show(self, reference: str, origin: str, pieces: Sequence[Piece] | None = None) -> None:
        """Show a reference; `pieces` tell which of its words an answer lacks."""
        where = f" · {safe_line(origin, 80)}" if origin else ""
        self.query_one(".pane-title", Line).put(Content(f" R  reference{where}"))
        if not reference:
            content = Content.styled(_NONE, "$foreground-muted")
        elif pieces is None:
            content = Content(safe(reference, 20_000))
        else:
            content = Content.assemble(*((safe(t), "bold underline $text-warning" if m else "") for t, m in pieces))
        self.text.put(content)
        said = " R closes it, outside the prompt" if pieces is None else " underlined: not in the answer · R closes it"
        self.query_one(".pane-footer", Line).put(Content(said))
