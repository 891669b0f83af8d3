"""Estimates of tokens learn from answers and from CountTokens, and say so when a model does not count."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Scene
from tui.domain.base_models import BaseModel, find
from tui.domain.chat.chat import AnswerEnd, Message, Parameters, Target
from tui.domain.errors import AppError
from tui.domain.tokens import Counter, Rate, Script
from tui.services.session import Services


def model(key: str) -> BaseModel:
    found = find(key)
    assert found is not None
    return found


HAIKU, NOVA = model("claude-3-haiku"), model("nova-lite")


async def test_every_whole_answer_of_a_base_model_is_learnt_from(services: Services) -> None:
    target = Target("Nova Lite", NOVA.runtime_id, "base model")
    texts, tokens = "", 0
    for question in ("How do I make tea?", "What is a lantern?"):
        asked = services.chat.ask(target, [Message("user", question)], parameters=Parameters(max_tokens=60))
        async for event in asked:
            texts += getattr(event, "text", "") if not isinstance(event, AnswerEnd) else ""
            tokens += event.output_tokens or 0 if isinstance(event, AnswerEnd) else 0
    assert await services.token_counts.rates(NOVA) == {Script.LATIN: Rate(tokens, len(texts), 2)}
    assert await services.token_counts.rates(HAIKU) == {}


async def test_what_tells_nothing_is_not_learnt(services: Services) -> None:
    counts = services.token_counts
    custom = "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abc"
    for model_id, answer, tokens in (
        (custom, "some words", 3),
        (NOVA.runtime_id, "some words", None),
        (NOVA.runtime_id, "", 0),
        (NOVA.runtime_id, "some words", 4_000),
    ):
        await counts.note(model_id, answer, tokens)
    assert await counts.rates(NOVA) == {}


async def test_count_tokens_goes_before_answers(services: Services, scene: Scene) -> None:
    text = "A lantern hangs at the gate. " * 40
    await services.token_counts.note(HAIKU.runtime_id, "word " * 200, 900)
    await services.token_counts.measure(HAIKU, {Script.LATIN: (text, 40)})
    (rate,) = (await services.token_counts.rates(HAIKU)).values()
    assert rate.characters == len(text)
    assert rate.texts == 40
    assert Counter({Script.LATIN: rate}).count(text) == pytest.approx(rate.tokens)


async def test_a_model_that_does_not_count_says_so(services: Services) -> None:
    with pytest.raises(AppError, match="cannot be asked to count") as refused:
        await services.token_counts.measure(NOVA, {Script.LATIN: ("some words", 1)})
    assert "Chat" in refused.value.hint
