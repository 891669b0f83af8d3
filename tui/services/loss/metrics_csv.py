"""One metrics file: read by its header with pandas; what cannot be used is told with its line."""

from __future__ import annotations

import csv
import io
import math
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field
from typing import Any

from tui.domain.text import count, safe_line
from tui.domain.values import dataclass
from tui.services.loss.metrics_text import header_at, line_at, mended, plain_text, spelled, with_points

TRAINING, VALIDATION = "training", "validation"
_DIGITS = 300
"""Whole numbers of more than 308 digits fit no float."""
_HIGHEST_EPOCH = 1e6
"""What is more is no epoch but a damaged cell."""
_NAMES = {
    "training_loss": TRAINING,
    "train_loss": TRAINING,
    "validation_loss": VALIDATION,
    "val_loss": VALIDATION,
    "eval_loss": VALIDATION,
}
_PLACES = {"epoch_number": "epoch", "epoch": "epoch", "step_number": "step", "step": "step", "global_step": "step"}
_KNOWN = frozenset({*_NAMES, *_PLACES, "loss", "perplexity"})
_LARGE = 4_000_000
"""Bytes from which on a file is read by pandas from disk."""
_MOST_LOST = 50
"""Epochs without a usable loss that are looked at for why."""
_NO_NUMBER = re.compile(r"[+-]?(inf|nan|\d\.?\d*e\+?\d{3,})", re.IGNORECASE)
_OF_VALIDATION = re.compile(r"valid|eval", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """The usable rows of one column of one file.

    `frame` has the columns value, epoch, step and maybe perplexity, with epochs as the file counts them (1 where it
    does not). `lost` are the epochs that have losses, but none that is a finite number.
    """

    kind: str
    column: str
    label: str
    frame: Any
    has_epochs: bool = True
    has_steps: bool = True
    lost: tuple[int, ...] = ()


@dataclass(slots=True)
class Reading:
    """What one file gave, and what is to be said of it."""

    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A file's rows: as pandas has them, the text they were read from, and their lines in the file.

    `words` are lines of which something that is no number was taken out.
    """

    frame: Any
    body: bytes
    lines: Sequence[int]
    names: Sequence[str]
    separator: str
    label: str
    mended: bool = False
    words: Sequence[int] = ()

    def cells(self, rows: Sequence[int], name: str) -> list[str]:
        """What the file has in one column of some rows."""
        lines = self.body.split(b"\n") if rows else []
        at = self.names.index(name)
        found = (
            next(csv.reader([lines[row + 1].decode("utf-8", "replace")], delimiter=self.separator), []) for row in rows
        )
        return [cells[at].strip() if at < len(cells) else "" for cells in found]


def read(path: str, data: bytes) -> Reading:
    """The tables in a metrics file. Never raises for what a file may hold; the notes say what is missing."""
    reading = Reading()
    label = safe_line(path.rsplit("/", 1)[-1], 60)
    text = plain_text(data)
    start, above = header_at(text, lambda line: bool(_columns(_names(line)[0], label, strict=True)[0]))
    names, separator = _names(line_at(text, start))
    if not any(names):
        reading.notes.append(f"{label}: the file is empty")
        return reading
    if text[:start].strip():
        reading.notes.append(f"{label}: {count(above, 'line')} above the header left out")
    columns, loose = _columns(names, label)
    if not columns:
        reading.notes.append(f"{label}: no training_loss or validation_loss among its columns")
        return reading
    parsed = _parsed(with_points(text[start:], separator), names, separator, label, above, reading.notes)
    if parsed is not None:
        for name, kind in columns.items():
            said: list[str] = []
            table = _table(parsed, name, kind, loose, said, single=len(columns) == 1)
            if loose and not len(table.frame):
                continue  # a column of words
            reading.tables.append(table)
            reading.notes += [note for note in said if note not in reading.notes]
    return reading


def _names(header: bytes) -> tuple[list[str], str]:
    """The names in a header, each once, and what separates them."""
    text = header.decode("utf-8", "replace").strip()
    separator = max(",;\t|", key=text.count)
    names = [spelled(cell, _KNOWN) for cell in text.split(separator)]
    return [name if names.index(name) == i else f"{name}.{i}" for i, name in enumerate(names)], separator


def _columns(names: Sequence[str], label: str, *, strict: bool = False) -> tuple[dict[str, str], bool]:
    """Columns to read with what they are; True when they are no losses but whatever else the file holds.

    With `strict` a header needs a loss, or an epoch or step beside something else.
    """
    found = {name: _NAMES[name] for name in names if name in _NAMES}
    kind = VALIDATION if _OF_VALIDATION.search(label) else TRAINING
    if not found and "loss" in names:
        found = {"loss": kind}
    if found:
        return found, False
    if not any(name in _PLACES for name in names) or (strict and len(names) < 2):
        return {}, False
    return {name: kind for name in names if name and name not in _PLACES and "time" not in name}, True


def _parsed(text: bytes, names: list[str], separator: str, label: str, above: int, notes: list[str]) -> _Parsed | None:
    def parse(body: bytes, kind: str) -> Any:
        return _read_csv(
            body,
            header=None,
            names=names,
            skiprows=1,
            sep=separator,
            skipinitialspace=True,
            skip_blank_lines=False,
            encoding_errors="replace",
            on_bad_lines="error",
            dtype={name: "float64" if _is_number(name) else kind for name in names},
            index_col=False,
        )

    if _is_plain(text, separator):
        with suppress(ValueError):  # pandas' parser errors are ValueErrors
            frame = parse(text, "object")
            # Fewer rows than lines: a quote that never closes has swallowed some.
            if len(frame) == _rows(text):
                return _Parsed(frame, text, range(above + 2, above + 2 + len(frame)), names, separator, label)
    rows = mended(text, [_is_number(name) for name in names], separator, above)
    if rows.too_wide:
        left = count(len(rows.too_wide), "row")
        notes.append(f"{label}: {left} with more cells than the header left out, the first on line {rows.too_wide[0]}")
    try:
        return _Parsed(parse(rows.body, "object"), rows.body, rows.lines, names, separator, label, True, rows.words)
    except ValueError as error:
        notes.append(f"{label}: {safe_line(str(error), 120)}")
        return None


def _is_number(name: str) -> bool:
    return name in _KNOWN


def _read_csv(body: bytes, **options: Any) -> Any:
    """As pandas reads it; a large one from a file, since pandas decodes anything else piece by piece in Python."""
    import pandas as pd

    if len(body) < _LARGE:
        return pd.read_csv(io.BytesIO(body), **options)
    with tempfile.NamedTemporaryFile(prefix="tanzaku-", suffix=".csv") as file:
        file.write(body)
        file.flush()
        return pd.read_csv(file.name, **options)


def _is_plain(text: bytes, separator: str) -> bool:
    """With as many cells in the first row as in the header, and nothing that pandas reads otherwise than we do."""
    if b"\0" in text:
        return False
    header = line_at(text, 0)
    row = line_at(text, len(header) + 1)
    return bool(row.strip()) and row.count(separator.encode()) == header.count(separator.encode())


def _rows(text: bytes) -> int:
    """Lines below the header, empty ones among them."""
    return text.count(b"\n") - text.endswith(b"\n")


def _table(parsed: _Parsed, column: str, kind: str, loose: bool, notes: list[str], *, single: bool) -> Table:
    places = {_PLACES[name]: name for name in reversed(parsed.names) if name in _PLACES}
    lost: tuple[int, ...] = ()
    clean = _all_good(parsed, column, places)
    if clean is None:
        clean, lost = _good_rows(parsed, column, places, notes, single=single)
    if "perplexity" in parsed.names and not loose:
        clean["perplexity"] = _numeric(parsed.frame["perplexity"]).loc[clean.index]  # an empty table would grow
    clean = _without_repeats(clean, parsed.label, notes)
    return Table(kind, column, parsed.label, clean, "epoch" in places, "step" in places, lost)


def _all_good(parsed: _Parsed, column: str, places: dict[str, str]) -> Any:
    """The rows as they are when every one can be used, which a few sums tell; else None."""
    names = [column, *(places.get(place, "") for place in ("epoch", "step"))]
    frame = parsed.frame
    if "" in names or not len(frame) or any(frame[name].dtype.kind != "f" for name in names):
        return None
    import numpy as np

    with np.errstate(invalid="ignore", over="ignore"):
        # One number that is none makes the sum none.
        if not all(math.isfinite(frame[name].to_numpy().sum()) for name in names):
            return None
    epoch = frame[names[1]]
    if max(-epoch.min(), epoch.max()) >= _HIGHEST_EPOCH or not (epoch == epoch.astype("int64")).all():
        return None
    clean = frame[names].set_axis(["value", "epoch", "step"], axis=1)
    clean["epoch"] = clean["epoch"].astype("int64")
    return clean


def _good_rows(
    parsed: _Parsed, column: str, places: dict[str, str], notes: list[str], *, single: bool
) -> tuple[Any, tuple[int, ...]]:
    import numpy as np
    import pandas as pd

    frame = parsed.frame

    def numbers(name: str | None, default: Any) -> Any:
        if name is None:
            return default
        return _numeric(frame[name]).to_numpy(dtype="float64")

    values = numbers(column, None)
    steps = numbers(places.get("step"), np.arange(len(values), dtype="float64"))
    epochs = numbers(places.get("epoch"), np.ones(len(values)))
    placed = np.isfinite(steps) & np.isfinite(epochs) & (np.abs(epochs) < _HIGHEST_EPOCH)
    epochs = _whole(parsed, epochs, placed, notes)
    placed &= epochs == np.round(epochs)
    good = placed & np.isfinite(values)
    lost: tuple[int, ...] = ()
    if not good.all():
        # In a file of several columns an empty cell is what was not measured then.
        unmeasured = np.zeros(len(good), dtype=bool) if single else placed & frame[column].isna().to_numpy()
        unmeasured &= ~np.isin(parsed.lines, parsed.words)
        _tell_left_out(parsed, ~good & ~unmeasured, notes)
        lost = _lost(parsed, column, epochs, placed & ~good, good)
    clean = pd.DataFrame({"value": values, "epoch": epochs, "step": steps}, index=frame.index)[good]
    clean["epoch"] = clean["epoch"].astype("int64")
    return clean, lost


def _whole(parsed: _Parsed, epochs: Any, placed: Any, notes: list[str]) -> Any:
    """Epochs of a file that tells how far each step was in its epoch, as the epochs that the steps were in.

    A few fractions among whole numbers are not such a file's; they stay as they are.
    """
    import numpy as np

    known = epochs[placed]
    fractions = int((known != np.round(known)).sum())
    if fractions < max(3, len(known) / 3):
        return epochs
    notes.append(f"{parsed.label}: epochs are fractions; each row counts to the epoch it is in")
    # Measured at their ends, steps of epoch 1 are over 0 and up to 1; at their beginnings, from 0 to under 1.
    return np.floor(epochs + 1e-6) + 1 if bool((known == 0).any()) else np.ceil(epochs - 1e-6)


def _numeric(column: Any) -> Any:
    """A column as numbers; what is none, or has more digits than a float can hold, as NaN."""
    import pandas as pd

    try:
        return pd.to_numeric(column, errors="coerce")
    except OverflowError:
        return pd.to_numeric(column.where(column.astype(str).str.len() <= _DIGITS), errors="coerce")


def _tell_left_out(parsed: _Parsed, bad: Any, notes: list[str]) -> None:
    """Say how many rows are not used; lines that are empty throughout are nobody's rows."""
    if not parsed.mended:
        bad = bad & ~parsed.frame.isna().all(axis=1).to_numpy()
    if bad.any():
        left = count(int(bad.sum()), "row")
        line = parsed.lines[int(bad.argmax())]
        notes.append(f"{parsed.label}: {left} without numbers left out, the first on line {line}")


def _lost(parsed: _Parsed, column: str, epochs: Any, bad: Any, good: Any) -> tuple[int, ...]:
    """Epochs without a usable loss whose first row says that it is infinite or no number."""
    import numpy as np

    without = sorted({int(e) for e in np.unique(epochs[bad])} - {int(e) for e in np.unique(epochs[good])})
    rows = [int(np.flatnonzero(bad & (epochs == epoch))[0]) for epoch in without[:_MOST_LOST]]
    cells = parsed.cells(rows, column)
    return tuple(epoch for epoch, cell in zip(without, cells, strict=False) if _NO_NUMBER.match(cell))


def _without_repeats(table: Any, label: str, notes: list[str]) -> Any:
    """Rows that stand there twice counted once, in the order of their steps; only equal steps can be repeats."""
    import numpy as np

    steps = table["step"].to_numpy()
    if bool((np.diff(steps) > 0).all()):
        return table
    order = np.argsort(steps, kind="stable")
    table = table.iloc[order].copy()  # older pandas warn, over the screen, where a selection is written to
    same = np.diff(steps[order]) == 0
    if not same.any():
        return table
    among = np.append(same, False) | np.append(False, same)
    repeated = np.zeros(len(table), dtype=bool)
    repeated[among] = table[among].duplicated().to_numpy()
    if repeated.any():
        notes.append(f"{label}: {count(int(repeated.sum()), 'repeated row')} counted once")
    return table[~repeated].copy()
