"""The three line formats: exactly what AWS documents, and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import DataFormat
from tui.domain.files.formats import FormatError, Record, Turn, detect, line, parse, render

texts = st.text(max_size=30)
pairs = st.builds(Record.of, texts, texts, st.none() | st.text(min_size=1, max_size=20))
conversations = st.builds(
    lambda turns, system: Record(
        tuple(Turn("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(turns)), system
    ),
    st.lists(texts, min_size=2, max_size=6),
    st.none() | st.text(min_size=1, max_size=20),
)


def test_a_claude_record_is_system_and_messages_and_nothing_else() -> None:
    assert render(Record.of("Q", "A"), DataFormat.CLAUDE_MESSAGES, "S") == {
        "system": "S",
        "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}],
    }
    assert line(Record.of("Q", "A"), DataFormat.CLAUDE_MESSAGES, "S") == (
        '{"system": "S", "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}'
    )


def test_a_conversation_record_holds_blocks_and_its_schema() -> None:
    assert render(Record.of("Q", "A"), DataFormat.BEDROCK_CONVERSATION, "S") == {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "S"}],
        "messages": [
            {"role": "user", "content": [{"text": "Q"}]},
            {"role": "assistant", "content": [{"text": "A"}]},
        ],
    }


def test_prompt_and_completion_fold_the_system_prompt_in() -> None:
    assert render(Record.of("Q", "A"), DataFormat.PROMPT_COMPLETION, "S") == {"prompt": "S\n\nQ", "completion": "A"}
    assert render(Record.of("Q", "A"), DataFormat.PROMPT_COMPLETION) == {"prompt": "Q", "completion": "A"}


@pytest.mark.parametrize("data_format", [DataFormat.CLAUDE_MESSAGES, DataFormat.BEDROCK_CONVERSATION])
def test_without_a_system_prompt_there_is_no_system_key(data_format: DataFormat) -> None:
    assert "system" not in render(Record.of("Q", "A"), data_format)
    assert "system" not in render(Record.of("Q", "A", ""), data_format, "")


def test_the_records_own_system_prompt_wins() -> None:
    assert render(Record.of("Q", "A", "own"), DataFormat.CLAUDE_MESSAGES, "given")["system"] == "own"


@given(conversations, st.booleans())
@pytest.mark.parametrize("data_format", [DataFormat.CLAUDE_MESSAGES, DataFormat.BEDROCK_CONVERSATION])
def test_conversations_come_back_as_they_went(data_format: DataFormat, record: Record, escape: bool) -> None:
    value = json.loads(line(record, data_format, escape=escape))
    assert detect(value) is data_format
    assert parse(value, data_format) == record


@given(pairs)
def test_pairs_come_back_from_prompt_and_completion(record: Record) -> None:
    value = json.loads(line(record, DataFormat.PROMPT_COMPLETION))
    assert detect(value) is DataFormat.PROMPT_COMPLETION
    question = f"{record.system}\n\n{record.question}" if record.system else record.question
    assert parse(value, DataFormat.PROMPT_COMPLETION) == Record.of(question, record.answer)


@given(conversations)
def test_more_than_one_exchange_is_no_prompt_and_completion(record: Record) -> None:
    if record.is_pair:
        assert render(record, DataFormat.PROMPT_COMPLETION)["completion"] == record.answer
    else:
        with pytest.raises(FormatError):
            render(record, DataFormat.PROMPT_COMPLETION)


def test_escaping_leaves_ascii_only() -> None:
    escaped = line(Record.of("質問", "A"), DataFormat.CLAUDE_MESSAGES, escape=True)
    assert escaped.isascii()
    assert "質問" in line(Record.of("質問", "A"), DataFormat.CLAUDE_MESSAGES)


MESSAGES = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]


@pytest.mark.parametrize(
    ("value", "data_format", "reason"),
    [
        ([], DataFormat.CLAUDE_MESSAGES, "the record is a list, not an object"),
        ({}, DataFormat.CLAUDE_MESSAGES, "messages is null or missing"),
        ({"messages": "x"}, DataFormat.CLAUDE_MESSAGES, "messages is a string"),
        ({"messages": [1]}, DataFormat.CLAUDE_MESSAGES, "messages[1] is a number"),
        ({"messages": [{"content": "x"}]}, DataFormat.CLAUDE_MESSAGES, "messages[1].role"),
        ({"messages": [{"role": "user"}]}, DataFormat.CLAUDE_MESSAGES, "messages[1].content"),
        ({"messages": [{"role": "user", "content": True}]}, DataFormat.CLAUDE_MESSAGES, "true or false"),
        ({"messages": MESSAGES, "system": None}, DataFormat.CLAUDE_MESSAGES, "system is null"),
        ({"messages": MESSAGES}, DataFormat.BEDROCK_CONVERSATION, "messages[1].content is a string"),
        (
            {"messages": [{"role": "user", "content": [{"image": 1}]}]},
            DataFormat.BEDROCK_CONVERSATION,
            "messages[1].content[1] is of kind image, not text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"text": "x"}, {"text": 1}]}]},
            DataFormat.BEDROCK_CONVERSATION,
            "messages[1].content[2] has no text",
        ),
        ({"messages": [], "system": "x"}, DataFormat.BEDROCK_CONVERSATION, "system is a string"),
        ({"messages": [], "schemaVersion": 5}, DataFormat.BEDROCK_CONVERSATION, "schemaVersion is a number"),
        ({"prompt": "x"}, DataFormat.PROMPT_COMPLETION, "completion is missing"),
        ({"prompt": {}, "completion": "x"}, DataFormat.PROMPT_COMPLETION, "prompt is an object"),
    ],
)
def test_the_field_that_is_wrong_is_named(value: Any, data_format: DataFormat, reason: str) -> None:
    with pytest.raises(FormatError, match=reason.replace("[", r"\[")):
        parse(value, data_format)


def test_unknown_keys_are_noted_with_their_place() -> None:
    value = {"messages": [{"role": "user", "content": "Q", "weight": 1}], "id": 3}
    assert parse(value, DataFormat.CLAUDE_MESSAGES).extra_keys == ("id", "messages[1].weight")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["messages", "system", "role", "content", "text", "prompt", "x"]), inner)
    ),
    max_leaves=8,
)


@given(anything)
@pytest.mark.parametrize("data_format", DataFormat)
def test_any_json_is_a_record_or_a_format_error(data_format: DataFormat, value: Any) -> None:
    detect(value)
    try:
        record = parse(value, data_format)
    except FormatError:
        return
    assert all(isinstance(turn.text, str) for turn in record.turns)


def test_tokens_are_counted_text_by_text() -> None:
    assert Record.of("12345", "123", "12").tokens() == 1 + 1 + 0
    assert Record.of("123456", "123456", "123456").tokens(6) == 3


def test_estimate_counts_japanese_by_characters_and_alphabets_by_thirds() -> None:
    assert Record.of("サーバーの準備", "abcdef").estimate() == 7 + 2
    assert Record.of("a" * 9, "b" * 9).estimate("s" * 9) == 9
    assert Record.of("a" * 9, "b" * 9, "own").estimate("s" * 9) == 7
