"""The virtual table: rows of any number and any text, a cursor that stays on its row."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.cells import cell_len
from textual.content import Content
from textual.strip import Strip

from tests.widgets.hosts import HOSTILE, app_of, hosted, screen_lines, unsafe_lines
from tui.widgets.virtual_table import Column, VirtualTable

COLUMNS = (
    Column("number", "#", 6, align="right"),
    Column("question", "question"),
    Column("answer", "answer", weight=2, hide_below=40),
    Column("tokens", "tok", 5, align="right", hide_below=30),
)


class Rows:
    """Rows in memory that count how often each is asked for."""

    def __init__(self, keys: Sequence[str], texts: Sequence[str] = ("text",)) -> None:
        self.keys = keys
        self.texts = texts
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, index: int) -> str:
        return self.keys[index]

    def cells(self, index: int) -> Sequence[str | Content]:
        self.asked.append(index)
        text = self.texts[index % len(self.texts)]
        return (str(index + 1), text, text, Content.styled("61", "bold"))


def keys(count: int, first: int = 0) -> list[str]:
    return [f"row{n}" for n in range(first, first + count)]


def table_with(rows: Rows, empty: str = "") -> VirtualTable:
    table = VirtualTable(COLUMNS, empty=empty, id="rows")
    table.show(rows)
    return table


async def test_hostile_rows_are_inert_and_aligned() -> None:
    table = table_with(Rows(keys(len(HOSTILE)), HOSTILE))
    async with hosted(table) as pilot:
        lines = screen_lines(pilot)
        assert not unsafe_lines(lines)
        assert all(cell_len(line) == 80 for line in lines)
        assert "[@click=app.quit]x[/]" in "\n".join(lines)
        for line in lines[1 : len(HOSTILE) + 1]:
            assert line.rstrip().endswith("61"), line
        await pilot.click("#rows", offset=(14, 3))
        assert app_of(pilot).is_running
        assert table.cursor == 2


async def test_only_visible_rows_are_asked_for() -> None:
    rows = Rows(keys(100_000))
    table = table_with(rows)
    async with hosted(table) as pilot:
        assert set(rows.asked) <= set(range(24))
        rows.asked.clear()
        await pilot.press("G")
        assert table.cursor == 99_999
        assert set(rows.asked) <= set(range(99_976, 100_000))
        assert "100000" in screen_lines(pilot)[-1]
        assert table.render_line(23).text.endswith("   61")
        rows.asked.clear()
        await pilot.press("k")
        assert set(rows.asked) <= {99_998, 99_999}


async def test_keys() -> None:
    table = table_with(Rows(keys(100)))
    steps: tuple[tuple[str, int], ...] = (
        ("j", 1),
        ("down", 2),
        ("k", 1),
        ("up", 0),
        ("k", 0),
        ("G", 99),
        ("j", 99),
        ("home", 0),
        ("end", 99),
        ("g", 0),
        ("pagedown", 23),
        ("pageup", 0),
        ("ctrl+d", 11),
        ("ctrl+d", 22),
        ("ctrl+u", 11),
    )
    async with hosted(table) as pilot:
        for key, expected in steps:
            await pilot.press(key)
            assert (table.cursor, table.cursor_key) == (expected, f"row{expected}"), key
            assert sum(line.startswith("▸") for line in screen_lines(pilot)) == 1


async def test_sideways_keys_are_left_to_others() -> None:
    table = table_with(Rows(keys(3)))
    async with hosted(table) as pilot:
        bound = {key for key, _ in table._bindings}
        assert not bound & {"h", "l", "left", "right"}
        await pilot.press("left", "right", "h", "l")
        assert table.cursor == 0


async def test_cursor_keeps_its_key_and_its_screen_line() -> None:
    table = table_with(Rows(keys(100)))
    async with hosted(table) as pilot:
        table.move_to(50)
        await pilot.pause()
        before = [line for line in screen_lines(pilot) if line.startswith("▸")]
        y = screen_lines(pilot).index(before[0])
        table.show(Rows(["new1", "new2", "new3", *keys(100)]))
        await pilot.pause()
        assert (table.cursor, table.cursor_key) == (53, "row50")
        assert screen_lines(pilot)[y].startswith("▸")
        moved = app_of(pilot).heard(VirtualTable.CursorMoved)
        assert (moved[-1].index, moved[-1].key) == (53, "row50")


async def test_a_vanished_key_leaves_the_nearest_index() -> None:
    table = table_with(Rows(keys(10)))
    async with hosted(table) as pilot:
        table.move_to(9)
        table.show(Rows(keys(4)))
        await pilot.pause()
        assert (table.cursor, table.cursor_key) == (3, "row3")
        table.show(Rows(keys(4)), keep_cursor=False)
        assert table.cursor == 0


async def test_unchanged_lines_are_not_repainted(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_with(Rows(keys(100)))
    async with hosted(table) as pilot:
        painted: list[int] = []
        render_line = table.render_line

        def noting(y: int) -> Strip:
            painted.append(y)
            return render_line(y)

        monkeypatch.setattr(table, "render_line", noting)
        table.show(Rows(keys(100), ("text",)))
        await pilot.pause()
        assert painted == []
        table.show(Rows(keys(100), ("text", "text", "changed", *["text"] * 97)))
        await pilot.pause()
        assert painted == [3]
        painted.clear()
        await pilot.press("j")
        while len(painted) < 2:  # the test's own limit ends it: a busy machine paints late
            await pilot.pause(0.01)
        assert sorted(painted) == [1, 2]


async def test_marks_stay_on_keys() -> None:
    table = table_with(Rows(keys(5)))
    async with hosted(table) as pilot:
        await pilot.press("space", "j", "space", "j")
        assert table.marked == {"row0", "row1"}
        lines = screen_lines(pilot)
        assert lines[1].startswith(" *")
        assert lines[3].startswith("▸ ")
        table.show(Rows(["new", *keys(5)]))
        await pilot.pause()
        assert screen_lines(pilot)[2].startswith(" *")
        assert screen_lines(pilot)[1].startswith("  ")
        table.move_to(1)
        await pilot.press("space")
        assert table.marked == {"row1"}
        heard = app_of(pilot).heard(VirtualTable.MarksChanged)
        assert [message.count for message in heard] == [1, 2, 1]
        assert heard[0].control is table


async def test_enter_and_a_second_click_open() -> None:
    table = table_with(Rows(keys(5)))
    async with hosted(table) as pilot:
        await pilot.press("j", "enter")
        await pilot.click("#rows", offset=(10, 5))
        assert table.cursor == 4
        await pilot.click("#rows", offset=(10, 5))
        await pilot.click("#rows", offset=(10, 0))
        await pilot.click("#rows", offset=(10, 20))
        opened = app_of(pilot).heard(VirtualTable.RowOpened)
        assert [(message.index, message.key) for message in opened] == [(1, "row1"), (4, "row4")]


async def test_empty_text_and_no_rows() -> None:
    table = table_with(Rows([]), empty="No pairs yet: press o to open a file, or a to add one.")
    async with hosted(table, size=(30, 10)) as pilot:
        shown = " ".join(line.strip() for line in screen_lines(pilot))
        assert "press o to open a file" in " ".join(shown.split())
        await pilot.press("j", "G", "enter", "space", "pagedown")
        assert table.cursor_key is None
        assert table.marked == frozenset()
        assert not app_of(pilot).heard(VirtualTable.RowOpened)
        table.show(Rows(keys(2)))
        await pilot.pause()
        assert table.cursor_key == "row0"


async def test_every_width_is_filled_exactly() -> None:
    table = table_with(Rows(keys(50), HOSTILE))
    async with hosted(table, size=(60, 10)) as pilot:
        for width in (1, 2, 3, 8, 20, 29, 39, 80, 200):
            await pilot.resize_terminal(width, 10)
            await pilot.press("j")
            lines = screen_lines(pilot)
            assert {cell_len(line) for line in lines} == {width}
            assert ("answer" in lines[0]) == (width >= 41)


async def test_cursor_stays_in_view_when_the_window_shrinks() -> None:
    table = table_with(Rows(keys(100)))
    async with hosted(table) as pilot:
        table.move_to(22)
        await pilot.resize_terminal(80, 8)
        await pilot.pause()
        assert any(line.startswith("▸") for line in screen_lines(pilot))


async def test_a_move_past_the_edge_scrolls_by_half_a_page() -> None:
    table = table_with(Rows(keys(100)))
    async with hosted(table, size=(80, 21)) as pilot:
        await pilot.press(*["j"] * 20)
        assert table.scroll_offset.y == 10
        await pilot.press(*["k"] * 11)
        assert table.scroll_offset.y == 0


async def test_a_new_row_repaints_its_line_and_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_with(Rows(keys(5)))
    async with hosted(table) as pilot:
        painted: list[int] = []
        render_line = table.render_line

        def noting(y: int) -> Strip:
            painted.append(y)
            return render_line(y)

        monkeypatch.setattr(table, "render_line", noting)
        table.show(Rows(keys(6)))
        await pilot.pause()
        assert painted == [6]
        table.show(Rows(keys(500)))
        await pilot.pause()
        assert table.show_vertical_scrollbar
        assert table.max_scroll_y == 501 - 24
        table.show(Rows(keys(3)))
        await pilot.pause()
        assert not table.show_vertical_scrollbar
        assert {cell_len(line) for line in screen_lines(pilot)} == {80}
        assert not screen_lines(pilot)[4].strip()


async def test_a_table_as_high_as_its_rows() -> None:
    table = table_with(Rows(keys(2)))
    table.styles.height = "auto"
    async with hosted(table) as pilot:
        assert table.size.height == 3
        table.show(Rows(keys(7)))
        await pilot.pause()
        assert table.size.height == 8
