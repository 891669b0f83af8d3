"""Every answer that was ever given here, by whatever model: searched, shown, and put together as it was said."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from tui.domain.conversation import KeptAnswer
from tui.services.pool import DaemonPool
from tui.services.store import Store

_TABLE = """
CREATE TABLE IF NOT EXISTS turns (
    answer INTEGER PRIMARY KEY, conversation TEXT NOT NULL, turn INTEGER NOT NULL, side TEXT NOT NULL,
    blind INTEGER NOT NULL, reference TEXT NOT NULL, origin TEXT NOT NULL
)
"""
_INDEX = "CREATE INDEX IF NOT EXISTS turns_of ON turns (conversation)"
_SELECT = (
    "SELECT a.id, a.target, a.model_id, a.question, a.system, a.parameters, a.answer, a.footer, a.whole, a.at,"
    " coalesce(t.conversation, ''), coalesce(t.turn, 0), coalesce(t.side, ''), coalesce(t.blind, 0),"
    " coalesce(t.reference, ''), coalesce(t.origin, '') FROM answers a LEFT JOIN turns t ON t.answer = a.id"
)
MOST = 500
"""Answers that one search gives at most, the newest."""


class History:
    """Answers in the store, and where they stood in their conversations."""

    def __init__(self, store: Store, pool: DaemonPool) -> None:
        self._store = store
        self._pool = pool

    async def add(self, place: str, kept: KeptAnswer) -> int:
        """Store an answer; its `number` is given by the store. Raises AppError when the disk refuses."""
        return await self._pool.run(self.add_now, place, kept)

    async def search(self, place: str, words: str, *, without: Collection[int] = ()) -> list[KeptAnswer]:
        """Answers whose question, text or model holds every word, newest first; all without words."""
        return await self._pool.run(self._search, place, words, frozenset(without))

    async def last_conversation(self, place: str) -> list[KeptAnswer]:
        """The answers of the newest conversation, in the order in which they came."""
        return await self._pool.run(self._last, place)

    def add_now(self, place: str, kept: KeptAnswer) -> int:
        """As `add`, on the thread that calls."""
        self._store.write(_TABLE)
        fields = {
            "target": kept.target,
            "model_id": kept.model_id,
            "question": kept.question,
            "system": kept.system,
            "parameters": kept.parameters,
            "answer": kept.answer,
            "footer": kept.footer,
        }
        number = self._store.add_answer(place, fields, whole=kept.whole)
        self._store.write(
            "INSERT OR REPLACE INTO turns VALUES (?,?,?,?,?,?,?)",
            (number, kept.conversation, kept.turn, kept.side, int(kept.blind), kept.reference, kept.origin),
        )
        return number

    def _ready(self) -> None:
        self._store.write(_TABLE)
        self._store.write(_INDEX)

    def _search(self, place: str, words: str, without: frozenset[int]) -> list[KeptAnswer]:
        self._ready()
        wanted = words.split()[:8]
        text = "(a.question || char(10) || a.answer || char(10) || a.target)"
        conditions = "".join(f" AND {text} LIKE ? ESCAPE '\\'" for _ in wanted)
        values = tuple(f"%{_escaped(word)}%" for word in wanted)
        sql = f"{_SELECT} WHERE a.place=?{conditions} ORDER BY a.id DESC LIMIT ?"
        rows = self._store.read(sql, (place, *values, MOST + len(without)))
        return [one for one in map(_kept, rows) if one.number not in without][:MOST]

    def _last(self, place: str) -> list[KeptAnswer]:
        self._ready()
        newest = self._store.read(
            "SELECT t.conversation FROM turns t JOIN answers a ON a.id = t.answer WHERE a.place=?"
            " AND t.conversation != '' ORDER BY t.answer DESC LIMIT 1",
            (place,),
        )
        if not newest:
            return []
        sql = f"{_SELECT} WHERE a.place=? AND t.conversation=? ORDER BY a.id"
        return [_kept(row) for row in self._store.read(sql, (place, newest[0][0]))]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _kept(row: tuple[Any, ...]) -> KeptAnswer:
    number, target, model_id, question, system, parameters, answer, footer, whole, at, *place = row
    conversation, turn, side, blind, reference, origin = place
    return KeptAnswer(
        number,
        target,
        model_id,
        question,
        system,
        parameters,
        answer,
        footer,
        bool(whole),
        datetime.fromisoformat(at),
        conversation,
        turn,
        side,
        bool(blind),
        reference,
        origin,
    )
