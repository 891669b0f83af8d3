"""What the log-linear model looks at: features of questions and contexts, and layers of weights for them.

A layer holds weights only for the (feature, token) pairs it met in training. Features of a position are
n-grams of the answer so far, the whole question with the last tokens ("memory"), and each question word
with the last token; features of a whole answer ("topic") are the question words and a constant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui.sandbox.tokens import Hashes, chosen_words, has_cjk, hash_text, question_words

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Flags = NDArray[np.bool_]

HISTORY = 12
SHARED_ORDERS = (1, 2, 3, 5)
MEMORY_ORDERS = (8, 12)
MEMORY_TAILS = (2, 4)
"""The question as a whole is joined with this many last tokens."""
PAIR_VALUE = np.float32(0.5)
"""How much a question word with the last token says, beside the word's own value."""
COMMON_WORD = 0.3
"""A word of more than this share of all questions says nothing together with the last token."""

_TOPIC, _ALWAYS, _PAIR, _MEMORY, _UNKNOWN = (
    np.array([hash_text(f"\0{name}")], dtype=np.uint64) for name in ("topic", "always", "pair", "memory", "unknown")
)


def _join(left: Hashes, right: Hashes) -> Hashes:
    """A hash of an ordered pair of hashes (multiply, add, then the splitmix64 finaliser)."""
    mixed = left * np.uint64(0x9E3779B97F4A7C15) + right
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@dataclass(frozen=True, slots=True)
class Question:
    """What the model sees of a question: one hash of all words in order, and the chosen words with shares."""

    identity: Hashes
    words: Hashes
    shares: F32
    script: Hashes
    """1 when the question holds kana or kanji, else 0: unknown words are hedged about in its language."""

    @classmethod
    def of(cls, text: str, before: Sequence[str] = (), share_before: float = 0.25) -> Question:
        """The question `text`; words only of the earlier turns `before` count by `share_before`."""
        every = question_words(text)
        identity = hash_text(" ".join(every) or text.strip())
        shares = dict.fromkeys(chosen_words(every), 1.0)
        for word in chosen_words([word for turn in before for word in question_words(turn)]):
            shares.setdefault(word, share_before)
        return cls(
            np.array([identity], dtype=np.uint64),
            np.array([hash_text(word) for word in shares], dtype=np.uint64),
            np.array(list(shares.values()), dtype=np.float32),
            np.array([has_cjk(text)], dtype=np.uint64),
        )


@dataclass(frozen=True, slots=True)
class Contexts:
    """Feature keys of n positions that need no layer: `keys` is (n, K), `last` (n,) hashes of the last token."""

    keys: Hashes
    last: Hashes


MEMORY_COLUMNS: Flags = np.array([False] * len(SHARED_ORDERS) + [True] * (len(MEMORY_ORDERS) + len(MEMORY_TAILS)))
COLUMN_VALUES: F32 = np.array([1.0, 1.0] + [1.5] * (len(MEMORY_COLUMNS) - 2), dtype=np.float32)
"""Values x of the features in `Contexts.keys`: long contexts tell a little more than short ones."""


def contexts(question: Question, history: Hashes, positions: int) -> Contexts:
    """Contexts of the last `positions` places, where `history` (HISTORY + positions - 1,) ends before the last.

    Places before the start of the answer hold 0.
    """
    running = np.zeros(positions, dtype=np.uint64)
    memory = _join(_MEMORY, question.identity)
    keys: list[Hashes] = []
    tails: list[Hashes] = []
    for back in range(1, HISTORY + 1):
        running = _join(running, history[HISTORY - back : HISTORY - back + positions])
        if back in SHARED_ORDERS or back in MEMORY_ORDERS:
            keys.append(_join(running, np.array([back], dtype=np.uint64)))
        if back in MEMORY_TAILS:
            tails.append(_join(running, memory))
    return Contexts(np.stack(keys + tails, axis=1), history[HISTORY - 1 : HISTORY - 1 + positions])


@dataclass(frozen=True, slots=True)
class Table:
    """Weights by feature: feature f owns the pairs starts[f] to starts[f + 1]."""

    starts: I64
    columns: I32
    weights: F32

    def spread(self, features: I32) -> tuple[I64, I64]:
        """For a list of features: (index into the list, index of the pair) of every pair they own."""
        first = self.starts[features]
        sizes = self.starts[features + 1] - first
        owner = np.repeat(np.arange(len(features)), sizes)
        shift = first - (np.cumsum(sizes) - sizes)
        return owner, np.arange(len(owner)) + shift[owner]

    def part(self, features: I32) -> tuple[Table, I64]:
        """A copy with these features only, renumbered from 0, and where its pairs stand in this table."""
        _, pairs = self.spread(features)
        sizes = self.starts[features + 1] - self.starts[features]
        starts = np.concatenate(([0], np.cumsum(sizes)))
        return Table(starts, self.columns[pairs], self.weights[pairs]), pairs


