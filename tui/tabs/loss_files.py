"""Local metrics files on the Loss tab that may still grow: looked at now and then, read again when they changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from textual.timer import Timer

from tui.domain.clock import utc_now
from tui.domain.errors import AppError
from tui.domain.loss.losses import Curves
from tui.services.loss.following import Followed, changed, follow, read_again
from tui.tabs.base import Tab
from tui.widgets.loss_runs import ShownRuns

EVERY = 2.0
"""Seconds between two looks, while the tab is seen."""


class FollowedFiles:
    """What was opened from local files, and how it was when it was last read."""

    def __init__(self, tab: Tab, runs: ShownRuns, redraw: Callable[[], None]) -> None:
        self._tab = tab
        self._runs = runs
        self._redraw = redraw
        self._followed: list[Followed] = []
        self._timer: Timer | None = None
        self._looking = False

    def begin(self, paths: Sequence[Path], asked_epochs: int | None, keys: Sequence[str]) -> None:
        """Look at these paths from now on; `keys` are those of the runs that came of them."""
        self._tab.run_worker(self._begin(paths, asked_epochs, keys), group="follow")

    async def _begin(self, paths: Sequence[Path], asked_epochs: int | None, keys: Sequence[str]) -> None:
        try:
            found = await self._tab.services.pool.run(follow, paths, asked_epochs)
        except (AppError, OSError):
            return  # it has just been read; what goes now has been shown
        if found is None:
            return
        self._followed = [one for one in self._followed if one.keys != tuple(keys)]
        self._followed.append(replace(found, keys=tuple(keys)))
        if self._timer is None:
            self._timer = self._tab.set_interval(EVERY, self._look)

    def _look(self) -> None:
        self._followed = [one for one in self._followed if any(map(self._runs.get, one.keys))]
        if self._followed and not self._looking and self._tab.is_on_screen:
            self._looking = True
            self._tab.run_worker(self._look_at_all(), group="follow")

    async def _look_at_all(self) -> None:
        try:
            for one in tuple(self._followed):
                if await self._tab.services.pool.run(changed, one):
                    await self._read(one)
        finally:
            self._looking = False

    async def _read(self, one: Followed) -> None:
        run = self._tab.services.pool.run
        try:
            now = await run(follow, one.paths, one.asked_epochs)
            found = await run(read_again, one)
        except (AppError, OSError) as error:
            self._keep(one, error.sentence() if isinstance(error, AppError) else "It cannot be read")
            return
        if now is not None:
            self._followed = [replace(now, keys=one.keys) if known is one else known for known in self._followed]
        self._take(one, found)

    def _take(self, one: Followed, found: Sequence[Curves]) -> None:
        """As many runs as before are those of before, whatever files they have now; else their files tell."""
        keys = one.keys
        if len(found) != len(keys):
            keys = tuple("file:" + "|".join(curves.sources) for curves in found)
        for key, curves in zip(keys, found, strict=False):
            shown = self._runs.get(key)
            if shown is not None:
                shown.curves, shown.kept_from, shown.problem = curves, None, ""
        self._redraw()

    def _keep(self, one: Followed, problem: str) -> None:
        """What was read last stays, and why it is no newer is told."""
        news = [shown for shown in map(self._runs.get, one.keys) if shown is not None and shown.problem != problem]
        for shown in news:
            shown.kept_from = shown.kept_from or utc_now()
            shown.problem = problem
        if news:
            self._redraw()
