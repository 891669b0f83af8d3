"""Where pairs come from that were drafted outside the list, for files that cannot hold it themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tui.domain.dataset.drafts import PairDraft, Provenance
from tui.services.pool import DaemonPool
from tui.services.store import Store, Tables

_TABLE = """
CREATE TABLE IF NOT EXISTS origins (
    id INTEGER PRIMARY KEY, place TEXT NOT NULL, path TEXT NOT NULL, pair TEXT NOT NULL, provenance TEXT NOT NULL
)
"""


class Origins:
    """A pair is known by what it says, so that its origin is found wherever in the file it stands later."""

    def __init__(self, store: Store, pool: DaemonPool) -> None:
        self._tables = Tables(store, _TABLE)
        self._pool = pool

    async def add(self, place: str, path: Path, draft: PairDraft) -> None:
        """Keep a pair's origin. Raises AppError when the disk refuses."""
        await self._pool.run(self._add, place, path, draft)

    async def of(self, place: str, question: str, answer: str) -> list[Provenance]:
        """The origins of a pair, in any file, oldest first."""
        return await self._pool.run(self._of, place, question, answer)

    def _add(self, place: str, path: Path, draft: PairDraft) -> None:
        self._tables.write(
            "INSERT INTO origins (place, path, pair, provenance) VALUES (?,?,?,?)",
            (place, str(path), _digest(draft.question, draft.answer), json.dumps(draft.provenance.to_dict())),
        )

    def _of(self, place: str, question: str, answer: str) -> list[Provenance]:
        rows = self._tables.read(
            "SELECT provenance FROM origins WHERE place=? AND pair=? ORDER BY id", (place, _digest(question, answer))
        )
        return [Provenance(**json.loads(row[0])) for row in rows]


def _digest(question: str, answer: str) -> str:
    return hashlib.sha256(json.dumps([question, answer]).encode()).hexdigest()
