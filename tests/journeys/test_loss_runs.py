"""Runs on the Loss tab: live, kept, compared, exported."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.content import Content
from textual.widgets import Static

from tests.journeys.conftest import Walk
from tests.journeys.stage import open_metrics
from tests.sandbox.conftest import PAIRS, Scene, claude_lines
from tui.__main__ import main
from tui.app import TanzakuApp
from tui.widgets.chart_colours import css_colour, palette
from tui.widgets.loss_chart import LossChart

REFERENCE = (2.5327, 1.7016, 1.5365, 1.5085, 1.47649, 1.47635, 1.4959)


@dataclass
class Bucket:
    """The metrics place of a job, filled by hand."""

    scene: Scene
    arn: str

    def write(self, validation: tuple[float, ...]) -> None:
        prefix = f"out/model-customization-job-{self.arn.rsplit('/', 1)[-1]}"
        training = "".join(
            f"{3 * e + s},{e + 1},{2.0 - 0.2 * e + s / 10}\n" for e in range(len(validation)) for s in range(3)
        )
        self.scene.upload(
            f"{prefix}/training_artifacts/step_wise_training_metrics.csv",
            f"step_number,epoch_number,training_loss\n{training}",
        )
        rows = "".join(f"{3 * e},{e},{loss}\n" for e, loss in enumerate(validation, 1))
        self.scene.upload(
            f"{prefix}/validation_artifacts/post_fine_tuning_validation/validation_metrics.csv",
            f"step_number,epoch_number,validation_loss\n{rows}",
        )


def _runs(folder: Path) -> None:
    for name, best in (("faq-学習-1", 1.4), ("faq-2", 1.2)):
        run = folder / f"model-customization-job-{name}"
        run.mkdir(parents=True)
        rows = "".join(f"{3 * e},{e},{best + 0.2 * abs(e - 4)}\n" for e in range(1, 7))
        (run / "validation_metrics.csv").write_text(f"step_number,epoch_number,validation_loss\n{rows}")
        rows = "".join(f"{s},{s // 3 + 1},{2 / (s + 1)}\n" for s in range(18))
        (run / "step_wise_training_metrics.csv").write_text(f"step_number,epoch_number,training_loss\n{rows}")


async def test_many_runs_are_named_as_far_as_there_is_room_in_the_colours_of_their_lines(
    walk: Walk, tmp_path: Path
) -> None:
    for number in range(1, 9):
        run = tmp_path / "runs" / f"faq-{number}"
        run.mkdir(parents=True)
        rows = "".join(f"{e},{e},{number / 10 + 1 / e}\n" for e in range(1, 7))
        (run / "validation_metrics.csv").write_text(f"step_number,epoch_number,validation_loss\n{rows}")
    async with walk.app() as app:
        await open_metrics(walk, str(tmp_path / "runs"))
        await walk.sees("faq-5", "and 3 more", "h 0.9667 lowest validation")
        assert not walk.shows("faq-6")
        await walk.press("N")
        await walk.sees("▸*h faq-8", "faq-4")
        assert not walk.shows("faq-5")

        def inks() -> set[str]:
            names = app.screen.query_one("#loss-runs", Static).visual
            assert isinstance(names, Content)
            return {str(span.style).removeprefix("bold ") for span in names.spans}

        dark = inks()
        app.theme = "washi"
        await walk.until(lambda: inks() != dark, "other colours")
        lines = palette(app.theme_variables, ansi=False).lines
        assert inks() == {css_colour(lines[run % len(lines)]) for run in (0, 1, 2, 3, 7)}
        assert len(inks()) == len(dark) == 5


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_several_runs_over_each_other(walk: Walk, tmp_path: Path, size: tuple[int, int]) -> None:
    _runs(tmp_path / "runs")
    async with walk.app(size=size) as app:
        await open_metrics(walk, str(tmp_path / "runs"))
        await walk.sees("model-customization-job-faq-学習-1", "model-customization-job-faq-2", "lowest validation:")
        chart = app.screen.query_one(LossChart)
        assert len(chart.legend().plain.split("  ")) >= 2
        await walk.press("t")
        await walk.sees("best validation", "1.2000 (epoch 4)", "1.4000 (epoch 4)", "verdict")
        await walk.press("t", "n", "H")
        await walk.sees("hidden")
        await walk.press("H", "K")
        await walk.misses("hidden")
        before = next(i for i, line in enumerate(walk.lines) if "faq-2" in line)
        await walk.press("J")
        after = next(i for i, line in enumerate(walk.lines) if "faq-2" in line)
        assert before != after
        await walk.press("p")
        await walk.misses("▸")
        assert len([line for line in walk.lines if "best" in line and "epoch 4" in line]) >= 1


async def test_zoom_smoothing_steps_and_table(walk: Walk, tmp_path: Path) -> None:
    _runs(tmp_path / "runs")
    async with walk.app():
        await open_metrics(walk, str(tmp_path / "runs" / "model-customization-job-faq-2"))
        await walk.sees("best epoch 4", "rising since epoch 4")
        await walk.press("plus")
        await walk.sees("epochs 3–5")
        await walk.press("l", "l")
        await walk.sees("epochs 4–6", "epoch 6")
        await walk.press("0", "s", "e")
        await walk.misses("epochs 4–6")
        await walk.sees("EMA m = 0.6·m + 0.4·x", "0.6ⁱ")
        await walk.press("full_stop", "full_stop")
        await walk.sees("step ", "smoothed")
        await walk.press("t")
        await walk.sees("exp(loss)", "◆4")


async def test_exports(walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _runs(tmp_path / "runs")
    async with walk.app() as app:
        await open_metrics(walk, str(tmp_path / "runs"))
        await walk.sees("lowest validation:")
        await walk.press("x")
        await walk.sees("Export as")
        await walk.press("enter")
        await walk.sees("Write to")
        await walk.press("enter")
        await walk.sees("Written:")
        (written,) = tmp_path.glob("*.csv")
        with written.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 12
        assert float(rows[3]["validation_loss"]) == 1.2
        written.write_text("mine")
        await walk.press("x", "enter", "ctrl+u")
        await walk.type(str(written))
        await walk.press("enter")
        await walk.sees("Replace this file?")
        await walk.press("escape")
        await walk.sees("Nothing was written")
        assert written.read_text() == "mine"
        await walk.press("y")
        await walk.sees("The verdict was sent")
        assert "best epoch 4" in app.clipboard
        await walk.press("Y")
        await walk.sees("The comparison was sent")
        assert "best validation\t" in app.clipboard


async def test_started_on_files(walk: Walk, tmp_path: Path) -> None:
    _runs(tmp_path / "runs")
    folder = tmp_path / "runs" / "model-customization-job-faq-2"
    app = TanzakuApp(walk.services(), [], metrics=[folder], asked_epochs=10)
    async with app.run_test(size=(80, 24)) as pilot:
        walk.pilot = pilot
        await walk.sees("[3 Loss]", "best epoch 4", "6 of 10", "stopped at 6 of 10", "asked 10")


def test_the_summary_is_printed_without_the_app(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _runs(tmp_path / "runs")
    assert main(["loss", "--print", str(tmp_path / "runs")]) == 0
    text = capsys.readouterr().out
    assert "# 2 fine-tuning runs" in text
    assert "best epoch 4" in text
    assert main(["loss", "--print", str(tmp_path / "nothing.csv")]) == 1
    assert "cannot be read" in capsys.readouterr().err


async def test_a_run_is_followed_while_it_trains_and_kept_when_its_bucket_is_gone(walk: Walk) -> None:
    scene = Scene(walk.sandbox, walk.clock)
    given = {"epochCount": "10", "earlyStoppingThreshold": "0.001", "earlyStoppingPatience": "2"}
    arn = scene.bedrock.create_model_customization_job(**scene.ready_for_jobs(), hyperParameters=given)["jobArn"]
    bucket = Bucket(scene, arn)
    async with walk.app(size=(120, 40)) as app:
        await walk.press("2")
        await walk.sees("lessons-1")
        await walk.press("enter")
        await walk.sees("metrics appear here once written")
        bucket.write(REFERENCE[:3])
        await walk.pass_time(1)
        await walk.sees("3 of 10 epochs so far", "still falling at epoch 3")
        bucket.write(REFERENCE)
        await walk.pass_time(1)
        await walk.sees("7 of 10 epochs so far", "epochs 5 and 6 tied within 0.001")
        await walk.press("2")
        await walk.sees("by epoch", "█▂▁▁▁▁▁")
        await walk.press("3")
        chart = app.screen.query_one(LossChart)
        drawn = chart.draws
        await walk.pass_time(1)
        assert chart.draws == drawn
    s3 = scene.client("s3")
    for found in s3.list_objects_v2(Bucket="tanzaku-lessons")["Contents"]:
        s3.delete_object(Bucket="tanzaku-lessons", Key=found["Key"])
    s3.delete_bucket(Bucket="tanzaku-lessons")
    async with walk.app(size=(120, 40)):
        await walk.press("2")
        await walk.sees("lessons-1", "█▂▁▁▁▁▁")
        await walk.press("enter")
        await walk.sees("best epoch 6", "▲ the copy kept on")


async def test_two_jobs_are_compared_with_what_they_were_trained_on(walk: Walk) -> None:
    scene = Scene(walk.sandbox, walk.clock)
    asked = scene.ready_for_jobs()
    first = scene.bedrock.create_model_customization_job(**asked, hyperParameters={"epochCount": "7"})["jobArn"]
    other = claude_lines([*PAIRS[1:], ("What is a tanzaku?", "A strip of paper.")])
    asked |= {
        "jobName": "lessons-2",
        "customModelName": "lantern-keeper-2",
        "trainingDataConfig": {"s3Uri": scene.upload("in/other.jsonl", other)},
    }
    second = scene.bedrock.create_model_customization_job(**asked, hyperParameters={"epochCount": "5"})["jobArn"]
    Bucket(scene, first).write(REFERENCE)
    Bucket(scene, second).write(REFERENCE[:5])
    async with walk.app(size=(120, 40)):
        await walk.press("2")
        await walk.sees("lessons-1", "lessons-2")
        await walk.press("3")
        await walk.sees("best epoch")
        await walk.press("enter")
        await walk.sees("Loss of which runs?")
        await walk.press("space", "j", "space", "enter")
        await walk.sees("lowest validation: b 1.4764, by 0.0001")
        await walk.press("t")
        await walk.sees("epochCount", "training data", "+1 −1 ~0 pairs", "best validation", "last training")
        assert not walk.shows("earlyStoppingPatience  ")
