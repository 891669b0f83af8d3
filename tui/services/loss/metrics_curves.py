"""Curves from metrics files: the tables of all files joined by epoch, averaged with pandas, thinned and smoothed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.loss.losses import SMOOTHINGS, Curves, EpochPoint, Series, StepPoint
from tui.domain.text import safe_line
from tui.services.loss.metrics_csv import TRAINING, VALIDATION, Table, read

_STRETCHES = 2000
"""Of more than twice as many steps only the lowest and the highest of each stretch are kept."""


def curves(
    name: str, files: Sequence[tuple[str, bytes]], *, asked_epochs: int | None = None, sandbox: bool = False
) -> Curves:
    """Per-epoch means of the metrics in `files`, each a name and its content.

    A file is training or validation by its columns, whatever it is called. Epochs that count from 0 are shifted to
    count from 1. What cannot be used is told in `notes`. Raises AppError (cause FILE) when no file has a loss.
    """
    tables: list[Table] = []
    notes: list[str] = []
    paths: dict[int, str] = {}
    for path, data in files:
        reading = read(path, data)
        notes += reading.notes
        for table in reading.tables:
            paths[id(table)] = path
            tables.append(table)
    if not tables:
        raise AppError(
            Cause.FILE,
            "No loss in these files",
            "; ".join(notes),
            "A metrics CSV has the columns step_number, epoch_number and training_loss or validation_loss",
        )
    losses = [t for t in tables if t.column.endswith("loss")] or tables
    metric = "loss" if losses[0].column.endswith("loss") else losses[0].column
    training = [t for t in losses if t.kind == TRAINING]
    validation = [t for t in losses if t.kind == VALIDATION]
    _give_epochs(training, validation, notes)
    training, validation = _from_one(training, validation, notes)
    first = training[0] if training else None
    shown, others = _series(training if metric != "loss" else validation, metric, paths)
    if len(training) > 1 and metric == "loss":
        notes.append(f"{len(training)} files of training losses; shown: {training[0].label}")
    made = Curves(
        name,
        _points(first) if first else (),
        shown.points if metric == "loss" and shown else (),
        asked_epochs=asked_epochs,
        sources=tuple(safe_line(path, 300) for path, _ in files),
        notes=tuple(notes),
        sandbox=sandbox,
        metric=metric,
        validator=shown.name if metric == "loss" and shown else "",
        others=others,
        lost_epochs=tuple(sorted({e for t in (*training, *validation) for e in t.lost})),
    )
    return _with_steps(made, first)


# Epochs


def _give_epochs(training: list[Table], validation: list[Table], notes: list[str]) -> None:
    """Files that do not count epochs get them: validation rows are one epoch each, training by validation's steps."""
    notes += [f"{table.label}: no epoch_number" for table in (*training, *validation) if not table.has_epochs]
    for table in validation:
        if not table.has_epochs:
            table.frame["epoch"] = range(1, len(table.frame) + 1)
    for table in training:
        if not table.has_epochs:
            _epochs_by_validation(table, validation, notes)


def _epochs_by_validation(table: Table, validation: Sequence[Table], notes: list[str]) -> None:
    """Training steps belong to the epoch whose validation came next; its step number is one past the epoch's last."""
    import numpy as np

    ends = next((v.frame for v in validation if v.has_steps and len(v.frame)), None)
    if ends is None or not len(table.frame) or not table.has_steps:
        return
    ends = ends.sort_values("step", kind="stable")
    bounds, steps = ends["step"].to_numpy(), table.frame["step"].to_numpy()
    bounds = bounds + (steps.max() + 1 - bounds[-1])
    if len(bounds) < 2 or bounds[0] <= steps.min():
        return
    # Beside a step of more digits than a float has, one more is no more.
    passed = np.minimum(np.searchsorted(bounds, steps, side="right"), len(bounds) - 1)
    table.frame["epoch"] = ends["epoch"].to_numpy()[passed]
    notes.append(f"{table.label}: epochs by the steps of {validation[0].label}")


def _from_one(training: list[Table], validation: list[Table], notes: list[str]) -> tuple[list[Table], list[Table]]:
    """Epochs counted from 1 in all files; a validation before the first epoch stays epoch 0."""
    ours, theirs = _span(training), _span(validation)
    move = {TRAINING: 0, VALIDATION: 0}
    if ours and theirs and {ours[0], theirs[0]} == {0, 1}:
        if theirs[1] - theirs[0] == ours[1] - ours[0]:
            # As many epochs in both, counted differently.
            move = {TRAINING: 1 - ours[0], VALIDATION: 1 - theirs[0]}
        elif theirs[0] == 0:
            notes.append("epoch 0 is the validation before training")
        else:
            move = dict.fromkeys(move, 1)
    elif any(span and span[0] == 0 for span in (ours, theirs)):
        move = dict.fromkeys(move, 1)
    return [_moved(t, move[TRAINING]) for t in training], [_moved(t, move[VALIDATION]) for t in validation]


