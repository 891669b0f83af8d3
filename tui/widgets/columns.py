"""How the columns of a table share its width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textual.content import Content

from tui.domain.values import dataclass
from tui.widgets.cells import fit, fit_right

_LEAST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column; widths in cells. `width` None takes a share of the rest in proportion to `weight`.

    Below a table width of `hide_below` the column is left out.
    """

    key: str
    title: str
    width: int | None = None
    weight: int = 1
    align: Literal["left", "right"] = "left"
    hide_below: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is shown: its place among all columns, and its width in cells."""

    index: int
    column: Column
    width: int


def gap(width: int) -> int:
    """Cells between two columns in a table of `width` cells."""
    return 2 if width >= 60 else 1


def place(columns: Sequence[Column], width: int, marker: int) -> tuple[Placed, ...]:
    """The columns shown in `width` cells, of which `marker` are taken; with their gaps they never exceed it.

    Where the space is short, fixed columns go first, from the right, then sharing ones.
    """
    shown = [i for i, column in enumerate(columns) if width >= column.hide_below]
    space = width - marker
    while len(shown) > 1 and _needed(columns, shown, width) > space:
        fixed = [i for i in shown if columns[i].width is not None]
        sharing = len(fixed) < len(shown)
        shown.remove(fixed[-1] if fixed and sharing else shown[-1])
    if not shown or space <= 0:
        return ()
    return tuple(_shared(columns, shown, space - gap(width) * (len(shown) - 1)))


def _needed(columns: Sequence[Column], shown: Sequence[int], width: int) -> int:
    widths = (columns[i].width for i in shown)
    return sum(_LEAST if w is None else w for w in widths) + gap(width) * (len(shown) - 1)


def _shared(columns: Sequence[Column], shown: Sequence[int], space: int) -> list[Placed]:
    sharing = [i for i in shown if columns[i].width is None]
    rest = space - sum(columns[i].width or 0 for i in shown)
    weight = sum(columns[i].weight for i in sharing)
    placed: list[Placed] = []
    for i in shown:
        column = columns[i]
        cells = column.width
        if cells is None:
            cells = round(rest * column.weight / weight) if weight else 0
            rest, weight = rest - cells, weight - column.weight
        placed.append(Placed(i, column, max(0, min(cells, space))))
    return placed


def aligned(text: str, placed: Placed) -> str:
    """Outside text in exactly the cells of its column."""
    return (fit_right if placed.column.align == "right" else fit)(text, placed.width)


def styled(content: Content, placed: Placed) -> Content:
    """The program's own styled text in exactly the cells of its column."""
    if "\n" in content.plain or "\t" in content.plain:
        content = Content(" ".join(content.plain.split()))
    if placed.column.align == "right" and content.cell_length < placed.width:
        return content.pad_left(placed.width - content.cell_length)
    return content.truncate(placed.width, ellipsis=True, pad=True)
