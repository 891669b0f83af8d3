"""Curves kept for the next time: whole, private, and only as long as their files are the same."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import operations
from tui.domain.errors import AppError, Cause
from tui.domain.training.jobs import Job
from tui.sandbox.server import Sandbox
from tui.services.loss.cache import Kept, LossCache
from tui.services.loss.losses import local_runs
from tui.services.loss.metrics_curves import curves
from tui.services.session import Services

JOB = Job(
    "arn:aws:bedrock:us-west-2:123456789012:model-customization-job/x/abc123def456",
    "faq 学習",
    "Completed",
    "arn:aws:bedrock:us-west-2::foundation-model/haiku",
    datetime(2026, 11, 22, tzinfo=UTC),
    ended=datetime(2026, 11, 22, 3, tzinfo=UTC),
    detailed=True,
    output_uri="s3://tanzaku-lessons/out/",
    training_uri="s3://tanzaku-lessons/in/t.jsonl",
    validation_uris=("s3://tanzaku-lessons/in/v.jsonl",),
    hyperparameters={"epochCount": "10"},
)
PREFIX = "out/model-customization-job-abc123def456"
TRAINING = "step_number,epoch_number,training_loss,perplexity\n0,1,3.0,20\n1,1,1.0,2.7\n2,2,0.5,1.6\n"
VALIDATION = "step_number,epoch_number,validation_loss\n2,1,2.5\n3,2,1.75\n"
FILES = [
    ("t.csv", TRAINING.encode()),
    ("a/v.csv", VALIDATION.encode()),
    ("b/v.csv", VALIDATION.replace("5", "4").encode()),
]
KEPT = Kept(JOB, curves("faq", FILES, asked_epochs=10), (("k", '"e"'),), datetime(2026, 11, 23, tzinfo=UTC))


def put(scene: Scene, training: str = TRAINING) -> None:
    scene.upload(f"{PREFIX}/training_artifacts/step_wise_training_metrics.csv", training)
    scene.upload(f"{PREFIX}/validation_artifacts/validation_metrics.csv", VALIDATION)


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = LossCache(tmp_path / "state" / "losses")
    assert cache.all() == []
    assert cache.load(JOB.arn) is None
    cache.save(KEPT)
    assert cache.load(JOB.arn) == KEPT
    assert cache.all() == [KEPT]


def test_it_is_for_this_user_alone(tmp_path: Path) -> None:
    cache = LossCache(tmp_path / "losses")
    cache.save(KEPT)
    (file,) = (tmp_path / "losses").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "losses").stat().st_mode) == 0o700
    assert JOB.name not in file.name


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"form": 99}', "null", "\x00"])
def test_what_is_broken_is_read_from_s3_again(tmp_path: Path, text: str) -> None:
    cache = LossCache(tmp_path / "losses")
    cache.save(KEPT)
    (file,) = (tmp_path / "losses").iterdir()
    file.write_text(text)
    assert cache.load(JOB.arn) is None
    cache.save(KEPT)
    assert cache.load(JOB.arn) == KEPT


def test_a_folder_that_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "losses").write_text("a file in its place")
    with pytest.raises(AppError) as caught:
        LossCache(tmp_path / "losses").save(KEPT)
    assert caught.value.cause is Cause.FILE


async def test_files_are_read_once_while_their_etags_stay(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    scene.bucket()
    put(scene)
    first = await services.losses.look(JOB)
    before = operations(sandbox).count("GetObject")
    second = await services.losses.look(JOB)
    assert first is not None
    assert second is not None
    assert second.fresh
    assert second.curves == first.curves
    assert operations(sandbox).count("GetObject") == before == 2
    put(scene, TRAINING + "3,3,0.25,1.3\n")
    third = await services.losses.look(JOB)
    assert third is not None
    assert third.curves.epochs == (1, 2, 3)


async def test_what_is_kept_is_there_when_the_bucket_is_not(services: Services, scene: Scene) -> None:
    scene.bucket()
    put(scene)
    first = await services.losses.look(JOB)
    assert first is not None
    s3 = scene.client("s3")
    for found in s3.list_objects_v2(Bucket="tanzaku-lessons")["Contents"]:
        s3.delete_object(Bucket="tanzaku-lessons", Key=found["Key"])
    emptied = await services.losses.look(JOB)
    assert emptied is not None
    assert emptied.problem is not None
    assert "no longer in S3" in emptied.problem.title
    s3.delete_bucket(Bucket="tanzaku-lessons")
    gone = await services.losses.look(JOB)
    assert gone is not None
    assert (gone.fresh, gone.curves, gone.read) == (False, first.curves, first.read)
    assert gone.problem is not None
    assert gone.problem.cause is Cause.NOT_FOUND
    kept = await services.losses.kept(JOB.arn)
    assert kept is not None
    assert kept.curves == first.curves


async def test_trends_are_those_kept_and_those_of_jobs_with_detail(services: Services, scene: Scene) -> None:
    scene.bucket()
    put(scene)
    summary = replace(JOB, arn=JOB.arn + "x", detailed=False)
    assert await services.losses.trends([JOB, summary]) == {JOB.arn: (2.5, 1.75)}
    assert await services.losses.trends([]) == {JOB.arn: (2.5, 1.75)}


def _run(folder: Path, training: str = "step_wise_training_metrics.csv") -> None:
    folder.mkdir(parents=True)
    (folder / training).write_text(TRAINING)
    (folder / training.replace("step_wise_training", "validation").replace("training", "validation")).write_text(
        VALIDATION
    )


def test_a_folder_of_several_runs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        place = tmp_path / f"model-customization-job-{name}"
        (place / "training_artifacts").mkdir(parents=True)
        (place / "training_artifacts" / "step_wise_training_metrics.csv").write_text(TRAINING)
        (place / "validation_artifacts" / "post_fine_tuning_validation").mkdir(parents=True)
        (place / "validation_artifacts" / "post_fine_tuning_validation" / "validation_metrics.csv").write_text(
            VALIDATION
        )
    found = local_runs([tmp_path])
    assert [run.name for run in found] == ["model-customization-job-one", "model-customization-job-two"]
    assert all(len(run.training) == len(run.validation) == 2 for run in found)


def test_runs_beside_each_other_are_told_apart_by_their_names(tmp_path: Path) -> None:
    _run(tmp_path / "x", "alpha_training_metrics.csv")
    (tmp_path / "x" / "beta_training_metrics.csv").write_text(TRAINING)
    found = local_runs([tmp_path / "x"])
    assert [run.name for run in found] == ["alpha", "beta"]
    assert [bool(run.validation) for run in found] == [True, False]


def test_two_files_are_one_run_wherever_they_are(tmp_path: Path) -> None:
    for name, text in (("a/step_wise_training_metrics.csv", TRAINING), ("b/validation_metrics.csv", VALIDATION)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    (found,) = local_runs([tmp_path / "a/step_wise_training_metrics.csv", tmp_path / "b/validation_metrics.csv"])
    assert found.training
    assert found.validation
