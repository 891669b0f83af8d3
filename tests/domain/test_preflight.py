"""The preflight list: its lines, their order, what is counted and what one key cures first."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.training.preflight import ORDER, Check, Cure, Mark, first_cure, in_order, summary


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (Check("role", "role", Mark.OK), "✓ role"),
        (Check("role", "role", Mark.OK, "trusts Bedrock"), "✓ role: trusts Bedrock"),
        (Check("role", "role", Mark.BAD, "none.", cure=Cure.CREATE_ROLE), "✗ role: none. ctrl+f: create a role"),
        (Check("base", "base model", Mark.BAD, "gone", "b chooses another."), "✗ base model: gone. b chooses another"),
        (
            Check("base", "base model", Mark.BAD, "gone", "read this", Cure.RENAME),
            "✗ base model: gone. ctrl+f: take a free name",
        ),
        (Check("quota", "quota", Mark.UNKNOWN, "not told"), "? quota: not told"),
    ],
)
def test_a_line_says_what_is_wrong_and_what_to_do(check: Check, line: str) -> None:
    assert check.line == line


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        ([], "preflight "),
        ([Mark.OK], "preflight ✓ 1"),
        ([Mark.UNKNOWN, Mark.BAD, Mark.OK, Mark.OK], "preflight ✓ 2  ✗ 1  ? 1"),
    ],
)
def test_marks_are_counted(marks: list[Mark], text: str) -> None:
    assert summary(Check(str(n), "", mark) for n, mark in enumerate(marks)) == text


LIST = [
    Check("training", "training data", Mark.BAD, cure=Cure.UPLOAD),
    Check("output", "output place", Mark.BAD, cure=Cure.CREATE_BUCKET),
    Check("base", "base model", Mark.BAD),
    Check("role", "role", Mark.UNKNOWN, cure=Cure.CREATE_ROLE),
    Check("account", "credentials", Mark.OK),
    Check("quota", "quota", Mark.UNKNOWN),
    Check("elsewhere", "of another version", Mark.OK),
]


def test_what_is_wrong_comes_first_and_of_it_what_can_be_cured() -> None:
    expected = ["training", "output", "base", "role", "account", "quota", "elsewhere"]
    for jumbled in permutations(LIST):
        assert [check.key for check in in_order(jumbled)] == expected


def test_the_key_cures_one_thing_after_the_other() -> None:
    left, cured = list(LIST), []
    while (wrong := first_cure(left)) is not None:
        cured.append(wrong.cure)
        left = [check for check in left if check is not wrong]
    assert cured == [Cure.UPLOAD, Cure.CREATE_BUCKET, Cure.CREATE_ROLE]
    assert first_cure([Check("role", "role", Mark.OK, cure=Cure.FIX_TRUST)]) is None


_checks = st.builds(
    Check,
    st.sampled_from([*ORDER, "x"]),
    st.text(max_size=5),
    st.sampled_from(Mark),
    st.text(max_size=9),
    st.text(max_size=9),
    st.none() | st.sampled_from(Cure),
)


@given(checks=st.lists(_checks, max_size=14))
def test_no_check_is_lost_and_what_is_wrong_is_never_behind_what_is_not(checks: list[Check]) -> None:
    ordered = in_order(checks)
    assert sorted(map(repr, ordered)) == sorted(map(repr, checks))
    wrong = [check.mark is Mark.BAD for check in ordered]
    assert wrong == sorted(wrong, reverse=True)
    cure = first_cure(checks)
    assert (cure is None) == (not any(c.cure and c.mark is not Mark.OK for c in checks))
    assert sum(int(n) for n in summary(checks).split()[2::2]) == len(checks)
