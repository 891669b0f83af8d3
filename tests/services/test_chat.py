"""Answers as they stream: whole, cut, refused and given up."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import Scripted, operations, until
from tui.domain.chat.chat import AnswerCut, AnswerEnd, AnswerEvent, Message, Note, Parameters, Target, TextDelta
from tui.domain.errors import AppError, Cause
from tui.sandbox.eventstream import encode_event
from tui.sandbox.runtime import Runtime
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.chat.chat import Chat
from tui.services.session import Services

NOVA = Target("Nova Lite", "amazon.nova-lite-v1:0", "base model")
HAIKU_45 = Target("Haiku 4.5", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "inference profile")
OPUS = Target("Opus 5.5", "us.anthropic.claude-opus-5-5", "inference profile")
QUESTION = [Message("user", "How do I make tea?")]


def stream(*events: tuple[str, Any]) -> bytes:
    return b"".join(encode_event(name, json.dumps(told).encode()) for name, told in events)


async def answer(chat: Chat, target: Target = NOVA, parameters: Parameters | None = None) -> list[AnswerEvent]:
    return [e async for e in chat.ask(target, QUESTION, parameters=parameters or Parameters(max_tokens=60))]


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def cut_of(events: list[AnswerEvent]) -> AppError:
    assert isinstance(events[-1], AnswerCut)
    assert not any(isinstance(e, AnswerEnd | AnswerCut) for e in events[:-1])
    return events[-1].error


async def test_an_answer_comes_in_pieces_and_ends_once(
    services: Services, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.faults.add(operation="ConverseStream", kind="stall", after=6, seconds=0.05)
    events = await answer(services.chat)
    end = events[-1]
    assert isinstance(end, AnswerEnd)
    assert len(events) >= 3
    assert all(isinstance(e, TextDelta) for e in events[:-1])
    assert end.stop_reason in ("end_turn", "max_tokens")
    assert end.output_tokens is not None
    assert end.first_token is not None
    assert 0 <= end.first_token <= end.total


async def test_answers_one_after_another(services: Services) -> None:
    first, second = [await answer(services.chat) for _ in range(2)]
    assert isinstance(first[-1], AnswerEnd)
    assert isinstance(second[-1], AnswerEnd)


async def test_the_system_prompt_is_sent_unless_it_is_blank(services: Services) -> None:
    request = services.chat.request(NOVA, QUESTION, "Be brief.", Parameters(99, 0.5, 0.9))
    assert request == {
        "modelId": NOVA.model_id,
        "messages": [{"role": "user", "content": [{"text": "How do I make tea?"}]}],
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 99, "temperature": 0.5, "topP": 0.9},
    }
    assert "system" not in services.chat.request(NOVA, QUESTION, " \n", Parameters())


@pytest.mark.parametrize("kind", ["cut", "end"])
async def test_a_cut_stream_keeps_what_came_and_says_that_it_was_cut(
    services: Services, sandbox: Sandbox, kind: str
) -> None:
    whole = text_of(await answer(services.chat))
    sandbox.faults.add(kind=kind, operation="ConverseStream", after=4)
    events = await answer(services.chat)
    error = cut_of(events)
    assert error.cause in (Cause.UNREACHABLE, Cause.CUT_OFF)
    assert error.retryable
    assert len(text_of(events)) > 0
    assert whole.startswith(text_of(events)[:5])


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("throttlingException", Cause.THROTTLED),
        ("modelStreamErrorException", Cause.SERVICE),
        ("internalServerException", Cause.SERVICE),
        ("validationException", Cause.INVALID),
        ("serviceUnavailableException", Cause.SERVICE),
    ],
)
async def test_an_exception_in_the_stream(services: Services, sandbox: Sandbox, code: str, cause: Cause) -> None:
    sandbox.faults.add(kind="event", operation="ConverseStream", after=3, code=code)
    events = await answer(services.chat)
    assert cut_of(events).cause is cause
    assert text_of(events)


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("throttle", Cause.THROTTLED), ("expired", Cause.EXPIRED), ("denied", Cause.DENIED), ("reset", Cause.UNREACHABLE)],
)
async def test_a_refusal_is_asked_for_once_only(services: Services, sandbox: Sandbox, kind: str, cause: Cause) -> None:
    sandbox.faults.add(kind=kind, operation="ConverseStream", times=None)
    events = await answer(services.chat)
    assert cut_of(events).cause is cause
    assert operations(sandbox) == ["ConverseStream"]


@pytest.mark.parametrize(
    ("target", "given", "note", "left"),
    [
        (HAIKU_45, Parameters(60, 0.5, 0.9), "top_p", {"maxTokens": 60, "temperature": 0.5}),
        (OPUS, Parameters(60, 0.5, 0.9), "temperature and top_p", {"maxTokens": 60}),
        (OPUS, Parameters(60, None, 0.9), "top_p", {"maxTokens": 60}),
    ],
)
async def test_parameters_that_a_model_refuses_are_left_out_and_remembered(
    services: Services, sandbox: Sandbox, target: Target, given: Parameters, note: str, left: dict[str, object]
) -> None:
    events = await answer(services.chat, target, given)
    assert events[0] == Note(f"asked without {note}, which this model refuses")
    assert isinstance(events[-1], AnswerEnd)
    assert operations(sandbox) == ["ConverseStream"] * 2
    again = await answer(services.chat, target, given)
    assert not any(isinstance(e, Note) for e in again)
    assert operations(sandbox) == ["ConverseStream"] * 3
    assert services.chat.request(target, QUESTION, "", given)["inferenceConfig"] == left
    assert services.chat.request(NOVA, QUESTION, "", given)["inferenceConfig"] != left


async def test_refusals_that_come_one_after_another_are_all_met(elsewhere: Aws, scripted: Scripted) -> None:
    """A limit of tokens first, then one parameter and the other."""

    def answer_of(method: str, path: str) -> tuple[int, bytes]:
        config = json.loads(scripted.bodies[-1])["inferenceConfig"]
        said = {
            "maxTokens": "The maximum tokens you requested exceeds the model limit of 50. Try again with fewer.",
            "temperature": "This model doesn't support the temperature field. Remove temperature and try again.",
            "topP": "This model doesn't support the topP field. Remove topP and try again.",
        }
        refused = [name for name in said if name in config and (name != "maxTokens" or config[name] > 50)]
        if refused:
            return 400, json.dumps({"__type": "ValidationException", "message": said[refused[0]]}).encode()
        return 200, b""

    scripted.answer = answer_of
    events = await answer(Chat(elsewhere), NOVA, Parameters(60, 0.5, 0.9))
    assert [e.text for e in events if isinstance(e, Note)] == [
        "asked for at most 50 tokens, this model's limit",
        "asked without temperature, which this model refuses",
        "asked without top_p, which this model refuses",
    ]
    assert json.loads(scripted.bodies[-1])["inferenceConfig"] == {"maxTokens": 50}


async def test_a_value_out_of_range_is_told_and_not_learnt(services: Services) -> None:
    error = cut_of(await answer(services.chat, NOVA, Parameters(60, 2.0)))
    assert (error.cause, "temperature" in error.detail) == (Cause.INVALID, True)
    assert "temperature" in services.chat.request(NOVA, QUESTION, "", Parameters(60, 0.5))["inferenceConfig"]


async def test_a_retired_model_says_so(services: Services) -> None:
    retired = Target("Llama 3.2", "meta.llama3-2-1b-instruct-v1:0", "base model")
    assert cut_of(await answer(services.chat, retired)).cause is Cause.RETIRED


async def test_throughput_that_starts_or_is_gone(services: Services, scene: Scene) -> None:
    made = scene.bedrock.create_provisioned_model_throughput(
        modelUnits=1, provisionedModelName="gate", modelId=scene.model()
    )
    target = Target("gate", made["provisionedModelArn"], "provisioned throughput", tuned=True)
    assert cut_of(await answer(services.chat, target)).cause is Cause.NOT_READY
    scene.clock.advance(3600)
    assert isinstance((await answer(services.chat, target))[-1], AnswerEnd)
    scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=target.model_id)
    assert cut_of(await answer(services.chat, target)).cause is Cause.NOT_FOUND


async def test_a_stalled_answer_is_given_up_at_once(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="stall", operation="ConverseStream", after=3, seconds=20)
    asked = services.chat.ask(NOVA, QUESTION, parameters=Parameters(max_tokens=60))
    assert isinstance(await anext(asked), TextDelta)
    began = time.monotonic()
    await asked.aclose()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 10
    await services.pool.run(
        until, lambda: not any(t.name == "answer-Nova Lite" for t in threading.enumerate() if t.is_alive())
    )


async def test_an_answer_that_has_not_begun_is_given_up_at_once(elsewhere: Aws, scripted: Scripted) -> None:
    scripted.hang()
    chat = Chat(elsewhere)
    asked = chat.ask(NOVA, QUESTION, parameters=Parameters())
    waiting = asyncio.ensure_future(anext(asked))
    await elsewhere.pool.run(until, lambda: scripted.asked)
    began = time.monotonic()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asked.aclose()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 10


async def test_one_that_is_given_up_does_not_disturb_the_other(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="stall", operation="ConverseStream", after=3, seconds=20)
    stalled = services.chat.ask(NOVA, QUESTION, parameters=Parameters(max_tokens=60))
    await anext(stalled)
    other = services.chat.ask(NOVA, QUESTION, parameters=Parameters(max_tokens=60))
    await anext(other)
    await stalled.aclose()  # type: ignore[attr-defined]
    rest = [e async for e in other]
    assert isinstance(rest[-1], AnswerEnd)


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), AttributeError("read")])
async def test_whatever_goes_wrong_the_answer_ends(
    elsewhere: Aws, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(elsewhere, "client", fail)
    assert cut_of(await answer(Chat(elsewhere))).cause is Cause.INCOMPLETE


async def test_an_answer_of_another_kind_is_a_cut_one(elsewhere: Aws) -> None:
    """A proxy's page with status 200 instead of a stream."""
    assert cut_of(await answer(Chat(elsewhere))).cause in (Cause.CUT_OFF, Cause.INCOMPLETE)


