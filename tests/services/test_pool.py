"""The pool of daemon threads."""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import Any

import pytest

from tests.services.conftest import until
from tui.services import pool as pools
from tui.services.pool import DaemonPool, daemon, post


async def test_results_and_exceptions_come_back() -> None:
    pool = DaemonPool()
    assert await pool.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(divmod, 1, 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await pool.run(next, iter(()))


async def test_every_thread_is_a_daemon_and_there_are_no_more_than_asked() -> None:
    pool = DaemonPool(3, "few")
    release = threading.Event()
    calls = [asyncio.ensure_future(pool.run(release.wait, 10)) for _ in range(10)]
    await asyncio.sleep(0)
    mine = [t for t in threading.enumerate() if t.name.startswith("few-")]
    assert len(mine) == 3
    assert all(t.daemon for t in mine)
    release.set()
    assert await asyncio.gather(*calls) == [True] * 10


async def test_a_thread_that_is_free_is_used_again() -> None:
    pool = DaemonPool(8, "again")
    for _ in range(20):
        await pool.run(int)
    assert len([t for t in threading.enumerate() if t.name.startswith("again-")]) == 1


async def test_the_threads_end_with_the_pool_and_do_what_was_asked_before() -> None:
    pool = DaemonPool(2, "ending")
    release, done = threading.Event(), threading.Event()
    await pool.run(int)
    pool.submit(lambda: [release.wait(10)].clear())
    pool.submit(lambda: [release.wait(10)].clear())
    pool.submit(done.set)
    mine = [t for t in threading.enumerate() if t.name.startswith("ending-")]
    assert len(mine) == 2
    del pool
    assert all(t.is_alive() for t in mine)
    release.set()
    for thread in mine:
        thread.join(10)
    assert done.is_set()
    assert not any(t.is_alive() for t in mine)


async def test_a_closed_pool_has_no_threads_until_there_is_work_again() -> None:
    pool = DaemonPool(2, "closing")
    thread = await pool.run(threading.current_thread)
    pool.close()
    thread.join(10)
    assert not thread.is_alive()
    assert (await pool.run(threading.current_thread)).name == "closing-1"


async def test_what_was_worked_on_is_let_go_while_the_threads_wait() -> None:
    class Large:
        """Something one would not keep."""

    pool, large = DaemonPool(1), Large()
    left = weakref.ref(large)
    await pool.run(id, large)
    del large
    until(lambda: left() is None)


async def test_a_cancelled_awaiter_leaves_at_once_and_the_call_goes_on() -> None:
    pool = DaemonPool()
    started, release, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait(10)
        ended.set()

    task = asyncio.ensure_future(pool.run(work))
    await asyncio.get_running_loop().run_in_executor(None, started.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await pool.run(ended.wait, 5)


def test_a_loop_that_has_closed_is_no_error() -> None:
    pool = DaemonPool()
    release, done = threading.Event(), threading.Event()

    async def leave() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pool.run(release.wait, 10), 0.01)

    asyncio.run(leave())
    release.set()
    pool.submit(done.set)
    assert done.wait(5)
    loop = asyncio.new_event_loop()
    loop.close()
    post(loop, print, "never")


def test_a_daemon_runs_at_once() -> None:
    ran: list[Any] = []
    thread = daemon(lambda: ran.append(threading.current_thread()), "answer-x")
    until(lambda: ran)
    assert ran == [thread]
    assert thread.daemon


class Clock:
    """Time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 50.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_work_rests_while_a_key_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(pools, "time", clock)
    attention = pools.Attention()
    attention.rest()
    assert len(clock.slept) == 1, "nobody has pressed anything"
    attention.wanted()
    pressed = clock.now
    attention.rest(shortly=True)
    assert clock.now - pressed < 0.001, "what the key itself asked for does not wait"
    attention.rest()
    assert 0.012 <= clock.now - pressed < 0.02
    before = len(clock.slept)
    attention.rest()
    assert len(clock.slept) == before + 1
