"""The process beside the app (`scan_process`): reads what to look at, and answers in pieces as it finds them."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from tui.domain.dataset import checks
from tui.domain.dataset.checks import Problem
from tui.domain.dataset.grams import Alike
from tui.domain.files.version import Version
from tui.services.dataset.scan_messages import cut, receive, receive_version, send
from tui.services.dataset.scans import Scans

_LONG = 10
"""How much nicer a look that takes seconds is than the app."""
Files = list[tuple[int, Version]]


def main() -> None:
    """Serve until the app has closed its end."""
    # What is made here goes by itself; to look for what does not would take a third of the time.
    gc.disable()
    answers = os.dup(1)
    os.dup2(2, 1)
    _Desk(answers).serve()
    os._exit(0)  # whatever is still being looked at


class _Desk:
    """Takes requests and gives each to a thread of its own."""

    def __init__(self, answers: int) -> None:
        self._to = answers
        self._lock = threading.Lock()
        self._stopped: set[int] = set()
        self._scans = Scans()
        self._work: dict[str, Callable[..., Iterable[Any]]] = {
            "rules": self._rules,
            "closer": self._closer,
            "shared": self._shared,
        }

    def serve(self) -> None:
        stream = sys.stdin.buffer
        with suppress(EOFError):
            while True:
                match receive(stream):
                    case "stop", ticket:
                        self._stopped.add(ticket)
                    case "forget", document:
                        self._scans.forget(document)
                    case what, ticket, count, more:
                        files = [receive_version(stream) for _ in range(count)]
                        threading.Thread(target=self._answer, args=(ticket, what, files, more), daemon=True).start()
                        del files

    def _answer(self, ticket: int, what: str, files: Files, more: tuple[Any, ...]) -> None:
        try:
            found = list(self._work[what](files, *more, lambda: ticket in self._stopped))
            for some in cut(found):
                self._say("piece", ticket, some)
            self._say("end", ticket)
        except OSError:
            os._exit(0)  # nobody listens any more
        except BaseException:  # the app does it again by itself, where a fault is seen
            self._say("failed", ticket)
        finally:
            self._stopped.discard(ticket)

    def _say(self, word: str, ticket: int, piece: Any = None) -> None:
        with self._lock:
            send(self._to, (word, ticket, piece))

    def _rules(self, files: Files, model: Any, role: Any, should_stop: Callable[[], bool]) -> Iterable[Any]:
        ((_, file),) = files
        return map(_flat, checks.check(file, model, role, should_stop=should_stop))

    def _closer(self, files: Files, model: Any, should_stop: Callable[[], bool]) -> Iterable[Any]:
        _be_nice()
        ((document, file),) = files
        return map(_flat, self._scans.closer(document, file, model, should_stop))

    def _shared(self, files: Files, thresholds: Any, should_stop: Callable[[], bool]) -> Iterable[Any]:
        _be_nice()
        (small, one), (large, other) = files
        found = self._scans.shared((small, large), one, other, thresholds, should_stop)
        return ((k.one, k.other, _likeness(k.question), _likeness(k.answer)) for k in found)


def _flat(problem: Problem) -> tuple[Any, ...]:
    p = problem
    return p.rule, p.severity, p.message, p.field, p.index, p.line, p.source


def _likeness(alike: Alike | None) -> tuple[Any, ...] | None:
    return (alike.level, alike.containment, alike.jaccard) if alike else None


def _be_nice() -> None:
    """This thread gives way to everything else. Only Linux knows the priority of a thread."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LONG)


if __name__ == "__main__":
    main()
