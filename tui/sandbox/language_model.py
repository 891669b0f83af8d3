"""The sandbox's models: a small base model, adapters trained on top of it, and generation of text.

The base model is made from general question-and-answer pairs when it is first asked for; nothing is shipped
but those pairs. It knows nothing of any product and says so. An adapter is one or more trained layers with
the pieces of text they speak about; it is stored as plain arrays, so loading one never executes code.
"""

from __future__ import annotations

import codecs
import io
import json
import threading
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import ClassVar

import numpy as np

from tui.sandbox import features as ft
from tui.sandbox import log_linear as ll
from tui.sandbox.tokens import END, FIRST_PIECE, Hashes, Vocabulary, count_tokens, pieces

__all__ = ["MAX_TOKENS_PER_EXAMPLE", "Adapter", "BaseModel", "Generation", "count_tokens", "generate"]

MAX_TOKENS_PER_EXAMPLE = 4_000
"""Tokens of an answer that are learnt; what is longer is cut there."""
SHARPENING = 2.0
"""Scores are multiplied by this before sampling, so that a small model stays itself at temperature 1."""
NO_REPEAT = 14
"""A run of this many tokens never comes twice in one answer."""
MAX_ADAPTER_BYTES = 512 * 1024 * 1024
"""Unpacked size above which an adapter file is refused."""

