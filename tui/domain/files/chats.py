"""Conversations as other programs write them: the system prompt is the first message (OpenAI, ShareGPT).

Bedrock trains on none of these; they are converted like plain pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.files.formats import FormatError, Record, Turn, block_texts, detect, string
from tui.domain.values import dataclass

_LISTS = ("messages", "conversations", "conversation")
_NAMES = (("role", "content"), ("from", "value"))
ROLES = {
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "model": "assistant", "bot": "assistant",
    "chatbot": "assistant",
    "system": "system", "developer": "system",
}  # fmt: skip
"""What the roles of other programs are to Bedrock; others stay as they are, for the checks to tell."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The key of the messages, and in each the keys of its role and its text."""

    turns: str = "messages"
    role: str = "role"
    text: str = "content"

    def __str__(self) -> str:
        """What the file is called where its layout is named."""
        return f"a chat ({self.turns} of {self.role} and {self.text})"

    def spelled(self, role: str) -> str:
        """A role of Bedrock's as it is written beside these keys."""
        return {"user": "human", "assistant": "gpt"}.get(role, role) if self.role == "from" else role


def format_of(value: object) -> DataFormat | Chat | None:
    """Which record format an object has; None for plain pairs and everything else.

    A prompt, a completion and a system prompt are a plain pair: the format has no place for the last.
    """
    found = (_chat(value) if isinstance(value, Mapping) else None) or detect(value)
    if found is DataFormat.PROMPT_COMPLETION and isinstance(value, Mapping) and isinstance(value.get("system"), str):
        return None
    return found


def _chat(value: Mapping[str, Any]) -> Chat | None:
    """The layout of one conversation; None for one that Bedrock trains on, and for what is none."""
    for key in _LISTS if "schemaVersion" not in value else ():
        turns = value.get(key)
        if not isinstance(turns, list) or not turns or not all(isinstance(turn, Mapping) for turn in turns):
            continue
        for role, text in _NAMES:
            roles = [turn[role] for turn in turns if isinstance(turn.get(role), str) and text in turn]
            if len(roles) < len(turns):
                continue
            known = [ROLES.get(said.casefold(), "") for said in roles]
            strange = all(known) and known != roles
            if key != "messages" or role != "role" or strange or (known[0] == "system" and "system" not in value):
                return Chat(key, role, text)
    return None


def parse_chat(value: object, layout: Chat) -> Record:
    """The conversation in `value`; raises FormatError naming what is not as it ought to be."""
    turns = value.get(layout.turns) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(turns, list):
        raise FormatError(f"{layout.turns} is missing, or no list")
    found = []
    for number, turn in enumerate(turns, 1):
        where = f"{layout.turns}[{number}]"
        if not isinstance(turn, Mapping):
            raise FormatError(f"{where} is not an object")
        role = string(turn.get(layout.role), f"{where}.{layout.role}")
        content = turn.get(layout.text)
        of_text = block_texts if isinstance(content, list) else string
        found.append(Turn(ROLES.get(role.casefold(), role), of_text(content, f"{where}.{layout.text}")))
    if found and found[0].role == "system":
        return Record(tuple(found[1:]), found[0].text)
    return Record(tuple(found), string(value["system"], "system") if value.get("system") is not None else None)


def chat_value(record: Record, layout: Chat) -> dict[str, Any]:
    """A record as one object of that layout."""
    return {layout.turns: [chat_turn(turn, layout) for turn in chat_turns(record)]}


def chat_turns(record: Record) -> tuple[Turn, ...]:
    """The messages with the system prompt as the first."""
    return record.turns if record.system is None else (Turn("system", record.system), *record.turns)


def chat_turn(turn: Turn, layout: Chat) -> dict[str, str]:
    """One message of that layout."""
    return {layout.role: layout.spelled(turn.role), layout.text: turn.text}


def system_apart(value: Mapping[str, Any], layout: Chat) -> bool:
    """Whether the system prompt stands beside the messages, as some write it, or there is none at all in them."""
    turns = value.get(layout.turns)
    first = turns[0] if isinstance(turns, list) and turns and isinstance(turns[0], Mapping) else {}
    return value.get("system") is not None and ROLES.get(str(first.get(layout.role)).casefold()) != "system"
