"""One go in the real program: however it ends, and wherever it stands then, nothing is left behind that bills."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.terminal import Terminal
from tests.sandbox.conftest import PAIRS, Scene
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox

NAME = "claude-3-haiku"


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
    """Whether each purchase has ended, after the app is gone."""
    with Sandbox(clock=ManualClock(), state=state_of(home)) as sandbox:
        return [line.ended is not None for line in sandbox.books()]


def begun(terminal: Terminal) -> None:
    terminal.sees("eval.json", "123456789012")
    terminal.send("2")
    terminal.sees("lantern-keeper")
    terminal.send("B")
    terminal.sees("yet to be bought")
    terminal.send("ctrl+s")
    terminal.sees("Buy, evaluate, delete?")
    terminal.send(*NAME)
    terminal.send("enter")
    terminal.sees("waiting until it serves")


def hang_up(terminal: Terminal) -> int:
    terminal.close()
    return terminal.ended()


def told_to_end(terminal: Terminal) -> int:
    terminal.signal(signal.SIGTERM)
    return terminal.ended()


def quit_twice(terminal: Terminal) -> int:
    terminal.send("ctrl+q", "ctrl+q")
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