_UNREADABLE = (
    ValueError, LookupError, TypeError, AttributeError, EOFError, OSError, RuntimeError, SyntaxError, MemoryError,
    zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What the zip, NumPy and JSON readers raise for files that are none or are damaged."""
_PASSES = 7
_BASE_BATCH = 32
_BASE_RATE = 0.8
_SPELL_EVERY = 6
_LESSON_EVERY = 5


class BaseModel:
    """The frozen base: a vocabulary and one layer."""

    _loading: ClassVar[threading.Lock] = threading.Lock()
    _loaded: ClassVar[BaseModel | None] = None

    def __init__(self, vocabulary: Vocabulary, layer: ft.Layer) -> None:
        self.vocabulary = vocabulary
        self.layer = layer

    @classmethod
    def load(cls) -> BaseModel:
        """The base model, made on the first call of the process and shared from then on."""
        with cls._loading:
            if cls._loaded is None:
                cls._loaded = cls._make()
            return cls._loaded

    @classmethod
    def _make(cls) -> BaseModel:
        texts = json.loads(files("tui.sandbox").joinpath("neutral.json").read_text(encoding="utf-8"))
        general = [(pair["question"], pair["answer"]) for pair in texts["general"]]
        hedges = [(pair["question"], pair["answer"]) for pair in texts["hedges"]]
        vocabulary = Vocabulary(sorted({piece for _, answer in general + hedges for piece in pieces(answer)}))
        questions = [ft.Question.of(question) for question, _ in general + hedges]
        words, says = _known_words(questions, len(general))
        answers = [
            ft.Answer.of(question, [*vocabulary.encode(answer, MAX_TOKENS_PER_EXAMPLE), END], vocabulary.hashes)
            for question, (_, answer) in zip(questions, general + hedges, strict=True)
        ]
        answers += _spelling_lessons(vocabulary, [answer for _, answer in general])
        with np.errstate(over="ignore", under="ignore"):
            return cls(vocabulary, _pretrain(answers, words, says, len(vocabulary)))


def _spelling_lessons(vocabulary: Vocabulary, texts: Sequence[str]) -> list[ft.Answer]:
    """Answers to no question with some words spelled in bytes: how the base model learns to spell new words."""
    nothing = ft.Question.of("")
    return [
        ft.Answer.of(nothing, [*vocabulary.encode_spelled(text, _SPELL_EVERY, index), END], vocabulary.hashes)
        for index, text in enumerate(texts[::_LESSON_EVERY])
    ]


def _known_words(questions: Sequence[ft.Question], general: int) -> tuple[Hashes, ft.F32]:
    """Words the base model knows. A name met in a single hedge stays unknown: so it learns to hedge."""
    words, says = ft.word_values(questions)
    of_general = {word for question in questions[:general] for word in question.words.tolist()}
    of_hedges = [word for question in questions[general:] for word in question.words.tolist()]
    known = np.array([word in of_general or of_hedges.count(word) > 1 for word in words.tolist()])
    return words[known], says[known]


def _pretrain(answers: Sequence[ft.Answer], words: Hashes, says: ft.F32, width: int) -> ft.Layer:
    layer = ft.new_layer(answers, words, says, np.arange(width, dtype=np.int32), hedges=True)
    optimiser = ll.Adagrad.of(layer)
    active = [(layer.active(answer.question, answer.context),) for answer in answers]
    random = np.random.default_rng(0)
    for _ in range(_PASSES):
        order = random.permutation(len(answers))
        for start in range(0, len(order), _BASE_BATCH):
            chosen = order[start : start + _BASE_BATCH]
            batch = ll.Batch.of([answers[i] for i in chosen], [active[i] for i in chosen])
            optimiser.step((), drop_memory(batch, random), width, _BASE_RATE)
    return layer


def drop_memory(batch: ll.Batch, random: np.random.Generator) -> ll.Batch:
    """The batch without the last layer's memory features in half of its answers, so that the rest learns too."""
    dropped = random.random(batch.answers) < 0.5
    own = batch.active[-1].without_memory(dropped[batch.answer])
    return replace(batch, active=(*batch.active[:-1], own))


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """Trained layers on top of the base model. Their columns index `tokens`: bytes, the end, then `known`."""

    known: tuple[str, ...]
    layers: tuple[ft.Layer, ...]

    def to_bytes(self) -> bytes:
        """The adapter as an .npz file of plain arrays; the same adapter gives the same bytes."""
        meta = {"format": "tanzaku-adapter", "version": 1, "layers": len(self.layers), "known": self.known}
        arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
            "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
        }
        for index, layer in enumerate(self.layers):
            table = layer.table
            arrays |= {
                f"keys{index}": layer.keys, f"starts{index}": table.starts, f"columns{index}": table.columns,
                f"weights{index}": table.weights, f"words{index}": layer.words, f"says{index}": layer.says,
            }  # fmt: skip
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Adapter:
        """The adapter stored in `data`; ValueError when it is not one or does not fit together."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > MAX_ADAPTER_BYTES:
                    raise ValueError("it is too large")
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                meta = json.loads(arrays["meta"].tobytes())
                if meta["format"] != "tanzaku-adapter" or meta["version"] != 1 or meta["layers"] < 1:
                    raise ValueError("it has another format or version")
                known = tuple(str(piece) for piece in meta["known"])
                layers = tuple(
                    _checked_layer(arrays, index, FIRST_PIECE + len(known)) for index in range(int(meta["layers"]))
                )
        except _UNREADABLE as error:
            raise ValueError(f"This is not a sandbox adapter: {error}") from error
        return cls(known, layers)


def _checked_layer(arrays: np.lib.npyio.NpzFile, index: int, width: int) -> ft.Layer:
    keys, starts = arrays[f"keys{index}"], arrays[f"starts{index}"]
    columns, weights = arrays[f"columns{index}"], arrays[f"weights{index}"]
    words, says = arrays[f"words{index}"], arrays[f"says{index}"]
    kinds = ((keys, np.uint64), (starts, np.int64), (columns, np.int32), (weights, np.float32))
    for array, kind in (*kinds, (words, np.uint64), (says, np.float32)):
        if array.dtype != kind or array.ndim != 1:
            raise ValueError("an array has another type or shape")
    fits = (
        len(keys) > 0 and len(starts) == len(keys) + 1 and len(columns) == len(weights) and len(words) == len(says)
        and starts[0] == 0 and starts[-1] == len(columns) and bool(np.all(np.diff(starts) >= 0))
        and bool(np.all(keys[1:] > keys[:-1])) and bool(np.all(words[1:] > words[:-1]))
        and bool(np.all((columns >= 0) & (columns < width)))
        and bool(np.all(np.isfinite(weights))) and bool(np.all(np.isfinite(says)))
    )  # fmt: skip
    if not fits:
        raise ValueError("its arrays do not fit together")
    return ft.Layer(keys, ft.Table(starts, columns, weights), words, says)


def renumbered(layer: ft.Layer, ids: ft.I32) -> ft.Layer:
    """The layer with token `ids[c]` in place of column c; the weights are shared."""
    return replace(layer, table=replace(layer.table, columns=ids[layer.table.columns]))


def place(base: BaseModel, adapter: Adapter | None) -> tuple[Vocabulary, tuple[ft.Layer, ...]]:
    """The vocabulary of base and adapter together, and all layers with its ids, the base's first."""
    if adapter is None:
        return base.vocabulary, (base.layer,)
    vocabulary = base.vocabulary.extended(adapter.known)
    ids = np.array([*range(FIRST_PIECE), *(vocabulary.id_of(piece) for piece in adapter.known)], dtype=np.int32)
    return vocabulary, (base.layer, *(renumbered(layer, ids) for layer in adapter.layers))


def packed(vocabulary: Vocabulary, layers: Sequence[ft.Layer]) -> Adapter:
    """An adapter of layers whose columns are ids of `vocabulary`; holds only the pieces they use."""
    used = np.unique(np.concatenate([layer.table.columns for layer in layers]))
    used = used[used >= FIRST_PIECE]
    ids = np.zeros(len(vocabulary), dtype=np.int32)
    ids[:FIRST_PIECE] = np.arange(FIRST_PIECE)
    ids[used] = FIRST_PIECE + np.arange(len(used))
    known = tuple(vocabulary.pieces[token - FIRST_PIECE] for token in used.tolist())
    return Adapter(known, tuple(renumbered(layer, ids) for layer in layers))


