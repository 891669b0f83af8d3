"""Votes: which of two stored answers was better, kept with everything that was compared."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.services.pool import DaemonPool
from tui.services.store import Store, Tables

_TABLE = """
CREATE TABLE IF NOT EXISTS votes (
    left_answer INTEGER NOT NULL, right_answer INTEGER NOT NULL, place TEXT NOT NULL, question TEXT NOT NULL,
    reference TEXT NOT NULL, left_side TEXT NOT NULL, right_side TEXT NOT NULL, verdict TEXT NOT NULL,
    blind INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (left_answer, right_answer)
)
"""


class Votes:
    """One vote for each two answers; another one replaces it."""

    def __init__(self, store: Store, pool: DaemonPool) -> None:
        self._tables = Tables(store, _TABLE)
        self._pool = pool

    async def add(self, place: str, vote: Vote) -> None:
        """Keep a vote. Raises AppError when the disk refuses."""
        await self._pool.run(self._add, place, vote)

    async def list_votes(self, place: str) -> list[Vote]:
        """Every vote, oldest first. Raises AppError when the app's memory cannot be read."""
        return await self._pool.run(self._list, place)

    def _add(self, place: str, vote: Vote) -> None:
        self._tables.write(
            "INSERT OR REPLACE INTO votes VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                vote.left.number,
                vote.right.number,
                place,
                vote.question,
                vote.reference,
                json.dumps(asdict(vote.left)),
                json.dumps(asdict(vote.right)),
                vote.verdict,
                int(vote.blind),
                vote.at.isoformat(),
            ),
        )

    def _list(self, place: str) -> list[Vote]:
        rows = self._tables.read(
            "SELECT question, left_side, right_side, verdict, blind, at, reference FROM votes"
            " WHERE place=? ORDER BY at, rowid",
            (place,),
        )
        return [
            Vote(
                question,
                VotedAnswer(**json.loads(left)),
                VotedAnswer(**json.loads(right)),
                Verdict(verdict),
                bool(blind),
                datetime.fromisoformat(at),
                reference,
            )
            for question, left, right, verdict, blind, at, reference in rows
        ]
