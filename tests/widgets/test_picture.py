"""What is written of an update shows what Textual's own would, in fewer bytes."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import pyte
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, InlineUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui.widgets.picture import Picture

WIDTH, HEIGHT = 24, 5
STYLES = [
    None,
    Style.parse("#ffffff on #101010"),
    Style.parse("bold #ffffff on #101010"),
    Style.parse("#888888 on #101010"),
    Style.parse("underline #ffffff on #101010"),
    Style.parse("reverse #ffffff"),
    Style.parse("red on blue"),
    Style.parse("color(200)"),
]
TEXTS = "  ab-日本、é▲"


def console(system: str | None = "truecolor") -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system=system)  # type: ignore[arg-type]


def strip_of(dice: random.Random, width: int, texts: str = TEXTS) -> Strip:
    segments, left = list[Segment](), width
    while left:
        text, room = "", dice.randint(1, left)
        while room:
            character = dice.choice(texts) if dice.random() < 0.5 else " "
            size = 2 if character in "日本、" else 1
            text += character if size <= room else " "
            room -= min(size, room)
        segments.append(Segment(text, dice.choice(STYLES)))
        left -= segments[-1].cell_length
    return Strip(segments, width)


def pieces(dice: random.Random, texts: str = TEXTS) -> dict[int, Strip]:
    cut = dice.randint(1, WIDTH - 1)
    return {0: strip_of(dice, cut, texts), cut: strip_of(dice, WIDTH - cut, texts)}


def updates(dice: random.Random, number: int) -> Iterator[CompositorUpdate]:
    """A whole screen, then parts of it, the last ones often as they were; now and then a whole one again."""
    lines = [pieces(dice) for _ in range(HEIGHT)]
    for turn in range(number):
        if turn % 10 == 0:
            yield LayoutUpdate([list(line.values()) for line in lines], Region(0, 0, WIDTH, HEIGHT))
            continue
        some = sorted(dice.sample(range(HEIGHT), dice.randint(1, HEIGHT)))
        for y in some:
            if dice.random() < 0.7:
                lines[y] = pieces(dice)
        ends = [[*list(line)[1:], WIDTH] for line in lines]
        yield ChopsUpdate(lines, [(y, dice.choice((0, 3)), WIDTH) for y in some], ends)


class Shown:
    """A terminal that is written to."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self._screen)
        self.bytes = 0

    def feed(self, text: str) -> None:
        self.bytes += len(text.encode())
        self._stream.feed(text)

    @property
    def cells(self) -> list[list[tuple[object, ...]]]:
        return [[self._cell(x, y) for x in range(WIDTH)] for y in range(HEIGHT)]

    def _cell(self, x: int, y: int) -> tuple[object, ...]:
        cell = self._screen.buffer[y][x]
        lines = (cell.bg, cell.underscore, cell.reverse, cell.strikethrough)
        plain = cell.data == " " and not any(lines[1:])
        return (cell.data, *lines) if plain else (cell.data, *lines, cell.fg, cell.bold, cell.italics)


def test_it_shows_what_textual_shows_in_half_the_bytes() -> None:
    for seed in range(25):
        picture, ours, theirs = Picture(), Shown(), Shown()
        for number, update in enumerate(updates(random.Random(seed), 20)):
            ours.feed(picture.written(update, WIDTH, console()))
            theirs.feed(update.render_segments(console()))
            assert ours.cells == theirs.cells, (seed, number)
        assert ours.bytes < 0.7 * theirs.bytes


def test_what_stands_there_is_not_written_again() -> None:
    dice, picture = random.Random(1), Picture()
    lines = [pieces(dice) for _ in range(HEIGHT)]
    whole = LayoutUpdate([list(line.values()) for line in lines], Region(0, 0, WIDTH, HEIGHT))
    again = ChopsUpdate(lines, [(y, 0, WIDTH) for y in range(HEIGHT)], [[*list(line)[1:], WIDTH] for line in lines])
    first = picture.written(whole, WIDTH, console())
    assert picture.written(again, WIDTH, console()) == ""
    assert picture.written(whole, WIDTH, console()) == first, "a whole screen is wanted anew"
    picture.forget()
    assert picture.written(again, WIDTH, console())
    assert picture.written(again, WIDTH, console()) == ""
    assert picture.written(again, WIDTH + 1, console()), "another size"


def test_after_a_line_that_scrolls_nothing_is_known() -> None:
    dice, picture = random.Random(1), Picture()
    line = pieces(dice)
    part = ChopsUpdate([line], [(0, 0, WIDTH)], [[*list(line)[1:], WIDTH]])
    picture.written(part, WIDTH, console())
    inline = InlineUpdate([strip_of(dice, WIDTH)])
    assert picture.written(inline, WIDTH, console()) == inline.render_segments(console())
    assert picture.written(part, WIDTH, console())


def test_characters_that_terminals_draw_differently_are_written_with_their_piece() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    linked = Segment("a", Style(link="https://example.org"))
    for odd in (Segment(f"{family} a"), Segment("e\u0301 a"), linked):
        strip = Strip([odd, Segment(" b")])
        part = ChopsUpdate([{0: strip}], [(0, 0, WIDTH)], [[strip.cell_length]])
        picture = Picture()
        assert picture.written(part, WIDTH, console()).endswith(strip.render(console()))
        assert picture.written(part, WIDTH, console()).endswith(strip.render(console()))


def test_without_colours_too() -> None:
    for system in (None, "standard", "256"):
        picture, ours, theirs = Picture(), Shown(), Shown()
        for update in updates(random.Random(7), 10):
            ours.feed(picture.written(update, WIDTH, console(system)))
            theirs.feed(update.render_segments(console(system)))
            assert ours.cells == theirs.cells
