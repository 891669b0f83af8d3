"""What is written to the terminal of what changes on the screen, and when all of it is.

Private names of Textual in use, each behind a test in tests/widgets/test_picture.py or tests/journeys/test_frame.py:
`App._display`, `CompositorUpdate`, `LayoutUpdate`.
"""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from textual._compositor import CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.events import Event, Resize
from textual.screen import Screen

from tui.terminal import behind
from tui.widgets.picture import Picture, SparingUpdate

_FRAMES = 4
"""How many frames may wait for the terminal; further ones are left out until it has caught up."""
_GLANCE = 0.05
_RESIZED = 0.1
"""Seconds after which a window of another size is painted."""


class Painting(App[None]):
    """An app that writes only what changes, and no more than its terminal takes."""

    under_way = False
    """Whether the first frame is written: up to then none is left out, and none painted again."""
    _waiting = False
    """Whether frames are left out, since the terminal is slow to take those before."""
    _painted_whole = True
    """Whether every cell was written since the window had another size."""

    def __init__(self) -> None:
        super().__init__()
        self._picture = Picture()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Only what changes is written; whatever else is displayed leaves a terminal that is not known."""
        if self._waiting or (self.under_way and behind(self._driver) >= _FRAMES):
            if not self._waiting:
                self._waiting = True
                self.set_timer(_GLANCE, self._catch_up)
            return
        self._painted_whole = self._painted_whole or isinstance(renderable, LayoutUpdate)
        if isinstance(renderable, CompositorUpdate) and not self.is_inline:
            renderable = SparingUpdate(renderable, self._picture, self.size.width)
        elif renderable is not None:
            self._picture.forget()
        super()._display(screen, renderable)

    async def on_event(self, event: Event) -> None:
        """A window of another size has lost what it showed."""
        if isinstance(event, Resize):
            self._picture.forget()
            if self.under_way:
                self._painted_whole = False
                self.set_timer(_RESIZED, self._paint_if_not_done)
        await super().on_event(event)

    def _catch_up(self) -> None:
        """Paint what there is to be seen by now, once the terminal has taken nearly all that was written: whoever typed
        ahead over a slow line is not shown each step of it."""
        if behind(self._driver) > 1:
            self.set_timer(_GLANCE, self._catch_up)
            return
        self._waiting = False
        self.action_paint_again()

    def _paint_if_not_done(self) -> None:
        """A window that is as large again before the first change was looked at got nothing: for Textual nothing has
        changed."""
        if not self._painted_whole:
            self.action_paint_again()

    def action_paint_again(self) -> None:
        """Write every cell: someone else wrote to the terminal, or it was theirs meanwhile."""
        self._picture.forget()
        self.refresh(layout=True)
