"""The real process on a terminal: signals, the way out, odd bytes, odd terminals, faults of its own."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.drivers import linux_driver

from tests.journeys.terminal import Terminal, restored
from tui.app import TanzakuApp
from tui.terminal import KeyParser, TerminalInput

OFFLINE = "No AWS Region is set"


@pytest.fixture
def silent() -> Iterator[str]:
    """An endpoint that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    with Terminal([], tmp_path) as terminal:
        terminal.sees(OFFLINE)
        terminal.signal(number)
        assert terminal.ended() == 128 + number
        assert restored(terminal.written)


def test_a_closed_terminal_leaves_no_orphan(tmp_path: Path) -> None:
    """Not even where no signal tells of it, since the terminal is not the session's own."""
    with Terminal([], tmp_path) as terminal:
        terminal.sees(OFFLINE)
        terminal.close()
        assert terminal.ended() == 129


def test_quitting_does_not_wait_for_an_endpoint_that_hangs(tmp_path: Path, silent: str) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-west-2"}
    with Terminal([], tmp_path, environment={"AWS_ENDPOINT_URL": silent, **keys}) as terminal:
        terminal.sees("LIVE", "o open")
        process = psutil.Process(terminal.process.pid)
        terminal.until(lambda: any(c.raddr for c in process.net_connections()), "a call in flight")
        began = time.monotonic()
        terminal.send("q")
        assert terminal.ended() == 0
        assert time.monotonic() - began < 5  # a call is given up after twenty seconds
        assert restored(terminal.written)


def test_ctrl_q_quits_from_a_field(tmp_path: Path) -> None:
    with Terminal([], tmp_path) as terminal:
        terminal.sees(OFFLINE)
        terminal.send("4")
        terminal.sees("ask both")
        terminal.send("ctrl+q")
        assert terminal.ended() == 0


def test_what_another_program_wrote_is_painted_over(tmp_path: Path) -> None:
    with Terminal([], tmp_path) as terminal:
        terminal.sees(OFFLINE)
        terminal.scribble("Broadcast message from root: lunch")
        terminal.send("j")
        assert terminal.shows("lunch")
        terminal.send("ctrl+l")
        terminal.until(lambda: not terminal.shows("lunch"), "the window painted again")
        assert terminal.shows("1 Dataset")
        for rows in (3, 24):  # there and back at once: what stood below the third line is lost
            terminal.resize(80, rows)
            terminal.signal(signal.SIGWINCH)
        terminal.sees(OFFLINE)


def test_bytes_that_are_not_utf_8_are_no_end(tmp_path: Path) -> None:
    with Terminal([], tmp_path) as terminal:
        terminal.sees(OFFLINE)
        terminal.send("4")
        terminal.sees("ask both")
        os.write(terminal.master, b"caf\xe9 \xff\xfe\x80 na\xc3\xafve")
        terminal.sees("caf", "naïve")
        terminal.send("ctrl+q")
        terminal.sees("The question in the prompt was not sent.")
        terminal.send("ctrl+q")
        assert terminal.ended() == 0


def test_the_driver_still_decodes_where_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's driver takes its decoder from a name in its module; should that go, so must the mending."""
    monkeypatch.setattr(linux_driver, "getincrementaldecoder", None)
    monkeypatch.setattr(linux_driver, "XTermParser", None)
    TanzakuApp.get_driver_class(TanzakuApp.__new__(TanzakuApp))
    assert vars(linux_driver)["getincrementaldecoder"]("utf-8") is TerminalInput
    assert "getincrementaldecoder" in linux_driver.LinuxDriver.run_input_thread.__code__.co_names
    assert vars(linux_driver)["XTermParser"] is KeyParser
    assert "XTermParser" in linux_driver.LinuxDriver.run_input_thread.__code__.co_names
    decode = TerminalInput().decode
    assert decode(b"a\xff\xe3\x81") + decode(b"\x82") == "a\ufffdあ"


