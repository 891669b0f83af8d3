"""Outside text made safe for a terminal: visible stand-ins for everything that is not plain text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_KEPT = {"\n", "\t"}
_NOT_WORDS = re.compile(r"[\W_]+")
_ASCII_WORDS = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "\n"}


def _stand_in(code: int) -> str | None:
    """What is shown in place of a code point, or None when it may be shown as it is."""
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if (
        0x80 <= code <= 0x9F
        or code in (0x00AD, 0x061C, 0x180E, 0x200B, 0x200C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)
        or 0x202A <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or 0xD800 <= code <= 0xDFFF
        or 0xFFF9 <= code <= 0xFFFB
        or 0xE0000 <= code <= 0xE007F
    ):
        return f"‹{code:X}›"
    return None


_CODES = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010)]
_CODES += [
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xD800, 0xE000),
    0xFEFF,
    *range(0xFFF9, 0x10000),
]
_CODES += [*range(0xE0000, 0xE0080)]
_TABLE = {code: mark for code in _CODES if (mark := _stand_in(code)) is not None and chr(code) not in _KEPT}


def _ranges(codes: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive codes: a class of ranges is searched several times faster than one of members."""
    runs: list[tuple[int, int]] = []
    for code in codes:
        if runs and runs[-1][1] == code - 1:
            runs[-1] = (runs[-1][0], code)
        else:
            runs.append((code, code))
    return runs


UNSAFE = re.compile("[" + "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in _ranges(sorted(_TABLE))) + "]")
"""Matches each character that `safe` replaces; newline and tab are not among them."""
_SAFE_ASCII = bytes(code for code in range(0x80) if code not in _TABLE)


def has_unsafe(text: str) -> bool:
    """Whether `safe` would replace a character; of long ASCII text known in a sixth of the time of a search."""
    if text.isascii():
        return bool(text.encode("ascii").translate(None, _SAFE_ASCII))
    return UNSAFE.search(text) is not None


def safe(text: str, limit: int | None = None) -> str:
    """`text` with control, bidi, zero-width, tag and surrogate characters made visible.

    Line ends become `\\n`; newline and tab stay. Past `limit` characters the rest is counted, not shown.
    """
    cut = 0
    if limit is not None and len(text) > limit:
        cut, text = len(text) - limit, text[:limit]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if UNSAFE.search(text):
        text = text.translate(_TABLE)
    return f"{text}… ({cut:,} more characters)" if cut else text


def safe_line(text: str, limit: int = 400) -> str:
    """`text` on one line: safe, white space folded, joiners that terminals draw differently left out."""
    head = text[: limit + 1]
    line = " ".join(safe(head).replace("\u200d", "").replace("\ufe0f", "").split())
    return line if len(text) <= limit else line[:limit].rstrip() + "…"


def normalised(text: str) -> str:
    """For comparing questions: NFKC, case folded, punctuation and symbols dropped, white space folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORDS.sub(" ", folded).strip()


def normalised_lines(texts: Sequence[str]) -> list[str]:
    """`normalised` of each of many texts, at once: where all is ASCII, a fourth of the time."""
    joined = "\n".join(text.replace("\n", " ") if "\n" in text else text for text in texts)
    if not joined.isascii():
        return [normalised(text) for text in texts]
    lines = joined.lower().translate(_ASCII_WORDS).split("\n")
    return [" ".join(line.split()) for line in lines[: len(texts)]]


def is_cjk(text: str) -> bool:
    """Whether at least a fifth of the letters are Han, kana or Hangul."""
    letters = [ch for ch in text if ch.isalpha()]
    wide = sum("\u3040" <= ch <= "\u30ff" or "\u3400" <= ch <= "\u9fff" or "\uac00" <= ch <= "\ud7af" for ch in letters)
    return bool(letters) and wide * 5 >= len(letters)


def human_size(size: int) -> str:
    """Bytes in the largest unit that keeps three digits: `812 B`, `61.3 kB`, `4.2 MB` (powers of 1000)."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        # 999.95 and more would be rounded up to four digits.
        if value < (1000 if unit == "B" else 999.95) or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 pair`, `85 pairs`, `12,000 pairs`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
