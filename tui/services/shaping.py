"""Statistics and splits of files of pairs, on the pool; the screen goes on meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tui.domain.formats import Record
from tui.domain.pairs import Damaged, Pairs
from tui.domain.statistics import FileStatistics, Gatherer
from tui.domain.tokens import Counter, Script, script_of
from tui.services.pool import DaemonPool
from tui.services.token_counts import SAMPLE

_EVERY = 256
"""Records after which a thread lets the screen's one go first, and asks whether to go on."""


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


def resting(file: Pairs, should_stop: Callable[[], bool]) -> Iterator[Record | Damaged]:
    """The records of a file, with a breath now and then. Raises Stopped."""
    for index, record in enumerate(file):
        if index % _EVERY == 0:
            if should_stop():
                raise Stopped
            time.sleep(0)
        yield record


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
