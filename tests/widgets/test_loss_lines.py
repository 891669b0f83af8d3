"""Lines and tables below the loss chart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from tests.domain.loss_runs import curves
from tui.domain.loss.report import LossRun
from tui.widgets.loss_lines import compare_table

NAMES = ("claude-3-haiku-1122-210444", "claude-3-haiku-1122-205725", "実験その三・学習率を変えたもの", "d", "e" * 60)


def runs(number: int) -> list[LossRun]:
    found = [curves([2.9 - n / 10, 2.2 - n / 10]) for n in range(number)]
    return [LossRun(name, replace(one, name=name)) for one, name in zip(found, NAMES, strict=False)]


@pytest.mark.parametrize("width", [56, 77, 117, 197])
@pytest.mark.parametrize("number", [2, 3, 5])
def test_a_comparison_keeps_to_the_window_and_loses_no_run(number: int, width: int) -> None:
    compared = runs(number)
    letters = "abcde"[:number]
    lines = compare_table(compared, letters, width)
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    for n, letter in enumerate(letters):
        # A beginning that they share is the first to go.
        assert f"{letter} {NAMES[n][:6]}" in text or f"{letter} …{NAMES[n][20:]}" in text
        assert f"{2.2 - n / 10:.4f} (epoch 2)" in text


def test_runs_without_room_beside_the_others_stand_below_with_the_same_rows() -> None:
    lines = compare_table(runs(5), "abcde", 77)
    blocks = "\n".join(lines).split("\n\n")
    labels = [[line[:16].strip() for line in block.splitlines()[1:]] for block in blocks]
    assert len(blocks) > 1
    assert all(one == labels[0] for one in labels)


def test_what_all_names_begin_with_goes_first() -> None:
    assert "a …210444" in compare_table(runs(2), "ab", 56)[0]
    assert "a claude-3-haiku-" in compare_table(runs(3), "abc", 56)[0]


def test_in_a_wide_window_all_stand_side_by_side_in_full() -> None:
    lines = compare_table(runs(3), "abc", 197)
    assert all(f"{letter} {name}" in lines[0] for letter, name in zip("abc", NAMES, strict=False))
