"""Files that nobody would want to open, and uploads that go wrong."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from tests.harness import Walk
from tests.journeys.stage import scene_of, sent
from tui.domain.base_models import CATALOGUE
from tui.domain.settings import DEFAULT_SYSTEM, SHIPPED_SYSTEM, Settings
from tui.sandbox.faults import FaultKind
from tui.tabs.dataset import DatasetTab
from tui.widgets.frame import StatusLine

PAIRS = [{"q": f"What is lantern {n}?", "a": f"It hangs at gate {n}."} for n in range(40)]
NEEDLES = ("\x1b", "\x9b", "\u202e", "\x00", "\x07")


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write(tmp_path / "training.json", PAIRS)


def hostile_files(folder: Path) -> dict[Path, str]:
    """Each with words of what is said of it."""
    fifo = folder / "fifo.json"
    os.mkfifo(fifo)
    (folder / "folder.json").mkdir()
    files = {
        "empty.json": (b"", "empty.json"),
        "binary.json": (bytes(range(256)) * 40, "binary.json"),
        "packed.json": (gzip.compress(b"[]" * 99), "packed.json"),
        "half.json": (b'[{"q": "what?", "a": "\xe3\x81"}]', "half.json"),
        "deep.json": (b"[" * 100_000 + b"]" * 100_000, "deep.json"),
        "cut.json": (b'[{"q": "what?", "a": "th', "cut.json"),
        "wide.json": ("[]".encode("utf-16"), "wide.json"),
        "\x1b[31mred.json": (b"{", "␛[31mred.json"),
    }
    found = {folder / "folder.json": "is a folder", fifo: "is not a plain file", folder / "none.json": "is not there"}
    for name, (data, words) in files.items():
        (folder / name).write_bytes(data)
        found[folder / name] = words
    return found


async def test_hostile_files_are_refused_with_a_reason(walk: Walk, pairs: Path, tmp_path: Path) -> None:
    files = hostile_files(tmp_path)
    async with walk.app([pairs]) as app:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        for path, words in files.items():
            await walk.press("o")
            await walk.sees("Open a file of pairs")
            app.screen.query_one(Input).value = str(path)
            await walk.press("enter")
            await walk.sees(words)
            if walk.shows("Open a file of pairs"):  # a folder is walked into
                await walk.press("escape")
            assert walk.shows("training.json  TRAIN") or walk.shows("training.json TRAIN"), walk.text
            assert not any(needle in walk.text for needle in NEEDLES)


async def test_hostile_records_are_shown_and_walked_through(walk: Walk, tmp_path: Path) -> None:
    wild = [
        "see [1] and [/INST] and [/] and [@click=app.quit]x[/]",
        "\x1b[31mred \x9b31m \x1b]52;c;AAAA\x07 \u202eback",
        "nul \x00 tab\tand\nline",
        "lone \ud800 surrogate",
        "家族 👨‍👩‍👧‍👦 🇯🇵",
        "x" * 1_000_000,
    ]
    pairs = [{"q": f"{text[:60]} {n}", "a": text} for n, text in enumerate(wild)]
    path = tmp_path / "training.json"
    path.write_text(json.dumps([*pairs, *PAIRS]))
    async with walk.app([path]):
        await walk.sees("46 pairs", "problem" if walk.shows("problem") else "error")
        for _ in wild:
            assert not any(needle in walk.text for needle in NEEDLES)
            await walk.press("j")
        await walk.press("g", "right_square_bracket")
        first = walk.text
        await walk.press("right_square_bracket")
        assert walk.text != first
        await walk.press("left_square_bracket")
        assert walk.text == first
        await walk.press("c")
        await walk.sees("training.json:")
        await walk.press("G", "enter", "slash")
        await walk.type("INST")
        await walk.sees("1 of 46", "[/INST]")
        await walk.press("escape")
        await walk.sees("46 pairs")


async def test_a_line_of_a_million_characters(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text(
        "".join(json.dumps({"q": f"{n}?", "a": "あ" * 1_000_000 if n == 1 else "ok"}) + "\n" for n in range(3))
    )
    async with walk.app([path]):
        await walk.sees("3 pairs")
        await walk.press("j")
        await walk.sees("Q  1?")


async def test_unclear_keys_are_asked_for(walk: Walk, tmp_path: Path) -> None:
    rows = [{"left": f"What is {n}?", "right": f"It is {n}.", "note": f"no {n}"} for n in range(40)]
    path = write(tmp_path / "pairs.json", rows)
    async with walk.app() as app:
        for answer in ("escape", "enter"):
            await walk.press("o")
            await walk.sees("Open a file of pairs")
            app.screen.query_one(Input).value = str(path)
            await walk.press("enter")
            await walk.sees("which key holds the question?")
            await walk.press(answer)
            if answer == "escape":
                await walk.sees("pairs.json was not opened")
        await walk.sees("which key holds the answer?")
        await walk.press("enter")
        await walk.sees("40 pairs", "What is 0?", "It is 0.")


async def test_files_roles_and_base_models(walk: Walk, pairs: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "validation.json", PAIRS[:32])
    async with walk.app([pairs, other]):
        await walk.sees("(1/2)", "TRAIN", "▲ 32 warnings")
        await walk.press("f")
        await walk.sees("(2/2)", "VALIDATION", "▲ 32 warnings")
        await walk.press("R")
        await walk.sees("EVAL")
        await walk.press("R", "R")
        await walk.sees("VALIDATION", "▲ 32 warnings")
        await walk.press("f", "b")
        await walk.sees("Base model", "Llama 3.3")
        await walk.press("G", "enter")
        await walk.sees("for Llama 3.1 70")
        await walk.press("x")
        await walk.sees("prompt-completion", '{"prompt": ')
        await walk.press("enter")
        await walk.sees("40 records written")
    lines = (tmp_path / "training.llama-3.1-70b.jsonl").read_text().splitlines()
    assert set(json.loads(lines[0])) == {"prompt", "completion"}


async def test_converting_never_overwrites_the_source(walk: Walk, pairs: Path) -> None:
    before = pairs.read_bytes()
    async with walk.app([pairs]):
        await walk.sees("✓ clean")
        await walk.press("x")
        await walk.sees("Convert training.json")
        walk.app_now.screen.query_one(Input).value = str(pairs)
        await walk.press("enter")
        await walk.sees("That is the file itself")
    assert pairs.read_bytes() == before


async def upload(walk: Walk) -> None:
    await walk.sees("✓ clean", walk.sandbox.account_id)
    await walk.press("p")
    await walk.sees("Convert and upload to S3")


async def test_an_upload_can_be_stopped_and_sent_again(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]):
        await upload(walk)
        walk.sandbox.faults.add(kind=FaultKind.SLOW, operation="PutObject", seconds=60)
        await walk.press("enter")
        await walk.sees("Uploading training")
        await walk.until(lambda: sent(walk, "PutObject") == 1, "the upload on its way")
        await walk.press("p")
        await walk.sees("An upload is under way")
        await walk.press("q")
        await walk.sees("An upload is under way; quitting breaks it off")
        await walk.press("escape", "escape")
        walk.sandbox.faults.clear()
        await walk.sees("uploaded. Next")
        await upload(walk)
        await walk.press("enter")
        await walk.sees("there already, not sent again")


async def test_of_several_files_that_cannot_be_opened_each_is_named(walk: Walk, pairs: Path, tmp_path: Path) -> None:
    cut, empty = write(tmp_path / "cut.json", '[{"q": "th'), write(tmp_path / "empty.json", "")
    async with walk.app([pairs, cut, tmp_path / "none.json", empty]):
        await walk.sees("3 files not opened: cut.json is not valid JSON at line 1, column 8;")
        await walk.sees("none.json is not there; empty.json is empty")
        status = walk.app_now.screen.query_one(StatusLine)
        assert status._notices.wait(0) is None  # one notice: nothing of it waits to be told again


async def test_a_training_file_alone_is_held_to_what_both_files_need_together(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]):
        await walk.sees("✓ clean", walk.sandbox.account_id)
        await walk.press("b")
        await walk.sees("Llama 3.1 8B Instruct")
        await walk.press(*["down"] * 5, "enter")
        await walk.sees("1 error", "for Llama 3.1 8B Instruct")
        await walk.press("c")
        await walk.sees("total records", "40 records for training, and none for validation", "100 to 10,000")
        await walk.press("escape", "p")
        await walk.sees("Convert and upload to S3", "validation  none", "P in Dataset splits some off")


async def test_the_plan_of_an_upload_says_what_no_job_would_take_and_what_is_shared(walk: Walk, tmp_path: Path) -> None:
    training, validation = write(tmp_path / "training.json", PAIRS), write(tmp_path / "validation.json", PAIRS[:9])
    async with walk.app([training, validation]):
        await walk.sees("9 warnings", walk.sandbox.account_id)
        await walk.press("b")
        await walk.sees("Amazon Nova Micro", "active")
        await walk.press("down", "enter")
        await walk.sees("9 warnings", "for Amazon Nova Micro")
        await walk.press("p")
        await walk.sees("Amazon Nova Micro is fine-tuned in us-east-1, not in us-west-2")
        await walk.sees("9 pairs stand in another open file too (L)")


@pytest.mark.parametrize("operation", ["CreateBucket", "PutPublicAccessBlock", "PutObject"])
async def test_a_denied_upload_comes_back_as_it_was_filled_in(walk: Walk, pairs: Path, operation: str) -> None:
    async with walk.app([pairs]) as app:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        walk.sandbox.faults.add(kind=FaultKind.DENIED, service="s3", operation=operation, times=None)
        await walk.press("p")
        await walk.sees("will be created", "public access blocked", "encrypted by S3", "training.json #")
        app.screen.query_one("#prefix Input", Input).value = "lanterns/of/the/gate"
        await walk.press("enter")
        await walk.sees("AWS does not allow this", "lanterns/of/the/gate", "Convert and upload to S3")
        walk.sandbox.faults.clear()
        await walk.press("enter")
        await walk.sees("uploaded. Next", "lanterns/of/the/gate")
    assert len(walk.services().store.uploads(f"{walk.sandbox.account_id}/{walk.sandbox.region}")) == 1


@pytest.mark.parametrize("kind", [FaultKind.EXPIRED, FaultKind.RESET, FaultKind.RESET_AFTER])
async def test_a_connection_that_goes_in_mid_upload(walk: Walk, pairs: Path, kind: FaultKind) -> None:
    async with walk.app([pairs]):
        await upload(walk)
        walk.sandbox.faults.add(kind=kind, service="s3", operation="PutObject", times=3)
        await walk.press("enter")
        await walk.sees("▲", "Convert and upload to S3")
        walk.sandbox.faults.clear()
        await walk.press("enter")
        await walk.sees("uploaded. Next")


async def test_the_plan_says_what_is_there_already(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs]):
        await upload(walk)
        await walk.press("enter")
        await walk.sees("uploaded. Next")
        walk.sandbox.faults.add(kind=FaultKind.DENIED, service="s3", operation="HeadObject")
        await upload(walk)
        await walk.sees("What is there cannot be told: AWS does not allow this")
        await walk.press("escape")
        await upload(walk)
        await walk.sees("the same content since", "not sent again")
        await walk.press("enter")
        await walk.sees("1 there already, not sent again")
        assert sent(walk, "PutObject") == 1
        (kept,) = walk.services().store.uploads(f"{walk.sandbox.account_id}/{walk.sandbox.region}")
        scene_of(walk).client("s3").put_object(
            Bucket=kept.uri.split("/")[2], Key=kept.uri.split("/", 3)[3], Body=b"other"
        )
        await upload(walk)
        await walk.sees("other content since", "): replaced")
        await walk.press("enter")
        await walk.sees("1 file uploaded")
    assert sent(walk, "PutObject") == 3


async def test_the_job_form_says_which_pairs_it_would_learn(walk: Walk, pairs: Path) -> None:
    async with walk.app([pairs], size=(120, 40)):
        await upload(walk)
        await walk.press("enter")
        await walk.sees("uploaded. Next")
        (kept,) = walk.services().store.uploads(f"{walk.sandbox.account_id}/{walk.sandbox.region}")
        await walk.press("2")
        await walk.sees("runs")
        await walk.press("n")
        await walk.sees("New job on", f"training.json #{kept.sha256[:4]} · 40 records · just now")


async def test_tokens_of_an_upload_are_as_the_base_model_has_counted(walk: Walk, pairs: Path) -> None:
    services = walk.services(settings=Settings(system_prompt=""))
    await services.token_counts.note(CATALOGUE[0].runtime_id, "lantern " * 200, 800)  # two characters a token
    characters = sum(len(pair["q"]) + len(pair["a"]) for pair in PAIRS)
    async with walk.app([pairs], services=services):
        await walk.sees("40 pairs", "clean")
        await upload(walk)
        await walk.sees(f"40 records, ≈ {characters // 2:,} tokens")


async def set_system(walk: Walk, text: str) -> None:
    await walk.press("s")
    await walk.sees("System prompt")
    walk.app_now.screen.query_one(TextArea).text = text
    await walk.press("ctrl+s")


async def test_a_system_prompt_for_one_file_alone(walk: Walk, pairs: Path) -> None:
    bells = [{"q": f"Who rings bell {n} when night falls?", "a": f"Watchman {n} does, thrice."} for n in range(35)]
    walk.paths.pairs.mkdir(parents=True)
    other = write(walk.paths.pairs / "validation.json", bells)
    async with walk.app([pairs, other], size=(120, 40)) as app:
        await walk.sees("(1/2)", "✓ clean")
        tab = app.screen.query_one(DatasetTab)
        assert [tab.system_of(f) for f in tab.files] == [DEFAULT_SYSTEM, SHIPPED_SYSTEM]
        await set_system(walk, "You keep lanterns.")
        await walk.sees("For which files?", "Every file")
        await walk.press("enter")
        await walk.sees("The system prompt is set")
        assert {tab.system_of(f) for f in tab.files} == {"You keep lanterns."}
        await walk.press("f")
        await walk.sees("(2/2)")
        await set_system(walk, "あなたは番人です。")
        await walk.sees("For which files?")
        await walk.press("escape")
        await walk.sees("あなたは番人です。", "For records without one")
        await walk.press("ctrl+s")
        await walk.sees("For which files?")
        await walk.press("j", "enter")
        await walk.sees("The system prompt of validation.json is set")
        await walk.press("f")
        await walk.sees("(1/2)")
        await upload(walk)
        await walk.sees("system prompt: “You keep lanterns.”")
        await walk.sees("validation.json goes with another system prompt: “あなたは番人です。”")
    async with walk.app([other], size=(120, 40)):
        await walk.sees("35 pairs", "✓ clean")
        await walk.press("x")
        await walk.sees("あなたは番人です。", "pair 1 as it is written")


async def test_a_bucket_elsewhere_and_a_name_that_is_taken(walk: Walk, pairs: Path) -> None:
    scene_of(walk).bucket("bucket-in-the-east", "us-east-1")
    async with walk.app([pairs]) as app:
        await upload(walk)
        assert not walk.shows("bucket-in-the-east")
        for name in ("Bad_Name", "bucket-in-the-east"):
            app.screen.query_one("#bucket Input", Input).value = name
            await walk.press("enter")
            if name == "Bad_Name":
                await walk.sees("✗")
        await walk.sees("▲ The bucket is yours, in another Region", "Convert and upload to S3")
        app.screen.query_one("#bucket Input", Input).value = "bucket-in-the-west"
        await walk.press("enter")
        await walk.sees("uploaded. Next")


async def test_converting_asks_before_it_replaces_and_leaves_open_files_alone(walk: Walk, pairs: Path) -> None:
    other, taken, link = pairs.with_name("other.json"), pairs.with_name("taken.jsonl"), pairs.with_name("link.jsonl")
    other.write_bytes(pairs.read_bytes())
    link.symlink_to(other)
    taken.write_text("precious")
    async with walk.app([pairs, other]):
        await walk.sees("✓ clean", "(1/2)")
        await walk.press("x", "ctrl+u")
        await walk.type(str(other))
        await walk.press("enter")
        await walk.sees("other.json is open here", "Convert training.json")
        await walk.press("ctrl+u")
        await walk.type(str(link))
        await walk.press("enter")
        await walk.sees("other.json is open here", "in link.jsonl")
        await walk.press("ctrl+u")
        await walk.type(str(taken))
        await walk.press("enter")
        await walk.sees("Replace this file?")
        await walk.press("escape")
        await walk.sees("Nothing was written")
        assert taken.read_text() == "precious"
        await walk.press("x", "ctrl+u")
        await walk.type(str(taken))
        await walk.press("enter")
        await walk.sees("Replace this file?")
        await walk.press("y")
        await walk.sees("40 records written")
    assert len(taken.read_text().splitlines()) == 40


async def test_an_upload_takes_the_files_that_belong_together(walk: Walk, pairs: Path) -> None:
    names = ("training.en.json", "validation.json", "training.ja.json", "validation.ja.json")
    files = [pairs.with_name(name) for name in names]
    for file in files:
        file.write_bytes(pairs.read_bytes())
    async with walk.app(files):
        await walk.sees("▲ 80 warnings", "(1/4)", walk.sandbox.account_id)
        await walk.press("f", "f")
        await walk.sees("training.ja.json", "(3/4)", "▲ 80 warnings")
        await walk.press("p")
        await walk.sees("training-ja-", "validation-ja-")
