"""Records and the three line formats that Bedrock trains on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.values import dataclass

CONVERSATION_SCHEMA = "bedrock-conversation-2024"
_OTHER_BLOCKS = ("image", "video", "document", "toolUse", "toolResult", "guardContent", "reasoningContent")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: `role` is user or assistant in good records, anything in bad ones."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """A pair or a conversation with several turns, with its optional system prompt."""

    turns: tuple[Turn, ...]
    system: str | None = None
    extra_keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, question: str, answer: str, system: str | None = None) -> Record:
        """A record with one question and one answer."""
        return cls((Turn("user", question), Turn("assistant", answer)), system)

    @property
    def question(self) -> str:
        """The first user turn."""
        return next((t.text for t in self.turns if t.role == "user"), "")

    @property
    def answer(self) -> str:
        """The last assistant turn."""
        return next((t.text for t in reversed(self.turns) if t.role == "assistant"), "")

    @property
    def is_pair(self) -> bool:
        """Whether it is exactly one question and one answer."""
        return tuple(t.role for t in self.turns) == ("user", "assistant")

    def tokens(self, characters_per_token: int = 3) -> int:
        """Estimated tokens: characters of each text divided by `characters_per_token`, rounded down."""
        texts = [t.text for t in self.turns] + ([self.system] if self.system else [])
        return sum(len(text) // characters_per_token for text in texts)

    def estimate(self, system: str = "") -> int:
        """Tokens as they will roughly be charged, with `system` where the record has no system prompt of its own.

        Counted like AWS's limit (`tokens`) for alphabets; a kana, Han or Hangul character is a token of its own.
        """
        texts = [*(t.text for t in self.turns), self.system or system]
        wide = [0 if text.isascii() else len(text) - len(_wide().sub("", text)) for text in texts]
        return sum(w + (len(text) - w) // 3 for text, w in zip(texts, wide, strict=True))


@cache
def _wide() -> re.Pattern[str]:
    """Kana, Han and Hangul; compiled when there is a text that is not ASCII."""
    return re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff66-\uff9f]")


class FormatError(ValueError):
    """A value that is not a record; the message names the field."""


def render(record: Record, data_format: DataFormat, system: str | None = None) -> dict[str, Any]:
    """`record` as one object of `data_format`. `system` is used where the record has none of its own.

    Prompt/completion knows neither system prompts nor several turns: the system prompt is put before the
    question, and more than one exchange raises FormatError.
    """
    prompt = record.system or system or None
    match data_format:
        case DataFormat.CLAUDE_MESSAGES:
            messages = [{"role": t.role, "content": t.text} for t in record.turns]
            return {"system": prompt, "messages": messages} if prompt else {"messages": messages}
        case DataFormat.BEDROCK_CONVERSATION:
            body: dict[str, Any] = {"schemaVersion": CONVERSATION_SCHEMA}
            if prompt:
                body["system"] = [{"text": prompt}]
            body["messages"] = [{"role": t.role, "content": [{"text": t.text}]} for t in record.turns]
            return body
        case DataFormat.PROMPT_COMPLETION:
            if not record.is_pair:
                raise FormatError("prompt/completion holds one question and one answer, this record has more turns")
            question = f"{prompt}\n\n{record.question}" if prompt else record.question
            return {"prompt": question, "completion": record.answer}


def line(record: Record, data_format: DataFormat, system: str | None = None, *, escape: bool = False) -> str:
    """`render` as one JSON line without its end. With `escape` everything outside ASCII is escaped."""
    return json.dumps(render(record, data_format, system), ensure_ascii=escape)


def detect(value: object) -> DataFormat | None:
    """Which record format an object has; None for plain pairs and everything else."""
    if not isinstance(value, Mapping):
        return None
    messages = value.get("messages")
    if isinstance(messages, list):
        if "schemaVersion" in value or any(
            isinstance(m, Mapping) and isinstance(m.get("content"), list) for m in messages
        ):
            return DataFormat.BEDROCK_CONVERSATION
        return DataFormat.CLAUDE_MESSAGES
    if "prompt" in value and "completion" in value:
        return DataFormat.PROMPT_COMPLETION
    return None


def parse(value: object, data_format: DataFormat) -> Record:
    """The record in `value`; raises FormatError naming the field that is not as the format wants it."""
    if not isinstance(value, Mapping):
        raise FormatError(f"the record is {_kind(value)}, not an object")
    if data_format is DataFormat.PROMPT_COMPLETION:
        extra = tuple(str(k) for k in value if k not in ("prompt", "completion"))
        turns = (Turn("user", _text(value, "prompt")), Turn("assistant", _text(value, "completion")))
        return Record(turns, extra_keys=extra)
    messages = value.get("messages")
    if not isinstance(messages, list):
        raise FormatError(f"messages is {_kind(messages)}, not a list")
    blocks = data_format is DataFormat.BEDROCK_CONVERSATION
    known = {"system", "messages", "schemaVersion"} if blocks else {"system", "messages"}
    extra_keys = [str(k) for k in value if k not in known]
    turns_list = []
    for number, message in enumerate(messages, 1):
        where = f"messages[{number}]"
        if not isinstance(message, Mapping):
            raise FormatError(f"{where} is {_kind(message)}, not an object")
        role = message.get("role")
        if not isinstance(role, str):
            raise FormatError(f"{where}.role is {_kind(role)}, not a string")
        content = message.get("content")
        text = block_texts(content, f"{where}.content") if blocks else string(content, f"{where}.content")
        turns_list.append(Turn(role, text))
        extra_keys += [f"{where}.{k}" for k in message if k not in ("role", "content")]
    if blocks and value.get("schemaVersion") is not None:
        string(value["schemaVersion"], "schemaVersion")
    system = value.get("system")
    if "system" in value and not (blocks and system is None):  # as data classes write it that have none
        system = block_texts(system, "system") if blocks else string(system, "system")
    return Record(tuple(turns_list), system, tuple(extra_keys))


def _text(value: Mapping[str, Any], key: str) -> str:
    if key not in value:
        raise FormatError(f"{key} is missing")
    return string(value[key], key)


def string(value: object, where: str) -> str:
    """A text, held to be one. Raises FormatError with `where` it stands."""
    if not isinstance(value, str):
        raise FormatError(f"{where} is {_kind(value)}, not a string")
    return value


def block_texts(value: object, where: str) -> str:
    """The text of a list of text blocks. Raises FormatError with `where` it stands."""
    if not isinstance(value, list):
        raise FormatError(f"{where} is {_kind(value)}, not a list of blocks")
    texts = []
    for number, block in enumerate(value, 1):
        if not isinstance(block, Mapping) or not isinstance(block.get("text"), str):
            other = next((kind for kind in _OTHER_BLOCKS if isinstance(block, Mapping) and kind in block), "")
            raise FormatError(f"{where}[{number}] {f'is of kind {other}, not text' if other else 'has no text'}")
        texts.append(block["text"])
    return "\n".join(texts)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null or missing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
