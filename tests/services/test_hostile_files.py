"""A corpus of hostile files: each is opened or refused with one sentence, and no byte changes that nobody edited."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.hostile import corpus
from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.pairs import Keys, UnclearKeys
from tui.services.dataset.documents import Documents, OpenDocument
from tui.services.pool import DaemonPool

NEW = '提灯, “new” "text"\nsecond line'


async def opened(documents: Documents, path: Path) -> OpenDocument | None:
    """The file, or nothing when it was refused as it ought to be."""
    refused: AppError | None = None
    try:
        return await documents.open(path)
    except UnclearKeys as unclear:
        keys = Keys(unclear.candidates[0], unclear.candidates[1])
    except AppError as error:
        refused, keys = error, None
    if refused is not None:
        refused_well(refused)
        return None
    return await documents.open(path, keys)


def refused_well(error: AppError) -> None:
    sentence = error.sentence()
    assert error.cause is Cause.FILE
    assert len(sentence) < 700
    assert all(ch.isprintable() for ch in sentence), repr(sentence)
    assert "Error" not in sentence


def texts(found: OpenDocument) -> list[str]:
    now = found.document.now
    return [now.text(index) for index in range(len(now))]


async def edited(documents: Documents, found: OpenDocument) -> int | None:
    """Edit the first record that takes an edit; its place."""
    for index in range(min(len(found.document.now), 5)):
        record = found.document.now[index]
        if isinstance(record, Record) and record.turns:
            after = replace(record, turns=(*record.turns[:-1], Turn(record.turns[-1].role, NEW)))
            try:
                await documents.do(found, lambda d, i=index, a=after: d.edit(i, a))  # type: ignore[misc]
            except FormatError:
                continue
            return index
    return None


async def test_every_file_of_the_corpus(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    paths = corpus(folder)
    assert len(paths) >= 150
    documents = Documents(DaemonPool(2), tmp_path / "state")
    taken, changed = 0, 0
    for path in paths:
        found = await opened(documents, path)
        if found is None:
            continue
        taken += 1
        now, before, raw = found.document.now, texts(found), path.read_bytes()
        assert len(now) == len(list(now)) == len(before)
        assert sorted(now.line(n) for n in range(len(now))) == [now.line(n) for n in range(len(now))]
        assert b"".join(now.render(found.document.encoding)) == raw, path
        at = await edited(documents, found)
        if at is not None:
            changed += 1
            await documents.save(found)
            again = await documents.open(path, found.keys or _keys(found))
            after = texts(again)
            assert [t for n, t in enumerate(after) if n != at] == [t for n, t in enumerate(before) if n != at], path
            record = again.document.now[at]
            assert isinstance(record, Record)
            assert record.turns[-1].text == NEW
            await documents.close(again)
        await documents.close(found)
    assert taken > 60
    assert changed > 50


def _keys(found: OpenDocument) -> Keys | None:
    layout = found.document.now.layout
    return layout.plain if isinstance(layout, Keys) else None


@pytest.mark.parametrize("seed", range(5))
async def test_good_files_broken_at_random(tmp_path: Path, seed: int) -> None:
    import random

    from tests.hostile import broken

    documents = Documents(DaemonPool(2), tmp_path / "state")
    for name, data in broken(random.Random(seed), 60).items():
        path = tmp_path / name
        path.write_bytes(data)
        found = await opened(documents, path)
        if found is not None:
            assert b"".join(found.document.now.render(found.document.encoding)) == data
            list(found.document.now)
            await documents.close(found)
