"""A file is written for others: looked at before, as what was chosen, and never over anything by itself."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from tests.harness import Walk
from tui.domain.files.exporting import Systems, Target

PAIRS = [
    {"q": f"提灯{n}とは何ですか。", "a": f"門{n}に掛かる,\n明かりです。", **({"system": "短く。"} if n == 0 else {})}
    for n in range(40)
]


@pytest.fixture
def training(tmp_path: Path) -> Path:
    path = tmp_path / "訓練 one.json"
    path.write_text(json.dumps(PAIRS, ensure_ascii=False))
    return path


async def choose(walk: Walk, **choices: str) -> None:
    for name, value in choices.items():
        walk.app_now.screen.query_one(f"#{name} Select", Select).value = value
    await walk.keyboard.pause()


async def write(walk: Walk, path: Path) -> None:
    await walk.press("ctrl+s")
    await walk.until(path.exists, path.name)
    await walk.sees("40 records written to")


async def test_every_target_with_its_own_name(walk: Walk, training: Path) -> None:
    folder = training.parent
    async with walk.app([training]):
        await walk.sees("40 pairs")
        await walk.press("x")
        # A name that S3 and the base model take, and the record under the cursor as it will be.
        await walk.sees("one.claude-3-haiku.jsonl", '{"system": "短く。", "messages"', "pair 1 as it is written")
        await choose(walk, escape="escape")
        await walk.sees('{"system": "\\u77ed\\u304f')
        await write(walk, folder / "one.claude-3-haiku.jsonl")
        await walk.press("j", "x")
        await choose(walk, target=Target.CSV, systems=Systems.NONE)
        await walk.sees("one.pairs.csv", "pair 2 as it is written", '提灯1とは何ですか。,"門1に')
        await write(walk, folder / "訓練 one.pairs.csv")
        await walk.press("x")
        await choose(walk, target=Target.JSON, systems=Systems.OWN, escape="")
        await walk.sees("one.pairs.json")
        await write(walk, folder / "訓練 one.pairs.json")
    lines = (folder / "one.claude-3-haiku.jsonl").read_bytes()
    assert lines.isascii()
    assert json.loads(lines.splitlines()[0])["system"] == "短く。"
    with (folder / "訓練 one.pairs.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["question", "answer"], *([p["q"], p["a"]] for p in PAIRS)]
    plain = json.loads((folder / "訓練 one.pairs.json").read_text())
    assert plain[0] == {"question": PAIRS[0]["q"], "answer": PAIRS[0]["a"], "system": "短く。"}
    assert set(plain[1]) == {"question", "answer"}


async def test_names_and_records_that_cannot_be(walk: Walk, training: Path) -> None:
    async with walk.app([training]) as app:
        await walk.sees("40 pairs")
        await walk.press("x")
        await walk.sees("as it is written")
        app.screen.query_one("#path Input", Input).value = str(training.with_name("a b.jsonl"))
        await walk.sees("✗ S3 keys")
        await walk.press("enter")
        await walk.sees("as it is written", "✗ S3 keys")
        app.screen.query_one("#path Input", Input).value = str(training.with_name("none") / "x.jsonl")
        await walk.press("enter")
        await walk.sees("x.jsonl cannot be written", "in x.jsonl", "as it is written")
        await walk.press("escape")
        await walk.sees("Nothing was written")
