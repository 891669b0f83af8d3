"""The Chat tab with a tuned model and its base, questions asked of both, and files of pairs to ask from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.harness import Walk
from tui.tabs.chat import ChatTab

QUESTION = "What is lantern number 3?"
ANSWER = "Lantern 3 hangs at gate 21 of the garden."
TUNED, BASE = "lantern-keeper", "Claude 3 Haiku"


@asynccontextmanager
async def chatting(walk: Walk, files: Sequence[Path] = (), size: tuple[int, int] = (120, 30)) -> AsyncIterator[ChatTab]:
    """On the Chat tab, with a tuned model on side A and its base on side B."""
    async with walk.app(files, size=size) as app:
        await walk.sees("● 1 MU")
        await walk.press("4")
        await walk.sees(f"A  {TUNED} · 1 MU")
        yield app.screen.query_one(ChatTab)


async def ask(walk: Walk, tab: ChatTab, question: str = QUESTION) -> None:
    """Ask, and wait for both answers and for their places in the store."""
    tab.prompt.focus()
    await walk.type(question)
    await walk.press("enter")
    await stored(walk, tab)


async def stored(walk: Walk, tab: ChatTab) -> None:
    def there() -> bool:
        last = tab.conversation.last
        return last is not None and len(last.replies) == 2 and all(r.number for r in last.replies.values())

    await walk.until(there, "both answers in the store")


def write(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    path.write_text(json.dumps([{"question": q, "answer": a} for q, a in rows]), encoding="utf-8")
    return path
