"""Records read as the base model's format wants them, and hyperparameters as the language model wants them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tui.sandbox.catalog import Customization, find_customizable
from tui.sandbox.clock import ManualClock, WallClock
from tui.sandbox.trainer import plan
from tui.sandbox.trainingdata import DataError, Turns, read_records

HAIKU, LLAMA, PROMPTS, NOVA = (
    "anthropic.claude-3-haiku-20240307-v1:0:200k",
    "meta.llama3-3-70b-instruct-v1:0:128k",
    "meta.llama3-1-8b-instruct-v1:0:128k",
    "amazon.nova-lite-v1:0:300k",
)


def _rules(base_id: str) -> Customization:
    found = find_customizable(base_id)
    assert found is not None
    return found[1]


def _read(base_id: str, *documents: Any) -> list[Turns]:
    lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    return read_records(lines.encode(), "s3://b/k", _rules(base_id))


def _say(role: str, text: Any) -> dict[str, Any]:
    return {"role": role, "content": text}


Q, A = _say("user", "質問"), _say("assistant", "答え")
QB, AB = _say("user", [{"text": "q"}]), _say("assistant", [{"text": "a"}, {"text": "b"}])
SCHEMA = {"schemaVersion": "bedrock-conversation-2024"}


def test_the_three_layouts_are_read() -> None:
    assert _read(HAIKU, {"system": "s", "messages": [Q, A, Q, A]}) == [Turns("s", (("質問", "答え"),) * 2)]
    assert _read(LLAMA, SCHEMA | {"system": [{"text": "s"}], "messages": [QB, AB]}) == [Turns("s", (("q", "a\nb"),))]
    assert _read(NOVA, SCHEMA | {"messages": [QB, AB]}) == [Turns(None, (("q", "a\nb"),))]
    assert _read(PROMPTS, {"prompt": "p", "completion": "c"}) == [Turns(None, (("p", "c"),))]


def test_the_last_line_may_lack_its_end() -> None:
    assert len(read_records(b'{"prompt":"p","completion":"c"}', "u", _rules(PROMPTS))) == 1


@pytest.mark.parametrize(
    ("base_id", "document"),
    [
        (HAIKU, []),
        (HAIKU, "text"),
        (HAIKU, {}),
        (HAIKU, {"messages": [Q]}),
        (HAIKU, {"messages": [A, Q]}),
        (HAIKU, {"messages": [Q, Q]}),
        (HAIKU, {"messages": [Q, A, Q]}),
        (HAIKU, {"messages": [Q, A], "system": None}),
        (HAIKU, {"messages": [Q, A], "extra": 1}),
        (HAIKU, {"messages": [QB, AB]}),
        (HAIKU, {"messages": [Q, A], "system": "\nAssistant: hm"}),
        (LLAMA, {"messages": [QB, AB]}),
        (LLAMA, SCHEMA | {"messages": [Q, A]}),
        (LLAMA, SCHEMA | {"messages": [QB, AB], "system": "s"}),
        (LLAMA, SCHEMA | {"messages": [_say("user", []), AB]}),
        (PROMPTS, {"prompt": "p"}),
        (PROMPTS, {"prompt": "p", "completion": 1}),
        (PROMPTS, {"prompt": "p", "completion": "c", "more": ""}),
    ],
)
def test_other_shapes_are_refused(base_id: str, document: Any) -> None:
    with pytest.raises(DataError, match="Input data at s3://b/k must follow"):
        _read(base_id, document)


@pytest.mark.parametrize("data", [b"{", b"\n", b"{}\n\n{}", b"\xff", b"[" * 100_000, b'{"a":1}{"b":2}'])
def test_what_is_not_jsonl_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match=r"must conform to JSONL format|must follow"):
        read_records(data, "s3://b/k", _rules(HAIKU))


def test_claudes_hyperparameters_are_taken_as_they_are() -> None:
    given = {
        "epochCount": "10",
        "batchSize": "32",
        "learningRateMultiplier": "0.5",
        "earlyStoppingThreshold": "0.01",
        "earlyStoppingPatience": "3",
    }
    made = plan(given, _rules(HAIKU), 7)
    assert (made.epochs, made.batch_size, made.learning_rate_multiplier) == (10, 32, 0.5)
    assert (made.early_stopping_threshold, made.early_stopping_patience, made.seed) == (0.01, 3, 7)


@pytest.mark.parametrize(("rate", "multiplier"), [("1e-5", 1.0), ("2e-5", 2.0), ("1e-6", 0.1), ("1e-4", 4.0)])
def test_an_absolute_rate_becomes_a_multiple_of_the_default(rate: str, multiplier: float) -> None:
    given = {"epochCount": "2", "learningRate": rate, "learningRateWarmupSteps": "5"}
    made = plan(given, _rules(NOVA), 0)
    assert made.learning_rate_multiplier == pytest.approx(multiplier)
    assert (made.warmup_steps, made.batch_size) == (5, 8)
    assert made.early_stopping_threshold is None


def test_clocks() -> None:
    with pytest.raises(ValueError, match="above 0"):
        WallClock(0)
    assert WallClock(30).now().tzinfo is not None
    clock = ManualClock()
    seen: list[float] = []
    cancel = clock.subscribe(lambda: seen.append(clock.now().timestamp()))
    before = clock.now().timestamp()
    clock.advance(5)
    cancel()
    clock.advance(5)
    assert seen == [before + 5]
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)
