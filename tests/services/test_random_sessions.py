"""Three hundred random editing sessions end with files that equal a plain list of what was done.

More of them: `TANZAKU_SESSIONS=5000 python -m pytest -n 2 tests/services/test_random_sessions.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.services.sessions import Session

_ALL = int(os.environ.get("TANZAKU_SESSIONS", "300"))
_BLOCK = 25


@pytest.mark.parametrize("first", range(0, _ALL, _BLOCK))
async def test_the_files_equal_the_model(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + _BLOCK):
        folder = tmp_path / str(seed)
        folder.mkdir()
        await Session(seed, folder).run()
