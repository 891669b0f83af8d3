"""Local metrics files: the curves of a published run of Claude 3 Haiku, opened by keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.journeys.conftest import Walk
from tests.journeys.stage import open_metrics
from tui.tabs import loss_files
from tui.widgets.loss_chart import LossChart

TRAINING = (
    1.4531256934883257, 1.3701882225826447, 1.130999644334069, 0.9760583561677858, 1.060067763, 0.653322344,
    0.699154568, 0.587070612, 0.636203710, 1.048975630, 0.558532919, 0.436603042, 0.606455540, 0.857690870,
    0.543735453, 0.398563530, 0.335707778, 0.321094350, 0.428445103, 0.385173970, 0.246313440,
)  # fmt: skip
VALIDATION = (2.5327150328, 1.7015820491, 1.5365295365, 1.5085376232, 1.4764881400, 1.4763538640, 1.4959460000)


def _write(folder: Path) -> None:
    rows = "".join(f"{step},{step // 3 + 1},{loss}\n" for step, loss in enumerate(TRAINING))
    (folder / "step_wise_training_metrics.csv").write_text(f"step_number,epoch_number,training_loss\n{rows}")
    rows = "".join(f"{3 * epoch},{epoch},{loss}\n" for epoch, loss in enumerate(VALIDATION, 1))
    (folder / "validation_metrics.csv").write_text(f"step_number,epoch_number,validation_loss\n{rows}")


@pytest.mark.parametrize("as_folder", [True, False], ids=["folder", "two files"])
async def test_published_run(walk: Walk, tmp_path: Path, as_folder: bool) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    _write(folder)
    files = " ".join(str(path) for path in sorted(folder.iterdir()))
    async with walk.app() as app:
        await open_metrics(walk, str(folder) if as_folder else files)
        await walk.sees("best epoch 6", "7 epochs", "tied within 0.001", "fits default early stopping")
        assert app.screen.query_one(LossChart).display
        await walk.press(*"llllllll")
        seen = []
        for _ in range(7):
            found = re.search(r" epoch (\d+)   training ([\d.]+) .*?validation\s+([\d.]+)", " ".join(walk.lines))
            assert found, walk.text
            seen.append((int(found[1]), float(found[2]), float(found[3])))
            await walk.press("h")
        assert seen[::-1] == [
            (1, 1.3181, 2.5327),
            (2, 0.8965, 1.7016),
            (3, 0.6408, 1.5365),
            (4, 0.6814, 1.5085),
            (5, 0.6693, 1.4765),
            (6, 0.3518, 1.4764),
            (7, 0.3533, 1.4959),
        ]


async def test_files_that_grow_go_and_come_back_are_followed(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_files, "EVERY", 0.02)
    folder = tmp_path / "run"
    folder.mkdir()
    _write(folder)
    validation = folder / "validation_metrics.csv"
    async with walk.app():
        await open_metrics(walk, str(folder))
        await walk.sees("7 epochs", "best epoch 6")
        with validation.open("a") as file:
            file.write("24,8,1.40\n")
        await walk.sees("8 epochs", "best epoch 8")
        validation.unlink()
        await walk.sees("7 epochs", "no validation data")
        folder.rename(tmp_path / "elsewhere")
        await walk.sees("▲ the copy kept on", "run cannot be read")
        (tmp_path / "elsewhere").rename(folder)
        _write(folder)
        await walk.sees("7 epochs", "best epoch 6")
        await walk.misses("the copy kept")


async def test_a_missing_file_is_said_and_the_chart_stays(walk: Walk, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    _write(folder)
    async with walk.app():
        await open_metrics(walk, str(folder))
        await walk.sees("best epoch 6")
        await walk.press("o", "ctrl+u")
        await walk.type(str(tmp_path / "nothing.csv"))
        await walk.press("enter")
        await walk.sees("nothing.csv cannot be read", "best epoch 6")


async def test_the_whole_verdict_is_read_at_80_columns(walk: Walk, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    _write(folder)
    async with walk.app(size=(80, 24)):
        await open_metrics(walk, str(folder))
        await walk.sees("fits default early stopping (threshold 0.001, patience 2) · epoch 7 +0.0196")
        await walk.press("e")  # what is said of the smoothing needs the line
        await walk.sees("EMA m = 0.6", "epoch 7 +0.0196")


async def test_a_key_for_steps_says_where_they_are_when_only_validation_is_drawn(walk: Walk, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _write(tmp_path / name)
    async with walk.app():
        await open_metrics(walk, f"{tmp_path / 'one'} {tmp_path / 'two'}")
        await walk.sees("one", "two", "lowest validation")
        await walk.press("s")
        await walk.sees("w shows it")
