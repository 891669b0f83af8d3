"""Keys of a list or a pane, acted on where the focus is.

Private name of Textual in use here, behind a test in tests/widgets/test_own_keys.py: `App._keymap`.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.events import Key
from textual.message import Message
from textual.widget import Widget


class OwnKeys(Widget):
    """Looks a key up among the widget's own bindings at once.

    Textual lets it climb to the app first, from parent to parent, and every step is a turn of the loop: a sixth of
    what a cursor key takes. The actions of such bindings must return at once, since the widget waits for them. While
    another key is on its way up, all climb behind it: of `d` and `j` that come together, `j` must not go first.
    """

    class Climbed(Message):
        """Follows a key upwards. The app has to tell its sender of it by `arrived`."""

        def __init__(self, sender: OwnKeys) -> None:
            super().__init__()
            self.sender = sender

    _keymap: Mapping[str, str] | None = None
    _actions: Mapping[str, str] = {}
    _climbing = 0

    def arrived(self) -> None:
        """A key that climbed has been acted on."""
        self._climbing -= 1

    async def on_key(self, event: Key) -> None:
        """Do what the key is bound to here; any other key climbs on."""
        keymap = self.app._keymap
        if keymap is not self._keymap:
            own = self._bindings.copy()
            own.apply_keymap(keymap)
            self._keymap = keymap
            self._actions = {key: found[0].action for key, found in own.key_to_bindings.items()}
        action = self._actions.get(event.key)
        if action is not None and not self._climbing:
            event.stop()
            await self.run_action(action)
        else:
            self._climbing += 1
            self.post_message(self.Climbed(self))
