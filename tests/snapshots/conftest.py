"""A walk whose chances are fixed, and a photographer who waits until the screen is as wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests.harness import Walk, begin_empty, fixed_chances
from tests.sandbox.conftest import Scene
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.paths import Paths


class Compare(Protocol):
    """pytest-textual-snapshot's own comparison."""

    def __call__(
        self,
        app: App[None],
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], Awaitable[None]],
    ) -> bool: ...


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    begin_empty()
    clock = ManualClock()
    with fixed_chances(), Sandbox(clock=clock) as sandbox:
        sandbox.reset()
        yield Walk(sandbox, clock, Paths.under(tmp_path))


@pytest.fixture
def scene(walk: Walk) -> Scene:
    """AWS's side of the same sandbox."""
    return Scene(walk.sandbox, walk.clock)
