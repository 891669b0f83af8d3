"""Sampling parameters that a model refuses: left out from then on, with a note, in this session and the next."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from typing import Any, Protocol

from tui.domain.chat.chat import Parameters
from tui.domain.errors import AppError, Cause

_REFUSALS = ("deprecated", "both", "support", "not permitted", "not allowed")
"""Words by which a model refuses a parameter as such, and not merely the value it was given."""
_TOO_MANY = re.compile(r"model limit of ([\d,]+)")
_PLACE = "models"


class Memory(Protocol):
    """What keeps last choices."""

    def remember(self, place: str, key: str, value: str) -> None:
        """Keep a value."""

    def recall(self, place: str, key: str, default: str = "") -> str:
        """The value kept."""


class Learnt:
    """Small numbers learnt of each model, kept in the app's memory. Shared by threads, and for threads only.

    A memory that fails changes nothing but that they are learnt again in the next session.
    """

    def __init__(self, memory: Memory | None, key: str) -> None:
        self._memory = memory
        self._key = key
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, int]] | None = None

    def of(self, model_id: str) -> dict[str, int]:
        """What is known of a model."""
        with self._lock:
            return dict(self._all().get(model_id, {}))

    def add(self, model_id: str, news: dict[str, int]) -> None:
        """Know something more."""
        with self._lock:
            known = self._all()
            if known.get(model_id, {}) | news == known.get(model_id):
                return
            known[model_id] = known.get(model_id, {}) | news
            text = json.dumps(known)
        if self._memory:
            with contextlib.suppress(AppError):
                self._memory.remember(_PLACE, self._key, text)

    def _all(self) -> dict[str, dict[str, int]]:
        if self._known is None:
            self._known = {}
            with contextlib.suppress(AppError, ValueError, TypeError, AttributeError):
                kept = json.loads(self._memory.recall(_PLACE, self._key, "{}")) if self._memory else {}
                self._known = {str(model): {str(k): int(v) for k, v in news.items()} for model, news in kept.items()}
        return self._known


class Refusals:
    """What each model refuses, learnt from its own words. Shared by threads, and for threads only."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._learnt = Learnt(memory, "refused parameters")

    def config(self, model_id: str, parameters: Parameters) -> dict[str, Any]:
        """The inferenceConfig to ask with, without what the model is known to refuse."""
        refused = self._learnt.of(model_id)
        limit = refused.get("maxTokens") or parameters.max_tokens
        config: dict[str, Any] = {"maxTokens": min(parameters.max_tokens, limit)}
        if parameters.temperature is not None and "temperature" not in refused:
            config["temperature"] = parameters.temperature
        if parameters.top_p is not None and "topP" not in refused:
            config["topP"] = parameters.top_p
        return config

    def learn(self, model_id: str, error: AppError, config: dict[str, Any]) -> str:
        """Take out of `config` what this error refuses; says what was done, or nothing when it refuses nothing.

        `asked without temperature, which this model refuses`
        """
        if error.cause is not Cause.INVALID:
            return ""
        most = _TOO_MANY.search(error.detail)
        if most and (limit := int(most[1].replace(",", ""))) and config["maxTokens"] > limit:
            config["maxTokens"] = limit
            self._learnt.add(model_id, {"maxTokens": limit})
            return f"asked for at most {limit:,} tokens, this model's limit"
        names = _refused(error.detail, config)
        for name in names:
            del config[name]
        if not names:
            return ""
        self._learnt.add(model_id, dict.fromkeys(names, 0))
        told = " and ".join(sorted("top_p" if name == "topP" else name for name in names))
        return f"asked without {told}, which this model refuses"


def _refused(detail: str, config: dict[str, Any]) -> set[str]:
    said = detail.casefold().replace("_", "")
    if not any(word in said for word in _REFUSALS):
        return set()
    sampling: set[str] = {name for name in ("temperature", "topP") if name in config}
    if len(sampling) == 2 and "both" in said:
        return {"topP"}
    named = {name for name in sampling if name.casefold() in said}
    # A model that calls one of them deprecated takes neither.
    return sampling if named and "deprecated" in said else named
