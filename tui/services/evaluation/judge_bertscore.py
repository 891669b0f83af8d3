"""BERTScore's F1 of answer and reference, computed on this machine (extra `bertscore`)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.spec import Question
from tui.domain.folders import typed_path
from tui.domain.text import safe_line
from tui.services.pool import DaemonPool

_INSTALL = 'pip install "tanzaku[bertscore]"'
_LONGEST = 512
"""Tokens that are read where neither the tokenizer nor the model tells its limit."""


class Encoder(Protocol):
    """What `bert_score.BERTScorer` offers: precision, recall and F1 of each candidate with its reference."""

    def score(self, cands: Sequence[str], refs: Sequence[str]) -> Sequence[Any]: ...


class BertScoreJudge:
    """Scores only, 0 to 1. The model is loaded with the first score, on the one thread that uses it."""

    def __init__(self, encoder: str, load: Callable[[str], Encoder] | None = None) -> None:
        self._name = encoder
        self._load = load or load_encoder
        self._encoder: Encoder | None = None
        self._pool = DaemonPool(1, "bertscore")

    async def score(self, question: Question, answer: str) -> tuple[float, str]:
        """F1 (Zhang et al. 2020, BERTScore, equation of F_BERT), without baseline rescaling. Raises AppError."""
        return await self._pool.run(self._score, question.reference, answer)

    async def prefer(self, question: Question, first: str, second: str) -> tuple[int | None, str]:
        """Never asked: scores decide."""
        raise AppError(Cause.INVALID, "BERTScore compares no answers with each other")

    def _score(self, reference: str, answer: str) -> tuple[float, str]:
        if self._encoder is None:
            self._encoder = self._load(self._name)
        # The library fails on texts without a word, and its tokenizers on halves of characters.
        cands, refs = ([text.encode("utf-8", "replace").decode()] for text in (answer, reference))
        if not cands[0].strip() or not refs[0].strip():
            return 0.0, "there is no text to compare"
        try:
            parts = [float(part[0]) for part in self._encoder.score(cands, refs)]
            precision, recall, value = parts
        except Exception as error:  # whatever torch, transformers and the model's own files raise
            detail = safe_line(f"{type(error).__name__}: {error}", 200)
            raise AppError(Cause.INCOMPLETE, "BERTScore failed", detail, "Look at the two texts") from error
        if not math.isfinite(value):
            raise AppError(Cause.INCOMPLETE, "BERTScore gave no number", hint="Look at the two texts")
        return value, f"precision {precision:.3f}, recall {recall:.3f}"


def load_encoder(name: str) -> Encoder:
    """The scorer with a model by its name, or in a local folder. Blocks, for long. Raises AppError."""
    if not name.strip():
        raise AppError(Cause.INVALID, "BERTScore needs a model", hint="Name one, or the folder of one")
    try:
        from bert_score import BERTScorer
        from bert_score.utils import model2layers
    except ImportError as error:
        raise AppError(Cause.NOT_FOUND, "BERTScore is not installed", safe_line(str(error), 120), _INSTALL) from None
    folder = typed_path(name)
    known = folder.name if folder.is_dir() else name
    try:
        layers = model2layers.get(known) or _layers(folder)
        made: Any = BERTScorer(model_type=str(folder) if folder.is_dir() else name, num_layers=layers)
        _limit(made)
    except Exception as error:  # whatever torch, transformers and the hub raise
        detail = safe_line(f"{type(error).__name__}: {error}", 200)
        raise AppError(
            Cause.NOT_FOUND, "BERTScore's model cannot be loaded", detail, "Name another model, or a folder"
        ) from error
    encoder: Encoder = made
    return encoder


def _limit(scorer: Any) -> None:
    """Some tokenizers come without a limit: the library then hands over a number that no model can read up to."""
    tokenizer, config = scorer._tokenizer, scorer._model.config
    most = getattr(config, "max_position_embeddings", None) or _LONGEST
    # Positions of some models begin after that of the padding.
    most -= (getattr(config, "pad_token_id", None) or 0) + 1 if "roberta" in str(config.model_type) else 0
    tokenizer.model_max_length = min(tokenizer.model_max_length, max(most, 1))


def _layers(folder: Path) -> int:
    """Of a model that the library has no best layer for, the last one."""
    return int(json.loads((folder / "config.json").read_text("utf-8"))["num_hidden_layers"])
