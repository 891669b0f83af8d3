"""Exports of runs: means as CSV, a summary in Markdown, pictures by matplotlib. Nothing is overwritten unasked."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from tui.domain.errors import AppError, Cause
from tui.domain.loss.report import LossRun, headline, means_csv, summary_markdown
from tui.domain.text import safe_line
from tui.services.dataset.datasets import write_atomically
from tui.services.pool import DaemonPool


class ExportKind(StrEnum):
    """What can be written, by its file name's ending."""

    CSV = "csv"
    MARKDOWN = "md"
    SVG = "svg"
    PNG = "png"


INSTALL = "pip install 'tanzaku[plots]'"
_LEGEND_LINE = 0.19
"""Inches."""
_TITLE_WIDTH = 80
"""Narrow characters in a line of the title."""
_COLOURS = (
    "#3a4a6b",
    "#a63a2b",
    "#3f6b3a",
    "#9a6a00",
    "#6b3a63",
    "#2a7f86",
    "#d0679b",
    "#6f8fd8",
    "#5d5d5d",
    "#b9a53c",
)
_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "Hiragino Sans", "Yu Gothic", "Arial")


def plots_installed() -> bool:
    """Whether pictures can be drawn."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def free_path(folder: Path, runs: Sequence[LossRun], kind: ExportKind) -> Path:
    """A name in `folder` that no file has yet."""
    name = runs[0].curves.name if len(runs) == 1 else f"{len(runs)}-runs"
    stem = re.sub(r"[^\w.+-]+", "-", name).strip("-.")[:80] or "run"
    candidates = (f"{stem}-loss{suffix}.{kind}" for suffix in ("", *(f"-{n}" for n in range(2, 10_000))))
    return next(path for path in (folder / name for name in candidates) if not path.exists())


async def export(
    pool: DaemonPool, runs: Sequence[LossRun], kind: ExportKind, path: Path, *, overwrite: bool = False
) -> None:
    """Write the runs to `path`, whole or not at all. Raises AppError (cause CONFLICT when a file is there)."""
    await pool.run(_export, runs, kind, path, overwrite)


def _export(runs: Sequence[LossRun], kind: ExportKind, path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise AppError(Cause.FILE, f"{safe_line(path.name, 60)} is a folder", hint="Add a file name")
    if path.exists() and not overwrite:
        raise AppError(Cause.CONFLICT, f"{safe_line(path.name, 60)} is there already", hint="Choose another name")
    if kind is ExportKind.CSV:
        data = means_csv(runs).encode("utf-8", "replace")
    elif kind is ExportKind.MARKDOWN:
        data = summary_markdown(runs).encode("utf-8", "replace")
    else:
        data = picture(runs, kind)
    write_atomically(path, data)


def picture(runs: Sequence[LossRun], kind: ExportKind) -> bytes:
    """The curves for a report, 8 × 5 inches, higher for several runs, PNG at 200 dpi.

    Raises AppError when matplotlib is not installed.
    """
    if not plots_installed():
        raise AppError(Cause.INVALID, "Pictures need matplotlib", hint=INSTALL)
    import warnings

    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    known = {font.name for font in font_manager.fontManager.ttflist}
    settings = {
        "font.family": [name for name in _FONTS if name in known] or ["sans-serif"],
        "svg.hashsalt": "tanzaku",
        "svg.fonttype": "path",
    }
    out = io.BytesIO()
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A name may hold a character that no font here has; it becomes a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        # The legend of several runs, with their full names, stands below the curves.
        room = _LEGEND_LINE * sum(map(_entries, runs)) if len(runs) > 1 else 0
        figure = Figure(figsize=(8, 5 + room), layout="constrained")
        _draw(figure, figure.subplots(), runs)
        metadata = {"Date": None} if kind is ExportKind.SVG else {}
        figure.savefig(out, format=str(kind), dpi=200, metadata=metadata)
    return out.getvalue()


def _draw(figure: Any, axes: Any, runs: Sequence[LossRun]) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, run in enumerate(runs):
        _draw_run(axes, run, number, alone=len(runs) == 1)
    axes.set_xlabel("epoch")
    axes.set_ylabel(runs[0].curves.metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    title = runs[0].curves.name if len(runs) == 1 else headline(runs)
    axes.set_title(_in_lines(title), fontsize=11, parse_math=False)
    if len(runs) == 1:
        legend = axes.legend(frameon=False, fontsize=9)
    else:
        legend = figure.legend(frameon=False, fontsize=9, loc="outside lower left")
    for text in legend.get_texts():
        text.set_parse_math(False)


def _in_lines(title: str) -> str:
    """A title cut at spaces into lines that a picture has room for; wide characters count twice."""
    lines: list[str] = []
    for word in safe_line(title, 300).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and sum(1 + (east_asian_width(c) in "WF") for c in longer) <= _TITLE_WIDTH:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _entries(run: LossRun) -> int:
    """Lines of the legend for one run of several."""
    return bool(run.curves.training) + bool(run.curves.validation)


def _draw_run(axes: Any, run: LossRun, number: int, *, alone: bool) -> None:
    curves = run.curves
    first = _COLOURS[(0 if alone else number) % len(_COLOURS)]
    second = _COLOURS[1] if alone else first
    prefix = "" if alone else f"{_text(curves.name)}: "
    best = curves.best
    if curves.training:
        xs, ys = [p.epoch for p in curves.training], [p.mean for p in curves.training]
        style = {"color": first, "marker": "s", "markersize": 4, "linestyle": "-" if alone else "--"}
        axes.plot(xs, ys, label=f"{prefix}training{' (mean of each epoch)' if alone else ''}", **style)
        if alone:
            lows, highs = [p.low for p in curves.training], [p.high for p in curves.training]
            axes.fill_between(
                xs, lows, highs, color=first, alpha=0.12, linewidth=0, label="its lowest and highest step"
            )
    if curves.validation:
        xs, ys = [p.epoch for p in curves.validation], [p.mean for p in curves.validation]
        told = f", best at epoch {best.epoch}: {best.mean:.4f}" if best and not alone else ""
        axes.plot(xs, ys, color=second, marker="o", markersize=4, label=f"{prefix}validation{told}")
    if best is not None:
        label = f"best: epoch {best.epoch}, {best.mean:.4f}" if alone else None
        axes.plot([best.epoch], [best.mean], color=second, marker="D", markersize=9, linestyle="", label=label)
    asked = run.settings.epochs or curves.asked_epochs
    if alone and asked and curves.epochs and curves.epochs[-1] < asked:
        axes.axvline(curves.epochs[-1], color="0.5", linestyle=":", label=f"ended at {curves.epochs[-1]} of {asked}")
        axes.set_xlim(right=asked + 0.3)


def _text(text: str) -> str:
    return safe_line(text, 90)
