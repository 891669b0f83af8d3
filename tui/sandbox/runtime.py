"""The runtime: Converse, ConverseStream, InvokeModel, InvokeModelWithResponseStream and CountTokens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tui.sandbox import bodies, conversation
from tui.sandbox.catalog import Sampling
from tui.sandbox.conversation import Asked
from tui.sandbox.errors import validation
from tui.sandbox.eventstream import encode_event
from tui.sandbox.judge import Manner
from tui.sandbox.targets import Target, resolve
from tui.sandbox.wire import Answer, Call, JsonWire
from tui.sandbox.world import World

if TYPE_CHECKING:
    from tui.sandbox.language_model import Generation

_EVENT_STREAM = "application/vnd.amazon.eventstream"
_PIECE = 24
"""Characters in one event of an answer that a rule wrote."""


class Runtime:
    """Answers with the small language model; ``token_delay`` is the pause before each token in seconds."""

    def __init__(self, world: World, wire: JsonWire, token_delay: float) -> None:
        self.world = world
        self.wire = wire
        self.token_delay = token_delay

    # Converse

    def converse(self, world: World, call: Call) -> dict[str, Any]:
        target, asked = self._asked(call)
        started = time.monotonic()
        filled = _filled(target, asked)
        if filled is not None:
            return filled.answer(_milliseconds(started))
        generation = bodies.start(target, asked.prompt)
        text = "".join(self._paced(generation))
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": generation.stop_reason,
            "usage": _usage(asked.input_tokens, generation.output_tokens),
            "metrics": {"latencyMs": _milliseconds(started)},
        }

    def converse_stream(self, call: Call) -> Answer:
        target, asked = self._asked(call)
        filled = _filled(target, asked)
        if filled is not None:
            return Answer(200, [("Content-Type", _EVENT_STREAM)], self._filled_events(filled))
        generation = bodies.start(target, asked.prompt)
        return Answer(200, [("Content-Type", _EVENT_STREAM)], self._converse_events(asked, generation))

    def _converse_events(self, asked: Asked, generation: Generation) -> Iterator[bytes]:
        started = time.monotonic()
        yield self._event("messageStart", {"role": "assistant"})
        for piece in self._paced(generation):
            yield self._event("contentBlockDelta", {"delta": {"text": piece}, "contentBlockIndex": 0})
        yield self._event("contentBlockStop", {"contentBlockIndex": 0})
        yield self._event("messageStop", {"stopReason": generation.stop_reason})
        usage = _usage(asked.input_tokens, generation.output_tokens)
        yield self._event("metadata", {"usage": usage, "metrics": {"latencyMs": _milliseconds(started)}})

    def _filled_events(self, filled: Filled) -> Iterator[bytes]:
        started = time.monotonic()
        yield self._event("messageStart", {"role": "assistant"})
        if filled.tool:
            start = {"toolUse": {"toolUseId": filled.use_id, "name": filled.tool}}
            yield self._event("contentBlockStart", {"start": start, "contentBlockIndex": 0})
        pieces = (filled.text[at : at + _PIECE] for at in range(0, len(filled.text), _PIECE))
        for piece in self._paced(pieces):
            delta = {"toolUse": {"input": piece}} if filled.tool else {"text": piece}
            yield self._event("contentBlockDelta", {"delta": delta, "contentBlockIndex": 0})
        yield self._event("contentBlockStop", {"contentBlockIndex": 0})
        stop = {"stopReason": filled.stop, "additionalModelResponseFields": filled.note}
        yield self._event("messageStop", stop)
        yield self._event("metadata", {"usage": filled.usage, "metrics": {"latencyMs": _milliseconds(started)}})

    def _event(self, name: str, value: Mapping[str, Any]) -> bytes:
        return encode_event(name, self.wire.render_event("ConverseStream", name, value))

    def _paced(self, pieces: Iterable[str]) -> Iterator[str]:
        """As slowly as a model writes. Nobody has to break the pauses: the threads that answer are daemons."""
        for piece in pieces:
            if self.token_delay:
                time.sleep(self.token_delay)
            yield piece

    def _asked(self, call: Call) -> tuple[Target, Asked]:
        given = call.parameters
        target = resolve(self.world, call.region, given["modelId"])
        asked = conversation.read(target.entry, given, Manner(call.manner) if call.manner else None)
        check(target, asked.prompt)
        if asked.input_tokens > target.entry.context:
            raise validation("Input is too long for requested model.")
        self._note(call)
        return target, asked

    def _note(self, call: Call) -> None:
        self.world.invocations.note(call.region, call.parameters["modelId"], self.world.now())

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
        self._note(call)
        return target, prompt

    def count_tokens(self, world: World, call: Call) -> dict[str, Any]:
        target = resolve(self.world, call.region, call.parameters["modelId"], for_counting=True)
        if not target.entry.counts_tokens:
            raise validation("The provided model doesn't support counting tokens.")
        given = call.parameters["input"]
        if "converse" in given:
            return {"inputTokens": conversation.read(target.entry, given["converse"]).input_tokens}
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


@dataclass(frozen=True, slots=True)
class Filled:
    """An answer that a rule wrote: JSON as text, or as the input of the tool of this name."""

    text: str
    tool: str
    input: Any
    input_tokens: int
    output_tokens: int
    stop: str
    use_id: str
    note: dict[str, str]

    @property
    def usage(self) -> dict[str, int]:
        return _usage(self.input_tokens, self.output_tokens)

    def answer(self, latency: int) -> dict[str, Any]:
        """Converse's output."""
        use = {"toolUse": {"toolUseId": self.use_id, "name": self.tool, "input": self.input}}
        return {
            "output": {"message": {"role": "assistant", "content": [use if self.tool else {"text": self.text}]}},
            "stopReason": self.stop,
            "usage": self.usage,
            "metrics": {"latencyMs": latency},
            "additionalModelResponseFields": self.note,
        }


def _filled(target: Target, asked: Asked) -> Filled | None:
    """What a rule answers, when JSON of a schema or a rating is asked for."""
    from tui.sandbox import structured_answers
    from tui.sandbox.tokens import count_tokens

    value: Any = None
    if asked.wanted is not None:
        value = structured_answers.fill(asked.wanted, asked.task)
        text, tool = structured_answers.text_of(asked.wanted, value), asked.wanted.tool
    else:
        found = structured_answers.rating(asked.task)
        if found is None:
            return None
        text, tool = found, ""
    length, stop = count_tokens(text), "tool_use" if tool else "end_turn"
    most = asked.prompt.max_tokens
    if length > most:
        text, value, length, stop = text[: len(text) * most // length], {}, most, "max_tokens"
    use_id = f"tooluse_{secrets.token_urlsafe(16)}"
    return Filled(text, tool, value, asked.input_tokens, length, stop, use_id, dict(structured_answers.NOTE))


def _usage(read: int, output_tokens: int) -> dict[str, int]:
    return {"inputTokens": read, "outputTokens": output_tokens, "totalTokens": read + output_tokens}


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