async def test_a_given_up_answer_is_closed_on_the_other_side_too(
    services: Services, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the model would go on writing, and be paid for it."""
    written: list[bytes] = []
    closed = threading.Event()
    events = Runtime._converse_events

    def watched(*given: Any) -> Iterator[bytes]:
        try:
            for frame in events(*given):
                written.append(frame)
                yield frame
        finally:
            closed.set()

    monkeypatch.setattr(Runtime, "_converse_events", watched)
    sandbox.faults.add(kind="stall", operation="ConverseStream", after=2, seconds=0.2, times=None)
    asked = services.chat.ask(NOVA, QUESTION, parameters=Parameters(max_tokens=400))
    assert isinstance(await anext(asked), TextDelta)
    await asked.aclose()  # type: ignore[attr-defined]
    assert await services.pool.run(closed.wait, 10)
    # Whoever writes hears of the end with the next pieces.
    assert len(written) < 8
    assert not any(b"messageStop" in frame for frame in written)


TEXT = ("contentBlockDelta", {"delta": {"text": "tea"}, "contentBlockIndex": 0})
STOP = ("messageStop", {"stopReason": "end_turn"})


@pytest.mark.parametrize("tokens", ["12", "x", -3, 1.5, [1], {"a": 1}, None, True, 10**30], ids=repr)
async def test_odd_numbers_of_tokens_are_none(elsewhere: Aws, scripted: Scripted, tokens: Any) -> None:
    body = stream(TEXT, STOP, ("metadata", {"usage": {"inputTokens": 7, "outputTokens": tokens}}))
    scripted.answer = lambda method, path: (200, body)
    events = await answer(Chat(elsewhere))
    end = events[-1]
    assert isinstance(end, AnswerEnd)
    assert (end.input_tokens, end.output_tokens) == (7, None)
    assert "tokens" not in end.text


async def test_events_in_another_order_and_unknown_ones_lose_no_text(elsewhere: Aws, scripted: Scripted) -> None:
    odd = ("messageStop", {"stopReason": "\x1b[31mend"})
    body = stream(odd, TEXT, ("metadata", {"usage": None}), ("somethingNew", {"a": 1}), TEXT)
    scripted.answer = lambda method, path: (200, body)
    events = await answer(Chat(elsewhere))
    assert text_of(events) == "teatea"
    end = events[-1]
    assert isinstance(end, AnswerEnd)
    assert "\x1b" not in end.text


async def test_an_event_of_another_shape_cuts_the_answer_and_keeps_the_text(elsewhere: Aws, scripted: Scripted) -> None:
    body = stream(TEXT, ("metadata", []), STOP)
    scripted.answer = lambda method, path: (200, body)
    events = await answer(Chat(elsewhere))
    assert text_of(events) == "tea"
    assert cut_of(events).cause is Cause.INCOMPLETE
