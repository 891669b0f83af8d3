"""System prompts and parameters kept under names, for every account and Region."""

from __future__ import annotations

from tui.domain.chat.chat import Parameters
from tui.domain.chat.conversation import Preset
from tui.services.pool import DaemonPool
from tui.services.store import Store, Tables

_TABLE = """
CREATE TABLE IF NOT EXISTS presets (
    name TEXT PRIMARY KEY, system TEXT NOT NULL, max_tokens INTEGER NOT NULL, temperature REAL, top_p REAL
)
"""


class Presets:
    """Each method raises AppError when the app's memory cannot be used."""

    def __init__(self, store: Store, pool: DaemonPool) -> None:
        self._tables = Tables(store, _TABLE)
        self._pool = pool

    async def all(self) -> list[Preset]:
        """Every preset, by name."""
        return await self._pool.run(self._all)

    async def save(self, preset: Preset) -> None:
        """Keep a preset; one of the same name is replaced."""
        await self._pool.run(self._save, preset)

    async def delete(self, name: str) -> None:
        """Drop a preset."""
        await self._pool.run(self._delete, name)

    def _all(self) -> list[Preset]:
        rows = self._tables.read("SELECT name, system, max_tokens, temperature, top_p FROM presets ORDER BY name")
        return [Preset(name, system, Parameters(*values)) for name, system, *values in rows]

    def _save(self, preset: Preset) -> None:
        given = preset.parameters
        self._tables.write(
            "INSERT OR REPLACE INTO presets VALUES (?,?,?,?,?)",
            (preset.name, preset.system, given.max_tokens, given.temperature, given.top_p),
        )

    def _delete(self, name: str) -> None:
        self._tables.write("DELETE FROM presets WHERE name=?", (name,))
