"""Pairs written from a document: planned, paid for knowingly, reviewed, taken into files, kept through every end."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import TextArea

from tests import papers
from tests.harness import Walk
from tests.journeys.stage import sent
from tests.journeys.terminal import Terminal
from tui.dialogs.generate import GenerateDialog
from tui.domain.chat.structure import Usage
from tui.domain.dataset.generation import SourceDocument, Verdict, Wish, Written
from tui.screens.review import ReviewScreen
from tui.services.dataset.provenance import Origins
from tui.tabs.dataset import DatasetTab
from tui.widgets.fields import TextField

VALIDATION = [{"question": f"What is gate {n}?", "answer": f"It is gate {n} of the garden."} for n in range(40)]


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    path = tmp_path / "guide.md"
    path.write_text(papers.GUIDE, "utf-8")
    return path


@pytest.fixture
def validation(tmp_path: Path) -> Path:
    path = tmp_path / "validation.json"
    path.write_text(json.dumps(VALIDATION, indent=2), "utf-8")
    return path


def pairs_in(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return found


async def form(walk: Walk, path: Path | str, number: str = "") -> None:
    """Open the form and fill it in."""
    await walk.press("ctrl+g")
    await walk.until(lambda: isinstance(walk.app_now.screen, GenerateDialog), "the form")
    await walk.sees("Claude Haiku 4 5")
    await walk.until(lambda: walk.app_now.screen.query_one("#path", TextField).input.has_focus, "its first field")
    walk.app_now.screen.query_one("#path", TextField).value = str(path)
    if number:
        walk.app_now.screen.query_one("#number", TextField).value = number


async def write(walk: Walk, path: Path, number: str = "") -> None:
    """Have pairs written, up to the review."""
    await form(walk, path, number)
    await walk.press("ctrl+s")
    await walk.sees("Ask the model")
    await walk.press("y")
    await walk.until(lambda: isinstance(walk.app_now.screen, ReviewScreen), "the review")


async def known(walk: Walk) -> None:
    await walk.sees("123456789012", "40 pairs")


def verdicts(walk: Walk) -> list[Verdict]:
    screen = walk.app_now.screen
    assert isinstance(screen, ReviewScreen)
    return [draft.verdict for draft in screen._batch.drafts]


async def put_by(walk: Walk, *questions: str) -> None:
    """Pairs that an earlier session left, unseen."""
    services = walk.services()
    wish = Wish("left.pdf", "m.one", "Model One", len(questions))
    place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
    batch = await services.review_queue.begin(place, SourceDocument(Path("left.pdf"), "pdf", "a" * 64, 9, ()), wish)
    await services.review_queue.add(
        batch, [Written(q, f"Answer to {q}") for q in questions], "pages 1 to 4", Usage(9, 9)
    )


async def test_from_a_document_into_the_validation_file_and_back(walk: Walk, guide: Path, validation: Path) -> None:
    async with walk.app([validation]) as app:
        await known(walk)
        await form(walk, guide, "30")
        await walk.press("enter")
        await walk.sees("Write 30 pairs from guide.md?", "tokens in", "Costs", "a rule takes sentences")
        assert sent(walk, "Converse") == 0
        await walk.press("y")
        await walk.sees("undecided", "of 30 pairs are there", "Q  What should I know about “The lantern garden”?")
        assert sent(walk, "Converse") > 1
        number = len(verdicts(walk))
        await walk.press("a", "x", "a")
        await walk.sees("✓ 2 accepted", "✗ 1 rejected", f"· {number - 3} undecided")
        await walk.press("u")
        await walk.sees("✓ 1 accepted", "Undone: 1 pair")
        await walk.press("A")
        await walk.sees(f"✓ {number - 1} accepted", "w adds them to a file")
        await walk.misses("undecided")
        await walk.press("w")
        await walk.sees("accepted pairs to", "validation.json  validation", "a new file")
        await walk.press("enter")
        await walk.sees(f"{number - 1} pairs added to validation.json. Nothing waits here any more")
        await walk.press("escape")
        await walk.sees(f"{40 + number - 1} pairs")
        tab = app.screen.query_one(DatasetTab)
        assert tab.opened is not None
        await walk.press("w")
        await walk.sees("validation.json is saved")
        added = pairs_in(validation)[40:]
        assert len(added) == number - 1
        origin = added[0]["provenance"]
        assert origin["kind"] == "generated"
        assert origin["source"].startswith("guide.md, sha256 ")
        assert "rule of the sandbox" in origin["model"]
        await walk.press("u")
        await walk.sees("Undone: ", " 40 pairs")


async def test_edited_pairs_and_a_new_file(walk: Walk, guide: Path, validation: Path, tmp_path: Path) -> None:
    async with walk.app([validation]):
        await known(walk)
        await write(walk, guide, "3")
        await walk.sees("3 pairs from guide.md")
        await walk.press("e")
        await walk.until(lambda: len(walk.app_now.screen.query(TextArea)) == 2, "the fields")
        await walk.press("tab")
        walk.app_now.screen.query(TextArea)[1].select_all()
        await walk.type("灯籠です")
        await walk.press("ctrl+s")
        await walk.sees("Edited and accepted", "灯籠です", "edited")
        await walk.press("f", "f")
        await walk.sees("shown: accepted")
        await walk.press("w")
        await walk.sees("a new file")
        await walk.press("G", "enter")
        await walk.sees("guide.validation.json")
        await walk.press("enter")
        await walk.sees("1 pair written to guide.validation.json")
        await walk.press("escape")
        await walk.sees("guide.validation.json", "VALIDATION", "1 pair")
        (pair,) = pairs_in(tmp_path / "guide.validation.json")
        assert pair["answer"] == "灯籠です"
        assert pair["provenance"]["source"].endswith("edited")
        await walk.press("ctrl+g")
        await walk.sees("guide.md", "2 pairs wait")
        await walk.press("enter")
        await walk.sees("1 in a file", "· 2 undecided")
        await walk.press("a", "w", "G", "enter")
        await walk.sees("guide.validation.json", "Write the accepted pairs to")
        await walk.press("ctrl+u")
        await walk.type("~nobody-of-this-name/x.json")
        await walk.press("enter")
        await walk.sees("cannot be written")
        await walk.press("w", "G", "enter")
        await walk.sees("guide.validation.json", "Write the accepted pairs to")
        await walk.press("enter")
        await walk.sees("1 pair added to guide.validation.json", "2 in a file")
        assert len(pairs_in(tmp_path / "guide.validation.json")) == 1  # it is open, so that w saves it


async def test_a_format_without_room_for_origins_keeps_them_in_memory(walk: Walk, guide: Path, tmp_path: Path) -> None:
    path = tmp_path / "validation.jsonl"
    turns = [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]
    path.write_text((json.dumps({"messages": turns}) + "\n") * 40, "utf-8")
    async with walk.app([path]) as app:
        await known(walk)
        await write(walk, guide, "1")
        await walk.press("a", "w", "enter")
        await walk.sees("1 pair added to validation.jsonl")
        await walk.press("escape")
        tab = app.screen.query_one(DatasetTab)
        assert tab.opened is not None
        record = tab.opened.file[40]
        origins = Origins(app.services.store, app.services.pool)
        (origin,) = await origins.of(tab.place, getattr(record, "question", ""), getattr(record, "answer", ""))
        assert origin.kind == "generated"


async def test_what_also_stands_in_an_open_file_is_marked(walk: Walk, validation: Path) -> None:
    await put_by(walk, "What is gate 7?", "Where is the mulberry tree?")
    async with walk.app([validation]):
        await walk.sees("2 written pairs from left.pdf wait for you (ctrl+g)")
        await walk.press("ctrl+g", "enter")
        await walk.sees("2 pairs from left.pdf", "▲ validation.json (validation), pair 8: question: the same text")
        await walk.press("a", "w")
        await walk.sees("1 pair also in an open file")
        await walk.press("escape", "X")
        await walk.sees("✗ 1 rejected")


async def test_a_pair_that_asks_nearly_what_another_asks_is_marked(walk: Walk, validation: Path) -> None:
    asked = "Which key is turned to light the oldest lantern of the garden by the gate?"
    await put_by(walk, asked, "Where is the mulberry tree?", asked.replace("Which key", "What key"))
    async with walk.app([validation]):
        await walk.sees("3 written pairs from left.pdf wait for you (ctrl+g)")
        await walk.press("ctrl+g", "enter")
        await walk.sees("3 pairs from left.pdf")
        await walk.press("G")
        await walk.sees("▲ pair 1 of these asks nearly the same")
        await walk.press("A", "w")
        await walk.sees("Of them, 1 pair nearly the same as another of these (▲)")
        await walk.press("escape", "g", "x", "G")
        await walk.misses("asks nearly the same")


@pytest.mark.parametrize("name", ["gone.pdf", "locked.pdf", "broken.pdf", "page.exe"])
async def test_a_document_that_cannot_be_used_brings_the_form_back(
    walk: Walk, validation: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "locked.pdf").write_bytes(papers.locked_pdf())
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 [/INST] \x1b[31m")
    (tmp_path / "page.exe").write_bytes(b"MZ")
    said = {"gone": "not there", "locked": "a password", "broken": "a broken PDF", "page": "no document"}
    async with walk.app([validation]) as app:
        await known(walk)
        await form(walk, tmp_path / name, "7")
        await walk.press("enter")
        await walk.sees(f"▲ {name}", said[name.partition(".")[0]])
        assert app.screen.query_one("#path", TextField).value.endswith(name)
        assert app.screen.query_one("#number", TextField).value == "7"
        await walk.press("escape")
        assert sent(walk, "Converse") == 0


async def test_the_form_wants_everything_and_esc_at_the_cost_asks_nothing(
    walk: Walk, guide: Path, validation: Path
) -> None:
    async with walk.app([validation]) as app:
        await known(walk)
        await form(walk, "", "700")
        await walk.press("ctrl+s")
        await walk.sees("Which document? Type its path")
        app.screen.query_one("#path", TextField).value = str(guide)
        await walk.press("ctrl+s")
        await walk.sees("a whole number from 1 to 500")
        app.screen.query_one("#number", TextField).value = "5"
        app.screen.query_one("#typed", TextField).value = "no.such-model"
        await walk.press("ctrl+s")
        await walk.sees("no.such-model", "Ask the model")
        await walk.press("escape")
        await walk.sees("Nothing was asked yet")
        assert sent(walk, "Converse") == 0
        await walk.press("ctrl+s")
        await walk.sees("Ask the model")
        await walk.press("y")
        await walk.sees("This model cannot be used here", "no.such-model")


async def test_without_aws_nothing_is_planned(walk: Walk, validation: Path) -> None:
    walk.sandbox.faults.add(kind="expired", service="sts", times=None)
    async with walk.app([validation]) as app:
        await walk.sees("credentials have expired", "40 pairs")
        await walk.press("ctrl+g")
        await walk.sees("AWS has to be reached first")
        assert not isinstance(app.screen, GenerateDialog)


async def test_a_name_that_no_field_can_hold(walk: Walk, guide: Path, validation: Path) -> None:
    path = guide.rename(guide.with_name("zz [INST] \x1b[31m手引き.md"))
    async with walk.app([validation]):
        await known(walk)
        await form(walk, f"{path.parent}/zz")
        await walk.press("ctrl+o")
        await walk.sees("zz [INST] ␛[31m手引き.md")
        await walk.press("down", "enter")
        await walk.sees("Write pairs from a document", "␛[31m")
        await walk.press("enter")
        await walk.sees("Write 20 pairs from zz [INST] ␛[31m手引き.md?")
        await walk.press("escape")
        await walk.sees("Nothing was asked yet")
        await walk.press("enter")
        await walk.sees("Write 20 pairs from zz [INST] ␛[31m手引き.md?")


async def test_the_document_is_chosen_in_folders(walk: Walk, guide: Path, validation: Path) -> None:
    async with walk.app([validation]) as app:
        await known(walk)
        await form(walk, f"{guide.parent}/gui")
        await walk.press("ctrl+o")
        await walk.sees("Which document?", "guide.md")
        await walk.press("tab", "enter")
        await walk.until(lambda: isinstance(app.screen, GenerateDialog), "the form again")
        assert app.screen.query_one("#path", TextField).value == str(guide)


@pytest.mark.parametrize(
    ("kind", "said"), [("denied", "AWS does not allow this"), ("expired", "The AWS credentials have expired")]
)
async def test_what_came_before_a_failure_is_offered(
    walk: Walk, guide: Path, validation: Path, kind: str, said: str
) -> None:
    async with walk.app([validation]):
        await known(walk)
        walk.sandbox.faults.add(kind="unreadable", operation="Converse", times=1)
        walk.sandbox.faults.add(kind=kind, operation="Converse", times=None)
        await form(walk, guide, "30")
        await walk.press("ctrl+s")
        await walk.sees("Ask the model")
        await walk.press("y")
        await walk.sees(said, "Write pairs from a document")
        await walk.press("escape")
        walk.sandbox.faults.clear()
        walk.sandbox.faults.add(kind=kind, operation="Converse", times=None, about="These questions are there already")
        await write(walk, guide, "30")
        await walk.sees("10 pairs from guide.md" if len(papers.GUIDE) > 1000 else "pairs from guide.md", "broken off")


async def asking(walk: Walk, guide: Path) -> None:
    """The model is being asked, and is slow to answer."""
    await known(walk)
    walk.sandbox.faults.add(kind="slow", operation="Converse", seconds=20, times=1)
    await form(walk, guide, "30")
    await walk.press("ctrl+s")
    await walk.sees("Ask the model")
    await walk.press("y")
    await walk.until(lambda: sent(walk, "Converse") == 1, "the first ask")


async def test_esc_stops_behind_the_answer_under_way(walk: Walk, guide: Path, validation: Path) -> None:
    async with walk.app([validation]):
        await asking(walk, guide)
        await walk.press("ctrl+g")
        await walk.sees("being written already")
        await walk.press("escape")
        await walk.sees("It stops with the answer under way")
        walk.sandbox.faults.clear()
        await walk.sees("It was stopped", "undecided")
        assert sent(walk, "Converse") == 1


async def test_esc_twice_drops_the_answer_under_way(walk: Walk, guide: Path, validation: Path) -> None:
    async with walk.app([validation]):
        await asking(walk, guide)
        await walk.press("q")
        await walk.sees("Pairs are being written")
        await walk.press("escape")
        await walk.misses("Quit tanzaku?")
        await walk.press("escape", "escape")
        await walk.sees("Stopped; what came before is kept")
        walk.sandbox.faults.clear()
        await walk.press("q")


async def test_hostile_answers_are_only_text(walk: Walk, validation: Path) -> None:
    await put_by(walk, "[/INST] [@click=app.quit]x[/] \x1b[31m", "長い" * 5000)
    async with walk.app([validation], size=(120, 40)):
        await walk.sees("2 written pairs")
        await walk.press("ctrl+g", "enter")
        await walk.sees("[/INST] [@click=app.quit]x[/] ␛[31m", "長い長い")
        await walk.press("j", "e")
        await walk.sees("Written pair")
        await walk.press("escape", "escape")


def test_kill_9_while_pairs_are_written_keeps_what_came(tmp_path: Path, guide: Path, validation: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    arguments = ["--sandbox", "--sandbox-speed", "20000", str(validation)]
    with Terminal(arguments, home) as terminal:
        terminal.sees("123456789012", "40 pairs")
        terminal.send("\x07")
        terminal.sees("Write pairs from a document", "Claude Haiku 4 5")
        # A key that edits takes a longer way than letters, and would overtake none of them.
        terminal.send("\x15")
        terminal.until(
            lambda: any(line.split() == ["│", "document", "│"] for line in terminal.text.splitlines()), "room"
        )
        terminal.send(*str(guide), "enter")
        terminal.agree("Ask the model")
        terminal.sees("undecided")
        terminal.send("a")
        terminal.sees("✓ 1 accepted")
        terminal.signal(signal.SIGKILL)
        terminal.ended()
    with Terminal(arguments, home) as terminal:
        terminal.sees("written pairs from guide.md wait for you")
        terminal.send("\x07")
        terminal.sees("pairs wait · ")
        terminal.send("enter")
        terminal.sees("✓ 1 accepted")
