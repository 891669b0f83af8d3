"""Conversations of other programs: read with their system prompts and roles, edited in their own manner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE, DataFormat
from tui.domain.dataset.checks import check_record
from tui.domain.dataset.repeated_keys import twice
from tui.domain.files.bulk_texts import plain
from tui.domain.files.chats import Chat, chat_value, format_of
from tui.domain.files.document import Document, Encoding
from tui.domain.files.formats import FormatError, Record, Turn, line
from tui.domain.files.moving import carried
from tui.domain.files.pairs import Damaged, candidates, read

OPEN_AI = Chat()
SHARE_GPT = Chat("conversations", "from", "value")
SPOKEN = Record((Turn("user", "Where?"), Turn("assistant", "There.")), "Be kind.")


def message(role: str, text: Any) -> dict[str, Any]:
    return {"role": role, "content": text}


def said(role: str, text: Any) -> dict[str, Any]:
    return {"from": role, "value": text}


SHARED = {"id": "x", "conversations": [said("system", "Be kind."), said("human", "Where?"), said("gpt", "There.")]}
OPEN = {"messages": [message("system", "Be kind."), message("user", "Where?"), message("assistant", "There.")]}


def opened(raw: bytes | str) -> Document:
    raw = raw.encode() if isinstance(raw, str) else raw
    return Document(read(Path("pairs.jsonl"), raw), Encoding.of(raw))


def bytes_of(document: Document) -> bytes:
    return b"".join(document.now.render(document.encoding))


@pytest.mark.parametrize(
    ("value", "layout"),
    [
        (SHARED, SHARE_GPT),
        ({"conversations": SHARED["conversations"][1:], "system": "Be kind."}, SHARE_GPT),
        (OPEN, OPEN_AI),
        ({**OPEN, "tools": []}, OPEN_AI),
        ({"messages": [message("developer", "Be kind."), *OPEN["messages"][1:]]}, OPEN_AI),
        ({"conversation": OPEN["messages"]}, Chat("conversation")),
        (
            {"messages": [message("system", "Be kind."), message("User", "Where?"), message("Chatbot", "There.")]},
            OPEN_AI,
        ),
        (
            {
                "messages": [
                    message("system", "Be kind."),
                    message("user", [{"type": "text", "text": "Where?"}]),
                    message("assistant", "There."),
                ]
            },
            OPEN_AI,
        ),
    ],
)
def test_what_others_write_is_read(value: dict[str, Any], layout: Chat) -> None:
    assert format_of(value) == layout
    file = opened(json.dumps(value) + "\n").base
    assert file.layout == layout
    assert file[0] == SPOKEN
    assert plain([file.raw(0)], layout)[0] in (None, ("Where?", "There.", "Be kind."))  # None: it is read in full
    assert not check_record(file[0], CATALOGUE[0])
    assert candidates(file) is None


@pytest.mark.parametrize(
    "value",
    [
        {"messages": OPEN["messages"][1:]},
        {"messages": OPEN["messages"][1:], "system": "Be kind."},
        {"messages": [message("human", "a"), message("judge", "b")]},
        {"messages": [message("user", "a"), message("system", "b")]},
        {"messages": []},
        {"messages": ["a"]},
    ],
)
def test_what_bedrock_trains_on_stays_what_it_is(value: dict[str, Any]) -> None:
    assert format_of(value) is DataFormat.CLAUDE_MESSAGES
    blocks = {"schemaVersion": "bedrock-conversation-2024", "messages": [message("system", [{"text": "a"}])]}
    assert format_of(blocks) is DataFormat.BEDROCK_CONVERSATION


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"messages": 7}, "messages is missing, or no list"),
        ([], "messages is missing, or no list"),
        ({"messages": [7]}, "messages[1] is not an object"),
        (
            {"messages": [message("user", "a"), message("assistant", None)]},
            "messages[2].content is null or missing, not a string",
        ),
        ({"messages": [{"role": 1, "content": "a"}]}, "messages[1].role is a number, not a string"),
        ({"messages": [message("user", [{"type": "image_url"}])]}, "messages[1].content[1] has no text"),
        ({**OPEN, "messages": OPEN["messages"][1:], "system": 7}, "system is a number, not a string"),
    ],
)
def test_a_record_that_is_none_is_kept_and_the_reason_said(value: Any, reason: str) -> None:
    raw = "".join(f"{json.dumps(one)}\n" for one in (OPEN, value, OPEN))
    document = opened(raw)
    damaged = document.now[1]
    assert isinstance(damaged, Damaged)
    assert damaged.reason == reason
    assert plain([json.dumps(value).encode()], OPEN_AI) == [None]
    assert bytes_of(document) == raw.encode()


EDITS = [
    (
        '{"id":1.0,"conversations":[ {"value":"\\u0061","from":"human"},{"from":"gpt","value":"b","weight":1E0}]}\n',
        Record.of("a", "new", "Be kind."),
        '{"id":1.0,"conversations":[ {"from":"system","value":"Be kind."},{"value":"\\u0061","from":"human"},'
        '{"from":"gpt","value":"new","weight":1E0}]}\n',
    ),
    (
        '{"messages": [{"role":"developer","content":"x"}, {"role":"user","content":"a"}, '
        '{"role":"assistant","content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]}]}\n',
        Record.of("a", "new", "y"),
        '{"messages": [{"role":"developer","content":"y"}, {"role":"user","content":"a"}, '
        '{"role":"assistant","content":"new"}]}\n',
    ),
    (
        '{"system": "x", "conversations": [{"from":"human","value":"a"}, {"from":"gpt","value":"b"}]}\n',
        Record.of("a", "b", "y"),
        '{"system": "y", "conversations": [{"from":"human","value":"a"}, {"from":"gpt","value":"b"}]}\n',
    ),
    (
        '{"system": "x", "conversations": [{"from":"human","value":"a"}, {"from":"gpt","value":"b"}]}\n',
        Record.of("a", "b"),
        '{"conversations": [{"from":"human","value":"a"}, {"from":"gpt","value":"b"}]}\n',
    ),
]


@pytest.mark.parametrize(("before", "record", "after"), EDITS)
def test_an_edit_changes_its_texts_and_nothing_else(before: str, record: Record, after: str) -> None:
    document = opened(before)
    document.do(document.edit(0, record))
    assert bytes_of(document).decode() == after
    document.undo()
    assert bytes_of(document).decode() == before


def test_a_new_record_is_written_in_the_manner_of_the_file() -> None:
    document = opened(json.dumps(SHARED) + "\n")
    document.do(document.add(1, SPOKEN))
    new = json.loads(document.now.text(1))
    assert new == {"conversations": SHARED["conversations"]}
    with pytest.raises(FormatError, match="fields of your own"):
        document.add(0, SPOKEN, {"provenance": 1})


def test_records_go_to_files_of_other_layouts_and_what_has_no_place_is_named() -> None:
    source = opened(json.dumps(SHARED) + "\n")
    target = opened('{"question":"a","answer":"b"}\n')
    assert json.loads(carried(source.now, [0], target).texts[0]) == {
        "question": "Where?", "answer": "There.", "system": "Be kind."
    }  # fmt: skip
    own = opened(line(SPOKEN, DataFormat.CLAUDE_MESSAGES)[:-1] + ', "id": 7}\n')
    assert carried(own.now, [0], target).left_out == ("id",)
    assert json.loads(carried(own.now, [0], source).texts[0]) == {"conversations": SHARED["conversations"]}


def test_a_list_of_messages_that_stands_twice_is_found() -> None:
    one = json.dumps(SHARED)
    file = opened(one + "\n" + one[:-1] + ', "conversations": ' + json.dumps(SHARED["conversations"]) + "}\n").base
    assert list(twice(file, lambda: False)) == [(1, "conversations")]


turn = st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(max_size=5))
records = st.builds(
    Record, st.lists(turn, min_size=1, max_size=5).map(tuple), st.none() | st.text(st.characters(codec="utf-8"))
)


@given(records, records, st.sampled_from([OPEN_AI, SHARE_GPT]), st.booleans())
def test_any_conversation_becomes_any_other_and_goes_back(
    before: Record, after: Record, layout: Chat, apart: bool
) -> None:
    value = chat_value(before, layout)
    if apart and before.system is not None:
        value = {"system": before.system, layout.turns: value[layout.turns][1:]}
    raw = (json.dumps(value) + "\n" + json.dumps(chat_value(SPOKEN, layout)) + "\n") * 2
    document = Document(read(Path("pairs.json"), raw.encode()))
    if document.now.layout != layout:
        return  # without system prompts it is what Claude is trained on
    assert document.now[0] == before
    quick = plain([raw.splitlines()[0].encode()], layout)[0]
    assert (quick is not None) == (before.is_pair and "system" not in value)
    assert quick in (None, (before.question, before.answer, before.system))
    document.do(document.edit(0, after))
    assert document.now[0] == after
    assert document.now.text(1) == json.dumps(chat_value(SPOKEN, layout))
    document.do(document.edit(0, before))
    assert document.now[0] == before


def test_a_chat_among_many_without_a_system_prompt_makes_all_of_them_chats() -> None:
    plain_one = {"messages": OPEN["messages"][1:]}
    assert opened("".join(f"{json.dumps(one)}\n" for one in [plain_one] * 4 + [OPEN])).base.layout == OPEN_AI
    alone = opened("".join(f"{json.dumps(one)}\n" for one in [plain_one] * 5 + [OPEN])).base
    assert alone.layout is DataFormat.CLAUDE_MESSAGES
    seldom = [plain_one] * 60 + [
        OPEN,
        plain_one,
        {"messages": [{"role": "developer", "content": "x"}, *plain_one["messages"]]},
    ]
    late = opened("".join(f"{json.dumps(one)}\n" for one in seldom)).base
    assert late.layout == OPEN_AI
    assert "it is read as a chat" in " ".join(late.notes)
    claude = {**plain_one, "system": "x"}
    beside = opened("".join(f"{json.dumps(one)}\n" for one in [*seldom, claude])).base
    assert beside.layout is DataFormat.CLAUDE_MESSAGES
    mixed = opened("".join(f"{json.dumps(one)}\n" for one in [claude, claude, OPEN])).base
    assert mixed.layout is DataFormat.CLAUDE_MESSAGES


def test_what_is_known_of_some_records_counts_where_nothing_is_known_of_most() -> None:
    strange = {"recordId": "1", "modelInput": {}}
    file = opened("".join(f"{json.dumps(one)}\n" for one in [strange, strange, OPEN])).base
    assert file.layout == OPEN_AI
    assert [isinstance(one, Damaged) for one in file] == [True, True, False]