def test_a_frame_is_written_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's driver hands each piece to a thread, which takes the interpreter from what draws the next."""
    pieces: list[str] = []
    monkeypatch.setattr(linux_driver.LinuxDriver, "write", lambda _, data: pieces.append(data))
    driver = object.__new__(TanzakuApp.get_driver_class(TanzakuApp.__new__(TanzakuApp)))
    for data in ("\x1b[?25l", SYNC_START, "a line", "another", SYNC_END, "\x07"):
        driver.write(data)
    assert pieces == ["\x1b[?25l", f"{SYNC_START}a lineanother{SYNC_END}", "\x07"]


def test_stopped_and_continued_it_paints_again(tmp_path: Path) -> None:
    with Terminal([], tmp_path) as terminal:
        terminal.sees(OFFLINE)
        stopped = len(terminal.written)
        terminal.signal(signal.SIGTSTP)
        terminal.until(lambda: b"\x1b[?1049l" in terminal.written[stopped:], "the shell's screen")
        until_stopped(terminal)
        again = len(terminal.written)
        terminal.signal(signal.SIGCONT)
        terminal.until(lambda: b"\x1b[?1049h" in terminal.written[again:], "the app's screen")
        terminal.until(lambda: b"Dataset" in terminal.written[again:], "a repaint")
        terminal.until(lambda: b"No AWS Region" in terminal.written[again:], "the whole repaint")
        terminal.scribble("Broadcast message from root: lunch")
        before = len(terminal.written)
        terminal.signal(signal.SIGSTOP)  # nobody is asked whether it suits
        until_stopped(terminal)
        terminal.signal(signal.SIGCONT)
        terminal.until(lambda: not terminal.shows("lunch"), "the window painted again")
        written = terminal.written[before:]
        assert written.index(b"\x1b[?1049l") < written.index(b"\x1b[?1049h"), "a second thread reads keys"
        terminal.send("q")
        assert terminal.ended() == 0


def until_stopped(terminal: Terminal) -> None:
    process = psutil.Process(terminal.process.pid)
    terminal.until(lambda: process.status() == psutil.STATUS_STOPPED, "the process to be stopped")


@pytest.mark.parametrize(
    "environment",
    [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "linux"}, {"TERM": ""}, {"LANG": "C", "LC_ALL": "C"}],
    ids=str,
)
def test_it_starts_on_odd_terminals(tmp_path: Path, environment: dict[str, str]) -> None:
    with Terminal([], tmp_path, environment=environment) as terminal:
        terminal.sees("[1 Dataset]", OFFLINE)
        terminal.send("q")
        assert terminal.ended() == 0
        assert restored(terminal.written)


@pytest.mark.parametrize(
    "environment",
    [{"TERM": "dumb"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["dumb", "without a locale"],
)
def test_what_the_environment_says_of_the_terminal_does_not_spoil_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with Terminal(["--sandbox"], tmp_path, environment=environment) as terminal:
        terminal.sees("短冊 tanzaku", "123456789012")
        terminal.sees("…", "≈tok")
        terminal.send("2")
        terminal.sees("[2 Jobs]")
        terminal.send("q")
        assert terminal.ended() == 0


CRASH = """
import sys
import tui.screens.main as main
def fails(self):
    aws_secret_access_key = "canary/of/a/secret"
    raise RuntimeError("\\x1b[31mon purpose")
async def fails_later(self):
    fails(self)
main.MainScreen.{name} = {function}
from tui.__main__ import main
sys.exit(main([]))
"""


@pytest.mark.parametrize(("name", "function"), [("action_refresh", "fails"), ("_identify", "fails_later")])
def test_a_fault_of_its_own_shows_no_secrets(tmp_path: Path, name: str, function: str) -> None:
    script = CRASH.format(name=name, function=function)
    no_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with Terminal([], tmp_path, environment=no_locale, program=("-c", script)) as terminal:
        if name == "action_refresh":
            terminal.sees(OFFLINE)
            terminal.send("r")
        assert terminal.ended() == 70
        assert restored(terminal.written)
        assert b"stopped at a fault of its own" in terminal.written
        assert b"canary" not in terminal.written
        assert b"\x1b[31mon purpose" not in terminal.written
    report = tmp_path / ".local/state/tanzaku/crash.txt"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text("utf-8")
    assert "RuntimeError: ␛[31mon purpose" in text
    assert "fails" in text
    assert "canary" not in text.replace('aws_secret_access_key = "canary', "")
