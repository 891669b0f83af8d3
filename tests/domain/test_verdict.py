"""The verdict on runs whose truth is known."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.loss_runs import MAKERS, curves, points
from tui.domain.loss import trend
from tui.domain.loss.losses import Curves, EpochPoint
from tui.domain.loss.trend import (
    _concordant,
    _from_foretold,
    blown,
    chance_of_order,
    noise_of,
    rising_fit,
    trend_of,
    valley,
)
from tui.domain.loss.verdict import Case, Settings, _stops, judge

REFERENCE = (2.5327150328, 1.7015820491, 1.5365295365, 1.5085376232, 1.4764881400, 1.4763538640, 1.4959460000)


def run(*validation: float) -> Curves:
    return curves(validation)


def test_the_published_run() -> None:
    found = judge(run(*REFERENCE), Settings(10, 0.001, 2))
    assert found.case is Case.EARLY_STOP
    assert (found.best, found.tied) == (6, (5, 6))
    assert "best epoch 6 (1.4764, −1.0564 since 1)" in found.text
    assert "epochs 5 and 6 tied within 0.001" in found.text
    assert "stopped at 7 of 10 by patience 2: epochs 6 and 7 gained < 0.001" in found.text
    assert "+0.0196" in found.text


def test_without_settings_only_the_numbers_speak() -> None:
    text = judge(run(*REFERENCE)).text
    assert "ran 7; fits default early stopping (threshold 0.001, patience 2)" in text
    assert " of 10" not in text
    assert "best epoch 6" in text


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
@pytest.mark.parametrize("seed", range(8))
def test_made_runs_are_named_rightly(maker: object, seed: int) -> None:
    assert callable(maker)
    made = maker(random.Random(seed))
    for first in (0, 1):
        shifted = replace(
            made.curves,
            training=points([p.mean for p in made.curves.training], first, 8),
            validation=points([p.mean for p in made.curves.validation], first),
        )
        found = judge(shifted, made.settings)
        assert found.case is made.truth, found.text
        if made.best is not None:
            assert found.best == made.best - 1 + first


@pytest.mark.parametrize("noise", [0.002, 0.005, 0.01])
@pytest.mark.parametrize("maker", MAKERS[:4], ids=lambda maker: maker.__name__)
def test_noise_does_not_change_the_case(maker: object, noise: float) -> None:
    assert callable(maker)
    for seed in range(5):
        made = maker(random.Random(100 + seed), noise)
        found = judge(made.curves, made.settings)
        assert found.case is made.truth, (seed, found.text)


@pytest.mark.parametrize(
    ("values", "settings", "case", "words"),
    [
        ((2.0,), Settings(1), Case.ONE_EPOCH, "no trend"),
        ((2.5, 1.9), Settings(2, 0.001, 2), Case.STILL_FALLING, "more epochs may help"),
        ((1.5, 1.7), Settings(2, 0.001, 2), Case.OVERFIT, "overfit from epoch 1"),
        ((2.0, 1.5, 1.4, 1.5, 1.6), Settings(5, 0.001, 9), Case.OVERFIT, "last epoch, not the best"),
        ((2.0, 1.5, 1.4, 1.5, 1.6), Settings(9, 0.001, 2), Case.EARLY_STOP, "stopped at 5 of 9 by patience 2"),
        ((2.0, 1.5, 1.4), Settings(9, 0.001, 2), Case.CUT_SHORT, "does not explain"),
        ((2.0, 1.5, 1.4), Settings(9, 0.001, 2, stopped=True), Case.CUT_SHORT, "by hand"),
        ((2.0, 1.5, 1.2), Settings(9, 0.001, 2, moving=True), Case.STILL_FALLING, "3 of 9 epochs so far"),
        ((2.0, 1.5, 1.49), Settings(9, 0.05, 1), Case.EARLY_STOP, "patience 1: epoch 3 gained < 0.05"),
        ((1.5, 1.5, 1.5), Settings(3, 0.001, 5), Case.TIED, "epochs 1 to 3 tied"),
    ],
)
def test_single_cases(values: tuple[float, ...], settings: Settings, case: Case, words: str) -> None:
    found = judge(run(*values), settings)
    assert found.case is case, found.text
    assert words in found.text


@pytest.mark.parametrize(
    ("validation", "training", "case"),
    [
        # jagged, but climbing all the way from its second epoch
        ((2.09, 1.07, 1.15, 1.25, 1.37, 1.32, 1.48, 1.78, 1.46, 1.72), None, Case.OVERFIT),
        # nothing was learnt before it "rose"
        ((1.872, 1.867, 2.037, 1.741, 2.040, 2.240, 2.260), None, Case.NOISY),
        ((1.685, 1.516, 1.767, 1.646, 1.822, 2.068), None, Case.NOISY),
        # both give back what they had won, though not all of it
        ((2.0, 1.6, 1.2, 1.0, 1.47, 1.9), (1.8, 1.2, 0.7, 0.5, 0.8, 1.1), Case.DIVERGED),
        ((2.0, 1.6, 1.2, 1.0, 1.47, 1.9), (1.8, 1.2, 0.7, 0.5, 0.4, 0.3), Case.OVERFIT),
        ((), (1.8, 1.2, 0.7, 0.3, 0.6, 1.1), Case.DIVERGED),
        ((), (1.8, 1.2, 0.7, 0.3, 0.4, 0.35), Case.NO_VALIDATION),
        # the validation alone: as far up, it runs away where it goes on climbing
        ((2.0, 1.5, 3.0, 7.0), (1.8, 1.2, 0.7, 0.5), Case.DIVERGED),
        ((2.0, 1.5, 7.0, 7.1), (1.8, 1.2, 0.7, 0.5), Case.OVERFIT),
    ],
)
def test_what_a_glance_at_the_curve_tells(
    validation: tuple[float, ...], training: tuple[float, ...] | None, case: Case
) -> None:
    found = judge(curves(validation, training), Settings(len(validation or training or ()), 0.001, 10))
    assert found.case is case, found.text


CHANCE = (10.51, 10.46, 10.46, 10.47, 10.43, 10.46, 10.48, 10.45)
"""The loss of an answer by chance, where a run that has run away stays."""
SLOW = tuple(1 + 2 * math.exp(-0.12 * i) for i in range(16))
FELL = (3.0, 2.2, 1.75, 1.45, 1.25, 1.16, 1.11, 1.06, 1.05, 1.01, 1.03, 1.01, 1.0, 1.01, 1.0, 1.01)


def _but(values: tuple[float, ...], at: int, value: float) -> tuple[float, ...]:
    return (*values[:at], value, *values[at + 1 :])


@pytest.mark.parametrize(
    ("validation", "training", "case", "words"),
    [
        (
            (3.0, 2.4, 2.0, 1.6, *CHANCE),
            (2.8, 2.0, 1.5, 1.1, *CHANCE),
            Case.DIVERGED,
            "epoch 4, from 1.6 to 10.45",
        ),
        ((), (2.8, 2.0, 1.5, *CHANCE), Case.DIVERGED, "ran away"),
        ((), (2.8, 2.0, 12.1, 2.0, 1.9, 1.8), Case.NO_VALIDATION, ""),
        # one epoch up, or down, is an accident
        (_but(SLOW, 6, 4.2), None, Case.STILL_FALLING, "epoch 7 stands apart"),
        (_but(_but(SLOW, 4, 5.0), 9, 4.0), None, Case.STILL_FALLING, "epochs 5 and 10 stand apart"),
        (_but(FELL, 13, 0.7), None, Case.NOISY, "epoch 14 stands apart from its neighbours: it may be luck"),
        # a late rise, after a long time without any change but noise
        ((*FELL, *FELL[10:], *FELL[9:], 1.1, 1.2, 1.3), None, Case.OVERFIT, "+0.3"),
        # the last epochs are equal within their three digits, one of them is just the threshold away
        ((3.02, 1.622, 1.201, 1.075, 1.036, 1.001, 1.0, 1.001, 1.0), None, Case.TIED, "epochs 6 to 9 tied"),
    ],
)
def test_accidents_do_not_make_the_trend(
    validation: tuple[float, ...], training: tuple[float, ...] | None, case: Case, words: str
) -> None:
    length = len(validation or training or ())
    for scale in (1.0, 64.0):
        made = curves([v * scale for v in validation], training and [v * scale for v in training])
        found = judge(made, Settings(length, 0.001 * scale, 60))
        assert found.case is case, found.text
        assert scale > 1 or words in found.text


def test_epochs_are_counted_by_what_was_trained() -> None:
    """Not every epoch is validated, and the one before the first is not trained."""
    falling = [1 + 2 * math.exp(-0.12 * i) for i in range(8)]
    found = judge(curves(falling[:7], falling), Settings(8, 0.001, 2))
    assert found.case is Case.STILL_FALLING
    assert "no validation after epoch 7 · ran all 8 epochs" in found.text
    second = Curves("made", points(falling), tuple(points(falling)[1::2]))
    assert judge(second, Settings(8, 0.001, 2)).case is Case.STILL_FALLING
    before = Curves("made", points(falling[:7]), points((3.1, *REFERENCE), first=0))
    found = judge(before, Settings(10, 0.001, 2))
    assert found.case is Case.EARLY_STOP
    assert "stopped at 7 of 10 by patience 2" in found.text


def test_nobody_is_told_to_buy_more_epochs_where_the_last_were_not_validated() -> None:
    falling = run(2.0, 1.5, 1.3, 1.1)
    assert "still falling at epoch 4 (−0.2000 per epoch): more epochs may help" in judge(falling, Settings(4)).text
    trained = replace(falling, training=points([1 / n for n in range(1, 9)]))
    found = judge(trained, Settings(8))
    assert found.case is Case.STILL_FALLING
    assert "may help" not in found.text


@pytest.mark.parametrize("low", [1.001, 1.4, 1.777, 2.345, 2.999])
def test_a_gain_of_just_the_threshold_may_count_or_not(low: float) -> None:
    values = (low + 1, low + 0.5, low, round(low - 0.001, 4), round(low - 0.002, 4))
    assert judge(run(*values), Settings(10, 0.001, 2)).case is Case.EARLY_STOP
    assert judge(run(*values, low - 0.5), Settings(10, 0.001, 2)).case is Case.CUT_SHORT
    assert judge(run(*values[:4]), Settings(4, 0.001, 9)).tied == (3, 4)


def test_a_file_of_very_many_epochs_is_judged_as_well() -> None:
    draw = random.Random(1)
    many = [1 + math.exp(-i / 1000) + draw.gauss(0, 0.01) for i in range(6_000)]
    assert judge(run(*many), Settings(6_000, 0.001, 9_000)).case in (Case.NOISY, Case.STILL_FALLING)


def test_the_chance_of_an_order() -> None:
    assert chance_of_order(()) == chance_of_order((1.0,)) == chance_of_order((2.0, 1.0)) == 1
    assert chance_of_order((1.0, 2.0, 3.0, 4.0, 5.0)) == pytest.approx(1 / 120)
    assert chance_of_order((1.0, 2.0, 3.0, 4.0, 6.0, 5.0)) == pytest.approx(6 / 720)
    climbing = [float(i) for i in range(13)]
    assert chance_of_order(climbing) < 1e-4  # by the normal distribution from here on
    assert chance_of_order([(i * 5) % 13 for i in range(13)]) > 0.05


def test_the_distance_of_the_two_curves_changes_nothing() -> None:
    near = curves(REFERENCE, [v - 0.01 for v in REFERENCE])
    far = curves(REFERENCE, [v / 100 for v in REFERENCE])
    assert judge(near, Settings(10, 0.001, 2)) == judge(far, Settings(10, 0.001, 2))


def test_losses_that_are_no_numbers_have_diverged() -> None:
    found = judge(replace(run(2.0, 1.5, 1.4), lost_epochs=(4, 5)), Settings(5, 0.001, 2))
    assert found.case is Case.DIVERGED
    assert "from epoch 4 on" in found.text
    assert "from epoch 3 on" in judge(replace(run(2.0, 1.5, 1.4), lost_epochs=(3,)), Settings(3, 0.001, 2)).text
    assert judge(Curves("x", lost_epochs=(1,))).cases == {Case.DIVERGED}  # whose losses they were is not known
    assert judge(replace(run(2.0, 1.5, 1.4), lost_epochs=(2,))).case is Case.STILL_FALLING


def test_few_steps_are_said_beside_the_case() -> None:
    few = Curves("x", points((2.0, 1.5, 1.2), rows=1), points((2.5, 2.0, 1.7)))
    found = judge(few, Settings(3, 0.001, 2))
    assert found.case is Case.STILL_FALLING
    assert Case.FEW_STEPS in found.cases
    assert "only one step per epoch" in found.text


@pytest.mark.parametrize(("rows", "said"), [((1, 2, 2), "only 2 steps"), ((1, 1, 9), "only one step"), ((2, 3, 3), "")])
def test_the_epoch_in_the_middle_tells_whether_steps_are_few(rows: tuple[int, ...], said: str) -> None:
    training = tuple(EpochPoint(n, 2.0 - n / 10, steps, 1.0, 2.0) for n, steps in enumerate(rows, 1))
    found = judge(Curves("x", training, points((1.5, 1.4, 1.3))))
    assert (Case.FEW_STEPS in found.cases) == bool(said)
    assert said in found.text


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        # Slowly down: each epoch gains too little, but every second one on the best that was a gain.
        ((1.0, 0.95, 0.88, 0.85, 0.84), [3, 5, 3]),
        # Up and down again: nothing is a gain on the best, the third epoch is one on the second.
        ((1.0, 1.3, 1.15, 1.1, 1.09), [3, 3, 5]),
        ((1.0, 0.8, 0.6, 0.4), [None, None, None]),
    ],
)
def test_readings_of_early_stopping_end_a_run_where_they_say(values: tuple[float, ...], ends: list[int | None]) -> None:
    """In the order best so far, best that was a gain, epoch before; threshold 0.1, patience 2."""
    assert _stops(values, 0.1, 2) == ends


def test_what_is_no_loss_is_not_judged() -> None:
    assert judge(Curves("x", points((1.0, 2.0)), metric="reward")).case is Case.NO_LOSS
    assert judge(Curves("x")).case is Case.NO_NUMBERS


def test_settings_are_read_as_the_api_writes_them() -> None:
    given = {"epochCount": "10.0", "earlyStoppingThreshold": "0.001", "earlyStoppingPatience": "2"}
    assert Settings.of(given, "Completed") == Settings(10, 0.001, 2)
    assert Settings.of({"epochCount": "many"}, "Stopped") == Settings(stopped=True)
    assert Settings.of({}, "InProgress").moving


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(0, 1))
def test_any_numbers_get_a_verdict(values: list[float], first: int) -> None:
    found = judge(Curves("x", (), points(values, first)), Settings(len(values), 0.001, 2))
    assert found.case in found.cases
    assert found.parts
    assert "nan" not in found.text


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12))
def test_fits_are_monotonic_and_keep_what_needs_no_fit(values: list[float]) -> None:
    fitted = rising_fit(values)
    assert all(b - a > -1e-6 for a, b in pairwise(fitted))
    assert math.fsum(fitted) == pytest.approx(math.fsum(values), abs=1e-6)
    assert rising_fit(sorted(values)) == pytest.approx(sorted(values), abs=1e-9)
    down = sorted(values, reverse=True)
    assert valley(down) == pytest.approx(down, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "rising"),
    [
        # after one epoch a tenth of the whole fall, after more a fiftieth
        ((10, 5, 2, 1, 1.5), False),
        ((10, 5, 2, 1, 2.0), True),
        ((10, 5, 2, 1, 1.2, 1.3), True),
        ((10, 5, 2, 1, 1.02, 1.05, 1.1), False),
        ((10, 5, 2, 1, 1.1, 1.2, 1.3), True),
    ],
)
def test_a_rise_is_measured_by_the_fall(values: tuple[float, ...], rising: bool) -> None:
    assert trend_of(values, 0.001).rising is rising


@pytest.mark.parametrize(
    ("values", "times", "expected"),
    [
        ((1.0, 5.0, 0.9, 1.5), 1.3, True),
        ((1.0, 1.2, 1.1, 1.15), 1.0, False),  # not well above its lowest
        ((1.0, 0.5, 9.0, 3.0), 1.3, False),  # on its way down again
        ((1.0, 0.5, 9.0, 8.9), 1.3, True),
    ],
)
def test_a_loss_that_ran_away_stays_up(values: tuple[float, ...], times: float, expected: bool) -> None:
    assert blown(values, times) is expected


LOSSES = st.lists(st.floats(-100, 100).map(lambda value: round(value, 2)), min_size=2, max_size=9)


@settings(max_examples=25)
@given(LOSSES)
def test_a_trend_is_one_thing_at_most_and_its_valley_the_nearest(values: list[float]) -> None:
    found = trend_of(values, 0.001)
    assert found.rising + found.noisy + found.falling <= 1
    falls = [[-v for v in rising_fit([-v for v in values[:turn]])] for turn in range(1, len(values) + 1)]
    every = [fall + rising_fit(values[len(fall) :]) for fall in falls]

    def error(fitted: list[float]) -> float:
        return sum((v - f) ** 2 for v, f in zip(values, fitted, strict=True))

    assert error(valley(values)) <= min(map(error, every)) * (1 + 1e-9) + 1e-9


def test_what_neighbours_foretell_and_how_ascending_an_order_is() -> None:
    assert _from_foretold((4, 3, 2, 9, 9), 2) == 0  # by the line before it
    assert _from_foretold((9, 9, 2, 3, 4), 2) == 0  # and after it
    assert _from_foretold((4, 3, 9, 3, 4), 2) == 6
    assert [_concordant(order) for order in ((1, 2, 3), (3, 2, 1), (1, 3, 2, 4))] == [1, 0, pytest.approx(5 / 6)]


def test_the_normal_distribution_comes_near_the_exact_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [[(i * step) % 13 for i in range(13)] for step in (1, 2, 4, 5, 7)]
    near = [chance_of_order(order) for order in orders]
    monkeypatch.setattr(trend, "_EXACT", 13)
    assert near == [pytest.approx(chance_of_order(order), abs=0.005) for order in orders]


def test_noise_is_measured() -> None:
    assert noise_of((3.0, 2.0, 1.5, 1.6, 1.9), valley((3.0, 2.0, 1.5, 1.6, 1.9))) == 0
    draw = random.Random(1)
    wild = [draw.gauss(5, 0.1) for _ in range(400)]
    assert 0.05 < noise_of(wild, valley(wild)) < 0.2
    assert trend_of((2.0, 1.9, 1.8), 0.001).pace == pytest.approx(-0.1)
