"""Keys take turns: each is acted on, and what comes of it has settled, before the next one is looked at.

A key goes down to what has the focus, climbs back from parent to parent, and what it does travels on as messages: a
field tells of its change, a dialog opens, the focus moves. Of keys that arrive together, as a slow line delivers them,
the next would meet a screen that is not there yet, or overtake the one before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import takewhile

from textual.app import App, ScreenStackError
from textual.events import Event, Key, MouseDown, MouseScrollDown, MouseScrollUp, Paste
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from tui.dialogs.base import Dialog
from tui.widgets.frame import StatusLine
from tui.widgets.own_keys import OwnKeys

_LONGEST = 1.0
"""Seconds for which a key is held back at most: whatever is stuck, the way out is not."""
_LIST_LONGEST = 4.0
"""The same while a list is being made: the key behind is meant for what stands there then, not for the rows before."""
_GLANCE = 0.05
_OPENING = "opening"
"""The group of the worker that opens the file the app is started for: there is nothing yet that a key could be for."""
_AWAITED = frozenset({"mark", "search", "folder"})
"""Groups of workers that make a list what the keys behind them are for."""
_ROUNDS = 2
"""How often in a row all has to be quiet: a worker begins, and opens its dialog, between two looks."""
LINE_HOLDS = 10_000
"""Characters that are pasted into a field of one line at most: Textual measures all of them again with each key, which
takes seconds for a file's text, and nothing that is asked for on one line is as long."""

Typed = Key | Paste
_Touching = Typed | MouseDown | MouseScrollDown | MouseScrollUp


class TurnTaking(App[None]):
    """An app that deals with one key at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._held: deque[Typed] = deque()
        self._let_go: set[Typed] = set()
        self._first_held = 0.0
        """When a key first waited for the file that is being opened, in seconds of the loop's clock."""
        self._settling: asyncio.Task[None] | None = None
        self.touched = 0.0
        """When someone was last at the keyboard or the mouse, in seconds of the events' clock."""

    def on_mount(self) -> None:
        self.screen_change_signal.subscribe(self, self._put_in_front, immediate=True)

    def _put_in_front(self, screen: Screen[object]) -> None:
        if isinstance(screen, Dialog) and self._settling is None:
            screen.came_late()

    async def rest(self) -> None:
        """Until every key typed so far has been acted on."""
        while self._settling is not None:
            await asyncio.wait((self._settling,))

    async def on_event(self, event: Event) -> None:
        """Hold a key back while one before it is being dealt with."""
        if isinstance(event, _Touching):
            self.touched = max(self.touched, event.time)
        if not isinstance(event, Typed) or event.is_forwarded:
            await super().on_event(event)
            return
        stays = self._stays(event)
        if event in self._let_go:
            self._let_go.discard(event)
        elif self._settling is not None or self._opens() or not (stays or self._quiet()):
            self._held.append(event)
            self._settle_soon()
            return
        if isinstance(self.screen, Dialog) and not self.screen.hears(_name(event), event.time):
            return
        if not (isinstance(event, Paste) and self._is_too_long(event)):
            await super().on_event(event)
        if not stays:
            self._settle_soon()

    def _is_too_long(self, event: Paste) -> bool:
        """Whether the field that has the focus cannot hold what is pasted, which is said then."""
        field = self.focused
        line = event.text.partition("\n")[0]
        if not isinstance(field, Input) or len(field.value) + len(line) <= LINE_HOLDS:
            return False
        told = f"{len(line):,} characters are too many for one line: nothing was pasted"
        if isinstance(self.screen, Dialog):
            self.screen.complain(told)
        for status in self.screen.query(StatusLine):
            status.say(told, "problem")
        return True

    def _stays(self, event: Typed) -> bool:
        """Whether what has the focus deals with it at once, in its turn, and keeps the focus."""
        focused = self.focused
        if isinstance(event, Paste) or focused is None:
            return False
        if isinstance(focused, OwnKeys):
            return focused.keeps(event.key)
        return focused.check_consume_key(event.key, event.character)

    def _settle_soon(self) -> None:
        if self._settling is None:
            self._settling = asyncio.create_task(self._let_in())

    async def _let_in(self) -> None:
        """Let held keys in, one by one; such as stay where they are together."""
        try:
            await self._settled()
            while self._held:
                for event in list(takewhile(self._stays, self._held)) or [self._held[0]]:
                    self._held.popleft()
                    self._let_go.add(event)
                    self.post_message(event)
                await self._settled()
        finally:
            self._settling = None

    # What is still on its way

    def _way(self) -> list[MessagePump]:
        """Where a key passes, and what it sets off: the app, then from the focus upwards."""
        try:
            screen: Screen[object] = self.screen
        except ScreenStackError:  # before the first screen, and behind the last
            return [self]
        focused: Widget = screen.focused or screen
        return [self, *focused.ancestors_with_self]

    def _quiet(self) -> bool:
        return not any(pump.message_queue_size for pump in self._way())

    async def _settled(self) -> None:
        """Wait until whatever waited on the way is done, and nothing has come of it that waits in turn."""
        loop = asyncio.get_running_loop()
        began, quiet = loop.time(), 0
        while quiet < _ROUNDS and loop.time() < began + self._patience():
            way = self._way()
            for pump in way:
                await _passed(pump, began + _LONGEST)
            if self._waits_for_list():
                await asyncio.sleep(_GLANCE / 10)
                quiet = 0
            else:
                quiet = quiet + 1 if way == self._way() and self._quiet() else 0

    def _patience(self) -> float:
        return _LIST_LONGEST if self._waits_for_list() else _LONGEST

    def _waits_for_list(self) -> bool:
        making = any(worker.is_running and worker.group in _AWAITED for worker in self.workers)
        return (making or self._opens()) and not self._urgent()

    def _opens(self) -> bool:
        """Whether what stands there is about to be replaced, without a key before; not while something is asked."""
        opening = any(worker.is_running and worker.group == _OPENING for worker in self.workers)
        if not opening or isinstance(self.screen, Dialog):
            return False
        now = asyncio.get_running_loop().time()
        self._first_held = self._first_held or now
        return now < self._first_held + _LIST_LONGEST  # of a file of a gigabyte, say, the beginning may be looked at

    def _urgent(self) -> bool:
        """Whether the next key leaves something: it does not wait for lists."""
        following = self._held[0] if self._held else None
        return isinstance(following, Key) and (following.key == "escape" or following.key.startswith("ctrl+"))


def _name(event: Typed) -> str:
    return event.key if isinstance(event, Key) else "paste"


async def _passed(pump: MessagePump, until: float) -> None:
    """Wait until a pump has dealt with all that is in its queue now, or is closed."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not done.done():
            done.set_result(None)

    if not pump.call_later(tell):
        return
    while not done.done() and pump.is_running and loop.time() < until:
        await asyncio.wait((done,), timeout=_GLANCE)
