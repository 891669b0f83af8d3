"""What is typed into dialogs outlives the app: kept while it is typed, brought back when the dialog opens again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui.dialogs.keeping import Keeping
from tui.domain.errors import AppError
from tui.domain.text import safe_line
from tui.screens.main import MainScreen
from tui.services.session import Services
from tui.turns import TurnTaking


class TypedKeeping(TurnTaking):
    """An app in which nothing typed is lost."""

    services: Services
    _refused = False

    def push_screen(self, screen: Any, *arguments: Any, **options: Any) -> Any:
        """As ever; a dialog with long texts hears of what was typed into it before."""
        if isinstance(screen, Keeping) and screen.kept_as:
            screen.begin_keeping(self._keep, self.services.unfinished.left(screen.kept_as))
        return super().push_screen(screen, *arguments, **options)

    def _keep(self, key: str, heading: str, texts: Mapping[str, str]) -> None:
        self.services.unfinished.put(key, heading, texts)
        self.run_worker(self._settle(), group="keeping")

    async def _settle(self) -> None:
        try:
            await self.services.unfinished.settle()
        except AppError as error:
            if not self._refused:  # said once: it is tried again with the next words
                self._refused = True
                self._main.say(f"What you type is kept in this window only: {error.sentence()}", "problem")

    async def offer_unfinished(self) -> None:
        """Say what was typed in an earlier session and is to be had again."""
        try:
            left = await self.services.unfinished.load()
        except AppError:
            return  # whatever else is read or written says why
        if left:
            more = f" and {len(left) - 1} more" if len(left) > 1 else ""
            self._main.say(f"Typed and never accepted: {safe_line(left[0].heading, 34)}{more}; open it again")

    async def keep_typed(self) -> None:
        """Have on disk what stands in open dialogs and fields. For the last moment: nothing is awaited but the disk."""
        for screen in self.screen_stack:
            if isinstance(screen, Keeping):
                screen.keep_now()
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                await screen.keep_typed()
        await self.services.unfinished.settle()

    @property
    def _main(self) -> MainScreen:
        return next(s for s in self.screen_stack if isinstance(s, MainScreen))
