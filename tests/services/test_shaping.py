"""Whole files looked at on a thread, which stops when nobody wants to know any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.domain.pairs import PairFile, read
from tui.domain.statistics import Measure
from tui.domain.tokens import Counter, Script
from tui.services.pool import DaemonPool
from tui.services.shaping import Shaping, Stopped


def file_of(pairs: list[dict[str, str]]) -> PairFile:
    return read(Path("x.jsonl"), "".join(f"{json.dumps(pair)}\n" for pair in pairs).encode())


@pytest.fixture
def shaping() -> Shaping:
    return Shaping(DaemonPool(2))


async def test_statistics_of_a_file(shaping: Shaping) -> None:
    file = file_of([{"q": f"What is {n}?", "a": "x" * n} for n in range(1, 1_001)])
    found = await shaping.statistics(file, Counter(), "")
    assert (found.records, found.lengths[Measure.ANSWER].longest) == (1_000, 999)


async def test_it_stops_when_told(shaping: Shaping) -> None:
    asked = 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with pytest.raises(Stopped):
        await shaping.statistics(file_of([{"q": "a", "a": "b"}] * 5_000), Counter(), "", enough)
    assert asked == 3


async def test_samples_hold_text_of_every_script_and_are_bounded(shaping: Shaping) -> None:
    latin = file_of([{"q": "What is a lantern?", "a": "light " * 400}] * 100)
    japanese = file_of([{"q": "提灯とは？", "a": "明かりです。"}] * 3 + [{"q": "1", "a": "2"}])
    found = await shaping.samples([latin, japanese])
    assert set(found) == {Script.LATIN, Script.JAPANESE}
    assert len(found[Script.LATIN][0]) < 20_100
    assert found[Script.JAPANESE] == ("提灯とは？\n明かりです。\n" * 2 + "提灯とは？\n明かりです。", 6)
