"""Histograms side by side in block characters, or in ASCII for terminals without them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from tui.domain.dataset.statistics import Bins, bins, filled
from tui.domain.values import dataclass

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_GAP = 3
_LEAST_WIDTH = 16
_BAR = 2
"""Cells of one bin."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One histogram: what is measured, and every value."""

    title: str
    values: Sequence[int]


def bars(found: Bins, height: int, *, ascii: bool = False) -> list[str]:
    """Lines from top to bottom, each bin two cells wide; a bin that holds anything is never empty."""
    highest = max(found.counts, default=0)
    if not highest:
        return [""] * height
    lines = []
    eighths = [max(1, round(8 * height * n / highest)) if n else 0 for n in found.counts]
    for row in range(height - 1, -1, -1):
        cells = [min(8, max(0, e - 8 * row)) for e in eighths]
        if ascii:
            marks = ["#" if c >= 4 else "." if c and not row else " " for c in cells]
        else:
            marks = [_EIGHTHS[c] for c in cells]
        lines.append("".join(mark * _BAR for mark in marks))
    return lines


def axis(found: Bins, width: int) -> str:
    """Where the bins begin, below their left edges: each, each second … as `width` cells allow."""
    last = len(found.counts) - 1
    labels = [
        f"{number * found.width:,}{'+' if found.open_end and number == last else ''}" for number in range(last + 1)
    ]
    step = 1
    while any(len(label) + 2 > step * _BAR for label in labels[:-step:step]):
        step += 1
    line = ""
    for number in range(0, last + 1, step):
        if number * _BAR + len(labels[number]) <= width:
            line = line.ljust(number * _BAR) + labels[number]
    return line


class Histograms(Widget):
    """As many histograms beside each other as find room; the values are binned for the width once."""

    DEFAULT_CSS = "Histograms { height: 1fr; min-height: 5; padding: 0 1; }"

    def __init__(self, *, ascii: bool = False, alike: bool = False, id: str | None = None) -> None:
        """`alike`: all in the same bins, to be compared."""
        super().__init__(id=id)
        self._alike = alike
        self._shown: tuple[Shown, ...] = ()
        self._ascii = ascii
        self._binned: dict[int, list[Bins]] = {}

    def show(self, shown: Sequence[Shown]) -> None:
        """Other values."""
        self._shown = tuple(shown)
        self._binned.clear()
        self.refresh()

    def toggle_ascii(self) -> None:
        """Blocks or ASCII."""
        self._ascii = not self._ascii
        self.refresh()

    def _bin(self, most: int) -> list[Bins]:
        if not self._alike:
            return [bins(one.values, most) for one in self._shown]
        common = bins([value for one in self._shown for value in one.values], most)
        return [filled(one.values, common) for one in self._shown]

    def render(self) -> Content:
        """Titles, bars and axes."""
        room = self.content_size
        number = min(len(self._shown), max(1, (room.width + _GAP) // (_LEAST_WIDTH + _GAP)))
        if not number or room.height < 3:
            return Content("")
        width = (room.width + _GAP) // number - _GAP
        most = width // _BAR
        if most not in self._binned:
            self._binned[most] = self._bin(most)
        found = self._binned[most][:number]
        height = room.height - 2
        columns = [bars(one, height, ascii=self._ascii) for one in found]
        titles = [f"{one.title}  most {max(b.counts, default=0):,}" for one, b in zip(self._shown, found, strict=False)]
        rows = [(_row(titles, width), "bold")]
        rows += [(_row([column[y] for column in columns], width), "$text-accent") for y in range(height)]
        rows.append((_row([axis(one, width) for one in found], width), "$foreground-muted"))
        return Content("\n").join(Content.styled(text, style) for text, style in rows)


def _row(parts: Sequence[str], width: int) -> str:
    return (" " * _GAP).join(part[:width].ljust(width) for part in parts).rstrip()
