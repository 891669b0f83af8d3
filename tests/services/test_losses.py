"""Metrics files of every shape, and where jobs leave them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from tests.sandbox.conftest import Scene
from tui.domain.errors import AppError, Cause
from tui.domain.loss.losses import Curves
from tui.domain.training.jobs import Job
from tui.services.loss.losses import curves
from tui.services.session import Services

TRAINING = "step_number,epoch_number,training_loss\n0,1,3.0\n1,1,1.0\n2,2,0.5\n"
VALIDATION = "step_number,epoch_number,validation_loss\n2,1,2.5\n3,2,1.75\n"
JOB = Job(
    "arn:aws:bedrock:us-west-2:123456789012:model-customization-job/x/abc123def456",
    "faq",
    "Completed",
    "",
    datetime(2026, 11, 22, tzinfo=UTC),
    detailed=True,
    output_uri="s3://tanzaku-lessons/out/",
    hyperparameters={"epochCount": "10"},
)
PREFIX = "out/model-customization-job-abc123def456"


def read(*texts: str | bytes) -> Curves:
    return curves("x", [(f"{n}.csv", t.encode() if isinstance(t, str) else t) for n, t in enumerate(texts)])


def means(found: Curves) -> tuple[dict[int, float], dict[int, float]]:
    return {p.epoch: p.mean for p in found.training}, {p.epoch: p.mean for p in found.validation}


def test_training_is_averaged_by_epoch() -> None:
    found = read(TRAINING, VALIDATION)
    assert means(found) == ({1: 2.0, 2: 0.5}, {1: 2.5, 2: 1.75})
    first, second = found.training
    assert (first.rows, first.low, first.high) == (2, 1.0, 3.0)
    assert first.deviation == pytest.approx(2**0.5)
    assert (second.rows, second.deviation) == (1, None)
    assert [(s.position, s.loss) for s in found.steps] == [(0.5, 3.0), (1.0, 1.0), (2.0, 0.5)]
    assert found.notes == ()


@pytest.mark.parametrize(
    "training",
    [
        "step_number, epoch_number, training_loss\n0, 1, 3.0\n1, 1, 1.0\n2, 2, 0.5\n",
        " Step_Number ,EPOCH_NUMBER,Training_Loss \n0,1,3.0 \n1,1, 1.0\n2,2,0.5\n",
        "step_number,epoch_number,training_loss,perplexity\n0,1,3.0,20\n1,1,1.0,2.7\n2,2,0.5,1.6\n",
        "training_loss,step_number,epoch_number\n3.0,0,1\n1.0,1,1\n0.5,2,2\n",
        "step_number,epoch_number,training_loss\n2,2,0.5\n1,1,1.0\n0,1,3.0\n",
        "step_number,epoch_number,training_loss\n0,1,3.0\n0,1,3.0\n1,1,1.0\n2,2,0.5\n",
        "step_number,epoch_number,training_loss\r\n0,1,3.0\r\n1,1,1.0\r\n2,2,0.5",
        "step_number,epoch_number,training_loss\r0,1,3.0\r1,1,1.0\r\r2,2,0.5\r",
        "\r\rstep_number;epoch_number;training_loss\r2;2;0.5\r0;1;3.0\r1;1;1.0",
        "step_number,epoch_number,training_loss\n0,1.0,3.0\n1,1.0,1.0\n2,2.0,0.5\n\n",
        "\ufeffstep_number,epoch_number,training_loss\n0,1,3.0\n1,1,1.0\n2,2,0.5\n",
        "step_number,epoch_number,training_loss\n1,0,3.0\n2,0,1.0\n3,1,0.5\n",
        '"step_number","epoch_number","training_loss"\n"0","1","3.0"\n"1","1","1.0"\n"2","2","0.5"\n',
        "epoch_number,training_loss\n1,3.0\n1,1.0\n2,0.5\n",
    ],
)
def test_every_shape_says_the_same(training: str) -> None:
    found = read(training)
    assert means(found) == ({1: 2.0, 2: 0.5}, {})
    assert [s.loss for s in found.steps] == [3.0, 1.0, 0.5]


def test_a_comma_at_the_end_of_each_row_moves_no_column() -> None:
    found = read("step_number,epoch_number,training_loss\n0,1,3.0,\n1,1,1.0,\n2,2,0.5,\n")
    assert means(found)[0] == {1: 2.0, 2: 0.5}


def test_epochs_from_zero_move_both_curves_alike() -> None:
    found = read(
        "step_number,epoch_number,training_loss\n1,0,3\n2,1,1\n", "step_number,epoch_number,validation_loss\n2,1,2\n"
    )
    assert means(found) == ({1: 3.0, 2: 1.0}, {2: 2.0})


@pytest.mark.parametrize("value", ["nan", "", "inf", "-inf", "n/a", "1e999"])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_rows_without_numbers_are_left_out_and_told(value: str, column: int) -> None:
    row = ["1", "1", "9.0"]
    row[column] = value
    found = read(f"step_number,epoch_number,training_loss\n0,1,3.0\n{','.join(row)}\n2,1,1.0\n")
    assert means(found)[0] == {1: 2.0}
    assert found.notes == ("0.csv: 1 row without numbers left out, the first on line 3",)


@pytest.mark.parametrize("epoch", ["1.5", "1e30", "-1e18"])
def test_epochs_that_are_none_are_left_out(epoch: str) -> None:
    found = read(f"step_number,epoch_number,training_loss\n0,1,3.0\n1,{epoch},9\n")
    assert means(found)[0] == {1: 3.0}
    assert len(found.notes) == 1


def test_without_epochs_the_training_is_one_and_validation_counts_them() -> None:
    found = read("step_number,training_loss\n0,3\n1,1\n", "step_number,validation_loss\n3,2\n6,1\n")
    assert means(found) == ({1: 2.0}, {1: 2.0, 2: 1.0})
    assert found.notes == ("0.csv: no epoch_number", "1.csv: no epoch_number")


def test_a_step_of_hundreds_of_digits_still_has_an_epoch() -> None:
    training = f"step_number,training_loss\n0,3\n1,1\n{'9' * 300},2\n"
    found = read(training, "step_number,epoch_number,validation_loss\n2,1,2.5\n3,2,1.75\n")
    assert means(found)[0] == {1: 2.0, 2: 2.0}


def test_a_header_alone_is_an_empty_curve() -> None:
    found = read("step_number,epoch_number,training_loss\n", VALIDATION)
    assert means(found) == ({}, {1: 2.5, 2: 1.75})
    assert found.steps == ()
    assert read("step_number,epoch_number,training_loss\n").epochs == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n\0", b"\xff\xfe\0\0", b"{}", b"<html>", b'"unclosed', b"\0" * 50],
)
def test_what_holds_no_loss_is_refused(data: bytes) -> None:
    with pytest.raises(AppError, match="No loss") as caught:
        read(data)
    assert caught.value.cause is Cause.FILE
    assert "0.csv" in caught.value.detail


def test_one_good_file_is_enough() -> None:
    found = read(b"", TRAINING)
    assert means(found)[0] == {1: 2.0, 2: 0.5}
    assert len(found.notes) == 1


@pytest.mark.parametrize("seed", range(8))
def test_means_are_those_of_pandas(seed: int) -> None:
    draw = random.Random(seed)
    rows = [(n, draw.randint(1, 9), draw.uniform(0, 5)) for n in range(draw.randint(1, 200))]
    draw.shuffle(rows)
    text = "step_number,epoch_number,training_loss\n" + "".join(f"{s},{e},{v!r}\n" for s, e, v in rows)
    lowest = min(e for _, e, _ in rows)
    expected = pd.DataFrame(rows, columns=["step", "epoch", "loss"]).groupby("epoch")["loss"]
    found = read(text)
    assert {p.epoch: p.mean for p in found.training} == pytest.approx(dict(expected.mean()), rel=1e-12)
    assert {p.epoch: p.rows for p in found.training} == dict(expected.count())
    positions = [s.position for s in found.steps]
    assert positions == sorted(positions)
    assert all(lowest - 1 < p <= 9 for p in positions)


def test_many_steps_are_thinned() -> None:
    text = "step_number,epoch_number,training_loss\n" + "".join(f"{n},{n // 5000 + 1},1\n" for n in range(10_000))
    assert 2000 < len(read(text).steps) <= 4000


VALIDATION_PLACES = [
    "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv",
    "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv",
    "validation_artifacts/validation_metrics.csv",
    "validation_artifacts/post_training_validation/validation_metrics.csv",
]


@pytest.mark.parametrize("place", VALIDATION_PLACES)
async def test_metrics_are_found_wherever_they_are(services: Services, scene: Scene, place: str) -> None:
    scene.bucket()
    scene.upload(f"{PREFIX}/training_artifacts/step_wise_training_metrics.csv", TRAINING)
    scene.upload(f"{PREFIX}/{place}", VALIDATION)
    scene.upload("out/.write_access_check_file.tmp", "")
    found = await services.losses.look(JOB)
    assert found is not None
    assert means(found.curves) == ({1: 2.0, 2: 0.5}, {1: 2.5, 2: 1.75})
    assert (found.curves.name, found.curves.asked_epochs, found.curves.sandbox) == ("faq", 10, True)


async def test_before_the_metrics_are_written_there_are_none(services: Services, scene: Scene) -> None:
    scene.bucket()
    assert await services.losses.look(JOB) is None
    scene.upload(f"{PREFIX}/training_artifacts/step_wise_training_metrics.csv", "")
    assert await services.losses.look(JOB) is None
    assert await services.losses.look(replace(JOB, output_uri="")) is None
    scene.upload(f"{PREFIX}/training_artifacts/step_wise_training_metrics.csv", TRAINING)
    found = await services.losses.look(replace(JOB, hyperparameters={"epochCount": "5.0"}))
    assert found is not None
    assert found.curves.asked_epochs == 5
    assert found.curves.validation == ()


async def test_a_bucket_that_is_gone_is_an_error(services: Services, scene: Scene) -> None:
    with pytest.raises(AppError) as caught:
        await services.losses.look(JOB)
    assert caught.value.cause is Cause.NOT_FOUND


async def test_local_files_and_folders(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "run-7" / "training_artifacts"
    folder.mkdir(parents=True)
    (folder / "step_wise_training_metrics.csv").write_text(TRAINING)
    (tmp_path / "run-7" / "validation_metrics.csv").write_text(VALIDATION)
    (tmp_path / "run-7" / "other.csv").write_text("a,b\n1,2\n")
    (whole,) = await services.losses.runs_of_files([tmp_path / "run-7"])
    assert (whole.name, means(whole)) == ("run-7", ({1: 2.0, 2: 0.5}, {1: 2.5, 2: 1.75}))
    assert whole.notes == ()
    (one,) = await services.losses.runs_of_files([tmp_path / "run-7" / "validation_metrics.csv"])
    assert (one.name, means(one)) == ("run-7", ({}, {1: 2.5, 2: 1.75}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(AppError, match="No metrics files"):
        await services.losses.runs_of_files([tmp_path / "empty"])
    with pytest.raises(AppError, match="cannot be read"):
        await services.losses.runs_of_files([tmp_path / "missing.csv"])


async def test_curves_are_shown_although_they_cannot_be_kept(services: Services, scene: Scene) -> None:
    """And they are kept for the session, so that they are not read from S3 again and again."""
    scene.bucket()
    scene.upload(f"{PREFIX}/training_artifacts/step_wise_training_metrics.csv", TRAINING)
    folder = services.paths.losses(sandbox=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    look = await services.losses.look(JOB)
    assert look is not None
    assert look.fresh
    assert look.problem is not None
    assert look.problem.cause is Cause.FILE
    assert [p.epoch for p in look.curves.training] == [1, 2]
    scene.sandbox.requests.clear()
    again = await services.losses.look(JOB)
    assert again is not None
    assert again.curves == look.curves
    assert "GetObject" not in [r.operation for r in scene.sandbox.requests]
    assert [k.job.arn for k in await services.losses.all_kept()] == [JOB.arn]
