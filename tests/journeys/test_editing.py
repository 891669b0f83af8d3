"""Pairs edited by keys: undone, redone, saved, fought over, and brought back after a kill."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from tests.harness import Walk
from tests.journeys.terminal import Terminal

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."} for n in range(40)]
JAPANESE = "提灯は三番目の門に掛かっています。\n夜に灯ります。"
OFFLINE = "No AWS Region is set"


def written(pairs: list[dict[str, str]]) -> bytes:
    return json.dumps(pairs, indent=1, ensure_ascii=False).encode()


def changed(*answers: tuple[int, str]) -> bytes:
    pairs = [dict(pair) for pair in PAIRS]
    for index, text in answers:
        pairs[index]["a"] = text
    return written(pairs)


def put(path: Path, text: str) -> None:
    path.write_text(text)


def content(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_bytes(written(PAIRS))
    return path


async def answer(walk: Walk, text: str, fields: int = 3) -> None:
    """Replace the answer of the pair under the cursor; a table has no field for a system prompt."""
    await walk.press("e")
    await walk.until(lambda: len(walk.app_now.screen.query(TextArea)) == fields, "the fields")
    await walk.press("tab")
    walk.app_now.screen.query(TextArea)[1].select_all()
    await walk.type(text)
    await walk.press("ctrl+s")
    await walk.sees("Edit of pair")


async def test_edit_undo_redo_save(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("✓ clean", "40 pairs")
        await walk.press("j", "j")
        await answer(walk, "new")
        await walk.sees("● unsaved", "✓ clean")
        assert content(file) == written(PAIRS)
        await walk.press("u")
        await walk.sees("Undone: edit of pair 3")
        await walk.misses("● unsaved")
        await walk.press("u")
        await walk.sees("nothing to undo")
        await walk.press("U")
        await walk.sees("Redone: edit of pair 3", "● unsaved")
        await walk.press("w")
        await walk.sees("training.json is saved")
        await walk.misses("● unsaved")
        assert content(file) == changed((2, "new"))
        await walk.press("u")
        await walk.sees("● unsaved")
        await walk.press("ctrl+s")
        await walk.misses("● unsaved")
        assert content(file) == written(PAIRS)
        await walk.press("w")
        await walk.sees("everything is saved")


async def test_japanese_by_paste(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("✓ clean")
        await answer(walk, JAPANESE)
        await walk.sees("提灯は三番目の門に")
        await walk.press("w")
        await walk.sees("is saved")
    assert content(file) == changed((0, JAPANESE))


async def test_what_was_typed_goes_only_when_asked_twice(walk: Walk, file: Path) -> None:
    async with walk.app([file]) as app:
        await walk.sees("✓ clean")
        await walk.press("e")
        await walk.sees("Pair 1 of training.json", "≈ 12 of 32,000 tokens")
        await walk.press(*"more words")
        await walk.sees("≈ 15 of 32,000 tokens")
        await walk.press("escape")
        await walk.sees("esc once more drops what you changed")
        await walk.press("escape")
        await walk.misses("Pair 1 of")
        await walk.press("e")
        await walk.sees("Pair 1 of")
        await walk.press("escape")
        await walk.misses("Pair 1 of")
        assert app.screen.query("#pairs")
        assert not walk.shows("unsaved")


def test_keys_typed_ahead_of_the_dialog_do_not_act_on_the_list(tmp_path: Path, file: Path) -> None:
    with Terminal([str(file)], tmp_path) as terminal:
        terminal.sees(OFFLINE, "40 pairs", "clean")
        terminal.send("edddDa")
        terminal.sees("Pair 1 of training.json")
        terminal.send("escape")
        terminal.until(lambda: not terminal.shows("Pair 1 of") or terminal.shows("once more"), "an answer")
        if terminal.shows("once more"):
            terminal.send("escape")
        terminal.until(lambda: not terminal.shows("Pair 1 of"), "the list")
        assert terminal.shows("40 pairs")
        assert not terminal.shows("unsaved")


async def test_pairs_come_and_go(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("✓ clean", "40 pairs")
        await walk.press("space", "j", "space", "j", "j", "space", "d")
        await walk.sees("Delete of 3 pairs", "37 pairs")
        await walk.press("d")
        await walk.sees("36 pairs")
        await walk.press("u", "u")
        await walk.sees("Undone: delete of 3 pairs", "40 pairs", "✓ clean")
        await walk.misses("● unsaved")
        await walk.press("g", "D")
        await walk.sees("Copy of pair 1", "41 pairs", "▲ 1 warning")
        await walk.press("a")
        await walk.sees("New pair in training.json")
        await walk.press(*"Why?", "tab", *"So.", "tab", *"Sys", "ctrl+s")
        await walk.sees("Pair 3 added", "42 pairs", "Why?")
        await walk.press("w")
        await walk.sees("is saved")
    found = json.loads(content(file))
    assert found[:4] == [PAIRS[0], PAIRS[0], {"system": "Sys", "q": "Why?", "a": "So."}, PAIRS[1]]
    assert content(file).endswith(written(PAIRS)[-500:])


async def test_with_a_filter_the_shown_pairs_are_meant(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("✓ clean")
        await walk.press("slash", *"lantern 3", "enter")
        await walk.sees("13 of 40")
        await walk.press("j", "d")
        await walk.sees("Delete of pair 14", "12 of 39")
        await walk.press("D")
        await walk.sees("13 of 40", "Copy of pair 23")
        await walk.press("u", "u")
        await walk.sees("Undone: delete of pair 14", "13 of 40")
        await walk.press("escape")
        await walk.sees("40 pairs")
        await walk.misses("unsaved")


async def test_problems_follow_the_edits(walk: Walk, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    lines = [json.dumps(pair) for pair in PAIRS]
    lines[1], lines[2] = '{"q": "What is broken?", "a": ""}', '{"q": "What is torn?", "a": '
    put(file, "\n".join(lines))
    async with walk.app([file]):
        await walk.sees("2 errors")
        await walk.press("right_square_bracket")
        await answer(walk, "Nothing now.")
        await walk.sees("1 error")
        await walk.press("right_square_bracket", "e")
        await walk.sees("E opens its text")
        await walk.press("d")
        await walk.sees("✓ clean")
        await walk.press("w")
        await walk.sees("is saved")
    lines[1] = '{"q": "What is broken?", "a": "Nothing now."}'
    assert content(file).decode() == "\n".join([*lines[:2], *lines[3:]])


async def test_what_shift_jis_cannot_hold_is_saved_in_utf_8_when_asked(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "よくある質問.csv"
    raw = ("質問,回答\r\n" + "".join(f"{n}番の提灯はどこですか,門の前です\r\n" for n in range(40))).encode("cp932")
    path.write_bytes(raw)
    async with walk.app([path]):
        await walk.sees("40 pairs", "read as Shift_JIS", "0番の提灯はどこですか")
        await answer(walk, "한です", 2)
        await walk.press("j", "w")
        await walk.sees("is written in Shift_JIS, which has no “한” of pair 1", "Save in UTF-8", "Go to that pair")
        await walk.press("j", "enter")
        await walk.sees("A  한です", "● unsaved")
        await walk.press("w")
        await walk.sees("Save in UTF-8")
        await walk.press("enter")
        await walk.sees("is saved")
        await walk.misses("● unsaved")
    assert content(path) == raw.decode("cp932").replace("門の前です", "한です", 1).encode("utf-8-sig")


async def test_a_file_changed_on_disk_is_fought_over_in_the_open(walk: Walk, file: Path, tmp_path: Path) -> None:
    theirs = written(PAIRS[:30]).decode()
    async with walk.app([file]) as app:
        await walk.sees("✓ clean")
        await answer(walk, "mine")
        put(file, theirs)
        await walk.press("w")
        await walk.sees("changed on disk by another program", "Save as", "Keep mine", "Reload")
        await walk.press("escape")
        await walk.sees("● unsaved")
        assert content(file) == theirs.encode()
        await walk.press("w")
        await walk.sees("Save as")
        await walk.press("enter")
        await walk.sees("Save training.json as")
        app.screen.query_one(Input).value = str(tmp_path / "mine.json")
        await walk.press("enter")
        await walk.sees("mine.json is saved")
        assert content(tmp_path / "mine.json") == changed((0, "mine"))
        assert content(file) == theirs.encode()
        await answer(walk, "mine again")
        put(tmp_path / "mine.json", theirs)
        await walk.press("w")
        await walk.sees("Keep mine")
        await walk.press("j", "enter")
        await walk.sees("mine.json is saved", "what was there is in")
        assert content(tmp_path / "mine.json") == changed((0, "mine again"))
        await answer(walk, "in vain")
        put(tmp_path / "mine.json", theirs)
        await walk.press("w")
        await walk.sees("Reload")
        await walk.press("j", "j", "enter")
        await walk.sees("is as it is on disk", "30 pairs")
        await walk.misses("● unsaved")
        await answer(walk, "goes on")
        await walk.press("w")
        await walk.sees("mine.json is saved")


async def test_the_differences_are_shown_before_one_decides(walk: Walk, file: Path) -> None:
    theirs = [{"q": "新しい提灯は？", "a": "十番門です。"}, *map(dict, PAIRS[1:])]
    theirs[3]["a"] = "It hangs at gate three now."
    async with walk.app([file]):
        await walk.sees("✓ clean")
        await answer(walk, "mine")
        put(file, json.dumps(theirs))
        await walk.press("w")
        await walk.sees("Show difference")
        await walk.press("G", "enter")
        await walk.sees("training.json: here and on disk", "+ 1 only on disk · - 1 only here · ~ 1 different")
        await walk.sees("A  mine")
        await walk.press("j")
        await walk.sees("新しい提灯は？")
        await walk.press("j")
        await walk.sees("It hangs at gate ⟦three now⟧.", "It hangs at gate ⟦3⟧.")
        await walk.press("escape")
        await walk.sees("Keep mine", "Show difference")
        await walk.press("j", "enter")
        await walk.sees("training.json is saved", "what was there is in")
    assert content(file) == changed((0, "mine"))


async def test_what_others_do_to_the_file_is_noticed_without_saving(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("✓ clean")
        theirs = written(PAIRS[:30])
        file.write_bytes(theirs)
        await walk.sees("▲ changed on disk", "training.json was changed on disk by another program; w asks what to do")
        await walk.press("w")
        await walk.sees("Reload", "Keep mine")
        await walk.press("j", "j", "enter")
        await walk.sees("is as it is on disk", "30 pairs")
        assert not walk.shows("▲ changed on disk")
        file.unlink()
        await walk.sees("▲ gone from the disk", "is gone from the disk; w writes it again")
        await walk.press("w")
        await walk.sees("training.json is saved")
        assert not walk.shows("gone from the disk")
        assert content(file) == theirs
        touched = file.stat().st_mtime_ns + 10**9
        os.utime(file, ns=(touched, touched))
        await answer(walk, "mine")
        await walk.press("w")
        await walk.sees("training.json is saved")


async def test_a_read_only_file_is_told_when_it_is_opened(
    walk: Walk, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != file and real(path, mode))
    async with walk.app([file]) as app:
        await walk.sees("▲ read-only", "training.json: read-only: edits can be saved under another name only")
        await answer(walk, "mine")
        await walk.press("w")
        await walk.sees("training.json is read-only", "Save as", "Try again", "esc decides later")
        await walk.press("enter")
        await walk.sees("Save training.json as", "~/training.json")
        app.screen.query_one(Input).value = str(tmp_path / "none" / "mine.json")
        await walk.press("enter")
        await walk.sees("mine.json cannot be written", "No such file or directory")
        (tmp_path / "none").mkdir()
        await walk.press("j", "enter")
        await walk.sees("mine.json is saved")
        assert content(tmp_path / "none" / "mine.json") == changed((0, "mine"))
        assert content(file) == written(PAIRS)


async def test_quitting_names_what_is_not_saved(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("✓ clean")
        await answer(walk, "unsaved words")
        await walk.press("q")
        await walk.sees("Quit tanzaku?", "Not saved: training.json")
        await walk.press("escape")
        await walk.misses("Quit tanzaku?")
        assert content(file) == written(PAIRS)
        await walk.press("w")
        await walk.sees("is saved")
        await walk.press("q")
        await walk.until(lambda: walk.app_now._exit, "the end")


def journals(walk: Walk) -> list[Path]:
    """Of edits that no file on disk holds."""
    return sorted((walk.services().paths.state / "recovery").glob("*.journal"))


@pytest.mark.parametrize(("key", "done"), [("e", "edit of pair 1"), ("a", "new pair")])
async def test_what_stands_in_a_dialog_when_the_terminal_hangs_up_is_offered_too(
    walk: Walk, file: Path, key: str, done: str
) -> None:
    async with walk.app([file]) as app:
        await walk.sees("40 pairs")
        await walk.press(key)
        await walk.sees("ctrl+s accept")
        await walk.press("tab", *"more")
        await walk.until(lambda: "more" in walk.text, "what is typed")
        await app._end(129)
        assert (app.return_code, content(file)) == (129, written(PAIRS))
    told = [path.read_text("utf-8") for path in journals(walk)]
    assert len(told) == 1
    assert done in told[0]
    assert "more" in told[0]


async def test_a_dialog_in_which_nothing_was_typed_leaves_nothing(walk: Walk, file: Path) -> None:
    async with walk.app([file]) as app:
        await walk.sees("40 pairs")
        await walk.press("e")
        await walk.sees("ctrl+s accept")
        await app._end(129)
    assert not journals(walk)


def edited_and_killed(home: Path, file: Path, end: Callable[[Terminal], None]) -> None:
    with Terminal([str(file)], home) as terminal:
        terminal.sees(OFFLINE, "40 pairs")
        terminal.send("j", "e")
        terminal.sees("Pair 2 of")
        terminal.send("tab", " Really.", "ctrl+s")
        terminal.sees("Edit of pair 2")
        terminal.send("d", "u", "G", "d")
        terminal.sees("39 pairs", "Delete of pair 40")
        end(terminal)


def kill(terminal: Terminal) -> None:
    terminal.signal(signal.SIGKILL)
    terminal.process.wait(20)


def hang_up(terminal: Terminal) -> None:
    terminal.signal(signal.SIGHUP)
    terminal.ended()


AS_EDITED = json.loads(changed((1, "It hangs at gate 1. Really.")))[:39]


@pytest.mark.parametrize("end", [kill, hang_up], ids=["kill -9", "hang-up"])
def test_after_the_end_of_the_process_the_edits_are_offered_and_exact(
    tmp_path: Path, file: Path, end: Callable[[Terminal], None]
) -> None:
    edited_and_killed(tmp_path, file, end)
    assert content(file) == written(PAIRS)
    with Terminal([str(file)], tmp_path) as terminal:
        terminal.sees(OFFLINE, "Unsaved edits of training.json were found", "4 actions")
        terminal.send("j", "enter")
        terminal.sees("the next start asks again")
        terminal.send("q")
        assert terminal.ended() == 0
    with Terminal([str(file)], tmp_path) as terminal:
        terminal.sees(OFFLINE, "Unsaved edits of training.json were found")
        terminal.send("enter")
        terminal.sees("Recovered 4 actions", "39 pairs", "unsaved")
        assert content(file) == written(PAIRS)
        terminal.send("w")
        terminal.sees("training.json is saved")
        assert content(file) == written(AS_EDITED)
        terminal.send("q")
        assert terminal.ended() == 0
    with Terminal([str(file)], tmp_path) as terminal:
        terminal.sees(OFFLINE, "39 pairs")
        terminal.send("q")
        assert terminal.ended() == 0
        assert b"Unsaved edits" not in terminal.written


def test_edits_of_a_file_that_changed_meanwhile_are_offered_beside_it(tmp_path: Path, file: Path) -> None:
    edited_and_killed(tmp_path, file, kill)
    put(file, json.dumps(PAIRS[:20]))
    with Terminal([str(file)], tmp_path) as terminal:
        terminal.sees(OFFLINE, "Unsaved edits of training.json were found")
        terminal.send("enter")
        terminal.sees("the file was changed since", "training.recovered.json", "39 pairs")
        terminal.send("w")
        terminal.sees("training.recovered.json is saved")
        terminal.send("o")
        terminal.sees("↻ training.recovered.json")
    assert json.loads((tmp_path / "training.recovered.json").read_bytes()) == AS_EDITED
    assert json.loads(content(file)) == PAIRS[:20]


def test_the_users_own_editor(tmp_path: Path, file: Path) -> None:
    script = tmp_path / "my editor.py"
    put(
        script,
        "import json, os, stat, sys\n"
        "path = sys.argv[-1]\n"
        "seen = {'mode': stat.S_IMODE(os.stat(path).st_mode), 'arguments': sys.argv[1:-1],\n"
        "        'aws': [k for k in os.environ if k.startswith('AWS_')], 'text': open(path).read()}\n"
        f"json.dump(seen, open({str(tmp_path / 'seen.json')!r}, 'w'))\n"
        "text = open(path).read().replace('gate 0.', 'gate 0.\\n\\n門です。')\n"
        "open(path, 'w').write(text)\n"
        "sys.exit(3 if 'lantern 1?' in text else 0)\n",
    )
    environment = {"VISUAL": f"{sys.executable} '{script}' --wait", "EDITOR": "false", "AWS_REGION": ""}
    with Terminal([str(file)], tmp_path, environment=environment) as terminal:
        terminal.sees(OFFLINE, "40 pairs", "clean")
        terminal.send("E")
        terminal.sees("Edit of pair 1", "unsaved")
        terminal.send("w")
        terminal.sees("training.json is saved")
        terminal.send("j", "E")
        terminal.sees("The editor ended with status 3")
        terminal.send("q")
        assert terminal.ended() == 0
    assert content(file) == changed((0, "It hangs at gate 0.\n\n門です。"))
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["mode"] == stat.S_IRUSR | stat.S_IWUSR
    assert seen["arguments"] == ["--wait"]
    assert seen["aws"] == []
    left = list((tmp_path / ".local" / "state" / "tanzaku" / "edit").iterdir())
    assert [f.name.rpartition("-")[2] for f in left] == ["2.txt"]
    assert "What is lantern 1?" in left[0].read_text()


def test_the_same_file_in_two_terminals(tmp_path: Path, file: Path) -> None:
    with Terminal([str(file)], tmp_path) as first:
        first.sees(OFFLINE, "40 pairs")
        in_the_second_terminal(first, file, tmp_path)


def in_the_second_terminal(first: Terminal, file: Path, home: Path) -> None:
    with Terminal([str(file)], home) as second:
        second.sees("▲ open elsewhere", "40 pairs", OFFLINE)
        second.send("d")
        second.sees(f"is open elsewhere (process {first.process.pid})")
        first.send("q")
        assert first.ended() == 0
        second.send("d")
        second.sees("39 pairs", "unsaved")
