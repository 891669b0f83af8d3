"""Markdown of models: shown in styles, never followed, nothing of it lost or let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.hosts import hosted, unsafe_lines
from tui.domain.text import UNSAFE
from tui.widgets.markdown_lines import LONGEST, markdown_lines
from tui.widgets.stream_view import StreamView
from tui.widgets.styled_lines import marked, wrapped


def plain(text: str, width: int = 60) -> list[str]:
    lines = markdown_lines(text)
    assert lines is not None
    return ["".join(part for part, _ in line) for line in wrapped(lines, width)]


def styles(text: str) -> dict[str, str]:
    return {part: style for line in markdown_lines(text) or () for part, style in line.runs}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# Title\nText", ["# Title", "", "Text"]),
        ("- one\n- two\n  - in", ["• one", "• two", "  • in"]),
        ("3. three\n4. four", ["3. three", "4. four"]),
        ("Intro:\n\n1. one\n\nEnd", ["Intro:", "", "1. one", "", "End"]),
        ("> said\n> so", ["│ said", "│ so"]),
        ("```\nx = 1\n\ny\n```", ["  x = 1", "", "  y"]),
        ("| a | 日本 |\n|---|---|\n| long | x |", ["a    │ 日本", "long │ x"]),
        ("**bold**\nnext", ["bold", "next"]),
        ("[docs](http://x.example)", ["docs (http://x.example)"]),
        ("![pic](http://x.example/p.png)", ["pic (http://x.example/p.png)"]),
        ("**a** <script>b</script>", ["a <script>b</script>"]),
        ("<div>\n\n**a**", ["<div>", "", "a"]),
    ],
)
def test_what_is_shown(text: str, lines: list[str]) -> None:
    assert [line.rstrip() for line in plain(text)] == lines


def test_styles_tell_what_the_signs_told() -> None:
    found = styles("**strong** *em* `code` ~~gone~~ plain")
    assert found == {"strong": "strong", "em": "em", "code": "code", "gone": "struck", " plain": "", " ": ""}


@pytest.mark.parametrize("text", ["", "Just words.", "Two\nlines.", "1 < 2 & 3", "x" * (LONGEST + 1)])
def test_text_without_markup_is_left_as_it_came(text: str) -> None:
    assert markdown_lines(text) is None


def test_entities_bring_no_control_characters() -> None:
    shown = "\n".join(plain("**a** &#27;[31m &#x202e;x &#7; `&#27;`"))
    assert not UNSAFE.search(shown)


def test_long_lines_hang_below_their_bullet() -> None:
    lines = plain("- 日本語の文章は単語の間に空白がないので文字の間で折り返す\n- two words and more words", 20)
    assert all(cell_len(line) <= 20 for line in lines)
    assert sum(line.startswith("• ") for line in lines) == 2
    assert all(line.startswith(("• ", "  ")) for line in lines)
    assert len(lines) > 4


@given(st.text(alphabet=st.sampled_from("ab*_`#>-1. \n[]()!|<&;\x1b\u202e日"), max_size=80), st.integers(1, 30))
def test_any_text_gives_safe_lines(text: str, width: int) -> None:
    for line in wrapped(markdown_lines(text) or (), width):
        assert not UNSAFE.search("".join(part for part, _ in line))


@given(st.lists(st.tuples(st.text(max_size=20), st.booleans()), max_size=8), st.integers(2, 30))
def test_marked_pieces_keep_their_text(pieces: list[tuple[str, bool]], width: int) -> None:
    lines = marked(pieces)
    assert len(lines) == 1 + sum(
        "\n" in ch for text, _ in pieces for ch in text.replace("\r\n", "\n").replace("\r", "\n")
    )
    assert wrapped(lines, width)


async def test_a_dressed_answer_can_be_shown_raw_again() -> None:
    view = StreamView()
    async with hosted(view, size=(30, 12)) as pilot:
        view.add_block("question", "?")
        block = view.add_block("answer", "")
        view.append("# Head\n\n- **one** and more words than one line holds\n- two")
        view.finish()
        raw = [view.render_line(y).text.rstrip() for y in range(8)]
        view.dress(block, markdown_lines(view.text_of(block)))
        await pilot.pause()
        dressed = [view.render_line(y).text.rstrip() for y in range(8)]
        assert dressed[1:4] == ["# Head", "", "• one and more words than one"]
        assert view.last_answer.startswith("# Head\n\n- **one**")
        view.add_block("note", "end")
        await pilot.resize_terminal(20, 12)
        assert not unsafe_lines([view.render_line(y).text for y in range(12)])
        view.dress(block, None)
        await pilot.resize_terminal(30, 12)
        assert [view.render_line(y).text.rstrip() for y in range(len(raw))][:6] == raw[:6]
        view.dress(99, None)
