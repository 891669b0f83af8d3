"""Which of two answers is better; the answers stay in sight above the question."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.domain.chat.votes import Verdict
from tui.widgets.frame import key_of

VERDICT_KEYS: tuple[tuple[str, str, Verdict, str], ...] = (
    ("h", "left", Verdict.LEFT, "A (left)"),
    ("l", "right", Verdict.RIGHT, "B (right)"),
    ("t", "equals_sign", Verdict.TIE, "a tie"),
    ("x", "minus", Verdict.BOTH_BAD, "both are bad"),
)


class VoteDialog(Dialog[Verdict]):
    """Gives the verdict; none when given up."""

    heading = "Which answer is better?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(f"{key},{other}", f"vote('{verdict}')", what, show=False, id=f"vote.{verdict.name.lower()}")
        for key, other, verdict, what in VERDICT_KEYS
    ]

    def fields(self) -> ComposeResult:
        parts: list[tuple[str, str] | str] = []
        for _, _, verdict, what in VERDICT_KEYS:
            key = key_of(self, f"vote.{verdict.name.lower()}")
            parts += [(key, "bold $text-accent"), f" {what}   "]
        yield Static(Content.assemble(*parts), markup=False)

    def action_vote(self, verdict: str) -> None:
        """Take a verdict."""
        self.dismiss(Verdict(verdict))
