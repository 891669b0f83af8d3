"""The gate before the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.widgets import Static

from tests.widgets.hosts import HOSTILE, hosted, screen_lines, unsafe_lines
from tui.domain.text import UNSAFE
from tui.widgets.safe_filter import SafeFilter, gated

BLACK = Color(0, 0, 0)


@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters())))
def test_the_gate_keeps_the_width(text: str) -> None:
    clean = gated(text)
    assert cell_len(clean) == cell_len(text)
    assert not UNSAFE.search(clean)
    assert not {"\n", "\t"} & set(clean)


def test_clean_lines_pass_as_they_are() -> None:
    line = [Segment("日本語 plain [/INST] 👨‍👩‍👧‍👦", Style(bold=True)), Segment("x")]
    assert SafeFilter().apply(line, BLACK) is line


def test_style_and_control_segments_stay() -> None:
    control = Segment("\x1b[2J", None, [(ControlType.CLEAR,)])
    style = Style(color="red", bold=True)
    assert SafeFilter().apply([control, Segment("a\x1bb\ud800", style)], BLACK) == [control, Segment("ab·", style)]


def test_an_unsafe_link_is_dropped() -> None:
    bad, good = Style(link="http://x\x1b\\\x1b[31m", bold=True), Style(link="https://example.org")
    [first, second] = SafeFilter().apply([Segment("a", bad), Segment("b", good)], BLACK)
    assert first.style is not None
    assert (first.style.link, first.style.bold) == (None, True)
    assert second.style is good


async def test_no_widget_brings_it_to_the_screen() -> None:
    text = "".join(HOSTILE[:-1])
    widget = Static(Content(text))
    widget.border_title = Content(text)
    widget.styles.border = ("round", "red")
    async with hosted(widget) as pilot:
        assert not unsafe_lines(screen_lines(pilot))
        assert "[/INST]" in "\n".join(screen_lines(pilot))
