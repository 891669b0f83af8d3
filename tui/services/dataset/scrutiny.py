"""The closer look at files of pairs, and at what they share, on the pool; what was read of a record is kept."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from tui.domain.base_models import BaseModel
from tui.domain.dataset import scrutiny
from tui.domain.dataset.checks import Problem, Severity
from tui.domain.dataset.drafts import OpenFiles
from tui.domain.dataset.findings import Findings
from tui.domain.dataset.generation import Draft
from tui.domain.dataset.grams import USUAL, Alike, Level, Sketches, Thresholds, sketch
from tui.domain.dataset.leaks import Leak, Watch, leaks
from tui.domain.dataset.near_duplicates import near_duplicates
from tui.domain.files.formats import Record
from tui.domain.files.material import Material
from tui.domain.files.pairs import Pairs, Role
from tui.domain.files.version import Version
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.dataset.datasets import yielding
from tui.services.dataset.scan_process import GoneError, ScanProcess
from tui.services.dataset.scans import Scans
from tui.services.memory import give_back
from tui.services.pool import DaemonPool


@dataclass(frozen=True, slots=True)
class Shared:
    """What two open files share: their places among those that were looked at, and the leaks between them."""

    one: int
    other: int
    leaks: tuple[Leak, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """A file to look for leaks in."""

    file: Version
    role: Role


class Scrutiny:
    """Near duplicates, odd records, leaks: here, for large files in the process beside."""

    def __init__(self, pool: DaemonPool, scan_process: ScanProcess | None = None) -> None:
        self._pool = pool
        self._scan_process = scan_process or ScanProcess()
        self._scans = Scans()
        self._here: weakref.WeakSet[Material] = weakref.WeakSet()
        """Documents that were looked at in this process."""

    async def look_closer(self, file: Version, model: BaseModel, should_stop: Callable[[], bool]) -> list[Problem]:
        """What is odd in a file; not all of it when told to stop."""
        return await self._pool.run(self._look_closer, file, model, should_stop)

    def _look_closer(self, file: Version, model: BaseModel, should_stop: Callable[[], bool]) -> list[Problem]:
        if self._scan_process.is_for(file):
            with suppress(GoneError):
                pieces = self._scan_process.ask("closer", [file], model, should_stop=should_stop)
                found = [Problem(*one) for piece in pieces for one in piece]
                give_back()  # from opening and sending a large file; 3.5 MB of 40 with 100,000 pairs
                return found
        return self._scans.closer(self._number(file), file, model, yielding(should_stop))

    def _number(self, file: Version) -> int:
        """What its document is called as long as it lives."""
        number = self._scan_process.number(file.material)
        if file.material not in self._here:
            self._here.add(file.material)
            weakref.finalize(file.material, self._scans.forget, number).atexit = False
        return number

    async def leaks(
        self, sides: Sequence[Side], should_stop: Callable[[], bool], thresholds: Thresholds = USUAL
    ) -> list[Shared]:
        """What files of different roles share, for every two of them; not all of it when told to stop."""
        return await self._pool.run(self._leaks, tuple(sides), should_stop, thresholds)

    def _leaks(self, sides: Sequence[Side], should_stop: Callable[[], bool], thresholds: Thresholds) -> list[Shared]:
        found = []
        for one, first in enumerate(sides):
            for other, second in enumerate(sides[one + 1 :], one + 1):
                if first.role is not second.role and not should_stop():
                    leaks = self._between(first.file, second.file, thresholds, should_stop)
                    found.append(Shared(one, other, leaks))
        return found

    async def leaks_of(
        self, drafts: Sequence[Draft], files: OpenFiles, should_stop: Callable[[], bool]
    ) -> dict[int, str]:
        """What of written pairs stands in open files, whole or nearly: the gravest of each, by the draft's number."""
        return await self._pool.run(_leaks_of, drafts, files, yielding(should_stop))

    async def alike(self, drafts: Sequence[Draft], should_stop: Callable[[], bool]) -> dict[int, tuple[int, Alike]]:
        """Which written pairs ask nearly what an earlier one of them asks: by the draft's number, that one's number."""
        return await self._pool.run(_alike_drafts, drafts, yielding(should_stop))

    async def asked_in(
        self, questions: Sequence[str], files: Sequence[Pairs], should_stop: Callable[[], bool]
    ) -> frozenset[int]:
        """Numbers of the questions that stand in these files, whole or nearly; not all of them when told to stop."""
        return await self._pool.run(_asked_in, tuple(questions), tuple(files), yielding(should_stop))

    def _between(
        self, one: Version, other: Version, thresholds: Thresholds, should_stop: Callable[[], bool]
    ) -> tuple[Leak, ...]:
        swap = len(one) > len(other)
        small, large = (other, one) if swap else (one, other)
        leaks = self._of(small, large, thresholds, should_stop)
        return tuple(replace(k, one=k.other, other=k.one) for k in leaks) if swap else tuple(leaks)

    def _of(
        self, small: Version, large: Version, thresholds: Thresholds, should_stop: Callable[[], bool]
    ) -> list[Leak]:
        if self._scan_process.is_for(small, large):
            with suppress(GoneError):
                pieces = self._scan_process.ask("shared", [small, large], thresholds, should_stop=should_stop)
                return [Leak(k[0], k[1], _alike(k[2]), _alike(k[3])) for piece in pieces for k in piece]
        numbers = (self._number(small), self._number(large))
        return self._scans.shared(numbers, small, large, thresholds, yielding(should_stop))

    async def told(self, sides: Sequence[Side], shared: Sequence[Shared]) -> list[list[Problem]]:
        """For each file what it shares with the others, as problems of its records."""
        return await self._pool.run(told, sides, shared)

    async def merged(self, *parts: Sequence[Problem]) -> Findings:
        """Several lists of problems as one, counted."""
        return await self._pool.run(lambda: Findings.over(scrutiny.merged(*parts)).counted())


