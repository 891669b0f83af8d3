"""Texts that are being typed, kept on disk until they are accepted or given up.

Rows belong to the process that writes them. What a process left that is gone is claimed by the next one that starts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from tui.domain.clock import Now
from tui.domain.unfinished import Unfinished
from tui.services.pool import DaemonPool
from tui.services.process_identity import alive, whoami
from tui.services.store import Store, Tables

_TABLE = """
CREATE TABLE IF NOT EXISTS unfinished (
    key TEXT NOT NULL, owner TEXT NOT NULL, heading TEXT NOT NULL, texts TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (key, owner)
)
"""
_FORGOTTEN = timedelta(days=60)


class UnfinishedTexts:
    """One row for what each is for; the latest is kept."""

    def __init__(self, store: Store, pool: DaemonPool, *, now: Now) -> None:
        self._tables = Tables(store, _TABLE)
        self._pool = pool
        self._now = now
        self._owner = json.dumps(whoami())
        self._left: dict[str, Unfinished] = {}
        self._wanted: dict[str, Unfinished] = {}
        self._lock = asyncio.Lock()
        self._loaded = False

    async def load(self) -> list[Unfinished]:
        """What processes left that are gone, the latest first. Raises AppError when it cannot be read."""
        async with self._lock:
            if not self._loaded:
                self._left = {one.key: one for one in await self._pool.run(self._claim)} | self._left
                self._loaded = True
        return sorted(self._left.values(), key=lambda one: one.at, reverse=True)

    def left(self, key: str) -> Unfinished | None:
        """What was left of this, as far as it is loaded."""
        return self._left.get(key)

    def put(self, key: str, heading: str, texts: Mapping[str, str]) -> None:
        """Have it written with the next `settle`; no texts: it is accepted or given up."""
        self._left.pop(key, None)
        self._wanted[key] = Unfinished(key, heading, dict(texts), self._now())

    async def settle(self) -> None:
        """On disk when this returns. Raises AppError when the disk refuses; the next one tries again."""
        async with self._lock:
            wanted, self._wanted = self._wanted, {}
            try:
                if wanted:
                    await self._pool.run(self._write, wanted)
            except BaseException:
                self._wanted = wanted | self._wanted
                raise

    def _claim(self) -> list[Unfinished]:
        self._tables.write("DELETE FROM unfinished WHERE at < ?", ((self._now() - _FORGOTTEN).isoformat(),))
        found = []
        rows = self._tables.read("SELECT key, owner, heading, texts, at FROM unfinished ORDER BY at")
        for key, owner, heading, texts, at in rows:
            if alive(json.loads(owner)):
                continue
            # An older one of the same goes; another window that starts now may be quicker.
            if self._tables.change(
                "UPDATE OR REPLACE unfinished SET owner=? WHERE key=? AND owner=?", (self._owner, key, owner)
            ):
                found.append(Unfinished(key, heading, json.loads(texts), datetime.fromisoformat(at)))
        return found

    def _write(self, wanted: Mapping[str, Unfinished]) -> None:
        for one in wanted.values():
            if one.texts:
                values = (one.key, self._owner, one.heading, json.dumps(dict(one.texts)), one.at.isoformat())
                self._tables.write("INSERT OR REPLACE INTO unfinished VALUES (?,?,?,?,?)", values)
            else:
                self._tables.write("DELETE FROM unfinished WHERE key=? AND owner=?", (one.key, self._owner))
