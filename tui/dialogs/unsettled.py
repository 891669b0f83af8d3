"""What became of an earlier order is not known: ask again, or go on all the same."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.confirm import ConfirmDialog


class UnsettledDialog(ConfirmDialog):
    """Gives True to go on all the same, False to ask AWS again, None to leave it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "again", "Try again", id="unsettled.again")]

    def __init__(self, name: str, reason: str, *, same: bool) -> None:
        """`same`: what would be sent is that order itself, with its token."""
        risk = (
            "It may be sent once more: AWS makes an order only once, however often it is sent."
            if same
            else "If AWS took it, ordering once more makes a second one, which is charged too."
        )
        body = f"What became of the earlier order {name} is not known: {reason}\n\n{risk}"
        super().__init__(f"Is {name} there already?", body, yes="Order all the same")

    def closing(self) -> ComposeResult:
        yield Static(
            Content("y  Order all the same     t  Ask AWS again     esc  Cancel"), markup=False, classes="danger"
        )

    def action_again(self) -> None:
        """Ask AWS again what became of it."""
        self.dismiss(False)
