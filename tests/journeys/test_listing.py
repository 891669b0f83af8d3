"""The list of pairs by keys: narrowed, sorted, marked, walked from hit to hit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.harness import Walk
from tests.journeys.terminal import Terminal
from tui.tabs.dataset import DatasetTab
from tui.widgets.fields import ChoiceField, TextField
from tui.widgets.text_pane import TextPane
from tui.widgets.virtual_table import VirtualTable

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n % 7}." + " It burns." * (n % 3)} for n in range(40)]
PAIRS[5] = {"q": "提灯はどこに掛かっていますか", "a": "三番目の門です。"}
PAIRS[7] = {"q": "What is lantern 6?", "a": "It hangs at gate 6."}
PAIRS[9] = {"q": "A long one?", "a": "word " * 300 + "heliotrope"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps(PAIRS, indent=1))
    return path


def table(walk: Walk) -> VirtualTable:
    return walk.app_now.screen.query_one("#pairs", VirtualTable)


def rows(walk: Walk) -> list[int]:
    """The numbers in the list, from 1."""
    shown = table(walk).source
    return [int(str(shown.cells(row)[0])) for row in range(len(shown))]


async def filtered(walk: Walk, text: str, found: list[int]) -> None:
    await walk.press("slash")
    walk.app_now.screen.query_one(Input).value = text
    await walk.until(lambda: rows(walk) == found, f"{text} to leave {found}, not {rows(walk)}")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("gate 提", []),
        ("q:3 a:gate !is:dup a:5", [34]),
        ('"lantern 3" a:"gate 3"', [4, 32, 39]),
        ("提灯", [6]),
        ("tok>100", [10]),
        ("is:dup", [8]),
        ("is:problem !is:dup", [6, 10]),
        ("三番目 !lantern", [6]),
    ],
)
async def test_the_filter_language(walk: Walk, file: Path, typed: str, found: list[int]) -> None:
    async with walk.app([file]):
        await walk.sees("40 pairs", "4 warnings")
        await filtered(walk, typed, found)
        await walk.sees(f"{len(found)} of 40")
        await walk.press("escape")
        await walk.sees("40 pairs")
        assert rows(walk) == list(range(1, 41))


async def test_what_is_not_understood_is_said_below_the_line(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("40 pairs")
        await filtered(walk, "lantern is:foo tok>x", [n for n in range(1, 41) if n not in (6, 10)])
        await walk.sees("▲ tok>x? wants a number · is:foo? is: takes problem")
        walk.app_now.screen.query_one(Input).value = "lantern 3"
        await walk.misses("is:foo?")
        await walk.press("enter", "slash")
        await walk.type(" [/b]")
        await walk.sees("Nothing is left by this filter")
        await walk.press("escape", "slash")
        await walk.sees('"a phrase"')


async def test_sorted_by_keys_marked_and_edited(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("40 pairs", "4 warnings")
        await walk.press("S")
        await walk.sees("Sort the list by", "longest first")
        await walk.press("T")
        await walk.sees("≈tok↓")
        assert rows(walk)[:2] == [10, 6]
        before = rows(walk)
        await walk.press("g", "d")
        await walk.sees("39 pairs", "Delete of pair 10")
        assert rows(walk) == [n - (n > 10) for n in before[1:]]
        await walk.press("u")
        await walk.sees("40 pairs")
        await filtered(walk, "is:dup", [8])
        assert "≈tok↓" in walk.text
        await walk.press("escape")
        await walk.sees("40 pairs")
        assert rows(walk) == before
        await walk.press("S", "p")
        await walk.sees("!↑")
        assert rows(walk)[:4] == [6, 8, 10, 1]
        await walk.press("S", "f")
        await walk.misses("!↑")
        assert rows(walk) == list(range(1, 41))
        assert json.loads(file.read_text()) == PAIRS
        await walk.press("S", "escape", "S", "j", "enter")
        await walk.sees("#↓")
        assert rows(walk) == list(range(40, 0, -1))


async def test_marks_stay_on_their_records(walk: Walk, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "validation.json"
    other.write_text(json.dumps(PAIRS[:3]))
    async with walk.app([file, other]):
        await walk.sees("40 pairs", "13 warnings")
        await filtered(walk, '"lantern 3"', [4, *range(31, 41)])
        await walk.press("enter", "asterisk")
        await walk.sees("*11 marked")
        await walk.press("escape")
        await walk.sees("40 pairs", "*11 marked")
        await walk.press("g", "D")
        await walk.sees("41 pairs")
        assert table(walk).marked == {str(n) for n in [4, *range(31, 41)]}
        await walk.press("u")
        await walk.sees("Undone")
        assert table(walk).marked == {str(n) for n in [3, *range(30, 40)]}
        await filtered(walk, "is:leak", [1, 2, 3, 9, 17, 23, 24, 30, 38])
        await walk.press("escape")
        await walk.sees("40 pairs")
        await walk.press("f")
        await walk.sees("3 pairs")
        await walk.misses("marked")
        await walk.press("space", "f")
        await walk.sees("*11 marked")
        await filtered(walk, "is:marked", [4, *range(31, 41)])
        await walk.press("enter", "asterisk")
        await walk.misses("*11 marked")
        await walk.press("escape", "f")
        await walk.sees("*1 marked")


async def test_very_many_marked_pairs_go_and_come_back(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    pairs = [{"question": f"Which gate has lantern {n}?", "answer": f"Gate {n * 7}."} for n in range(900)]
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    before = path.read_bytes()
    async with walk.app([path]):
        await walk.sees("900 pairs")
        await walk.press("asterisk")
        await walk.sees("*900 marked")
        await walk.press("j", "space", "j", "j", "space")
        await walk.sees("*898 marked")
        await walk.press("d")
        await walk.sees("2 pairs", "Delete of 898 pairs")
        await walk.misses("marked")
        await walk.press("u")
        await walk.sees("900 pairs", "Undone: delete of 898 pairs")
        await walk.press("U", "w")
        await walk.sees("is saved")
        assert path.read_bytes() == b"".join(before.splitlines(keepends=True)[n] for n in (1, 3))


async def test_keys_in_one_burst_delete_what_is_marked_by_then(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"q": f"What is lantern {n}?", "a": "It."}) + "\n" for n in range(8_000)))
    async with walk.app([path]):
        await walk.sees("8,000 pairs")
        await walk.together("slash", *"q:9", "enter", "asterisk", "d")
        tab = walk.app_now.screen.query_one(DatasetTab)
        await walk.until(lambda: len(tab.files[0].file) < 8_000, "the deletion")
        assert len(tab.files[0].file) == sum("9" not in str(n) for n in range(8_000))


async def test_hits_stand_out_and_are_walked_through(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("40 pairs", "4 warnings")
        await walk.press("n")
        await walk.sees("go through what a filter finds")
        await filtered(walk, "heliotrope", [10])
        await walk.press("enter")
        preview = walk.app_now.screen.query_one(TextPane)
        assert [span.style for span in preview.content.spans].count("reverse") == 1
        assert not walk.shows("heliotrope\n") or preview.scroll_offset.y == 0
        await walk.press("n")
        await walk.until(lambda: preview.scroll_offset.y > 0, "the hit")
        await walk.press("n")
        await walk.sees("That was the last hit")
        await filtered(walk, "gate 6", [n for n in range(1, 41) if rows_with(n, "6")])
        await walk.press("enter", "g")
        here = table(walk).cursor
        await walk.press("n", "n")
        assert table(walk).cursor > here
        await walk.press("N", "N", "N", "N", "N")
        await walk.sees("That was the first hit")


def rows_with(number: int, word: str) -> bool:
    pair = PAIRS[number - 1]
    return word in pair["q"] + pair["a"] and "gate" in pair["a"]


async def test_a_check_that_ends_later_is_filtered_by(walk: Walk, file: Path) -> None:
    async with walk.app([file]) as app:
        await walk.sees("40 pairs", "4 warnings")
        await filtered(walk, "is:dup", [8])
        await walk.press("enter", "d")
        await walk.sees("39 pairs" if not walk.shows("of 39") else "of 39", "3 warnings")
        await walk.until(lambda: rows(walk) == [], "no duplicate")
        await walk.press("u")
        await walk.until(lambda: rows(walk) == [8], "the duplicate")
        assert app.query_one(DatasetTab).listing.count(40) == 1


async def test_replaced_in_what_the_filter_leaves(walk: Walk, file: Path) -> None:
    async with walk.app([file]) as app:
        await walk.sees("40 pairs", "4 warnings")
        await filtered(walk, "lantern a:6", [n for n in range(1, 41) if "6" in PAIRS[n - 1]["a"]])
        await walk.press("enter", "ctrl+r")
        await walk.sees("Replace in the 6 pairs of training.json that the filter leaves")
        await walk.type("gate 6")
        await walk.press("enter")
        await walk.type("門 [/b] six")
        await walk.sees("6 pairs, 6 places", "− It hangs at gate 6.", "+ It hangs at 門 [/b] six.")
        await walk.press("ctrl+s")
        await walk.sees("Replaced in 6 pairs, 6 places (u undoes it)")
        assert rows(walk) == [7, 8, 14, 21, 28, 35]
        await walk.press("w")
        await walk.sees("is saved")
        changed = [p | {"a": p["a"].replace("gate 6", "門 [/b] six")} for p in PAIRS]
        assert json.loads(file.read_text()) == changed
        await walk.press("u")
        await walk.sees("Undone: replacing in 6 pairs")
        await walk.press("escape", "space", "ctrl+r")
        await walk.sees("the 1 marked pair", "anywhere", "1 pair, 1 place")
        app.screen.query_one("#find", TextField).value = "(un"
        app.screen.query_one("#how", ChoiceField).value = "pattern"
        await walk.sees("That is no regular expression")
        await walk.press("ctrl+s")
        await walk.sees("Wait until the changes are shown")
        await walk.press("escape", "ctrl+r")
        await walk.until(lambda: app.screen.query_one("#find", TextField).value == "(un", "what was typed before")


def test_what_is_typed_ahead_behind_enter_goes_to_the_next_field(tmp_path: Path, file: Path) -> None:
    with Terminal([str(file)], tmp_path) as terminal:
        terminal.sees("No AWS Region is set", "40 pairs", "4 warnings")
        terminal.send("\x12")
        terminal.sees("Replace in all 40 pairs")
        terminal.send("lantern", "enter", "lamp")
        terminal.sees("38 pairs, 38 places", "+ What is lamp 0?")
