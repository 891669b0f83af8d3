"""Characters that a reader would not miss, and letters written apart from their marks: what may be mended in texts."""

from __future__ import annotations

import re
import unicodedata

from tui.domain.text import UNSAFE

_MARKS = "\u0300-\u036f\u3099\u309a"
APART = re.compile(f"[{_MARKS}\u1161-\u1175]")
"""What may stand apart from the letter that it belongs to: accents, voiced marks of kana, vowels of Hangul."""
_LETTERS = re.compile(f"[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[^{_MARKS}][{_MARKS}]+")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_MEANT = re.compile(
    "(?<=[\u0600-\u07ff\u0900-\u0dff])\u200c(?=[\u0600-\u07ff\u0900-\u0dff])"  # parts letters of a word
    "|\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]+\U000e007f"  # the flag of England
    "|[\ud800-\udfff]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u05ff\u0600-\u07ff\ufb1d-\ufdff\ufe70-\ufefc]")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u2066-\u2069]")


def visible(text: str) -> str:
    """The text without control and invisible characters; line ends of other systems become plain ones.

    What Arabic, Hebrew and Indic scripts and flags are written with stays; overrides of the direction go. So do lone
    surrogates stay: what stood there cannot be known.
    """
    if not UNSAFE.search(text):
        return text
    kept = {at for m in _MEANT.finditer(text) for at in range(m.start(), m.end())}
    if _RIGHT_TO_LEFT.search(text):
        kept |= {m.start() for m in _DIRECTIONS.finditer(text)}
    text = UNSAFE.sub(lambda m: m[0] if m.start() in kept or _LINE_END.match(m[0]) else "", text)
    return _LINE_END.sub("\n", text)


def composed(text: str) -> str:
    """The text with letters and their marks as one character where there is one (NFC, Unicode Standard Annex 15).

    Only these: NFC as a whole would also change the ideographs of names into others.
    """
    if not APART.search(text):
        return text
    return _LETTERS.sub(lambda m: unicodedata.normalize("NFC", m[0]), text)
