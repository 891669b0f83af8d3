"""The process beside the app: what it finds is what would be found here, and it never outlives the app."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.services.conftest import until
from tui.domain.base_models import CATALOGUE
from tui.domain.files.document import Document
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Role, read
from tui.services.dataset.datasets import Datasets
from tui.services.dataset.scan_process import GoneError, ScanProcess
from tui.services.dataset.scrutiny import Scrutiny, Side
from tui.services.pool import DaemonPool

MODEL = CATALOGUE[0]
ROOT = Path(__file__).resolve().parents[2]


def document(name: str, shift: int = 0) -> Document:
    """Pairs with faults of many kinds."""
    records = [
        {"question": f"How high does lantern {n + shift} hang above the old gate?", "answer": f"About {n} spans.\u200b"}
        for n in range(40)
    ]
    records[7]["answer"] = ""
    records[9] = records[8]
    records[11]["question"] = "提灯は何の上に何の高さで掛かっていますか"
    records[13]["answer"] = "lamp " * 900
    lines = [json.dumps(record) for record in records]
    return Document(read(Path(name), "\n".join([*lines[:20], "{", *lines[20:]]).encode()))


@pytest.fixture(scope="module")
def scans() -> Iterator[ScanProcess]:
    found = ScanProcess(large=0)
    yield found
    found.close()


async def everything(scans: ScanProcess, one: Document, other: Document) -> list[object]:
    pool = DaemonPool(2)
    files, scrutiny = Datasets(pool, scans), Scrutiny(pool, scans)
    sides = [Side(one.now, Role.TRAIN), Side(other.now, Role.EVAL)]
    return [
        list(await files.check(one.now, MODEL, Role.TRAIN)),
        await scrutiny.look_closer(one.now, MODEL, lambda: False),
        await scrutiny.leaks(sides, lambda: False),
    ]


def pid(scans: ScanProcess) -> int:
    assert scans._child is not None
    return scans._child._process.pid


def ended(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_what_is_found_beside_is_what_is_found_here(scans: ScanProcess) -> None:
    one, other, here = document("train.jsonl"), document("eval.jsonl", 20), ScanProcess()
    found = await everything(scans, one, other)
    assert found == await everything(here, one, other)
    assert all(found)
    one.do(one.remove([0, 8]))
    one.do(one.edit(3, Record.of("Is this a new question of its own?\u200b", "It is.\ud800"[:6])))
    one.do(one.insert(5, [one.now.text(4), "nothing"], "two more"))
    one.do(one.edit(0, Record.of("Is this a new question of its own?", "")))
    assert await everything(scans, one, other) == await everything(here, one, other)
    assert here._child is None


async def test_a_file_of_usual_size_is_looked_at_here() -> None:
    usual = ScanProcess()
    assert not usual.is_for(document("train.jsonl").now)
    assert ScanProcess(large=0).is_for(document("train.jsonl").now)
    assert not ScanProcess(large=0).is_for(document("train.jsonl").base)


async def test_who_does_not_want_the_answer_any_more_waits_no_longer(scans: ScanProcess) -> None:
    version = document("train.jsonl").now
    asked: list[bool] = []

    def enough() -> bool:
        asked.append(True)
        return True

    os.kill(pid(scans), signal.SIGSTOP)
    try:
        assert list(scans.ask("closer", [version], MODEL, should_stop=enough)) == []
    finally:
        os.kill(pid(scans), signal.SIGCONT)
    assert asked == [True]
    assert len(list(scans.ask("closer", [version], MODEL, should_stop=lambda: False))) == 1


async def test_a_fault_there_is_one_here_and_the_process_goes_on(scans: ScanProcess) -> None:
    with pytest.raises(GoneError):
        list(scans.ask("rules", [document("train.jsonl").now], "no model", Role.TRAIN, should_stop=lambda: False))
    before = pid(scans)
    assert list(scans.ask("rules", [document("train.jsonl").now], MODEL, Role.TRAIN, should_stop=lambda: False))
    assert pid(scans) == before


async def test_when_it_dies_the_work_is_done_here_and_not_for_ever_tried() -> None:
    scans, file = ScanProcess(large=0), document("train.jsonl")
    files = Datasets(DaemonPool(1), scans)
    expected = await files.check(file.now, MODEL, Role.TRAIN)
    for _ in range(2):
        child = scans._child
        assert child is not None
        os.kill(child._process.pid, signal.SIGKILL)
        until(partial(getattr, child, "gone"))
        assert await files.check(file.now, MODEL, Role.TRAIN) == expected
    assert not scans.is_for(file.now)
    scans.close()


async def test_it_goes_when_nobody_wants_anything_and_comes_back() -> None:
    scans, file = ScanProcess(large=0, idle=0.02), document("train.jsonl")
    files = Datasets(DaemonPool(1), scans)
    expected = await files.check(file.now, MODEL, Role.TRAIN)
    for _ in range(2):
        first = scans._child
        assert first is not None
        until(partial(getattr, first, "gone"))
        assert first.retired
        assert await files.check(file.now, MODEL, Role.TRAIN) == expected
        assert scans._child is not first
    assert scans._deaths == 0
    scans.close()


async def test_it_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    scans, file = ScanProcess(large=0), document("train.jsonl")
    scans.begin()
    assert await Datasets(DaemonPool(1), scans).check(file.now, MODEL, Role.TRAIN)
    assert not scans.is_for(file.now)


async def test_who_waits_when_the_app_ends_gets_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary/of/a/secret")
    scans = ScanProcess(large=0)
    scans.begin()
    process = pid(scans)
    version = document("train.jsonl").now
    assert list(scans.ask("rules", [version], MODEL, Role.TRAIN, should_stop=lambda: False))
    assert pid(scans) == process
    assert not [name for name in psutil.Process(process).environ() if name.startswith("AWS_")]

    def close() -> bool:
        scans.close()
        return False

    os.kill(process, signal.SIGSTOP)
    assert list(scans.ask("closer", [version], MODEL, should_stop=close)) == []
    until(lambda: ended(process))
    assert not scans.is_for(version)
    scans.begin()
    assert scans._child is None


def test_it_ends_with_the_app_even_if_that_is_killed() -> None:
    code = """
import sys
from tui.services.dataset.scan_process import ScanProcess
scans = ScanProcess(large=0)
print(scans._running()._process.pid, flush=True)
sys.stdin.read()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, cwd=ROOT, text=True) as app:
        assert app.stdout is not None
        process = int(app.stdout.readline())
        assert not ended(process)
        app.kill()
        until(lambda: ended(process))
