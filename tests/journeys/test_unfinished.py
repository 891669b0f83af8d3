"""What was typed and neither accepted nor given up is there again after the end of the process."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from textual.widgets import TextArea

from tests.harness import Walk
from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import Record
from tui.tabs.dataset import DatasetTab
from tui.widgets.fields import ChoiceField, TextField
from tui.widgets.prompt import Prompt

WORDS = "提灯は三番目の門に掛かっています。\nIt shines at night."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps([{"q": f"What is lantern {n}?", "a": f"At gate {n}."} for n in range(4)]))
    return path


def rows(walk: Walk) -> list[str]:
    """Headings of what is kept."""
    store = walk.app_now.services.store
    try:
        return [heading for (heading,) in store.read("SELECT heading FROM unfinished ORDER BY at")]
    except AppError:
        return []


async def close(walk: Walk) -> None:
    """Let go of the open file, as the end of a process does."""
    [tab] = walk.app_now.screen_stack[0].query(DatasetTab)
    assert tab.opened is not None
    await walk.app_now.services.documents.close(tab.opened.source)


async def test_a_pair_that_was_being_written_comes_back_with_its_turns(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("4 pairs")
        await walk.press("j", "e", "tab")
        await walk.type(WORDS)
        await walk.until(lambda: rows(walk) == ["Pair 2 of training.json"], "the text on disk")
        await close(walk)
    with patch("tui.services.unfinished.alive", lambda header: False):
        async with walk.app([file]):
            await walk.sees("Typed and never accepted: Pair 2 of training.json")
            await walk.press("e")
            assert not walk.shows("never accepted; esc")  # another pair has nothing to do with it
            await walk.press("escape", "j", "e")
            await walk.sees("never accepted; esc gives it up", "提灯は三番目の門")
            await walk.press("ctrl+s")
            await walk.sees("Edit of pair 2")
            [tab] = walk.app_now.screen.query(DatasetTab)
            assert tab.opened is not None
            record = tab.opened.source.document.now[1]
            assert isinstance(record, Record)
            assert record.answer == f"At gate 1.{WORDS}"
            await walk.until(lambda: not rows(walk), "nothing more to keep")


async def test_a_signal_keeps_the_last_words_of_every_dialog_and_of_the_question(walk: Walk, file: Path) -> None:
    async with walk.app([file]) as app:
        await walk.sees("4 pairs")
        await walk.press("4")
        await walk.until(lambda: isinstance(app.focused, Prompt), "the prompt")
        await walk.type(WORDS)
        await walk.until(lambda: app.screen.query_one(Prompt).text == WORDS, "the question")
        await walk.press("escape", "1", "s")
        await walk.until(lambda: type(app.focused) is TextArea, "the field")
        await walk.type("Answer like a lantern keeper.")
        await walk.until(lambda: "keeper." in app.screen.query_one(TextArea).text, "the text")
        await app._end(129)
        assert sorted(rows(walk)) == ["System prompt", "the question in Chat"]  # told by timers, or at the end
    with patch("tui.services.unfinished.alive", lambda header: False):
        async with walk.app([file]) as app:
            await walk.sees("and 1 more")
            await walk.press("s")
            await walk.sees("Answer like a lantern keeper.", "never accepted; esc")
            await walk.press("escape")
            await walk.sees("esc once more drops what you changed")
            await walk.press("escape")
            await walk.until(lambda: rows(walk) == ["the question in Chat"], "what was given up is gone")
            await walk.press("4")
            await walk.sees("The question that was not sent the last time is in the prompt")
            assert app.screen.query_one("#prompt", TextArea).text == WORDS


async def test_a_form_comes_back_with_what_was_typed_and_chosen_only(walk: Walk, file: Path) -> None:
    async with walk.app([file]):
        await walk.sees("4 pairs")
        await walk.press("ctrl+r", *"lantern", "enter", *"lamp")
        await walk.until(lambda: rows(walk) == ["Replace in all 4 pairs of training.json"], "the form on disk")
        with patch("tui.services.unfinished.UnfinishedTexts._write", side_effect=AppError(Cause.FILE, "Full")):
            await walk.press("s")
            await walk.sees("What you type is kept in this window only: Full")
        await walk.press("t")
        await walk.until(lambda: '"lampst"' in str(kept(walk)), "what the disk takes again")
        how = walk.app_now.screen.query_one("#how", ChoiceField).focus()
        await walk.until(lambda: how.has_focus_within, "the choice")
        how.value = "pattern"
        await walk.until(lambda: '"pattern"' in str(kept(walk)), "what is chosen beside it")
    with patch("tui.services.unfinished.alive", lambda header: False):
        async with walk.app([file]) as app:
            await walk.sees("Typed and never accepted")
            await walk.press("ctrl+r")
            await walk.sees("never accepted; esc")
            assert [app.screen.query_one(f"#{name}", TextField).value for name in ("find", "by")] == [
                "lantern",
                "lampst",
            ]
            assert app.screen.query_one("#how", ChoiceField).value == "pattern"
            assert app.screen.query_one("#words", ChoiceField).value == "any"
            await walk.sees("− ", "lampst")


def kept(walk: Walk) -> list[tuple[object, ...]]:
    return walk.app_now.services.store.read("SELECT texts FROM unfinished")