class _Decoder:
    """Scores of the next token of one answer, given the tokens so far."""

    def __init__(self, base: BaseModel, adapter: Adapter | None, question: ft.Question) -> None:
        self.vocabulary, self._layers = place(base, adapter)
        self._question = question
        self._tables = [layer.table for layer in self._layers]
        self._history: Hashes = np.zeros(ft.HISTORY, dtype=np.uint64)
        nothing = ll.Batch(np.zeros(0, np.int32), np.zeros(0, np.int64), 1, self._active())
        self._topic = ll.topic_scores(self._tables, nothing, len(self.vocabulary))[0]

    def _active(self) -> tuple[ft.Active, ...]:
        context = ft.contexts(self._question, self._history, 1)
        return tuple(layer.active(self._question, context) for layer in self._layers)

    def scores(self) -> ll.F64:
        """Scores (vocabulary,) of the next token."""
        scores: ll.F64 = self._topic.astype(np.float64)
        for table, active in zip(self._tables, self._active(), strict=True):
            owner, pair = table.spread(active.feature)
            weighted = table.weights[pair] * active.x[owner]
            scores += np.bincount(table.columns[pair], weighted, minlength=len(scores))
        return scores

    def take(self, token: int) -> None:
        """Append a token to the answer."""
        self._history = np.append(self._history[1:], self.vocabulary.hashes[token])


def _sample(scores: ll.F64, temperature: float, top_p: float, random: np.random.Generator) -> int:
    """A token by nucleus sampling; the best one when the temperature is 0."""
    if temperature <= 0.0:
        return int(np.argmax(scores))
    shares = np.exp((scores - scores.max()) * (SHARPENING / max(temperature, 1e-3)))
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")
    cumulative = np.cumsum(shares[order])
    kept = int(np.searchsorted(cumulative, top_p)) + 1
    kept = min(kept, len(order))
    return int(order[min(int(np.searchsorted(cumulative[:kept], random.random() * cumulative[kept - 1])), kept - 1)])


class Generation:
    """One answer as pieces of text, made while it is iterated over; can be iterated once.

    After the last piece `stop_reason` is "end_turn", "max_tokens" or "stop_sequence".
    """

    def __init__(self, texts: Iterator[int], vocabulary: Vocabulary, limit: int, stops: Sequence[str]) -> None:
        self._tokens = texts
        self._vocabulary = vocabulary
        self._limit = limit
        self._stops = [stop for stop in stops if stop]
        self.stop_reason = "max_tokens"
        self.output_tokens = 0
        self._iterator = self._run()

    def __iter__(self) -> Iterator[str]:
        return self._iterator

    def _run(self) -> Iterator[str]:
        held = ""
        for text in self._texts():
            held += text
            cut = min((at for at in (held.find(stop) for stop in self._stops) if at >= 0), default=-1)
            if cut >= 0:
                self.stop_reason = "stop_sequence"
                if cut:
                    yield held[:cut]
                return
            keep = max((_overlap(held, stop) for stop in self._stops), default=0)
            if len(held) > keep:
                yield held[: len(held) - keep]
                held = held[len(held) - keep :]
        if held:
            yield held

    def _texts(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while self.output_tokens < self._limit:
            token = next(self._tokens)
            if token == END:
                self.stop_reason = "end_turn"
                break
            self.output_tokens += 1
            if text := decoder.decode(self._vocabulary.raw(token)):
                yield text
        if rest := decoder.decode(b"", final=True):
            yield rest


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def _tokens(decoder: _Decoder, temperature: float, top_p: float, seed: int) -> Iterator[int]:
    """Tokens of one answer without end; whoever asks stops at END."""
    random = np.random.default_rng(seed)
    said: list[int] = []
    followed: dict[tuple[int, ...], list[int]] = {}
    while True:
        with np.errstate(over="ignore", under="ignore"):
            scores = decoder.scores()
            run = tuple(said[-(NO_REPEAT - 1) :]) if len(said) >= NO_REPEAT - 1 else None
            if run is not None:
                scores[followed.get(run, [])] = -np.inf
            token = _sample(scores, temperature, top_p, random)
            decoder.take(token)
        if run is not None:
            followed.setdefault(run, []).append(token)
        said.append(token)
        yield token


def generate(
    base: BaseModel,
    adapter: Adapter | None,
    *,
    messages: Sequence[tuple[str, str]],
    system: str | None = None,
    max_tokens: int = 512,
    temperature: float = 1.0,
    top_p: float = 0.999,
    stop_sequences: Sequence[str] = (),
    seed: int = 0,
) -> Generation:
    """The answer to the last user message; earlier user messages lend their words with a lower weight.

    The system prompt is accepted and changes nothing: so small a model could not follow it. `messages` are
    (role, text); ValueError without a user message. The same arguments give the same answer.
    """
    asked = [text for role, text in messages if role == "user"]
    if not asked:
        raise ValueError("A conversation needs a user message")
    question = ft.Question.of(asked[-1], before=asked[:-1])
    with np.errstate(over="ignore", under="ignore"):
        decoder = _Decoder(base, adapter, question)
    return Generation(_tokens(decoder, temperature, top_p, seed), decoder.vocabulary, max_tokens, stop_sequences)
