"""Text replaced in many records: what would change, patterns that are hostile, and one step that does it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tui.domain.dataset.replacing import Plan, Replacement, Where
from tui.domain.errors import AppError
from tui.domain.files.bulk_texts import BATCH
from tui.domain.files.document import Document
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Keys, PairFile, read
from tui.services.dataset.replacing import planned, step

LIGHT = "A Lantern is a light; lanterns burn."
PAIRS = [
    {"q": "What is a lantern?", "a": "A Lantern is a light; lanterns burn.", "system": "Be a lantern."},
    {"q": "提灯とは?", "a": "提灯は明かり。$1 \\1"},
    {"q": "Where?", "a": "There."},
]


def file(pairs: list[dict[str, str]] | None = None) -> PairFile:
    lines = [json.dumps(pair, ensure_ascii=False) for pair in pairs or PAIRS]
    return read(Path("x.jsonl"), "\n".join(lines).encode(), Keys("q", "a"))


def plan(what: Replacement, scope: list[int] | None = None) -> Plan:
    return planned(file(), scope, what, lambda: False)


def texts(found: Plan) -> list[tuple[int, str, str, str | None]]:
    return [(c.index, c.after.question, c.after.answer, c.after.system) for c in found.changes]


@pytest.mark.parametrize(
    ("what", "size", "first"),
    [
        (Replacement("lantern", "lamp"), "1 pair, 3 places", "What is a lamp?|A lamp is a light; lamps burn."),
        (Replacement("lantern", "lamp", case=True), "1 pair, 2 places",
         "What is a lamp?|A Lantern is a light; lamps burn."),
        (Replacement("lantern", "lamp", words=True), "1 pair, 2 places",
         "What is a lamp?|A lamp is a light; lanterns burn."),
        (Replacement("lantern", "lamp", Where.QUESTION), "1 pair, 1 place", f"What is a lamp?|{LIGHT}"),
        (Replacement(r"(l)(\w+)", r"\2\1", Where.ANSWER, pattern=True, case=True), "1 pair, 2 places",
         "What is a lantern?|A Lantern is a ightl; anternsl burn."),
        (Replacement("提灯", "燈籠"), "1 pair, 2 places", "燈籠とは?|燈籠は明かり。$1 \\1"),
        (Replacement("$1 \\1", "[x]"), "1 pair, 1 place", "提灯とは?|提灯は明かり。[x]"),
        (Replacement("?", "\\1"), "3 pairs, 3 places", f"What is a lantern\\1|{LIGHT}"),
        (Replacement("lantern", "lantern", case=True), "0 pairs, 0 places", ""),
        (Replacement("^", "> ", Where.QUESTION, pattern=True), "3 pairs, 3 places", f"> What is a lantern?|{LIGHT}"),
    ],
)  # fmt: skip
def test_what_would_change(what: Replacement, size: str, first: str) -> None:
    found = plan(what)
    assert found.size == size
    assert "|".join((found.changes[0].after.question, found.changes[0].after.answer) if found.changes else []) == first


def test_system_prompts_and_the_scope() -> None:
    assert texts(plan(Replacement("lantern", "lamp", Where.SYSTEM)))[0][3] == "Be a lamp."
    assert plan(Replacement("lantern", "lamp", Where.ALL)).places == 4
    assert [c.index for c in plan(Replacement("e", "E"), [1, 2]).changes] == [2]


@pytest.mark.parametrize(
    ("find", "by"),
    [
        ("(", ""),
        ("[a", ""),
        ("(a)", "\\2"),
        ("a", "\\"),
        ("(?P<x", ""),
        ("a{999999999}", ""),
        ("(a{900}){900}", ""),
    ],
)
def test_a_bad_pattern_is_told(find: str, by: str) -> None:
    with pytest.raises(AppError) as caught:
        plan(Replacement(find, by, pattern=True))
    assert "regular expression" in caught.value.title or "too large" in caught.value.title


def test_a_pattern_that_never_ends_is_stopped() -> None:
    began = time.monotonic()
    with pytest.raises(AppError, match="takes too long") as caught:
        planned(file([{"q": "a" * 70 + "b", "a": "x"}]), None, Replacement("(a|aa)+$", "", pattern=True), lambda: False)
    assert "pair 1" in caught.value.detail
    assert time.monotonic() - began < 20


def test_one_step_changes_all_and_leaves_what_was_changed_meanwhile() -> None:
    document = Document(file())
    found = planned(document.now, None, Replacement("?", "!"), lambda: False)
    document.do(document.edit(1, Record.of("提灯とは?!", "提灯は明かり。$1 \\1")))
    made = step(document, found)
    document.do(made)
    assert made.name == "replacing in 2 pairs"
    lines = [PAIRS[0] | {"q": "What is a lantern!"}, PAIRS[1] | {"q": "提灯とは?!"}, PAIRS[2] | {"q": "Where!"}]
    assert [json.loads(document.now.text(index)) for index in range(3)] == lines
    document.undo()
    assert document.now.text(0) == json.dumps(PAIRS[0], ensure_ascii=False)


def test_it_ends_when_told() -> None:
    many = file([{"q": f"What {n}?", "a": "x"} for n in range(3 * BATCH)])
    asked = iter([False, True])

    def stop() -> bool:
        return next(asked)

    found = planned(many, None, Replacement("?", "!"), stop)
    assert len(found.changes) == BATCH
