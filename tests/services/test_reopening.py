"""What was edited and saved is reopened as the same pairs, in whatever format: beside a list that says what they are.

More of them: `TANZAKU_REOPENINGS=5000 python -m pytest -n 2 tests/services/test_reopening.py`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tui.domain.errors import AppError
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.layouts import Keys, UnclearKeys
from tui.services.dataset.documents import Documents, OpenDocument
from tui.services.pool import DaemonPool

_ALL = int(os.environ.get("TANZAKU_REOPENINGS", "240"))
_BLOCK = 40
_WORDS = (
    "lamp", "門", "日本語の質問です。", "مرحبا", "שלום", "😀👩\u200d👩\u200d👧",
    "ก็", "e\u0301", "a;b;c", "1,5", "x\ty", "p|q", '"', '""', "“", "\n", "\r\n", "\r", " ", "\u3000",
    "=1+1", "-", "[", "{", "}", "]", '{"a": 1}', "#", "//", "\\", "\\n", "question", "answer", "\u202e", "\u2028",
    "\x85", "\x0c", "\x1b[2J", "", "null", "1e400",
)  # fmt: skip


_TYPED = (*_WORDS, "\ufeff", "\x00")


def _text(dice: random.Random, words: Sequence[str] = _WORDS) -> str:
    return "".join(dice.choices(words, k=dice.choice((0, 1, 1, 2, 3, 8))))


def _field(dice: random.Random, text: str, mark: str) -> str:
    """A field as careless programs write it: quoted where it need not be, and sometimes bare where it should not."""
    needs = any(ch in text for ch in f'{mark}"\r\n')
    if needs or dice.random() < 0.3:
        quoted = '"' + text.replace('"', '""') + '"'
        return f" {quoted}" if dice.random() < 0.05 else quoted
    return text


def _table(dice: random.Random) -> tuple[str, str]:
    mark, end = dice.choice(",;\t|"), dice.choice(("\n", "\r\n", "\r"))
    width = dice.choice((2, 2, 2, 3, 4))
    heading = dice.choice(
        (["question", "answer", "note", "id"], ["Frage", "Antwort", "c", "d"], ["a", "b", "c", "d"], [])
    )
    rows = [heading[:width]] if heading else []
    for _ in range(dice.choice((1, 2, 3, 12))):
        rows.append([_text(dice) for _ in range(max(1, width + dice.choice((0, 0, 0, 0, 0, 1, -1))))])
    lines = [mark.join(_field(dice, text, mark) for text in row) for row in rows]
    suffix = dice.choice((".csv", ".csv", ".tsv", ".tab", ".txt"))
    return suffix, end.join(lines) + dice.choice((end, end, ""))


def _json(dice: random.Random) -> tuple[str, str]:
    make = dice.choice((_plain, _messages, _conversation, _completion))
    values = [make(dice) for _ in range(dice.choice((1, 2, 3, 12)))]
    if dice.random() < 0.1:
        values.insert(dice.randrange(len(values)), dice.choice(({}, [], 5, None, {"question": "q", "answer": None})))
    ascii_only, end = dice.random() < 0.4, dice.choice(("\n", "\r\n"))
    if dice.random() < 0.5:
        return ".jsonl", end.join(json.dumps(v, ensure_ascii=ascii_only) for v in values) + dice.choice((end, ""))
    indent = dice.choice((None, 0, 2, "\t"))
    return ".json", json.dumps(values, ensure_ascii=ascii_only, indent=indent).replace("\n", end) + dice.choice(
        (end, "")
    )


def _plain(dice: random.Random) -> object:
    keys = dice.choice((("question", "answer"), ("Q", "A"), ("質問", "回答"), ("left", "right")))
    found: dict[str, object] = {keys[0]: _text(dice), keys[1]: _text(dice)}
    if dice.random() < 0.3:
        found[dice.choice(("id", "system", "note", "output"))] = dice.choice(
            (_text(dice), 10**30, 1.50, None, [[[[]]]])
        )
    return dict(dice.sample(list(found.items()), len(found)))


def _messages(dice: random.Random) -> object:
    turns = [{"role": ("user", "assistant")[n % 2], "content": _text(dice)} for n in range(2 * dice.randint(1, 3))]
    return ({"system": _text(dice)} if dice.random() < 0.3 else {}) | {"messages": turns}


def _conversation(dice: random.Random) -> object:
    turns = [
        {
            "role": ("user", "assistant")[n % 2],
            "content": [{"text": _text(dice)} for _ in range(dice.choice((1, 1, 2)))],
        }
        for n in range(2 * dice.randint(1, 3))
    ]
    return {"schemaVersion": "bedrock-conversation-2024", "system": [{"text": _text(dice)}], "messages": turns}


def _completion(dice: random.Random) -> object:
    return {"prompt": _text(dice), "completion": _text(dice)}


async def _opened(documents: Documents, path: Path, remembered: Keys | None = None) -> OpenDocument | None:
    """As the Dataset tab opens it: as it is guessed, then as it is remembered; None for a file that is refused."""
    try:
        found = await documents.open(path)
    except UnclearKeys as unclear:
        chosen = remembered or Keys(unclear.candidates[0], unclear.candidates[1])
        return await documents.open(path, chosen)
    except AppError:
        return None if remembered is None else await documents.open(path, remembered)
    layout = found.document.now.layout
    if remembered is not None and isinstance(layout, Keys) and not layout.agrees(remembered):
        return await documents.open(path, remembered, instead_of=found)
    return found


def _contents(found: OpenDocument) -> list[tuple[Record | None, str]]:
    """Each record and, of those that cannot be read, its text."""
    now = found.document.now
    read = [now.read(n) for n in range(len(now))]
    return [(r, "") if isinstance(r, Record) else (None, now.text(n).strip()) for n, r in enumerate(read)]


class _Editor:
    """Edits a file by dice and keeps a list of what has to be in it."""

    def __init__(self, documents: Documents, found: OpenDocument, dice: random.Random) -> None:
        self.documents = documents
        self.found = found
        self.dice = dice
        self.model = _contents(found)

    async def act(self) -> None:
        """One action; one that the file cannot hold changes nothing."""
        act: Callable[[], Awaitable[None]] = self.dice.choice(
            (self.edit, self.edit, self.edit, self.add, self.drop, self.undo)
        )
        with suppress(FormatError):
            await act()
        assert [r for r, _ in _contents(self.found)] == [r for r, _ in self.model]

    async def edit(self) -> None:
        at = self.dice.randrange(len(self.model))
        record = self.model[at][0]
        if record is None or not record.turns:
            return
        place = self.dice.randrange(len(record.turns))
        turns = list(record.turns)
        turns[place] = Turn(turns[place].role, _text(self.dice, _TYPED))
        after = replace(record, turns=tuple(turns))
        await self.documents.do(self.found, lambda d: d.edit(at, after))
        self.model[at] = (after, "")

    async def add(self) -> None:
        at, record = self.dice.randint(0, len(self.model)), Record.of(_text(self.dice, _TYPED), _text(self.dice))
        await self.documents.do(self.found, lambda d: d.add(at, record))
        self.model.insert(at, (record, ""))

    async def drop(self) -> None:
        if len(self.model) > 1:
            at = self.dice.randrange(len(self.model))
            await self.documents.do(self.found, lambda d: d.remove([at]))
            del self.model[at]

    async def undo(self) -> None:
        await self.documents.undo(self.found)
        self.model = _contents(self.found)


def _untouched(found: OpenDocument) -> Sequence[bytes]:
    now = found.document.now
    return [now.text(n).strip().encode() for n in range(len(now))]


@pytest.mark.parametrize("first", range(0, _ALL, _BLOCK))
async def test_what_was_saved_is_reopened_as_it_was(first: int, tmp_path: Path) -> None:
    documents = Documents(DaemonPool(2), tmp_path / "state")
    opened = 0
    for seed in range(first, first + _BLOCK):
        dice = random.Random(f"reopening {seed}")
        suffix, text = dice.choice((_table, _json))(dice)
        path = tmp_path / f"{seed}{suffix}"
        data = text.encode(dice.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be")), "replace")
        path.write_bytes(data)
        found = await _opened(documents, path)
        if found is None:
            continue
        editor = _Editor(documents, found, dice)
        for _ in range(dice.randint(1, 6)):
            await editor.act()
        try:
            await documents.save(found)
        except AppError:
            assert not any(record for record, _ in editor.model), seed
            continue
        again = await _opened(documents, path, found.keys)
        assert again is not None, seed
        assert _contents(again) == editor.model, seed
        assert _untouched(again) == _untouched(found), seed
        await documents.close(again)
        opened += 1
    assert opened > _BLOCK // 2
