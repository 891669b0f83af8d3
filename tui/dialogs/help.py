"""The keys of the view below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.dialogs.base import CLOSE, SCROLLING, Dialog
from tui.widgets.cells import fit
from tui.widgets.frame import key_text, told

_LISTS, _ALWAYS = "In lists", "Always"
_LAST = {_LISTS: 1, _ALWAYS: 2}


class HelpDialog(Dialog[None]):
    """Every key that does something here, with its action."""

    heading = "Keys"
    BINDINGS: ClassVar[list[BindingType]] = [*SCROLLING, CLOSE]

    def __init__(self, groups: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """`groups` are keys and what they do, by where they count."""
        super().__init__()
        self._groups = groups

    @classmethod
    def of(cls, screen: Screen[Any]) -> HelpDialog:
        """The keys active on a screen now: those of the view first, then moving in lists, then what counts always."""
        by_action: dict[tuple[str, str], tuple[list[str], str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if not binding.description or not active.enabled:
                continue
            group = _group(binding.id)
            keys, _ = by_action.setdefault((group, binding.action), ([], told(binding)))
            name = key_text(screen.app, binding)
            if name not in keys:
                keys.append(name)
        groups: dict[str, list[tuple[str, str]]] = {}
        for (group, _), (keys, text) in by_action.items():
            groups.setdefault(group, []).append((" ".join(keys), text))
        return cls({group: groups[group] for group in sorted(groups, key=lambda name: _LAST.get(name, 0))})

    def fields(self) -> ComposeResult:
        parts: list[Any] = []
        for group, keys in self._groups.items():
            parts += ["\n" if parts else "", (f"{group}\n", "bold")]
            for names, text in keys:
                parts += [(fit(names, 16), "bold $text-accent"), f" {text}\n"]
        yield Static(Content.assemble(*parts), markup=False)


def _group(name: str | None) -> str:
    """Where a binding counts, by the first part of its id; those without one are Textual's own."""
    room = (name or "").partition(".")[0]
    if room == "table":
        return _LISTS
    return _ALWAYS if room in ("", "main", "app", "tab") else room.capitalize()
