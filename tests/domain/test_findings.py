"""Problems by record, and how many there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.dataset.checks import Problem, Severity
from tui.domain.dataset.findings import Findings

PROBLEMS = st.lists(
    st.builds(
        Problem,
        rule=st.sampled_from(["blank", "tokens"]),
        severity=st.sampled_from(Severity),
        message=st.just("m"),
        index=st.one_of(st.none(), st.integers(0, 5)),
    ),
    max_size=12,
)


@given(PROBLEMS, st.integers(0, 6))
def test_problems_of_a_record_are_those_of_the_list(problems: list[Problem], index: int) -> None:
    findings = Findings.over(problems)
    assert sorted(findings, key=repr) == sorted(problems, key=repr)
    assert list(findings.of(index)) == [p for p in problems if p.index == index]
    assert findings.places == tuple(sorted({p.index for p in problems if p.index is not None}))
    severities = [p.severity for p in problems if p.index == index]
    assert findings.worst(index) == (2 if Severity.ERROR in severities else 1 if severities else 0)


def test_what_is_in_order_is_not_ordered_again() -> None:
    findings = Findings.over([Problem("a", Severity.ERROR, "m"), Problem("b", Severity.WARNING, "m", index=3)])
    assert Findings.over(findings) is findings.counted()
    assert findings.summary == "1 error, 1 warning"
    assert Findings().summary == "no problems"
