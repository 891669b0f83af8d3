"""Problems listed by kind, walked through, mended here and all at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.harness import Walk
from tui.domain.dataset.checks import Problem
from tui.domain.dataset.findings import Findings
from tui.tabs.dataset import DatasetTab

SOUND = [{"q": f"What is the use of lantern {w}?", "a": f"It shows the way to gate {w}."} for w in "abcdefghijklmnop"]
SOUND += [{"q": f"Who has made the {w} boat of paper?", "a": f"It was made by {w}."} for w in "abcdefghijklmnop"]
FAULTY = [
    {"q": " Where does the night begin?", "a": "At sea. "},
    {"q": "Which hour is the last one?", "a": "The\u200b twelfth."},
    {"q": "Where do boats sleep?\n", "a": "In the harbour."},
    {"q": "Which hour is the last one?", "a": "The\u200b twelfth."},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "training.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in [*SOUND, *FAULTY]))
    return path


async def test_problems_are_listed_by_kind_and_mended_together(walk: Walk, file: Path) -> None:
    async with walk.app([file], size=(120, 40)):
        await walk.sees("36 pairs", "▲ 6 warnings")
        await walk.press("c")
        await walk.sees("training.jsonl: 6 warnings", "all 6", "outer space 3", "control character 2", "duplicate 1")
        await walk.press("right")
        await walk.sees("F: ")
        while not walk.shows("outer space 3") or not walk.shows("begins or ends with white space"):
            await walk.press("right")
        await walk.press("j", "j", "enter")
        await walk.misses("all 6")
        await walk.sees("Where do boats sleep?")
        await walk.press("F")
        await walk.sees("Fixed: outer space (u undoes it)", "▲ 5 warnings")
        await walk.press("c")
        await walk.sees("all 5")
        await walk.press("F")
        await walk.sees("Fix “", "‹200B›")
        await walk.press("y")
        await walk.sees("Fixed: control character in 2 pairs", "▲ 3 warnings")
        await walk.press("u")
        await walk.sees("Undone: fix of control character in 2 pairs", "▲ 5 warnings")


async def test_a_duplicate_goes_and_comes_back(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("36 pairs", "▲ 6 warnings")
        await walk.press("G", "F")
        await walk.sees("Fixed: duplicate in 1 pair (u undoes it)", "35 pairs", "▲ 4 warnings")
        await walk.press("u")
        await walk.sees("Undone: fix of duplicate in 1 pair", "36 pairs", "▲ 6 warnings")


async def test_what_needs_a_decision_is_not_fixed(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in [*SOUND, {**SOUND[0], "a": "Something else entirely."}]))
    async with walk.app([path]):
        await walk.sees("33 pairs", "▲ 1 warning")
        await walk.press("F")
        await walk.sees("Nothing is known to be wrong with it")
        await walk.press("right_square_bracket", "F")
        await walk.sees("Nothing here can be fixed without deciding what is meant")
        await walk.press("c")
        await walk.sees("two answers 1", "no fix without deciding")
        await walk.press("F")
        await walk.sees("There is no safe fix for “two answers”")
        await walk.press("escape")
        await walk.misses("two answers 1")


async def test_what_a_closer_look_found_when_the_app_was_left_breaks_nothing(
    walk: Walk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = walk.services()
    merged = services.scrutiny.merged
    async with walk.app([file], services=services) as app:
        await walk.sees("36 pairs", "▲ 6 warnings")
        tab = app.screen.query_one(DatasetTab)

        async def late(*parts: Sequence[Problem]) -> Findings:
            found = await merged(*parts)
            await tab.query("*").remove()
            return found

        monkeypatch.setattr(services.scrutiny, "merged", late)
        tab.check(0)
        await walk.until(lambda: not tab.query("#pairs"), "the end of the list")
        await walk.until(lambda: not any(w.group == "scrutiny" for w in app.workers), "the end of the look")
        await walk.sees("1 Dataset")
