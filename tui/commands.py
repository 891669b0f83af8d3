"""Every action of the view in the command palette, with its key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from textual.command import DiscoveryHit, Hit, Provider

from tui.widgets.frame import key_text

_Found = tuple[str, str, Callable[[], Awaitable[object]]]


class ActionsProvider(Provider):
    """What the keys of the view under the palette do."""

    def _actions(self) -> list[_Found]:
        found: dict[str, _Found] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.description and active.enabled and not binding.system:
                run = partial(self.app.run_action, binding.action, active.node)
                found.setdefault(binding.action, (binding.description, key_text(self.app, binding), run))
        return list(found.values())

    async def discover(self) -> AsyncIterator[DiscoveryHit]:
        """All of them."""
        for description, key, run in self._actions():
            yield DiscoveryHit(description, run, help=f"key {key}")

    async def search(self, query: str) -> AsyncIterator[Hit]:
        """Those whose description fits."""
        matcher = self.matcher(query)
        for description, key, run in self._actions():
            score = matcher.match(description)
            if score > 0:
                yield Hit(score, matcher.highlight(description), run, help=f"key {key}")