def _span(tables: Sequence[Table]) -> tuple[int, int] | None:
    spans = [(int(t.frame["epoch"].min()), int(t.frame["epoch"].max())) for t in tables if len(t.frame)]
    return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None


def _moved(table: Table, by: int) -> Table:
    if by:
        table.frame["epoch"] += by
    return replace(table, lost=tuple(e + by for e in table.lost)) if by else table


# Means


def _points(table: Table) -> tuple[EpochPoint, ...]:
    frame = table.frame
    if not len(frame):
        return ()
    grouped = frame.groupby("epoch")
    means = grouped["value"].agg(["mean", "count", "min", "max", "std"])
    perplexity = grouped["perplexity"].mean() if "perplexity" in frame else means["mean"] * float("nan")
    columns = (means.index, means["mean"], means["count"], means["min"], means["max"], means["std"], perplexity)
    return tuple(
        EpochPoint(int(epoch), float(mean), int(rows), float(low), float(high), _number(std), _number(perplexed))
        for epoch, mean, rows, low, high, std, perplexed in zip(*(c.to_list() for c in columns), strict=True)
    )


def _number(value: float) -> float | None:
    return float(value) if value == value else None


def _series(tables: Sequence[Table], metric: str, paths: dict[int, str]) -> tuple[Series | None, tuple[Series, ...]]:
    """The curve shown and the others: validators by their folder or file, or columns by their names."""
    found: list[Series] = []
    for number, table in enumerate(tables, 1):
        points = _points(table)
        name = table.column if metric != "loss" else _validator(paths.get(id(table), ""), number)
        if points not in [one.points for one in found]:
            found.append(Series(name, points))
    if len(found) == 1:
        return (replace(found[0], name=""), ()) if metric == "loss" else (found[0], ())
    return (found[0], tuple(found[1:])) if found else (None, ())


def _validator(path: str, number: int) -> str:
    """A name for one of several validators: the folder that holds its file, where that says something."""
    folders = [p for p in path.split("/")[:-1] if not re.fullmatch(r"validation(_artifacts)?|post_.*validation", p)]
    stem = path.rsplit("/", 1)[-1].removesuffix(".csv")
    named = stem if stem != "validation_metrics" else (folders[-1] if folders else "")
    return f"{number} {safe_line(named, 30)}".strip()


# Steps


def _with_steps(made: Curves, table: Table | None) -> Curves:
    if table is None or not len(table.frame):
        return made
    import numpy as np

    frame = table.frame
    epochs, steps = frame["epoch"].to_numpy(), frame["step"].to_numpy()
    if not (bool((np.diff(epochs) >= 0).all()) and bool((np.diff(steps) >= 0).all())):
        frame = frame.sort_values(["epoch", "step"], kind="stable")
        epochs, steps = frame["epoch"].to_numpy(), frame["step"].to_numpy()
    values = frame["value"].to_numpy()
    begins = np.flatnonzero(np.diff(epochs, prepend=epochs[0] - 1))
    sizes = np.diff(begins, append=len(epochs))

    def points(chosen: Any, losses: Any) -> tuple[StepPoint, ...]:
        which = np.searchsorted(begins, chosen, side="right") - 1
        positions = epochs[chosen] - 1 + (chosen - begins[which] + 1) / sizes[which]
        rows = zip(positions.tolist(), losses[chosen].tolist(), steps[chosen].tolist(), strict=True)
        return tuple(StepPoint(position, loss, int(step)) for position, loss, step in rows)

    chosen = _chosen(values)
    smoothed = []
    for beta in SMOOTHINGS:
        # With adjust the weights are renormalised, which is the same as taking out the bias of the start.
        means = frame["value"].ewm(alpha=1 - beta, adjust=True).mean().to_numpy()
        smoothed.append((beta, points(chosen, means)))
    return replace(made, steps=points(chosen, values), step_rows=len(values), smoothed=tuple(smoothed))


def _chosen(values: Any) -> Any:
    """Indices of the rows to keep: all, or the lowest and the highest of each stretch and the last."""
    import numpy as np

    count = len(values)
    if count <= 2 * _STRETCHES:
        return np.arange(count)
    size = -(-count // _STRETCHES)
    whole = count - count % size
    table = values[:whole].reshape(-1, size)
    starts = np.arange(0, whole, size)
    return np.unique(np.concatenate([starts + table.argmin(1), starts + table.argmax(1), [count - 1]]))
