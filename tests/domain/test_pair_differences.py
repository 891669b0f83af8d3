"""Which pairs were added, removed and changed between two versions of a file."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset.pair_differences import Kind, differences, plain
from tui.domain.files.pairs import PairFile, read

Pair = tuple[str, str]


def file(pairs: Sequence[Pair]) -> PairFile:
    lines = (json.dumps({"question": q, "answer": a}) for q, a in [*pairs, ("last", "pair")])
    return read(Path("pairs.jsonl"), "\n".join(lines).encode())


def found(before: Sequence[Pair], after: Sequence[Pair]) -> list[tuple[str, int | None, int | None]]:
    return [(d.kind.value, d.first, d.second) for d in differences(file(before), file(after))]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([("a", "1")], [("a", "1")], []),
        ([("a", "1")], [("a", "2")], [("~", 0, 0)]),
        ([("a", "1")], [("b", "1")], [("~", 0, 0)]),
        ([("a", "1")], [("b", "2")], [("-", 0, None), ("+", None, 0)]),
        ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")], []),
        ([("a", "1"), ("a", "1")], [("a", "1")], [("-", 1, None)]),
        ([("a", "1")], [("a", "1"), ("c", "3")], [("+", None, 1)]),
        ([("a", "1"), ("b", "2")], [("b", "2x"), ("a", "1")], [("~", 1, 0)]),
    ],
)
def test_added_removed_changed(before: list[Pair], after: list[Pair], expected: list[tuple[str, int, int]]) -> None:
    assert found(before, after) == expected


pairs = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123")), max_size=8)


@given(pairs, pairs)
def test_the_differences_lead_from_one_version_to_the_other(before: list[Pair], after: list[Pair]) -> None:
    first, second = file(before), file(after)
    all_of_them = differences(first, second)
    raw = [first.raw(n).decode() for n in range(len(first))], [second.raw(n).decode() for n in range(len(second))]
    assert differences(first, second, raw) == all_of_them
    gone = [d.first for d in all_of_them if d.first is not None]
    come = [d.second for d in all_of_them if d.second is not None]
    assert len(set(gone)) == len(gone)
    assert len(set(come)) == len(come)
    kept = [plain(first[n]) for n in range(len(first)) if n not in gone]
    assert sorted(kept + [plain(second[n]) for n in come]) == sorted(plain(record) for record in second)
    assert [d.kind for d in all_of_them].count(Kind.CHANGED) <= min(len(before), len(after))


def test_many_pairs_are_compared_fast() -> None:
    before = [(f"question {n}", f"answer {n}") for n in range(20_000)]
    after = [(q, a + ("!" if n % 2 else "")) for n, (q, a) in enumerate(before)]
    began = time.thread_time()
    assert len(differences(file(before), file(after))) == 10_000
    assert time.thread_time() - began < 4
