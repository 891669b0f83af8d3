"""The long looks at files, as plain calls that may take seconds: what was read of a record is kept.

They run in a thread of the app, or for large files in a process beside it (`scan_process`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from tui.domain.base_models import BaseModel
from tui.domain.dataset import scrutiny
from tui.domain.dataset.checks import Problem
from tui.domain.dataset.grams import Thresholds
from tui.domain.dataset.leaks import Leak, Watch
from tui.domain.dataset.scrutiny import Traits
from tui.domain.files.version import Version

Stop = Callable[[], bool]


class Scans:
    """One look at a time: a second one waits for the first on its thread. Documents are named by numbers."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._traits: dict[int, Traits] = {}
        self._watches: dict[tuple[int, int], Watch] = {}

    def forget(self, document: int) -> None:
        """Drop what was read of a document that nobody has open any more."""
        self._traits.pop(document, None)
        for key in [key for key in self._watches if document in key]:
            self._watches.pop(key, None)

    def closer(self, document: int, file: Version, model: BaseModel, should_stop: Stop) -> list[Problem]:
        """What is odd in a file; not all of it when told to stop."""
        with self._turn:
            if should_stop():
                return []
            return scrutiny.look_closer(file, model, self._traits.setdefault(document, Traits()), should_stop)

    def shared(
        self, documents: tuple[int, int], small: Version, large: Version, thresholds: Thresholds, should_stop: Stop
    ) -> list[Leak]:
        """What two files share, `one` in the smaller; not all of it when told to stop."""
        with self._turn:
            if should_stop():
                return []
            watch = self._watches.get(documents)
            if watch is None or watch.thresholds != thresholds:
                watch = self._watches[documents] = Watch(thresholds)
            return watch.look(small, large, should_stop)
