"""Recent files and chosen keys outlive the session; folders are listed whatever is in them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tui.domain.errors import AppError
from tui.domain.files.pairs import Keys, Role
from tui.services.dataset.file_memory import FileMemory
from tui.services.pool import DaemonPool
from tui.services.store import Store

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def memory(tmp_path: Path) -> FileMemory:
    clock = Clock()
    return FileMemory(Store(tmp_path / "state" / "app.db", now=clock), DaemonPool(2), now=clock)


async def test_the_files_opened_last_come_first_and_few_are_kept(memory: FileMemory, tmp_path: Path) -> None:
    (tmp_path / "5.json").write_text("[]")
    for number in range(50):
        await memory.opened(tmp_path / f"{number}.json", Role.TRAIN)
    await memory.opened(tmp_path / "5.json", Role.EVAL)
    await memory.opened(tmp_path / "20.json", Role.VALIDATION)
    found = await memory.recent()
    assert len(found) == 40
    assert [(r.path.name, r.role, r.there) for r in found[:3]] == [
        ("20.json", "validation", False),
        ("5.json", "eval", True),
        ("49.json", "train", False),
    ]
    assert await memory.role(tmp_path / "5.json") is Role.EVAL
    assert await memory.role(tmp_path / "0.json") is None


async def test_keys_are_known_by_file_and_by_shape(memory: FileMemory, tmp_path: Path) -> None:
    keys = Keys("left", "right", heading=False)
    await memory.choose(tmp_path / "a.csv", keys, ["left", "right", "note"])
    assert await memory.keys(tmp_path / "a.csv") == keys
    assert await memory.keys(tmp_path / "b.csv") is None
    assert await memory.keys(tmp_path / "b.csv", ["note", "right", "left"]) == keys
    assert await memory.keys(tmp_path / "b.csv", ["left", "right"]) is None


async def test_names_that_no_text_can_hold(memory: FileMemory, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.json"))
    odd.write_text("[]")
    await memory.opened(odd, Role.TRAIN)
    other = odd.with_name(os.fsdecode(b"\xfe\xfe.json"))
    await memory.set_system([other], "Be kind.")
    assert [(recent.path, recent.there) for recent in await memory.recent()] == [(odd, True)]
    assert await memory.role(odd) is Role.TRAIN
    assert (await memory.role(other), await memory.system(odd)) == (None, None)
    assert await memory.system(other) == "Be kind."
    assert [entry.name for entry in await memory.folder(tmp_path)][-1] == odd.name


async def test_a_folder_is_listed_with_what_leads_nowhere(memory: FileMemory, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.json").write_text("[]")
    (folder / "loop").symlink_to(folder / "loop")
    os.utime(folder / "b.json", (-(10**10), -(10**10)))
    found = await memory.folder(folder)
    assert [(e.name, e.folder) for e in found] == [("sub", True), ("b.json", False), ("loop", False)]
    for bad in (folder / "none", folder / "b.json", Path("a\0b")):
        with pytest.raises(AppError, match="cannot be listed"):
            await memory.folder(bad)
