"""Files found again: recent ones, walked folders, chosen keys, other names of the same file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.events import AppBlur, AppFocus, Key
from textual.widgets import Input

from tests.harness import Walk
from tui import turns
from tui.services.dataset import open_document
from tui.services.dataset.datasets import read_file
from tui.tabs import dataset
from tui.tabs.dataset import DatasetTab

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."} for n in range(40)]


def written(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


async def type_path(walk: Walk, text: str) -> None:
    await walk.press("o")
    await walk.sees("Open a file of pairs")
    walk.app_now.screen.query_one(Input).value = text


async def test_recent_files_come_first_and_a_missing_one_is_said(walk: Walk, tmp_path: Path) -> None:
    first = written(tmp_path / "one" / "提灯.json", PAIRS)
    second = written(tmp_path / "two" / "validation.json", PAIRS[:33])
    async with walk.app([first, second]):
        await walk.sees("40 pairs", "(1/2)")
        await walk.press("R")
        await walk.sees("VALIDATION")
    second.unlink()
    async with walk.app():
        await walk.sees("Press o to open one")
        await walk.press("o")
        await walk.sees("↻ 提灯.json", "validation · 2026", "↻ validation.json", "✗ not there any more")
        await walk.press("escape")
        await type_path(walk, "提")
        await walk.sees("↻ 提灯.json")
        await walk.misses("↻ validation.json")
        await walk.press("enter")
        await walk.sees("提灯.json", "VALIDATION", "40 pairs")


async def test_folders_are_walked_and_names_completed(walk: Walk, tmp_path: Path) -> None:
    written(tmp_path / "data" / "training.json", PAIRS)
    written(tmp_path / "data" / "training.csv", "q,a\n" + "What is it?,It is a lantern.\n" * 34)
    written(tmp_path / "data" / ".hidden.json", PAIRS)
    (tmp_path / "data" / "nowhere").symlink_to(tmp_path / "gone")
    async with walk.app() as app:
        await type_path(walk, f"{tmp_path}/da")
        await walk.sees("data/")
        await walk.press("tab")
        assert app.screen.query_one(Input).value == f"{tmp_path}/data/"
        await walk.sees("nowhere", "training.csv", "training.json")
        assert not walk.shows("hidden")
        await walk.press("t", "tab")
        assert app.screen.query_one(Input).value == f"{tmp_path}/data/training."
        await walk.press("down", "enter")
        await walk.sees("training.json", "40 pairs")
        await walk.press("o")
        await walk.sees("↻ training.json", "training.csv")
        await walk.press(*"training.c", "enter")
        await walk.sees("training.csv", "34 pairs", "(2/2)")
        await walk.press("o")
        await walk.sees("Open a file of pairs")
        await walk.type(str(tmp_path) + "/data/")
        await walk.until(lambda: app.screen.query_one(Input).value == f"{tmp_path}/data/", "the path typed anew")
        await walk.press("escape")
        await type_path(walk, f"{tmp_path}/data/nowhere")
        await walk.sees("nowhere")
        await walk.press("enter")
        await walk.sees("nowhere is a link to something that is not there")
        await type_path(walk, f"{tmp_path}/data")
        await walk.sees("data/")
        await walk.press("enter")
        await walk.sees("data/ is a folder: choose a file in it", "training.csv")
        await type_path(walk, f"{tmp_path}/none/x")
        await walk.sees("cannot be listed. No such file")


async def test_chosen_keys_are_remembered_for_the_file_and_for_files_like_it(walk: Walk, tmp_path: Path) -> None:
    rows = [{"left": f"What is {n}?", "right": f"It is {n}.", "note": f"no {n}"} for n in range(40)]
    one, other = written(tmp_path / "one.json", rows), written(tmp_path / "other.json", rows)
    async with walk.app([one]) as app:
        await walk.sees("which key holds the question?", "What is 0?", "123456789012")
        assert not app._opens()  # keys are for the dialog, not for the file that it asks for
        await walk.press("j", "enter")
        await walk.sees("which key holds the answer?")
        await walk.press("enter")
        await walk.sees("40 pairs", "Q  It is 0.")
    async with walk.app([one, other]):
        await walk.sees("question is “right”, answer “left”, as last time", "Q  It is 0.", "(1/2)")
        await walk.press("f")
        await walk.sees("(2/2)", "other.json", "Q  It is 0.")
        await walk.press("K")
        await walk.sees("which key holds the question?")
        await walk.press("enter")
        await walk.sees("which key holds the answer?")
        await walk.press("enter")
        await walk.sees("question is “left”, answer “right”", "Q  What is 0?")
    async with walk.app([other, one]):
        await walk.sees("Q  What is 0?", "other.json", "(1/2)")
        await walk.press("f")
        await walk.sees("one.json", "Q  It is 0.")


async def test_the_first_row_of_a_table_can_be_a_pair(walk: Walk, tmp_path: Path) -> None:
    table = written(tmp_path / "pairs.csv", "".join(f"What is lantern {n}?;It hangs at gate {n}.\n" for n in range(40)))
    named = written(tmp_path / "named.csv", "question,answer\n" + "What is it?,It is a lantern.\n" * 34)
    async with walk.app([table, named]):
        await walk.sees("40 pairs", "its columns have no names")
        await walk.press("K")
        await walk.sees("The first row of pairs.csv")
        await walk.press("k", "enter")
        await walk.sees("which key holds the question?", "What is lantern 0?")
        await walk.press("enter")
        await walk.sees("which key holds the answer?")
        await walk.press("enter")
        await walk.sees("39 pairs")
        await walk.press("d", "K")
        await walk.sees("pairs.csv has unsaved edits")
        await walk.press("w")
        await walk.sees("pairs.csv is saved")
    assert table.read_text().startswith("What is lantern 0?;It hangs at gate 0.\nWhat is lantern 2?")
    async with walk.app([table]):
        await walk.sees("38 pairs")


async def test_a_table_is_reopened_as_it_was_written_though_its_rows_mislead_now(walk: Walk, tmp_path: Path) -> None:
    table = written(tmp_path / "table.tsv", "one\ttwo\nthree\tfour\nlamp; five\tsix\ngate; seven\teight\tnine\n")
    async with walk.app([table]):
        await walk.sees("4 pairs", "three")
        await walk.press("d", "d", "w")
        await walk.sees("2 pairs", "table.tsv is saved")
    assert table.read_text() == "lamp; five\tsix\ngate; seven\teight\tnine\n"
    async with walk.app([table]):
        await walk.sees("2 pairs", "gate; seven", "eight")


async def test_one_file_under_two_names_is_opened_once(walk: Walk, tmp_path: Path) -> None:
    file = written(tmp_path / "training.json", PAIRS)
    (tmp_path / "soft.json").symlink_to(file)
    os.link(file, tmp_path / "hard.json")
    async with walk.app([file]):
        await walk.sees("✓ clean", "40 pairs")
        for name in ("soft.json", "hard.json"):
            await type_path(walk, str(tmp_path / name))
            await walk.press("enter")
            await walk.sees(f"{name} is the same file as training.json, which is open: here it is")
            assert not walk.shows("(1/2)")
        await walk.press("d")
        await walk.sees("39 pairs")
        await type_path(walk, f"{tmp_path}/../{tmp_path.name}/training.json")
        await walk.press("enter")
        await walk.sees("which is open with unsaved edits: here it is")


async def test_a_file_changed_behind_the_terminal_is_noticed_when_it_has_the_keys_again(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "LOOK_EVERY", 3600.0)
    path = written(tmp_path / "training.json", PAIRS)
    async with walk.app([path]) as app:
        await walk.sees("40 pairs")
        app.post_message(AppBlur())
        await walk.keyboard.pause()
        written(path, PAIRS[:35])
        app.post_message(AppFocus())
        await walk.sees("changed on disk", "w asks what to do")


async def test_a_path_that_could_not_be_opened_is_offered_again(walk: Walk, tmp_path: Path) -> None:
    there = written(tmp_path / "提灯.json", PAIRS)
    async with walk.app() as app:
        await type_path(walk, f"{tmp_path}/nobody/提灯.json")
        await walk.press("enter")
        await walk.sees("提灯.json is not there")
        await walk.press("o")
        await walk.sees("Open a file of pairs")
        field = app.screen.query_one(Input)
        assert field.value == f"{tmp_path}/nobody/提灯.json"
        await walk.type(str(there))  # behind it: what could not be opened gives way
        await walk.sees("▸ 提灯.json")
        assert field.value == str(there)
        await walk.press("enter")
        await walk.sees("40 pairs")
        await walk.press("o")
        assert app.screen.query_one(Input).value == f"{tmp_path}/"


async def test_files_are_closed_and_edits_asked_for(walk: Walk, tmp_path: Path) -> None:
    first, second = written(tmp_path / "training.json", PAIRS), written(tmp_path / "validation.json", PAIRS[:33])
    async with walk.app([first, second]) as app:
        await walk.sees("40 pairs", "(1/2)", "▲")  # what both share
        await walk.press("d", "Q")
        await walk.sees("Close training.json without saving?", "unsaved edits are gone")
        await walk.press("escape")
        await walk.sees("39 pairs", "● unsaved")
        await walk.press("Q", "y")
        await walk.sees("training.json is closed", "VALIDATION  33 pairs")
        await walk.misses("(1/2)")
        await walk.misses("▲ ")
        await walk.press("Q")
        await walk.sees("validation.json is closed", "No file is open. Press o")
        await walk.press("Q", "e", "d", "P", "enter")
        assert app.is_running
        await type_path(walk, str(first))
        await walk.press("enter")
        await walk.sees("training.json  TRAIN  40 pairs", "What is lantern 0?")


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file that is shown before it is read."""
    monkeypatch.setattr(open_document, "_LARGE", 1000)
    monkeypatch.setattr(open_document, "_BEGINNING", 9000)
    lines = [json.dumps({"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."}) for n in range(400)]
    return written(tmp_path / "many.jsonl", "\n".join(lines))


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Reading a file whole lasts until this is set."""
    done = threading.Event()

    def slowly(path: Path) -> tuple[bytes, os.stat_result]:
        done.wait()
        return read_file(path)

    monkeypatch.setattr("tui.services.dataset.open_document.read_file", slowly)
    yield done
    done.set()


async def test_a_large_file_is_seen_before_it_is_read_and_keys_are_for_the_whole(
    walk: Walk, large: Path, reading: threading.Event
) -> None:
    async with walk.app([large]) as app:
        await walk.sees("many.jsonl  TRAIN  reading …", "What is lantern 1?", "It hangs at gate 0.")
        app.post_message(Key("G", "G"))
        await walk.sees("What is lantern 1?", "reading …")
        reading.set()
        await walk.sees("400 pairs", "What is lantern 399?")
        assert not walk.shows("reading …")
        await walk.press("d", "u", "e")
        await walk.sees("Pair 400 of many.jsonl")
        tab = app.screen_stack[0].query_one(DatasetTab)
    begin = open_document.first_records(large)
    assert begin is not None
    tab.show_beginning(begin)  # told while the app was ending


async def test_keys_do_not_wait_for_ever_for_what_is_long_in_coming(
    walk: Walk, large: Path, reading: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_LIST_LONGEST", 0.1)
    async with walk.app([large]):
        await walk.sees("reading …")
        await walk.press("j", "2")
        await walk.sees("[2 Jobs]")
        assert not reading.is_set()


async def test_one_that_begins_well_and_is_refused_leaves_nothing_behind(
    walk: Walk, large: Path, reading: threading.Event
) -> None:
    large.write_bytes(large.read_bytes() + b"\n\xff")
    async with walk.app([large]):
        await walk.sees("reading …", "What is lantern 1?")
        reading.set()
        await walk.sees("many.jsonl is not valid UTF-8 at line 401, column 1", "Press o to open one")
        assert not walk.shows("lantern")
        await walk.press("j", "e", "G")
        assert not walk.shows("lantern")
