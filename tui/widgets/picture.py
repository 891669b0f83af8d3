"""What stands on the terminal, so that only cells that change are written, and only what changes of their colours.

Textual writes a changed region whole, with all colours of each piece. Between two tabs that is mostly blanks over
blanks, over SSH as on a slow terminal. Private names of Textual in use, each behind a test in
tests/widgets/test_picture.py: `App._display` (in tui/painting.py), `LayoutUpdate`, `ChopsUpdate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from rich.cells import cell_len, get_character_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

_GAP = 6
"""Unchanged cells between two changed ones that are written too: going past them would cost as much."""
_RENDERED = re.compile(r"\x1b\[([0-9;]*)mx\x1b\[0m")
_HARMLESS = frozenset(("1", "2", "3"))
"""Bold, dim and italic do not show on a blank."""
_UNKNOWN = "\0"
_Cells: TypeAlias = "tuple[list[str], list[Look | None]]"
_STYLES = 500
"""Styles that are remembered."""


class Look:
    """SGR parameters of a cell. There is one of each, so that they are compared by identity."""

    __slots__ = ("attributes", "back", "blank", "front")

    def __init__(self, attributes: frozenset[str], front: str, back: str) -> None:
        self.attributes = attributes
        self.front = front
        self.back = back
        self.blank: Look = self
        """What shows of it on a blank."""
        if attributes <= _HARMLESS and (attributes or front):
            self.blank = _look(frozenset(), "", back)


@lru_cache(1000)
def _look(attributes: frozenset[str], front: str, back: str) -> Look:
    return Look(attributes, front, back)


_RESET = _look(frozenset(), "", "")


class _Row:
    """One line: the text of each cell (empty behind a wide character) and its look, None where it is not known."""

    __slots__ = ("looks", "texts")

    def __init__(self, width: int) -> None:
        self.texts = [_UNKNOWN] * width
        self.looks: list[Look | None] = [None] * width

    def take(self, x: int, stop: int, cells: _Cells | None) -> None:
        """From column `x` to `stop` there are other cells now."""
        size = len(self.texts)
        if stop < size and not self.texts[stop]:
            self._lose(stop)  # the other half of a wide character goes too
        if x and x < size and not self.texts[x]:
            self._lose(x - 1)
        stop = min(stop, size)
        if cells is None or len(cells[0]) != stop - x:
            for at in range(x, stop):
                self._lose(at)
        else:
            self.texts[x:stop], self.looks[x:stop] = cells

    def _lose(self, at: int) -> None:
        self.texts[at], self.looks[at] = _UNKNOWN, None


class Picture:
    """The terminal's cells, as far as they are known."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._laid: dict[int, list[tuple[int, Strip]]] = {}
        """Lines that were painted whole, not looked at cell by cell before something in them changes."""
        self._width = 0
        self._looks: dict[Style, Look | None] = {}
        self._out: list[str] = []
        self._pen = _RESET

    def forget(self) -> None:
        """Someone else wrote to the terminal, or it has another size."""
        self._rows.clear()
        self._laid.clear()

    def written(self, update: CompositorUpdate, width: int, console: Console) -> str:
        """The sequences that bring an update onto a terminal of that many columns."""
        if width != self._width:
            self.forget()
            self._width = width
        self._out, self._pen = [], _RESET
        if isinstance(update, LayoutUpdate):
            self.forget()
            self._lay(update, console)
        elif isinstance(update, ChopsUpdate):
            for y, x, strip in _of_chops(update):
                self._put(y, x, strip, console)
        else:
            self.forget()
            return update.render_segments(console)
        self._to(_RESET)
        return "".join(self._out)

    def _lay(self, update: LayoutUpdate, console: Console) -> None:
        """All is wanted anew."""
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            self._out.append(f"\x1b[{y + 1};{x + 1}H")
            line = self._laid[y] = []
            for strip in strips:
                for segment in strip:
                    look = None if segment.control else self._look(segment.style, console)
                    self._to(look or _RESET)
                    self._out.append(segment.text if look else Strip([segment]).render(console))
                line.append((x, strip))
                x += strip.cell_length

    def _put(self, y: int, x: int, strip: Strip, console: Console) -> None:
        if (x, strip) in self._laid.get(y, ()):
            return
        row, stop = self._row(y, console), x + strip.cell_length
        cells = self._cells(strip, console) if stop <= self._width else None
        if cells is None:
            self._to(_RESET)
            self._out.append(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}")
        else:
            texts, looks = cells
            for start, end in _changed(texts, looks, row.texts[x:stop], row.looks[x:stop]):
                self._out.append(f"\x1b[{y + 1};{x + start + 1}H")
                self._write(texts, looks, start, end)
        row.take(x, stop, cells)

    def _row(self, y: int, console: Console) -> _Row:
        row = self._rows.get(y)
        if row is None:
            row = self._rows[y] = _Row(self._width)
            for x, strip in self._laid.pop(y, ()):
                row.take(x, x + strip.cell_length, self._cells(strip, console))
        return row

    def _cells(self, strip: Strip, console: Console) -> _Cells | None:
        """The text and look of each cell; None when terminals may not agree on where its characters stand."""
        texts: list[str] = []
        looks: list[Look | None] = []
        for text, style, control in strip:
            look = self._look(style, console)
            if control or look is None:
                return None
            if text.isascii():
                texts += text
            else:
                widths = [get_character_cell_size(character) for character in text]
                if max(text) > "\uffff" or not all(widths) or cell_len(text) != sum(widths):
                    return None
                for character, width in zip(text, widths, strict=True):
                    texts += (character, "") if width == 2 else (character,)
            looks += [look] * (len(texts) - len(looks))
        return texts, looks

    def _look(self, style: Style | None, console: Console) -> Look | None:
        """None for one that is more than colours: a link."""
        if style is None:
            return _RESET
        if style not in self._looks:
            if len(self._looks) > _STYLES:
                self._looks.clear()
            self._looks[style] = _look_of(Strip([Segment("x", style)]).render(console))
        return self._looks[style]

    def _write(self, texts: list[str], looks: list[Look | None], start: int, end: int) -> None:
        while start < end:
            look, stop = looks[start] or _RESET, start + 1
            while stop < end and looks[stop] is look:
                stop += 1
            text = "".join(texts[start:stop])
            if self._pen.blank is not look.blank or text.strip(" "):
                self._to(look)
            self._out.append(text)
            start = stop

    def _to(self, look: Look) -> None:
        """Take another pen."""
        pen, self._pen = self._pen, look
        if look is pen:
            return
        if look is _RESET:
            self._out.append("\x1b[0m")
        elif pen.attributes <= look.attributes:
            codes = sorted(look.attributes - pen.attributes)
            codes += [look.front or "39"] if look.front != pen.front else []
            codes += [look.back or "49"] if look.back != pen.back else []
            self._out.append(f"\x1b[{';'.join(codes)}m")
        else:
            codes = ["0", *sorted(look.attributes), *filter(None, (look.front, look.back))]
            self._out.append(f"\x1b[{';'.join(codes)}m")


