"""Which records a list shows, in what order, and what an edit makes of it."""

from __future__ import annotations

import json
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset import listing
from tui.domain.dataset.listing import By, Listing, Order, in_order, kept
from tui.domain.files import pairs
from tui.domain.files.document import Document, Splice, Step
from tui.domain.files.pairs import Keys

TEXTS = [("b", "three words here"), ("A", ""), ("ｂ", "one"), ("提灯", "x" * 30), ("a", "two")]


def file(records: list[tuple[str, str]]) -> pairs.PairFile:
    lines = [json.dumps({"q": q, "a": a}) for q, a in records]
    return pairs.read(Path("x.jsonl"), "\n".join(lines).encode(), Keys("q", "a"))


def sort(by: By, *, descending: bool = False, found: list[int] | None = None) -> list[int]:
    held = file(TEXTS)
    severity = {1: 2, 4: 1}
    keys = [key for batch in listing.keys(held, by, lambda index: severity.get(index, 0)) for key in batch]
    runs = in_order(found if found is not None else range(len(held)), keys, descending=descending)
    return [index for run in runs for index in run]


@pytest.mark.parametrize(
    ("by", "descending", "order"),
    [
        (By.NUMBER, False, [0, 1, 2, 3, 4]),
        (By.NUMBER, True, [4, 3, 2, 1, 0]),
        (By.QUESTION, False, [1, 4, 0, 2, 3]),
        (By.QUESTION, True, [3, 0, 2, 1, 4]),
        (By.ANSWER, False, [1, 2, 0, 4, 3]),
        (By.TOKENS, False, [1, 2, 4, 0, 3]),
        (By.TOKENS, True, [3, 0, 2, 4, 1]),
        (By.PROBLEMS, False, [1, 4, 0, 2, 3]),
    ],
)
def test_sorted_by_every_column_equal_ones_as_in_the_file(by: By, descending: bool, order: list[int]) -> None:
    assert sort(by, descending=descending) == order


def test_only_what_was_found_is_sorted() -> None:
    assert sort(By.QUESTION, found=[0, 2, 4]) == [4, 0, 2]


@given(st.lists(st.integers(0, 3), max_size=40), st.booleans())
def test_runs_are_merged_as_one_stable_sort(values: list[int], descending: bool) -> None:
    few, listing._RUN = listing._RUN, 7
    try:
        merged = [i for run in in_order(range(len(values)), values, descending=descending) for i in run]
    finally:
        listing._RUN = few
    assert merged == sorted(range(len(values)), key=values.__getitem__, reverse=descending)


def test_rows_and_records() -> None:
    whole = Listing()
    assert (whole.count(9), whole.index(4), whole.row(4)) == (9, 4, 4)
    found = Listing(array("q", [2, 5, 7]))
    assert [found.row(index) for index in (2, 7, 3, 9)] == [0, 2, None, None]
    ordered = Listing(array("q", [7, 2, 5]), Order(By.TOKENS)).ready()
    assert [ordered.row(index) for index in (2, 7, 3)] == [1, 0, None]
    assert (ordered.count(9), ordered.index(0)) == (3, 7)


def splice(at: int, removed: int, inserted: int) -> Splice:
    return Splice(at, array("q", range(removed)), array("q", range(100, 100 + inserted)))


def test_a_sorted_list_keeps_its_order_when_records_come_and_go() -> None:
    ordered = Listing(array("q", [3, 1, 0, 2]), Order(By.ANSWER))
    assert list(ordered.moved(Step("edit", (splice(1, 1, 1),))).rows or ()) == [3, 1, 0, 2]
    assert list(ordered.moved(Step("delete", (splice(1, 1, 0),))).rows or ()) == [2, 0, 1]
    assert list(ordered.moved(Step("add", (splice(2, 0, 1),))).rows or ()) == [4, 1, 2, 0, 3]
    assert list(ordered.moved(Step("add", (splice(0, 0, 1),))).rows or ()) == [4, 2, 1, 0, 3]
    assert list(ordered.moved(Step("add", (splice(4, 0, 1),))).rows or ()) == [3, 4, 1, 0, 2]


SPLICES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=4)


@given(SPLICES, st.sets(st.integers(0, 19)), st.permutations(range(20)))
def test_what_a_step_keeps(gaps: list[tuple[int, int, int]], marked: set[int], order: list[int]) -> None:
    at, splices = 0, []
    for gap, removed, inserted in gaps:
        at += gap
        splices.append(splice(at, removed, inserted))
        at += removed
    step = Step("x", tuple(splices))
    document = list(range(20))
    tagged = list(document)
    offset = 0
    for one in step.splices:
        held = tagged[one.at + offset : one.at + offset + len(one.removed)]
        new = held[: len(one.inserted)] + [-1] * (len(one.inserted) - len(held))
        tagged[one.at + offset : one.at + offset + len(one.removed)] = new
        offset += len(one.inserted) - len(one.removed)
    before, after = kept(step, sorted(marked))
    assert [tagged[index] for index in after] == before
    assert set(before) == marked & set(tagged)
    rows = Listing(array("q", order), Order(By.TOKENS)).moved(step).rows
    assert rows is not None
    assert sorted(rows) == list(range(len(tagged)))
    assert [tagged[i] for i in rows if tagged[i] >= 0] == [i for i in order if i in tagged]


def test_an_unsorted_list_takes_in_what_is_new() -> None:
    document = Document(file(TEXTS))
    found = Listing(array("q", [0, 3]))
    step = document.duplicate(0)
    document.do(step)
    assert list(found.moved(step).rows or ()) == [0, 1, 4]
    assert Listing().moved(step).rows is None
