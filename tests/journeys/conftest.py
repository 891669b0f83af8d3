"""The whole app over the whole service layer over a sandbox of this process, driven by keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tui.app import TanzakuApp
from tui.domain.settings import Settings
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.screens.main import MainScreen
from tui.services.aws import Connection
from tui.services.paths import Paths
from tui.services.session import Services, build
from tui.services.watcher import Pace

FAST = Pace(moving=0.05, still=0.1, broken=0.05, slowest=0.2)
PATIENCE = 30.0


@dataclass
class Walk:
    """Someone at the keyboard: presses keys, reads the screen, and lets the sandbox's time pass."""

    sandbox: Sandbox
    clock: ManualClock
    paths: Paths
    pilot: Pilot[None] | None = None
    seen: list[str] = field(default_factory=list)

    def services(self, *, read_only: bool = False, settings: Settings | None = None) -> Services:
        at = self.sandbox
        return build(
            lambda: Connection(None, at.region, at.url, at.access_key_id, at.secret_access_key),
            sandbox=True,
            paths=self.paths,
            settings=settings or Settings(),
            region=at.region,
            read_only=read_only,
            pace=FAST,
            now=self.clock.now,
        )

    @asynccontextmanager
    async def app(
        self, files: Sequence[Path] = (), *, size: tuple[int, int] = (80, 24), services: Services | None = None
    ) -> AsyncIterator[TanzakuApp]:
        app = TanzakuApp(services or self.services(), files)
        async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
            self.pilot = pilot
            await self.until(lambda: isinstance(app.screen, MainScreen), "the main screen")
            yield app
            self.pilot = None

    @property
    def keyboard(self) -> Pilot[None]:
        assert self.pilot is not None
        return self.pilot

    @property
    def app_now(self) -> TanzakuApp:
        app = self.keyboard.app
        assert isinstance(app, TanzakuApp)
        return app

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.keyboard.press(key)
        await self.keyboard.pause()

    async def type(self, text: str) -> None:
        await self.press(*text)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, line by line."""
        return [strip.text.rstrip() for strip in self.app_now.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def until(self, predicate: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not predicate():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}; the screen says\n{self.text}")
            await asyncio.sleep(0.02)
        await self.keyboard.pause()

    async def sees(self, *words: str) -> None:
        """Wait until the screen holds all the words."""
        await self.until(lambda: all(word in self.text for word in words), " and ".join(words))

    async def misses(self, word: str) -> None:
        """Wait until the screen no longer holds the word."""
        await self.until(lambda: word not in self.text, f"the end of {word}")

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.get_running_loop().run_in_executor(None, self.sandbox.settle)


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    clock = ManualClock()
    with Sandbox(clock=clock) as sandbox:
        sandbox.reset()
        yield Walk(sandbox, clock, Paths.under(tmp_path))
