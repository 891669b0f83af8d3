"""Exports: what is in them, and that nothing is overwritten."""

from __future__ import annotations

import csv
import io
import os
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.domain.loss_runs import curves
from tui.domain.errors import AppError, Cause
from tui.domain.loss.report import LossRun
from tui.domain.training.jobs import Job
from tui.services.loss import export as loss_export
from tui.services.loss.export import ExportKind, export, free_path
from tui.services.session import Services

JOB = Job("arn:x/1", "学習 run", "Completed", "arn:aws:bedrock:x/haiku", datetime(2026, 11, 22, tzinfo=UTC),
          hyperparameters={"epochCount": "4"})  # fmt: skip
RUN = LossRun("1", curves((2.0, 1.5, 1.4)), JOB)
OTHER = LossRun("2", curves((2.1, 1.6, 1.2)))


async def test_the_means_are_written_with_all_digits(services: Services, tmp_path: Path) -> None:
    path = free_path(tmp_path, [RUN], ExportKind.CSV)
    await export(services.pool, [RUN, OTHER], ExportKind.CSV, path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    assert [float(row["validation_loss"]) for row in rows] == [2.0, 1.5, 1.4, 2.1, 1.6, 1.2]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] * 2
    assert [float(row["training_mean"]) for row in rows[:3]] == [p.mean for p in RUN.curves.training]


async def test_a_file_that_is_there_stays_unless_told(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("mine")
    with pytest.raises(AppError) as caught:
        await export(services.pool, [RUN], ExportKind.MARKDOWN, path)
    assert caught.value.cause is Cause.CONFLICT
    assert path.read_text() == "mine"
    await export(services.pool, [RUN], ExportKind.MARKDOWN, path, overwrite=True)
    assert "best epoch 3" in path.read_text("utf-8")
    with pytest.raises(AppError, match="is a folder"):
        await export(services.pool, [RUN], ExportKind.MARKDOWN, tmp_path)


def test_the_name_offered_is_free(tmp_path: Path) -> None:
    first = free_path(tmp_path, [RUN], ExportKind.PNG)
    first.touch()
    second = free_path(tmp_path, [RUN], ExportKind.PNG)
    assert first != second
    assert first.suffix == second.suffix == ".png"
    assert os.sep not in first.name


@pytest.mark.parametrize(("kind", "magic"), [(ExportKind.SVG, b"<?xml"), (ExportKind.PNG, b"\x89PNG")])
@pytest.mark.parametrize("runs", [[RUN], [RUN, OTHER]], ids=["one", "two"])
async def test_pictures(
    services: Services, tmp_path: Path, kind: ExportKind, magic: bytes, runs: list[LossRun]
) -> None:
    path = tmp_path / f"x.{kind}"
    await export(services.pool, runs, kind, path)
    assert path.read_bytes().startswith(magic)
    assert path.stat().st_size > 5_000


def test_pictures_are_the_same_each_time() -> None:
    assert loss_export.picture([RUN], ExportKind.SVG) == loss_export.picture([RUN], ExportKind.SVG)


def test_long_names_have_room_in_a_picture() -> None:
    from matplotlib.figure import Figure

    long = [LossRun(str(n), replace(RUN.curves, name=f"{n}-{'学習' * 12}-{'x' * 30}")) for n in range(3)]
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    with warnings.catch_warnings(action="ignore"):  # fonts without Japanese
        loss_export._draw(figure, axes, long)
        figure.draw_without_rendering()
        title, legend = axes.title.get_window_extent(), figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= title.x0
    assert title.x1 <= figure.bbox.x1
    assert legend.y1 <= axes.get_window_extent().y0  # below the curves, over none of them
    assert len(figure.legends[0].get_texts()) == 6


async def test_without_matplotlib_it_is_said_how_to_get_it(services: Services, tmp_path: Path) -> None:
    with patch.object(loss_export, "plots_installed", lambda: False), pytest.raises(AppError) as caught:
        await export(services.pool, [RUN], ExportKind.PNG, tmp_path / "x.png")
    assert "pip install 'tanzaku[plots]'" in caught.value.hint
    assert not (tmp_path / "x.png").exists()
