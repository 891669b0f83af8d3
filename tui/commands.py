"""Every action of the view in the command palette, with its key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from textual import on
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Provider
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.worker import Worker

from tui.dialogs.help import LAST_PLACE, place_of
from tui.domain.values import dataclass
from tui.widgets.cells import fit
from tui.widgets.frame import key_text, told

_KEYS = 10
"""Cells for the key beside what it does."""
_FIRST = 1000.0
"""More than letters that fit are ever worth."""
_Run = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Action:
    """What a key does. `place` puts what the view itself does before moving in lists and what counts everywhere."""

    place: int
    text: str
    keys: tuple[str, ...]
    run: _Run

    def told(self, text: str | Content) -> Content:
        """One line: the key, and the text as it is to be shown."""
        return Content.assemble((fit(self.keys[0] if self.keys else "", _KEYS), "$text-accent"), text)


class ActionsProvider(Provider):
    """What the keys of the view under the palette do, and the themes."""

    def _actions(self) -> list[_Action]:
        found: dict[str, _Action] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.description or not active.enabled or binding.system:
                continue
            key, before = key_text(self.app, binding), found.get(binding.action)
            if before is None:
                run = partial(self.app.run_action, binding.action, active.node)
                found[binding.action] = _Action(place_of(binding.id), told(binding), (key,), run)
            elif key not in before.keys:
                found[binding.action] = replace(before, keys=(*before.keys, key))
        themes = _Action(LAST_PLACE, "Change the theme", (), partial(self.app.run_action, "app.change_theme"))
        return sorted((*found.values(), themes), key=lambda action: action.place)

    async def discover(self) -> AsyncIterator[DiscoveryHit]:
        """All of them."""
        for action in self._actions():
            yield DiscoveryHit(action.told(action.text), action.run, action.text)

    async def search(self, query: str) -> AsyncIterator[Hit]:
        """Those whose words fit; before them those that begin so, and what the key of that name does."""
        matcher = self.matcher(query)
        for action in self._actions():
            score = matcher.match(action.text)
            if query in action.keys:
                score += 2 * _FIRST
            elif action.text.casefold().startswith(query.casefold()):
                score += _FIRST
            if score > 0:
                yield Hit(score, action.told(matcher.highlight(action.text)), action.run, action.text)


class Palette(CommandPalette):
    """Textual's palette, safe against keys that come faster than it lays itself out."""

    _chosen = False

    def _gather_commands(self, search_value: str) -> Worker[None]:
        """Letters typed ahead of the list wait for it."""
        if not self.query(CommandList):
            self.call_after_refresh(self._gather_commands, search_value)
            return self.run_worker(_nothing())
        return super()._gather_commands(search_value)

    def _watch__list_visible(self) -> None:
        """A search that ends after the palette does has nothing to show."""
        if self.query(CommandList):
            super()._watch__list_visible()

    async def _watch__show_busy(self) -> None:
        if self.query(CommandList):
            await super()._watch__show_busy()

    def _action_escape(self) -> None:
        """Once: what is chosen is on its way, and a second dismissal would close the screen below."""
        if not self._chosen and self.is_current:
            self._chosen = True
            super()._action_escape()

    def _action_command_list(self, action: str) -> None:
        """A list that was filled a moment ago knows no pages yet."""
        with suppress(LookupError):
            super()._action_command_list(action)

    @on(OptionList.OptionSelected)
    def _choose_once(self, event: OptionList.OptionSelected) -> None:
        """Chosen twice, a command would run twice, and the screen below would be closed as well."""
        if self._chosen:
            event.stop()
            event.prevent_default()
        self._chosen = True

    @on(Input.Submitted)
    def _submit_once(self, event: Input.Submitted) -> None:
        if self._chosen:
            event.stop()
            event.prevent_default()


async def _nothing() -> None:
    """Work that is done."""
