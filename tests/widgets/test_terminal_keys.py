"""What a terminal sends, as keys: an escape is never lost to the key behind it."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from textual import constants
from textual.events import Key, Paste

from tui.terminal import KeyParser


def keys_of(sent: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that are read of what arrives together."""
    monkeypatch.setattr(constants, "ESCAPE_DELAY", 0.0)
    parser = KeyParser()
    read = list(parser.feed(sent))
    read += parser.tick()
    return [event.key for event in read if isinstance(event, Key)]


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("\x1b\r", ["escape", "enter"]),
        ("\x1b3", ["escape", "3"]),
        ("\x1bj", ["escape", "j"]),
        ("\x1bJ", ["escape", "J"]),
        ("\x1b/lamp", ["escape", "slash", *"lamp"]),
        ("\x1b q", ["escape", "space", "q"]),
        ("\x1b日", ["escape", "日"]),
        ("\x1b\x1b:", ["escape", "escape", "colon"]),
        ("\x1b\t", ["escape", "tab"]),
        ("\x1b\x13", ["escape", "ctrl+s"]),
        ("\x1b", ["escape"]),
        ("\x1b[A", ["up"]),
        ("\x1bOB", ["down"]),
        ("\x1b[1;5C", ["ctrl+right"]),
        ("\x1bf", ["ctrl+right"]),
        ("\x1bb", ["ctrl+left"]),
        ("\x1b\x7f", ["ctrl+w"]),
        ("\x1b[98;3u", ["alt+b"]),
        ("j\x1b[Bk", ["j", "down", "k"]),
        ("\x1bP", ["escape", "P"]),
        ("\x1b]\x1b[", ["escape", "right_square_bracket", "escape", "left_square_bracket"]),
        ("\x1b[\x1b[Bk", ["escape", "left_square_bracket", "down", "k"]),
        ("\x1b^\x1b", ["escape", "circumflex_accent", "escape"]),
        ("\x1bX" + "d" * 40 + "\x1b", ["escape", "X", *"d" * 40, "escape"]),
        ("a\x1b]11;rgb:1e1e/dddd/cccc\x1b\\b", ["a", "b"]),
        ("a\x1b]52;c;ZGRk\x07b", ["a", "b"]),
        ("\x1b[?62;4;22c\x1b[>1;4000;20cj", ["j"]),
        ("\x1bP>|tmux 3.3a\x1b\\\x1bP1+r544e=787465726d\x1b\\j", ["j"]),
        ("\x1b[?1u\x1b[0n\x1b[8;24;80tj", ["j"]),
    ],
)
def test_keys_of_what_a_terminal_sends(sent: str, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys_of(sent, monkeypatch) == keys


def test_an_answer_that_comes_in_halves_is_no_typing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(constants, "ESCAPE_DELAY", 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    parser = KeyParser()

    def keys(*sent: str) -> list[str]:
        events = [event for text in sent for event in (*parser.feed(text), *parser.tick())]
        return [event.key for event in events if isinstance(event, Key)]

    assert keys("j\x1b]11;rgb:dd", "dd/dddd/dd", "dd\x1b", "\\k") == ["j", "k"]
    assert keys("\x1bP>|dd") == []
    now += 2
    assert [*parser.tick()] == []
    assert keys("k") == ["k"]
    assert keys("\x1b[?") == []
    now += 2
    assert [event.key for event in parser.tick() if isinstance(event, Key)] == [
        "escape",
        "left_square_bracket",
        "question_mark",
    ]


def test_reports_that_textual_asked_for_reach_it() -> None:
    parser = KeyParser()
    found = [*parser.feed("\x1b[?2026;2"), *parser.feed("$y\x1b[5;7R\x1b[200~dd\x1b[201~")]
    assert [type(event).__name__ for event in found] == [
        "TerminalSupportsSynchronizedOutput",
        "CursorPosition",
        "Paste",
    ]
    assert isinstance(found[-1], Paste)
    assert found[-1].text == "dd"


@pytest.mark.parametrize("cuts", [(), (3,), (9, 11), (-3,), (5, -2), (-6, -5, -4, -3, -2, -1)])
def test_what_is_pasted_with_escapes_in_it_does_not_act(cuts: tuple[int, ...]) -> None:
    sent, parser = "j\x1b[200~one\x1b[31m\ntwo \x1bX\x1b]0;t\x1b[201~k", KeyParser()
    places = [0, *(cut % len(sent) for cut in cuts), len(sent)]
    pieces = [sent[a:b] for a, b in pairwise(places)]
    found = [event for piece in pieces for event in (*parser.feed(piece), *parser.tick())]
    assert [e.text if isinstance(e, Paste) else e.key for e in found if isinstance(e, Key | Paste)] == [
        "j",
        "one[31m\ntwo X]0;t",
        "k",
    ]
