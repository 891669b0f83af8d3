"""A walk through the whole app, over a sandbox whose clock is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Walk as Walk
from tests.harness import begin_empty, same_answers
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.paths import Paths


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    begin_empty()
    clock = ManualClock()
    with same_answers(), Sandbox(clock=clock) as sandbox:
        sandbox.reset()
        yield Walk(sandbox, clock, Paths.under(tmp_path))
