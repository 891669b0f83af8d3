"""The models' own request and answer bodies, and the prompt they all come down to."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tui.sandbox.errors import ServiceError, validation
from tui.sandbox.targets import Target

if TYPE_CHECKING:
    from tui.sandbox.language_model import Adapter, Generation

DEFAULT_MAX_TOKENS = 512
_LLAMA_TURN = re.compile(r"<\|start_header_id\|>(\w+)<\|end_header_id\|>([^<]*(?:<(?!\|)[^<]*)*)")
_NOT_TAKEN = {"top_k", "topK", "tools", "tool_choice", "thinking"}
_ANTHROPIC_VERSION = "bedrock-2023-05-31"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation as (role, text), and how to answer it; None leaves a setting to the model."""

    messages: tuple[tuple[str, str], ...]
    system: str | None = None
    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()

    @property
    def input_tokens(self) -> int:
        from tui.sandbox.language_model import count_tokens

        return sum(count_tokens(text) for text in (self.system or "", *(text for _, text in self.messages)) if text)


@lru_cache(maxsize=8)
def _load_adapter(_: str, data: bytes) -> Adapter:
    from tui.sandbox.language_model import Adapter

    return Adapter.from_bytes(data)


def start(target: Target, prompt: Prompt) -> Generation:
    """Begin an answer; temperature and top_p default to 1 and 0.999 as Claude's do."""
    from tui.sandbox import language_model

    adapter = None
    if target.adapter is not None:
        try:
            adapter = _load_adapter(target.adapter_id or "", target.adapter)
        except ValueError as error:
            raise ServiceError("ModelErrorException", f"The custom model's weights are damaged: {error}") from error
    return language_model.generate(
        language_model.BaseModel.load(),
        adapter,
        messages=prompt.messages,
        system=prompt.system,
        max_tokens=prompt.max_tokens,
        temperature=1.0 if prompt.temperature is None else prompt.temperature,
        top_p=0.999 if prompt.top_p is None else prompt.top_p,
        stop_sequences=prompt.stop_sequences,
        seed=secrets.randbelow(2**31),
    )


