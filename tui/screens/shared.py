"""What the parts of the main screen share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.reactive import reactive

from tui.domain.identity import Identity
from tui.domain.training.runs import Board
from tui.services.session import Services
from tui.widgets.frame import StatusLine
from tui.widgets.parts import InParts
from tui.widgets.sparing import SparingScreen

if TYPE_CHECKING:
    from tui.domain.dataset.drafts import OpenFiles


class SharedScreen(InParts, SparingScreen[None]):
    """Facts that tabs get by data binding, and the status line."""

    services: Services
    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    board: reactive[Board] = reactive(Board(), repaint=False)
    base_model_key: reactive[str] = reactive("", repaint=False)
    files: reactive[OpenFiles] = reactive((), repaint=False)

    def say(self, text: str, kind: str = "", *, cures: str = "") -> None:
        """Put something on the status line; `cures` is what was said of a problem that is over now."""
        for line in self.query(StatusLine):  # none, when a failure outlives the screen
            line.say(text, kind, cures=cures)
