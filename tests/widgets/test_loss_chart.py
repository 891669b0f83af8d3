"""The loss chart at any size, of any curves, in any theme."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.theme import BUILTIN_THEMES

from tests.widgets.hosts import app_of, hosted, screen_lines, unsafe_lines
from tui.domain.loss.losses import Curves, EpochPoint, StepPoint
from tui.widgets.chart_colours import css_colour, palette
from tui.widgets.chart_draw import LossFigure, Options, Which
from tui.widgets.chart_frame import Line
from tui.widgets.chart_raster import Area
from tui.widgets.chart_scale import epoch_ticks, finite, label, limits, log_ticks, thinned, ticks
from tui.widgets.loss_chart import LossChart

TRAINING = (1.3181, 0.8965, 0.6408, 0.6814, 0.6693, 0.3518, 0.3533)
VALIDATION = (2.5327, 1.7016, 1.5365, 1.5085, 1.4765, 1.4764, 1.4959)


def means(values: Sequence[float], first: int = 1) -> tuple[EpochPoint, ...]:
    return tuple(EpochPoint(first + i, value, 3, value, value) for i, value in enumerate(values))


RUN = Curves(
    "run [/INST] \x1b[31m日本",
    means(TRAINING),
    means(VALIDATION),
    tuple(StepPoint((i + 1) / 3, TRAINING[i // 3] + i % 3 / 10) for i in range(21)),
)
ODD = {
    "nothing": Curves("nothing"),
    "one epoch": Curves("one", means((1.0,)), means((2.0,))),
    "late epoch": Curves("late", means((1.0,), first=1_000_000)),
    "constant": Curves("constant", means((1.0,) * 5), means((1.0,) * 5)),
    "zero": Curves("zero", means((0.0,) * 3)),
    "no validation": Curves("training", means(TRAINING)),
    "no training": Curves("validation", (), means(VALIDATION)),
    "not numbers": Curves("odd", means((math.nan, 1.0, math.inf, -math.inf)), means((math.nan,) * 3)),
    "all not numbers": Curves("nan", means((math.nan, math.nan))),
    "huge": Curves("huge", means((1e308, -1e308, 1e149)), means((1e-300, 1e-9, 1e9))),
    "negative": Curves("negative", means((-1.0, -2.0))),
    "many": Curves("many", means([1 / (i + 1) for i in range(5_000)]), means([2.0] * 5_000)),
    "run": RUN,
}
PALETTE = palette({}, False)


def plain(lines: Sequence[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("options", [Options(steps=True, cursor_epoch=2), Options(log=True), Options(ascii=True)])
def test_any_curves_at_any_size(name: str, options: Options) -> None:
    for width, height in ((1, 1), (2, 9), (5, 2), (16, 5), (17, 3), (40, 12), (80, 24), (300, 80)):
        lines = LossFigure([ODD[name]]).draw(width, height, options, PALETTE)
        assert len(lines) in (0, height)
        assert all(cell_len(line) == width for line in plain(lines))
        assert bool(lines) == (name not in ("nothing", "all not numbers") and (name, options.log) not in NO_LOG)


NO_LOG = {("zero", True), ("negative", True)}


@given(
    st.lists(st.floats(), max_size=8),
    st.lists(st.floats(), max_size=8),
    st.integers(1, 60),
    st.integers(1, 20),
    st.booleans(),
    st.one_of(st.none(), st.integers(-3, 12)),
)
def test_no_numbers_break_it(
    training: list[float], validation: list[float], width: int, height: int, log: bool, cursor: int | None
) -> None:
    curves = Curves("any", means(training), means(validation))
    lines = LossFigure([curves, RUN]).draw(width, height, Options(cursor, log), PALETTE)
    assert len(lines) == height


def test_what_is_drawn() -> None:
    figure = LossFigure([RUN])
    shown = plain(figure.draw(78, 16, Options(), PALETTE))
    text = "\n".join(shown)
    assert text.count("●") == 6
    assert text.count("◆") == 1
    assert text.count("■") == 7
    assert shown[-1].split() == ["1", "2", "3", "4", "5", "6", "7"]
    assert [line.split("┤")[0].strip() for line in shown if "┤" in line] == ["2.5", "2.0", "1.5", "1.0", "0.5"]
    best = next(line for line in shown if "◆" in line)
    assert best.index("◆") == shown[-1].index("6")
    assert "·" not in text
    assert "·" in "\n".join(plain(figure.draw(78, 16, Options(steps=True), PALETTE)))
    only: tuple[tuple[Which, str], ...] = (("training", "●"), ("validation", "■"))
    for which, absent in only:
        assert absent not in "\n".join(plain(figure.draw(78, 16, Options(only=which), PALETTE)))


def test_the_cursor_is_a_vertical_line_at_its_epoch() -> None:
    shown = plain(LossFigure([RUN]).draw(78, 16, Options(cursor_epoch=4), PALETTE))
    column = shown[-1].index("4")
    assert sum(len(line) > column and line[column] == "│" for line in shown) >= 12
    without = plain(LossFigure([RUN]).draw(78, 16, Options(cursor_epoch=99), PALETTE))
    assert without == plain(LossFigure([RUN]).draw(78, 16, Options(), PALETTE))


def test_log_labels_are_losses() -> None:
    shown = plain(LossFigure([RUN]).draw(78, 20, Options(log=True), PALETTE))
    labels = [float(line.split("┤")[0]) for line in shown if "┤" in line]
    assert labels == sorted(labels, reverse=True)
    assert 1.0 in labels
    assert all(0.3 <= value <= 2.6 for value in labels)


def test_ascii_is_ascii() -> None:
    lines = LossFigure([RUN]).draw(60, 14, Options(cursor_epoch=3, steps=True, ascii=True), PALETTE)
    assert all(line.isascii() for line in plain(lines))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-5, 5)), min_size=1, max_size=600), st.integers(1, 40))
def test_thinning_keeps_the_extremes(points: list[tuple[float, float]], columns: int) -> None:
    few = thinned(points, columns)
    assert len(few) <= 4 * columns
    assert set(few) <= set(points)
    assert {y for _, y in few} >= {min(y for _, y in points), max(y for _, y in points)}


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_ticks_are_few_round_and_inside(low: float, width: float, count: int) -> None:
    low, high = limits((low, low + width))
    made = ticks(low, high, count)
    assert len(made) <= count + 1
    margin = (high - low) * 1e-6
    assert all(low - margin <= at <= high + margin for at, _ in made)
    assert len({text for _, text in made}) == len(made)


def test_labels_by_example() -> None:
    assert [text for _, text in ticks(0.35, 2.53, 5)] == ["0.5", "1.0", "1.5", "2.0", "2.5"]
    assert [text for _, text in log_ticks(-3, 2, 6)] == ["0.001", "0.01", "0.1", "1", "10", "100"]
    assert label(3e-9, 1e-9) == "3e-09"
    assert label(12.0, 2.0) == "12"
    assert label(-0.0, 0.5) == "0.0"
    assert epoch_ticks(1, 7, 60) == [1, 2, 3, 4, 5, 6, 7]
    assert epoch_ticks(1, 100, 40) == [20, 40, 60, 80, 100]
    assert epoch_ticks(0.9, 1.1, 40) == [1]
    assert finite([(1, math.nan), (2, 0.0), (3, 10.0)], log=True) == [(3, 1.0)]


async def test_every_theme_gives_lines_apart() -> None:
    chart = LossChart()
    async with hosted(chart, size=(60, 14)) as pilot:
        chart.show([RUN])
        for draws, name in enumerate(BUILTIN_THEMES, start=chart.draws):
            pilot.app.theme = name
            await pilot.pause()
            assert chart.draws >= draws
            colours = chart._palette()
            assert len(set(colours.lines)) == len(colours.lines) >= 6, name
            assert {css_colour(c) for c in colours.run(0, 1)} <= {str(span.style) for span in chart.legend().spans}
            assert "◆" in "\n".join(screen_lines(pilot))
            styles = {str(style.color) for strip in chart._strips for _, style, _ in strip if style}
            assert len(styles) >= 3, name


async def test_it_draws_once_for_each_size_data_and_option() -> None:
    chart = LossChart(id="chart")
    chart.show([RUN])
    async with hosted(chart) as pilot:
        draws = chart.draws
        chart.show([RUN])
        chart.refresh()
        await pilot.pause()
        assert chart.draws == draws
        chart.show([RUN], cursor_epoch=3)
        await pilot.pause()
        assert chart.draws == draws + 1
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert chart.draws == draws + 2
        assert {cell_len(line) for line in screen_lines(pilot)} == {60}


async def test_a_cursor_step_repaints_no_further_than_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = LossChart()
    chart.show([RUN], cursor_epoch=3)
    async with hosted(chart) as pilot:
        areas: list[int] = []
        monkeypatch.setattr(chart, "refresh", lambda *regions: areas.extend(region.area for region in regions))
        chart.show([RUN], cursor_epoch=4)
        assert 20 * 40 < sum(areas) < 24 * 60
        monkeypatch.undo()
        chart.refresh()
        await pilot.pause()
        assert sum("│" in line[20:60] for line in screen_lines(pilot)) >= 12


async def test_empty_and_back() -> None:
    chart = LossChart(empty="まだ損失がありません。 Press o to open a file.")
    async with hosted(chart, size=(30, 9)) as pilot:
        assert any("まだ損失" in line for line in screen_lines(pilot))
        chart.show([RUN])
        await pilot.pause()
        assert "◆" in "".join(screen_lines(pilot))
        chart.show([RUN], only="training")
        chart.show([ODD["all not numbers"]])
        await pilot.pause()
        assert {cell_len(line) for line in screen_lines(pilot)} == {30}
        assert any("まだ損失" in line for line in screen_lines(pilot))
        chart.show([ODD["no training"]])
        await pilot.pause()
        chart.show([ODD["no training"]], only="training")
        await pilot.pause()
        assert any("まだ損失" in line for line in screen_lines(pilot))
        for size in ((1, 1), (3, 2), (12, 4), (200, 50)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert {cell_len(line) for line in screen_lines(pilot)} == {size[0]}
        assert app_of(pilot).is_running


async def test_the_legend_names_runs_safely() -> None:
    chart = LossChart()
    async with hosted(chart):
        assert chart.legend().plain == ""
        chart.show([RUN])
        assert chart.legend().plain == "■ training  ● validation  ◆ best"
        chart.show([RUN, ODD["constant"]])
        assert not unsafe_lines([chart.legend().plain])
        assert "A/a run [/INST] ␛[31m日本  B/b constant" in chart.legend().plain


def test_plotext_is_loaded_by_the_first_drawing_only() -> None:
    code = "import sys, tui.widgets.loss_chart; print([m for m in sys.modules if 'plotext' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_loss_that_ran_away_is_no_burden_beside_what_is_zoomed() -> None:
    away = Curves("away", (), means((2.0, 1.5, 1.4, 1e140)))
    shown = plain(LossFigure([away]).draw(78, 16, Options(zoom=(1, 3)), PALETTE))
    assert shown[-1].split() == ["1", "2", "3"]
    top = shown[0].rstrip()
    assert len(top) > shown[-1].index("3"), "the line leaves upwards, after epoch 3"


@given(
    st.lists(st.tuples(st.floats(-2, 3), st.floats(-2, 3)), min_size=1, max_size=6),
    st.sampled_from(("hd", "braille", "x")),
)
def test_a_line_goes_through_its_points_without_a_gap(points: list[tuple[float, float]], marker: str) -> None:
    area = Area(20, 8, (0.0, 1.0), (0.0, 1.0))
    cells = {(number % 20, number // 20) for number in area.line(points, marker)}
    assert cells <= {(x, y) for x in range(20) for y in range(8)}
    assert {(number % 20, number // 20) for number in area.points(points, "o")} <= cells
    if all(0 <= value <= 1 for point in points for value in point):
        reached = {min(cells)}
        while more := {(x, y) for x, y in cells - reached if any(abs(x - a) < 2 > abs(y - b) for a, b in reached)}:
            reached |= more
        assert reached == cells


def test_parts_of_a_cell_are_drawn_where_they_are() -> None:
    area = Area(3, 2, (0.0, 2.0), (0.0, 1.0))
    assert area.line([(0, 0), (2, 0)], "hd") == {0: "▝", 1: "▀", 2: "▀"}
    assert area.line([(0.4, 1), (0.4, 1)], "hd") == {3: "▝"}
    assert area.line([(1, 0.2)], "hd") == {1: "▝"}
    assert area.line([(1, 0.6)], "hd") == {4: "▗"}
    assert area.line([(1, 0), (1, 1)], "braille") == {1: "⠘", 4: "⢰"}
    assert area.line([(0, 0), (2, 1)], "x") == {0: "x", 1: "x", 5: "x"}
    assert area.points([(0, 0), (2, 1), (3, 0), (0, 9)], "o") == {0: "o", 5: "o"}


def test_another_cursor_draws_nothing_else_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = LossFigure([RUN])
    at_three, at_four = (figure.draw(78, 16, Options(cursor_epoch=epoch), PALETTE) for epoch in (3, 4))
    monkeypatch.setattr("tui.widgets.chart_draw.built", None)
    assert figure.draw(78, 16, Options(cursor_epoch=3), PALETTE) == at_three != at_four
    bare = figure.draw(78, 16, Options(), PALETTE)
    changed = [(a, b) for x, y in zip(plain(bare), plain(at_four), strict=True) for a, b in zip(x, y, strict=True)]
    assert {(a, b) for a, b in changed if a != b} == {(" ", "│"), ("┬", "┴")}


def test_zoom_shows_only_its_epochs() -> None:
    shown = plain(LossFigure([RUN]).draw(78, 16, Options(zoom=(5, 6), steps=True, smooth=0.6), PALETTE))
    assert shown[-1].split() == ["5", "6"]
    assert "\n".join(shown).count("■") == 2
    labels = [float(line.split("┤")[0]) for line in shown if "┤" in line]
    assert max(labels) < 1.7
    assert LossFigure([RUN]).draw(78, 16, Options(zoom=(90, 95)), PALETTE) == []


def test_the_end_and_the_epochs_asked_for_are_marked() -> None:
    stopped = plain(LossFigure([replace(RUN, asked_epochs=10)]).draw(78, 16, Options(), PALETTE))
    assert shown_words(stopped) >= {"end", "asked", "10"}
    assert stopped[-1].split() == [str(n) for n in range(1, 11)]
    column = stopped[-1].index("7")
    assert sum(line[column] == "┊" for line in stopped) > 8
    whole = plain(LossFigure([replace(RUN, asked_epochs=7)]).draw(78, 16, Options(), PALETTE))
    assert "┊" not in "".join(whole)


def shown_words(lines: Sequence[str]) -> set[str]:
    return {word for line in lines for word in line.split()}


def test_runs_keep_their_colour_and_letter() -> None:
    other = replace(RUN, name="other", validation=means([v + 0.5 for v in VALIDATION]))
    figure = LossFigure([RUN, other], [0, 3])
    assert figure.inks(1, PALETTE) == LossFigure([other, RUN], [3, 0]).inks(0, PALETTE)
    text = "".join(plain(figure.draw(78, 16, Options(only="validation"), PALETTE)))
    assert text.count("d") == 6
    assert text.count("◆") == 2


def test_smoothing_is_a_line_of_its_own() -> None:
    smooth = replace(RUN, smoothed=((0.6, tuple(StepPoint(p.position, 2.2, p.step) for p in RUN.steps)),))
    with_it = plain(LossFigure([smooth]).draw(78, 16, Options(only="training", smooth=0.6), PALETTE))
    without = plain(LossFigure([smooth]).draw(78, 16, Options(only="training"), PALETTE))
    assert with_it != without
    assert RUN.smooth(0.6) == ()


def test_a_million_steps_are_drawn_from_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    run = replace(RUN, steps=tuple(StepPoint(i / 1000, 1 + i % 7 / 10) for i in range(7_000)))
    figure = LossFigure([run])
    figure.draw(200, 50, Options(steps=True), PALETTE)
    monkeypatch.setattr("tui.widgets.chart_draw._extremes", None)
    assert len(figure.draw(200, 50, Options(steps=True, cursor_epoch=3), PALETTE)) == 50
    assert all(len(points) <= 400 for points in figure._thinned.values())
