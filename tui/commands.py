"""Every action of the view in the command palette, with its key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial

from textual import on
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Provider
from textual.widgets import Input, OptionList
from textual.worker import Worker

from tui.widgets.frame import key_text, told

_Found = tuple[str, str, Callable[[], Awaitable[object]]]


class ActionsProvider(Provider):
    """What the keys of the view under the palette do."""

    def _actions(self) -> list[_Found]:
        found: dict[str, _Found] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.description and active.enabled and not binding.system:
                run = partial(self.app.run_action, binding.action, active.node)
                found.setdefault(binding.action, (told(binding), key_text(self.app, binding), run))
        return list(found.values())

    async def discover(self) -> AsyncIterator[DiscoveryHit]:
        """All of them."""
        for description, key, run in self._actions():
            yield DiscoveryHit(description, run, help=f"key {key}")

    async def search(self, query: str) -> AsyncIterator[Hit]:
        """Those whose words fit."""
        matcher = self.matcher(query)
        for description, key, run in self._actions():
            score = matcher.match(description)
            if score > 0:
                yield Hit(score, matcher.highlight(description), run, help=f"key {key}")


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
