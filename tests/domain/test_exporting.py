"""Exports: what is written is read again as it was, whatever it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE, BaseModel, DataFormat, find
from tui.domain.files.exporting import Export, Systems, Target, name_problem, proposed_path, text_of, whole
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.pairs import read

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(lambda t: bool(t.strip()))
records = st.builds(Record.of, texts, texts, st.none() | texts)
LONG = Record((Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", "d")))


def written(pairs: list[Record], export: Export, data_format: DataFormat) -> bytes:
    ready = [export.with_system(record) for record in pairs]
    column = any(record.system for record in ready)
    made = [text_of(record, export, data_format, system_column=column) for record in ready]
    return "".join(whole(made, export, system_column=column)).encode()


def model(key: str) -> BaseModel:
    found = find(key)
    assert found is not None
    return found


@given(pairs=st.lists(records, min_size=1, max_size=8), systems=st.sampled_from(Systems), escape=st.booleans())
@pytest.mark.parametrize("target", [t for t in Target if t is not Target.CSV])
@pytest.mark.parametrize("data_format", [DataFormat.CLAUDE_MESSAGES, DataFormat.BEDROCK_CONVERSATION])
def test_what_is_written_is_read_again(
    pairs: list[Record], systems: Systems, escape: bool, target: Target, data_format: DataFormat
) -> None:
    export = Export(target, systems, "Be brief. 簡潔に。", escape)
    data = written(pairs, export, data_format)
    assert data.isascii() or not escape
    read_again = list(read(Path(f"x{export.suffix}"), data))
    assert [(r.turns, r.system) for r in read_again if isinstance(r, Record)] == [
        (r.turns, r.system) for r in map(export.with_system, pairs)
    ]


@given(st.lists(records, min_size=2, max_size=8))
@example([Record.of("0", "0000"), Record.of("0", "000\x00", "0"), Record.of("0", "000\x00", "0")])
@example([Record.of("0", "0000"), Record.of("0", "000\x00", "0"), Record.of("0", "000\x00")])
def test_tables_too(pairs: list[Record]) -> None:
    data = written(pairs, Export(Target.CSV), DataFormat.CLAUDE_MESSAGES)
    assume(data.count(0) * 10 <= len(data))  # what is mostly zeros is taken for no text
    read_again = list(read(Path("x.csv"), data))
    assert [(r.question, r.answer, r.system or None) for r in read_again if isinstance(r, Record)] == [
        (r.question, r.answer, r.system) for r in pairs
    ]


@given(st.lists(records, min_size=1, max_size=8), texts)
def test_prompt_and_completion_keep_everything_but_the_place_of_the_system_prompt(
    pairs: list[Record], system: str
) -> None:
    export = Export(system=system)
    for record, text in zip(
        pairs, written(pairs, export, DataFormat.PROMPT_COMPLETION).decode().split("\n"), strict=False
    ):
        value = json.loads(text)
        assert value["prompt"] == f"{record.system or system}\n\n{record.question}"
        assert value["completion"] == record.answer


def test_which_system_prompt_goes_along() -> None:
    own, none = Record.of("q", "a", "own"), Record.of("q", "a")
    for systems, expected in (
        (Systems.FILL, ("own", "set")),
        (Systems.SAME, ("set", "set")),
        (Systems.OWN, ("own", None)),
        (Systems.NONE, (None, None)),
    ):
        export = Export(systems=systems, system="set")
        assert (export.with_system(own).system, export.with_system(none).system) == expected
    assert Export(system=" \n").with_system(none).system is None


@pytest.mark.parametrize("target", [Target.JSON, Target.JSONL, Target.CSV])
def test_a_conversation_is_no_plain_pair(target: Target) -> None:
    with pytest.raises(FormatError, match="4 messages"):
        text_of(LONG, Export(target), DataFormat.CLAUDE_MESSAGES)
    assert "messages" in text_of(LONG, Export(), DataFormat.CLAUDE_MESSAGES)


def test_half_a_character_is_refused_and_escaped_can_be_written() -> None:
    half = Record.of("q\ud800", "a")
    with pytest.raises(FormatError, match="surrogate"):
        text_of(half, Export(Target.JSONL), DataFormat.CLAUDE_MESSAGES)
    assert "\\ud800" in text_of(half, Export(Target.JSONL, escape=True), DataFormat.CLAUDE_MESSAGES)


def test_an_empty_list_is_one() -> None:
    assert "".join(whole([], Export(Target.JSON))) == "[]\n"


@pytest.mark.parametrize("source", ["training.json", "提灯 one.json", "a b+c.csv", "-.jsonl"])
@pytest.mark.parametrize("base", CATALOGUE, ids=lambda m: m.key)
def test_proposed_names_are_taken(source: str, base: BaseModel) -> None:
    path = proposed_path(Path("/data") / source, base, Export())
    assert name_problem(path.name, base) == ""
    assert path.parent == Path("/data")
    assert path.name != source
    assert proposed_path(Path(source), base, Export(Target.CSV)).name == f"{Path(source).stem}.pairs.csv"


def test_names_that_are_not_taken() -> None:
    assert "letters, digits" in name_problem("提灯.jsonl", model("nova-lite"))
    assert name_problem("a(b).jsonl", model("claude-3-haiku")) == ""
    assert name_problem("a(b).jsonl", model("nova-lite"))
    assert "S3" in name_problem("a b.jsonl", model("claude-3-haiku"))
