"""Outside text made safe for a terminal: visible stand-ins for everything that is not plain text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_NOT_WORDS = re.compile(r"[\W_]+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet may take for a formula (OWASP, CSV injection), full width too."""
_ASCII_WORDS = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "\n"}


_RANGES = (
    (0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x061C, 0x061C), (0x180E, 0x180E), (0x200B, 0x200C),
    (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB),
    (0xFFFE, 0xFFFF), (0xE0000, 0xE007F),
)  # fmt: skip
"""Code points that are not shown as they are; newline and tab are."""


def _stand_in(code: int) -> str:
    """What is shown in place of one of them."""
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"‹{code:X}›"


class _StandIns(dict[int, str]):
    """Worked out for each code point when it comes for the first time: most never do."""

    def __missing__(self, code: int) -> str:
        if not any(first <= code <= last for first, last in _RANGES):
            raise LookupError(code)  # as `str.translate` wants it
        self[code] = mark = _stand_in(code)
        return mark


_TABLE = _StandIns()
UNSAFE = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _RANGES) + "]")
"""Matches each character that `safe` replaces; newline and tab are not among them."""
_JOINERS = re.compile("[\u200d\ufe0f\U0001f3fb-\U0001f3ff]")
"""Zero width joiner, emoji presentation, skin tones."""
_SAFE_ASCII = bytes(code for code in range(0x80) if not UNSAFE.match(chr(code)))


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


def without_joiners(text: str) -> str:
    """`text` without what makes one emoji of several, or another one of it: terminals differ by cells in drawing it,
    and whatever stands behind it in its line would be shifted."""
    return text if text.isascii() else _JOINERS.sub("", text)


def safe_line(text: str, limit: int = 400) -> str:
    """`text` on one line: safe, white space folded, joiners that terminals draw differently left out."""
    line = " ".join(without_joiners(safe(text[: limit + 1])).split())
    return line if len(text) <= limit else line[:limit].rstrip() + "…"


def guarded(text: str) -> str:
    """`safe` text for a cell of CSV: an apostrophe before what a spreadsheet may take for a formula."""
    clean = safe(text)
    return f"'{clean}" if clean.startswith(_FORMULA) or clean.lstrip(" ").startswith(_FORMULA) else clean


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


def whole(text: str, most: int) -> int | None:
    """The whole number up to `most` that is typed in ASCII digits; None for anything else, however long it is."""
    digits = text.strip().lstrip("0") or text.strip()[-1:]
    # Python makes no number of more than 4,300 digits.
    fits = digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))
    return int(digits) if fits and int(digits) <= most else None


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 pair`, `85 pairs`, `12,000 pairs`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
