"""How many tokens a text makes: estimated until a model has counted some of its own, then by what it counted.

No tokenizer of these models is published. Before anything is measured a token is taken for three characters, as AWS's
limit on records does, and for one kana, Han or Hangul character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from tui.domain.text import count
from tui.domain.values import dataclass

PRIOR = 1 / 3
ENOUGH = 500
"""Characters that have to be counted before a measured rate is believed."""
_LOOKED_AT = 600
"""Characters of a text that tell its script."""


class Script(StrEnum):
    """What a text is mainly written in."""

    LATIN = "Latin"
    JAPANESE = "Japanese"
    CHINESE = "Chinese"
    KOREAN = "Korean"
    CYRILLIC = "Cyrillic"
    GREEK = "Greek"
    ARABIC = "Arabic"
    HEBREW = "Hebrew"
    THAI = "Thai"
    INDIC = "Indic"
    OTHER = "other letters"
    NONE = "no letters"


_BLOCKS = (
    (0x0041, 0x024F, "l"), (0x1E00, 0x1EFF, "l"), (0xFF21, 0xFF5A, "l"), (0x0370, 0x03FF, "g"), (0x1F00, 0x1FFF, "g"),
    (0x0400, 0x052F, "c"), (0x0590, 0x05FF, "h"), (0x0600, 0x06FF, "a"), (0x0750, 0x077F, "a"), (0xFB50, 0xFEFF, "a"),
    (0x0900, 0x0DFF, "i"), (0x0E00, 0x0E7F, "t"), (0x3040, 0x30FF, "k"), (0xFF66, 0xFF9F, "k"), (0x3400, 0x9FFF, "n"),
    (0xF900, 0xFAFF, "n"), (0x20000, 0x3FFFF, "n"), (0xAC00, 0xD7AF, "o"), (0x1100, 0x11FF, "o"),
)  # fmt: skip
_OF = {
    "l": Script.LATIN, "g": Script.GREEK, "c": Script.CYRILLIC, "h": Script.HEBREW, "a": Script.ARABIC,
    "i": Script.INDIC, "t": Script.THAI, "n": Script.CHINESE, "o": Script.KOREAN, "x": Script.OTHER,
}  # fmt: skip


class _Kinds(dict[int, str]):
    """One letter for the block of each code point, looked up once."""

    def __missing__(self, code: int) -> str:
        letter = "-"
        if chr(code).isalpha():
            letter = next((kind for first, last, kind in _BLOCKS if first <= code <= last), "x")
        self[code] = letter
        return letter


_KINDS = _Kinds()
_LETTER = re.compile("[A-Za-z]")


def script_of(text: str) -> Script:
    """The script of most letters, by the first 600 characters.

    A fifth of kana and Han is enough, for a Latin name among them has as many letters as a sentence; with at least
    a tenth of kana among these it is Japanese, else Chinese.
    """
    head = text[:_LOOKED_AT]
    if head.isascii():
        return Script.LATIN if _LETTER.search(head) else Script.NONE
    kinds = head.translate(_KINDS)
    kana, han = kinds.count("k"), kinds.count("n")
    if (kana + han) and (kana + han) * 5 >= len(kinds) - kinds.count("-"):
        return Script.JAPANESE if kana * 10 >= kana + han else Script.CHINESE
    found = [(kinds.count(letter), script) for letter, script in _OF.items()]
    most, script = max(found, key=lambda pair: pair[0])
    return script if most else Script.NONE


@dataclass(frozen=True, slots=True)
class Rate:
    """What a model counted of one script: `tokens` in `characters` of `texts` texts."""

    tokens: int
    characters: int
    texts: int

    @property
    def believed(self) -> bool:
        """Whether enough was counted."""
        return self.characters >= ENOUGH and self.tokens > 0

    @property
    def per_token(self) -> float:
        """Characters in a token."""
        return self.characters / self.tokens


class Counter:
    """Counts tokens of texts by measured rates, where they are believed, else by the rule of thumb."""

    def __init__(self, rates: Mapping[Script, Rate] | None = None) -> None:
        self.rates = {script: rate for script, rate in (rates or {}).items() if rate.believed}
        self._factors = {script: rate.tokens / rate.characters for script, rate in self.rates.items()}

    def count(self, text: str, script: Script | None = None) -> float:
        """Tokens of a text; not rounded, so that many small texts add up."""
        if not text:
            return 0.0
        if self._factors:
            factor = self._factors.get(script or script_of(text))
            if factor is not None:
                return len(text) * factor
        if text.isascii():
            return len(text) * PRIOR
        kinds = text.translate(_KINDS)
        wide = kinds.count("k") + kinds.count("n") + kinds.count("o")
        return wide + (len(text) - wide) * PRIOR

    def basis(self, model: str) -> str:
        """What the numbers rest on, for one line."""
        if not self.rates:
            return "≈ 3 characters a token, kana, Han and Hangul 1; nothing measured yet"
        told = ", ".join(
            f"{rate.per_token:.2f} {script} characters ({model}, {count(rate.texts, 'text')})"
            for script, rate in sorted(self.rates.items(), key=lambda item: -item[1].characters)
        )
        return f"≈ each {told}; else 3, kana, Han, Hangul 1"


def plausible(tokens: int, characters: int) -> bool:
    """Whether so many tokens can be those of a text alone: a model that reasons in silence reports more."""
    return 0 < tokens <= 4 * characters and characters <= 40 * tokens
