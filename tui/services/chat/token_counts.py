"""What models counted of texts, kept so that estimates get better with every answer."""

from __future__ import annotations

from collections.abc import Mapping

from tui.domain.base_models import BaseModel, base_id, find
from tui.domain.errors import AppError, Cause
from tui.domain.tokens import Rate, Script, plausible, script_of
from tui.services.aws import Aws
from tui.services.pool import DaemonPool
from tui.services.store import Store, Tables

_SCHEMA = """CREATE TABLE IF NOT EXISTS token_counts (
    model TEXT NOT NULL, script TEXT NOT NULL, way TEXT NOT NULL, tokens INTEGER NOT NULL, characters INTEGER NOT NULL,
    texts INTEGER NOT NULL, PRIMARY KEY (model, script, way)
)"""
_COUNTED, _ANSWERED = "counted", "answered"
SAMPLE = 20_000
"""Characters of each script that CountTokens is asked about."""


class TokenCounts:
    """Rates of tokens by model and script. Models are kept under their runtime ids."""

    def __init__(self, store: Store, pool: DaemonPool, aws: Aws) -> None:
        self._tables = Tables(store, _SCHEMA)
        self._pool = pool
        self._aws = aws

    async def note(self, model_id: str, answer: str, tokens: int | None) -> None:
        """Learn from an answer that a base model gave whole. Raises AppError when the memory cannot be written.

        Endpoints of custom models do not say which base model they are of; nothing is learnt from them, nor from
        counts that hold more than the text.
        """
        model = find(model_id)
        if model is not None and tokens and plausible(tokens, len(answer)):
            row = (model.runtime_id, script_of(answer), _ANSWERED, tokens, len(answer), 1)
            await self._pool.run(self._add, row)

    async def rates(self, model: BaseModel) -> dict[Script, Rate]:
        """What is known of a base model; what it was asked to count goes before its answers."""
        return await self._pool.run(self._rates, base_id(model.runtime_id))

    async def measure(self, model: BaseModel, samples: Mapping[Script, tuple[str, int]]) -> None:
        """Have CountTokens count a sample (text, and of how many texts) of each script; it costs nothing.

        Raises AppError; for a model that does not count, one that says so.
        """
        for script, (text, texts) in samples.items():
            given = {"converse": {"messages": [{"role": "user", "content": [{"text": text}]}]}}
            try:
                answer = await self._aws.call(
                    "bedrock-runtime",
                    "count_tokens",
                    {"modelId": model.runtime_id, "input": given},
                    need=("inputTokens",),
                )
            except AppError as error:
                if error.cause is not Cause.INVALID:
                    raise
                title = f"{model.name} cannot be asked to count tokens"
                hint = "Whole answers of it in Chat teach the same"
                raise AppError(Cause.INVALID, title, error.detail, hint) from error
            from tui.services.aws_errors import counted, odd_answer

            tokens = counted(answer["inputTokens"])
            if tokens is None:
                raise odd_answer("count_tokens", "no number of tokens")
            row = (model.runtime_id, script, _COUNTED, tokens, len(text), texts)
            await self._pool.run(self._put, row)

    def _add(self, row: tuple[str, str, str, int, int, int]) -> None:
        self._tables.write(
            "INSERT INTO token_counts VALUES (?,?,?,?,?,?) ON CONFLICT (model, script, way) DO UPDATE SET"
            " tokens=tokens+excluded.tokens, characters=characters+excluded.characters, texts=texts+excluded.texts",
            row,
        )

    def _put(self, row: tuple[str, str, str, int, int, int]) -> None:
        self._tables.write("INSERT OR REPLACE INTO token_counts VALUES (?,?,?,?,?,?)", row)

    def _rates(self, model: str) -> dict[Script, Rate]:
        rows = self._tables.read(
            "SELECT script, tokens, characters, texts FROM token_counts WHERE model=? ORDER BY way='counted'", (model,)
        )
        return {Script(script): Rate(tokens, characters, texts) for script, tokens, characters, texts in rows}
