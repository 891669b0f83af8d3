"""The keys of the view below."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.dialogs.base import SCROLLING, Dialog
from tui.widgets.cells import fit
from tui.widgets.frame import key_text


class HelpDialog(Dialog[None]):
    """Every key that does something here, with its action."""

    heading = "Keys"
    BINDINGS: ClassVar[list[BindingType]] = [*SCROLLING]

    def __init__(self, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = keys

    @classmethod
    def of(cls, screen: Screen[Any]) -> HelpDialog:
        """The keys active on a screen now."""
        by_action: dict[str, tuple[list[str], str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if not binding.description or not active.enabled:
                continue
            keys, _ = by_action.setdefault(binding.action, ([], binding.tooltip or binding.description))
            name = key_text(screen.app, binding)
            if name not in keys:
                keys.append(name)
        return cls([(" ".join(keys), description) for keys, description in by_action.values()])

    def fields(self) -> ComposeResult:
        parts: list[Any] = []
        for keys, description in self._keys:
            parts += [(fit(keys, 16), "bold $text-accent"), f" {description[:1].upper()}{description[1:]}\n"]
        yield Static(Content.assemble(*parts), markup=False)
