"""What asks questions and does things that may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from textual.screen import ModalScreen
from textual.widget import Widget

from tui.domain.errors import AppError

T = TypeVar("T")

_LOOK = 0.1
"""Seconds between two looks whether what is waited for has come."""


class Asking(Widget):
    """One question at a time; expected failures are told where `say` tells things."""

    _question_open = False

    def say(self, text: str, kind: str = "") -> None:
        """Put something on the status line."""
        raise NotImplementedError

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """The dialog's answer. While one question is open, a second one, asked by a key that came twice, is none."""
        if self._question_open:
            return None
        self._question_open = True
        try:
            return await self.put(dialog)
        finally:
            self._question_open = False

    async def put(self, dialog: ModalScreen[T]) -> T | None:
        """The dialog's answer. A question that comes late, since something was looked up for it, does not break into
        what is done elsewhere by then: it waits until what asks it is in sight again."""
        if not self._in_sight():
            self.say(f"“{getattr(dialog, 'heading', 'A question')}” waits{self._where()}")
            await self.until(self._in_sight)
        return await self.app.push_screen_wait(dialog)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something that comes by itself, and is looked at some times a second."""
        seen = asyncio.Event()
        looking = self.set_interval(_LOOK, lambda: seen.set() if true() else None)
        try:
            await seen.wait()
        finally:
            looking.stop()

    def _in_sight(self) -> bool:
        shown = all(w.display for w in self.ancestors_with_self if isinstance(w, Widget))
        return shown and self.screen is self.app.screen

    def _where(self) -> str:
        hidden = next((w for w in self.ancestors_with_self if isinstance(w, Widget) and not w.display), None)
        return f" in {hidden.id.capitalize()}" if hidden is not None and hidden.id else " until this one is answered"

    async def attempt(self, doing: Awaitable[object]) -> bool:
        """Await something that may fail as expected; the failure goes to the status line."""
        try:
            await doing
        except AppError as error:
            self.say(error.sentence(), "problem")
            return False
        return True
