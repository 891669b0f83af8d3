"""What asks questions and does things that may fail."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from textual.screen import ModalScreen
from textual.widget import Widget

from tui.domain.errors import AppError

T = TypeVar("T")


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
            return await self.app.push_screen_wait(dialog)
        finally:
            self._question_open = False

    async def attempt(self, doing: Awaitable[object]) -> bool:
        """Await something that may fail as expected; the failure goes to the status line."""
        try:
            await doing
        except AppError as error:
            self.say(error.sentence(), "problem")
            return False
        return True
