"""The whole app over the whole service layer over a sandbox of this process, driven by keys; and worlds that are
the same in every run."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import random
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from textual.events import Key, Paste
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key, key_to_character
from textual.pilot import Pilot

import tui.app
from tests import thrift
from tui.app import TanzakuApp
from tui.dialogs.base import Dialog
from tui.domain.settings import Settings
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.screens.main import MainScreen
from tui.services.aws import Connection
from tui.services.paths import Paths
from tui.services.session import Services, build
from tui.services.watcher import Pace
from tui.widgets.frame import StatusLine

thrift.share_styles()
thrift.share_handlers()
thrift.share_models()
thrift.hurry_retries()
thrift.lighten_strips()
tui.app._collect_garbage_again = gc.enable
FAST = Pace(moving=0.25, still=1, broken=0.1, slowest=0.5)
PATIENCE = 30.0
FORGETTING = 20
"""Journeys after which the earlier ones are forgotten."""
ALL_FORGETTING = 10
"""How often they are, when what was left at earlier times is looked at too."""
_begun = itertools.count()


@dataclass
class Walk:
    """Someone at the keyboard: presses keys, reads the screen, and lets the sandbox's time pass."""

    sandbox: Sandbox
    clock: ManualClock
    paths: Paths
    pilot: Pilot[None] | None = None
    said: list[str] = field(default_factory=list)
    """What the status line has shown since the last key; much of it is gone again before a busy walker looks."""

    def services(self, *, read_only: bool = False, settings: Settings | None = None) -> Services:
        at = self.sandbox
        services = build(
            lambda: Connection(None, at.region, at.url, at.access_key_id, at.secret_access_key),
            sandbox=True,
            paths=self.paths,
            settings=settings or Settings(),
            region=at.region,
            read_only=read_only,
            pace=FAST,
            now=self.clock.now,
        )
        services.aws._order_pauses = (0.0, 0.0)
        return services

    def live_services(self, region: str) -> Services:
        """As without the sandbox: boto3 looks for the user's own credentials."""
        return build(
            lambda: Connection(region=region),
            sandbox=False,
            paths=self.paths,
            settings=Settings(),
            region=region,
            pace=FAST,
            now=self.clock.now,
        )

    @asynccontextmanager
    async def app(
        self, files: Sequence[Path] = (), *, size: tuple[int, int] = (80, 24), services: Services | None = None
    ) -> AsyncIterator[TanzakuApp]:
        # The walker reads the question before answering, and what is said; nobody has to wait for a person's eyes.
        Dialog.GRACE, StatusLine.STAYS, MainScreen.HEAD_START = 0, 0.3, 0
        self.said.clear()
        app = TanzakuApp(services or self.services(), files)
        try:
            with patch.object(StatusLine, "_show", self._listening(StatusLine._show)):
                async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
                    self.pilot = pilot
                    await self.until(lambda: isinstance(app.screen, MainScreen), "the main screen")
                    yield app
        finally:
            self.pilot = None
            leave(app)

    @property
    def keyboard(self) -> Pilot[None]:
        assert self.pilot is not None
        return self.pilot

    @property
    def app_now(self) -> TanzakuApp:
        app = self.keyboard.app
        assert isinstance(app, TanzakuApp)
        return app

    def _listening(self, show: Callable[[StatusLine], None]) -> Callable[[StatusLine], None]:
        def listened(line: StatusLine) -> None:
            show(line)
            stack = line.app.screen_stack if line.is_attached else []  # at the end of the app there may be none
            if stack and (line.screen is stack[-1] or stack[-1].is_modal):
                self.said.append(" ".join((line.render().plain if line.size.width else line.text).split()))

        return listened

    async def press(self, *keys: str) -> None:
        self.said.clear()
        await self.keyboard.press(*keys)
        await self.rest()

    async def together(self, *keys: str) -> None:
        """Keys of one burst, as a slow line delivers them: all of them wait before the first is looked at."""
        self.said.clear()
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 else key
            character = key_to_character(_get_unicode_name_from_key(REPLACED_KEYS.get(name, name)))
            self.app_now.post_message(Key(name, character))
        await self.rest()

    async def rest(self) -> None:
        """Until every key has been acted on."""
        await self.keyboard.pause()
        await self.app_now.rest()

    async def type(self, text: str) -> None:
        """Short words key by key, long ones pasted: the pilot rests some hundredths of a second after each key."""
        if len(text) <= 12:
            await self.press(*text)
        else:
            self.said.clear()
            self.app_now.post_message(Paste(text))
            await self.keyboard.pause()

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
        """Wait until the screen holds all the words; a line break in them counts as a blank.

        What the status line has said since the last key counts too, once: some tenths of a second later, or with the
        next word of another, it is gone.
        """
        await self.until(lambda: all(map(self._heard, self._missing(*words))), " and ".join(words))
        del self.said[: max(map(self._heard, words), default=0)]

    def _heard(self, word: str) -> int:
        """Which of the things said says it, counted from one; 0 if none."""
        return next((number for number, text in enumerate(self.said, 1) if word in text), 0)

    def shows(self, *words: str) -> bool:
        """Whether the words stand on the screen now, also across a line break."""
        return not self._missing(*words)

    def _missing(self, *words: str) -> list[str]:
        text = self.text
        in_one_line = " ".join(text.split())
        return [word for word in words if word not in text and word not in in_one_line]

    async def misses(self, word: str) -> None:
        """Wait until the screen no longer holds the word."""
        await self.until(lambda: not self.shows(word), f"the end of {word}")

    async def pass_time(self, seconds: float) -> None:
        self.said.clear()
        self.clock.advance(seconds)
        await asyncio.get_running_loop().run_in_executor(None, self.sandbox.settle)
        self.app_now.services.watcher.wake()


