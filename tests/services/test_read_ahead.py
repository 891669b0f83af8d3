"""The file that the app is started for, read before there is an app."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tui.services.dataset import read_ahead
from tui.services.dataset.datasets import read_file
from tui.services.dataset.read_ahead import ReadAhead

PAIR = b'{"question": "Where is it?", "answer": "At gate 7."}\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(read_ahead, "WORTHWHILE", 100)
    path = tmp_path / "many.jsonl"
    path.write_bytes(PAIR * 10)
    return path


def begun(path: Path) -> ReadAhead:
    ahead = ReadAhead()
    ahead.begin(path)
    return ahead


def test_its_bytes_are_given_away_once(path: Path) -> None:
    ahead = begun(path)
    assert ahead.take(os.stat(path)) == PAIR * 10
    assert ahead.take(os.stat(path)) is None
    assert ReadAhead().take(os.stat(path)) is None


def _written(path: Path) -> None:
    path.write_bytes(PAIR * 9)


def _touched(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def _replaced(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(PAIR * 10)
    os.replace(other, path)


@pytest.mark.parametrize("change", [_written, _touched, _replaced])
def test_what_was_written_since_is_read_anew(path: Path, change: Callable[[Path], None]) -> None:
    ahead = begun(path)
    assert ahead._thread is not None
    ahead._thread.join()
    change(path)
    assert ahead.take(os.stat(path)) is None


def test_what_is_not_worth_it_or_no_plain_file_is_left(path: Path, tmp_path: Path) -> None:
    small, pipe = tmp_path / "small.jsonl", tmp_path / "pipe"
    small.write_bytes(PAIR)
    os.mkfifo(pipe)
    for other in (small, pipe, tmp_path, tmp_path / "missing", Path("\0")):
        assert begun(other).take(os.stat(path)) is None


def test_the_app_opens_the_file_with_what_was_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = begun(path)
    monkeypatch.setattr("tui.services.dataset.datasets.ahead", ahead)
    assert ahead._thread is not None
    ahead._thread.join()
    known = ahead._data
    assert read_file(path)[0] is known
    again = read_file(path)[0]
    assert again == known
    assert again is not known
