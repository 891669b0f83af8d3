"""The pilot waits for what a key began, and no longer."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests.quiet import quiet
from tui.services.pool import DaemonPool


class Host(App[None]):
    """Works on a thread at one key, and waits there for ever at another."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = DaemonPool(2)
        self.done = 0
        self.release = threading.Event()

    async def key_a(self) -> None:
        self.run_worker(self.work())

    async def work(self) -> None:
        for _ in range(3):
            await self.pool.run(_compute, 0.02)
            self.done += 1

    def key_b(self) -> None:
        self.run_worker(self.pool.run(self.release.wait, 30))

    def key_c(self) -> None:
        self.set_timer(0.01, self.work)


def _compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def _pressed(pilot: Pilot[None], *keys: str) -> float:
    began = time.monotonic()
    await pilot.press(*keys)
    return time.monotonic() - began


async def test_what_a_key_began_on_a_thread_is_waited_for() -> None:
    app = Host()
    async with app.run_test() as pilot:
        await _pressed(pilot, "a")
        assert app.done == 3
        await _pressed(pilot, "c")
        assert app.done == 6


async def test_nobody_waits_long_for_a_thread_that_waits_itself() -> None:
    app = Host()
    async with app.run_test() as pilot:
        assert await _pressed(pilot, *"bxxx") < 20
        began = time.monotonic()
        await quiet(max_sleep=0.05)
        assert time.monotonic() - began < 5
        app.release.set()


def test_what_a_worker_tells_of_a_test_is_sent_at_once(pytestconfig: pytest.Config) -> None:
    to_master = getattr(getattr(pytestconfig, "failures_db", None), "sock", None)
    if hasattr(pytestconfig, "workerinput"):
        assert to_master is not None, "pytest-rerunfailures tells it otherwise now"
    assert to_master is None or to_master.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
