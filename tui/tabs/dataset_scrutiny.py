"""The closer look behind the rules: near duplicates, odd records, and what files share that must not share anything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from textual import work

from tui.domain.dataset.checks import Problem, total_problem
from tui.domain.dataset.findings import Findings
from tui.domain.files.pairs import Role
from tui.domain.values import dataclass
from tui.tabs.dataset_base import EditedFile
from tui.tabs.dataset_checks import CheckingTab

if TYPE_CHECKING:
    from tui.domain.dataset.grams import Thresholds
    from tui.services.dataset.open_document import OpenDocument
    from tui.services.dataset.scrutiny import Shared, Side

_SERVICE = "tui.services.dataset.scrutiny"
"""Imported on a thread: it brings much along, and keys are pressed meanwhile."""
_REST = 0.25
"""Seconds between the rules and the closer look: the next edit may make it needless."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What each look at a file found."""

    rules: Sequence[Problem] = ()
    closer: Sequence[Problem] = ()
    leaks: Sequence[Problem] = ()


class ScrutinyTab(CheckingTab, part=True):
    """Looks closer at every open file, and at every two of different roles."""

    shared: Sequence[Shared] = ()
    """What the open files share, by their places in `compared`."""
    compared: Sequence[EditedFile] = ()

    @cached_property
    def thresholds(self) -> Thresholds:
        """From which likeness on a question counts as shared; may be set."""
        from tui.domain.dataset.grams import USUAL

        return USUAL

    @cached_property
    def _seen(self) -> WeakKeyDictionary[OpenDocument, Looks]:
        return WeakKeyDictionary()

    def put_rules(self, at: int, found: Findings) -> None:
        """Show what the rules say at once, and look closer."""
        opened = self.files[at]
        self._seen[opened.source] = Looks(found)
        self.files[at] = replace(opened, problems=found, looking=True)
        self._look_closer(opened)
        self.look_for_leaks()

    @work(group="scrutiny")
    async def _look_closer(self, opened: EditedFile) -> None:
        model = self.model
        await asyncio.sleep(_REST)
        await self.services.pool.run(import_module, _SERVICE)

        def outdated() -> bool:
            return not any(f.source is opened.source and f.file is opened.file for f in self.files) or (
                self.model is not model
            )

        found = await self.services.scrutiny.look_closer(opened.source.document.now, model, outdated)
        if not outdated():
            looks = self._seen[opened.source]
            self._seen[opened.source] = replace(looks, closer=found)
            await self._show_looks(opened, looking=False)

    @work(group="leaks", exclusive=True)
    async def look_for_leaks(self) -> None:
        """Look for what the open files share, in the background; a later call takes the place of this one."""
        await asyncio.sleep(_REST)
        await self.services.pool.run(import_module, _SERVICE)
        from tui.services.dataset.scrutiny import Side

        files = tuple(self.files)
        sides = [Side(f.source.document.now, f.role) for f in files]
        thresholds = self.thresholds

        def outdated() -> bool:
            same = len(files) == len(self.files) and thresholds == self.thresholds
            return not same or any(
                a.file is not b.file or a.role is not b.role for a, b in zip(files, self.files, strict=True)
            )

        shared = await self.services.scrutiny.leaks(sides, outdated, thresholds)
        if outdated():
            return
        self.shared, self.compared = shared, files
        for opened, problems in zip(files, await self._problems_of(sides, shared), strict=True):
            looks = self._seen.get(opened.source)
            if looks is not None and list(looks.leaks) != problems:
                self._seen[opened.source] = replace(looks, leaks=problems)
                await self._show_looks(opened)

    async def _problems_of(self, sides: Sequence[Side], shared: Sequence[Shared]) -> list[list[Problem]]:
        """What the files share, and the limit on both files for training together."""
        found = await self.services.scrutiny.told(sides, shared)
        training, validation = (
            next((s for s in sides if s.role is role), None) for role in (Role.TRAIN, Role.VALIDATION)
        )
        if training:
            total = total_problem(len(training.file), len(validation.file) if validation else 0, self.model.limits)
            for side, problems in zip(sides, found, strict=True):
                if total and side in (training, validation):
                    problems.insert(0, total)
        return found

    async def _show_looks(self, opened: EditedFile, *, looking: bool | None = None) -> None:
        """Put all that was found of a file together and show it, unless it was edited meanwhile."""
        looks = self._seen[opened.source]
        found = await self.services.scrutiny.merged(looks.rules, looks.closer, looks.leaks)
        for at, now in enumerate(self.files):
            if now.source is opened.source and now.file is opened.file and self._seen[opened.source] is looks:
                still = now.looking if looking is None else looking
                self.files[at] = replace(now, problems=found, looking=still)
                if at == self.current:
                    self.show_file()
