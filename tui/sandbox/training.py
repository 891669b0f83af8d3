"""Trains an adapter: real gradient steps on the uploaded pairs, real losses, real early stopping.

One update per batch is one row of the training metrics; one pass over the validation pairs after each epoch
is one row of the validation metrics. Losses are nats per sandbox token: their height says nothing about a
larger model's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tui.sandbox import features as ft
from tui.sandbox import log_linear as ll
from tui.sandbox.language_model import (
    MAX_TOKENS_PER_EXAMPLE,
    Adapter,
    BaseModel,
    count_tokens,
    drop_memory,
    packed,
    place,
)
from tui.sandbox.tokens import END, FIRST_PIECE, Vocabulary, new_pieces

RATE = 0.6
"""Adagrad's rate at learning-rate multiplier 1."""
MAX_NEW_PIECES = 12_000
"""Pieces a training file can add to the vocabulary, most frequent first; the rest is spelled in bytes."""
MAX_TRAINED_TOKENS = 1_000_000
"""Answer tokens of a whole file; above it every answer is cut to an equal share."""
VALIDATION_BATCH = 32


class TrainingStopped(Exception):
    """Training was asked to stop; there is no adapter."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question with its answer."""

    question: str
    answer: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How to train; ValueError for a plan that cannot be carried out.

    Early stopping needs a threshold and a patience (and a validation set): an epoch whose validation loss is
    not more than the threshold below the best so far counts, and at `early_stopping_patience` epochs in a row
    training stops.
    """

    epochs: int
    batch_size: int
    learning_rate_multiplier: float = 1.0
    early_stopping_threshold: float | None = None
    early_stopping_patience: int | None = None
    warmup_steps: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or self.warmup_steps < 0:
            raise ValueError("epochs and batch size are at least 1, warm-up steps at least 0")
        if not (math.isfinite(self.learning_rate_multiplier) and self.learning_rate_multiplier > 0):
            raise ValueError("the learning rate multiplier is a positive number")


@dataclass(frozen=True, slots=True)
class LossRow:
    """One row of a metrics file. `step` counts from 0 in training and is the steps done in validation."""

    step: int
    epoch: int
    loss: float


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a finished training leaves. `trained_tokens`: tokens of all records, times the epochs run."""

    adapter: Adapter
    training: tuple[LossRow, ...]
    validation: tuple[LossRow, ...]
    epochs_run: int
    stopped_early: bool
    trained_tokens: int


def _whole_pieces(vocabulary: Vocabulary) -> ft.I32:
    """Ids of all tokens that are not bytes or the end: an adapter may unlearn any word, but not spelling."""
    return np.arange(FIRST_PIECE, len(vocabulary), dtype=np.int32)


