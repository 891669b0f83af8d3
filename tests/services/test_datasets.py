"""Files of pairs on disk: opened, converted, and written whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import stat
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import Scripted, services_over, until
from tui.domain.base_models import BaseModel, find
from tui.domain.dataset.checks import Problem, Severity
from tui.domain.dataset.filter import Query, matches, parse
from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import Record
from tui.domain.files.pairs import PairFile, Pairs, Role, UnclearKeys
from tui.sandbox.clock import ManualClock
from tui.services.aws import Aws, Connection
from tui.services.dataset import datasets
from tui.services.dataset.datasets import Datasets, Wish, problems_summary, write_atomically
from tui.services.pool import DaemonPool

PAIRS = [{"sentence1": f"Question {n}?", "sentence2": f"Answer {n}."} for n in range(85)]
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is refused to root")


def model(key: str) -> BaseModel:
    found = find(key)
    assert found is not None
    return found


HAIKU = model("claude-3-haiku")


@pytest.fixture
def files() -> Datasets:
    return Datasets(DaemonPool(2))


@pytest.fixture
def training(tmp_path: Path) -> Path:
    path = tmp_path / "training.json"
    path.write_text(json.dumps(PAIRS))
    return path


def content(path: Path) -> bytes:
    return path.read_bytes()


async def refusal(files: Datasets, path: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        await files.open(path)
    assert caught.value.cause is Cause.FILE
    return caught.value


async def test_a_file_is_opened(files: Datasets, training: Path) -> None:
    file = await files.open(training)
    assert len(file) == 85
    assert file.size == len(content(training))


async def test_what_is_no_plain_file_is_refused_at_once(files: Datasets, tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    assert "folder" in (await refusal(files, tmp_path)).title
    assert "plain file" in (await refusal(files, fifo)).title
    assert "plain file" in (await refusal(files, Path("/dev/zero"))).title
    assert "not there" in (await refusal(files, tmp_path / "missing.json")).title
    assert "cannot be opened" in (await refusal(files, Path("nul\0byte"))).title
    assert "cannot be opened" in (await refusal(files, tmp_path / ("x" * 300))).title


async def test_opening_folders_leaves_no_descriptor_open(files: Datasets, tmp_path: Path) -> None:
    await refusal(files, tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await refusal(files, tmp_path)
    assert len(os.listdir("/proc/self/fd")) <= before


@as_root
async def test_a_file_that_may_not_be_read_is_told(files: Datasets, training: Path) -> None:
    os.chmod(training, 0)
    assert "cannot be opened" in (await refusal(files, training)).title


async def test_an_endless_link_is_told(files: Datasets, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "cannot be opened" in (await refusal(files, tmp_path / "a")).title


async def test_a_file_that_is_too_large_is_not_read(files: Datasets, tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(datasets.LARGEST_FILE + 1)
    assert "too large" in (await refusal(files, path)).title


async def test_unclear_keys_reach_the_caller(files: Datasets, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"x": "1", "y": "2", "z": "3"}]')
    with pytest.raises(UnclearKeys):
        await files.open(path)


async def test_pairs_become_claude_records_in_order_and_nothing_else(files: Datasets, training: Path) -> None:
    converted = await files.convert(await files.open(training), HAIKU, Role.TRAIN, "Be brief.")
    lines = converted.data.decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [
        {
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": pair["sentence1"]},
                {"role": "assistant", "content": pair["sentence2"]},
            ],
        }
        for pair in PAIRS
    ]
    assert (converted.records, converted.role, converted.base_model) == (85, Role.TRAIN, "claude-3-haiku")
    assert converted.sha256 == hashlib.sha256(converted.data).hexdigest()
    assert converted.file_name == f"training-{converted.sha256[:8]}.jsonl"
    texts = [text for pair in PAIRS for text in (pair["sentence1"], pair["sentence2"], "Be brief.")]
    # By the rule of thumb, three characters to a token, rounded once and not text by text.
    assert converted.tokens == round(sum(map(len, texts)) / 3)


@pytest.mark.parametrize("key", ["nova-lite", "llama-3.3-70b", "llama-3.1-8b"])
async def test_the_other_formats_open_again_as_the_same_pairs(
    files: Datasets, training: Path, tmp_path: Path, key: str
) -> None:
    converted = await files.convert(await files.open(training), model(key), Role.TRAIN, "")
    path = tmp_path / converted.file_name
    await files.write(converted, path)
    again = await files.open(path)
    assert again.layout is model(key).data_format
    expected = [(pair["sentence1"], pair["sentence2"]) for pair in PAIRS]
    assert [(r.question, r.answer) for r in again if isinstance(r, Record)] == expected
    assert (await files.convert(again, model(key), Role.TRAIN, "")).data == converted.data


@pytest.mark.parametrize(
    ("pair", "system", "said"),
    [
        ({"q": "x\nHuman: y", "a": "z"}, "", "reserves"),
        ({"q": " ", "a": "z"}, "", "blank"),
        ({"q": "x\ud800", "a": "z"}, "", "surrogate"),
        ({"q": "x", "a": "z"}, "Talk.\nHuman: hello", "reserves"),
        ({"q": "x", "a": "z"}, "x" * 100_000, "tokens"),
        ({"q": "x", "a": "z"}, "half \ud800", "surrogate"),
    ],
)
async def test_what_aws_would_refuse_is_not_converted(
    files: Datasets, tmp_path: Path, pair: dict[str, str], system: str, said: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"q": "good", "a": "good"}) + "\n\n" + json.dumps(pair) + "\n")
    with pytest.raises(AppError) as caught:
        await files.convert(await files.open(path), HAIKU, Role.TRAIN, system)
    assert said in caught.value.detail
    assert "record" in caught.value.detail


async def test_a_damaged_record_stops_the_conversion_with_its_line(files: Datasets, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"q": "x", "a": "y"}\n{broken\n')
    with pytest.raises(AppError, match="cannot be converted") as caught:
        await files.convert(await files.open(path), HAIKU, Role.TRAIN, "")
    assert "record 2, line 2" in caught.value.detail


async def test_a_blank_system_prompt_is_none(files: Datasets, training: Path) -> None:
    converted = await files.convert(await files.open(training), HAIKU, Role.TRAIN, " \n")
    assert b"system" not in converted.data


async def test_extra_keys_are_left_behind(files: Datasets, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    messages = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    path.write_text(json.dumps({"id": 7, "messages": messages, "system": "S"}))
    converted = await files.convert(await files.open(path), HAIKU, Role.TRAIN, "other")
    assert json.loads(converted.data) == {"system": "S", "messages": messages}
    assert converted.left_out == ("id",)


@pytest.mark.parametrize(
    ("name", "text", "left_out"),
    [
        (
            "a.jsonl",
            '{"q":"a","a":"b","tags":["x"],"note":null,"empty":""}\n{"q":"c","a":"d","id\\n":1}\n',
            ["tags", "id"],
        ),
        ("a.csv", "id,question,answer,empty\n1,a,b,\n", ["id"]),
        ("a.json", '[{"question":"a","answer":"b","system":["x"],"provenance":{"by":"me"}}]', ["system"]),
        ("a.jsonl", '{"prompt":"a","completion":"b","x":1}', ["x"]),
        (
            "a.jsonl",
            '{"id":0,"conversations":[{"from":"system","value":"x"},{"from":"human","value":"a","weight":1},'
            '{"from":"gpt","value":"b","weight":0}],"system":"other"}',
            ["id", "system", "conversations.weight"],
        ),
    ],
)
async def test_what_has_no_place_in_the_format_is_named(
    files: Datasets, tmp_path: Path, name: str, text: str, left_out: list[str]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    file = await files.open(path)
    assert (await files.convert(file, HAIKU, Role.TRAIN, "")).left_out == tuple(left_out)
    assert {p.rule for p in await files.check(file, HAIKU, Role.EVAL)} <= {"blank line"}


async def test_a_system_prompt_beside_prompt_and_completion_is_sent(files: Datasets, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt": "Where?", "completion": "There.", "system": "Be kind."}\n')
    made = await files.convert(await files.open(path), HAIKU, Role.TRAIN, "")
    assert (json.loads(made.data)["system"], made.left_out) == ("Be kind.", ())


async def test_a_file_is_never_written_over_its_own_source(files: Datasets, training: Path, tmp_path: Path) -> None:
    converted = await files.convert(await files.open(training), HAIKU, Role.TRAIN, "")
    link = tmp_path / "link.json"
    link.symlink_to(training)
    before = content(training)
    for path in (training, link, tmp_path / "." / "training.json"):
        with pytest.raises(AppError, match="the file itself"):
            await files.write(converted, path)
    assert content(training) == before


def left_over(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(".tanzaku")]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert left_over(tmp_path) == []


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "new", b"x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target"
    target.write_text("old")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_refuses_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(AppError, match="cannot be written") as caught:
        write_atomically(path, b"new" * 1000)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert left_over(tmp_path) == []
    assert ("3.0 kB are needed" in caught.value.detail) is (number != errno.EIO)


@pytest.mark.parametrize("place", ["missing/x", "nul\0byte", "n" * 300])
def test_a_place_that_cannot_be_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(AppError) as caught:
        write_atomically(tmp_path / place, b"x")
    assert caught.value.cause is Cause.FILE


def test_only_plain_files_are_replaced(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo):
        with pytest.raises(AppError, match="not a plain file"):
            write_atomically(path, b"x")
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@as_root
def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(AppError, match="read-only"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"


def test_a_reader_sees_the_old_or_the_new_and_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "x"
    contents = {b"a" * 200_000, b"b" * 300_000}
    path.write_bytes(min(contents))
    seen: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(15):
        for content in contents:
            write_atomically(path, content)
    ended.set()
    reader.join(10)
    assert seen <= contents


async def test_files_do_not_wait_for_aws(scripted: Scripted, training: Path, tmp_path: Path) -> None:
    scripted.hang()
    aws = Aws(lambda: Connection(None, "us-west-2", scripted.url, "SANDBOXKEY", "secret"), sandbox=True)
    services = services_over(aws, tmp_path, ManualClock())
    hanging = [asyncio.ensure_future(aws.call("bedrock", "list_foundation_models")) for _ in range(20)]
    await services.pool.run(until, lambda: len(scripted.asked) >= 8)
    file: PairFile = await asyncio.wait_for(services.datasets.open(training), 10)
    await asyncio.wait_for(services.remember("p", "k", "v"), 10)
    assert len(file) == 85
    scripted.released.set()
    await asyncio.gather(*hanging, return_exceptions=True)


def test_summaries() -> None:
    error = Problem("x", Severity.ERROR, "x")
    warning = Problem("x", Severity.WARNING, "x")
    assert problems_summary([]) == "no problems"
    assert problems_summary([error, error, warning]) == "2 errors, 1 warning"
    assert problems_summary([warning]) == "1 warning"


async def test_a_new_file_is_written_and_never_over_another(tmp_path: Path) -> None:
    files = Datasets(DaemonPool(1))
    path = tmp_path / "new.json"
    await files.write_new(path, "[]\n")
    with pytest.raises(AppError, match=r"new\.json is there already"):
        await files.write_new(path, "other")
    assert path.read_text() == "[]\n"
    (tmp_path / "dangling.json").symlink_to(tmp_path / "gone")
    with pytest.raises(AppError, match="is there already"):
        await files.write_new(tmp_path / "dangling.json", "other")
    with pytest.raises(AppError):
        await files.write_new(tmp_path / "no" / "folder.json", "other")


async def test_a_letter_more_is_looked_for_among_what_was_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    words = ["lantern", "lanthorn", *["lamp"] * 60]
    path.write_text("".join(f'{{"question": "Where is the {word}?", "answer": "There."}}\n' for word in words))
    files = Datasets(DaemonPool(1))
    file = await files.open(path)
    searched: list[str] = []

    def noting(pairs: Pairs, query: Query, named: Mapping[str, Collection[int]]) -> Iterator[tuple[int, list[int]]]:
        searched.append(query.words[0].text)
        return matches(pairs, query, named)

    monkeypatch.setattr("tui.services.dataset.datasets.matches", noting)

    async def left(typed: str, pairs: Pairs = file) -> list[int]:
        listing = await files.arrange(Wish(pairs, parse(typed)), lambda: False, lambda _: None)
        return list(listing.rows or ())

    assert await left("lant") == [0, 1]
    assert await left("lante") == [0]
    assert searched == ["lant"]
    assert await left("lanth") == [1]
    assert await left("la") == list(range(62))
    assert await left("lam") == list(range(2, 62))
    assert await left("lant") == [0, 1]
    assert searched == ["lant", "lanth", "la", "lam", "lant"]
    assert await left("lante", await files.open(path)) == [0]
    assert searched[5:] == ["lante"]
