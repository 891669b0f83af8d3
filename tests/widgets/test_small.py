"""Sparkline, progress line, and a pane of text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from tests.widgets.hosts import hosted, screen_lines, until
from tui.widgets.frame import StatusLine
from tui.widgets.progress import ProgressLine, progress_text
from tui.widgets.sparkline import spark
from tui.widgets.text_pane import TextPane


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((), ""),
        ((1.0,), "▄"),
        ((2.0, 2.0), "▄▄"),
        ((0, 1, 2, 3, 4, 5, 6, 7), "▁▂▃▄▅▆▇█"),
        ((7, 0, math.nan, math.inf), "█▁  "),
    ],
)
def test_spark(values: tuple[float, ...], text: str) -> None:
    assert spark(values) == text


@given(st.lists(st.floats()))
def test_spark_of_anything(values: list[float]) -> None:
    assert len(spark(values)) == len(values)
    assert set(spark(values)) <= set(" ▁▂▃▄▅▆▇█")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((3_100_000, 5_000_000, 0.4, 46), "━━━━━━━━╸        62 %  3.1 of 5.0 MB  7.8 MB/s"),
        ((3_100_000, 5_000_000, 1.3, 60), "━━━━━━━━━━━          62 %  3.1 of 5.0 MB  2.4 MB/s  1 s left"),
        ((1_000, 5_000_000, 2.0, 52), "  0 %  1.0 kB of 5.0 MB  500 B/s  2 h 46 m left"),
        ((1_000, 5_000_000_000, 2.0, 42), "            0 %  1.0 kB of 5.0 GB  500 B/s"),
        ((0, 5_000_000, 0.0, 30), "            0 %  0 B of 5.0 MB"),
        ((5_000_000, 5_000_000, 2.0, 22), "100 %  5.0 of 5.0 MB"),
        ((4_999_999, 5_000_000, 2.0, 5), " 99 %"),
        ((3_000, 0, 1.0, 40), "3.0 kB  3.0 kB/s"),
        ((3_000, 0, 1.0, 4), "3.0 "),
        ((7, 5, 1.0, 5), "100 %"),
        ((1, 5, 1.0, 0), ""),
    ],
    ids=str,
)
def test_progress_text(arguments: tuple[int, int, float, int], text: str) -> None:
    assert progress_text(*arguments).rstrip() == text.rstrip()


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.floats(0, 1e9), st.integers(0, 200))
def test_progress_text_fits(done: int, total: int, seconds: float, width: int) -> None:
    assert len(progress_text(done, total, seconds, width)) <= width


async def test_the_line_is_redrawn_seldom_but_always_at_the_end() -> None:
    now = [100.0]
    line = ProgressLine(clock=lambda: now[0])
    async with hosted(line) as pilot:
        for done in range(1, 100):
            now[0] += 0.001
            line.show(done, 100, 1.0)
        assert line.redraws == 1
        now[0] += 0.1
        await until(pilot, lambda: line.redraws == 2)
        await pilot.pause()
        assert "99 %" in screen_lines(pilot)[0]
        line.show(100, 100, 1.0)
        assert line.redraws == 3
        await pilot.pause()
        assert "100 %" in screen_lines(pilot)[0]
        line.clear()
        await pilot.pause()
        assert not screen_lines(pilot)[0].strip()


async def test_japanese_begins_behind_its_letter_and_breaks_anywhere() -> None:
    pane = TextPane()
    pane.put(Content.assemble(("A  ", "bold"), "短冊は俳句を書く細長い紙です。" * 4, "\n\nthe end"))
    async with hosted(pane, size=(40, 8)) as pilot:
        lines = [line.rstrip() for line in screen_lines(pilot)]
        assert lines[0].startswith("A  短冊は俳句を書く")
        assert "".join(lines[:5]).replace("A  ", "").startswith("短冊は俳句を書く細長い紙です。" * 4)
        assert "the end" in lines


@pytest.mark.parametrize(("kind", "mark"), [("", ""), ("problem", "▲ "), ("good", "✓ ")])
async def test_both_lines_of_the_status_begin_in_their_own_column(kind: str, mark: str) -> None:
    status = StatusLine()
    async with hosted(status, size=(40, 24)) as pilot:
        vars(pilot.app)["touched"] = math.inf
        status.say("short", kind)
        await pilot.pause()
        assert screen_lines(pilot)[0].rstrip() == f" {mark}short"
        status.say("a sentence that is longer than one line of a narrow window can hold", kind)
        await pilot.pause()
        first, second = screen_lines(pilot)[:2]
        assert first.startswith(f" {mark}a sentence")
        assert second.startswith("   ")
        assert second[3] != " "
        arn = "arn:aws:bedrock:us-west-2:123456789012:custom-model/x"
        status.say(arn, kind)
        await pilot.pause()
        assert "".join(line.strip() for line in screen_lines(pilot)[:2]) == mark + arn


async def test_news_wait_until_a_problem_was_there_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    status = StatusLine()
    monkeypatch.setattr(StatusLine, "STAYS", 3600.0)
    async with hosted(status, size=(40, 24)) as pilot:
        status.say("its lease has no end any more", "problem")
        status.say("a job has ended", "good")
        await pilot.pause()
        assert screen_lines(pilot)[0].rstrip() == " ▲ its lease has no end any more"
        assert status.tells("a job has ended")
        status._take_turn()  # as its timer does
        await pilot.pause()
        assert screen_lines(pilot)[0].rstrip() == " ✓ a job has ended"
