"""The services of one session that need no AWS: files, and what the app remembers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tui.domain.clock import Now
from tui.services.dataset.datasets import Datasets
from tui.services.dataset.scan_process import ScanProcess
from tui.services.paths import Paths
from tui.services.pool import DaemonPool

if TYPE_CHECKING:
    from tui.services.chat.history import History
    from tui.services.chat.parameters import Refusals
    from tui.services.chat.presets import Presets
    from tui.services.chat.votes import Votes
    from tui.services.dataset.documents import Documents
    from tui.services.dataset.file_memory import FileMemory
    from tui.services.dataset.review_queue import ReviewQueue
    from tui.services.dataset.scrutiny import Scrutiny
    from tui.services.dataset.shaping import Shaping
    from tui.services.news import NewsDesk
    from tui.services.serving.leases import Leases
    from tui.services.store import Store
    from tui.services.unfinished import UnfinishedTexts


class LocalServices:
    """Each is imported and made when it is first asked for."""

    def __init__(self, paths: Paths, *, sandbox: bool, now: Now) -> None:
        # Files and the store never wait behind calls to AWS that hang.
        self.pool = DaemonPool(4, "local")
        self.paths = paths
        self.sandbox = sandbox
        self.now = now
        self.scan_process = ScanProcess()
        self.datasets = Datasets(self.pool, self.scan_process)

    @cached_property
    def store(self) -> Store:
        """What the app remembers. Nothing is opened yet: the first use, on a thread, does."""
        from tui.services.store import Store

        return Store(self.paths.sandbox_store if self.sandbox else self.paths.store, now=self.now)

    @cached_property
    def documents(self) -> Documents:
        """Files of pairs for editing."""
        from tui.services.dataset.documents import Documents

        return Documents(self.pool, self.paths.state)

    @cached_property
    def file_memory(self) -> FileMemory:
        """Recent files and the keys chosen for them."""
        from tui.services.dataset.file_memory import FileMemory

        return FileMemory(self.store, self.pool, now=self.now)

    @cached_property
    def scrutiny(self) -> Scrutiny:
        """The closer look at files, and at what they share."""
        from tui.services.dataset.scrutiny import Scrutiny

        return Scrutiny(self.pool, self.scan_process)

    @cached_property
    def shaping(self) -> Shaping:
        """Statistics and splits."""
        from tui.services.dataset.shaping import Shaping

        return Shaping(self.pool)

    @cached_property
    def history(self) -> History:
        """Answers of this and earlier sessions."""
        from tui.services.chat.history import History

        return History(self.store, self.pool)

    @cached_property
    def votes(self) -> Votes:
        """Which answers were found better."""
        from tui.services.chat.votes import Votes

        return Votes(self.store, self.pool)

    @cached_property
    def unfinished(self) -> UnfinishedTexts:
        """What is typed and not accepted yet."""
        from tui.services.unfinished import UnfinishedTexts

        return UnfinishedTexts(self.store, self.pool, now=self.now)

    @cached_property
    def presets(self) -> Presets:
        """System prompts and parameters by name."""
        from tui.services.chat.presets import Presets

        return Presets(self.store, self.pool)

    @cached_property
    def refusals(self) -> Refusals:
        """Sampling parameters that models refuse."""
        from tui.services.chat.parameters import Refusals

        return Refusals(self.store)

    @cached_property
    def review_queue(self) -> ReviewQueue:
        """Written pairs that wait for a person."""
        from tui.services.dataset.review_queue import ReviewQueue

        return ReviewQueue(self.store, self.pool, now=self.now)

    @cached_property
    def leases(self) -> Leases:
        """For how long throughput was bought."""
        from tui.services.serving.leases import Leases

        return Leases(self.store, now=self.now)

    @cached_property
    def news(self) -> NewsDesk:
        """What changed, also while the app was closed."""
        from tui.services.news import NewsDesk

        return NewsDesk(self.store, self.pool)

    async def remember(self, place: str, key: str, value: str) -> None:
        """Keep a last choice."""
        await self.pool.run(self.store.remember, place, key, value)

    async def recall(self, place: str, key: str, default: str = "") -> str:
        """A last choice."""
        return await self.pool.run(self.store.recall, place, key, default)
