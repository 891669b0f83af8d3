"""Splits: nothing lost, nothing twice, sizes as asked, alike pairs together, lengths balanced, the same by its seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset.split import STRATA, Groups, _dealt, divided, size_of

seeds = st.text(max_size=8)


@pytest.mark.parametrize(
    ("text", "total", "size"),
    [
        ("32", 85, 32),
        ("", 85, 0),
        ("20%", 85, 17),
        ("0.2", 85, 17),
        (".5", 3, 2),
        ("1,000", 5_000, 1000),
        ("100 %", 7, 7),
        ("12.5%", 10_000, 1_250),
    ],
)
def test_sizes(text: str, total: int, size: int) -> None:
    assert size_of(text, total) == size


@pytest.mark.parametrize("text", ["86", "101%", "-1", "x", "1e3", "%", "1.5", "３２"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        size_of(text, 85)
    with pytest.raises(ValueError, match="there are 3 pairs"):
        size_of("110%", 3)


@st.composite
def files(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[int]]:
    """Groups, lengths and sizes of a file."""
    records = draw(st.integers(1, 200))
    groups = Groups(records)
    place = st.integers(0, records - 1)
    for one, other in draw(st.lists(st.tuples(place, place), max_size=60)):
        groups.join(one, other)
    lengths = draw(st.lists(st.integers(0, 500), min_size=records, max_size=records))
    validation = draw(st.integers(0, records))
    evaluation = draw(st.integers(0, records - validation))
    return groups.several(), lengths, [records - validation - evaluation, validation, evaluation]


@given(files(), seeds)
def test_a_split_is_a_partition_that_keeps_groups_together(
    file: tuple[list[list[int]], list[int], list[int]], seed: str
) -> None:
    groups, lengths, sizes = file
    split = divided(groups, lengths, sizes, seed)
    assert sorted(i for part in split.parts for i in part) == list(range(len(lengths)))
    assert all(list(part) == sorted(part) for part in split.parts)
    for group in groups:
        assert sum(bool(set(group) & set(part)) for part in split.parts) == 1
    largest = max(map(len, groups), default=1)
    for part, size in zip(split.parts, sizes, strict=True):
        if largest == 1:
            assert len(part) == size
        assert abs(len(part) - size) < max(1, sum(len(g) for g in groups if len(g) > 1))
    assert divided(groups, lengths, sizes, seed) == split


@given(st.lists(st.integers(0, 10_000), min_size=20, max_size=300), st.integers(5, 50), seeds)
def test_every_stratum_of_length_is_in_every_part(lengths: list[int], share: int, seed: str) -> None:
    records = len(lengths)
    small = records * share // 200
    sizes = [records - 2 * small, small, small]
    split = divided([], lengths, sizes, seed)
    ranks = {i: rank for rank, i in enumerate(sorted(range(records), key=lambda i: lengths[i]))}
    for part, size in zip(split.parts, sizes, strict=True):
        assert len(part) == size
        # By rank of length: after any number of strata a part has its share of them, but for the ends.
        for stratum in range(1, STRATA + 1):
            limit = records * stratum // STRATA
            wide = [lengths[i] for i in sorted(range(records), key=lambda i: ranks[i])[:limit]]
            below = sum(lengths[i] < wide[-1] for i in part)
            at_most = sum(lengths[i] <= wide[-1] for i in part)
            assert below - 3 <= size * limit / records <= at_most + 3


def test_another_seed_gives_another_split() -> None:
    groups: list[list[int]] = []
    first = divided(groups, [0] * 200, [160, 40, 0], "1")
    assert first != divided(groups, [0] * 200, [160, 40, 0], "2")
    assert first.parts[1][:5] == divided(groups, [0] * 200, [160, 40, 0], "1").parts[1][:5]


def test_a_group_larger_than_a_part_goes_where_there_is_room() -> None:
    groups = Groups(10)
    for other in range(1, 6):
        groups.join(0, other)
    split = divided(groups.several(), [1] * 10, [6, 2, 2], "x")
    assert set(range(6)) <= set(split.parts[0])
    assert [len(part) for part in split.parts] == [6, 2, 2]
    assert split.together == 6
    all_one = divided([list(range(10))], [1] * 10, [5, 5, 0], "x")
    assert sorted(map(len, all_one.parts)) == [0, 0, 10]


def test_a_group_goes_where_it_fits_and_the_largest_share_is_lacking() -> None:
    threes = divided([[0, 1, 2], [3, 4, 5]], [1] * 12, [10, 2], "x")
    assert set(range(6)) <= set(threes.parts[0])  # the second part lacks all it asked for, but has no room for three
    twos = divided([[0, 1], [3, 4]], [1] * 14, [10, 4], "x")
    assert (set(twos.parts[0]) >= {3, 4}) != (set(twos.parts[0]) >= {0, 1})
    assert (twos.largest, divided([], [1], [1], "x").largest) == (2, 1)


def test_a_seed_means_the_same_split_for_ever() -> None:
    parts = divided([], [5, 1, 4, 2, 8, 3, 7, 6] * 2, [8, 5, 3], "提灯").parts
    assert parts == ((0, 2, 3, 5, 9, 12, 14, 15), (1, 6, 7, 10, 13), (4, 8, 11))


def test_groups_by_equal_keys() -> None:
    groups = Groups(6)
    groups.join_equal(["a", "b", "a", None, None, "b"])
    groups.join(3, 5)
    assert groups.several() == [[0, 2], [1, 3, 5]]


def test_100_000_pairs_take_less_than_a_moment() -> None:
    split = divided([], [i * 7919 % 1000 for i in range(100_000)], [80_000, 10_000, 10_000], "seed")
    assert [len(part) for part in split.parts] == [80_000, 10_000, 10_000]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4).filter(any))
def test_after_any_number_of_places_every_part_has_its_share(quotas: list[int]) -> None:
    total, given_out = sum(quotas), [0] * len(quotas)
    for place, part in enumerate(_dealt(total, quotas), 1):
        given_out[part] += 1
        assert all(abs(n - quota * place / total) < 1 for n, quota in zip(given_out, quotas, strict=True))
    assert given_out == quotas
