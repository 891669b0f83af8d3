"""Keys that arrive together, as a slow line delivers them, are acted on in the order in which they were typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness import Walk
from tui.widgets.virtual_table import VirtualTable

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."} for n in range(40)]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps(PAIRS))
    return path


def listed(walk: Walk) -> VirtualTable:
    return walk.app_now.screen.query_one("#pairs", VirtualTable)


async def test_deleting_and_moving_on(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]):
        await walk.sees("✓ clean")
        await walk.together("j", "d", "j", "d")
        await walk.sees("38 pairs")
        assert listed(walk).cursor == 2
        await walk.press("w")
        await walk.sees("is saved")
    assert json.loads(pairs.read_text()) == [pair for n, pair in enumerate(PAIRS) if n not in (1, 3)]


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        (("j", "asterisk", "space", "d"), [1]),
        (("slash", *"lantern 7", "enter", "d", "escape"), [n for n in range(40) if n != 7]),
        (("S", "down", "enter", "G", "d"), [*range(1, 40)]),
        (("slash", *"gate 1", "enter", "asterisk", "d", "escape"), [n for n in range(40) if "1" not in str(n)]),
    ],
    ids=["all", "found", "sorted", "all found"],
)
async def test_a_deletion_waits_for_the_list_that_it_is_about(
    walk: Walk, pairs: Path, keys: tuple[str, ...], left: list[int]
) -> None:
    async with walk.app([pairs]):
        await walk.sees("✓ clean")
        await walk.together(*keys, "w")
        await walk.sees("is saved")
    assert [PAIRS.index(pair) for pair in json.loads(pairs.read_text())] == left


@pytest.mark.parametrize("behind", ["asterisk", "space", "enter", "d", "G"])
async def test_what_is_typed_behind_a_tab_is_not_for_the_one_that_is_left(walk: Walk, pairs: Path, behind: str) -> None:
    async with walk.app([pairs]) as app:
        await walk.sees("✓ clean")
        await walk.together("2", behind)
        await walk.sees("[2 Jobs]")
        await walk.press("1")
        await walk.sees("[1 Dataset]", "40 pairs")
        assert (listed(walk).cursor, len(listed(walk).marked)) == (0, 0)
        assert len(app.screen_stack) == 1


async def test_a_question_that_comes_late_waits_for_its_place(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]) as app:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        await walk.together("p", "4")  # the buckets are asked for meanwhile
        await walk.sees("“Convert and upload to S3” waits in Dataset", "[4 Chat]")
        assert len(app.screen_stack) == 1
        await walk.press("escape", "1")
        await walk.sees("enter upload")
        await walk.press("escape")
        await walk.sees("Nothing was uploaded")
        await walk.together("p", "e")
        await walk.sees("Pair 1 of training.json")
        await walk.type(" now")
        await walk.sees("What is lantern 0? now")
        await walk.press("ctrl+s")
        await walk.sees("Convert and upload to S3", "enter upload")
