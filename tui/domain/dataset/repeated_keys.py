"""Keys that stand twice in one JSON object: readers take the last one, and the text of the first is lost unseen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from tui.domain.base_models import DataFormat
from tui.domain.files.chats import Chat
from tui.domain.files.json_text import members
from tui.domain.files.layouts import Columns, Layout
from tui.domain.files.pairs import Pairs

_BATCH = 256
_OF_FORMAT = {
    DataFormat.CLAUDE_MESSAGES: ("system", "messages"),
    DataFormat.BEDROCK_CONVERSATION: ("system", "messages", "schemaVersion"),
    DataFormat.PROMPT_COMPLETION: ("prompt", "completion"),
}


def twice(pairs: Pairs, should_stop: Callable[[], bool]) -> Iterator[tuple[int, str]]:
    """Records in which a key that matters stands more than once, and that key; ends early when told to stop."""
    layout = pairs.layout
    if isinstance(layout, Columns):
        return
    keys = _keys(layout)
    written = {key: _spellings(key) for key in keys}
    for start in range(0, len(pairs), _BATCH):
        if should_stop():
            return
        for index, body in enumerate(pairs.bodies(start, start + _BATCH), start):
            for key, literals in written.items():
                if sum(map(body.count, literals)) > 1 and _stands_twice(body, key):
                    yield index, key


def _spellings(key: str) -> set[bytes]:
    # Half a character cannot stand in a file but as an escape.
    return {json.dumps(key, ensure_ascii=ascii_only).encode("utf-8", "replace") for ascii_only in (True, False)}


def _keys(layout: Layout) -> tuple[str, ...]:
    if isinstance(layout, Chat):
        return "system", layout.turns
    if isinstance(layout, DataFormat):
        return _OF_FORMAT[layout]
    return tuple(filter(None, (layout.question, layout.answer, layout.system_key)))


def _stands_twice(body: bytes, key: str) -> bool:
    try:
        return [m.key for m in members(body.decode("utf-8").strip())].count(key) > 1
    except (ValueError, LookupError, RecursionError):  # a damaged record, which is said elsewhere
        return False
