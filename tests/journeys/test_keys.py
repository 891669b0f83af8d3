"""Every key that is told of does something, and does what is told: in the line of keys, in `?`, in the palette, in the
README and in the config file."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textual import actions
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

import tui
from tests.harness import Walk
from tui.app import TanzakuApp
from tui.dialogs.base import Dialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.help import HelpDialog
from tui.domain.settings import Settings
from tui.screens.main import MainScreen


def _classes() -> Iterator[type[DOMNode]]:
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if not module.name.startswith("tui.sandbox") and not module.name.endswith("__main__"):
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and issubclass(found, DOMNode) and found.__module__ == module.name:
                    yield found


CLASSES = sorted(set(_classes()), key=lambda c: f"{c.__module__}.{c.__qualname__}")


def _own(node: type[DOMNode]) -> list[Binding]:
    return list(Binding.make_bindings(node.__dict__.get("BINDINGS", ())))


def test_every_binding_has_a_name_an_action_and_words() -> None:
    for node in CLASSES:
        for binding in _own(node):
            at = f"{node.__qualname__}: {binding.key}"
            assert binding.id, f"{at} cannot be remapped"
            assert binding.description, f"{at} is told of nowhere"
            space, name, _ = actions.parse(binding.action)
            owners = {"app": TanzakuApp, "screen": MainScreen}.get(space, node)
            # A part's action may stand in the class that it is a part of.
            heirs = [owners, *(c for c in CLASSES if issubclass(c, owners))]
            there = any(hasattr(c, f"{kind}_{name}") for c in heirs for kind in ("action", "_action"))
            assert there, f"{at}: no action {binding.action}"


def test_a_name_belongs_to_one_action() -> None:
    actions_of: dict[str, set[str]] = {}
    for node in CLASSES:
        for binding in _own(node):
            actions_of.setdefault(str(binding.id), set()).add(binding.action.partition("(")[0])
    assert not {name: found for name, found in actions_of.items() if len(found) > 1}


def test_no_view_gives_a_key_two_meanings() -> None:
    general = {binding.key for binding in _own(Dialog)}  # a dialog without fields has other uses for tab
    for node in CLASSES:
        meanings: dict[str, str] = {}
        for part in reversed(node.__mro__):
            ours = issubclass(part, DOMNode) and part.__module__.startswith("tui.") and part is not Dialog
            for binding in _own(part) if ours else ():
                before = meanings.setdefault(binding.key, binding.action)
                assert before == binding.action, f"{node.__qualname__}: {binding.key} is {before} and {binding.action}"
        assert issubclass(node, Dialog) or not general & meanings.keys() - {"escape", "tab", "shift+tab"}


def _hidden(screen: Screen[Any]) -> set[str]:
    """Keys that never reach what they are told to do: something nearer to the focus has another use for them."""
    found: set[str] = set()
    nearest: dict[str, Binding] = {}
    for node in (screen.focused or screen).ancestors_with_self:
        for key, bindings in node._bindings.key_to_bindings.items():
            for binding in bindings:
                first = nearest.setdefault(key, binding)
                if first.id and binding.id and first.action != binding.action:
                    found.add(f"{first.id} before {binding.id}")
    return found


def _told(screen: Screen[Any]) -> set[str]:
    """Keys in the help of a view."""
    return {name for keys in HelpDialog.of(screen)._groups.values() for names, _ in keys for name in names.split()}


def _readme() -> dict[str, set[str]]:
    """The keys of each row of the README's table."""
    table = (Path(tui.__path__[0]).parent / "README.md").read_text().partition("## Keys")[2].partition("\n## ")[0]
    found = {}
    for where, text in re.findall(r"^\| ([^|]+) \| (.*) \|$", table, re.MULTILINE)[1:]:
        leads = (re.match(r"(`[^`]+`[–, ]*)+", item) for item in text.split(" · "))
        found[where] = {key for lead in leads if lead for key in re.findall(r"`([^`]+)`", lead[0])}
    return found


ELSEWHERE = {
    "Loss": {"esc"},  # there is nothing to go back from
    "Chat": {"enter", "ctrl+j"},  # told by the prompt itself
}
"""Keys of the README that the help of a view does not name."""


async def test_what_is_told_of_the_keys_is_so_also_where_they_are_remapped(walk: Walk) -> None:
    readme, settings = _readme(), Settings(keys={"dataset.upload": "ctrl+y", "confirm.yes": "j", "main.money": "f5"})
    async with walk.app(services=walk.services(settings=settings)) as app:
        await walk.press("p", "ctrl+y")
        await walk.sees("Open a training file first")
        for number, view in enumerate(("Dataset", "Jobs", "Loss", "Chat"), 1):
            await walk.press(str(number))
            await walk.sees(f"[{number} {view}]")
            told, hidden = _told(app.screen), _hidden(app.screen)
            if view == "Chat":  # first the prompt has the keys
                await walk.press("escape")
                told, hidden = told | _told(app.screen), hidden | _hidden(app.screen)
            others = {"p": "ctrl+y", "$": "f5"} if view == "Dataset" else {"$": "f5"}
            assert hidden <= {"loss.zoom_in before main.extend"}
            for where in ("everywhere", *(row for row in readme if row.startswith(view))):
                assert {others.get(key, key) for key in readme[where]} - told <= ELSEWHERE.get(view, set())
            assert others.keys().isdisjoint(told)
            assert readme["lists"] <= told or view in ELSEWHERE
        await walk.press("E")
        await walk.sees("New evaluation")
        await walk.press("escape")
        await walk.sees("No evaluation is open")
        assert readme["Evaluation"] | {"q", "ctrl+t"} <= _told(app.screen)
        assert not _hidden(app.screen)
        await walk.press("ctrl+t")
        await walk.sees("Read-only mode: no changing call leaves the app")
        app.push_screen(ConfirmDialog("Really?", ""))
        await walk.sees("j  Yes")
        await walk.press("y")
        await walk.sees("j  Yes")
        await walk.press("j")
        await walk.misses("j  Yes")
