"""Text measured, cut and wrapped by display cells, so that Japanese aligns and is never cut in half."""

from __future__ import annotations

import os

from rich.cells import get_character_cell_size

from tui.domain.text import safe, safe_line, without_joiners

_NO_LINE_START = frozenset("、。，．,.:;：；！？!?)]}）］｝」』】〉》〕’”…ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ％%")
_NO_LINE_END = frozenset("([{（［｛「『【〈《〔‘“")


def _cut(text: str, width: int) -> tuple[str, int]:
    """`text` on one line in at most `width` cells, and how many it takes."""
    if width <= 0:
        return "", 0
    line = safe_line(text, 2 * width + 16)
    if line.isascii():  # and printable
        if len(line) > width:
            line = line[: width - 1].rstrip() + "…"
        return line, len(line)
    length = sum(map(get_character_cell_size, line))
    if length > width:
        line = line[: _overflow(line, 0, width - 1)].rstrip() + "…"
        length = sum(map(get_character_cell_size, line))
    return (line, length) if length <= width else ("…", 1)


def fit(text: str, width: int) -> str:
    """Outside text made safe, on one line of exactly `width` cells: cut with `…` or padded at the right."""
    line, length = _cut(text, width)
    return line + " " * (width - length)


def fit_right(text: str, width: int) -> str:
    """As `fit`, padded at the left: for numbers."""
    line, length = _cut(text, width)
    return " " * (width - length) + line


def padded(text: str, width: int) -> str:
    """`displayed` text of at most `width` cells, with spaces up to `width`."""
    return text + " " * (width - sum(map(get_character_cell_size, text)))


def displayed(text: str) -> str:
    """Outside text of any number of lines as it is shown: safe, tabs as four cells, no joiners."""
    return without_joiners(safe(text)).replace("\t", "    ")


def wrap(text: str, width: int) -> list[str]:
    """`displayed` text in lines of at most `width` cells (a wide character in a width of 1 stays whole)."""
    text = displayed(text)
    return [part.rstrip() for line in text.split("\n") for part in wrap_line(line, width)]


def wrap_line(line: str, width: int) -> list[str]:
    """One `displayed` line cut at spaces and between wide characters; joined again the parts give `line`.

    Only the last part can change when text is added at the end, so that a growing line is wrapped once.
    """
    if not line:
        return [""]
    width = max(1, width)
    if line.isascii():
        return _wrap_narrow(line, width)
    parts: list[str] = []
    start = 0
    while start < len(line):
        end = _overflow(line, start, width)
        if end < len(line):
            end = _break_before(line, start, end)
        parts.append(line[start:end])
        start = end
    return parts


def _wrap_narrow(line: str, width: int) -> list[str]:
    """`wrap_line` where each character takes one cell."""
    parts: list[str] = []
    start, length = 0, len(line)
    while length - start > width:
        end = start + width
        if line[end] == " ":
            end = _after_spaces(line, end)
        else:
            space = line.rfind(" ", start, end)
            end = space + 1 if space > start and line[start:space].strip(" ") else end
        parts.append(line[start:end])
        start = end
    if start < length:
        parts.append(line[start:])
    return parts


def _after_spaces(line: str, end: int) -> int:
    while end < len(line) and line[end] == " ":
        end += 1
    return end


def _overflow(line: str, start: int, width: int) -> int:
    """The index of the first character from `start` on that does not fit; past the first in any case."""
    sure = start + width // 2
    cells = sum(map(get_character_cell_size, line[start:sure]))
    for index in range(sure, len(line)):
        cells += get_character_cell_size(line[index])
        if cells > width and index > start:
            return index
    return len(line)


def _break_before(line: str, start: int, end: int) -> int:
    """Where the part from `start` ends when `line[end]` is the first character that does not fit."""
    if line[end] == " ":
        return _after_spaces(line, end)
    at = end
    while at > start + 1 and not _may_break(line, at):
        at -= 1
    return at if at > start + 1 or _may_break(line, at) else end


def _may_break(line: str, at: int) -> bool:
    """Whether a new line may begin with `line[at]`."""
    before, after = line[at - 1], line[at]
    if before == " ":
        return after != " "
    if after in _NO_LINE_START or before in _NO_LINE_END or not get_character_cell_size(after):
        return False
    return _is_wide(after) or _is_wide(before)


def _is_wide(character: str) -> bool:
    """Whether it belongs to a script whose lines break between any two characters, or is a pictogram."""
    return character >= "\u1100" and (
        character <= "\u11ff"
        or "\u2e80" <= character <= "\ud7ff"
        or "\uf900" <= character <= "\ufaff"
        or "\ufe30" <= character <= "\ufe6f"
        or "\uff00" <= character <= "\uffef"
        or "\U0001f000" <= character <= "\U0003ffff"
    )


def plain_terminal() -> bool:
    """Whether the terminal's font is known to lack blocks and braille."""
    return os.environ.get("TERM", "") in ("linux", "vt100", "vt220", "dumb")
