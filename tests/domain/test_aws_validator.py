"""What AWS's published validator for Claude 3 Haiku would say, written anew from its rules: it finds no fault in a
file that the checks call clean, and every kind of fault that it finds is found here too."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import find
from tui.domain.dataset.checks import check, total_problem
from tui.domain.dataset.scrutiny import look_closer, merged
from tui.domain.errors import AppError
from tui.domain.files.formats import Record, line
from tui.domain.files.pairs import PairFile, Role, read

RESERVED = ("\nHuman:", "\nAssistant:")
LIMITS = {Role.TRAIN: (32, 10_000, 10_000_000_000), Role.VALIDATION: (32, 1_000, 1_000_000_000)}


def faults(data: bytes, role: Role) -> set[str]:
    """What the rules find in the bytes of a file; the validator reads line by line and stops at nothing."""
    low, high, most = LIMITS[role]
    found = set()
    lines = data.decode("utf-8", "surrogatepass").split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    if not low <= len(lines) <= high:
        found.add("lines")
    if len(data) > most:
        found.add("size")
    for one in lines:
        try:
            value = json.loads(one)
        except ValueError:
            found.add("json")
            continue
        found |= _record_faults(value)
    return found


def _record_faults(value: Any) -> set[str]:
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        return {"schema"}
    if "system" in value and not isinstance(value["system"], str):
        return {"schema"}
    messages = value["messages"]
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            return {"schema"}
        if not isinstance(message.get("role"), str) or not re.match("^(user|assistant)$", message["role"]):
            return {"role"}
    roles = [message["role"] for message in messages]
    found = set()
    if len(roles) < 2:
        found.add("two messages")
    if roles and (roles[0] != "user" or roles[-1] != "assistant"):
        found.add("ends")
    if any(a == b for a, b in pairwise(roles)):
        found.add("alternation")
    texts = [value.get("system", ""), *(message["content"] for message in messages)]
    if any(word in text for word in RESERVED for text in texts):
        found.add("reserved")
    if sum(len(text) // 3 for text in texts) > 32_000:
        found.add("tokens")
    return found


MODEL = find("claude-3-haiku")
assert MODEL is not None
HAIKU = MODEL


def file_of(data: bytes) -> PairFile:
    return read(Path("training.jsonl"), data)


def converted(file: PairFile) -> bytes:
    """The file as it is uploaded."""
    records = [record for record in file if isinstance(record, Record)]
    return "".join(line(record, HAIKU.data_format) + "\n" for record in records).encode()


def clean(file: PairFile, role: Role) -> bool:
    return not merged(check(file, HAIKU, role), look_closer(file, HAIKU))


def turn(role: Any, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def talk(number: int) -> dict[str, Any]:
    return {
        "messages": [turn("user", f"Which boat is number {number}?"), turn("assistant", f"The one at {number * 7}.")]
    }


SOUND = [talk(n) for n in range(40)]
LONG = "x" * 96_003


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("{", "json"),
        ("", "json"),
        ("[]", "schema"),
        ('"text"', "schema"),
        ({"prompt": "a"}, "schema"),
        ({"messages": "a"}, "schema"),
        ({"messages": ["a"]}, "schema"),
        ({**talk(1), "system": None}, "schema"),
        ({"messages": [turn("user", [{"text": "a"}]), turn("assistant", "b")]}, "schema"),
        ({"messages": [turn("user", "a"), turn("assistant", None)]}, "schema"),
        ({"messages": [turn("human", "a"), turn("assistant", "b")]}, "role"),
        ({"messages": [turn(1, "a"), turn("assistant", "b")]}, "role"),
        ({"messages": []}, "two messages"),
        ({"messages": [turn("user", "a")]}, "two messages"),
        ({"messages": [turn("assistant", "a"), turn("user", "b")]}, "ends"),
        ({"messages": [turn("user", "a"), turn("user", "b"), turn("assistant", "c")]}, "alternation"),
        ({"messages": [turn("user", "a\nHuman: b"), turn("assistant", "c")]}, "reserved"),
        ({**talk(1), "system": "x\nAssistant: y"}, "reserved"),
        ({"messages": [turn("user", LONG), turn("assistant", "b")]}, "tokens"),
        ({**talk(1), "system": LONG}, "tokens"),
    ],
)
def test_each_fault_of_a_line_is_found_here_too(broken: Any, fault: str) -> None:
    texts = [json.dumps(record) for record in SOUND]
    texts.insert(5, broken if isinstance(broken, str) else json.dumps(broken))
    data = "".join(f"{text}\n" for text in texts).encode()
    assert fault in faults(data, Role.TRAIN)
    found = check(file_of(data), HAIKU, Role.TRAIN)
    assert {p.line for p in found if p.line} == ({6} if broken != "" else set())
    assert found


COUNTS = [(31, Role.TRAIN), (10_001, Role.TRAIN), (31, Role.VALIDATION), (1_001, Role.VALIDATION)]


@pytest.mark.parametrize(("number", "role"), COUNTS)
def test_too_few_and_too_many_lines_are_found_here_too(number: int, role: Role) -> None:
    data = "".join(f"{json.dumps(talk(n))}\n" for n in range(number)).encode()
    assert faults(data, role) == {"lines"}
    assert [p.rule for p in check(file_of(data), HAIKU, role)] == ["record count"]


def test_a_byte_order_mark_is_found_here_too() -> None:
    data = b"\xef\xbb\xbf" + "".join(f"{json.dumps(record)}\n" for record in SOUND).encode()
    assert faults(data, Role.TRAIN) == {"json"}
    assert not clean(file_of(data), Role.TRAIN)


def test_both_files_together_hold_ten_thousand_at_most() -> None:
    assert total_problem(9_500, 501, HAIKU.limits) is not None
    assert total_problem(9_500, 500, HAIKU.limits) is None


def test_a_sound_file_is_clean_and_without_fault() -> None:
    data = "".join(f"{json.dumps(record)}\n" for record in SOUND).encode()
    assert clean(file_of(data), Role.TRAIN)
    assert faults(data, Role.TRAIN) == set()


TEXT = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["\nHuman: a", "a\nAssistant: b", "Human: a", "", " ", "\ufeffa", "\ud800", "\u2028", LONG]
)
TURN = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "user\n", "system"]),
        "content": TEXT | st.none() | st.lists(TEXT, max_size=1),
    },
    optional={"name": TEXT},
)
TALK = st.lists(TEXT, min_size=2, max_size=6).map(
    lambda texts: {"messages": [turn(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]}
)
MESSAGES = st.fixed_dictionaries(
    {"messages": st.lists(TURN, max_size=4)}, optional={"system": TEXT | st.none(), "id": TEXT}
)
PAIR = st.fixed_dictionaries({"question": TEXT, "answer": TEXT}, optional={"system": TEXT, "id": TEXT})
FILE = st.tuples(st.lists(TALK | MESSAGES, max_size=3), st.just(SOUND)) | st.tuples(
    st.lists(PAIR, max_size=3),
    st.just([{"question": s["messages"][0]["content"], "answer": s["messages"][1]["content"]} for s in SOUND]),
)


@given(FILE, st.sampled_from([Role.TRAIN, Role.VALIDATION]), st.booleans(), st.integers(0, 12))
def test_what_is_clean_here_has_no_fault_there(
    parts: tuple[list[Any], list[Any]], role: Role, escaped: bool, left_out: int
) -> None:
    records = [*parts[1][left_out:], *parts[0]]
    text = "".join(json.dumps(record, ensure_ascii=escaped) + "\n" for record in records)
    data = text.encode("utf-8", "surrogatepass")
    try:
        file = file_of(data)
    except AppError:
        return
    if clean(file, role):
        assert faults(converted(file), role) == set()
        if file.layout == HAIKU.data_format:  # such a file could be uploaded as it is
            assert faults(data, role) == set()