def _alike_drafts(drafts: Sequence[Draft], should_stop: Callable[[], bool]) -> dict[int, tuple[int, Alike]]:
    sketches = Sketches()
    for draft in drafts:
        sketches.add(sketch(draft.question))
    found = near_duplicates(sketches, range(len(drafts)), should_stop)
    return {drafts[at].number: (drafts[other].number, alike) for at, (other, alike) in found.items()}


def _alike(told: tuple[Level, float, float] | None) -> Alike | None:
    return told and Alike(*told)


def _asked_in(questions: Sequence[str], files: Sequence[Pairs], should_stop: Callable[[], bool]) -> frozenset[int]:
    asked = [Record.of(question, "") for question in questions]
    return frozenset(leak.one for file in files for leak in Watch().look(asked, file, should_stop) if leak.question)


def told(sides: Sequence[Side], shared: Sequence[Shared]) -> list[list[Problem]]:
    """For each file what it shares with the others: the gravest leak of each record to each of them."""
    found: list[list[Problem]] = [[] for _ in sides]
    for pair in shared:
        for here, there, mine in ((pair.one, pair.other, True), (pair.other, pair.one, False)):
            more: dict[int, list[tuple[int, Leak]]] = {}
            for leak in pair.leaks:
                at, elsewhere = (leak.one, leak.other) if mine else (leak.other, leak.one)
                more.setdefault(at, []).append((elsewhere, leak))
            for at, sharing in more.items():
                found[here].append(_problem(sides[here].file, at, sides[there], sharing))
    return found


def _problem(file: Version, at: int, there: Side, leaks: Sequence[tuple[int, Leak]]) -> Problem:
    elsewhere, leak = leaks[0]
    part = "question" if leak.question else "answer"
    name, line = safe_line(there.file.path.name, 60), there.file.line(elsewhere)
    place = f"{name} ({there.role}), record {elsewhere + 1:,}, line {line:,}"
    more = f", and in {len(leaks) - 1} more" if len(leaks) > 1 else ""
    text = f"stands in {place}{more}: {leak.text}"
    source = "containment and Jaccard of n-grams, Broder 1997"
    return Problem("leak", Severity.WARNING, text, part, at, file.line(at), source)


def _leaks_of(drafts: Sequence[Draft], files: OpenFiles, should_stop: Callable[[], bool]) -> dict[int, str]:
    records = [Record.of(draft.question, draft.answer) for draft in drafts]
    found: dict[int, tuple[tuple[float, float], str]] = {}
    for opened in files:
        for leak in leaks(records, opened.pairs, USUAL, should_stop):
            number = drafts[leak.one].number
            text = f"{opened.name} ({opened.role}), pair {leak.other + 1}: {leak.text}"
            if number not in found or leak.rank < found[number][0]:
                found[number] = (leak.rank, text)
    return {number: text for number, (_, text) in found.items()}
