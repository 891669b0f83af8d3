"""Texts as sets of n-grams, so that copies are found although case, punctuation, spacing or a few words differ.

Containment and resemblance (Jaccard) of shingles: A. Broder, "On the resemblance and containment of documents"
(1997). A gram is two words or, in scripts written without spaces, three characters. Grams are kept as hashes.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache
from itertools import pairwise

from tui.domain.values import dataclass

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
)
_TOKEN = f"[{_SPACELESS}]|[^\\W_{_SPACELESS}]+"
_CHARACTER = f"[{_SPACELESS}]"
_LETTER = f"[^{_SPACELESS}]"
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_WORD_WEIGHT, _CHARACTER_WEIGHT, _GRAM_WEIGHT = 3, 2, 6
_SHORT = 5
"""Texts of fewer grams are contained only when they stand whole in the other: few grams meet by chance."""
_SHORTEST = 2


_expression = cache(re.compile)
"""Made when it is first needed: these take longer than all else of this module's import."""


class Level(StrEnum):
    """How two texts were found to be alike, strictest first."""

    EXACT = "exact"
    NORMALISED = "normalised"
    CONTAINED = "contained"
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which containment or Jaccard on, 0 to 1, two texts count as alike; one of them is enough."""

    containment: float = 0.8
    jaccard: float = 0.6


USUAL = Thresholds()


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike two texts are, both 0 to 1: shared grams by those of the smaller text, and by those of both."""

    level: Level
    containment: float
    jaccard: float

    @property
    def text(self) -> str:
        """`contained 1.00, Jaccard 0.45`; `the same but for case, punctuation and space`."""
        match self.level:
            case Level.EXACT:
                return "the same text"
            case Level.NORMALISED:
                return "the same but for case, punctuation and space"
        return f"containment {self.containment:.2f}, Jaccard {self.jaccard:.2f}"


@dataclass(frozen=True, slots=True)
class Sketch:
    """A text for comparing: hashes of the text as it is, of its letters and digits, and of its grams in order."""

    exact: int
    plain: int
    grams: tuple[int, ...]

    @property
    def empty(self) -> bool:
        """Whether the text has no letter and no digit."""
        return not self.grams


def tokens(text: str) -> list[str]:
    """Words, or characters of scripts without spaces, of the NFKC and case folded text; punctuation is dropped."""
    if text.isascii():
        return text.translate(_ASCII).split()
    return _expression(_TOKEN).findall(unicodedata.normalize("NFKC", text).casefold())


def plain(text: str) -> str:
    """Letters and digits only: NFKC, case folded, without punctuation, symbols and spaces."""
    return "".join(tokens(text))


def sketch(text: str) -> Sketch:
    """The text for comparing. Never raises."""
    return sketch_of(text, tokens(text))


def sketch_of(text: str, found: list[str]) -> Sketch:
    """The same, where its tokens are at hand."""
    letters = "".join(found)
    return Sketch(hash(text), hash(letters), tuple(_grams(letters, found)))


def _grams(letters: str, found: list[str]) -> Iterable[int]:
    if len(found) > 1 and (letters.isascii() or not _expression(_CHARACTER).search(letters)):
        return map(hash, pairwise(found))
    if len(letters) == len(found) > 2 and not _expression(_LETTER).search(letters):
        return map(hash, zip(found, found[1:], found[2:], strict=False))
    return _mixed(found)


def _mixed(found: list[str]) -> Iterator[int]:
    """Words and characters in one text: each gram is the shortest run that weighs two words or three characters."""
    weights = [_CHARACTER_WEIGHT if _expression(_CHARACTER).fullmatch(token) else _WORD_WEIGHT for token in found]
    last = -1
    for start in range(len(found)):
        end, weight = start, 0
        while end < len(found) and weight < _GRAM_WEIGHT:
            weight += weights[end]
            end += 1
        if weight >= _GRAM_WEIGHT or last < 0:
            last = end
            yield hash(tuple(found[start:end]))


def compare(one: Sketch, other: Sketch, thresholds: Thresholds = USUAL) -> Alike | None:
    """How alike two texts are; None below both thresholds and for texts without letters."""
    if one.empty or other.empty:
        return None
    return judged(one, other, frozenset(one.grams), frozenset(other.grams), thresholds)


def measure(one: Sketch, other: Sketch) -> Alike:
    """Both figures, whatever they are; the level is CONTAINED when the texts are not the same."""
    if one.plain == other.plain:
        return Alike(Level.EXACT if one.exact == other.exact else Level.NORMALISED, 1.0, 1.0)
    first, second = set(one.grams), set(other.grams)
    shared = len(first & second)
    smaller = min(len(first), len(second))
    both = len(first) + len(second) - shared
    return Alike(Level.CONTAINED, shared / smaller if smaller else 0.0, shared / both if both else 0.0)


def judged(
    one: Sketch, other: Sketch, first: frozenset[int], second: frozenset[int], thresholds: Thresholds
) -> Alike | None:
    """`compare` where the sets of grams are made already."""
    if one.plain == other.plain:
        return measure(one, other)
    shared = len(first & second)
    smaller = min(len(first), len(second))
    containment, jaccard = shared / smaller, shared / (len(first) + len(second) - shared)
    if containment >= thresholds.containment and (
        smaller >= _SHORT or stands_in(*sorted((one.grams, other.grams), key=len))
    ):
        return Alike(Level.CONTAINED, containment, jaccard)
    if jaccard >= thresholds.jaccard and smaller >= _SHORTEST:
        return Alike(Level.SIMILAR, containment, jaccard)
    return None


def stands_in(small: Sequence[int], large: Sequence[int]) -> bool:
    """Whether the grams of one text stand in a row in the other. A text of one gram is too little to tell."""
    if len(small) < _SHORTEST:
        return False
    size, first = len(small), small[0]
    return any(
        large[at] == first and tuple(large[at : at + size]) == tuple(small) for at in range(len(large) - size + 1)
    )


class Sketches(Sequence[Sketch]):
    """Many sketches in little memory: about 90 bytes for a question."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._exact = array("q")
        self._plain = array("q")
        self._ends = array("Q")
        self.grams = array("q")
        for text in texts:
            self.add(sketch(text))

    def add(self, one: Sketch) -> None:
        """One more, at the end."""
        self._exact.append(one.exact)
        self._plain.append(one.plain)
        self.grams.extend(one.grams)
        self._ends.append(len(self.grams))

    def __len__(self) -> int:
        return len(self._ends)

    def size(self, index: int) -> int:
        """How many grams the text has, equal ones counted twice."""
        return self._ends[index] - (self._ends[index - 1] if index else 0)

    def grams_of(self, index: int) -> array[int]:
        """Its grams in order."""
        return self.grams[self._ends[index - 1] if index else 0 : self._ends[index]]

    def plain(self, index: int) -> int:
        """The hash of its letters and digits."""
        return self._plain[index]

    def __getitem__(self, index: int) -> Sketch:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return Sketch(self._exact[index], self._plain[index], tuple(self.grams_of(index)))
