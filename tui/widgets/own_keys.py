"""Keys of a list or a pane, acted on where the focus is.

Private name of Textual in use here, behind a test in tests/widgets/test_own_keys.py: `App._keymap`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.events import Key
from textual.widget import Widget


class OwnKeys(Widget):
    """Looks a key up among the widget's own bindings at once.

    Textual lets it climb to the app first, from parent to parent, and every step is a turn of the loop: a sixth of
    what a cursor key takes. The actions of such bindings must return at once, since the widget waits for them.
    """

    LEADS_AWAY: ClassVar[frozenset[str]] = frozenset({"open"})
    """Actions after which keys may be for something else than this widget."""
    _keymap: Mapping[str, str] | None = None
    _actions: Mapping[str, str] = {}

    def keeps(self, key: str) -> bool:
        """Whether the key is acted on here, and the one behind it is for this widget too."""
        return self._own().get(key, "open") not in self.LEADS_AWAY

    async def on_key(self, event: Key) -> None:
        """Do what the key is bound to here; any other key climbs on."""
        action = self._own().get(event.key)
        if action is not None:
            event.stop()
            await self.run_action(action)

    def _own(self) -> Mapping[str, str]:
        """Actions by the keys that they go by now."""
        keymap = self.app._keymap
        if keymap is not self._keymap:
            own = self._bindings.copy()
            own.apply_keymap(keymap)
            self._keymap = keymap
            self._actions = {key: found[0].action for key, found in own.key_to_bindings.items()}
        return self._actions
