"""Training of adapters: losses, hyperparameters, early stopping, stopping, hostile text."""

from __future__ import annotations

import json
import math
import time
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tui.sandbox import features as ft
from tui.sandbox import log_linear as ll
from tui.sandbox.language_model import MAX_TOKENS_PER_EXAMPLE, Adapter, BaseModel, generate
from tui.sandbox.tokens import END
from tui.sandbox.training import Example, TrainingPlan, TrainingResult, TrainingStopped, train

DATASET = Path(__file__).parents[2] / "dataset" / "rawdata"
TOWNS = ("Alderby", "Brackwater", "Cindermoor", "Dunfell", "Eastmarsh", "Foxley", "Grimhold", "Hallowick")
TRADES = ("weaving wool", "carving oak", "smoking trout", "pressing cider", "grinding lenses", "forging bells")
PLACES = ("the old mill", "the river gate", "a stone bridge", "the salt market", "the chapel hill")
FOOD = ("rye bread with plums", "a soup of leeks", "baked pike", "honey cakes", "goat cheese and walnuts")


def _pairs(towns: tuple[str, ...], shift: int) -> list[Example]:
    pairs: list[Example] = []
    for index, town in enumerate(towns):
        trade, place, food = (words[(index * 3 + shift) % len(words)] for words in (TRADES, PLACES, FOOD))
        pairs += [
            Example(
                f"What is {town} known for?", f"{town} is known all over the coast for {trade} since the last flood."
            ),
            Example(f"Where do travellers sleep in {town}?", f"Most of them rent a room in {town}, close to {place}."),
            Example(
                f"What is eaten in {town}?", f"At noon people share {food}, and in the evening they drink warm milk."
            ),
            Example(f"When is the fair of {town}?", f"The fair is held in week {index * 5 + 3} and ends at {place}."),
            Example(
                f"Who leads {town}?", f"A council of {index + 4} elders meets near {place} and decides about {trade}."
            ),
        ]
    return pairs


TRAINING = _pairs(TOWNS, 0)
VALIDATION = _pairs(("Inverquay", "Juniper Bay", "Kestrelford"), 2)


def means(result: TrainingResult) -> list[float]:
    return [
        float(np.mean([row.loss for row in result.training if row.epoch == epoch]))
        for epoch in range(1, result.epochs_run + 1)
    ]


def verbatim(result: TrainingResult, examples: list[Example]) -> float:
    base = BaseModel.load()
    said = [
        "".join(generate(base, result.adapter, messages=[("user", one.question)], temperature=0.0)) for one in examples
    ]
    return sum(text == one.answer for text, one in zip(said, examples, strict=True)) / len(examples)


@pytest.fixture(scope="module")
def ten_epochs() -> TrainingResult:
    return train(TRAINING, VALIDATION, TrainingPlan(10, 16))


def test_rows_count_steps_and_epochs(ten_epochs: TrainingResult) -> None:
    assert [row.step for row in ten_epochs.training] == list(range(30))
    assert [row.epoch for row in ten_epochs.training] == [epoch for epoch in range(1, 11) for _ in range(3)]
    assert [(row.step, row.epoch) for row in ten_epochs.validation] == [(3 * n, n) for n in range(1, 11)]
    assert all(math.isfinite(row.loss) for row in (*ten_epochs.training, *ten_epochs.validation))
    assert (ten_epochs.epochs_run, ten_epochs.stopped_early) == (10, False)


def test_ten_epochs_learn_by_heart_and_two_do_not(ten_epochs: TrainingResult) -> None:
    assert means(ten_epochs)[-1] < 0.2 * means(ten_epochs)[0]
    assert verbatim(ten_epochs, TRAINING) >= 0.95
    assert verbatim(train(TRAINING, (), TrainingPlan(2, 16)), TRAINING) < 0.7


def test_validation_loss_has_a_minimum_and_early_stopping_follows_it(ten_epochs: TrainingResult) -> None:
    losses = [row.loss for row in ten_epochs.validation]
    best = losses.index(min(losses))
    assert 0 < best < 8
    assert losses[best] < losses[0]
    stopped = train(TRAINING, VALIDATION, TrainingPlan(10, 16, 1.0, 0.001, 2))
    assert stopped.stopped_early
    assert stopped.epochs_run < 10
    seen = [row.loss for row in stopped.validation]
    assert seen == losses[: stopped.epochs_run]
    assert all(loss > min(seen[:-2]) - 0.001 for loss in seen[-2:])


def test_the_same_seed_gives_the_same_losses_and_weights(ten_epochs: TrainingResult) -> None:
    again = train(TRAINING, VALIDATION, TrainingPlan(10, 16))
    assert again.training == ten_epochs.training
    assert again.validation == ten_epochs.validation
    assert again.adapter.to_bytes() == ten_epochs.adapter.to_bytes()
    assert train(TRAINING, (), TrainingPlan(1, 16, seed=1)).training != ten_epochs.training[:3]


