"""Colours of chart lines that can be told from each other and from the ground, in any theme."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from textual.color import Color, ColorParseError

from tui.domain.values import dataclass

PlotColour = int | tuple[int, int, int]
"""What plotext takes: an ANSI colour number, or red, green and blue."""

_ANSI_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ANSI_LINES: tuple[PlotColour, ...] = (6, 5, 2, 1, 4, 3)
_WANTED = ("primary", "accent", "success", "warning", "error", "secondary")
_SPARE = ("#d55e00", "#009e73", "#cc79a7", "#0072b2", "#e69f00", "#56b4e9")
_APART = (90.0, 70.0, 50.0)
"""How far colours are from each other where there are enough of them; else a little less far."""
_ENOUGH = 8


@dataclass(frozen=True, slots=True)
class Palette:
    """`axis` None is the terminal's own colour; `lines` are taken in turn."""

    axis: PlotColour | None
    lines: tuple[PlotColour, ...]

    def run(self, index: int, runs: int) -> tuple[PlotColour, PlotColour]:
        """Colours of the training and the validation curve of one run of several."""
        if runs == 1:
            return self.lines[0], self.lines[1]
        colour = self.lines[index % len(self.lines)]
        return colour, colour


def palette(variables: Mapping[str, str], ansi: bool) -> Palette:
    """The palette for a theme's variables; with `ansi` the terminal's own colours."""
    if ansi:
        return Palette(None, _ANSI_LINES)
    return _palette(*(variables.get(name, "") for name in ("background", "foreground", *_WANTED)))


@lru_cache(64)
def _palette(background: str, foreground: str, *wanted: str) -> Palette:
    ground = _rgb(background) or (0, 0, 0)
    found = [_rgb(text) for text in (*wanted, *_SPARE)]
    lines: list[tuple[int, int, int]] = []
    for apart in _APART:
        for colour in found:
            clear = colour and _distance(colour, ground) > _APART[0]
            if clear and colour and len(lines) < _ENOUGH and all(_distance(colour, c) > apart for c in lines):
                lines.append(colour)
    return Palette(_between(ground, _rgb(foreground) or (160, 160, 160)), tuple(lines))


def css_colour(colour: PlotColour) -> str:
    """The same colour as Textual writes it."""
    return f"ansi_{_ANSI_NAMES[colour]}" if isinstance(colour, int) else "#{:02x}{:02x}{:02x}".format(*colour)


def _rgb(text: str) -> tuple[int, int, int] | None:
    try:
        colour = Color.parse(text)
    except ColorParseError:
        return None
    return None if colour.ansi is not None else colour.rgb


def _distance(one: tuple[int, int, int], two: tuple[int, int, int]) -> float:
    """Euclidean distance with green weighing more and blue less, as the eye does."""
    red, green, blue = (a - b for a, b in zip(one, two, strict=True))
    return float((2 * red * red + 4 * green * green + 3 * blue * blue) ** 0.5 / 3**0.5)


def _between(ground: tuple[int, int, int], ink: tuple[int, int, int]) -> tuple[int, int, int]:
    """The ink, softened for axes and their labels."""
    red, green, blue = ((a + 2 * b) // 3 for a, b in zip(ground, ink, strict=True))
    return red, green, blue
