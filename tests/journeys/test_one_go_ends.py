"""One go in the real program: however it ends, and wherever it stands then, nothing is left behind that bills."""

from __future__ import annotations

import fcntl
import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.journeys.terminal import Terminal
from tests.sandbox.conftest import PAIRS, Scene
from tests.services.conftest import until
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox

NAME = "claude-3-haiku"
QUESTION = ("Buy, evaluate, delete?", *NAME, "enter")


def state_of(home: Path) -> Path:
    return home / ".local/state/tanzaku/sandbox/world"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A world with a custom model that nothing answers for."""
    home, clock = tmp_path / "home", ManualClock()
    home.mkdir()
    with Sandbox(clock=clock, state=state_of(home)) as sandbox:
        scene = Scene(sandbox, clock)
        scene.bucket()
        scene.model()
    return home


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "eval.json"
    path.write_text(json.dumps([{"question": q, "answer": a} for q, a in PAIRS[:6]]))
    return path


def bought(home: Path) -> list[bool]:
    """Whether each purchase has ended, after the app is gone; its sandbox may take a moment longer."""
    until(lambda: free(state_of(home)))
    with Sandbox(clock=ManualClock(), state=state_of(home)) as sandbox:
        return [line.ended is not None for line in sandbox.books()]


def free(state: Path) -> bool:
    """Whether nobody has this world open."""
    with (state / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def begun(terminal: Terminal) -> None:
    terminal.sees("eval.json", "123456789012")
    terminal.send("2")
    terminal.sees("lantern-keeper")
    terminal.send("B")
    terminal.sees("yet to be bought")
    terminal.send("ctrl+s")
    terminal.agree(*QUESTION)
    terminal.sees("waiting until it serves")


def hang_up(terminal: Terminal) -> int:
    terminal.close()
    return terminal.ended()


def told_to_end(terminal: Terminal) -> int:
    terminal.signal(signal.SIGTERM)
    return terminal.ended()


def quit_twice(terminal: Terminal) -> int:
    terminal.send("ctrl+q")
    terminal.agree("Quit tanzaku?", "ctrl+q", until=lambda: terminal.process.poll() is not None)
    return terminal.ended()


WAYS: list[Callable[[Terminal], int]] = [hang_up, told_to_end, quit_twice]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_however_the_app_ends_the_endpoint_is_deleted(
    home: Path, questions: Path, way: Callable[[Terminal], int]
) -> None:
    with Terminal(["--sandbox", "--sandbox-speed", "1", str(questions)], home, size=(100, 40)) as terminal:
        begun(terminal)
        way(terminal)
    assert bought(home) == [True]


def test_killed_while_it_buys_it_is_bought_once_or_not_at_all_and_deleted(home: Path, questions: Path) -> None:
    """kill -9 as soon as the order is written down; the next start looks for it and ends it."""
    arguments = ["--sandbox", "--sandbox-speed", "1", str(questions)]
    with Terminal(arguments, home, size=(100, 40)) as terminal:
        terminal.sees("eval.json", "123456789012")
        terminal.send("2")
        terminal.sees("lantern-keeper")
        terminal.send("B")
        terminal.sees("yet to be bought")
        terminal.send("ctrl+s")
        terminal.agree(*QUESTION, until=lambda: orders(home) == 1)
        terminal.signal(signal.SIGKILL)
        terminal.ended()
    purchases = len(bought(home))
    with Terminal(arguments, home, size=(100, 40)) as terminal:
        terminal.sees(f"{NAME}: interrupted while")
        terminal.send("2")
        terminal.sees("lantern-keeper")
        terminal.send("B")
        terminal.sees("end it and delete the endpoint")
        terminal.send("j", "enter")
        terminal.until(
            lambda: any(terminal.shows(word) for word in ("Given up", "is deleted", "is not known yet")),
            "an answer",
        )
        terminal.send("ctrl+q", "ctrl+q")
        assert terminal.ended() == 0
    assert bought(home) == [True] * purchases


def orders(home: Path) -> int:
    """How many were ever written down."""
    path = home / ".local/state/tanzaku/sandbox/tanzaku.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as store:
        if not store.execute("SELECT 1 FROM sqlite_master WHERE name='one_go'").fetchone():
            return 0
        return int(store.execute("SELECT count(*) FROM one_go").fetchone()[0])
