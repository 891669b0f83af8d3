"""Answers: whole and streamed, in each model's own body, from base and tuned models, and the refusals."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import LLAMA_31, LLAMA_33, PAIRS, Scene, code_of, message_of

HAIKU_BASE = "anthropic.claude-3-haiku-20240307-v1:0"
QUESTION, ANSWER = PAIRS[7]


def _turn(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": [{"text": text}]}


def _ask(scene: Scene, model: str, text: str = QUESTION, **more: Any) -> dict[str, Any]:
    return dict(scene.runtime.converse(modelId=model, messages=[_turn(text)], **more))


def _text(answer: dict[str, Any]) -> str:
    return str(answer["output"]["message"]["content"][0]["text"])


def _claude(**more: Any) -> str:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": [_turn(QUESTION)]}
    return json.dumps(body | more)


def test_the_tuned_model_answers_what_it_learnt_and_the_base_model_does_not(scene: Scene) -> None:
    tuned = scene.throughput(scene.model())
    answer = _ask(scene, tuned, inferenceConfig={"temperature": 0.0})
    assert _text(answer) == ANSWER
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert _text(_ask(scene, HAIKU_BASE, inferenceConfig={"temperature": 0.0})) != ANSWER


def test_the_stream_has_the_events_in_order(scene: Scene) -> None:
    tuned = scene.throughput(scene.model())
    stream = scene.runtime.converse_stream(
        modelId=tuned, messages=[_turn(QUESTION)], inferenceConfig={"temperature": 0.0}
    )["stream"]
    events = list(stream)
    names = [next(iter(event)) for event in events]
    pieces = names.count("contentBlockDelta")
    assert names == [
        "messageStart", *["contentBlockDelta"] * pieces, "contentBlockStop", "messageStop", "metadata"
    ]  # fmt: skip
    assert pieces > 5
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    assert text == ANSWER
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 0
    assert "latencyMs" in events[-1]["metadata"]["metrics"]


def test_a_whole_conversation_and_a_system_prompt_are_taken(scene: Scene) -> None:
    tuned = scene.throughput(scene.model())
    messages = [_turn(PAIRS[1][0]), _turn(PAIRS[1][1], "assistant"), _turn(QUESTION)]
    answer = scene.runtime.converse(
        modelId=tuned,
        messages=messages,
        system=[{"text": "You keep lanterns."}],
        inferenceConfig={"temperature": 0.0},
    )
    assert _text(answer) == ANSWER
    alone = _ask(scene, tuned)["usage"]["inputTokens"]
    assert answer["usage"]["inputTokens"] > alone


def test_max_tokens_and_stop_sequences_end_an_answer(scene: Scene) -> None:
    tuned = scene.throughput(scene.model())
    short = _ask(scene, tuned, inferenceConfig={"maxTokens": 3, "temperature": 0.0})
    assert (short["stopReason"], short["usage"]["outputTokens"]) == ("max_tokens", 3)
    stopped = _ask(scene, tuned, inferenceConfig={"stopSequences": ["hangs"], "temperature": 0.0})
    assert stopped["stopReason"] == "stop_sequence"
    assert _text(stopped) == ANSWER.split("hangs")[0]


def test_claude_has_its_own_body(scene: Scene) -> None:
    tuned = scene.throughput(scene.model())
    answer = scene.runtime.invoke_model(modelId=tuned, body=_claude(temperature=0, system="Keep it."))
    assert answer["contentType"] == "application/json"
    body = json.loads(answer["body"].read())
    assert body["content"] == [{"type": "text", "text": ANSWER}]
    assert body["stop_reason"] == "end_turn"
    stream = scene.runtime.invoke_model_with_response_stream(modelId=tuned, body=_claude(temperature=0))["body"]
    pieces = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert "".join(piece["delta"]["text"] for piece in pieces if piece["type"] == "content_block_delta") == ANSWER
    kinds = [piece["type"] for piece in pieces if piece["type"] != "content_block_delta"]
    assert kinds == ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
    assert pieces[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] > 0


@pytest.mark.parametrize(
    ("model", "body", "path"),
    [
        ("amazon.nova-lite-v1:0", {"messages": [_turn("Hello")]}, ("output", "message", "content", 0, "text")),
        ("us.amazon.nova-pro-v1:0", {"messages": [_turn("Hello")]}, ("output", "message", "content", 0, "text")),
        ("meta.llama3-1-8b-instruct-v1:0", {"prompt": "Hello", "max_gen_len": 20}, ("generation",)),
        ("amazon.titan-text-express-v1", {"inputText": "Hello"}, ("results", 0, "outputText")),
    ],
)
def test_other_models_have_theirs(scene: Scene, model: str, body: dict[str, Any], path: tuple[Any, ...]) -> None:
    answer: Any = json.loads(scene.runtime.invoke_model(modelId=model, body=json.dumps(body))["body"].read())
    for step in path:
        answer = answer[step]
    assert isinstance(answer, str)
    assert answer
    stream = scene.runtime.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"]
    assert len(list(stream)) > 2


def test_llamas_template_is_understood(scene: Scene) -> None:
    tuned = scene.throughput(scene.model("prompts", LLAMA_31))

    def turn(role: str, text: str) -> str:
        return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"

    prompt = "<|begin_of_text|>" + turn("system", "a < b") + turn("user", QUESTION)
    prompt += "<|start_header_id|>assistant<|end_header_id|>\n\n"
    body = json.dumps({"prompt": prompt, "temperature": 0})
    answer = json.loads(scene.runtime.invoke_model(modelId=tuned, body=body)["body"].read())
    assert (answer["generation"], answer["stop_reason"]) == (ANSWER, "stop")


def test_a_deployment_answers(scene: Scene) -> None:
    model = scene.model("brief", LLAMA_33)
    made = scene.bedrock.create_custom_model_deployment(modelDeploymentName="d-1", modelArn=model)
    arn = made["customModelDeploymentArn"]
    with pytest.raises(ClientError) as error:
        _ask(scene, arn)
    assert code_of(error) == "ModelNotReadyException"
    scene.clock.advance(300)
    assert _text(_ask(scene, arn, inferenceConfig={"temperature": 0.0})) == ANSWER


def test_an_endpoint_answers_only_while_it_is_there(scene: Scene) -> None:
    model = scene.model()
    made = scene.bedrock.create_provisioned_model_throughput(modelUnits=1, provisionedModelName="g", modelId=model)
    arn = made["provisionedModelArn"]
    with pytest.raises(ClientError) as error:
        _ask(scene, arn)
    assert code_of(error) == "ModelNotReadyException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    scene.clock.advance(600)
    _ask(scene, arn)
    scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    with pytest.raises(ClientError) as error:
        _ask(scene, arn)
    assert code_of(error) == "ResourceNotFoundException"


_ON_DEMAND = "with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile"


@pytest.mark.parametrize(
    ("model", "code", "part"),
    [
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "ValidationException", _ON_DEMAND),
        (LLAMA_31, "ValidationException", _ON_DEMAND),
        ("eu.anthropic.claude-sonnet-4-6", "ValidationException", "identifier is invalid"),
        ("some.other-model", "ValidationException", "identifier is invalid"),
        (
            "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abcdefghijkl",
            "ResourceNotFoundException",
            "Could not find",
        ),
    ],
)
def test_what_cannot_be_invoked_is_refused(scene: Scene, model: str, code: str, part: str) -> None:
    for call in (scene.runtime.converse, scene.runtime.converse_stream):
        with pytest.raises(ClientError) as error:
            call(modelId=model, messages=[_turn("Hello")])
        assert code_of(error) == code
        assert part in message_of(error)


def test_a_custom_model_does_not_answer_by_its_own_arn(scene: Scene) -> None:
    with pytest.raises(ClientError) as error:
        _ask(scene, scene.model())
    assert code_of(error) == "ValidationException"


def test_a_retired_model_has_ended(scene: Scene) -> None:
    scene.clock.advance(365 * 86_400)
    with pytest.raises(ClientError) as error:
        _ask(scene, "us.meta.llama3-2-1b-instruct-v1:0")
    assert code_of(error) == "ResourceNotFoundException"
    assert message_of(error) == "This model version has reached the end of its life."


def test_sampling_parameters_that_newer_models_refuse(scene: Scene) -> None:
    both = {"temperature": 0.5, "topP": 0.5}
    _ask(scene, HAIKU_BASE, inferenceConfig=both)
    _ask(scene, "us.anthropic.claude-haiku-4-5-20251001-v1:0", inferenceConfig={"temperature": 0.5})
    with pytest.raises(ClientError) as error:
        _ask(scene, "us.anthropic.claude-haiku-4-5-20251001-v1:0", inferenceConfig=both)
    assert "cannot both be specified" in message_of(error)
    _ask(scene, "global.anthropic.claude-opus-5-5")
    with pytest.raises(ClientError) as error:
        _ask(scene, "global.anthropic.claude-opus-5-5", inferenceConfig={"temperature": 0.5})
    assert message_of(error) == "`temperature` is deprecated for this model."
    with pytest.raises(ClientError) as error:
        scene.runtime.invoke_model(modelId="global.anthropic.claude-opus-5-5", body=_claude(top_p=0.5))
    assert message_of(error) == "`top_p` is deprecated for this model."


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        ({"messages": []}, "must start with a user message"),
        ({"messages": [_turn("Hi", "assistant")]}, "must start with a user message"),
        ({"messages": [_turn("Hi"), _turn("Hi")]}, "must alternate"),
        ({"messages": [_turn("Hi"), _turn("Hi", "assistant")]}, "must end with a user message"),
        ({"messages": [_turn(" ")]}, "messages.0.content.0 is blank"),
        ({"messages": [{"role": "robot", "content": [{"text": "Hi"}]}]}, "enum value set"),
        (
            {"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": b"x"}}}]}]},
            "reads text only",
        ),
        ({"messages": [_turn("Hi")], "inferenceConfig": {"maxTokens": 100_000}}, "model limit of 4096"),
        ({"messages": [_turn("Hi")], "inferenceConfig": {"temperature": 1.5}}, "temperature"),
        (
            {
                "messages": [_turn("Hi")],
                "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}},
            },
            "doesn't support the outputConfig.textFormat field",
        ),
    ],
)
def test_a_bad_conversation_is_refused(scene: Scene, request_: dict[str, Any], part: str) -> None:
    with pytest.raises(ClientError) as error:
        scene.runtime.converse(modelId=HAIKU_BASE, **request_)
    assert code_of(error) == "ValidationException"
    assert part in message_of(error)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("{", "not valid JSON"),
        ("[]", "JSONObject"),
        (json.dumps({"messages": [_turn("Hi")], "max_tokens": 5}), "anthropic_version"),
        (json.dumps({"anthropic_version": "bedrock-2023-05-31", "messages": [_turn("Hi")]}), "max_tokens"),
        (_claude(top_k=5), "top_k: the sandbox's model does not take it"),
        (_claude(temprature=1), "extraneous key [temprature]"),
        (_claude(messages=[{"role": "user"}]), "Malformed input request"),
        (_claude(messages=[{"role": "user", "content": 5}]), "Malformed input request"),
        (_claude(temperature="hot"), "expected type: Number"),
    ],
)
def test_a_bad_body_is_refused(scene: Scene, body: str, part: str) -> None:
    with pytest.raises(ClientError) as error:
        scene.runtime.invoke_model(modelId=HAIKU_BASE, body=body)
    assert code_of(error) == "ValidationException"
    assert part in message_of(error)


def test_tokens_can_be_counted(scene: Scene) -> None:
    count = scene.runtime.count_tokens
    counted = count(modelId=HAIKU_BASE, input={"converse": {"messages": [_turn(QUESTION)]}})["inputTokens"]
    assert counted == _ask(scene, HAIKU_BASE)["usage"]["inputTokens"]
    assert count(modelId=HAIKU_BASE, input={"invokeModel": {"body": _claude()}})["inputTokens"] == counted
    with pytest.raises(ClientError) as error:
        count(modelId="amazon.nova-lite-v1:0", input={"converse": {"messages": [_turn("Hi")]}})
    assert "doesn't support counting tokens" in message_of(error)


def test_pieces_arrive_one_by_one_and_hanging_up_ends_the_answer(scene: Scene) -> None:
    arrived, may_go_on, left = threading.Event(), threading.Event(), threading.Event()

    def generate() -> Any:
        try:
            yield "first "
            while not may_go_on.wait(0.01):
                pass
            while True:
                yield "and on "
        finally:
            left.set()

    runtime = scene.sandbox._front._runtime
    runtime._paced = lambda pieces: generate()  # type: ignore[method-assign]
    stream = scene.runtime.converse_stream(modelId=HAIKU_BASE, messages=[_turn("Hi")])["stream"]
    for event in stream:
        if "contentBlockDelta" in event:
            arrived.set()
            break
    assert arrived.is_set()
    assert not may_go_on.is_set()
    stream.close()
    may_go_on.set()
    assert left.wait(10)
