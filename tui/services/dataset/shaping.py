"""Statistics and splits of files of pairs, on the pool; the screen goes on meanwhile."""

from __future__ import annotations

import gc
import os
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tui.domain.dataset.grams import Sketches, Thresholds, sketch
from tui.domain.dataset.leaks import Index, question_of
from tui.domain.dataset.near_duplicates import near_pairs
from tui.domain.dataset.split import CONTAINED_UP_TO, Groups, Split, Together, divided
from tui.domain.dataset.statistics import FileStatistics, Gatherer
from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import Record
from tui.domain.files.material import Encoding
from tui.domain.files.pairs import Damaged, Pairs
from tui.domain.files.version import Version
from tui.domain.text import safe_line
from tui.domain.tokens import Counter, Script, script_of
from tui.domain.values import dataclass
from tui.services.chat.token_counts import SAMPLE
from tui.services.dataset.datasets import yielding
from tui.services.dataset.moving import part_in
from tui.services.pool import DaemonPool
from tui.services.saving import write_whole

_EVERY = 256
"""Records after which a thread lets the screen's one go first, and asks whether to go on."""

_SAMPLE = 2_000
"""Questions that tell which grams are common."""


def _never() -> bool:
    return False


class Stopped(Exception):
    """Whoever asked does not want to know any more."""


class Shaping:
    """Looks at whole files."""

    def __init__(self, pool: DaemonPool) -> None:
        self._pool = pool

    async def statistics(
        self, file: Pairs, counter: Counter, system: str, should_stop: Callable[[], bool] = _never
    ) -> FileStatistics:
        """All that is told of one file. Raises Stopped."""
        return await self._pool.run(_statistics, file, counter, system, should_stop)

    async def samples(
        self, files: Sequence[Pairs], should_stop: Callable[[], bool] = _never
    ) -> Mapping[Script, tuple[str, int]]:
        """Text of each script in these files, up to 20,000 characters, and of how many texts. Raises Stopped."""
        return await self._pool.run(_samples, files, should_stop)

    async def splitting(
        self,
        file: Pairs,
        places: Sequence[int] | None,
        counter: Counter,
        should_stop: Callable[[], bool] = _never,
    ) -> Splitting:
        """What has to be known to divide the records at `places` (None: all). Raises Stopped."""
        return await self._pool.run(_looked_at, self._pool, file, places, counter, should_stop)

    async def write_parts(
        self, version: Version, encoding: Encoding, parts: Sequence[tuple[Path, Sequence[int]]]
    ) -> None:
        """Write new files, each with the records at some indices as they stand in the version.

        Raises AppError when one of them is there already or cannot be written; then none is left.
        """
        await self._pool.run(_write_parts, version, encoding, parts)


def resting(file: Pairs, should_stop: Callable[[], bool]) -> Iterator[Record | Damaged]:
    """The records of a file, with a breath now and then. Raises Stopped."""
    for index, record in enumerate(file):
        _rest(index, should_stop)
        yield record


_quiet = threading.Lock()


@contextmanager
def _no_collections() -> Iterator[None]:
    """No garbage is looked for meanwhile: among millions of numbers that takes a second, in which no key is heard."""
    with _quiet:
        was = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was:
                gc.enable()


def _rest(number: int, should_stop: Callable[[], bool]) -> None:
    """Let other threads go first now and then. Raises Stopped."""
    if number % _EVERY == 0 and yielding(should_stop)():
        raise Stopped


def _statistics(file: Pairs, counter: Counter, system: str, should_stop: Callable[[], bool]) -> FileStatistics:
    gatherer = Gatherer(counter, system)
    for record in resting(file, should_stop):
        gatherer.add(record)
    return gatherer.result()


@dataclass
class _Sample:
    texts: list[str]
    size: int = 0