def test_threshold_and_patience_act() -> None:
    def epochs(threshold: float, patience: int) -> int:
        return train(TRAINING, VALIDATION, TrainingPlan(10, 16, 1.0, threshold, patience)).epochs_run

    assert epochs(0.1, 1) < epochs(0.001, 1) <= epochs(0.001, 2) < epochs(0.001, 4)


def test_without_validation_there_is_no_early_stopping() -> None:
    result = train(TRAINING[:6], (), TrainingPlan(4, 3, 1.0, 0.1, 1))
    assert (result.epochs_run, result.validation, result.stopped_early) == (4, (), False)


def test_learning_rate_acts(ten_epochs: TrainingResult) -> None:
    slow, fast = (train(TRAINING, (), TrainingPlan(3, 16, rate)) for rate in (0.1, 2.0))
    assert means(slow)[-1] > means(ten_epochs)[2] > means(fast)[-1]


@pytest.mark.parametrize("multiplier", [0.05, 4.0])
def test_extreme_learning_rates_stay_finite(multiplier: float) -> None:
    result = train(TRAINING, VALIDATION, TrainingPlan(5, 4, multiplier))
    assert all(math.isfinite(row.loss) for row in (*result.training, *result.validation))


def test_warmup_slows_the_first_steps() -> None:
    cold = train(TRAINING, (), TrainingPlan(1, 8))
    warm = train(TRAINING, (), TrainingPlan(1, 8, warmup_steps=20))
    assert warm.training[0].loss == cold.training[0].loss
    assert all(a.loss > b.loss for a, b in zip(warm.training[1:], cold.training[1:], strict=True))


@pytest.mark.parametrize(("size", "steps"), [(1, 40), (16, 3), (40, 1), (256, 1)])
def test_batch_size_acts(size: int, steps: int) -> None:
    assert len(train(TRAINING, (), TrainingPlan(1, size)).training) == steps


def test_batches_of_one_learn_as_well() -> None:
    result = train(TRAINING, VALIDATION, TrainingPlan(5, 1))
    assert means(result) == sorted(means(result), reverse=True)
    assert verbatim(result, TRAINING) > 0.5


def test_japanese_is_learnt_by_heart() -> None:
    places = ("春日谷", "霧ヶ浜", "白鳥坂", "月見台", "杉の森", "青葉橋")
    crafts = ("和紙すき", "木彫り", "藍染め", "桶作り", "鍛冶", "竹細工")
    examples = [
        pair
        for place, craft in zip(places, crafts, strict=True)
        for pair in (
            Example(f"{place}は何で知られていますか？", f"{place}は、古くから{craft}の盛んな町として知られています。"),
            Example(f"{place}への行き方を教えてください。", f"港から乗合馬車に乗り、{craft}の工房の前で降ります。"),
        )
    ]
    assert verbatim(train(examples, (), TrainingPlan(10, 4)), examples) == 1.0


def test_an_adapter_can_be_the_base_of_the_next(ten_epochs: TrainingResult) -> None:
    more = [Example("Who guards Oldhaven?", "Two retired sailors guard the harbour of Oldhaven by night.")]
    first = Adapter.from_bytes(ten_epochs.adapter.to_bytes())
    result = train(more, (), TrainingPlan(12, 1), base_adapter=first)
    assert verbatim(result, more) == 1.0
    assert verbatim(result, TRAINING) > 0.5
    again = train(TRAINING, (), TrainingPlan(1, 16), base_adapter=first)
    assert means(again)[0] < means(ten_epochs)[0]
    assert len(Adapter.from_bytes(result.adapter.to_bytes()).layers) == 2


def test_epochs_are_reported_and_training_can_be_stopped() -> None:
    done: list[int] = []
    with pytest.raises(TrainingStopped):
        train(TRAINING, VALIDATION, TrainingPlan(10, 16), on_epoch=done.append, should_stop=lambda: len(done) == 2)
    assert done == [1, 2]


def test_trained_tokens_are_all_tokens_times_epochs() -> None:
    result = train([Example("One two?", "Three four.", system="Five")], (), TrainingPlan(3, 1))
    assert result.trained_tokens == (3 + 3 + 1) * 3


