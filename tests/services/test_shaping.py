"""Whole files looked at on a thread, which stops when nobody wants to know any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.domain.dataset.split import Together
from tui.domain.dataset.statistics import Measure
from tui.domain.errors import AppError
from tui.domain.files.material import Encoding
from tui.domain.files.pairs import PairFile, read
from tui.domain.tokens import Counter, Script
from tui.services.dataset.documents import Documents
from tui.services.dataset.shaping import Shaping, Stopped
from tui.services.pool import DaemonPool


def file_of(pairs: list[dict[str, str]]) -> PairFile:
    return read(Path("x.jsonl"), "".join(f"{json.dumps(pair)}\n" for pair in pairs).encode())


@pytest.fixture
def shaping() -> Shaping:
    return Shaping(DaemonPool(2))


async def test_statistics_of_a_file(shaping: Shaping) -> None:
    file = file_of([{"q": f"What is {n}?", "a": "x" * n} for n in range(1, 1_001)])
    found = await shaping.statistics(file, Counter(), "")
    assert (found.records, found.lengths[Measure.ANSWER].longest) == (1_000, 999)


async def test_it_stops_when_told(shaping: Shaping) -> None:
    asked = 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with pytest.raises(Stopped):
        await shaping.statistics(file_of([{"q": "a", "a": "b"}] * 5_000), Counter(), "", enough)
    assert asked == 3


async def test_samples_hold_text_of_every_script_and_are_bounded(shaping: Shaping) -> None:
    latin = file_of([{"q": "What is a lantern?", "a": "light " * 400}] * 100)
    japanese = file_of([{"q": "提灯とは？", "a": "明かりです。"}] * 3 + [{"q": "1", "a": "2"}])
    found = await shaping.samples([latin, japanese])
    assert set(found) == {Script.LATIN, Script.JAPANESE}
    assert len(found[Script.LATIN][0]) < 20_100
    assert found[Script.JAPANESE] == ("提灯とは？\n明かりです。\n" * 2 + "提灯とは？\n明かりです。", 6)


def written(folder: Path, name: str, rows: list[tuple[str, str]]) -> Path:
    """A file of pairs in the manner that its name asks for."""
    path = folder / name
    if path.suffix == ".csv":
        text = "question,note,answer\r\n" + "".join(f'"{q}",,"{a}"\r\n' for q, a in rows)
        path.write_bytes(text.encode("cp932" if "excel" in name else "utf-8"))
        return path
    values = [{"q": q, "more": n, "a": a} for n, (q, a) in enumerate(rows)]
    if path.suffix == ".jsonl":
        path.write_bytes("\r\n".join(json.dumps(value, ensure_ascii=False) for value in values).encode())
    else:
        path.write_bytes(json.dumps(values, indent=2).encode("utf-16" if "wide" in name else "utf-8"))
    return path


ROWS = [(f"What is lantern number {n}, and why?", f"提灯は門の\\n of gate {n}") for n in range(30)]


@pytest.mark.parametrize("name", ["pairs.json", "wide.json", "pairs.jsonl", "pairs.csv", "excel.csv"])
async def test_parts_are_files_of_the_same_kind_with_the_same_bytes(
    shaping: Shaping, tmp_path: Path, name: str
) -> None:
    documents = Documents(DaemonPool(2), tmp_path / "state")
    source = await documents.open(written(tmp_path, name, ROWS))
    whole, encoding = source.document.now, source.document.encoding
    before = whole.path.read_bytes()
    split = await (await shaping.splitting(whole, None, Counter())).divide([20, 6, 4], "7", Together.EQUAL)
    paths = [tmp_path / f"{role}{whole.path.suffix}" for role in ("train", "validation", "eval")]
    await shaping.write_parts(whole, encoding, list(zip(paths, split.parts, strict=True)))
    assert whole.path.read_bytes() == before
    for path, part in zip(paths, split.parts, strict=True):
        opened = await documents.open(path)
        assert opened.document.encoding == encoding
        assert [opened.document.now.text(i) for i in range(len(part))] == [whole.text(i) for i in part]
        assert len(opened.document.now) == len(part)


async def test_what_is_there_is_never_written_over_and_a_failure_leaves_nothing(
    shaping: Shaping, tmp_path: Path
) -> None:
    documents = Documents(DaemonPool(2), tmp_path / "state")
    source = await documents.open(written(tmp_path, "pairs.json", ROWS))
    taken, new, nowhere = tmp_path / "taken.json", tmp_path / "new.json", tmp_path / "none" / "part.json"
    taken.write_text("precious")
    for bad in (taken, nowhere):
        with pytest.raises(AppError):
            await shaping.write_parts(source.document.now, Encoding(), [(new, [0, 1]), (bad, [2])])
        assert not new.exists()
    assert taken.read_text() == "precious"


async def test_alike_questions_are_found_and_stay_together(shaping: Shaping) -> None:
    questions = [
        "How do I open the great lantern at the northern gate?",
        "Which oil burns longest in a lantern of paper?",
        "how do I open the great lantern at the northern gate",
        "Please tell me: how do I open the great lantern at the northern gate today?",
        "Where are the keepers of the southern bridge at night?",
    ] + [f"{word} {n * 7919 % 1000} rests there" for n, word in enumerate("abcdefgh")]
    file = file_of([{"q": question, "a": "yes"} for question in questions])
    splitting = await shaping.splitting(file, None, Counter())
    alike = await splitting.divide([10, 3, 0], "1", Together.ALIKE)
    equal = await splitting.divide([10, 3, 0], "1", Together.EQUAL)
    nothing = await splitting.divide([10, 3, 0], "1", Together.NOTHING)
    assert (alike.together, alike.largest) == (3, 3)
    assert (equal.together, equal.largest) == (2, 2)
    assert nothing.together == 0
    assert any({0, 2, 3} <= set(part) for part in alike.parts)
    some = await shaping.splitting(file, [1, 4, 6], Counter())
    assert len(some.lengths) == 3
    with pytest.raises(Stopped):
        await (await shaping.splitting(file, None, Counter())).divide([10, 3, 0], "1", Together.ALIKE, lambda: True)


async def test_a_file_of_copies_is_divided_at_once(shaping: Shaping) -> None:
    file = file_of([{"q": "How do I open the great lantern?", "a": str(n)} for n in range(20_000)])
    split = await (await shaping.splitting(file, None, Counter())).divide([19_000, 1_000, 0], "1", Together.ALIKE)
    assert split.largest == 20_000
