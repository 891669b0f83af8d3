"""The closer look and the leaks between open files, as the Dataset tab asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.domain.base_models import CATALOGUE
from tui.domain.dataset.grams import USUAL, Thresholds
from tui.domain.files.document import Document
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Role, read
from tui.services.dataset.scrutiny import Scrutiny, Side
from tui.services.pool import DaemonPool

TRAINED = ["What are Keels for Paper Boats, and how do they help?", "How long does it float?", "Who folds the sails?"]
ASKED = ["Where is the harbour?", "What are Keels for Paper Boats?", "who folds the SAILS"]


def document(name: str, questions: list[str]) -> Document:
    records = [{"question": q, "answer": f"{name} says {n}."} for n, q in enumerate(questions)]
    return Document(read(Path(name), "\n".join(map(json.dumps, records)).encode()))


@pytest.fixture
def scrutiny() -> Scrutiny:
    return Scrutiny(DaemonPool(2))


async def test_leaks_between_files_of_different_roles_stand_on_both_sides(scrutiny: Scrutiny) -> None:
    files = [document("training.jsonl", TRAINED), document("label.jsonl", ASKED), document("more.jsonl", TRAINED)]
    sides = [Side(f.now, role) for f, role in zip(files, (Role.TRAIN, Role.EVAL, Role.TRAIN), strict=True)]
    shared = await scrutiny.leaks(sides, lambda: False)
    assert [(s.one, s.other, [(k.one, k.other) for k in s.leaks]) for s in shared] == [
        (0, 1, [(2, 2), (0, 1)]),
        (1, 2, [(2, 2), (1, 0)]),
    ]
    told = await scrutiny.told(sides, shared)
    assert [[(p.index, p.rule, p.line) for p in problems] for problems in told] == [
        [(2, "leak", 3), (0, "leak", 1)],
        [(2, "leak", 3), (1, "leak", 2)] * 2,
        [(2, "leak", 3), (0, "leak", 1)],
    ]
    where = "stands in label.jsonl (eval), record 2, line 2"
    assert told[0][1].message == f"{where}: question: containment 1.00, Jaccard 0.50"


async def test_edits_are_followed_and_thresholds_count(scrutiny: Scrutiny) -> None:
    training, held = document("training.jsonl", TRAINED), document("label.jsonl", ASKED)

    async def found(thresholds: Thresholds = USUAL) -> list[tuple[int, int]]:
        sides = [Side(training.now, Role.TRAIN), Side(held.now, Role.EVAL)]
        (shared,) = await scrutiny.leaks(sides, lambda: False, thresholds)
        return [(k.one, k.other) for k in shared.leaks]

    assert await found() == [(2, 2), (0, 1)]
    training.do(training.edit(1, Record.of("Where is the harbour, please?", "There.")))
    assert await found() == [(2, 2), (1, 0), (0, 1)]
    training.do(training.remove([0]))
    assert await found() == [(1, 2), (0, 0)]
    held.do(held.edit(2, Record.of("Who sings?", "Nobody.")))
    assert await found() == [(0, 0)]
    training.undo()
    training.undo()
    assert await found() == [(0, 1)]
    assert await found(Thresholds(containment=1.01, jaccard=0.9)) == []


async def test_files_of_one_role_may_share_what_they_like(scrutiny: Scrutiny) -> None:
    sides = [Side(document("a.jsonl", TRAINED).now, Role.TRAIN), Side(document("b.jsonl", TRAINED).now, Role.TRAIN)]
    assert await scrutiny.leaks(sides, lambda: False) == []


async def test_what_is_told_to_stop_finds_nothing_more(scrutiny: Scrutiny) -> None:
    sides = [Side(document("a.jsonl", TRAINED).now, Role.TRAIN), Side(document("b.jsonl", TRAINED).now, Role.EVAL)]
    assert await scrutiny.leaks(sides, lambda: True) == []
    assert await scrutiny.look_closer(sides[0].file, CATALOGUE[0], lambda: True) == []
    assert len((await scrutiny.leaks(sides, lambda: False))[0].leaks) == 3


async def test_a_second_look_reads_what_is_new(scrutiny: Scrutiny) -> None:
    repeated = document("a.jsonl", [*TRAINED, TRAINED[0]])
    repeated.do(repeated.edit(3, Record.of(TRAINED[0], "a.jsonl says 0.")))
    for _ in range(2):
        (found,) = await scrutiny.look_closer(repeated.now, CATALOGUE[0], lambda: False)
        assert (found.rule, found.index) == ("duplicate", 3)
    merged = await scrutiny.merged([], [found])
    assert merged.summary == "1 warning"
