"""Histograms: nothing that is there is drawn as nothing, and labels never run into each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset.statistics import Bins, bins
from tui.widgets.histogram import axis, bars


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=100), st.integers(1, 12), st.booleans())
def test_every_bin_with_values_has_a_bar(values: list[int], height: int, ascii: bool) -> None:
    found = bins(values, 20)
    lines = bars(found, height, ascii=ascii)
    assert len(lines) == height
    assert all(len(line) == 2 * len(found.counts) for line in lines)
    for number, count in enumerate(found.counts):
        assert (lines[-1][2 * number] != " ") == bool(count)
    assert all(line.isascii() for line in lines) or not ascii
    highest = found.counts.index(max(found.counts))
    assert lines[0][2 * highest] == ("#" if ascii else "█")


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=60), st.integers(4, 60))
def test_labels_stand_apart_below_their_bins(values: list[int], width: int) -> None:
    found = bins(values, max(2, width // 2))
    line = axis(found, width)
    assert len(line) <= width
    for label in line.split():
        number = int(label.rstrip("+").replace(",", "")) // found.width
        assert line.startswith(label, 2 * number)


@pytest.mark.parametrize(("counts", "text"), [((), ""), ((3,), "0"), ((1, 2, 3), "0   100")])
def test_few_bins(counts: tuple[int, ...], text: str) -> None:
    assert axis(Bins(50, counts, False), 20) == text
    assert bars(Bins(50, (), False), 2) == ["", ""]
