"""Conversations of several turns: shown, edited, lengthened, shortened and converted turn by turn."""

from __future__ import annotations

import json
from pathlib import Path

from textual.widgets import TextArea

from tests.harness import Walk

TURNS = [{"role": role, "content": f"{role} says {n}"} for n in range(2) for role in ("user", "assistant")]
RECORDS = [{"system": f"Be kind {n}.", "messages": TURNS} for n in range(34)]


async def test_turns_are_shown_edited_added_and_removed(walk: Walk, tmp_path: Path) -> None:
    file = tmp_path / "talks.jsonl"
    before = [json.dumps(record) for record in RECORDS]
    file.write_text("\n".join(before) + "\n")
    async with walk.app([file], size=(80, 40)) as app:
        await walk.sees("34 pairs", "user  user says 0", "assistant  assistant says 1")
        await walk.press("e")
        await walk.sees("1. user", "4. assistant", "system", "add turns")
        areas = list(app.screen.query(TextArea))
        assert len(areas) == 5
        await walk.press("tab")
        await walk.type("!")
        await walk.press("ctrl+n")
        await walk.sees("6. assistant")
        await walk.type("Middle?")
        await walk.press("tab")
        await walk.type("中央")
        await walk.press("ctrl+s")
        await walk.sees("Edit of pair 1", "● unsaved", "Middle?")
        await walk.press("j", "e")
        await walk.sees("Pair 2 of")
        await walk.press("tab", "tab", "tab", "ctrl+r")
        await walk.until(lambda: len(app.screen.query(TextArea)) == 3, "fewer fields")
        await walk.press("ctrl+r")
        await walk.sees("One question and one answer have to stay")
        await walk.press("ctrl+s")
        await walk.sees("Edit of pair 2")
        await walk.press("w")
        await walk.sees("is saved")
    after = file.read_text().splitlines()
    assert after[2:] == before[2:]
    texts = [m["content"] for m in json.loads(after[0])["messages"]]
    assert texts == ["user says 0", "assistant says 0!", "Middle?", "中央", "user says 1", "assistant says 1"]
    assert json.loads(after[1]) == {**RECORDS[1], "messages": TURNS[:2]}


async def test_turns_are_kept_where_the_base_model_takes_them(walk: Walk, tmp_path: Path) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    async with walk.app([file]):
        await walk.sees("33 warnings", "for Claude 3 Haiku")
        await walk.press("x")
        await walk.sees("Convert talks.jsonl")
        await walk.press("enter")
        await walk.sees("34 records written")
    made = [json.loads(line) for line in (tmp_path / "talks.claude-3-haiku.jsonl").read_text().splitlines()]
    assert made == RECORDS


async def test_what_cannot_be_kept_comes_back_filled(walk: Walk, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text('question,answer\n"Where?,There.\n' + "What is it?,It is a lantern.\n" * 34)
    async with walk.app([file]) as app:
        await walk.sees("35 pairs")
        await walk.press("j", "e")
        await walk.sees("Pair 2 of")
        await walk.press("tab")
        await walk.type(" One, two.")
        await walk.press("ctrl+s")
        await walk.sees("a quote opened at line 2 is never closed", "Pair 2 of")
        assert app.screen.query(TextArea)[1].text == "It is a lantern. One, two."
        await walk.press("escape")
        await walk.sees("esc once more drops")
        await walk.press("escape")
        await walk.misses("Pair 2 of")
        assert not walk.shows("unsaved")


async def test_the_answers_kept_here_fill_the_window_and_name_their_keys(walk: Walk) -> None:
    async with walk.app(size=(80, 24)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("4", "escape", "slash")
        await walk.sees("Answers kept here", "enter ask again")
        assert "enter ask again" in walk.lines[-2]
        await walk.keyboard.resize_terminal(120, 40)
        await walk.until(lambda: "enter ask again" in walk.lines[-2], "the keys in the last line of a larger window")
