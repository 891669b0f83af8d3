"""What is written to the terminal for a notification."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.notify import Way, chosen, explanation, notification, window_title, wrapped


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"LC_TERMINAL": "iTerm2"}, Way.OSC9),
        ({"TERM_PROGRAM": "iTerm.app"}, Way.OSC9),
        ({"KITTY_WINDOW_ID": "1", "TERM": "xterm-256color"}, Way.OSC99),
        ({"TERM": "xterm-kitty"}, Way.OSC99),
        ({"TERM": "xterm-ghostty"}, Way.OSC777),
        ({"TERM_PROGRAM": "WezTerm"}, Way.OSC777),
        ({"TERM_PROGRAM": "Apple_Terminal"}, Way.BELL),
        ({"WT_SESSION": "x"}, Way.BELL),
        ({"TERM": "xterm-256color"}, Way.OSC777),
        ({}, Way.OSC777),
    ],
)
def test_the_way_is_found_by_the_terminals_name(environment: dict[str, str], way: Way) -> None:
    assert chosen(Way.AUTO, environment) is way
    assert chosen(Way.BELL, environment) is Way.BELL


@pytest.mark.parametrize(
    ("way", "written"),
    [
        (Way.OSC9, "\x1b]9;tanzaku: j: Completed\x1b\\"),
        (Way.OSC777, "\x1b]777;notify;tanzaku;j: Completed\x1b\\"),
        (Way.BELL, "\a"),
        (Way.OFF, ""),
    ],
)
def test_the_sequences(way: Way, written: str) -> None:
    assert notification(way, "tanzaku", "j: Completed", {}) == written


def test_kittys_own_sequence_carries_any_text() -> None:
    written = notification(Way.OSC99, "短冊", "終わり; \x1b]0;x\a", {})
    payloads = [part.rpartition(";")[2] for part in written.split("\x1b\\")[:-1]]
    title, text = (base64.b64decode(payload).decode() for payload in payloads)
    assert title == "短冊"
    assert text.startswith("終わり")
    assert "\x1b" not in text


def test_an_unknown_terminal_and_a_multiplexer_hear_the_bell_too() -> None:
    assert notification(Way.AUTO, "t", "x", {"TERM": "xterm"}).endswith("\x1b\\\a")
    assert not notification(Way.AUTO, "t", "x", {"LC_TERMINAL": "iTerm2"}).endswith("\a")
    assert notification(Way.OSC9, "t", "x", {"TMUX": "/tmp/s,1,0"}) == "\x1bPtmux;\x1b\x1b]9;t: x\x1b\x1b\\\x1b\\\a"
    assert notification(Way.OSC9, "t", "x", {"STY": "1.pts"}) == "\x1bP\x1b]9;t: x\a\x1b\\\a"


def test_screen_gets_pieces_it_can_hold() -> None:
    sequence = "\x1b]9;" + "あ" * 900 + "\x1b\\"
    made = wrapped(sequence, {"STY": "1"})
    pieces = made.split("\x1b\\")[:-1]
    assert all(piece.startswith("\x1bP") and len(piece.encode()) <= 768 for piece in pieces)
    assert "".join(piece.removeprefix("\x1bP") for piece in pieces) == sequence.removesuffix("\x1b\\") + "\a"


@given(st.text(), st.text(), st.sampled_from([Way.OSC9, Way.OSC777, Way.OSC99]))
def test_no_text_ends_the_sequence(title: str, text: str, way: Way) -> None:
    written = notification(way, title, text, {})
    assert written.count("\x1b") == (4 if way is Way.OSC99 else 2)
    assert not any(c in written for c in "\a\x9c\x9d\n\r\x00")
    assert window_title(text).count("\x1b") == 2


def test_the_explanation_names_what_may_be_in_the_way() -> None:
    assert "allow-passthrough" in explanation(Way.OSC9, {"TMUX": "x"})
    assert "Over SSH" in explanation(Way.AUTO, {"SSH_TTY": "/dev/pts/1"})
    assert "found by itself" in explanation(Way.AUTO, {})
    assert "setting" in explanation(Way.BELL, {})
