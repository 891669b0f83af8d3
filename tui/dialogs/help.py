"""The keys of the view below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.dialogs.base import CLOSE, SCROLLING, Dialog
from tui.widgets.cells import fit
from tui.widgets.filter_line import FilterLine
from tui.widgets.frame import key_text, told

_LISTS, _ALWAYS = "In lists", "Always"
_LAST = {_LISTS: 1, _ALWAYS: 2}
LAST_PLACE = max(_LAST.values())
"""Where what counts everywhere stands, as `place_of` says."""


class HelpDialog(Dialog[None]):
    """Every key that does something here, with its action; narrowed by words, or to what one key does."""

    DEFAULT_CSS = """
    HelpDialog FilterLine { display: none; }
    HelpDialog.-searched FilterLine { display: block; }
    """
    heading = "Keys"
    BINDINGS: ClassVar[list[BindingType]] = [
        *SCROLLING,
        CLOSE,
        Binding("slash", "search", "search", key_display="/", id="help.search"),
    ]

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
        return cls({group: groups[group] for group in sorted(groups, key=_place)})

    def fields(self) -> ComposeResult:
        yield Static(self._told(""), id="help-keys", markup=False)

    def closing(self) -> ComposeResult:
        """Below the keys, where their list cannot take it out of sight."""
        yield FilterLine("words of what you look for, or a key")

    def _told(self, words: str) -> Content:
        parts: list[Any] = []
        for group, keys in self._groups.items():
            found = [pair for pair in keys if _holds(pair, words)]
            if found:
                parts += ["\n" if parts else "", (f"{group}\n", "bold")]
            for names, text in found:
                parts += [(fit(names, 16), "bold $text-accent"), f" {text}\n"]
        return Content.assemble(*parts) if parts else Content("No key of this view does that")

    def action_search(self) -> None:
        """Type what to look for. The box keeps its size meanwhile."""
        body = self.query_one("#dialog-body", VerticalScroll)
        body.styles.height = body.size.height
        self.add_class("-searched")
        self.query_one(FilterLine).focus()

    @on(FilterLine.Changed)
    def _typed(self, message: FilterLine.Changed) -> None:
        message.stop()
        self.query_one("#help-keys", Static).update(self._told(message.words))
        self.query_one("#dialog-body", VerticalScroll).scroll_home(animate=False)

    @on(FilterLine.Done)
    def _done(self, message: FilterLine.Done) -> None:
        message.stop()
        self.set_focus(None)

    def action_cancel(self) -> None:
        """First the words go, then the dialog."""
        if self.has_class("-searched"):
            self.remove_class("-searched")
            self.set_focus(None)
            self.query_one(FilterLine).clear()
            self.query_one("#help-keys", Static).update(self._told(""))
        else:
            super().action_cancel()


def _holds(pair: tuple[str, str], words: str) -> bool:
    """Whether keys and their action hold all the words; a single character is looked for among the keys."""
    names, text = pair
    line = f"{names} {text}".casefold()
    return all(word in (names.split() if len(word) == 1 else line) for word in _words(words))


def _words(text: str) -> list[str]:
    return [word if len(word) == 1 else word.casefold() for word in text.split()]


def _group(name: str | None) -> str:
    """Where a binding counts, by the first part of its id; those without one are Textual's own."""
    room = (name or "").partition(".")[0]
    if room == "table":
        return _LISTS
    return _ALWAYS if room in ("", "main", "app", "tab") else room.capitalize()


def _place(group: str) -> int:
    return _LAST.get(group, 0)


def place_of(name: str | None) -> int:
    """What the view itself does comes first, then moving in lists, then what counts everywhere."""
    return _place(_group(name))