def _samples(files: Sequence[Pairs], should_stop: Callable[[], bool]) -> Mapping[Script, tuple[str, int]]:
    found: dict[Script, _Sample] = {}
    for file in files:
        for record in resting(file, should_stop):
            for turn in record.turns if isinstance(record, Record) else ():
                script = script_of(turn.text)
                sample = found.setdefault(script, _Sample([]))
                if script is not Script.NONE and sample.size < SAMPLE:
                    sample.texts.append(turn.text[: SAMPLE - sample.size])
                    sample.size += len(sample.texts[-1])
    return {
        script: ("\n".join(sample.texts), len(sample.texts))
        for script, sample in found.items()
        if sample.size and "".join(sample.texts).strip()
    }


class Splitting:
    """The records of one split, looked at once; then divided again and again as sizes and seed are tried."""

    def __init__(self, pool: DaemonPool, sketches: Sketches, lengths: array[int]) -> None:
        self._pool = pool
        self._sketches = sketches
        self._groups: dict[Together, list[list[int]]] = {}
        self.lengths = lengths
        """Tokens of each record."""

    async def divide(
        self, sizes: Sequence[int], seed: str, together: Together, should_stop: Callable[[], bool] = _never
    ) -> Split:
        """The parts. Raises Stopped."""
        return await self._pool.run(self._divide, tuple(sizes), seed, together, should_stop)

    def _divide(self, sizes: tuple[int, ...], seed: str, together: Together, stop: Callable[[], bool]) -> Split:
        if together not in self._groups:
            self._groups[together] = self._grouped(together, stop)
        return divided(self._groups[together], self.lengths, sizes, seed)

    def _grouped(self, together: Together, stop: Callable[[], bool]) -> list[list[int]]:
        sketches = self._sketches
        groups = Groups(len(sketches))
        if together is not Together.NOTHING:
            groups.join_equal(f"~{one.exact}" if one.empty else str(one.plain) for one in sketches)
        if together is Together.ALIKE:
            # One of each question is enough, and keeps a file of copies from being compared all with all.
            first = [number for number in range(len(sketches)) if groups.find(number) == number]
            with _no_collections():
                for one, other in self._alike(first, stop):
                    groups.join(first[one], first[other])
        return groups.several()

    def _alike(self, first: list[int], stop: Callable[[], bool]) -> Iterator[tuple[int, int]]:
        """Numbers of alike questions among the first ones. Raises Stopped."""
        thresholds, sketches = Thresholds(), self._sketches
        for one, other, _ in near_pairs(sketches, first, yielding(stop), thresholds.jaccard):
            yield one, other
        if stop():
            raise Stopped
        if len(first) <= CONTAINED_UP_TO:
            texts = [sketches[number] for number in first]
            index = Index(texts, thresholds, texts[:_SAMPLE])
            for at, text in enumerate(texts):
                _rest(at, stop)
                yield from ((at, other) for other, _ in index.alike(text))


def _looked_at(
    pool: DaemonPool, file: Pairs, places: Sequence[int] | None, counter: Counter, stop: Callable[[], bool]
) -> Splitting:
    sketches, lengths = Sketches(), array("Q")
    wanted = None if places is None else set(places)
    for index, record in enumerate(resting(file, stop)):
        if wanted is None or index in wanted:
            sketches.add(sketch(question_of(record)))
            turns = record.turns if isinstance(record, Record) else ()
            lengths.append(round(sum(counter.count(turn.text) for turn in turns)))
    return Splitting(pool, sketches, lengths)


def _write_parts(version: Version, encoding: Encoding, parts: Sequence[tuple[Path, Sequence[int]]]) -> None:
    for path, _ in parts:
        if os.path.lexists(path):
            name = safe_line(path.name, 60)
            raise AppError(Cause.FILE, f"{name} is there already", hint="Nothing was written; choose another name")
    made: list[Path] = []
    try:
        for path, indices in parts:
            part = Version(version.material, array("q", (version.numbers[i] for i in indices)), path)
            write_whole(path, part_in(part, encoding))
            made.append(path)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
