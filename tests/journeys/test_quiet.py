"""A long watch writes to the terminal what changed on the screen, and nothing else: bytes are counted at the driver."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from tests.harness import Walk
from tests.journeys.stage import scene_of
from tui.screens.main import MainScreen
from tui.services.session import Services
from tui.tabs.jobs import JobsTab
from tui.widgets.frame import HeaderLine

RUNS = 50
MINUTE = 60.0
DAY = 86_400.0
FRAME = 6_000
"""Bytes at most for what an ordinary minute changes: the age of one job, here and there."""


class CountingDriver(HeadlessDriver):
    """A terminal that is written to, and keeps no more than the number of bytes."""

    written = 0
    sequences: list[str] = []

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        type(self).written += len(data.encode("utf-8", "replace"))
        if data.startswith("\x1b]"):
            self.sequences.append(data)


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("textual.drivers.headless_driver.HeadlessDriver", CountingDriver)
    CountingDriver.written, CountingDriver.sequences = 0, []
    yield
    CountingDriver.sequences = []


def settled_runs(walk: Walk) -> None:
    """Fifty models, made a month ago; and one throughput that has served them since."""
    scene = scene_of(walk)
    scene.bucket()
    models = [scene.model(f"keeper-{number}") for number in range(RUNS)]
    scene.throughput(models[0])
    walk.clock.advance(30 * DAY)


def steady(services: Services) -> None:
    """No look but those that the test asks for: what a wait is, is tested elsewhere."""
    services.watcher._wait = lambda board: 3600.0  # type: ignore[method-assign]


async def one_round(walk: Walk, screen: MainScreen, services: Services) -> None:
    """Everything that happens by itself: a look at AWS, the timers of header, list and money."""
    before = screen.board.seen
    services.watcher.wake()
    walk.clock.advance(0.001)
    await walk.until(lambda: screen.board.seen != before, "another look")
    screen.look_at_money()
    for header in screen.query(HeaderLine):
        header._tick()
    for tab in screen.query(JobsTab):
        tab._tick()
    await walk.keyboard.pause()


async def test_nothing_is_written_while_nothing_changes(walk: Walk) -> None:
    """Eight hours in steps of half an hour: wherever the screen says the same as before, not one byte."""
    settled_runs(walk)
    services = walk.services()
    steady(services)
    async with walk.app(size=(120, 40), services=services) as app:
        await walk.sees(walk.sandbox.account_id, "1 MU")
        await walk.press("2")
        await walk.sees(f"{RUNS} runs", "keeper-")
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        for _ in range(3):
            await one_round(walk, screen, services)
        titles = len([one for one in CountingDriver.sequences if one.startswith("\x1b]2;")])
        same = changed = 0
        for step in range(2 * 16):
            if step % 2:
                walk.clock.advance(30 * MINUTE)
            text, written = walk.text, CountingDriver.written
            await one_round(walk, screen, services)
            spent = CountingDriver.written - written
            if walk.text == text:
                same += 1
                assert spent == 0, f"{spent} bytes for nothing at step {step}"
            else:
                changed += 1
                assert spent < FRAME
        # The meter counts hours and dollars; in between all is still.
        assert same >= 16
        assert changed > 0
        assert len([one for one in CountingDriver.sequences if one.startswith("\x1b]2;")]) == titles <= 1


async def test_where_nothing_bills_eight_hours_are_silent(walk: Walk) -> None:
    scene = scene_of(walk)
    scene.bucket()
    for number in range(RUNS):
        scene.model(f"keeper-{number}")
    walk.clock.advance(30 * DAY)
    services = walk.services()
    steady(services)
    async with walk.app(services=services) as app:
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees(f"{RUNS} runs", "keeper-")
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        for _ in range(3):
            await one_round(walk, screen, services)
        written = CountingDriver.written
        for _ in range(24):
            walk.clock.advance(20 * MINUTE)
            await one_round(walk, screen, services)
        assert CountingDriver.written == written


async def test_the_watch_of_the_whole_app_keeps_nothing(walk: Walk) -> None:
    settled_runs(walk)
    services = walk.services()
    steady(services)
    async with walk.app(services=services) as app:
        await walk.sees(walk.sandbox.account_id, "1 MU")
        await walk.press("2")
        await walk.sees("keeper-")
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        requests = walk.sandbox.requests

        async def rounds(number: int) -> int:
            for _ in range(number):
                walk.clock.advance(5 * MINUTE)
                await one_round(walk, screen, services)
                requests.clear()  # the sandbox's own record, in this process only here
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        await rounds(5)
        tracemalloc.start()
        try:
            await rounds(5)
            before = await rounds(1)
            grown = await rounds(15) - before
        finally:
            tracemalloc.stop()
        assert grown < 300_000, grown
