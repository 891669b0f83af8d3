"""Statistics against known tables and properties that must always hold."""

from __future__ import annotations

import math
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.domain.evaluation.paired import CONFIDENCE, FEWEST, Interval, agreement, interval, needed, quantile

DELTAS = st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=30)
LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=30)


def test_fewer_than_two_values_have_no_interval() -> None:
    assert interval([]) is None
    assert interval([3.0]) is None


def test_the_interval_is_near_to_the_normal_one_for_many_values() -> None:
    values = [float((n * 37) % 19 - 7) for n in range(200)]
    found = interval(values)
    half = 1.96 * stdev(values) / math.sqrt(len(values))
    assert found is not None
    assert found.mean == pytest.approx(fmean(values))
    assert found.low == pytest.approx(found.mean - half, abs=0.05 * half)
    assert found.high == pytest.approx(found.mean + half, abs=0.05 * half)


def test_an_interval_spans_zero_with_its_ends() -> None:
    ends = {(-1.0, 1.0): True, (0.0, 1.0): True, (-1.0, 0.0): True, (0.1, 1.0): False, (-1.0, -0.1): False}
    assert {between: Interval(0.5, *between, 9).spans_zero for between in ends} == ends


def test_fewest_is_where_even_every_win_is_chance() -> None:
    assert 2 * 0.5**FEWEST < 1 - CONFIDENCE <= 2 * 0.5 ** (FEWEST - 1)


def test_the_exact_interval_of_two_values() -> None:
    """Resamples of (0, 2) have means 0, 1 and 2 with 1/4, 1/2 and 1/4: 2.5 % and 97.5 % fall on the ends."""
    assert interval([0.0, 2.0]) == Interval(1.0, 0.0, 2.0, 2)


def test_a_bernoulli_share_has_the_binomial_quantiles() -> None:
    """Of 10 values, 8 of them 1, resampled sums are binomial(10, 0.8): 2.5 % at 5, 97.5 % at 10."""
    found = interval([1.0] * 8 + [0.0] * 2)
    assert found is not None
    assert (found.low, found.high) == (0.5, 1.0)


@settings(max_examples=25, deadline=None)
@given(DELTAS, st.randoms())
def test_an_interval_holds_its_mean_and_is_the_same_in_any_order(values: list[float], chance: object) -> None:
    found = interval(values)
    assert found is not None
    assert min(values) <= found.low <= found.mean <= found.high <= max(values)
    assert interval(sorted(values)) == interval(values[::-1]) == found
    mirrored = interval([-v for v in values])
    assert mirrored is not None
    assert mirrored.mean == pytest.approx(-found.mean)


@settings(max_examples=25, deadline=None)
@given(DELTAS, st.integers(-5, 5))
def test_an_interval_moves_with_its_values(values: list[float], by: int) -> None:
    found, moved = interval(values), interval([v + by for v in values])
    assert found is not None
    assert moved is not None
    assert (moved.low - found.low, moved.high - found.high) == pytest.approx((by, by))


def test_quantiles_between_neighbours() -> None:
    assert [quantile([1, 2, 3, 4], share) for share in (0, 0.5, 1)] == [1, 2.5, 4]


@pytest.mark.parametrize(
    ("mean", "spread", "expected"),
    [
        # n = ((1.959964 + 0.841621) · s / d)², by hand
        (1.0, 1.0, 8),
        (0.5, 1.0, 32),
        (0.2, 1.0, 197),
        (4.5, 1.0, FEWEST),
    ],
)
def test_how_many_questions_are_needed(mean: float, spread: float, expected: int) -> None:
    values = [mean - spread / math.sqrt(2), mean + spread / math.sqrt(2)]
    assert stdev(values) == pytest.approx(spread)
    assert needed(values) == expected


def test_what_cannot_be_told_is_not() -> None:
    assert needed([1.0]) is None
    assert needed([-1.0, 1.0]) is None
    assert needed([2.0, 2.0]) == FEWEST


def test_kappa_of_a_known_table() -> None:
    """Cohen's example of two readers and 50 proposals: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: κ = 0.4."""
    table = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = agreement(*map(list, zip(*table, strict=True)))
    assert (found.n, found.agreed, found.rate, found.constant) == (50, 35, 0.7, 0.5)
    assert found.kappa == pytest.approx(0.4)
    assert found.text == "agrees with 35 of 50 of your votes (70 %, κ 0.40; always the same vote: 50 %)"


def test_kappa_where_it_is_not_defined() -> None:
    assert agreement([], []).kappa is None
    assert agreement(["a", "a"], ["a", "a"]).kappa is None
    assert agreement([], []).text == "none of your votes is about these answers"
    with pytest.raises(ValueError, match="zip"):
        agreement(["a"], [])


@given(LABELS)
def test_kappa_is_symmetric_and_at_most_one(pairs: list[tuple[str, str]]) -> None:
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    found, turned = agreement(one, two), agreement(two, one)
    assert found.kappa == turned.kappa
    assert found.kappa is None or -1 <= found.kappa <= 1
    assert (found.kappa == 1) <= (one == two)
    assert 0 <= found.rate <= 1