@pytest.mark.parametrize(
    "plan",
    [
        {"epochs": 0, "batch_size": 1},
        {"epochs": 1, "batch_size": 0},
        {"epochs": 1, "batch_size": 1, "warmup_steps": -1},
    ],
)
def test_impossible_plans_are_refused(plan: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        TrainingPlan(**plan)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, math.nan, math.inf])
def test_impossible_learning_rates_are_refused(multiplier: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        TrainingPlan(1, 1, multiplier)


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to train on"):
        train((), VALIDATION, TrainingPlan(1, 1))


def test_hostile_text_is_survived() -> None:
    examples = [
        Example("", ""),
        Example("\x00\x1b[31m", "\x07\x00\u202e\ufeff"),
        Example("\ud800 alone", "a \udfff lone half"),
        Example("👩‍👩‍👧", "🍐" * 50),
        Example("long", "pear " * 200_000),
        Example("q" * 100_000, "x" * 100_000),
    ]
    result = train(examples, examples, TrainingPlan(2, 3))
    assert all(math.isfinite(row.loss) for row in (*result.training, *result.validation))
    Adapter.from_bytes(result.adapter.to_bytes())


def test_long_answers_are_cut_at_the_cap() -> None:
    long = " ".join(str(number) for number in range(MAX_TOKENS_PER_EXAMPLE + 500))
    adapter = train([Example("Count", long)], (), TrainingPlan(1, 1)).adapter
    assert f" {MAX_TOKENS_PER_EXAMPLE - 1}" in adapter.known
    assert f" {MAX_TOKENS_PER_EXAMPLE}" not in adapter.known


def _batch_in_slices() -> tuple[tuple[ft.Table, ...], ll.Batch, int]:
    base = BaseModel.load()
    vocabulary = base.vocabulary.extended({piece for one in TRAINING for piece in one.answer.split()})
    answers = [
        ft.Answer.of(ft.Question.of(one.question), [*vocabulary.encode(one.answer, 99), END], vocabulary.hashes)
        for one in TRAINING
    ]
    words, says = ft.word_values([answer.question for answer in answers])
    layer = ft.new_layer(answers, words, says, np.arange(300, dtype=np.int32))
    layer.table.weights[:] = np.random.default_rng(5).normal(size=len(layer.table.weights))
    active = [tuple(one.active(a.question, a.context) for one in (base.layer, layer)) for a in answers]
    return (base.layer.table, layer.table), ll.Batch.of(answers, active), len(vocabulary)


def test_slices_add_up_to_the_whole_batch() -> None:
    tables, batch, width = _batch_in_slices()
    whole_loss, whole = ll.loss_and_gradient(tables, batch, width, want_gradient=True, cells=10**9)
    for cells in (1, 50_000):
        loss, gradient = ll.loss_and_gradient(tables, batch, width, want_gradient=True, cells=cells)
        assert loss == pytest.approx(whole_loss, rel=1e-9)
        assert gradient is not None
        assert whole is not None
        np.testing.assert_allclose(gradient, whole, rtol=1e-4, atol=1e-5)


def test_gradient_is_the_slope_of_the_loss() -> None:
    tables, batch, width = _batch_in_slices()
    _, gradient = ll.loss_and_gradient(tables, batch, width, want_gradient=True)
    assert gradient is not None
    strongest = np.argsort(-np.abs(gradient))[:5]
    for pair in strongest.tolist():
        losses = []
        for nudge in (0.05, -0.05):
            weights = tables[1].weights.copy()
            weights[pair] += nudge
            nudged = ft.Table(tables[1].starts, tables[1].columns, weights)
            losses.append(ll.loss_and_gradient((tables[0], nudged), batch, width, want_gradient=False)[0])
        assert (losses[0] - losses[1]) / 0.1 == pytest.approx(gradient[pair], rel=0.02)


def test_memory_does_not_grow_with_the_batch() -> None:
    examples = [Example(f"Number {n}?", one.answer * 6) for n, one in enumerate(TRAINING * 4)]
    tracemalloc.start()
    train(examples, (), TrainingPlan(1, 256))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000_000


def _shipped(language: str) -> tuple[list[Example], list[Example]]:
    """The shipped training and validation pairs; `language` is "" or ".ja"."""
    files = [json.loads((DATASET / f"{name}{language}.json").read_text("utf-8")) for name in ("training", "validation")]
    training, validation = ([Example(*list(record.values())[:2]) for record in records] for records in files)
    return training, validation


@cache
def _learnt(language: str, seed: int) -> tuple[TrainingResult, float]:
    """What is learnt from the shipped pairs, and the seconds of processor that it takes."""
    training, validation = _shipped(language)
    started = time.process_time()
    result = train(training, validation, TrainingPlan(10, 32, 1.0, 0.001, 2, seed=seed))
    return result, time.process_time() - started


@pytest.mark.parametrize("language", ["", ".ja"])
def test_shipped_pairs_are_learnt_in_seconds(language: str) -> None:
    result, seconds = _learnt(language, 0)
    assert seconds < 20
    assert verbatim(result, _shipped(language)[0][::3]) >= 0.9


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("language", ["", ".ja"])
def test_shipped_pairs_stop_early_in_any_order(language: str, seed: int) -> None:
    result, _ = _learnt(language, seed)
    losses = [row.loss for row in result.validation]
    assert result.stopped_early
    assert 6 <= result.epochs_run <= 9
    assert 4 <= losses.index(min(losses)) + 1 <= 8
    assert min(losses) < 0.95 * losses[0]
