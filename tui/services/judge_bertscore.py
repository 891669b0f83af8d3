"""BERTScore's F1 of answer and reference, computed on this machine (extra `bertscore`)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tui.domain.errors import AppError, Cause
from tui.domain.evaluation import Question
from tui.domain.text import safe_line
from tui.services.pool import DaemonPool

_INSTALL = 'pip install "tanzaku[bertscore]"'


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
        try:
            parts = [float(part[0]) for part in self._encoder.score([answer], [reference])]
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
    folder = Path(name).expanduser()
    known = folder.name if folder.is_dir() else name
    try:
        layers = model2layers.get(known) or _layers(folder)
        made: Encoder = BERTScorer(model_type=str(folder) if folder.is_dir() else name, num_layers=layers)
    except Exception as error:  # whatever torch, transformers and the hub raise
        detail = safe_line(f"{type(error).__name__}: {error}", 200)
        raise AppError(
            Cause.NOT_FOUND, "BERTScore's model cannot be loaded", detail, "Name another model, or a folder"
        ) from error
    return made


def _layers(folder: Path) -> int:
    """Of a model that the library has no best layer for, the last one."""
    return int(json.loads((folder / "config.json").read_text("utf-8"))["num_hidden_layers"])
