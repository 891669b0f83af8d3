"""Written pairs that wait for a person: in the app's memory from the moment they come until they are in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tui.domain.chat.structure import Usage
from tui.domain.clock import Now, utc_now
from tui.domain.dataset.generation import Batch, Draft, SourceDocument, Verdict, Wish, Written
from tui.services.pool import DaemonPool
from tui.services.store import Store, Tables

_TABLES = (
    "CREATE TABLE IF NOT EXISTS generations (id INTEGER PRIMARY KEY, place TEXT NOT NULL, facts TEXT NOT NULL,"
    " made TEXT NOT NULL, ended TEXT NOT NULL DEFAULT '', input INTEGER NOT NULL DEFAULT 0,"
    " output INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS generated (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, question TEXT NOT NULL,"
    " answer TEXT NOT NULL, part TEXT NOT NULL, verdict TEXT NOT NULL, edited INTEGER NOT NULL DEFAULT 0)",
)
_FACTS = ("document", "sha256", "model_id", "model_name", "wanted")


class ReviewQueue:
    """Batches of written pairs. Each method raises AppError when the disk refuses."""

    def __init__(self, store: Store, pool: DaemonPool, *, now: Now = utc_now) -> None:
        self._tables = Tables(store, *_TABLES)
        self._pool = pool
        self._now = now

    async def begin(self, place: str, document: SourceDocument, wish: Wish) -> int:
        """A new batch; gives its number."""
        facts = {
            "document": document.path.name,
            "sha256": document.sha256,
            "model_id": wish.model_id,
            "model_name": wish.model_name,
            "wanted": wish.number,
        }
        return await self._pool.run(self._begin, place, facts)

    async def add(self, batch: int, pairs: Sequence[Written], part: str, usage: Usage) -> None:
        """What came of one ask, and what it cost; on disk when this returns."""
        await self._pool.run(self._add, batch, pairs, part, usage)

    async def end(self, batch: int, why: str) -> None:
        """It came to its end."""
        await self._pool.run(self._tables.write, "UPDATE generations SET ended=? WHERE id=?", (why, batch))

    async def mark(self, numbers: Iterable[int], verdict: Verdict) -> None:
        """Another verdict on drafts."""
        await self._pool.run(self._mark, sorted(numbers), verdict)

    async def rewrite(self, draft: Draft) -> None:
        """Other texts."""
        sql = "UPDATE generated SET question=?, answer=?, verdict=?, edited=? WHERE id=?"
        values = (draft.question, draft.answer, draft.verdict.value, int(draft.edited), draft.number)
        await self._pool.run(self._tables.write, sql, values)

    async def batch(self, number: int) -> Batch | None:
        """One batch with all its pairs."""
        found = await self._pool.run(self._batches, "id=?", (number,))
        return found[0] if found else None

    async def waiting(self, place: str) -> list[Batch]:
        """Batches with pairs that nobody has decided on, or that are accepted and in no file; the newest first."""
        found = await self._pool.run(self._batches, "place=?", (place,))
        return [batch for batch in reversed(found) if batch.waiting]

    # On a thread

    def _begin(self, place: str, facts: dict[str, Any]) -> int:
        made = self._now().isoformat(timespec="seconds")
        sql = "INSERT INTO generations (place, facts, made) VALUES (?,?,?)"
        return self._tables.write(sql, (place, json.dumps(facts), made))

    def _add(self, batch: int, pairs: Sequence[Written], part: str, usage: Usage) -> None:
        if pairs:
            marks = ",".join("(?,?,?,?,?)" for _ in pairs)
            values = [value for p in pairs for value in (batch, p.question, p.answer, part, Verdict.OPEN.value)]
            sql = f"INSERT INTO generated (batch, question, answer, part, verdict) VALUES {marks}"
            self._tables.write(sql, tuple(values))
        sql = "UPDATE generations SET input=input+?, output=output+? WHERE id=?"
        self._tables.write(sql, (usage.input, usage.output, batch))

    def _mark(self, numbers: list[int], verdict: Verdict) -> None:
        for at in range(0, len(numbers), 500):  # SQLite takes 999 values in older versions
            some = numbers[at : at + 500]
            sql = f"UPDATE generated SET verdict=? WHERE id IN ({','.join('?' for _ in some)})"
            self._tables.write(sql, (verdict.value, *some))

    def _batches(self, where: str, values: tuple[Any, ...]) -> list[Batch]:
        rows = self._tables.read(
            f"SELECT id, facts, made, ended, input, output FROM generations WHERE {where} ORDER BY id", values
        )
        found = []
        for number, facts, made, ended, read, written in rows:
            known = {name: value for name, value in json.loads(facts).items() if name in _FACTS}
            drafts = self._tables.read(
                "SELECT id, question, answer, part, verdict, edited FROM generated WHERE batch=? ORDER BY id", (number,)
            )
            found.append(
                Batch(
                    number,
                    made=made,
                    ended=ended,
                    usage=Usage(read, written),
                    drafts=tuple(Draft(i, q, a, p, Verdict(v), bool(e)) for i, q, a, p, v, e in drafts),
                    **known,
                )
            )
        return found
