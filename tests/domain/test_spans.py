"""Lines found many at a time are those found one by one."""

from __future__ import annotations

import random

import pytest

from tui.domain.files import spans


def one_by_one(data: bytes) -> tuple[list[int], tuple[int, ...]]:
    found, blank, start = list[int](), list[int](), 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip(b" \t\r"):
            found += (start, start + len(line))
        elif start < len(data):
            blank.append(number)
        start += len(line) + 1
    return found, tuple(blank)


@pytest.mark.parametrize("some", [1, 2, 3, 4000])
def test_lines_and_blank_lines(monkeypatch: pytest.MonkeyPatch, some: int) -> None:
    monkeypatch.setattr(spans, "_SOME", some)
    dice = random.Random(some)
    for _ in range(1500):
        data = bytes(dice.choice(b'a{ \n\n\t\r"\x0b\x01') for _ in range(dice.randrange(24)))
        found, blank = spans.line_spans(data)
        assert (list(found), blank) == one_by_one(data), data


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b'{"a": 1}\n{"a": 2}\n', True),
        (b'\r\n {"a": 1}\r\n{"a": 2', True),
        (b'{"a": 1}\n', False),
        (b'{"a": 1}\n \r\n\n', False),
        (b'{\n"a": 1}\n', False),
        (b'{"a": [\n{"b": 1}\n]}', False),
        (b'["a"]\n{"a": 1}\n', False),
    ],
)
def test_an_object_on_the_first_line_with_something_behind_it(data: bytes, lines: bool) -> None:
    assert spans.begins_with_a_record(data) is lines