class SparingUpdate(CompositorUpdate):
    """An update of which only that is written which is not on the terminal yet."""

    def __init__(self, update: CompositorUpdate, picture: Picture, width: int) -> None:
        self._update = update
        self._picture = picture
        self._width = width

    def render_segments(self, console: Console) -> str:
        """The sequences, and the picture is brought up to date."""
        return self._picture.written(self._update, self._width, console)


def _of_chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """The pieces that Textual would write."""
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x > x2 or end <= x1:
                continue
            yield y, x, strip if x2 > x >= x1 and end <= x2 else strip.crop(0, min(end, x2) - x)


def _changed(
    texts: list[str], looks: list[Look | None], old_texts: list[str], old_looks: list[Look | None]
) -> Iterator[tuple[int, int]]:
    """Stretches of cells that have to be written, each with whole characters."""
    if texts == old_texts and looks == old_looks:
        return
    start, end = -1, -1
    for at, (text, look, old_text, old_look) in enumerate(zip(texts, looks, old_texts, old_looks, strict=True)):
        if text == old_text and (look is old_look or (text == " " and _blank(look) is _blank(old_look))):
            continue
        if start < 0:
            start = at
        elif at - end > _GAP:
            yield _whole(texts, start, end)
            start = at
        end = at + 1
    if start >= 0:
        yield _whole(texts, start, end)


def _blank(look: Look | None) -> Look | None:
    return look and look.blank


def _whole(texts: list[str], start: int, end: int) -> tuple[int, int]:
    while start and not texts[start]:
        start -= 1
    while end < len(texts) and not texts[end]:
        end += 1
    return start, end


def _look_of(rendered: str) -> Look | None:
    """The look of an `x` as it is written; None when that is not colours and attributes alone."""
    if rendered == "x":
        return _RESET
    match = _RENDERED.fullmatch(rendered)
    if match is None:
        return None
    attributes, front, back = set[str](), "", ""
    codes = iter(match[1].split(";"))
    for code in codes:
        if code in ("38", "48"):
            kind = next(codes)
            colour = ";".join((code, kind, *islice(codes, 3 if kind == "2" else 1)))
            front, back = (colour, back) if code == "38" else (front, colour)
        elif code in _FRONTS:
            front = code
        elif code in _BACKS:
            back = code
        else:
            attributes.add(code)
    return _look(frozenset(attributes), front, back)


_FRONTS = frozenset(map(str, (*range(30, 38), 39, *range(90, 98))))
_BACKS = frozenset(map(str, (*range(40, 48), 49, *range(100, 108))))
