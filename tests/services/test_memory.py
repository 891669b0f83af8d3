"""Free memory goes back to the system where that can be asked for, and nowhere does asking fail."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from tui.services.memory import give_back


def test_it_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Library:
        malloc_trim = asked.append

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library)
    give_back()
    assert asked == [0]


@pytest.mark.parametrize("refused", [OSError("none"), TypeError("a name is needed"), None])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, refused: Exception | None) -> None:
    opened: list[Any] = []

    def library(name: object) -> object:
        opened.append(name)
        if refused is not None:
            raise refused
        return object()

    monkeypatch.setattr(ctypes, "CDLL", library)
    give_back()
    assert opened == [None]
