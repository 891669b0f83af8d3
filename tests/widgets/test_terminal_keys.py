"""What a terminal sends, as keys: an escape is never lost to the key behind it."""

from __future__ import annotations

import pytest
from textual import constants
from textual.events import Key

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
    ],
)
def test_keys_of_what_a_terminal_sends(sent: str, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys_of(sent, monkeypatch) == keys