def dump(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def read(target: Target, body: bytes) -> Prompt:
    """Parse a model's own request body; raises ValidationException for what the model does not take."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise validation("Malformed input request: the body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise validation("Malformed input request: expected type: JSONObject.")
    try:
        return _READERS[target.entry.body](document)
    except (KeyError, TypeError, AttributeError) as error:
        raise validation(f"Malformed input request: {error}, please reformat your input and try again.") from error


def _only(document: dict[str, Any], *known: str) -> None:
    for name in document:
        if name in _NOT_TAKEN:
            raise validation(f"{name}: the sandbox's model does not take it.")
        if name not in known:
            raise validation(
                f"Malformed input request: #: extraneous key [{name}] is not permitted, please reformat your input "
                "and try again."
            )


def _read_claude(document: dict[str, Any]) -> Prompt:
    if document.get("anthropic_version") != _ANTHROPIC_VERSION:
        raise validation(f"anthropic_version: must be {_ANTHROPIC_VERSION}.")
    if not isinstance(document.get("max_tokens"), int):
        raise validation("max_tokens: Field required")
    known = ("anthropic_version", "max_tokens", "messages", "system", "temperature", "top_p", "stop_sequences")
    _only(document, *known)
    system = document.get("system")
    return Prompt(
        tuple((item["role"], _text(item["content"])) for item in document["messages"]),
        _text(system) if system is not None else None,
        document["max_tokens"],
        _number(document.get("temperature")),
        _number(document.get("top_p")),
        tuple(document.get("stop_sequences", ())),
    )


def _read_nova(document: dict[str, Any]) -> Prompt:
    _only(document, "schemaVersion", "messages", "system", "inferenceConfig")
    settings = document.get("inferenceConfig", {})
    return Prompt(
        tuple((item["role"], _text(item["content"])) for item in document["messages"]),
        _text(document["system"]) if document.get("system") else None,
        settings.get("maxTokens", settings.get("max_new_tokens", DEFAULT_MAX_TOKENS)),
        _number(settings.get("temperature")),
        _number(settings.get("topP", settings.get("top_p"))),
        tuple(settings.get("stopSequences", ())),
    )


def _read_llama(document: dict[str, Any]) -> Prompt:
    _only(document, "prompt", "max_gen_len", "temperature", "top_p")
    turns = _llama_turns(_plain(document["prompt"]))
    return Prompt(
        tuple(turn for turn in turns if turn[0] != "system"),
        "\n".join(text for role, text in turns if role == "system") or None,
        max_tokens=document.get("max_gen_len", DEFAULT_MAX_TOKENS),
        temperature=_number(document.get("temperature")),
        top_p=_number(document.get("top_p")),
    )


def _llama_turns(prompt: str) -> list[tuple[str, str]]:
    """The (role, text) turns of a prompt in Llama's template; any other prompt is one user turn."""
    turns = [(role, text.strip()) for role, text in _LLAMA_TURN.findall(prompt)]
    if turns and turns[-1] == ("assistant", ""):
        turns.pop()
    return turns or [("user", prompt)]


def _read_titan(document: dict[str, Any]) -> Prompt:
    _only(document, "inputText", "textGenerationConfig")
    settings = document.get("textGenerationConfig", {})
    return Prompt(
        (("user", _plain(document["inputText"])),),
        max_tokens=settings.get("maxTokenCount", DEFAULT_MAX_TOKENS),
        temperature=_number(settings.get("temperature")),
        top_p=_number(settings.get("topP")),
        stop_sequences=tuple(settings.get("stopSequences", ())),
    )


_READERS: dict[str, Callable[[dict[str, Any]], Prompt]] = {
    "claude": _read_claude,
    "nova": _read_nova,
    "llama": _read_llama,
    "titan": _read_titan,
}


def _plain(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("expected type: String")
    return value


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("expected type: Number")
    return float(value)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if any("text" not in block for block in content):
        raise validation("Malformed input request: the sandbox's model reads text only.")
    return "\n".join(_plain(block["text"]) for block in content)


def answer(target: Target, prompt: Prompt, text: str, stop: str, output_tokens: int) -> dict[str, Any]:
    """The whole answer in the model's own format."""
    read_tokens = prompt.input_tokens
    if target.entry.body == "claude":
        return _claude_message(target, read_tokens) | {
            "content": [{"type": "text", "text": text}],
            "stop_reason": stop,
            "usage": {"input_tokens": read_tokens, "output_tokens": output_tokens},
        }
    if target.entry.body == "nova":
        return {
            "output": {"message": {"content": [{"text": text}], "role": "assistant"}},
            "stopReason": stop,
            "usage": {
                "inputTokens": read_tokens,
                "outputTokens": output_tokens,
                "totalTokens": read_tokens + output_tokens,
            },
        }
    if target.entry.body == "llama":
        return {
            "generation": text,
            "prompt_token_count": read_tokens,
            "generation_token_count": output_tokens,
            "stop_reason": _short(stop),
        }
    reason = "LENGTH" if stop == "max_tokens" else "FINISH"
    result = {"tokenCount": output_tokens, "outputText": text, "completionReason": reason}
    return {"inputTextTokenCount": read_tokens, "results": [result]}


def _claude_message(target: Target, read_tokens: int) -> dict[str, Any]:
    return {
        "id": f"msg_bdrk_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": target.entry.model_id.removeprefix("anthropic."),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": read_tokens, "output_tokens": 1},
    }


def _short(stop: str) -> str:
    return "length" if stop == "max_tokens" else "stop"


def stream(target: Target, prompt: Prompt, generation: Generation, pieces: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The answer in pieces, each a JSON object in the model's own streaming format."""
    if target.entry.body == "claude":
        yield from _claude_stream(target, prompt, generation, pieces)
    elif target.entry.body == "nova":
        yield {"messageStart": {"role": "assistant"}}
        for piece in pieces:
            yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}}
        yield {"contentBlockStop": {"contentBlockIndex": 0}}
        yield {"messageStop": {"stopReason": generation.stop_reason}}
        usage = {"inputTokens": prompt.input_tokens, "outputTokens": generation.output_tokens}
        yield {"metadata": {"usage": usage, "metrics": {}}, **_metrics(prompt, generation)}
    elif target.entry.body == "llama":
        for piece in pieces:
            yield {"generation": piece, "prompt_token_count": None, "generation_token_count": 1, "stop_reason": None}
        last = answer(target, prompt, "", generation.stop_reason, generation.output_tokens)
        yield last | _metrics(prompt, generation)
    else:
        for piece in pieces:
            yield {"outputText": piece, "index": 0, "completionReason": None}
        reason = "LENGTH" if generation.stop_reason == "max_tokens" else "FINISH"
        yield {"outputText": "", "index": 0, "completionReason": reason, **_metrics(prompt, generation)}


def _claude_stream(
    target: Target, prompt: Prompt, generation: Generation, pieces: Iterator[str]
) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _claude_message(target, prompt.input_tokens)}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for piece in pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": generation.stop_reason, "stop_sequence": None},
        "usage": {"output_tokens": generation.output_tokens},
    }
    yield {"type": "message_stop", **_metrics(prompt, generation)}


def _metrics(prompt: Prompt, generation: Generation) -> dict[str, Any]:
    counts = {"inputTokenCount": prompt.input_tokens, "outputTokenCount": generation.output_tokens}
    return {"amazon-bedrock-invocationMetrics": counts}
