"""Every answer that was ever given here, by whatever model: searched, shown, and put together as it was said."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tui.domain.chat.conversation import KeptAnswer
from tui.services.pool import DaemonPool
from tui.services.process_identity import alive, whoami
from tui.services.store import Store, Tables

_TABLE = """
CREATE TABLE IF NOT EXISTS turns (
    answer INTEGER PRIMARY KEY, conversation TEXT NOT NULL, turn INTEGER NOT NULL, side TEXT NOT NULL,
    blind INTEGER NOT NULL, reference TEXT NOT NULL, origin TEXT NOT NULL
)
"""
_ROUNDS = "CREATE TABLE IF NOT EXISTS blind_rounds (conversation TEXT PRIMARY KEY, owner TEXT NOT NULL)"
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
        self._tables = Tables(store, _TABLE, _INDEX, _ROUNDS)
        self._pool = pool

    async def add(self, place: str, kept: KeptAnswer) -> int:
        """Store an answer and give its number; one that has a number already is written anew under it.

        Raises AppError when the disk refuses.
        """
        return await self._pool.run(self.add_now, place, kept)

    async def search(self, place: str, words: str, *, without: str = "") -> list[KeptAnswer]:
        """Answers whose question, text or model holds every word in whatever case, newest first; all without words.

        Those of the conversation `without` are left out, and of rounds that are blind in any open window: the names
        would tell who stands on which side there.
        """
        return await self._pool.run(self._search, place, words, without)

    async def begin_blind(self, conversation: str) -> None:
        """Leave a conversation out of every window's history until it is told, or this process ends."""
        sql = "INSERT OR REPLACE INTO blind_rounds VALUES (?,?)"
        await self._pool.run(self._tables.write, sql, (conversation, json.dumps(whoami())))

    async def end_blind(self, conversation: str) -> None:
        """The names are told."""
        await self._pool.run(self._tables.write, "DELETE FROM blind_rounds WHERE conversation=?", (conversation,))

    async def last_conversation(self, place: str) -> list[KeptAnswer]:
        """The answers of the newest conversation, in the order in which they came."""
        return await self._pool.run(self._last, place)

    def add_now(self, place: str, kept: KeptAnswer) -> int:
        """As `add`, on the thread that calls."""
        if kept.number:
            self._tables.write(
                "UPDATE answers SET parameters=?, answer=?, footer=?, whole=? WHERE id=?",
                (kept.parameters, kept.answer, kept.footer, int(kept.whole), kept.number),
            )
            self._tables.write(
                "UPDATE turns SET reference=?, origin=? WHERE answer=?", (kept.reference, kept.origin, kept.number)
            )
            return kept.number
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
        self._tables.write(
            "INSERT OR REPLACE INTO turns VALUES (?,?,?,?,?,?,?)",
            (number, kept.conversation, kept.turn, kept.side, int(kept.blind), kept.reference, kept.origin),
        )
        return number

    def _search(self, place: str, words: str, without: str) -> list[KeptAnswer]:
        found = [_holds(word) for word in words.split()[:8]]
        conditions = "".join(f" AND {condition}" for condition, _ in found)
        hidden = self._blind() | {without or "-"}
        marks = ",".join("?" * len(hidden))
        sql = f"{_SELECT} WHERE a.place=? AND (t.conversation IS NULL OR t.conversation NOT IN ({marks})){conditions}"
        values = (place, *hidden, *(value for _, value in found), MOST)
        return [_kept(row) for row in self._tables.read(f"{sql} ORDER BY a.id DESC LIMIT ?", values)]

    def _blind(self) -> set[str]:
        """Conversations in which somebody sees no names now."""
        rows = self._tables.read("SELECT conversation, owner FROM blind_rounds")
        return {conversation for conversation, owner in rows if alive(json.loads(owner))}

    def _last(self, place: str) -> list[KeptAnswer]:
        hidden = self._blind() | {""}
        newest = self._tables.read(
            "SELECT t.conversation FROM turns t JOIN answers a ON a.id = t.answer WHERE a.place=?"
            f" AND t.conversation NOT IN ({','.join('?' * len(hidden))}) ORDER BY t.answer DESC LIMIT 1",
            (place, *hidden),
        )
        if not newest:
            return []
        sql = f"{_SELECT} WHERE a.place=? AND t.conversation=? ORDER BY a.id"
        return [_kept(row) for row in self._tables.read(sql, (place, newest[0][0]))]


def _holds(word: str) -> tuple[str, str]:
    """A condition and its value. SQLite's LIKE knows no case but that of a to z; other letters cost a call each row."""
    text = "(a.question || char(10) || a.answer || char(10) || a.target)"
    if not word.isascii() and any(letter.lower() != letter.upper() for letter in word):
        return f"instr(folded({text}), ?) > 0", word.casefold()
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{text} LIKE ? ESCAPE '\\'", f"%{escaped}%"


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
