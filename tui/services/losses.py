"""Metrics files: found by listing, read by header, averaged per epoch with pandas, all off the UI thread."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.jobs import Job
from tui.domain.losses import Curves, EpochPoint, StepPoint
from tui.domain.names import split_s3_uri
from tui.domain.text import count, safe_line
from tui.services.aws import Aws
from tui.services.storage import Storage, StoredObject

_MOST_STEPS = 4000
_HIGHEST_EPOCH = 1e6
_TRAINING = re.compile(r"(^|/)[^/]*train[^/]*metrics[^/]*\.csv$", re.IGNORECASE)
_VALIDATION = re.compile(r"(^|/)[^/]*validation[^/]*metrics[^/]*\.csv$", re.IGNORECASE)


class Losses:
    """Curves of jobs and of local files."""

    def __init__(self, aws: Aws, storage: Storage) -> None:
        self._aws = aws
        self._storage = storage

    async def of_job(self, job: Job) -> Curves | None:
        """The curves of a job, None while its metrics are not written. `job` has to be detailed."""
        if not job.metrics_prefix:
            return None
        objects = [o for o in await self._storage.objects(job.metrics_prefix) if o.size > 0]
        training = _pick(objects, _TRAINING)
        validation = _pick(objects, _VALIDATION)
        if training is None and validation is None:
            return None
        bucket, _ = split_s3_uri(job.metrics_prefix)
        files = [(o.key, await self._storage.read(bucket, o.key)) for o in (training, validation) if o is not None]
        asked = job.hyperparameters.get("epochCount", "")
        epochs = int(float(asked)) if re.fullmatch(r"\d+(\.0*)?", asked) else None
        return await self._aws.pool.run(curves, job.name, files, asked_epochs=epochs, sandbox=self._aws.sandbox)

    async def of_files(self, paths: Sequence[Path]) -> Curves:
        """The curves in local CSV files, or in the CSV files of folders. Raises AppError."""
        return await self._aws.pool.run(_local, paths)


def _pick(objects: Iterable[StoredObject], pattern: re.Pattern[str]) -> StoredObject | None:
    found = [o for o in objects if pattern.search(o.key)]
    return min(found, key=lambda o: (len(o.key), o.key), default=None)


def _local(paths: Sequence[Path]) -> Curves:
    files = []
    for path in paths:
        try:
            chosen = sorted(p for p in path.rglob("*.csv") if p.is_file()) if path.is_dir() else [path]
            files += [(str(p), p.read_bytes()) for p in chosen if not path.is_dir() or _is_metrics(p.name)]
        except OSError as error:
            reason = safe_line(error.strerror or str(error), 120)
            raise AppError(Cause.FILE, f"{safe_line(path.name, 60)} cannot be read", reason) from None
    if not files:
        raise AppError(Cause.FILE, "No metrics files there", hint="Give the training and validation metrics CSV")
    name = paths[0].name if paths[0].is_dir() else paths[0].resolve().parent.name
    return curves(safe_line(name, 60) or "local", files)


def _is_metrics(name: str) -> bool:
    return bool(_TRAINING.search(name) or _VALIDATION.search(name))


def curves(
    name: str, files: Sequence[tuple[str, bytes]], *, asked_epochs: int | None = None, sandbox: bool = False
) -> Curves:
    """Per-epoch means of the metrics in `files`, each a name and its content.

    A file is training or validation by its loss column. Epochs that count from 0 are shifted to count from 1,
    in both files alike. Rows without finite numbers are left out and told in `notes`. Raises AppError (cause
    FILE) when no file has a loss column.
    """
    frames: dict[str, list[Any]] = {"training_loss": [], "validation_loss": []}
    notes: list[str] = []
    for path, data in files:
        column, frame, said = _read(path, data)
        notes += said
        if column:
            frames[column].append(frame)
    if not any(frames.values()):
        raise AppError(
            Cause.FILE,
            "No loss in these files",
            "; ".join(notes),
            "A metrics CSV has the columns step_number, epoch_number and training_loss or validation_loss",
        )
    import pandas as pd

    tables = {column: pd.concat(parts) for column, parts in frames.items() if parts}
    lowest = min((int(t["epoch"].min()) for t in tables.values() if len(t)), default=1)
    for table in tables.values():
        table["epoch"] += 1 - lowest if lowest in (0, 1) else 0
    training, validation = tables.get("training_loss"), tables.get("validation_loss")
    return Curves(
        name,
        _points(training, "training_loss"),
        _points(validation, "validation_loss"),
        _steps(training),
        asked_epochs,
        tuple(safe_line(path, 300) for path, _ in files),
        tuple(notes),
        sandbox,
    )


def _read(path: str, data: bytes) -> tuple[str, Any, list[str]]:
    import pandas as pd

    label = safe_line(path.rsplit("/", 1)[-1], 60)
    try:
        frame = pd.read_csv(
            io.BytesIO(data),
            encoding="utf-8-sig",
            skipinitialspace=True,
            on_bad_lines="skip",
            index_col=False,
            low_memory=False,
        )
    except (ValueError, UnicodeError) as error:  # pandas' parser errors are ValueErrors
        return "", None, [f"{label}: {safe_line(str(error), 120)}"]
    frame.columns = [str(c).strip().casefold() for c in frame.columns]
    column = next((c for c in ("training_loss", "validation_loss") if c in frame.columns), "")
    if not column:
        return "", None, [f"{label}: no training_loss or validation_loss among its columns"]
    notes = []
    table = pd.DataFrame({column: pd.to_numeric(frame[column], errors="coerce")})
    for ours, theirs in (("epoch", "epoch_number"), ("step", "step_number")):
        if theirs in frame.columns:
            table[ours] = pd.to_numeric(frame[theirs], errors="coerce")
    if "step" not in table:
        table["step"] = range(len(table))
    if "epoch" not in table:
        table["epoch"] = 1 if column == "training_loss" else range(1, len(table) + 1)
        notes.append(f"{label}: no epoch_number")
    good = table[table[[column, "epoch", "step"]].abs().lt(float("inf")).all(axis=1)]
    good = good[good["epoch"].abs().lt(_HIGHEST_EPOCH)]
    good = good[good["epoch"] == good["epoch"].round()].astype({"epoch": "int64"})
    if len(good) < len(table):
        first = next(i for i in range(len(table)) if table.index[i] not in good.index)
        left = count(len(table) - len(good), "row")
        notes.append(f"{label}: {left} without numbers left out, the first on line {first + 2}")
    return column, good.drop_duplicates(), notes


def _points(table: Any, column: str) -> tuple[EpochPoint, ...]:
    if table is None or not len(table):
        return ()
    grouped = table.groupby("epoch")[column].agg(["mean", "count", "min", "max", "std"])
    return tuple(
        EpochPoint(int(row.Index), float(row.mean), int(row.count), float(row.min), float(row.max), _number(row.std))
        for row in grouped.rename_axis("Index").itertuples(name="Row")
    )


def _number(value: Any) -> float | None:
    return float(value) if value == value else None


def _steps(table: Any) -> tuple[StepPoint, ...]:
    if table is None or not len(table):
        return ()
    ordered = table.sort_values(["epoch", "step"], kind="stable")
    place = ordered.groupby("epoch").cumcount() + 1
    size = ordered.groupby("epoch")["step"].transform("size")
    positions = (ordered["epoch"] - 1 + place / size).to_numpy()
    losses = ordered["training_loss"].to_numpy()
    stride = max(1, -(-len(losses) // _MOST_STEPS))
    return tuple(StepPoint(float(p), float(v)) for p, v in zip(positions[::stride], losses[::stride], strict=True))
