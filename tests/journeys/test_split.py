"""A file is divided into new ones: looked at before, written when asked, and the file itself stays as it was."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.harness import Walk
from tui.domain.dataset.findings import Findings
from tui.tabs.dataset import DatasetTab

ORDER = [n * 37 % 100 for n in range(100)]
PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}." + " 光る。" * (n % 9)} for n in ORDER]


@pytest.fixture
def training(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps([*PAIRS, PAIRS[0]], ensure_ascii=False))
    return path


async def fill(walk: Walk, name: str, text: str) -> None:
    walk.app_now.screen.query_one(f"#{name} Input", Input).value = text
    await walk.keyboard.pause()


def read(path: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(path.read_text())
    return found


async def test_a_file_is_split_and_its_parts_are_open(walk: Walk, training: Path) -> None:
    before = training.read_bytes()
    async with walk.app([training]):
        await walk.sees("101 pairs")
        await walk.press("P")
        await walk.sees("Split 101 pairs of training.json", "training.validation.json", "stay together")
        await fill(walk, "validation", "200")
        await walk.sees("there are 101 pairs")
        await walk.press("ctrl+s")
        await walk.sees("Split 101 pairs")
        await fill(walk, "validation", "32")
        await fill(walk, "evaluation", "70")
        await walk.sees("1 more than there are")
        await fill(walk, "evaluation", "20%")
        await walk.sees("training.eval.json", "2 pairs with alike questions stay together")
        await walk.press("ctrl+s")
        await walk.sees("Split with seed 1: 49 train, 32 validation, 20 eval", "training.train.json", "(1/3)")
        await walk.sees("training.json is as it was, and closed")
        await walk.press("f")
        await walk.sees("VALIDATION", "32 pairs")
        await walk.press("f")
        await walk.sees("EVAL", "20 pairs")
        await walk.press("o")
        await walk.sees("↻ training.eval.json", "↻ training.validation.json")
    parts = [read(training.with_name(f"training.{part}.json")) for part in ("train", "validation", "eval")]
    assert sorted(map(str, chain(*parts))) == sorted(map(str, [*PAIRS, PAIRS[0]]))
    assert sum(PAIRS[0] in part for part in parts) == 1
    assert training.read_bytes() == before


async def test_names_that_are_taken_bring_the_form_back_as_it_was(walk: Walk, training: Path) -> None:
    taken = training.with_name("training.eval.json")
    taken.write_text("precious")
    async with walk.app([training]):
        await walk.sees("101 pairs")
        await walk.press("P")
        await walk.sees("training.eval.json")
        await fill(walk, "seed", "提灯")
        await fill(walk, "evaluation", "9")
        await walk.sees("9      9")
        await walk.press("ctrl+s")
        await walk.sees("training.eval.json is there already", "提灯")
        assert [p.name for p in training.parent.glob("training.*.json")] == ["training.eval.json"]
        await fill(walk, "names", str(training.with_name("*")))
        await walk.sees("new files", "validation")
        await fill(walk, "names", str(training.with_name("parts.json")))
        await walk.sees("* has to stand")
        await fill(walk, "names", str(training.with_name("*.lantern.json")))
        await walk.sees("eval.lantern.json")
        await walk.press("ctrl+s")
        await walk.sees("Split with seed 提灯", "9 eval")
    assert taken.read_text() == "precious"
    assert len(read(training.with_name("eval.lantern.json"))) == 9


async def test_only_the_marked_pairs_and_unsaved_edits(walk: Walk, training: Path) -> None:
    async with walk.app([training]):
        await walk.sees("101 pairs")
        await walk.press("d", "space", "j", "space", "j", "space", "j", "space", "j", "P")
        await walk.sees("Split 4 pairs of training.json, with unsaved edits", "a train file takes 32")
        await walk.press("escape")
        await walk.sees("Nothing was split")
        await walk.press("P")
        await fill(walk, "validation", "50%")
        await walk.sees("validation       2      2")
        await walk.press("ctrl+s")
        await walk.sees("2 train, 2 validation")
    parts = [read(training.with_name(f"training.{part}.json")) for part in ("train", "validation")]
    assert sorted(map(str, chain(*parts))) == sorted(map(str, PAIRS[1:5]))


async def test_a_file_may_be_closed_before_its_check_begins(walk: Walk, training: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(PAIRS))
    async with walk.app([training, other]) as app:
        await walk.sees("(1/2)", "101 pairs")
        tab = app.screen.query_one(DatasetTab)
        await walk.until(lambda: len(tab.files) == 2, "the other file")
        tab.check(1)
        tab.put_rules(1, Findings())
        del tab.files[1]
        await walk.rest()
        tab.show_file()
        await walk.sees("training.json  TRAIN  101 pairs")
