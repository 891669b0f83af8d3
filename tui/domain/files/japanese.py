"""Japanese text in the encodings from before Unicode: known where it certainly is that, and written as it was."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import cache

from tui.domain.values import dataclass

WINDOWS = "windows-31j"
"""Shift_JIS as Windows writes it: what IBM added stands where IBM put it, for Python where NEC did (髙, 﨑)."""
TITLES = {"euc_jp": "EUC-JP", "euc_jis_2004": "EUC-JP", WINDOWS: "Shift_JIS", "cp932": "Shift_JIS"}
"""What people call these codecs, in the order in which they are tried: text in EUC-JP can be valid Shift_JIS."""
_PYTHON = {WINDOWS: "cp932"}
"""What Python has for a codec that it does not know."""
_PIECE = 1 << 17
"""Bytes decoded in one go: nothing else runs meanwhile."""
_TELLING = 50_000
"""Characters outside ASCII that are looked at to tell whether a text is Japanese."""
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fc]")
_LEAST = 3
"""Kana that there have to be."""
_SHARE = 5
"""Of so many characters outside ASCII at least one is kana; Chinese, Korean and Western text read so has hardly any."""
_NOT_KOREAN = re.compile("[\u307e-\u3096\u30a1-\u30fc]")
"""Kana (from ま on, and katakana) whose bytes stand for hardly anything in EUC-KR; its jamo are read as the others."""
_RARE = b"\xd0"
"""From here on stand the kanji of EUC-JP that are seldom written, but of Chinese text, read so, a third."""
_NO_CHARACTERS = "\x80\uf8f0\uf8f1\uf8f2\uf8f3"
"""What Python makes of bytes that stand for nothing in Shift_JIS."""
_SAME = {0x301C: 0xFF5E, 0x2212: 0xFF0D, 0x2016: 0x2225, 0x2014: 0x2015, 0xA2: 0xFFE0, 0xA3: 0xFFE1, 0xAC: 0xFFE2}
"""Characters of JIS that Windows calls by other code points than the rest of the world (〜, −, ‖, —, ¢, £, ¬)."""


@dataclass(frozen=True, slots=True)
class Japanese:
    """A text that was read: its codec, and itself as UTF-8."""

    codec: str
    utf8: bytes

    @property
    def title(self) -> str:
        """What people call the codec."""
        return TITLES[self.codec]


def japanese(data: bytes) -> Japanese | None:
    """The text in `data`, if all of it is Japanese in one of these encodings and would be written back as it is.

    None for UTF-8, also where it is damaged further on: read otherwise it can look like Japanese, too.
    """
    if _begins_as_utf8(data):
        return None
    for codec in TITLES:
        try:
            if _plausible(_beginning(data, codec), codec):
                return Japanese(codec, b"".join(_read(data, codec)))
        except ValueError:
            continue
    return None


def _begins_as_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # Two bytes of EUC-JP are often a letter of UTF-8, one of Latin, Greek or Cyrillic.
        return max(data[: error.start].decode("utf-8"), default="") > "\u07ff"
    return True


def encode(text: str, codec: str) -> bytes:
    """Text as bytes. Raises UnicodeEncodeError for what the encoding has no character for."""
    python = _PYTHON.get(codec, codec)
    if python == "cp932" and (nothing := next((ch for ch in _NO_CHARACTERS if ch in text), "")):
        raise UnicodeEncodeError(codec, nothing, 0, 1, "it stands for nothing")
    added = _by_ibm() if codec == WINDOWS else {}
    if held := [ch for ch in added if ch in text]:
        parts = re.split(f"([{''.join(held)}])", text)
        return b"".join(added.get(part) or encode(part, python) for part in parts)
    try:
        return text.encode(python)
    except UnicodeEncodeError:
        again = text.translate(_SAME) if python == "cp932" else text
        if again == text:
            raise
        return again.encode(python)


def foreign(text: str, codec: str) -> str:
    """The first character of a text that the encoding has not, or would give back as another; mostly nothing."""
    if _comes_back(text, codec):
        return ""
    return next((ch for ch in dict.fromkeys(text) if ch > "~" and not _comes_back(ch, codec)), "")


def _comes_back(text: str, codec: str) -> bool:
    try:
        return encode(text, codec).decode(_PYTHON.get(codec, codec)) in (text, text.translate(_SAME))
    except UnicodeError:
        return False


def _beginning(data: bytes, codec: str) -> str:
    """Some of the text, from where it is no longer ASCII."""
    first = next((at for at in range(0, len(data), _PIECE) if not data[at : at + _PIECE].isascii()), 0)
    begin = data.rfind(b"\n", 0, first) + 1
    return _decoder(codec).decode(data[begin : first + _PIECE])


def _plausible(text: str, codec: str) -> bool:
    letters = [ch for ch in text if ch > "\x7f"][:_TELLING]
    kana = [ch for ch in letters if _KANA.match(ch)]
    if len(kana) < _LEAST or len(kana) * _SHARE < len(letters):
        return False
    if not codec.startswith("euc"):
        return True
    japanese_alone = sum(1 for ch in kana if _NOT_KOREAN.match(ch))
    kanji = [ch.encode(codec, "replace") for ch in letters if "\u4e00" <= ch <= "\u9fff"]
    rare = sum(1 for place in kanji if place >= _RARE)
    return japanese_alone * 20 >= len(kana) and rare * 8 <= len(kanji)


def _read(data: bytes, codec: str) -> Iterator[bytes]:
    """The text as UTF-8, piece by piece. Raises ValueError where it is none, or would not be written back so."""
    decoder, rest = _decoder(codec), b""
    for at in range(0, len(data), _PIECE):
        text = decoder.decode(data[at : at + _PIECE], at + _PIECE >= len(data))
        there, again = rest + data[at : at + _PIECE], encode(text, codec)
        if not there.startswith(again):
            raise ValueError("it would not be written back as it is")
        rest = there[len(again) :]
        yield text.encode("utf-8")


def _decoder(codec: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(_PYTHON.get(codec, codec))()


@cache
def _by_ibm() -> dict[str, bytes]:
    """The characters that IBM added, with their bytes there; not those that JIS has as well."""
    places = (bytes((lead, trail)) for lead in (0xFA, 0xFB, 0xFC) for trail in range(0x40, 0xFD) if trail != 0x7F)
    found = {place.decode("cp932", "ignore"): place for place in places}
    return {ch: place for ch, place in found.items() if ch and ch.encode("cp932")[0] in (0xED, 0xEE)}
