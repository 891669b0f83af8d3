"""What changed between two looks, also when the app was closed between them."""

from __future__ import annotations

import json

from tui.domain.training.runs import Board, News, Part, Seen, since, states
from tui.services.pool import DaemonPool
from tui.services.store import Store

_KEY = "last board"


class NewsDesk:
    """Compares each board with the one before; the first of a session with the last one of the session before."""

    def __init__(self, store: Store, pool: DaemonPool) -> None:
        self._store = store
        self._pool = pool
        self._place = ""
        self._before: dict[str, Seen] = {}

    async def read(self, place: str, board: Board) -> tuple[list[News], bool]:
        """The news, and whether they came while the app was closed. Raises AppError when the store does."""
        if board.seen is None or board.problem is not None:
            return [], False
        away = place != self._place
        before = await self._pool.run(self._kept, place) if away else self._before
        news = since(before, board)
        now = states(board)
        # What could not be listed is not forgotten.
        now |= {arn: seen for arn, seen in before.items() if seen.part in board.missed and arn not in now}
        self._place, self._before = place, now
        if now != before:
            kept = {arn: [s.name, s.status, s.part.value, s.moving] for arn, s in now.items()}
            await self._pool.run(self._store.remember, place, _KEY, json.dumps(kept))
        return news, away

    def _kept(self, place: str) -> dict[str, Seen]:
        try:
            kept = json.loads(self._store.recall(place, _KEY, "{}"))
            return {arn: Seen(name, status, Part(part), moving) for arn, (name, status, part, moving) in kept.items()}
        except (ValueError, TypeError, AttributeError):
            return {}  # written by another version: nothing to compare with
