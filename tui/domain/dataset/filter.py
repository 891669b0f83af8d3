"""The filter of a list of pairs: what can be typed, and which records it leaves.

Words and `"phrases in quotes"` stand in question, answer, system prompt or any other turn; `q:`, `a:` and `s:` before
one ask for a place; `tok>200` compares the estimated tokens; `is:` names a set of records; `!` before any of them
turns it round. All terms must hold. Case and compatible forms (NFKC: full and half width) make no difference.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from tui.domain.dataset.folding import Folding, fold
from tui.domain.files.bulk_texts import BATCH, Texts, plain
from tui.domain.files.formats import Record
from tui.domain.files.layouts import Columns
from tui.domain.files.pairs import Damaged, Pairs
from tui.domain.values import dataclass

SETS = {
    "problem": "records with an error or a warning",
    "error": "records that the base model's rules refuse",
    "warning": "records worth a look",
    "dup": "the same question again",
    "leak": "records that stand in another open file too",
    "marked": "marked records",
    "edited": "records written here since the file was opened",
}
"""What `is:` knows."""
FROM_CHECKS = frozenset({"problem", "error", "warning", "dup", "leak"})
# Not made into expressions before somebody searches: that takes longer than most modules do.
_WORD = r'(?i)(?P<no>!*)(?:(?P<place>[qas]):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))'
_TOKENS = r"(?i)tok(?:ens)?(?P<how><=|>=|<|>|=)(?P<number>.*)"
_NUMBER = r"\d{1,3}(?:,\d{3}){1,3}|\d{1,9}"
_COMPARED: Mapping[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_NOT_AS_WRITTEN = re.compile(r'[\s"\\/\x00-\x1f\x7f]+')
"""What JSON or a table may write in another way than as itself."""
_PAIR = "[\ud800-\udbff][\udc00-\udfff]"
_PIECE = 1 << 15
"""Bytes to make small at a time: the memory for more would come from the system and go back to it each time, which
takes as long again."""


@dataclass(frozen=True, slots=True)
class Word:
    """Text that has to stand somewhere; `place` is q, a, s or, for anywhere, nothing. `text` is folded."""

    text: str
    place: str = ""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """A comparison of the estimated tokens."""

    how: str
    number: int
    negated: bool = False

    def holds(self, tokens: int) -> bool:
        """Whether a record of so many tokens is meant."""
        return _COMPARED[self.how](tokens, self.number) != self.negated


@dataclass(frozen=True, slots=True)
class InSet:
    """Membership in one of `SETS`."""

    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed: its terms, all of which must hold, and what of it is not understood."""

    words: tuple[Word, ...] = ()
    tokens: tuple[Tokens, ...] = ()
    sets: tuple[InSet, ...] = ()
    unknown: tuple[str, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.words or self.tokens or self.sets)

    @property
    def shown(self) -> tuple[Word, ...]:
        """The words to be found in the records that it leaves."""
        return tuple(word for word in self.words if not word.negated)

    @property
    def folding(self) -> Folding:
        """How a text is made comparable with the words: white space matters to phrases only."""
        return Folding(word.text for word in self.words)

    def narrows(self, other: Query) -> bool:
        """Whether whatever this one leaves, `other` leaves too; False where that is not seen at once."""
        if self.sets or other.sets or not set(other.tokens) <= set(self.tokens):
            return False
        return all(
            any(
                word == mine
                or (not (word.negated or mine.negated) and word.text in mine.text and word.place in ("", mine.place))
                for mine in self.words
            )
            for word in other.words
        )

    @property
    def of_checks(self) -> bool:
        """Whether it depends on what the checks find."""
        return any(one.name in FROM_CHECKS for one in self.sets)


def parse(text: str) -> Query:
    """The query that was typed. Never fails: what is not understood is told in `unknown` and left out."""
    words: list[Word] = []
    tokens: list[Tokens] = []
    sets: list[InSet] = []
    unknown: list[str] = []
    for match in re.finditer(_WORD, unicodedata.normalize("NFKC", text)):
        negated = len(match["no"]) % 2 == 1
        place = (match["place"] or "").lower()
        word = match["phrase"] if match["word"] is None else match["word"]
        if match["word"] is None or place:
            if fold(word).strip():
                words.append(Word(" ".join(fold(word).split()), place, negated))
            continue
        term = _term(word, negated, unknown)
        match term:
            case Word():
                words.append(term)
            case Tokens():
                tokens.append(term)
            case InSet():
                sets.append(term)
    return Query(tuple(words), tuple(tokens), tuple(sets), tuple(unknown))