class _Trainee:
    """The frozen layers, the layer in training, and the examples as features of them."""

    def __init__(self, examples: Sequence[Example], base: BaseModel, base_adapter: Adapter | None) -> None:
        self._limit = max(min(MAX_TOKENS_PER_EXAMPLE, MAX_TRAINED_TOKENS // len(examples)), 16)
        vocabulary, self.frozen = place(base, base_adapter)
        texts = [example.answer for example in examples]
        self.vocabulary: Vocabulary = vocabulary.extended(new_pieces(texts, vocabulary, MAX_NEW_PIECES, self._limit))
        self.answers = [self._answer(example) for example in examples]
        words, says = ft.word_values([answer.question for answer in self.answers])
        self.layer = ft.new_layer(self.answers, words, says, _whole_pieces(self.vocabulary))
        self.optimiser = ll.Adagrad.of(self.layer)
        self.active = [self._active(answer) for answer in self.answers]
        self.tables = tuple(layer.table for layer in self.frozen)

    def _answer(self, example: Example) -> ft.Answer:
        ids = self.vocabulary.encode(example.answer, self._limit)
        return ft.Answer.of(ft.Question.of(example.question), [*ids, END], self.vocabulary.hashes)

    def _active(self, answer: ft.Answer) -> tuple[ft.Active, ...]:
        return tuple(layer.active(answer.question, answer.context) for layer in (*self.frozen, self.layer))

    def step(self, chosen: Sequence[int], random: np.random.Generator, rate: float) -> float:
        """One update from the chosen examples; their mean loss per token before it."""
        batch = ll.Batch.of([self.answers[i] for i in chosen], [self.active[i] for i in chosen])
        return self.optimiser.step(self.tables, drop_memory(batch, random), len(self.vocabulary), rate)

    def batches(self, examples: Sequence[Example]) -> list[ll.Batch]:
        """Examples to measure only, as batches."""
        answers = [self._answer(example) for example in examples]
        return [
            ll.Batch.of(part, [self._active(answer) for answer in part])
            for start in range(0, len(answers), VALIDATION_BATCH)
            if (part := answers[start : start + VALIDATION_BATCH])
        ]

    def loss(self, batches: Sequence[ll.Batch]) -> float:
        """Mean loss per token over all batches."""
        tables = (*self.tables, self.layer.table)
        width = len(self.vocabulary)
        total = sum(ll.loss_and_gradient(tables, batch, width, want_gradient=False)[0] for batch in batches)
        return total / sum(len(batch.target) for batch in batches)


class _Patience:
    """Counts epochs in a row that bring no gain."""

    def __init__(self, plan: TrainingPlan) -> None:
        self._threshold = plan.early_stopping_threshold
        self._patience = plan.early_stopping_patience
        self._best = math.inf
        self._without_gain = 0

    def ends_after(self, loss: float) -> bool:
        """Whether training stops after an epoch with this validation loss."""
        if self._threshold is None or self._patience is None:
            return False
        self._without_gain = 0 if loss < self._best - self._threshold else self._without_gain + 1
        self._best = min(self._best, loss)
        return self._without_gain >= self._patience


def train(
    examples: Sequence[Example],
    validation: Sequence[Example],
    plan: TrainingPlan,
    *,
    base: BaseModel | None = None,
    base_adapter: Adapter | None = None,
    on_epoch: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Train an adapter on the examples, on top of `base_adapter` when given.

    `on_epoch` is called with each finished epoch, from 1; `should_stop` is asked before each batch, and when
    it says yes TrainingStopped is raised. ValueError without examples. The same arguments give the same losses.
    """
    if not examples:
        raise ValueError("There is nothing to train on")
    with np.errstate(over="ignore", under="ignore"):
        return _train(examples, validation, plan, base or BaseModel.load(), base_adapter, on_epoch, should_stop)


def _train(
    examples: Sequence[Example],
    validation: Sequence[Example],
    plan: TrainingPlan,
    base: BaseModel,
    base_adapter: Adapter | None,
    on_epoch: Callable[[int], None] | None,
    should_stop: Callable[[], bool],
) -> TrainingResult:
    trainee = _Trainee(examples, base, base_adapter)
    measured = trainee.batches(validation)
    random = np.random.default_rng(plan.seed)
    patience = _Patience(plan)
    rows: list[LossRow] = []
    validation_rows: list[LossRow] = []
    epoch = 0
    stopped_early = False
    while epoch < plan.epochs and not stopped_early:
        epoch += 1
        order = random.permutation(len(examples)).tolist()
        for start in range(0, len(order), plan.batch_size):
            if should_stop():
                raise TrainingStopped
            warm = min(1.0, (len(rows) + 1) / (plan.warmup_steps + 1))
            rate = RATE * plan.learning_rate_multiplier * warm
            loss = trainee.step(order[start : start + plan.batch_size], random, rate)
            rows.append(LossRow(len(rows), epoch, loss))
        if measured:
            validation_rows.append(LossRow(len(rows), epoch, trainee.loss(measured)))
            stopped_early = patience.ends_after(validation_rows[-1].loss) and epoch < plan.epochs
        if on_epoch is not None:
            on_epoch(epoch)
    adapter = packed(trainee.vocabulary, (*trainee.frozen[1:], trainee.layer))
    tokens = sum(count_tokens(part or "") for e in examples for part in (e.system, e.question, e.answer))
    return TrainingResult(
        adapter, tuple(rows), tuple(validation_rows), epoch, stopped_early, tokens * epoch
    )  # fmt: skip