def begin_empty() -> None:
    """Forget the apps of some earlier tests at once, since the collector by itself comes too seldom to that.

    What is left then is looked at no more until the next time: it is more with every test, and nearly all of it stays
    until the process ends. An app in a process of its own does this at its start, which here would keep every earlier
    app for good.
    """
    times, rest = divmod(next(_begun), FORGETTING)
    if rest == 1:
        if times % ALL_FORGETTING == 0:
            gc.unfreeze()
        gc.collect()
        gc.freeze()


def leave(app: TanzakuApp) -> None:
    """Let the threads of an app that has ended go."""
    app.services.close()


@contextmanager
def same_answers() -> Iterator[None]:
    """Models that learn and answer the same in every run, as far as they are told and asked the same."""
    dice = SimpleNamespace(randbelow=lambda limit: 7, token_hex=secrets.token_hex)
    with patch("tui.sandbox.jobs.secrets", dice), patch("tui.sandbox.bodies.secrets", dice):
        yield


@contextmanager
def fixed_chances() -> Iterator[None]:
    """ARNs, seeds and measured answer times that are the same in every run, and times of day in UTC."""
    dice, thread = random.Random(7), threading.local()

    def ticking() -> float:
        thread.ticks = ticks = getattr(thread, "ticks", 0) + 1
        return 0.4 * float(ticks)

    chances = SimpleNamespace(choice=dice.choice, randbelow=lambda limit: 7, token_hex=lambda length: "7" * length)
    with ExitStack() as stack:
        for module in ("records", "jobs", "bodies"):
            stack.enter_context(patch(f"tui.sandbox.{module}.secrets", chances))
        stack.enter_context(patch("tui.services.chat.chat.time", SimpleNamespace(monotonic=ticking)))
        stack.callback(time.tzset)  # last on the way out, when TZ is as it was
        stack.enter_context(patch.dict(os.environ, TZ="UTC"))
        time.tzset()
        yield


@contextmanager
def nobody(home: Path) -> Iterator[None]:
    """An environment in which boto3 finds no credentials, no Region, and asks no metadata service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    empty = {
        "HOME": str(home),
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with patch.dict(os.environ, kept | empty, clear=True):
        yield
