"""Texts made comparable for a search: compatible forms (NFKC) and cases become one.

To normalise 36 MB of Japanese takes seconds, and hardly a text needs it: a word can only come about by folding where
one of the few characters stands that fold to one of its own. `Folding` looks for these first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

_FOLDING = (range(0x80, 0x3400), range(0xA640, 0xAC00), range(0xD7B0, 0xD800), range(0xF900, 0x10000))
"""Where characters of the basic plane stand that fold to others; between are ideographs, syllables, surrogates."""
_BEYOND = "\U00010000-\U0001f2ff\U0001fb00-\U0001fbff\U0002f800-\U0002fa1f"
"""Beyond it: letters with cases, mathematical and enclosed ones, compatible ideographs; emoji are not among them."""
_PARTS = 4
"""Characters of a text at most that folding makes one of, the marks behind a letter among them."""
_SPARSE = 32
"""Where more than one letter in so many has another form, the whole text is folded sooner than what is round them."""
_JAMO = "\u1160-\u11ff"
"""Vowels and ends of Hangul syllables join the letter before them without being marks."""


def fold(text: str) -> str:
    """Text for comparing: compatible forms and cases made one."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def folded(text: str) -> str:
    """`fold` with all white space as single blanks, so that a phrase is found across a line's end."""
    return " ".join(fold(text).split())


class Folding:
    """`fold`, as far as it matters to certain folded words: what it gives holds the same of them.

    Where a word has a blank, white space is made single blanks too, as by `folded`.
    """

    def __init__(self, words: Iterable[str]) -> None:
        words = tuple(words)
        letters = frozenset("".join(words))
        self._phrases = " " in letters
        self._cased = any("a" <= letter <= "z" for letter in letters)
        self._other_forms = _forms_of(letters)
        self._reach = _PARTS * max(map(len, words), default=0) + _PARTS

    def __call__(self, text: str) -> str:
        """The text for comparing with the words."""
        made = self.letters(text)
        return " ".join(made.split()) if self._phrases else made

    def letters(self, text: str) -> str:
        """The same with white space as it is."""
        if text.isascii():
            return text.lower()
        if self.has_other_forms(text):
            return fold(text)
        return _lower(text) if self._cased else text

    def traces(self, text: str) -> str:
        """A text in which each word stands that `letters` shows in this one; others may stand there too.

        Only what is near a letter with another form is folded: of a whole file that takes ten times as long.
        """
        if text.isascii():
            return text.lower()
        small = _lower(text) if self._cased else text
        ends = list(self._near_forms(text))
        return "\n".join([small, *(fold(text[start:end]) for start, end in ends)])

    def _near_forms(self, text: str) -> Iterator[tuple[int, int]]:
        """The stretches as far as a word reaches round letters with other forms; where they overlap they are one.

        Between them nothing comes about by folding: a mark that joins what is before it is itself such a letter.
        """
        start, end = 0, -1
        for number, match in enumerate(self._other_forms.finditer(text)):
            if number * _SPARSE > len(text):
                yield 0, len(text)
                return
            if match.start() - self._reach > end:
                if end >= 0:
                    yield start, end
                start = max(0, match.start() - self._reach)
            end = match.end() + self._reach
        if end >= 0:
            yield start, end

    def has_other_forms(self, text: str) -> bool:
        """Whether more may have to be done to the text than to make the letters of ASCII small."""
        return self._other_forms.search(text) is not None


def _lower(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


@cache
def _forms() -> tuple[Mapping[str, str], str]:
    """What each character that folds to others folds to; those that join the character before them."""
    made: dict[str, str] = {}
    second: set[str] = set()
    for letter in _all_letters():
        single = fold(letter)
        if single != letter or unicodedata.combining(letter):
            made[letter] = single
        parts = unicodedata.decomposition(letter).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second.add(chr(int(parts[1], 16)))
    joining = {letter for letter, single in made.items() if unicodedata.combining(single[0]) or single[0] in second}
    return made, "".join(sorted(joining | second))


def _all_letters() -> Iterator[str]:
    return (chr(code) for codes in _FOLDING for code in codes)


@lru_cache(8)
def _forms_of(letters: frozenset[str]) -> re.Pattern[str]:
    """Finds each character of which one of these letters may come, other than itself and, of ASCII, its capital."""
    made, joining = _forms()
    forms = [letter for letter, single in made.items() if not letters.isdisjoint(single)]
    return re.compile(f"[{''.join(map(re.escape, forms))}{re.escape(joining)}{_JAMO}{_BEYOND}]")
