"""Evaluations in the app's database: specs, answers, judgements."""

from __future__ import annotations

from tui.services.store import Store


class EvaluationStore:
    """Tables of their own in the store. Methods block for one fsync at most; call them from the pool."""

    def __init__(self, store: Store) -> None:
        self._store = store
