"""Which language a text is in, as far as its script and its smallest words tell; nothing when they do not."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

_LEAST_WORDS = 3
_KANA_SHARE, _WIDE_SHARE = 0.1, 0.3

_SMALL_WORDS = {
    "English": "the of and to is that it for with are this be on as you how what which when can from by an does",
    "German": "der die das und ist nicht ein eine mit von zu den dem sich auf für wie was kann werden sind im auch",
    "French": "le les des et est une dans pour que qui sur pas plus avec ce vous sont du au par comment quel être",
    "Spanish": "el los las y es una que en para por con del se su como más qué cómo puede está son lo al",
    "Italian": "il gli di e è una che per con del della si come più non sono nel dei cosa quale può essere le",
    "Portuguese": "o os as e é uma que em para por com do da se como mais não são no na um ao qual você pode",
    "Dutch": "de het een en is van dat niet met voor zijn op te hoe wat kan worden ook aan bij dit door naar",
}
_OF_WORD: dict[str, tuple[str, ...]] = {}
for _language, _words in _SMALL_WORDS.items():
    for _word in _words.split():
        _OF_WORD[_word] = (*_OF_WORD.get(_word, ()), _language)

_NAMED = {"HIRAGANA": "Kana", "KATAKANA": "Kana", "CJK": "Han", "HANGUL": "Hangul"}


class _Scripts(dict[str, str]):
    """The script of a letter, from its Unicode name; nothing for what is no letter."""

    def __missing__(self, letter: str) -> str:
        name = unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""
        found = self[letter] = _NAMED.get(name, name.capitalize())
        return found


_SCRIPTS = _Scripts()


def script(text: str) -> str:
    """`Latin`, `Japanese`, `Han`, `Hangul`, `Cyrillic` …: the script of a text, empty when it has no letter.

    A tenth of the letters is enough with kana among them, a third with Han or Hangul alone: such texts are often
    full of names in Latin letters.
    """
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else ""
    counts = Counter(map(_SCRIPTS.__getitem__, text))
    del counts[""]
    letters = counts.total()
    if not letters:
        return ""
    wide = counts["Kana"] + counts["Han"]
    if wide >= letters * (_KANA_SHARE if counts["Kana"] else _WIDE_SHARE):
        return "Japanese" if counts["Kana"] else "Han"
    if counts["Hangul"] >= letters * _WIDE_SHARE:
        return "Hangul"
    return counts.most_common(1)[0][0]


def language(text: str, words: Sequence[str]) -> str:
    """The language of a text whose case folded words are given; its script where the language is not clear.

    Among languages in Latin letters the one with most of the small words that every sentence needs, when there are
    at least three of them and half as many again as of any other.
    """
    found = script(text)
    if found != "Latin":
        return found
    counts = Counter(filter(None, map(_OF_WORD.get, words)))
    by_language: dict[str, int] = {}
    for languages, times in counts.items():
        for one in languages:
            by_language[one] = by_language.get(one, 0) + times
    first, second, *_ = *sorted(by_language.values(), reverse=True), 0, 0
    if first < _LEAST_WORDS or first < second * 1.5:
        return "Latin"
    return max(by_language, key=by_language.__getitem__)


def family(name: str) -> str:
    """What texts have in common that may be in one language: Japanese may be written without kana."""
    if name in _SMALL_WORDS:
        return "Latin"
    return "Japanese" if name == "Han" else name
