"""Pairs moved and copied between files: undone in each, and after a kill in both rather than in none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.harness import Walk
from tests.journeys.terminal import Terminal
from tests.journeys.test_editing import OFFLINE, kill

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."} for n in range(40)]
TABLE = "id,question,answer\n" + "".join(f"{n},Where is gate {n}?,Over the hill {n}.\n" for n in range(34))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    training, validation = tmp_path / "training.jsonl", tmp_path / "validation.csv"
    training.write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    validation.write_text(TABLE)
    return [training, validation]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


async def test_marked_pairs_move_and_each_half_is_undone_by_itself(walk: Walk, files: list[Path]) -> None:
    async with walk.app(files):
        await walk.sees("✓ clean", "(1/2)")
        await walk.press("space", "j", "j", "space", "m")
        await walk.sees("Move or copy 2 marked pairs of training.jsonl", "Move to validation.csv", "Copy to a new file")
        await walk.press("enter")
        await walk.sees("2 pairs moved to the end of validation.csv", "38 pairs", "● unsaved")
        await walk.press("f")
        await walk.sees("36 pairs", "● unsaved")
        await walk.press("u")
        await walk.sees(
            "Undone: arrival of 2 pairs from training.jsonl",
            "its other half, in training.jsonl, stands until u there (f)",
            "34 pairs",
        )
        await walk.press("U")
        await walk.sees("Redone: arrival of 2 pairs", "36 pairs")
        await walk.press("w")
        await walk.sees("validation.csv is saved")
        await walk.press("f", "u")
        await walk.sees(
            "Undone: move of 2 pairs to validation.csv; its other half, in validation.csv, stands", "40 pairs"
        )
        await walk.press("U", "w")
        await walk.sees("training.jsonl is saved")
    assert lines(files[1])[-2:] == [
        ",What is lantern 0?,It hangs at gate 0.",
        ",What is lantern 2?,It hangs at gate 2.",
    ]
    assert [json.loads(line) for line in lines(files[0])] == [PAIRS[1], *PAIRS[3:]]


async def test_a_copy_stays_and_what_has_no_column_is_said(walk: Walk, files: list[Path]) -> None:
    files[0].write_text("".join(json.dumps({**pair, "note": "n"}) + "\n" for pair in PAIRS))
    async with walk.app(files):
        await walk.sees("✓ clean", "(1/2)")
        await walk.press("m")
        await walk.sees("Move or copy pair 1 of training.jsonl", "It goes to the end")
        await walk.press("j", "j", "enter")
        await walk.sees("1 pair copied to the end of validation.csv; left out: note", "40 pairs")
        await walk.press("f")
        await walk.sees("35 pairs")


async def test_a_new_file_is_written_in_the_manner_of_the_old_one(walk: Walk, files: list[Path]) -> None:
    async with walk.app(files) as app:
        await walk.sees("✓ clean", "(1/2)")
        await walk.press("space", "j", "space", "m")
        await walk.sees("Move to a new file")
        await walk.press("j", "enter")
        await walk.sees("New file for 2 pairs")
        field = app.screen.query_one(Input)
        assert field.value == str(files[0].with_name("training-2.jsonl"))
        field.value = str(files[1])
        await walk.press("enter")
        await walk.sees("validation.csv is there already")
        app.screen.query_one(Input).value = str(files[0].with_name("評価 test.jsonl"))
        await walk.press("enter")
        await walk.sees("2 pairs moved to 評価 test.jsonl, which is open now", "38 pairs", "(1/3)")
        await walk.press("f", "f")
        await walk.sees("評価 test.jsonl", "EVAL", "2 pairs")
    assert files[0].with_name("評価 test.jsonl").read_text() == "".join(json.dumps(p) + "\n" for p in PAIRS[:2])


async def test_several_turns_have_no_place_in_a_table(walk: Walk, files: list[Path]) -> None:
    turns = [{"role": role, "content": f"{role} {n}"} for n in range(2) for role in ("user", "assistant")]
    files[0].write_text(json.dumps({"messages": turns}) + "\n")
    async with walk.app(files):
        await walk.sees("1 pair", "(1/2)")
        await walk.press("m")
        await walk.sees("Move to validation.csv")
        await walk.press("enter")
        await walk.sees("That cannot be done: a table holds pairs; the record has more turns")
        assert not walk.shows("unsaved")


def test_after_a_kill_moved_pairs_are_in_the_other_file(tmp_path: Path, files: list[Path]) -> None:
    with Terminal([str(f) for f in files], tmp_path) as terminal:
        terminal.sees(OFFLINE, "40 pairs")
        terminal.send("m")
        terminal.sees("Move to validation.csv")
        terminal.send("enter")
        terminal.sees("1 pair moved")
        kill(terminal)
    with Terminal([str(f) for f in files], tmp_path) as terminal:
        terminal.sees("Unsaved edits of validation.csv were found", "arrival of 1 pair from")
        terminal.send("enter")
        terminal.sees("Unsaved edits of training.jsonl were found", "move of 1 pair to")
        terminal.send("enter")
        terminal.sees("39 pairs", "unsaved")
        terminal.send("w")
        terminal.sees("training.jsonl is saved")
        terminal.send("f")
        terminal.sees("35 pairs")
        terminal.send("w")
        terminal.sees("validation.csv is saved")
    assert lines(files[1])[-1] == ",What is lantern 0?,It hangs at gate 0."
    assert len(lines(files[0])) == 39