def _term(word: str, negated: bool, unknown: list[str]) -> Word | Tokens | InSet | None:
    """What a word without quotes and place means; None when it is not complete or not known."""
    lower = word.lower()
    if lower in ("q:", "a:", "s:"):
        unknown.append(f"{word}? wants a word")
        return None
    compared = re.fullmatch(_TOKENS, word)
    if compared:
        if re.fullmatch(_NUMBER, compared["number"]):
            return Tokens(compared["how"], int(compared["number"].replace(",", "")), negated)
        unknown.append(f"{word}? wants a number")
        return None
    if lower.startswith("is:"):
        if lower[3:] in SETS:
            return InSet(lower[3:], negated)
        unknown.append(f"{word}? is: takes {' '.join(SETS)}")
        return None
    return Word(fold(word), "", negated) if fold(word).strip() else None


def matches(pairs: Pairs, query: Query, named: Mapping[str, Collection[int]]) -> Iterator[tuple[int, list[int]]]:
    """Up to which record was looked, and which of the last batch the query leaves.

    `named` holds the records of each set that the query asks for, by its name in `SETS`.
    """
    wanted = [named.get(one.name, ()) for one in query.sets if not one.negated]
    unwanted = [named.get(one.name, ()) for one in query.sets if one.negated]
    may_hold = prefilter(query, table=isinstance(pairs.layout, Columns))
    folding = query.folding
    total = len(pairs)
    for start in range(0, total, BATCH):
        stop = min(start + BATCH, total)
        places: Iterable[int] = range(start, stop)
        for chosen in wanted:
            places = [index for index in places if index in chosen]
        for chosen in unwanted:
            places = [index for index in places if index not in chosen]
        if places and (query.words or query.tokens):
            held = may_hold(pairs.stretch(start, stop))
            places = _holding(pairs, query, folding, places) if held else ()
        yield stop, list(places)


def among(pairs: Pairs, query: Query, places: Sequence[int]) -> Iterator[list[int]]:
    """Which of some records a query without sets leaves, batch by batch."""
    folding = query.folding
    return (_holding(pairs, query, folding, places[at : at + BATCH]) for at in range(0, len(places), BATCH))


def _holding(pairs: Pairs, query: Query, folding: Folding, places: Iterable[int]) -> list[int]:
    places = list(places)
    first, last = places[0], places[-1] + 1
    if last - first > BATCH:
        few = [pairs.bodies(index, index + 1)[0] for index in places]
    else:
        bodies = pairs.bodies(first, last)
        few = [bodies[index - first] for index in places] if len(places) < len(bodies) else bodies
    texts = [None] * len(few) if isinstance(pairs.layout, Columns) else plain(few, pairs.layout)
    return [index for index, one in zip(places, texts, strict=True) if _holds(query, folding, pairs, index, one)]


def _holds(query: Query, folding: Folding, pairs: Pairs, index: int, texts: Texts | None) -> bool:
    if texts is None:
        return holds(query, pairs.read(index), folding)
    question, answer, system = texts
    if query.words:
        parts = {"q": folding(question), "a": folding(answer), "s": folding(system) if system else ""}
        if not _all_stand(query.words, parts):
            return False
    return not query.tokens or all(term.holds(estimate(texts)) for term in query.tokens)


def holds(query: Query, record: Record | Damaged, folding: Folding | None = None) -> bool:
    """Whether the words and the tokens of a query hold for a record; of one that cannot be read its text counts.

    `folding` is the query's own, for whoever asks of many records.
    """
    made = folding or query.folding
    if isinstance(record, Damaged):
        return not query.tokens and _all_stand(query.words, {"": made(record.raw)})
    parts = {
        "q": "\n".join(made(t.text) for t in record.turns if t.role == "user"),
        "a": "\n".join(made(t.text) for t in record.turns if t.role == "assistant"),
        "s": made(record.system or ""),
        "": "\n".join(made(t.text) for t in record.turns if t.role not in ("user", "assistant")),
    }
    return _all_stand(query.words, parts) and all(term.holds(record.estimate()) for term in query.tokens)


