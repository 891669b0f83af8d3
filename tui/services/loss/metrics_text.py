"""The text of a metrics file made such that pandas reads it at full speed: one encoding, one header, rows of numbers.

Only lines that need it are touched; where they are is found with numpy, so that a few of them in a million cost little.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from tui.domain.values import dataclass

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""By the mark at the beginning; the longer marks first, since one of them begins with another."""
_HEADER_WITHIN = 20
"""Lines at the top of a file that may stand above its header."""
_FIRST_ROWS = 4_000
"""So many bytes of them."""
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[\s\-./_]+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


@dataclass(frozen=True, slots=True)
class Mended:
    """Rows that pandas can read below the header, and the line of each in the file (an array of whole numbers).

    `too_wide` are lines that are no rows, `words` those where something that is no number was taken out.
    """

    body: bytes
    lines: Any
    too_wide: Sequence[int]
    words: Sequence[int]


def plain_text(data: bytes) -> bytes:
    """The text in UTF-8 without a byte order mark, with line ends of Unix."""
    for mark, encoding in _ENCODINGS:
        if data.startswith(mark):
            data = data[len(mark) :] if encoding == "utf-8" else data.decode(encoding, "replace").encode()
            break
    else:
        # Every second byte of numbers in UTF-16 is none; a mark may have been lost.
        for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            every_second = data[start:200:2]
            if every_second and every_second.count(0) > 0.9 * len(every_second):
                data = data.decode(encoding, "replace").encode()
                break
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data


def line_at(text: bytes, start: int) -> bytes:
    """The line that begins at `start`; partition would copy a large file."""
    end = text.find(b"\n", start)
    return text[start:] if end < 0 else text[start:end]


def header_at(text: bytes, is_header: Callable[[bytes], bool]) -> tuple[int, int]:
    """Where the header begins, and how many lines stand above it: the first that is one, else the first not empty."""
    start, first = 0, None
    for number in range(_HEADER_WITHIN):
        line = line_at(text, start)
        if line.strip():
            if is_header(line):
                return start, number
            first = first or (start, number)
        start += len(line) + 1
        if start >= len(text):
            break
    return first or (0, 0)


def spelled(name: str, known: frozenset[str]) -> str:
    """A column's name as its documentation writes it, however the file does: `Training Loss`, `trainingLoss`, …"""
    name = name.strip().strip("\"'").lstrip("#").strip()
    plain = _BETWEEN_WORDS.sub("_", _WORD_END.sub("_", name)).casefold()
    return plain if plain in known else name.casefold()


def with_points(text: bytes, separator: str) -> bytes:
    """Decimal points for decimal commas, where a comma does not separate cells and the first rows have such numbers."""
    header = line_at(text, 0)
    rows = text[len(header) : len(header) + _FIRST_ROWS].decode("utf-8", "replace").replace("\n", separator)
    cells = (cell.strip().strip('"') for cell in rows.split(separator)[:-1])
    if separator == "," or not any(map(_DECIMAL_COMMA.fullmatch, cells)):
        return text
    return text[: len(header)] + text[len(header) :].replace(b".", b"").replace(b",", b".")


def mended(text: bytes, numeric: Sequence[bool], separator: str, above: int) -> Mended:
    """The rows with as many cells as `numeric` columns, none in quotes, and numbers alone where those have to be.

    `above` lines of the file are not in `text`, whose first line is the header.
    """
    import numpy as np

    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    if not text.endswith(b"\n"):
        ends = np.append(ends, len(text))
    starts = np.append(0, ends[:-1] + 1)
    odd = _odd_lines(text, ends, len(numeric), separator)
    pieces: list[bytes] = []
    dropped: list[int] = []
    too_wide: list[int] = []
    words: list[int] = []
    done = 0
    spans = zip(odd.tolist(), starts[odd].tolist(), ends[odd].tolist(), strict=True)
    for number, start, end in spans:
        cells = _cells(text[start:end], len(numeric), separator)
        pieces.append(text[done:start])
        done = end + 1
        if not cells:
            dropped.append(number)
            if cells is None:
                too_wide.append(number + 1 + above)
            continue
        numbers = [_number(cell) if must else cell for cell, must in zip(cells, numeric, strict=True)]
        if any(cell and not told for cell, told in zip(cells, numbers, strict=True)):
            words.append(number + 1 + above)
        pieces += (_row(numbers, separator), b"\n")
    pieces.append(text[done:])
    lines = np.delete(np.arange(len(ends)) + 1 + above, [0, *dropped])
    return Mended(b"".join(pieces), lines, too_wide, words)


def _odd_lines(text: bytes, ends: Any, width: int, separator: str) -> Any:
    """Numbers of the lines below the header that hold anything but digits, or another number of cells."""
    import numpy as np

    plain = np.zeros(256, dtype=bool)
    plain[list(b"0123456789+-.eE \n" + separator.encode())] = True
    cells = np.frombuffer(text, np.uint8)
    strange = np.searchsorted(ends, np.flatnonzero(~plain[cells]))
    separators = np.flatnonzero(cells == ord(separator))
    counts = np.diff(np.searchsorted(separators, ends), prepend=0)
    odd = counts != width - 1
    odd[strange[strange < len(odd)]] = True
    # A file of one column has no separators to count.
    odd |= np.diff(ends, prepend=-1) == 1
    odd[0] = False
    return np.flatnonzero(odd)


def _cells(line: bytes, width: int, separator: str) -> list[str] | None:
    """The cells of one row: none when all are empty, None when there are too many that are not."""
    text = line.decode("utf-8", "replace").replace("\0", "")
    # Line by line: a quote that never closes must not swallow the file.
    row = next(csv.reader([text], delimiter=separator, skipinitialspace=True), []) if '"' in text else None
    cells = [cell.strip() for cell in (text.split(separator) if row is None else row)]
    while len(cells) > width and not cells[-1]:
        cells.pop()
    if len(cells) > width:
        return None
    return cells + [""] * (width - len(cells)) if any(cells) else []


def _row(cells: Sequence[str], separator: str) -> bytes:
    if not any(separator in cell or '"' in cell for cell in cells):
        return separator.join(cells).replace("\n", " ").encode()
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="").writerow(cells)
    return out.getvalue().replace("\n", " ").encode()


def _number(cell: str) -> str:
    """A number as pandas reads it; nothing for what is none."""
    if not cell.isascii():
        cell = unicodedata.normalize("NFKC", cell)
    cell = cell.strip(" \t'\"").replace("_", "")
    if _THOUSANDS.fullmatch(cell):
        cell = cell.replace(",", "")
    try:
        float(cell)
    except ValueError:
        return ""
    return cell
