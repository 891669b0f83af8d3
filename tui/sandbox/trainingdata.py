"""Training data as a base model's format wants it: parsed into examples, or refused with the job's failure text.

Texts of Amazon Bedrock's own messages are used where they are known ("Troubleshooting model customization issues");
the counts' wording is the sandbox's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tui.sandbox.catalog import Customization, Layout

# Words that the formats keep for themselves.
_CLAUDE_RESERVED = ("\nHuman:", "\nAssistant:")
_CHARACTERS_PER_TOKEN = {Layout.CLAUDE_MESSAGES: 3, Layout.CONVERSATION: 3, Layout.PROMPT_COMPLETION: 6}


class DataError(Exception):
    """The job's failure message."""


@dataclass(frozen=True, slots=True)
class Turns:
    """One record: what the model is told, asked and should answer, as (question, answer) in order."""

    system: str | None
    pairs: tuple[tuple[str, str], ...]


def read_records(data: bytes, uri: str, rules: Customization) -> list[Turns]:
    """Parse a JSONL file; raises DataError."""
    refused = DataError(f"Unable to parse Amazon S3 file: {uri}. Data files must conform to JSONL format.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused from error
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    records = []
    for line in lines:
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise refused from error
        records.append(_record(document, uri, rules))
    return records


def _record(document: Any, uri: str, rules: Customization) -> Turns:
    if not isinstance(document, dict):
        raise _wrong_format(uri, rules.layout)
    turns = _READERS[rules.layout](document)
    if turns is None:
        raise _wrong_format(uri, rules.layout)
    size = len(turns.system or "") + sum(len(question) + len(answer) for question, answer in turns.pairs)
    if size // _CHARACTERS_PER_TOKEN[rules.layout] > rules.limits.record_tokens:
        start = turns.pairs[0][0][:40]
        raise DataError(f"Input size exceeded in file {uri} for record starting with {start}")
    return turns


def _wrong_format(uri: str, layout: Layout) -> DataError:
    return DataError(f"Input data at {uri} must follow '{_FORMATS[layout]}' format")


_FORMATS = {
    Layout.CLAUDE_MESSAGES: '{"system": "<text>", "messages": [{"role": "user", "content": "<text>"}, '
    '{"role": "assistant", "content": "<text>"}]}',
    Layout.CONVERSATION: '{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "<text>"}], "messages": '
    '[{"role": "user", "content": [{"text": "<text>"}]}, {"role": "assistant", "content": [{"text": "<text>"}]}]}',
    Layout.PROMPT_COMPLETION: '{"prompt": "<input text>", "completion": "<output text>"}',
}


def _claude(document: dict[str, Any]) -> Turns | None:
    system = document.get("system")
    if not set(document) <= {"system", "messages"} or ("system" in document and not isinstance(system, str)):
        return None
    turns = _alternating(document.get("messages"), _plain)
    if turns is None:
        return None
    texts = [system or "", *(text for pair in turns for text in pair)]
    if any(word in text for word in _CLAUDE_RESERVED for text in texts):
        return None
    return Turns(system, turns)


def _conversation(document: dict[str, Any]) -> Turns | None:
    if not isinstance(document.get("schemaVersion"), str):
        return None
    system = _blocks(document["system"]) if "system" in document else None
    turns = _alternating(document.get("messages"), _blocks)
    if turns is None or ("system" in document and system is None):
        return None
    return Turns(system, turns)


def _completion(document: dict[str, Any]) -> Turns | None:
    prompt, completion = document.get("prompt"), document.get("completion")
    if not isinstance(prompt, str) or not isinstance(completion, str) or set(document) != {"prompt", "completion"}:
        return None
    return Turns(None, ((prompt, completion),))


_READERS = {
    Layout.CLAUDE_MESSAGES: _claude,
    Layout.CONVERSATION: _conversation,
    Layout.PROMPT_COMPLETION: _completion,
}


def _plain(content: Any) -> str | None:
    return content if isinstance(content, str) else None


def _blocks(content: Any) -> str | None:
    if not isinstance(content, list) or not content:
        return None
    texts = [block.get("text") if isinstance(block, dict) else None for block in content]
    known = [text for text in texts if isinstance(text, str)]
    return "\n".join(known) if len(known) == len(texts) else None


def _alternating(messages: Any, read: Any) -> tuple[tuple[str, str], ...] | None:
    if not isinstance(messages, list) or len(messages) < 2 or len(messages) % 2:
        return None
    texts = []
    for number, message in enumerate(messages):
        role = "assistant" if number % 2 else "user"
        if not isinstance(message, dict) or message.get("role") != role:
            return None
        text = read(message.get("content"))
        if text is None:
            return None
        texts.append(text)
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def check_counts(training: int, validation: int | None, rules: Customization) -> None:
    """Compare the numbers of records with the base model's limits; raises DataError."""
    limits = rules.limits
    _check_range("training", training, limits.train_min, limits.train_max)
    if validation is not None:
        _check_range("validation", validation, limits.validation_min, limits.validation_max)
    _check_range("training and validation", training + (validation or 0), limits.total_min, limits.total_max)


def _check_range(what: str, count: int, low: int, high: int) -> None:
    if count < low:
        raise DataError(f"The number of {what} records is {count}; this model needs at least {low}.")
    if count > high:
        raise DataError(f"The number of {what} records is {count}; this model takes at most {high}.")
