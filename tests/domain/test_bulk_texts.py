"""The quick look at many records sees what the full look at each of them sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE, BaseModel, DataFormat
from tui.domain.dataset import checks
from tui.domain.dataset.checks import check_record, check_texts, doubtful
from tui.domain.files import pairs
from tui.domain.files.bulk_texts import plain, texts
from tui.domain.files.document import Document
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Keys, Role, read_record
from tui.domain.text import UNSAFE, has_unsafe, normalised, normalised_lines

TEXTS = st.one_of(
    st.sampled_from(["", " ", "What?", "短冊 ", "\ud800", "Human: hi", "a\tb", "\x1b[31m", "x" * 40, "\n", "é", "　"]),
    st.text(max_size=8),
)
BLOCKS = st.one_of(TEXTS, st.lists(st.fixed_dictionaries({"text": TEXTS}), max_size=2), st.none())
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": BLOCKS}, optional={"x": TEXTS}
    ),
    max_size=3,
)
VALUES = st.one_of(
    st.fixed_dictionaries({"q": TEXTS, "a": TEXTS}, optional={"system": BLOCKS, "z": st.integers()}),
    st.fixed_dictionaries({"prompt": TEXTS, "completion": BLOCKS}, optional={"z": TEXTS}),
    st.fixed_dictionaries({"messages": MESSAGES}, optional={"system": BLOCKS, "schemaVersion": TEXTS, "z": TEXTS}),
    st.fixed_dictionaries(
        {
            "schemaVersion": st.just("bedrock-conversation-2024"),
            "messages": st.tuples(*[st.fixed_dictionaries({"role": st.just(r), "content": BLOCKS}) for r in
                                    ("user", "assistant")]).map(list),
        },
        optional={"system": BLOCKS},
    ),
    st.lists(TEXTS, max_size=2),
)  # fmt: skip
LAYOUTS = [Keys("q", "a"), Keys("q", "a", "z"), Keys("system", "a"), *DataFormat]


def written(value: Any, ascii_only: bool, before: str, after: str) -> bytes:
    text = before + json.dumps(value, ensure_ascii=ascii_only) + after
    return text.encode("utf-8", "surrogatepass" if ascii_only else "replace")


BODIES = st.builds(written, VALUES, st.booleans(), st.sampled_from(["", " \t", "x"]), st.sampled_from(["", "\r", "}"]))


@given(st.lists(BODIES, max_size=6), st.sampled_from(LAYOUTS))
def test_quick_texts_are_those_of_the_record(bodies: list[bytes], layout: Keys | DataFormat) -> None:
    for body, found in zip(bodies, plain(bodies, layout), strict=True):
        if found is not None:
            record = read_record(body, layout)
            assert record == Record.of(*found)


@pytest.mark.parametrize(
    ("body", "layout", "found"),
    [
        (b'{"q": "What?", "a": "That."}\r', Keys("q", "a"), ("What?", "That.", None)),
        (b'{"q": "What?", "a": "That.", "system": "Be."}', Keys("q", "a"), ("What?", "That.", "Be.")),
        (b'{"prompt": "What?", "completion": "That."}', DataFormat.PROMPT_COMPLETION, ("What?", "That.", None)),
        (
            b'{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}',
            DataFormat.CLAUDE_MESSAGES,
            ("Q", "A", None),
        ),
        (
            b'{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "S"}], "messages": [{"role": "user",'
            b' "content": [{"text": "Q"}]}, {"role": "assistant", "content": [{"text": "A"}]}]}',
            DataFormat.BEDROCK_CONVERSATION,
            ("Q", "A", "S"),
        ),
    ],
)
def test_plain_pairs_of_every_format_are_seen(
    body: bytes, layout: Keys | DataFormat, found: tuple[str, str, str | None]
) -> None:
    assert plain([body], layout) == [found]


@given(st.lists(BODIES, max_size=6), st.sampled_from(LAYOUTS), st.sampled_from(CATALOGUE))
def test_what_is_not_doubtful_has_no_problem(bodies: list[bytes], layout: Keys | DataFormat, model: Any) -> None:
    found = plain(bodies, layout)
    suspects = dict(doubtful(found, model))
    for index, (body, pair) in enumerate(zip(bodies, found, strict=True)):
        if index not in suspects:
            assert check_record(read_record(body, layout), model) == []
        elif pair:
            assert check_texts(pair, model, closer=suspects[index]) == check_texts(pair, model)


@pytest.mark.parametrize(
    ("texts", "is_so"),
    [
        (("q", "a", None), False),
        (("q", "a", "s"), False),
        (("q", "a", " s"), True),
        (("q", "a", ""), True),
        (("q ", "a", None), True),
        (("q", "\ta", "s"), True),
        (("", "a", None), True),
        (("q", "", None), True),
        (("q", "a" * 96_010, None), True),
    ],
)
def test_what_is_doubtful_is_looked_at(texts: tuple[str, str, str | None], is_so: bool) -> None:
    assert [index for index, _ in doubtful([("q", "a", None), texts], CATALOGUE[0])] == [1] * is_so


MARKED = st.text(alphabet="a か\u3099\n\u200b\x1b\ud800", max_size=6) | st.sampled_from(["\n\nHuman: x", "x" * 96_010])


@given(MARKED, MARKED, st.none() | MARKED, st.sampled_from(CATALOGUE))
def test_texts_are_judged_as_their_record_is(question: str, answer: str, system: str | None, model: BaseModel) -> None:
    assert check_texts((question, answer, system), model) == check_record(Record.of(question, answer, system), model)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_duplicates_are_found_as_by_comparing_all(asked: list[tuple[str, str]]) -> None:
    lines = [json.dumps({"q": q, "a": a}) for q, a in [("first", "one"), *asked]]
    file = pairs.read(Path("x.jsonl"), "\n".join(lines).encode("utf-8"), Keys("q", "a"))
    found = checks.check(Document(file).now, CATALOGUE[0], Role.TRAIN)
    keys = [normalised(r.question) or r.question if isinstance(r, Record) else "" for r in file]
    again = {i for i, key in enumerate(keys) if key.strip() and key in keys[:i]}
    assert {p.index for p in found if p.rule in ("duplicate", "near duplicate", "two answers")} == again


@given(st.text(max_size=30))
def test_unsafe_is_what_the_expression_finds(text: str) -> None:
    assert has_unsafe(text) == bool(UNSAFE.search(text))


@given(st.lists(st.one_of(st.text(alphabet="aB_ .\n\x1c-", max_size=10), st.text(max_size=6)), max_size=5))
def test_lines_are_normalised_as_one_by_one(lines: list[str]) -> None:
    assert normalised_lines(lines) == [normalised(line) for line in lines]


def test_a_record_made_here_has_texts_too() -> None:
    file = pairs.read(Path("x.jsonl"), b'{"q": "1", "a": "2"}\n{"q": "3", "a": "4"}', Keys("q", "a"))
    document = Document(file)
    document.do(document.add(1, Record.of("new", "pair")))
    assert texts(document.now, 0, 3) == [("1", "2", None), ("new", "pair", None), ("3", "4", None)]
    assert texts(document.now, 1, 9) == [("new", "pair", None), ("3", "4", None)]
