"""Statistics of files: nothing is lost in a histogram, and the extremes are the extremes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset.statistics import FileStatistics, Gatherer, Measure, bins, quantile, script_text
from tui.domain.files.formats import Record, Turn
from tui.domain.files.pairs import Damaged
from tui.domain.tokens import Counter, Script


def gathered(records: list[Record | Damaged], system: str = "") -> FileStatistics:
    gatherer = Gatherer(Counter(), system)
    for record in records:
        gatherer.add(record)
    return gatherer.result()


@given(st.lists(st.integers(0, 100_000), max_size=300), st.integers(2, 40))
def test_every_value_is_in_one_bin(values: list[int], most: int) -> None:
    found = bins(values, most)
    assert sum(found.counts) == len(values)
    assert len(found.counts) <= most
    for number, count in enumerate(found.counts):
        last = found.open_end and number == len(found.counts) - 1
        low, high = number * found.width, float("inf") if last else (number + 1) * found.width
        assert sum(low <= value < high for value in values) == count


def test_a_long_tail_does_not_flatten_the_rest() -> None:
    found = bins([*range(50, 150)] * 10 + [30_000], 20)
    assert found.open_end
    assert found.width == 10
    assert found.counts[-1] == 1
    assert found.label(len(found.counts) - 1).endswith("–")
    assert found.label(1) == "10–19"


@given(st.lists(st.integers(0, 1_000), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_not_exceeded_by_its_share(values: list[int], share: float) -> None:
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


@given(st.lists(st.tuples(st.text(max_size=50), st.text(max_size=50)), max_size=30))
def test_totals_and_extremes(pairs: list[tuple[str, str]]) -> None:
    found = gathered([Record.of(q, a) for q, a in pairs])
    assert found.records == len(pairs)
    lengths = found.lengths[Measure.ANSWER]
    assert lengths.total == sum(len(a) for _, a in pairs)
    assert sum(found.answers.values()) == len(pairs)
    for name, measure, index, value in found.extremes():
        if measure is Measure.TOKENS:
            continue
        text = pairs[index][measure is Measure.ANSWER]
        all_texts = [pair[measure is Measure.ANSWER] for pair in pairs]
        assert len(text) == value == (max if name == "longest" else min)(map(len, all_texts))


def test_systems_conversations_and_what_cannot_be_read() -> None:
    long = Record((Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", "d" * 30)))
    records: list[Record | Damaged] = [
        Damaged("no object", "3"),
        Record.of("What?", "答えです。", "Be brief."),
        Record.of("x" * 30, "y" * 30),
        long,
    ]
    found = gathered(records, "z" * 300)
    assert (found.records, found.unreadable, found.conversations, found.mixed) == (4, 1, 1, 1)
    assert (found.own_systems, found.different_systems) == (1, 1)
    assert found.lengths[Measure.QUESTION].longest == 2
    assert found.lengths[Measure.ANSWER].shortest == 1
    assert found.tokens == pytest.approx(3 + 5 / 3 + 4 + 1 / 3 + 20 + 100 + 100 + 11, abs=1)
    assert script_text(found.answers) == "Latin 2, Japanese 1"
    assert script_text({}) == "none"
    assert script_text(dict.fromkeys(Script, 1)).endswith("9 more")


def test_a_file_without_records() -> None:
    found = gathered([])
    assert found.extremes() == []
    assert found.lengths[Measure.TOKENS].mean == 0
    assert bins([], 10).counts == ()
