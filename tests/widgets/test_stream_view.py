"""The stream view: wraps by cells, flushes seldom, follows until the reader leaves."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.geometry import Region

from tests.widgets.hosts import HOSTILE, hosted, screen_lines, unsafe_lines, until
from tui.widgets.stream_view import StreamView, _until_flush


def shown(view: StreamView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def test_blocks_are_told_apart_without_colour() -> None:
    view = StreamView()
    async with hosted(view) as pilot:
        view.add_block("question", "What is\nBedrock?")
        view.add_block("answer", "A managed service.")
        view.add_block("note", "0.42 s first")
        view.add_block("error", "throttled")
        view.add_block("question", "And then?")
        await pilot.pause()
        assert shown(view)[:8] == [
            "> What is",
            "  Bedrock?",
            "A managed service.",
            "· 0.42 s first",
            "✗ throttled",
            "",
            "> And then?",
            "",
        ]
        assert view.last_answer == "A managed service."
        assert view.text.startswith("What is\nBedrock?\n\nA managed")
        view.clear()
        await pilot.pause()
        assert not any(shown(view))
        assert view.text == view.last_answer == ""


async def test_hostile_text_is_inert_at_every_width() -> None:
    view = StreamView()
    async with hosted(view) as pilot:
        for text in HOSTILE[:-1]:
            view.add_block("question", text)
            view.append(text)
        view.finish()
        for width in (1, 2, 7, 8, 40, 80):
            await pilot.resize_terminal(width, 24)
            await pilot.press("g")
            assert not unsafe_lines(screen_lines(pilot))
            assert {cell_len(line) for line in screen_lines(pilot)} == {width}
        assert "[@click=app.quit]x[/]" in view.text
        assert "\x1b" not in view.text
        assert "\u202e" not in view.text


async def test_appended_text_is_the_same_as_whole_text() -> None:
    text = "One two three, 日本語の文章は単語の間に空白がない。\r\n\r\n" * 20 + "https://example.org/" + "x" * 200
    grown, whole = StreamView(), StreamView()
    async with hosted(grown, whole, size=(31, 24)) as pilot:
        whole.add_block("answer", text)
        for start in range(0, len(text), 3):
            grown.append(text[start : start + 3])
            if start % 7 == 0:
                assert len(grown.text) > start // 2
        grown.finish()
        await pilot.pause()
        assert grown.text == whole.text == text.replace("\r\n", "\n")
        assert grown._blocks[0].lines == whole._blocks[0].lines
        assert all(cell_len(line) <= grown.size.width for line in grown._blocks[0].lines)


async def test_flushes_are_few_and_stop_when_nothing_waits() -> None:
    view = StreamView(rate=5)
    async with hosted(view) as pilot:
        view.append("first ")
        await until(pilot, lambda: view.flushes == 1)
        for number in range(100):
            view.append(f"{number} ")
        assert view.flushes == 1
        await until(pilot, lambda: view.flushes == 2)
        assert view._timer is None
        assert shown(view)[0].startswith("first 0 1 2 3")
        view.append("tail")
        view.finish()
        assert view.flushes == 3
        assert view._timer is None
        assert view.text.endswith("99 tail")


async def test_a_full_pane_jumps_by_half() -> None:
    view = StreamView()
    async with hosted(view, size=(40, 20)) as pilot:
        tops = []
        for number in range(60):
            view.append(f"line {number}\n")
            assert view.text
            tops.append(view.scroll_offset.y)
        jumps = [b - a for a, b in itertools.pairwise(tops) if a != b]
        assert len(jumps) == 4
        assert set(jumps[1:]) == {11}
        assert view.following
        view.finish()
        await pilot.pause()
        assert shown(view)[-2] == "line 59"
        assert view.max_scroll_y == view.scroll_offset.y == 61 - 20


async def test_the_reader_lets_go_and_takes_hold_again() -> None:
    view = StreamView()
    async with hosted(view, size=(40, 20)) as pilot:
        view.append("".join(f"line {n}\n" for n in range(100)))
        assert view.text
        await pilot.pause()
        await pilot.press("k", "pageup")
        top = view.scroll_offset.y
        assert not view.following
        before = shown(view)
        view.append("".join(f"more {n}\n" for n in range(50)))
        view.finish()
        await pilot.pause()
        assert view.scroll_offset.y == top
        assert shown(view) == before
        await pilot.press("G")
        assert view.following
        assert shown(view)[-2] == "more 49"
        view.append("the end")
        view.finish()
        await pilot.pause()
        assert shown(view)[-1] == "the end"
        await pilot.press("g")
        assert view.scroll_offset.y == 0
        await pilot.press("end")
        assert view.following


async def test_only_the_last_lines_are_repainted_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    view = StreamView()
    async with hosted(view, size=(40, 20)) as pilot:
        view.add_block("question", "What?")
        await pilot.pause()
        regions: list[Region] = []
        refresh = view.refresh

        def noting(*given: Region, layout: bool = False) -> StreamView:
            assert not layout
            regions.extend(given)
            return refresh(*given)

        monkeypatch.setattr(view, "refresh", noting)
        view.append("one")
        assert view.text
        view.append(" two\nthree")
        assert view.text
        assert [(region.y, region.height) for region in regions] == [(1, 1), (1, 1), (1, 2)]


async def test_a_resize_wraps_again_and_keeps_the_end() -> None:
    view = StreamView()
    async with hosted(view, size=(80, 20)) as pilot:
        view.add_block("answer", "word " * 500 + "END")
        await pilot.pause()
        await pilot.resize_terminal(30, 10)
        await pilot.pause()
        assert shown(view)[-1].endswith("END")
        assert {cell_len(line) for line in screen_lines(pilot)} == {30}
        await pilot.resize_terminal(200, 10)
        await pilot.pause()
        assert shown(view)[-1].endswith("END")


async def test_text_from_before_the_first_layout_is_shown() -> None:
    view = StreamView()
    view.add_block("question", "early")
    async with hosted(view) as pilot:
        await pilot.pause()
        assert shown(view)[0] == "> early"


async def test_a_megabyte_answer() -> None:
    view = StreamView()
    async with hosted(view) as pilot:
        for _ in range(10):
            view.append("word and more " * 7_500)
            view.append("日本語" * 1_000)
            assert view.last_answer
        view.append(HOSTILE[-1])
        view.finish()
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert len(view.last_answer) == 10 * (14 * 7_500 + 3_000) + 1_000_000
        assert shown(view)[-1].startswith("xxx")


@given(st.floats(0, 1e6), st.floats(0, 10), st.floats(0, 10))
def test_views_that_grow_together_are_flushed_together(now: float, ago: float, other: float) -> None:
    period = 0.125
    first, second = (_until_flush(now, now - since, period) for since in (ago, other))
    assert 0 < first <= 2 * period
    if ago < period / 2 and other < period / 2:
        assert abs(first - second) in (0, pytest.approx(period)) or first == second
    if ago >= period:
        assert first < 0.01
