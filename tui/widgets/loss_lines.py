"""What stands around the loss chart: values at the cursor, notes, tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from rich.cells import cell_len

from tui.domain.clock import absolute
from tui.domain.loss.losses import Curves, StepPoint, smoothing_formula
from tui.domain.loss.report import (
    LossRun,
    Row,
    change_text,
    compare_rows,
    epoch_head,
    epoch_rows,
    number,
    perplexity_text,
)
from tui.domain.text import count
from tui.widgets.cells import fit, fit_right

_SANDBOX_NOTE = "a small model's losses: their height means nothing on Bedrock"
_WIDEST = 44
_NARROWEST = 18
"""Cells of a run's column that hold its figures."""
_BETWEEN_WORDS = "-_./ "


def values_text(curves: Curves, epoch: int) -> str:
    """Everything about one epoch of one run."""
    parts = [f"epoch {epoch}"]
    training, validation = curves.training_at(epoch), curves.validation_at(epoch)
    if training:
        spread = f", {number(training.low)}–{number(training.high)}" if training.rows > 1 else ""
        sd = f", sd {number(training.deviation)}" if training.deviation is not None else ""
        label = "training" if curves.metric == "loss" else curves.metric
        parts.append(f"{label} {number(training.mean)} ({count(training.rows, 'step')}{spread}{sd})")
    if validation:
        change = change_text(validation, curves.validation_at(epoch - 1))
        named = f" {curves.validator}" if curves.validator else ""
        parts.append(f"validation{named} {number(validation.mean)}{f' ({change})' if change else ''}")
    elif training:
        change = change_text(training, curves.training_at(epoch - 1))
        parts += [f"change {change}"] if change else []
    if curves.metric == "loss" and (validation or training):
        parts.append(f"perplexity {perplexity_text(validation or training)}")
    return "   ".join(parts)


def step_text(curves: Curves, step: StepPoint, beta: float | None) -> str:
    """One step, with its smoothed loss where that is drawn."""
    named = f"step {step.step}" if step.step is not None else f"at epoch {step.position:.3f}"
    text = f"{named}   {curves.metric} {number(step.loss)}"
    if beta is not None:
        smooth = next((p for p in curves.smooth(beta) if p.position == step.position), None)
        text += f"   smoothed {number(smooth.loss)}" if smooth else ""
    if curves.step_rows > len(curves.steps):
        text += f"   ({count(len(curves.steps), 'step')} of {curves.step_rows:,}: the extremes of each stretch)"
    return text


def overlay_text(runs: Sequence[tuple[str, Curves]], epoch: int) -> str:
    """The validation (else training) means of several runs at one epoch, by their letters."""
    parts = [f"epoch {epoch}"]
    for letter, curves in runs:
        point = curves.validation_at(epoch) or curves.training_at(epoch)
        # With a blank at which no line is cut.
        parts.append(f"{letter}\N{NO-BREAK SPACE}{number(point.mean) if point else '–'}")
    return "   ".join(parts)


def note_text(curves: Curves, *, beta: float | None, kept_from: datetime | None, problem: str) -> str:
    """What else is to be known of what is shown."""
    said = []
    if kept_from is not None:
        said.append(f"▲ the copy kept on {absolute(kept_from)}{f': {problem}' if problem else ''}")
    if beta is not None:
        said.append(smoothing_formula(beta))
    if curves.others:
        said.append(f"v: {' or '.join(one.name for one in curves.others)}")
    said += curves.notes
    if curves.sandbox:
        said.append(_SANDBOX_NOTE)
    return " · ".join(said)


def epoch_table(curves: Curves) -> list[str]:
    """The table of one run's epochs, aligned."""
    return aligned([epoch_head(curves), *epoch_rows(curves)])


def compare_table(runs: Sequence[LossRun], letters: Sequence[str], width: int) -> list[str]:
    """The comparison of several runs in `width` cells, aligned: one row each for what differs, and for results.

    Runs that have no room beside the others stand below them; a name that is cut is known by its letter.
    """
    found = compare_rows(runs)
    first = max(cell_len(row[0]) for row in found)
    beside = min(len(runs), max(1, (width - first) // (_NARROWEST + 2)))
    most = max(_NARROWEST, (width - first) // beside - 2)
    names = [run.curves.name for run in runs]
    if max(map(cell_len, names)) + 2 > most:
        names = _ends(names)
    rows = [("", *(f"{letter} {name}" for letter, name in zip(letters, names, strict=True))), *found]
    lines: list[str] = []
    for at in range(1, len(runs) + 1, beside):
        lines += [""] * bool(lines)
        lines += aligned([(row[0], *row[at : at + beside]) for row in rows], most)
    return lines


def _ends(names: Sequence[str]) -> list[str]:
    """Names without the words that all of them begin with, which tell nothing apart."""
    same = len(list(takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))))
    at = max((names[0].rfind(mark, 0, same) + 1 for mark in _BETWEEN_WORDS), default=0)
    return [f"…{name[at:]}" for name in names] if at > 1 else list(names)


def tabbed(rows: Sequence[Row]) -> str:
    """A table as spreadsheets paste it."""
    return "\n".join("\t".join(row) for row in rows)


def aligned(rows: Sequence[Row], most: int = _WIDEST) -> list[str]:
    """Rows with their columns below each other, numbers at the right; a column but the first has `most` cells at
    most."""
    limits = [_WIDEST, *[min(_WIDEST, most)] * (len(rows[0]) - 1)]
    widths = [min(limit, max(cell_len(row[i]) for row in rows)) for i, limit in enumerate(limits)]
    return [
        "  ".join((fit if i == 0 else fit_right)(cell, widths[i]) for i, cell in enumerate(row)).rstrip()
        for row in rows
    ]
