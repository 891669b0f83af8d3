"""The runtime: Converse, ConverseStream, InvokeModel, InvokeModelWithResponseStream and CountTokens."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tui.sandbox import bodies
from tui.sandbox.catalog import Sampling
from tui.sandbox.errors import validation
from tui.sandbox.eventstream import encode_event
from tui.sandbox.targets import Target, resolve
from tui.sandbox.wire import Answer, Call, JsonWire
from tui.sandbox.world import World

if TYPE_CHECKING:
    from tui.sandbox.language_model import Generation

_EVENT_STREAM = "application/vnd.amazon.eventstream"
_NOT_EMULATED = {
    "toolConfig": "tools",
    "outputConfig": "structured output",
    "guardrailConfig": "guardrails",
    "promptVariables": "prompt management",
    "additionalModelRequestFields": "settings of its own",
}


class Runtime:
    """Answers with the small language model; ``token_delay`` is the pause before each token in seconds."""

    def __init__(self, world: World, wire: JsonWire, token_delay: float) -> None:
        self.world = world
        self.wire = wire
        self.token_delay = token_delay

    # Converse

    def converse(self, world: World, call: Call) -> dict[str, Any]:
        target, prompt = self._converse_prompt(call)
        started = time.monotonic()
        generation = bodies.start(target, prompt)
        text = "".join(self._paced(generation))
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": generation.stop_reason,
            "usage": _usage(prompt, generation.output_tokens),
            "metrics": {"latencyMs": _milliseconds(started)},
        }

    def converse_stream(self, call: Call) -> Answer:
        target, prompt = self._converse_prompt(call)
        generation = bodies.start(target, prompt)
        return Answer(200, [("Content-Type", _EVENT_STREAM)], self._converse_events(prompt, generation))

    def _converse_events(self, prompt: bodies.Prompt, generation: Generation) -> Iterator[bytes]:
        started = time.monotonic()
        yield self._event("messageStart", {"role": "assistant"})
        for piece in self._paced(generation):
            yield self._event("contentBlockDelta", {"delta": {"text": piece}, "contentBlockIndex": 0})
        yield self._event("contentBlockStop", {"contentBlockIndex": 0})
        yield self._event("messageStop", {"stopReason": generation.stop_reason})
        usage = _usage(prompt, generation.output_tokens)
        yield self._event("metadata", {"usage": usage, "metrics": {"latencyMs": _milliseconds(started)}})

    def _event(self, name: str, value: Mapping[str, Any]) -> bytes:
        return encode_event(name, self.wire.render_event("ConverseStream", name, value))

    def _paced(self, pieces: Iterable[str]) -> Iterator[str]:
        for piece in pieces:
            if self.token_delay:
                time.sleep(self.token_delay)
            yield piece

    def _converse_prompt(self, call: Call) -> tuple[Target, bodies.Prompt]:
        given = call.parameters
        target = resolve(self.world, call.region, given["modelId"])
        for name, what in _NOT_EMULATED.items():
            if given.get(name):
                raise validation(f"{name}: the sandbox's model does not do {what}.")
        settings = given.get("inferenceConfig", {})
        prompt = bodies.Prompt(
            messages=tuple(_converse_messages(given.get("messages", []))),
            system=_join(given.get("system", []), "system") or None,
            max_tokens=settings.get("maxTokens", bodies.DEFAULT_MAX_TOKENS),
            temperature=settings.get("temperature"),
            top_p=settings.get("topP"),
            stop_sequences=tuple(settings.get("stopSequences", ())),
        )
        check(target, prompt)
        return target, prompt

    # InvokeModel

    def invoke(self, world: World, call: Call) -> dict[str, Any]:
        target, prompt = self._body_prompt(call)
        generation = bodies.start(target, prompt)
        text = "".join(self._paced(generation))
        document = bodies.answer(target, prompt, text, generation.stop_reason, generation.output_tokens)
        return {"body": bodies.dump(document), "contentType": "application/json"}

    def invoke_stream(self, call: Call) -> Answer:
        target, prompt = self._body_prompt(call)
        headers = [("Content-Type", _EVENT_STREAM), ("X-Amzn-Bedrock-Content-Type", "application/json")]
        return Answer(200, headers, self._body_events(target, prompt, bodies.start(target, prompt)))

    def _body_events(self, target: Target, prompt: bodies.Prompt, generation: Generation) -> Iterator[bytes]:
        for document in bodies.stream(target, prompt, generation, self._paced(generation)):
            value = {"bytes": bodies.dump(document)}
            payload = self.wire.render_event("InvokeModelWithResponseStream", "chunk", value)
            yield encode_event("chunk", payload)

    def _body_prompt(self, call: Call) -> tuple[Target, bodies.Prompt]:
        given = call.parameters
        target = resolve(self.world, call.region, given["modelId"])
        if "guardrailIdentifier" in given:
            raise validation("guardrailIdentifier: the sandbox's model does not do guardrails.")
        prompt = bodies.read(target, given.get("body", b""))
        check(target, prompt)
        return target, prompt

    def count_tokens(self, world: World, call: Call) -> dict[str, Any]:
        target = resolve(self.world, call.region, call.parameters["modelId"], for_counting=True)
        if not target.entry.counts_tokens:
            raise validation("The provided model doesn't support counting tokens.")
        given = call.parameters["input"]
        if "converse" in given:
            system = _join(given["converse"].get("system", []), "system") or None
            messages = tuple(_converse_messages(given["converse"].get("messages", [])))
            return {"inputTokens": bodies.Prompt(messages, system).input_tokens}
        return {"inputTokens": bodies.read(target, given["invokeModel"]["body"]).input_tokens}


def check(target: Target, prompt: bodies.Prompt) -> None:
    """Refuse what the model refuses: sampling parameters, lengths, the order of the messages."""
    entry = target.entry
    for name, value in (("temperature", prompt.temperature), ("top_p", prompt.top_p)):
        if value is None:
            continue
        if entry.sampling is Sampling.NONE:
            raise validation(f"`{name}` is deprecated for this model.")
        if not 0 <= value <= 1:
            raise validation(f"{name}: must be between 0 and 1, not {value}.")
    if entry.sampling is Sampling.ONE_OF and prompt.temperature is not None and prompt.top_p is not None:
        raise validation("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if prompt.max_tokens > entry.max_tokens:
        raise validation(
            f"The maximum tokens you requested exceeds the model limit of {entry.max_tokens}. "
            "Try again with a maximum tokens value that is lower."
        )
    _check_turns(prompt)


def _check_turns(prompt: bodies.Prompt) -> None:
    roles = [role for role, _ in prompt.messages]
    if not roles or roles[0] != "user":
        raise validation(
            "A conversation must start with a user message. Try again with a conversation that starts with a "
            "user message."
        )
    if any(first == second for first, second in pairwise(roles)):
        raise validation(
            "A conversation must alternate between user and assistant roles. Make sure the conversation "
            "alternates between user and assistant roles and try again."
        )
    if roles[-1] != "user":
        raise validation("The conversation must end with a user message: the sandbox does not continue an answer.")
    for number, (_, text) in enumerate(prompt.messages):
        if not text.strip():
            raise validation(
                f"The text field in the ContentBlock object at messages.{number}.content.0 is blank. "
                "Add text to the text field, and try again."
            )


def _converse_messages(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for number, message in enumerate(messages):
        yield message["role"], _join(message["content"], f"messages.{number}.content")


def _join(blocks: list[dict[str, Any]], where: str) -> str:
    texts = []
    for block in blocks:
        if "text" in block:
            texts.append(block["text"])
        elif "cachePoint" not in block:
            raise validation(f"{where}: the sandbox's model reads text only, not {', '.join(block)}.")
    return "\n".join(texts)


def _usage(prompt: bodies.Prompt, output_tokens: int) -> dict[str, int]:
    read = prompt.input_tokens
    return {"inputTokens": read, "outputTokens": output_tokens, "totalTokens": read + output_tokens}


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
