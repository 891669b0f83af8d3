"""Leakage between open files: told in the list and the preview, shown side by side, deleted by hand only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness import Walk

TRAINED = [
    {"question": "What are Keels for Paper Boats, and how do they help with a course?", "answer": "They hold it."},
    {"question": "紙の舟はどのように折りますか？", "answer": "二回折って角を押さえます。"},
    {"question": "How long does a boat of paper float?", "answer": "For an hour."},
]
ASKED = [
    {"question": "Where is the harbour?", "answer": "South of the river."},
    {"question": "What are Keels for Paper Boats?", "answer": "Wood below the hull."},
    {"question": "教えてください。紙の舟はどのように折りますか", "answer": "まず二回折ります。"},
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = []
    for name, records in (("training.json", TRAINED), ("label.json", ASKED)):
        found.append(tmp_path / name)
        found[-1].write_text(json.dumps(records, ensure_ascii=False))
    return found


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_leaks_are_told_shown_and_deleted_by_hand(walk: Walk, files: list[Path], size: tuple[int, int]) -> None:
    async with walk.app(files, size=size):
        await walk.sees("training.json (1/2)", "2 warnings")
        await walk.sees("stands in label.json (eval), record 2", "containment 1.00, Jaccard")
        await walk.press("L")
        await walk.sees("2 pairs of records · containment ≥ 0.80 (+ -), Jaccard ≥ 0.60 (> <)")
        await walk.sees(
            "▸ training.json (train), record 2", "label.json (eval), record 3", "question: containment 1.00"
        )
        await walk.press("tab")
        await walk.sees("▸ label.json (eval), record 3")
        await walk.press("d")
        await walk.sees("Deleted pair", "of label.json; u takes it back there", "1 pair of records")
        await walk.press("enter")
        await walk.sees("label.json (2/2)", "EVAL", "2 pairs", "● unsaved")
        await walk.press("u")
        await walk.sees("Undone: delete of pair", "3 pairs")
        await walk.sees("▲ 2 warnings")


async def test_thresholds_are_seen_and_changed(walk: Walk, files: list[Path]) -> None:
    async with walk.app(files, size=(120, 40)):
        await walk.sees("2 warnings")
        await walk.press("L")
        await walk.sees("2 pairs of records")
        await walk.press("minus", "minus", "less_than_sign")
        await walk.sees("containment ≥ 0.70", "Jaccard ≥ 0.55")
        await walk.press("plus", "plus", "plus", "plus", "plus", "plus")
        await walk.sees("containment ≥ 1.00")
        await walk.press("escape")
        await walk.misses("containment ≥")
        await walk.press("L")
        await walk.sees("containment ≥ 1.00", "Jaccard ≥ 0.55")


async def test_one_file_alone_leaks_nothing(walk: Walk, files: list[Path]) -> None:
    async with walk.app(files[:1]):
        await walk.sees("3 pairs")
        await walk.press("L")
        await walk.sees("Leakage is between files of two roles")
