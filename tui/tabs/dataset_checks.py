"""What is wrong with the files of the Dataset tab: looked for in the background, listed, walked through."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from dataclasses import replace

from textual import work

from tui.domain.dataset.findings import Findings
from tui.tabs.dataset_base import EditedFile
from tui.tabs.dataset_list import ListingTab
from tui.widgets.virtual_table import VirtualTable

_CHECK_DELAY = 0.3
_LARGE = 10_000
"""Records from which on a check of what was edited begins a little later."""


class CheckingTab(ListingTab, part=True):
    """Checks every open file for the base model."""

    def check(self, at: int, *, edited: bool = False) -> None:
        """Look for problems in the background."""
        self._check(self.files[at], edited=edited)  # its place may be another's before the worker begins

    @work(group="check")
    async def _check(self, opened: EditedFile, *, edited: bool) -> None:
        """What is found counts unless the file is edited meanwhile."""
        model = self.model
        await self.painted.wait()
        if edited and len(opened.file) > _LARGE:
            # The next edit is likely, and a check takes a processor.
            await asyncio.sleep(_CHECK_DELAY)

        def place() -> int | None:
            """Where the file stands among the open ones by now, unless it is edited, closed, or for something else."""
            if self.model is not model:
                return None
            same = (i for i, f in enumerate(self.files) if f.file is opened.file and f.role is opened.role)
            return next(same, None)

        def outdated() -> bool:
            return place() is None

        if outdated():
            return
        found = await self.services.datasets.check(opened.file, model, opened.role, outdated)
        now = place()
        if now is not None:
            self.put_rules(now, found)
            if now == self.current:
                self.show_file()

    def put_rules(self, at: int, found: Findings) -> None:
        """Take what the rules say of a file."""
        self.files[at] = replace(self.files[at], problems=found)

    def watch_base_model_key(self) -> None:
        """Other limits: check everything again."""
        for at, opened in enumerate(self.files):
            self.files[at] = replace(opened, problems=None)
            self.check(at)
        if self.is_mounted:
            self.show_file()

    def action_problem(self, step: int) -> None:
        """Go to the next or last record that has a problem."""
        opened = self.opened
        if opened is None or not opened.problems or self.rows is None or not len(self.rows):
            return
        places = opened.findings.places
        if not places:
            self.say(f"{opened.name}: {opened.problems[0].message}", "problem")
            return
        here = self.rows.index(self.query_one("#pairs", VirtualTable).cursor)
        # Round the end: behind the last one comes the first.
        at = bisect_right(places, here) if step > 0 else bisect_left(places, here) - 1
        self.go_to(places[at % len(places)])
