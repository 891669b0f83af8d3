"""Where two texts differ: by words, and by characters where Japanese, Chinese or Korean is written."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TypeAlias

_TOKENS = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff66-\uff9f]|\s+|[^\W\u3040-\u30ff\u3400-\u9fff]+|.", re.DOTALL
)
_MOST = 4_000
"""Tokens of one text; longer ones are not compared, since the time grows with the product of both lengths."""
_LONGEST = 50 * _MOST
"""Characters of one text: to take one of megabytes apart, only to find that it has too many, takes a second."""
_MOST_MEETINGS = 1_200_000
"""Of equal tokens, as in two texts of a thousand words: one that says the same over and over meets itself everywhere,
and would take many seconds."""

Piece: TypeAlias = tuple[str, bool]
"""Text, and whether the other side has nothing like it. Joined again the pieces give the text."""


def differences(one: str, other: str) -> tuple[list[Piece], list[Piece]] | None:
    """Both texts in pieces; case and the width of white space do not count.

    None when they are too long, or repeat themselves too often.
    """
    if max(len(one), len(other)) > _LONGEST:
        return None
    ours, theirs = _TOKENS.findall(one), _TOKENS.findall(other)
    if max(len(ours), len(theirs)) > _MOST:
        return None
    one_plain, other_plain = list(map(_plain, ours)), list(map(_plain, theirs))
    often = Counter(other_plain)
    if sum(times * often[token] for token, times in Counter(one_plain).items()) > _MOST_MEETINGS:
        return None
    matcher = SequenceMatcher(None, one_plain, other_plain, autojunk=False)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        differs = kind != "equal"
        left.append(("".join(ours[a:b]), differs))
        right.append(("".join(theirs[c:d]), differs))
    return _joined(left), _joined(right)


def _plain(token: str) -> str:
    return " " if token.isspace() else token.casefold()


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Without empty ones; white space alone is no difference."""
    found: list[Piece] = []
    for text, differs in pieces:
        differs = differs and not text.isspace()
        if found and found[-1][1] == differs:
            found[-1] = (found[-1][0] + text, differs)
        elif text:
            found.append((text, differs))
    return found
