"""Files made by dice: each is opened or refused with a sentence, checked both ways alike, edited and saved exactly."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.odd_files import file, text
from tests.services.test_hostile_files import opened, texts
from tui.domain.base_models import CATALOGUE
from tui.domain.dataset.checks import check, check_record
from tui.domain.dataset.filter import holds, matches, parse
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.pairs import Keys, Role
from tui.services.dataset.documents import Documents, NotInEncoding, OpenDocument
from tui.services.pool import DaemonPool

_BLOCK = 40


@pytest.mark.parametrize("first", range(0, 240, _BLOCK))
async def test_files_made_by_dice(first: int, tmp_path: Path) -> None:
    documents, taken = Documents(DaemonPool(2), tmp_path / "state"), 0
    for seed in range(first, first + _BLOCK):
        dice = random.Random(seed)
        suffix, data = file(dice)
        path = tmp_path / f"odd-{seed}{suffix}"
        path.write_bytes(data)
        found = await opened(documents, path)
        if found is not None:
            taken += 1
            assert b"".join(found.document.now.render(found.document.encoding)) == data, seed
            _alike_both_ways(found, seed)
            await _edited_and_saved(documents, found, dice)
            await documents.close(found)
    assert taken > _BLOCK // 5


def _alike_both_ways(found: OpenDocument, seed: int) -> None:
    """What many records at once are found to be, each is found to be by itself."""
    now, model = found.document.now, CATALOGUE[seed % len(CATALOGUE)]
    at_once = check(now, model, Role.TRAIN)
    assert all(ch.isprintable() for problem in at_once for ch in problem.message), seed
    told = {(p.index, p.rule, p.field) for p in at_once}
    assert {(i, f[0], f[2]) for i in range(len(now)) for f in check_record(now.read(i), model)} <= told, seed
    for typed in ("a", "!q:lamp", "tok>5", "a:灯"):
        query = parse(typed)
        hits = [index for _, some in matches(now, query, {}) for index in some]
        assert hits == [index for index in range(len(now)) if holds(query, now.read(index))], (seed, typed)


async def _edited_and_saved(documents: Documents, found: OpenDocument, dice: random.Random) -> None:
    before, index, new = texts(found), dice.randrange(len(found.document.now)), f"x{text(dice)}x"
    record = found.document.now[index]
    if not isinstance(record, Record) or not record.turns:
        return
    after = replace(record, turns=(*record.turns[:-1], Turn(record.turns[-1].role, new)))
    try:
        await documents.do(found, lambda d: d.edit(index, after))
    except FormatError:
        return
    layout = found.document.now.layout
    kept = texts(found)
    assert (kept[:index], kept[index + 1 :]) == (before[:index], before[index + 1 :])
    try:
        await documents.save(found)
    except NotInEncoding as refused:
        await documents.save(found, encoding=refused.encoding)
    again = await documents.open(found.path, found.keys or (layout.plain if isinstance(layout, Keys) else None))
    assert texts(again) == kept
    read = again.document.now[index]
    assert isinstance(read, Record)
    assert read.turns[-1].text == new
    await documents.close(again)
