"""The hostile corpus in the real program: no control byte of a file or a file's name reaches the terminal."""

from __future__ import annotations

from pathlib import Path

from tests.hostile import corpus
from tests.journeys.terminal import Terminal

FORBIDDEN = ["\x1b]52;c;QUFB", "\x1b]0;owned", "\x9b31m", "\u202e", "\u2066", "\u200b", "\x7f"]
_NAMES = ("\x1b", "new", "[", "\u202e", "\x9b")


def test_no_control_byte_of_the_corpus_reaches_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    wanted = ("needle", "wild", "ragged", "deep", "lone", "nul", "raw", "book", "half", *_NAMES)
    paths = [p for p in corpus(folder) if p.name.startswith(wanted)]
    assert len(paths) > 25
    with Terminal([str(path) for path in paths], tmp_path) as terminal:
        # The status line tells of each refused file in turn: what AWS says comes after many seconds.
        terminal.until(lambda: terminal.shows("no Region") or terminal.shows("which key"), "the start")
        while not terminal.shows(f"/{_opened(terminal)})") or terminal.shows("which key"):
            if terminal.shows("which key"):
                terminal.send("escape")
            terminal.until(lambda: not terminal.shows("which key") or terminal.process.poll() is not None, "an answer")
        for _ in range(_opened(terminal)):
            terminal.send("f", "j", "G", "g")
        terminal.send("o")
        terminal.sees("Open a file of pairs")
        terminal.send(f"{folder}/")
        terminal.sees("bad-roles")
        terminal.send("escape")
        terminal.until(lambda: not terminal.shows("Open a file of pairs"), "the list")
        terminal.send("q")
        assert terminal.ended() == 0
        written = terminal.written
    assert [needle for needle in FORBIDDEN if needle.encode() in written] == []
    assert b"\0" not in written


def _opened(terminal: Terminal) -> int:
    """How many files are open: told behind the name of the shown one."""
    text = terminal.text.split("/", 1)
    digits = "".join(ch for ch in text[1][:3] if ch.isdecimal()) if len(text) > 1 else ""
    return int(digits or 0)
