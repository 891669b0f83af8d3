"""A log-linear (maximum-entropy) next-token model in NumPy, without BLAS: the same seed, the same bits.

    p(y | context) = softmax over y of  sum over layers and active features f of  x_f * w[f, y]

Exact gradients over the whole vocabulary, one Adagrad update per batch, memory bounded by slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tui.sandbox.features import F32, I32, I64, Active, Answer, Layer, Table

F64 = NDArray[np.float64]

SLICE_CELLS = 1_000_000
"""Work of one slice of a batch, as positions x (vocabulary + active pairs): bounds the memory of a step."""
START_SQUARES = 4.0
"""What Adagrad's sum of squared gradients starts from, so that a first tiny gradient makes a tiny step."""
MAX_WEIGHT = 40.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Some answers in a row: targets (n,), the answer of each position (n,), features of each layer."""

    target: I32
    answer: I64
    answers: int
    active: tuple[Active, ...]

    @classmethod
    def of(cls, answers: Sequence[Answer], active: Sequence[Sequence[Active]]) -> Batch:
        """`active[i]` holds answer i's features, one of each layer."""
        sizes = np.array([len(answer.target) for answer in answers])
        shift = np.cumsum(sizes) - sizes
        joined = tuple(
            Active(
                np.concatenate([part.at + move for part, move in zip(of_layer, shift, strict=True)]),
                np.concatenate([part.feature for part in of_layer]),
                np.concatenate([part.x for part in of_layer]),
                np.concatenate([part.memory for part in of_layer]),
                np.concatenate([part.topic_at + index for index, part in enumerate(of_layer)]),
                np.concatenate([part.topic for part in of_layer]),
                np.concatenate([part.topic_x for part in of_layer]),
            )
            for of_layer in zip(*active, strict=True)
        )
        return cls(
            np.concatenate([answer.target for answer in answers]),
            np.repeat(np.arange(len(answers)), sizes),
            len(answers),
            joined,
        )


def topic_scores(tables: Sequence[Table], batch: Batch, width: int) -> F32:
    """Scores (answers, width) that the topic features add at every position of an answer."""
    scores: F64 = np.zeros(batch.answers * width)
    for table, active in zip(tables, batch.active, strict=True):
        owner, pair = table.spread(active.topic)
        cell = active.topic_at[owner] * width + table.columns[pair]
        scores += np.bincount(cell, table.weights[pair] * active.topic_x[owner], minlength=len(scores))
    return scores.astype(np.float32).reshape(batch.answers, width)


def _slices(tables: Sequence[Table], batch: Batch, width: int, cells: int) -> Iterator[tuple[int, int]]:
    """Bounds of runs of positions whose work is about `cells` each, one position at least."""
    work = np.full(len(batch.target), float(width))
    for table, active in zip(tables, batch.active, strict=True):
        sizes = table.starts[active.feature + 1] - table.starts[active.feature]
        work += np.bincount(active.at, sizes, minlength=len(work))
    done = np.cumsum(work)
    start = 0
    while start < len(work):
        spent = done[start - 1] if start else 0.0
        stop = max(int(np.searchsorted(done, spent + cells, side="right")), start + 1)
        yield start, stop
        start = stop


def loss_and_gradient(
    tables: Sequence[Table], batch: Batch, width: int, *, want_gradient: bool, cells: int = SLICE_CELLS
) -> tuple[float, F64 | None]:
    """Summed loss in nats of a batch, and its gradient by the weights of the last table when wanted.

    Computed in slices that are added up, so the memory needed does not grow with the batch.
    """
    topic = topic_scores(tables, batch, width)
    trained, own = tables[-1], batch.active[-1]
    gradient: F64 = np.zeros(len(trained.weights))
    topic_gradient = np.zeros_like(topic)
    loss = 0.0
    for start, stop in _slices(tables, batch, width, cells):
        scores = topic[batch.answer[start:stop]]
        rows = np.arange(stop - start)
        for table, active in zip(tables, batch.active, strict=True):
            low, high = np.searchsorted(active.at, (start, stop))
            owner, pair = table.spread(active.feature[low:high])
            cell = (active.at[low:high] - start)[owner] * width + table.columns[pair]
            x = active.x[low:high][owner]
            np.add.at(scores.reshape(-1), cell, table.weights[pair] * x)
        target = batch.target[start:stop]
        scores -= scores.max(axis=1, keepdims=True)
        of_target = scores[rows, target].astype(np.float64)
        np.exp(scores, out=scores)
        total = scores.sum(axis=1, dtype=np.float64)
        loss += float(np.sum(np.log(total) - of_target))
        if not want_gradient:
            continue
        scores /= total[:, None].astype(np.float32)
        scores[rows, target] -= 1
        gradient += np.bincount(pair, scores.ravel()[cell] * x, minlength=len(gradient))
        of_slice = batch.answer[start:stop]
        firsts = np.flatnonzero(np.diff(of_slice, prepend=-1))
        topic_gradient[of_slice[firsts]] += np.add.reduceat(scores, firsts, axis=0)
    if not want_gradient:
        return loss, None
    owner, pair = trained.spread(own.topic)
    cell = own.topic_at[owner] * width + trained.columns[pair]
    gradient += np.bincount(pair, topic_gradient.ravel()[cell] * own.topic_x[owner], minlength=len(gradient))
    return loss, gradient


@dataclass(frozen=True, slots=True)
class Adagrad:
    """Adagrad over one layer's weights: w -= rate * g / sqrt(sum of g * g), touched features only."""

    layer: Layer
    squares: F32

    @classmethod
    def of(cls, layer: Layer) -> Adagrad:
        """A fresh optimiser."""
        return cls(layer, np.full(len(layer.table.weights), START_SQUARES, np.float32))

    def step(self, frozen: Sequence[Table], batch: Batch, width: int, rate: float) -> float:
        """One update from one batch; the mean loss per token before it, in nats. Changes the weights in place."""
        own = batch.active[-1]
        touched, places = np.unique(np.concatenate((own.feature, own.topic)), return_inverse=True)
        local: I32 = places.astype(np.int32).ravel()
        part, pairs = self.layer.table.part(touched)
        count = len(own.feature)
        renumbered = replace(own, feature=local[:count], topic=local[count:])
        small = Batch(batch.target, batch.answer, batch.answers, (*batch.active[:-1], renumbered))
        loss, gradient = loss_and_gradient((*frozen, part), small, width, want_gradient=True)
        assert gradient is not None
        squares = self.squares[pairs] + gradient * gradient
        moved = part.weights - rate * gradient / np.sqrt(squares)
        self.squares[pairs] = squares
        self.layer.table.weights[pairs] = np.clip(moved, -MAX_WEIGHT, MAX_WEIGHT)
        return loss / len(batch.target)
