"""From raw pairs to two models answering side by side, by keys alone."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from tests.journeys.conftest import Walk
from tui.services.paths import editable_copies
from tui.tabs.chat import ChatTab

ENGLISH = ("training.json", "validation.json", "label.json")
JAPANESE = ("training.ja.json", "validation.ja.json", "label.ja.json")


def _copies(walk: Walk, names: tuple[str, ...]) -> list[Path]:
    copies = {path.name: path for path in editable_copies(walk.paths.data / "pairs")}
    return [copies[name] for name in names]


def _pair(path: Path, number: int) -> tuple[str, str]:
    pair = json.loads(path.read_text("utf-8"))[number]
    return pair["sentence1"], pair["sentence2"]


async def _upload(walk: Walk) -> None:
    await walk.sees("✓ clean", walk.sandbox.account_id)
    await walk.press("p")
    await walk.sees("Convert and upload to S3", "will be created")
    await walk.press("enter")
    await walk.sees("uploaded. Next: 2")


async def _start_job(walk: Walk, epochs: str) -> None:
    await walk.press("2")
    await walk.sees("No runs yet")
    await walk.press("n")
    await walk.sees("New job on Claude 3 Haiku", "steps per epoch")
    await walk.press("end", "backspace", *epochs)
    await walk.sees(f"× {epochs} epochs")
    await walk.press("ctrl+s")
    await walk.sees("Create the IAM role", "bedrock.amazonaws.com")
    await walk.press("y")
    await walk.sees("is started")


async def _watch(walk: Walk) -> None:
    await walk.sees("● Validation")
    await walk.pass_time(200)
    await walk.sees("● Data processing")
    await walk.pass_time(200)
    await walk.sees("◌ Queued")
    await walk.pass_time(900)
    await walk.sees("● Training")
    await walk.pass_time(2500)
    await walk.sees("✓ Completed")


async def _serve(walk: Walk) -> None:
    await walk.press("2", "b")
    await walk.sees("provisioned throughput", "bills", "$24.00 an hour")
    await walk.press("enter")
    await walk.sees("Nothing was bought")
    await walk.type("claude-3-haiku")
    await walk.press("enter")
    await walk.sees("◌ Creating", "1 MU 0:00 ≈ $")
    await walk.pass_time(700)
    await walk.sees("● 1 MU 0:11")


def _alike(answer: str, reference: str) -> float:
    """Share of what both have in common, in order."""
    return SequenceMatcher(None, answer.strip(), reference.strip(), autojunk=False).ratio()


async def _answers(walk: Walk, question: str) -> tuple[str, str]:
    await walk.press(*question[:5])
    await walk.type(question[5:])
    await walk.press("enter")
    tab = walk.app_now.screen.query_one(ChatTab)
    await walk.until(lambda: all(tab.history(p.side) for p in tab.panes), "both answers")
    first, second = (tab.history(pane.side)[-1].text for pane in tab.panes)
    return first, second


async def _delete(walk: Walk) -> None:
    await walk.press("escape", "2", "X")
    await walk.sees("Delete this endpoint?", "Billing ends")
    await walk.type("claude-3-haiku")
    await walk.press("enter")
    await walk.misses("MU")


@pytest.mark.parametrize("names", [ENGLISH, JAPANESE], ids=["english", "japanese"])
async def test_from_pairs_to_two_answers(walk: Walk, names: tuple[str, ...]) -> None:
    files = _copies(walk, names)
    async with walk.app(files) as app:
        await walk.sees(names[0], "TRAIN", "(1/3)")
        await _upload(walk)
        await _start_job(walk, "10")
        await _watch(walk)
        await walk.press("enter")
        await walk.sees("■ training", "● validation", "of 10 epochs", "best epoch")
        await _serve(walk)
        await walk.press("c")
        await walk.sees("A  claude-3-haiku-", "1 MU")
        question, reference = _pair(files[0], 3)
        tuned, base = await _answers(walk, question)
        # How far the training came depends on the job's own seed: not every word is learnt in every run.
        assert _alike(tuned, reference) > max(0.5, _alike(base, reference))
        assert base.strip() != reference.strip()
        await _delete(walk)
        await walk.press("q")
        await walk.until(lambda: not app.is_running, "the end")
    assert app.return_code == 0
    operations = [request.operation for request in walk.sandbox.requests]
    for once in ("CreateModelCustomizationJob", "CreateProvisionedModelThroughput", "DeleteProvisionedModelThroughput"):
        assert operations.count(once) == 1
