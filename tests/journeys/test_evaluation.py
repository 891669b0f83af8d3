"""Evaluations by keys: set up, run, read, judged again, voted on, compared, exported, handed over to Bedrock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness import Walk
from tests.journeys.stage import served
from tui.dialogs.evaluation import EvaluationDialog
from tui.domain.evaluation import Results
from tui.screens.evaluation import EvaluationScreen

ENGLISH = [
    ("What is lantern number 1?", "Lantern 1 hangs at gate 7 of the garden."),
    ("What is lantern number 2?", "Lantern 2 hangs at gate 14 of the garden."),
    ("What is lantern number 3?", "Lantern 3 hangs at gate 21 of the garden."),
]
JAPANESE = [("提灯はどこにありますか。", "庭の七番の門にあります。"), ("門はいくつありますか。", "門は三つあります。")]


def pair_file(folder: Path, pairs: list[tuple[str, str]], name: str = "eval.json") -> Path:
    path = folder / name
    path.write_text(json.dumps([{"question": q, "answer": a} for q, a in pairs], ensure_ascii=False), encoding="utf-8")
    return path


async def to_chat(walk: Walk) -> None:
    await walk.sees("[1 Dataset]", "SANDBOX")
    await walk.press("4")
    await walk.sees("A  ", "MU")
    await walk.press("escape", "E")


def screen_of(walk: Walk) -> EvaluationScreen:
    screen = walk.app_now.screen
    assert isinstance(screen, EvaluationScreen)
    return screen


def results_of(walk: Walk) -> Results:
    found = screen_of(walk).results
    assert found is not None
    return found


async def set_up(walk: Walk, *, canary: bool = False) -> None:
    """From Chat into an evaluation that runs: file, sides and judge are offered as they should be."""
    await to_chat(walk)
    await walk.sees("New evaluation", "eval.json", "calls")
    dialog = walk.app_now.screen
    assert isinstance(dialog, EvaluationDialog)
    if not canary:
        dialog.query_one("#canary").value = "no"  # type: ignore[attr-defined]
        await walk.sees("canary", "no")
    await walk.press("ctrl+s")
    await walk.sees("Ask", "Cost:")
    await walk.press("y")


async def done(walk: Walk) -> None:
    await walk.until(
        lambda: (
            isinstance(walk.app_now.screen, EvaluationScreen)
            and walk.app_now.screen.control is None
            and walk.app_now.screen.head is not None
            and walk.app_now.screen.head.waiting == 0
        ),
        "the end of the evaluation",
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("pairs", [ENGLISH, JAPANESE])
async def test_an_evaluation_from_chat_to_its_headline(
    walk: Walk, tmp_path: Path, pairs: list[tuple[str, str]], size: tuple[int, int]
) -> None:
    served(walk)
    async with walk.app([pair_file(tmp_path, pairs)], size=size):
        await set_up(walk)
        await done(walk)
        await walk.sees("tuned − base =", f"n {len(pairs)}", "judge errors 0", pairs[0][0][:10])
        results = results_of(walk)
        assert results.answered == results.wanted == 2 * len(pairs)
        await walk.press("tab", "tab", "tab")
        await walk.sees("judge's reasons")
        await walk.press("escape", "d")
        await walk.sees("Underlined")