def _all_stand(words: Sequence[Word], parts: Mapping[str, str]) -> bool:
    for word in words:
        text = word.text
        found = text in parts.get(word.place, "") if word.place else any(text in part for part in parts.values())
        if found == word.negated:
            return False
    return True


def estimate(texts: Texts) -> int:
    """`Record.estimate` of a plain pair."""
    question, answer, system = texts
    if question.isascii() and answer.isascii() and (not system or system.isascii()):
        return len(question) // 3 + len(answer) // 3 + (len(system) // 3 if system else 0)
    return Record.of(question, answer, system).estimate()


def prefilter(query: Query, *, table: bool = False) -> Callable[[bytes], bool]:
    """Tells of a stretch of a file, as bytes, whether any record in it may hold the words; only a no is certain."""
    needles = [needle for word in query.shown if (needle := _needle(word.text))]
    if not needles:
        return lambda _: True
    folding = Folding(needles)
    written = [needle.encode("utf-8", "surrogatepass") for needle in needles]

    def may_hold(data: bytes) -> bool:
        if _stand(written, data):
            return True
        escaped = not table and b"\\" in data and b"\\u" in data  # one byte is found twenty times as fast as two
        if not escaped and data.isascii():
            return False
        text = data.decode("utf-8", "replace")
        if not escaped and not folding.has_other_forms(text):
            return False
        haystack = folding.traces(text)
        if escaped:
            # Beside the text as it is, which counts for damaged records.
            haystack += folding.traces(_unescaped(text))
        return all(needle in haystack for needle in needles)

    return may_hold


def _stand(needles: Sequence[bytes], data: bytes) -> bool:
    """Whether each of these, with small letters, stands in the data whatever the case of its letters is."""
    if all(needle == needle.upper() for needle in needles):
        return all(needle in data for needle in needles)
    missing: Iterable[bytes] = needles
    overlap = max(map(len, needles)) - 1
    for at in range(0, len(data), _PIECE):
        small = data[at : at + _PIECE + overlap].lower()  # of UTF-8 it changes the letters of ASCII only
        missing = [needle for needle in missing if needle not in small]
        if not missing:
            return True
    return False


def _needle(text: str) -> str:
    """The longest part of a word that is written as itself, whatever the file's format."""
    parts = [part for part in _NOT_AS_WRITTEN.split(text) if part]
    longest = max(parts, key=len, default="")
    # A mark that joins the character before it may have joined another one in the file's text, the n of \n for one.
    return "" if not longest or unicodedata.combining(longest[0]) else longest


def _unescaped(text: str) -> str:
    r"""JSON with its \u escapes read and nothing else: Python's raw codec knows these and pairs of backslashes only."""
    try:
        read = text.encode("raw_unicode_escape").decode("raw_unicode_escape")
    except UnicodeDecodeError:  # no JSON
        return ""
    if re.search(_PAIR, read):
        read = read.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return read


def spans(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Where folded words stand in a text as it is written, from its start; where they overlap they are one."""
    wanted = [word for word in words if word]
    if not wanted or not text:
        return []
    haystack, places = _placed(text)
    found = sorted(span for word in wanted for span in _each(haystack, word, places))
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _placed(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and for each of its characters the place of the one in `text` that it comes from."""
    if text.isascii():
        return _blanks(text.lower()), range(len(text) + 1)
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        one = fold(letter)
        letters.append(one)
        places += [place] * len(one)
    return _blanks("".join(letters)), [*places, len(text)]


def _blanks(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").replace("\r", " ")


def _each(haystack: str, word: str, places: Sequence[int]) -> Iterator[tuple[int, int]]:
    at = haystack.find(word)
    while at >= 0:
        yield places[at], places[at + len(word) - 1] + 1
        at = haystack.find(word, at + len(word))
