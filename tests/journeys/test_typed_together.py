"""Keys that arrive together, as a slow line delivers them, are acted on in the order in which they were typed."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from tests.harness import Walk
from tui.domain.identity import Identity
from tui.widgets.virtual_table import VirtualTable

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."} for n in range(40)]


KEYS = {
    "1": (*"jkGgduUaeSDRmKcFifnN]*/?", "enter", "escape", "ctrl+r", "backspace", "left", "down", "delete", "tab"),
    "2": (*"jk/eacsl?", "enter", "escape", "backspace"),
    "3": (*"hljost?", "enter", "escape", "backspace", "slash"),
    "4": (*"iabcnpRm/?", "escape", "backspace", "left", "up", "ctrl+j", "home"),
}
"""What does not ask AWS anything first: that takes as long as it takes."""
SEEDS = range(int(os.environ.get("TANZAKU_BURSTS", "1")))
"""Random bursts to try; more of them than the suite has time for are asked for by this variable."""


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


async def test_an_upload_asked_for_before_aws_has_answered_waits_for_it(
    walk: Walk, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, told = walk.services(), asyncio.Event()
    identify = services.identity.look

    async def late() -> Identity:
        await told.wait()
        return await identify()

    monkeypatch.setattr(services.identity, "look", late)
    async with walk.app([pairs], services=services):
        await walk.sees("40 pairs")
        await walk.press("p")
        await walk.sees("AWS has not answered yet; the upload is shown when it has …")
        told.set()
        await walk.sees("enter upload")


async def test_a_question_that_comes_late_waits_for_its_place(
    walk: Walk, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, told = walk.services(), asyncio.Event()
    buckets = services.storage.buckets

    async def late(region: str) -> list[str]:
        await told.wait()
        return await buckets(region)

    monkeypatch.setattr(services.storage, "buckets", late)
    async with walk.app([pairs], services=services) as app:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        await walk.press("p", "4")
        await walk.sees("[4 Chat]")
        told.set()
        await walk.sees("“Convert and upload to S3” waits in Dataset")
        assert len(app.screen_stack) == 1
        await walk.press("escape", "1")
        await walk.sees("enter upload")
        await walk.press("escape")
        await walk.sees("Nothing was uploaded")
        told.clear()
        await walk.press("p", "e")
        await walk.sees("Pair 1 of training.json")
        told.set()
        await walk.type(" now")
        await walk.sees("What is lantern 0? now")
        await walk.press("ctrl+s")
        await walk.sees("Convert and upload to S3", "enter upload")


async def reached(walk: Walk, path: Path, burst: dict[str, list[str]], *, at_once: bool) -> list[object]:
    """Where the keys lead: screens, focus, cursor, marks and text after the burst in each tab, and what is saved."""
    path.write_text(json.dumps(PAIRS))
    seen: list[object] = []
    async with walk.app([path]) as app:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        for tab, keys in burst.items():
            await (walk.together if at_once else walk.press)(tab, *keys)
            table = app.screen.query(VirtualTable)
            seen += [[type(s).__name__ for s in app.screen_stack], type(app.focused).__name__]
            seen += [(t.cursor, t.marked, len(t.source)) for t in table]
            seen += [field.value for field in app.screen.query(Input)] + [
                area.text for area in app.screen.query(TextArea)
            ]
            while len(app.screen_stack) > 1:
                await walk.press("escape")
            await walk.press("escape", "escape")
    return seen


@pytest.mark.parametrize("seed", SEEDS)
async def test_keys_at_once_lead_where_they_lead_one_by_one(walk: Walk, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    burst = {tab: dice.choices(KEYS[tab], k=6) for tab in dice.sample(list(KEYS), 2)}
    first, second = ((tmp_path / name / "training.json") for name in ("one", "two"))
    for path in (first, second):
        path.parent.mkdir()
    one_by_one = await reached(walk, first, burst, at_once=False)
    assert await reached(walk, second, burst, at_once=True) == one_by_one, burst
