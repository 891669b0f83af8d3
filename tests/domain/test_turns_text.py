"""Conversations with more turns and fewer: what is not touched stays byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import DataFormat
from tui.domain.files.document import Document, Encoding
from tui.domain.files.formats import FormatError, Record, Turn, line
from tui.domain.files.pairs import read

CLAUDE = (
    b'{"system": "s", "messages": [{"role":"user","content":"a","id":1.0},  {"content":"\\u0062","role":"assistant"}],'
    b' "meta": 1E2}\n'
)
BLOCKS = (
    b'{"schemaVersion":"bedrock-conversation-2024","messages":[\n  '
    b'{"role":"user","content":[{"text":"a"},{"text":"b"}]},\n  {"role":"assistant","content":[{"text":"c"}]}\n]}'
)
MORE = (Turn("user", "c"), Turn("assistant", "提灯"))


def opened(raw: bytes) -> Document:
    return Document(read(Path("pairs.json"), raw), Encoding.of(raw))


def edited(raw: bytes, *turns: Turn) -> bytes:
    document = opened(raw)
    record = document.now[0]
    assert isinstance(record, Record)
    document.do(document.edit(0, replace(record, turns=turns)))
    return b"".join(document.now.render(document.encoding))


def turns_of(raw: bytes) -> tuple[Turn, ...]:
    record = opened(raw).now[0]
    assert isinstance(record, Record)
    return record.turns


def test_turns_are_added_behind_the_others() -> None:
    after = edited(CLAUDE, *turns_of(CLAUDE), *MORE)
    assert after == CLAUDE.replace(
        b'"assistant"}]',
        '"assistant"},  {"role":"user","content":"c"},  {"role":"assistant","content":"提灯"}]'.encode(),
    )
    assert edited(after, *turns_of(CLAUDE)) == CLAUDE


def test_turns_are_added_before_the_others() -> None:
    after = edited(CLAUDE, *MORE, *turns_of(CLAUDE))
    assert turns_of(after) == (*MORE, *turns_of(CLAUDE))
    assert b'{"role":"user","content":"a","id":1.0},  {"content":"\\u0062","role":"assistant"}]' in after


def test_blocks_and_lines() -> None:
    listed = b"[" + BLOCKS + b"]"
    after = edited(listed, *turns_of(listed), *MORE)
    assert after.startswith(listed.rstrip(b"\n]}"))
    assert '{"role":"assistant","content":[{"text":"提灯"}]}\n]}'.encode() in after
    assert json.loads(after)[0]["messages"][2] == {"role": "user", "content": [{"text": "c"}]}
    assert edited(after, *turns_of(listed)) == listed


def test_one_question_and_one_answer_is_all_that_a_pair_holds() -> None:
    raw = b'{"prompt": "a", "completion": "b"}\n'
    with pytest.raises(FormatError, match="one question and one answer"):
        edited(raw, *turns_of(raw), *MORE)


turn = st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(max_size=5))
turns = st.lists(turn, min_size=1, max_size=6).map(tuple)


@given(turns, turns, st.sampled_from([DataFormat.CLAUDE_MESSAGES, DataFormat.BEDROCK_CONVERSATION]))
def test_any_turns_become_any_others_and_go_back(
    before: tuple[Turn, ...], after: tuple[Turn, ...], data_format: DataFormat
) -> None:
    raw = (line(Record(before), data_format) + "\n" + line(Record(MORE), data_format) + "\n").encode("utf-8")
    changed = edited(raw, *after)
    assert turns_of(changed) == after
    assert changed.splitlines()[-1] == raw.splitlines()[-1]
    assert turns_of(edited(changed, *before)) == before
