"""Each rule of the checks, its place, and that none of them ever fails itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE, BaseModel, DataFormat, Limits, find
from tui.domain.dataset.checks import Problem, Severity, check, check_record, file_problems, total_problem
from tui.domain.files.formats import Record, Turn
from tui.domain.files.pairs import Damaged, Role, read
from tui.domain.text import UNSAFE


def model(key: str) -> BaseModel:
    found = find(key)
    assert found is not None
    return found


HAIKU, NOVA, LLAMA = model("claude-3-haiku"), model("nova-lite"), model("llama-3.1-8b")


def turns(*roles: str) -> Record:
    return Record(tuple(Turn(role, "text") for role in roles))


def rules(record: Record | Damaged, base: BaseModel = HAIKU) -> list[str]:
    return [found[0] for found in check_record(record, base)]


def checked(records: list[Any], role: Role = Role.TRAIN, base: BaseModel = HAIKU) -> list[Problem]:
    data = "\n".join(r if isinstance(r, str) else json.dumps(r, ensure_ascii=True) for r in records)
    return check(read(Path("pairs.jsonl"), data.encode()), base, role)


def numbered(count: int) -> list[dict[str, str]]:
    return [{"question": f"Question {n}", "answer": f"Answer {n}"} for n in range(count)]


@pytest.mark.parametrize(
    ("record", "base", "rule"),
    [
        (Damaged("not JSON", "{"), HAIKU, "unreadable"),
        (turns("user"), HAIKU, "two messages"),
        (turns(), HAIKU, "two messages"),
        (turns("user", "system"), HAIKU, "roles"),
        (turns("assistant", "user"), HAIKU, "first is user"),
        (turns("user", "assistant", "user"), HAIKU, "last is assistant"),
        (turns("user", "user", "assistant"), HAIKU, "alternation"),
        (turns("user", "assistant", "user", "assistant"), LLAMA, "one exchange"),
        (Record((Turn("user", "x"), Turn("assistant", "y")), extra_keys=("id",)), HAIKU, "extra keys"),
        (Record.of("x" * 96_003, "y"), HAIKU, "tokens"),
        (Record.of("x" * 48_003, "y"), LLAMA, "tokens"),
        (Record.of(" \n", "y"), HAIKU, "blank"),
        (Record.of("x", "y", "  "), HAIKU, "blank"),
        (Record.of("x\nHuman: y", "z"), HAIKU, "reserved text"),
        (Record.of("x", "y", "System: z"), NOVA, "reserved text"),
        (Record.of("x", "[EOS]"), NOVA, "reserved text"),
        (Record.of("x\ud800", "y"), HAIKU, "half a character"),
        (Record.of("x\x1b[31m", "y"), HAIKU, "control character"),
        (Record.of("x ", "y"), HAIKU, "outer space"),
    ],
)
def test_each_rule(record: Record | Damaged, base: BaseModel, rule: str) -> None:
    assert rule in rules(record, base)


@pytest.mark.parametrize("base", CATALOGUE, ids=lambda m: m.key)
def test_a_good_pair_has_no_problem(base: BaseModel) -> None:
    assert rules(Record.of("What is Amazon Bedrock?", "A managed service.", "Be brief."), base) == []


def test_limits_are_inclusive() -> None:
    assert rules(Record.of("x" * 96_000, "y")) == []
    assert rules(turns("user", "assistant", "user", "assistant")) == []


def test_extra_keys_matter_to_claude_only() -> None:
    assert rules(Record((Turn("user", "x"), Turn("assistant", "y")), extra_keys=("id",)), NOVA) == []


def test_messages_hold_nothing_unsafe() -> None:
    hostile = "\x1b]0;x\x07\n" + "k" * 500
    record = Record((Turn(hostile, "x"), Turn("assistant", "y")), extra_keys=(hostile,))
    for _, _, field, message, _ in check_record(record, HAIKU):
        assert UNSAFE.search(field + message) is None
        assert len(message) < 200


@given(
    st.builds(
        Record,
        st.lists(
            st.builds(Turn, st.sampled_from(["user", "assistant", "x"]), st.text(st.characters(exclude_categories=()))),
            max_size=4,
        ).map(tuple),
        st.none() | st.text(max_size=5),
        st.lists(st.text(max_size=5), max_size=2).map(tuple),
    )
    | st.builds(Damaged, st.text(min_size=1, max_size=5), st.text(max_size=5)),
    st.sampled_from(CATALOGUE),
)
def test_no_record_makes_the_checks_fail(record: Record | Damaged, base: BaseModel) -> None:
    for rule, severity, field, message, source in check_record(record, base):
        assert rule
        assert message
        assert source
        assert isinstance(severity, Severity)
        assert isinstance(field, str)


def test_every_problem_of_a_record_has_its_line() -> None:
    lines: list[Any] = [*numbered(32), "", "{broken", {"question": "Question 3", "answer": "Answer 3"}]
    problems = checked(lines)
    placed = {(p.rule, p.index, p.line) for p in problems if p.index is not None}
    assert placed == {("unreadable", 32, 34), ("duplicate", 33, 35)}
    assert [p.rule for p in problems if p.index is None] == ["blank line"]
    assert all(p.line is not None for p in problems if p.index is not None)


def test_problems_stand_in_the_order_of_the_records_errors_first() -> None:
    records: list[Any] = [*numbered(32), {"question": "Question 1 ", "answer": ""}, {"question": "", "answer": "x"}]
    found = [(p.index, p.severity.value) for p in checked(records)]
    assert found == sorted(found)


def test_the_same_question_twice_is_told_with_the_first_place() -> None:
    records = [
        *numbered(32),
        {"question": "QUESTION 5?", "answer": "answer 5!"},
        {"question": "question 6", "answer": "Z"},
    ]
    same, other = checked(records)
    assert (same.rule, same.line) == ("near duplicate", 33)
    assert "record 6, line 6" in same.message
    assert (other.rule, other.line) == ("two answers", 34)
    assert same.severity is other.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("count", "role", "base", "refused"),
    [
        (31, Role.TRAIN, HAIKU, True),
        (32, Role.TRAIN, HAIKU, False),
        (7, Role.TRAIN, NOVA, True),
        (8, Role.TRAIN, NOVA, False),
        (1, Role.TRAIN, LLAMA, False),
        (10_000, Role.TRAIN, HAIKU, False),
        (10_001, Role.TRAIN, HAIKU, True),
        (1_000, Role.VALIDATION, HAIKU, False),
        (1_001, Role.VALIDATION, HAIKU, True),
        (1, Role.EVAL, HAIKU, False),
    ],
)
def test_record_counts(count: int, role: Role, base: BaseModel, refused: bool) -> None:
    assert bool(list(file_problems(count, 1, base.limits, role))) is refused


def test_file_sizes() -> None:
    assert [p.rule for p in file_problems(32, 10_000_000_001, HAIKU.limits, Role.TRAIN)] == ["file size"]
    assert list(file_problems(32, 10_000_000_000, HAIKU.limits, Role.TRAIN)) == []
    assert [p.rule for p in file_problems(32, 1_000_000_001, HAIKU.limits, Role.VALIDATION)] == ["file size"]
    assert list(file_problems(32, 10**12, NOVA.limits, Role.TRAIN)) == []


@pytest.mark.parametrize(
    ("training", "validation", "limits", "refused"),
    [
        (85, 32, LLAMA.limits, False),
        (85, 0, LLAMA.limits, True),
        (9_999, 2, HAIKU.limits, True),
        (9_968, 32, HAIKU.limits, False),
    ],
)
def test_both_files_together(training: int, validation: int, limits: Limits, refused: bool) -> None:
    assert (total_problem(training, validation, limits) is not None) is refused


def test_a_check_that_is_told_to_stop_stops() -> None:
    asked = []

    def stop() -> bool:
        asked.append(1)
        return True

    data = "\n".join(json.dumps(r) for r in numbered(40)) + "\n{broken"
    problems = check(read(Path("x.jsonl"), data.encode()), HAIKU, Role.TRAIN, should_stop=stop)
    assert asked == [1]
    assert problems == []


def test_the_formats_of_the_catalogue_are_the_ones_the_rules_know() -> None:
    assert {m.data_format for m in CATALOGUE} == set(DataFormat)


def test_a_system_prompt_without_text_is_taken_by_aws() -> None:
    (found,) = check_record(Record.of("x", "y", ""), HAIKU)
    assert found[:3] == ("blank", Severity.WARNING, "system")
