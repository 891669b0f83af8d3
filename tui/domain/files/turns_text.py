"""Messages of a conversation added, taken away and exchanged in its JSON text; the others stay as they are written."""

from __future__ import annotations

from collections.abc import Sequence

from tui.domain.base_models import DataFormat
from tui.domain.files.chats import Chat, chat_turn
from tui.domain.files.formats import FormatError, Turn
from tui.domain.files.json_text import Change, Style, changed, elements, member

Span = tuple[int, int]


def with_turns(raw: str, layout: DataFormat | Chat, before: Sequence[Turn], after: Sequence[Turn], style: Style) -> str:
    """`raw`, whose messages are `before`, with `after` as its messages. Raises FormatError when it has no messages."""
    key = layout.turns if isinstance(layout, Chat) else "messages"
    messages = member(raw, 0, key)
    if messages is None:
        raise FormatError(f"{key} is missing")
    spans = elements(raw, messages.start)
    first, last = _same_ends(before, after)
    like = raw[spans[0][0] : spans[0][1]] if spans else ""
    manner = Style.of(like, escaped=style.escaped) if like else style
    made = [_message(turn, manner, layout) for turn in after[first : len(after) - last]]
    kept: list[Span | str] = [*spans[:first], *made, *spans[len(spans) - last :]]
    gap = raw[spans[0][1] : spans[1][0]] if len(spans) > 1 else style.comma
    text = "".join(_pieces(raw, kept, gap))
    start, end = (spans[0][0], spans[-1][1]) if spans else (messages.start + 1, messages.end - 1)
    return changed(raw, [Change(start, end, text)])


def _same_ends(before: Sequence[Turn], after: Sequence[Turn]) -> tuple[int, int]:
    """How many messages are the same at the beginning, and how many of the others at the end."""
    most = min(len(before), len(after))
    first = next((n for n in range(most) if before[n] != after[n]), most)
    last = next((n for n in range(most - first) if before[-1 - n] != after[-1 - n]), most - first)
    return first, last


def _message(turn: Turn, style: Style, layout: DataFormat | Chat) -> str:
    if isinstance(layout, Chat):
        return style.written(chat_turn(turn, layout))
    content: object = [{"text": turn.text}] if layout is DataFormat.BEDROCK_CONVERSATION else turn.text
    return style.written({"role": turn.role, "content": content})


def _pieces(raw: str, kept: Sequence[Span | str], gap: str) -> list[str]:
    """The messages and what stands between them: as it was between neighbours of before."""
    found: list[str] = []
    for number, one in enumerate(kept):
        previous = kept[number - 1] if number else None
        if previous is not None:
            found.append(_between(raw, previous, one, gap))
        found.append(one if isinstance(one, str) else raw[one[0] : one[1]])
    return found


def _between(raw: str, one: Span | str, other: Span | str, gap: str) -> str:
    if isinstance(one, str) or isinstance(other, str):
        return gap
    between = raw[one[1] : other[0]]
    return between if between.strip(" \t\r\n") == "," else gap
