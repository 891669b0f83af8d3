"""Blocking calls on daemon threads: quitting never waits for one of them."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Work = Callable[[], Callable[[], None] | None]
"""What a thread does; what it answers is called when the thread is free for the next work already."""
_TURN = 0.0005
"""Seconds after which a thread that computes lets another one go on. A key wants the interpreter several times until
it is painted, and with Python's own five milliseconds it would wait that long each time."""
_GIVE_WAY = 0.0002
"""Seconds of a rest when no key is being answered: enough for another thread to take its turn."""
_ANSWERED = 0.012
"""Seconds after a key in which it counts as being answered."""
_LOOK_AGAIN = 0.003
"""Seconds between two looks whether the key is answered."""


class Attention:
    """Knows when a key was pressed last, so that long work can rest until it is answered.

    A thread that computes lets go of the interpreter every half millisecond, and a key wants it a dozen times.
    """

    def __init__(self) -> None:
        self._last = -_ANSWERED

    def wanted(self) -> None:
        """A key was pressed, or the mouse was used."""
        self._last = time.monotonic()

    @property
    def free(self) -> bool:
        """Whether no key is being answered."""
        return time.monotonic() - self._last >= _ANSWERED

    def rest(self, *, shortly: bool = False) -> None:
        """Give way to the thread that answers keys: while one is being answered, or `shortly` in any case."""
        time.sleep(_GIVE_WAY)
        while not (shortly or self.free):
            time.sleep(_LOOK_AGAIN)


attention = Attention()
"""There is one keyboard and one interpreter, so there is one of these."""


class DaemonPool:
    """A bounded set of daemon threads, started as work comes.

    Unlike the interpreter's own executors its threads are not joined at exit, so a call that hangs (a silent
    endpoint, a dead network file system) cannot keep the process alive. When the pool itself is gone, each ends
    after what it was asked to do.
    """

    def __init__(self, size: int = 8, name: str = "tanzaku") -> None:
        self._size = size
        self._name = name
        sys.setswitchinterval(_TURN)
        self._lock = threading.Lock()
        self._begin()

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function(*args, **kwargs)`, run on one of the threads.

        When the awaiting task is cancelled, the call goes on and its result is dropped.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def deliver(result: T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def work() -> Callable[[], None]:
            result: T | None = None
            error: BaseException | None = None
            try:
                result = function(*args, **kwargs)
            except StopIteration as stop:  # a future refuses this one
                error = RuntimeError(f"{function!r} raised StopIteration")
                error.__cause__ = stop
            except BaseException as raised:
                error = raised
            return lambda: post(loop, deliver, result, error)

        self.submit(work)
        return await future

    def submit(self, work: _Work) -> None:
        """Run `work` on one of the threads; it must not raise."""
        with self._lock:
            turns = self._turns
            if turns.idle == 0 and turns.threads < self._size:
                turns.threads += 1
                daemon(turns.serve, f"{self._name}-{turns.threads}")
            else:
                turns.idle = max(0, turns.idle - 1)
            turns.work.put(work)

    def close(self) -> None:
        """Let the threads go, each after what was asked of it so far. Work that comes later starts new ones."""
        with self._lock:
            self._end()
            self._begin()

    def _begin(self) -> None:
        self._turns = _Turns(self._lock)
        # The threads know their turns only, not the pool: it can go while they wait, and then they go too.
        self._end = weakref.finalize(self, self._turns.end)
        self._end.atexit = False


class _Turns:
    """What a pool's threads share."""

    def __init__(self, lock: threading.Lock) -> None:
        self.work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self.lock = lock
        self.threads = 0
        self.idle = 0

    def serve(self) -> None:
        while (work := self.work.get()) is not None:
            tell = work()
            with self.lock:
                self.idle += 1
            # Told only now: who hears it asks for the next work at once, and this thread is there for it.
            if tell:
                tell()
            del work, tell  # and with them whatever they hold, while the thread waits

    def end(self) -> None:
        """Let every thread go once it has done what was asked of it."""
        for _ in range(self.threads):
            self.work.put(None)


def post(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any) -> None:
    """Hand something to the loop from a thread; nothing when the loop has ended meanwhile."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise


def daemon(function: Callable[[], None], name: str) -> threading.Thread:
    """A started daemon thread."""
    thread = threading.Thread(target=function, name=name, daemon=True)
    thread.start()
    return thread
