"""The sandbox judges by a rule that says what it is, and fails as judges fail when that is ordered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.conftest import Scene
from tui.sandbox import judge

SONNET = "us.anthropic.claude-sonnet-4-6"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"
REFERENCE = "The lantern hangs at the gate of the garden."
WORSE = "Lanterns are nice."
PAIRWISE = f"""Which is better?
<question>Where does it hang?</question>
<reference>{REFERENCE}</reference>
<answer_a>{{a}}</answer_a>
<answer_b>{{b}}</answer_b>"""
SCORE = {"reasoning": {"type": "string"}, "score": {"type": "integer"}}
VERDICT = {"reasoning": {"type": "string"}, "verdict": {"type": "string", "enum": ["A", "B", "tie"]}}


def ask(scene: Scene, prompt: str, properties: dict[str, Any], model: str = SONNET) -> Any:
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    text = {"type": "json_schema", "structure": {"jsonSchema": {"name": "judge", "schema": json.dumps(schema)}}}
    messages = [{"role": "user", "content": [{"text": prompt}]}]
    answer = scene.runtime.converse(modelId=model, messages=messages, outputConfig={"textFormat": text})
    return answer["output"]["message"]["content"][0]["text"]


def verdict(scene: Scene, a: str, b: str) -> str:
    return str(json.loads(ask(scene, PAIRWISE.format(a=a, b=b), VERDICT))["verdict"])


def test_scores_go_by_the_words_shared_with_the_reference(scene: Scene) -> None:
    prompt = "<reference>{}</reference><answer>{}</answer>"
    best = json.loads(ask(scene, prompt.format(REFERENCE, REFERENCE), SCORE))
    worst = json.loads(ask(scene, prompt.format(REFERENCE, WORSE), SCORE))
    assert (best["score"], worst["score"]) == (10, 1)
    assert best["reasoning"].startswith("Rule of the sandbox, not a judgement")
    assert "100%" in best["reasoning"]


def test_verdicts_do_not_depend_on_the_order(scene: Scene) -> None:
    assert verdict(scene, REFERENCE, WORSE) == "A"
    assert verdict(scene, WORSE, REFERENCE) == "B"
    assert verdict(scene, REFERENCE, REFERENCE) == "tie"


def test_a_judge_that_always_prefers_the_first(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="first", operation="Converse", times=None)
    assert verdict(scene, REFERENCE, WORSE) == verdict(scene, WORSE, REFERENCE) == "A"


def test_a_judge_that_contradicts_itself(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="contrary", operation="Converse", times=None)
    said = json.loads(ask(scene, PAIRWISE.format(a=REFERENCE, b=WORSE), VERDICT))
    assert said["verdict"] == "B"
    assert "The first is closer" in said["reasoning"]


def test_a_judge_that_cannot_be_read_at_every_third_request(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="unreadable", operation="Converse", times=None, every=3)
    said = [ask(scene, PAIRWISE.format(a=REFERENCE, b=WORSE), VERDICT) for _ in range(6)]
    assert [text.startswith("{") for text in said] == [True, True, False] * 2


def test_a_judge_that_fails_about_some_rows(scene: Scene) -> None:
    scene.sandbox.faults.add(kind="unreadable", operation="Converse", times=None, about="灯籠|lantern 3")
    prompt = "<reference>x</reference><answer>{}</answer>"
    said = [ask(scene, prompt.format(text), SCORE) for text in ("lantern 1", "lantern 3", "灯籠です")]
    assert [text.startswith("{") for text in said] == [True, False, False]


def test_a_tool_is_filled_by_a_judge_too(scene: Scene) -> None:
    schema = {"type": "object", "properties": {**SCORE, "score_b": {"type": "number", "minimum": 0, "maximum": 1}}}
    tools = [{"toolSpec": {"name": "judge", "inputSchema": {"json": schema}}}]
    messages = [{"role": "user", "content": [{"text": PAIRWISE.format(a=REFERENCE, b=WORSE)}]}]
    request: dict[str, Any] = {
        "modelId": HAIKU_3,
        "messages": messages,
        "toolConfig": {"tools": tools, "toolChoice": {"tool": {"name": "judge"}}},
    }
    use = scene.runtime.converse(**request)["output"]["message"]["content"][0]["toolUse"]
    assert use["input"]["score"] == 10
    assert use["input"]["score_b"] < 0.2
    scene.sandbox.faults.add(kind="unreadable", operation="Converse")
    assert scene.runtime.converse(**request)["output"]["message"]["content"][0]["toolUse"]["input"] == {}


def test_a_rating_in_double_brackets(scene: Scene) -> None:
    prompt = (
        'Act as a judge and rate strictly in this format: "[[rating]]".\n\n[Question]\nWhere?\n\n'
        f"[The Start of Assistant's Answer]\n{REFERENCE}\n[The End of Assistant's Answer]\n[Ground truth]{REFERENCE}"
    )
    messages = [{"role": "user", "content": [{"text": prompt}]}]
    said = scene.runtime.converse(modelId=SONNET, messages=messages)["output"]["message"]["content"][0]["text"]
    assert said.endswith("Rating: [[10]]")


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (["A", "B", "C"], "A"),
        (["tie", "answer_b", "answer_a"], "answer_a"),
        (["left", "right", "both bad"], "left"),
        (["x", "y", "z"], "x"),
    ],
)
def test_the_names_of_verdicts_are_understood(choices: list[str], expected: str) -> None:
    found = judge.judge(PAIRWISE.format(a=REFERENCE, b=WORSE))
    assert found is not None
    assert found.verdict(choices) == expected


def test_parts_under_headings_are_found() -> None:
    parts = judge.sections("## Question\nWhere?\n\n**Reference answer**:\nThere.\n\nAnswer A: Here\nAnswer B:\nThere\n")
    assert parts == {"question": "Where?", "reference": "There.", "a": "Here", "b": "There"}
    assert judge.judge("Tell me a story.") is None


def test_the_first_and_the_second_are_answers_too() -> None:
    found = judge.judge(f"<reference>{REFERENCE}</reference><first>{WORSE}</first><second>{REFERENCE}</second>")
    assert found is not None
    assert found.verdict(["first", "second", "tie"]) == "second"
    assert "The second is closer" in found.reasoning


def test_orders_to_the_judge_are_no_part_of_the_reference() -> None:
    prompt = (
        "Judge it.[Ground truth]\n{reference}\nBegin your evaluation with your reasons. Then rate it: [[5]].\n\n"
        "[Question]\nWhere is it?\n\n[The Start of Assistant's Answer]\n{answer}\n[The End of Assistant's Answer]"
    )
    for answer, mark in ((REFERENCE, 10), (WORSE, 1)):
        found = judge.judge(prompt.format(reference=REFERENCE, answer=answer))
        assert found is not None
        assert round(found.score(1, 10)) == mark
