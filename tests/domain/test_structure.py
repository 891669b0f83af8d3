"""Answers held to a schema: what is forgiven, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.chat.structure import MisfitError, Shape, Usage, fit

SCORE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string"},
        "score": {"type": "integer", "minimum": 1, "maximum": 10},
        "sure": {"type": "boolean"},
        "verdict": {"enum": ["A", "B", "tie"]},
    },
    "required": ["reasoning", "score"],
}
PAIRS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pairs": {
            "type": "array",
            "maxItems": 3,
            "items": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
        }
    },
    "required": ["pairs"],
}
names = st.sampled_from(["reasoning", "score", "q", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("given_", "fitted"),
    [
        ({"reasoning": "r", "score": 7}, {"reasoning": "r", "score": 7}),
        ({"reasoning": "r", "score": "7"}, {"reasoning": "r", "score": 7}),
        ({"reasoning": "r", "score": 7.0, "more": 1}, {"reasoning": "r", "score": 7}),
        ({"reasoning": "r", "score": 1, "sure": "True"}, {"reasoning": "r", "score": 1, "sure": True}),
        ({"reasoning": "r", "score": 1, "verdict": " TIE"}, {"reasoning": "r", "score": 1, "verdict": "tie"}),
        ({"reasoning": "r", "score": 1, "verdict": None}, {"reasoning": "r", "score": 1}),
        ('{"reasoning": "r", "score": 1}', {"reasoning": "r", "score": 1}),
    ],
)
def test_what_is_forgiven(given_: Any, fitted: Any) -> None:
    assert fit(given_, SCORE) == fitted


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"score": 7}, "reasoning is missing"),
        ({"reasoning": "r", "score": 0}, "not between 1 and 10"),
        ({"reasoning": "r", "score": 7.5}, "not a whole number"),
        ({"reasoning": "r", "score": float("nan")}, "not a whole number"),
        ({"reasoning": "r", "score": float("inf")}, "not a whole number"),
        ({"reasoning": "r", "score": True}, "not a number"),
        ({"reasoning": "r", "score": "seven"}, "not a number"),
        ({"reasoning": 1, "score": 7}, "not a text"),
        ({"reasoning": "r", "score": 7, "verdict": "C"}, "none of A, B, tie"),
        ({"reasoning": "r", "score": 7, "sure": 1}, "not true or false"),
        ([], "not an object"),
        (None, "not an object"),
    ],
)
def test_what_is_not(wrong: Any, said: str) -> None:
    with pytest.raises(MisfitError, match=said):
        fit(wrong, SCORE)


def test_of_a_list_what_is_good_is_kept() -> None:
    assert fit({"pairs": [{"q": "a"}, {"x": 1}, {"q": "b"}]}, PAIRS) == {"pairs": [{"q": "a"}, {"q": "b"}]}
    assert fit({"pairs": json.dumps([{"q": "a"}])}, PAIRS) == {"pairs": [{"q": "a"}]}
    assert fit({"pairs": {"q": "a"}}, PAIRS) == {"pairs": [{"q": "a"}]}
    assert len(fit({"pairs": [{"q": str(n)} for n in range(9)]}, PAIRS)["pairs"]) == 3
    assert fit({"pairs": []}, PAIRS) == {"pairs": []}
    with pytest.raises(MisfitError, match=r"pairs\[0\]\.q is missing"):
        fit({"pairs": [{}]}, PAIRS)
    with pytest.raises(MisfitError, match="fewer than 2"):
        fit(["a"], {"type": "array", "minItems": 2, "items": {"type": "string"}})


@given(anything)
def test_whatever_comes_is_fitted_or_refused(value: Any) -> None:
    for schema in (SCORE, PAIRS):
        try:
            fitted = fit(value, schema)
        except MisfitError:
            continue
        assert set(schema["required"]) <= set(fitted) <= set(schema["properties"])


def test_the_plain_schema_is_closed_and_has_no_bounds() -> None:
    plain = Shape("pairs", PAIRS).plain
    assert plain["additionalProperties"] is False
    assert plain["properties"]["pairs"]["items"]["additionalProperties"] is False
    assert "maxItems" not in json.dumps(plain)
    assert "minimum" not in json.dumps(Shape("score", SCORE).plain)


def test_usage_adds_up() -> None:
    assert Usage(1, 2) + Usage(3, 4) == Usage(4, 6)
