"""Statistics of the open files: counted in the background, calibrated by the model, and a way to what stands out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness import Walk
from tui.sandbox.faults import FaultKind

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}." + " It shines." * (n % 7)} for n in range(40)]
LONGEST = {"q": "提灯[/]はどこに\x1b[31m掛かっていますか。", "a": "門に掛かっています。" * 60}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    training, validation = tmp_path / "training.json", tmp_path / "validation.json"
    training.write_text(json.dumps(PAIRS))
    validation.write_text(json.dumps([*PAIRS[:32], LONGEST], ensure_ascii=False))
    return [training, validation]


async def test_statistics_lead_to_what_stands_out(walk: Walk, files: list[Path]) -> None:
    async with walk.app(files):
        await walk.sees("(1/2)", "40 pairs")
        await walk.press("i")
        await walk.sees("Statistics of 2 open files", "nothing measured yet", "all Latin 40", "at most")
        await walk.sees("2 epochs", "question chars  most", "█")
        await walk.press("plus", "plus")
        await walk.sees("4 epochs")
        await walk.press(*["minus"] * 9)
        await walk.sees("1 epoch =")
        await walk.press("A")
        await walk.misses("█")
        await walk.press("j")
        await walk.sees("Latin 32, Japanese 1", "600 char", "33")
        assert "at most" not in walk.text
        await walk.press("enter", "enter")
        await walk.sees("validation.json", "(2/2)", "▸      33", "␛[31m")
        await walk.press("i")
        await walk.sees("600 char")
        await walk.press("escape")
        await walk.sees("(2/2)")


async def test_the_model_is_asked_to_count(walk: Walk, files: list[Path]) -> None:
    async with walk.app(files):
        await walk.sees("40 pairs", walk.sandbox.account_id)
        await walk.press("i")
        await walk.sees("nothing measured yet", "at most ≈ $", "own list, not AWS's prices")
        walk.sandbox.faults.add(kind=FaultKind.DENIED, operation="CountTokens")
        await walk.press("m")
        await walk.sees("AWS does not allow this", "nothing measured yet")
        await walk.press("m")
        await walk.sees("≈ each", "Claude 3 Haiku")
        await walk.misses("nothing measured yet")


async def test_statistics_without_a_file(walk: Walk) -> None:
    async with walk.app():
        await walk.press("i")
        await walk.sees("Open a file first")