@dataclass(frozen=True, slots=True)
class Active:
    """Active features of a run of positions (`at`, ascending) and of its answers (`topic_at`)."""

    at: I64
    feature: I32
    x: F32
    memory: Flags
    topic_at: I64
    topic: I32
    topic_x: F32

    def without_memory(self, positions: Flags) -> Active:
        """Memory features dropped at the flagged positions."""
        keep = ~(self.memory & positions[self.at])
        return Active(
            self.at[keep], self.feature[keep], self.x[keep], self.memory[keep],
            self.topic_at, self.topic, self.topic_x,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """One trained set of weights: sorted feature `keys`, their table, and how much each question word says."""

    keys: Hashes
    table: Table
    words: Hashes
    says: F32
    hedges: bool = False
    """Whether words it has never met are a feature of their own (the base model's layer)."""

    def word_features(self, question: Question) -> tuple[Hashes, F32]:
        """Hashes (w,) of the question's words as this layer knows them, and their values (w,)."""
        place = np.minimum(np.searchsorted(self.words, question.words), max(len(self.words) - 1, 0))
        known = self.words[place] == question.words if len(self.words) else np.zeros(len(place), dtype=np.bool_)
        hashes = question.words[known]
        values = self.says[place[known]] * question.shares[known]
        if self.hedges and bool(np.any(~known & (question.shares == 1))):
            return np.concatenate((hashes, _join(_UNKNOWN, question.script))), np.concatenate(
                (values, np.ones(1, np.float32))
            )
        return hashes, values

    def position_keys(self, question: Question, context: Contexts) -> tuple[Hashes, F32, Flags]:
        """Keys (n, K), values (K,) and memory flags (K,) of every position's features."""
        hashes, values = self.word_features(question)
        telling = values > 0.25
        pairs = _join(_join(_PAIR, hashes[telling])[None, :], context.last[:, None])
        memory = np.concatenate((MEMORY_COLUMNS, np.zeros(int(telling.sum()), np.bool_)))
        return (
            np.concatenate((context.keys, pairs), axis=1),
            np.concatenate((COLUMN_VALUES, values[telling] * PAIR_VALUE)),
            memory,
        )

    def topic_keys(self, question: Question) -> tuple[Hashes, F32]:
        """Keys (w + 1,) and values of the whole answer's features: the words, and the constant."""
        hashes, values = self.word_features(question)
        return np.concatenate((_join(_TOPIC, hashes), _ALWAYS)), np.concatenate((values, np.ones(1, np.float32)))

    def find(self, keys: Hashes) -> tuple[I32, Flags]:
        """Features (n,) of keys (n,), and whether the layer holds them."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return place.astype(np.int32), self.keys[place] == keys

    def active(self, question: Question, context: Contexts) -> Active:
        """The layer's active features of one answer's positions."""
        keys, values, memory = self.position_keys(question, context)
        feature, held = self.find(keys.ravel())
        at, column = np.divmod(np.flatnonzero(held), keys.shape[1])
        topic_keys, topic_values = self.topic_keys(question)
        topic, topic_held = self.find(topic_keys)
        zeros = np.zeros(int(topic_held.sum()), np.int64)
        return Active(
            at, feature[held], values[column], memory[column], zeros, topic[topic_held], topic_values[topic_held]
        )  # fmt: skip


def word_values(questions: Sequence[Question]) -> tuple[Hashes, F32]:
    """Sorted word hashes and their inverse document frequency, scaled so that a word met once gives 1.

    log(1 + n / df) / log(1 + n); words of more than COMMON_WORD of ten or more questions get 0.2 at most.
    """
    counts = Counter(word for question in questions for word in question.words.tolist())
    words = np.array(sorted(counts), dtype=np.uint64)
    met = np.array([counts[word] for word in words.tolist()], dtype=np.float64)
    total = len(questions)
    values = np.log1p(total / met) / np.log1p(total)
    if total >= 10:
        values = np.where(met > COMMON_WORD * total, np.minimum(values, 0.2), values)
    return words, values.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Answer:
    """One question with its answer as token ids (n,), the end included, and the contexts of those places."""

    question: Question
    target: I32
    context: Contexts

    @classmethod
    def of(cls, question: Question, ids: Sequence[int], hashes: Hashes) -> Answer:
        """`hashes` are the vocabulary's token hashes."""
        target = np.array(ids, dtype=np.int32)
        history = np.concatenate((np.zeros(HISTORY, np.uint64), hashes[target[:-1]]))
        return cls(question, target, contexts(question, history, len(ids)))


def new_layer(answers: Sequence[Answer], words: Hashes, says: F32, everywhere: I32, hedges: bool = False) -> Layer:
    """A layer of zero weights with every (feature, token) pair of the answers.

    The constant is paired with the tokens `everywhere` too, so that what the answers never say can be unlearnt.
    """
    nothing = Table(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    bare = Layer(np.zeros(0, np.uint64), nothing, words, says, hedges)
    keys: list[Hashes] = []
    tokens: list[I32] = []
    for answer in answers:
        of_position, _, _ = bare.position_keys(answer.question, answer.context)
        of_answer, _ = bare.topic_keys(answer.question)
        distinct = np.unique(answer.target)
        keys += [of_position.ravel(), np.repeat(of_answer, len(distinct))]
        tokens += [np.repeat(answer.target, of_position.shape[1]), np.tile(distinct, len(of_answer))]
    keys.append(np.repeat(_ALWAYS, len(everywhere)))
    tokens.append(everywhere)
    met, feature = np.unique(np.concatenate(keys), return_inverse=True)
    width = int(max(column.max() for column in tokens)) + 1
    pairs = np.unique(feature.ravel() * width + np.concatenate(tokens))
    owner, column = np.divmod(pairs, width)
    starts = np.searchsorted(owner, np.arange(len(met) + 1)).astype(np.int64)
    table = Table(starts, column.astype(np.int32), np.zeros(len(pairs), np.float32))
    return Layer(met, table, words, says, hedges)
