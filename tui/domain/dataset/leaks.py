"""Leakage: the same or nearly the same question or answer in two files that must not share any.

What a model is judged by must not stand in what it was trained on, whole or in parts. The smaller file is indexed
by its grams and the larger one streamed past it. A pair of texts can only reach a threshold when it shares one of
the rarest grams of either (prefix filtering; Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity
joins in data cleaning", 2006), so hardly any two texts are compared at all.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from math import ceil
from typing import Protocol, cast

from tui.domain.dataset.grams import USUAL, Alike, Level, Sketch, Sketches, Thresholds, compare, judged, measure, sketch
from tui.domain.files.bulk_texts import BATCH, Texts, texts
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Pairs
from tui.domain.values import dataclass

__all__ = ["Alike", "Leak", "Level", "Near", "Part", "Thresholds", "contained", "leaks", "nearest"]

_SAMPLE = 2000
_COMMON, _HELD = 0.05, 50
"""Grams in more than this part of a large file, and in more than this many texts of the smaller one, are its style."""
_MOST = 100
"""Texts alike to one question of which the later ones are not looked for; the same text is always found."""
_EQUAL = 100_000
"""Pairings of the same text from which on another copy is told of one of its copies, no more: files that share one
instruction throughout would come to as many as their records multiplied."""
_FEWEST_ANSWER_GRAMS = 5
"""Shorter answers ("Yes.") stand in many pairs by right."""
ANSWERS = Thresholds(containment=1.0, jaccard=0.9)
"""For answers to different questions: they may share what is to be learned, but not be copies."""
_EPSILON = 1e-9


def _never() -> bool:
    return False


class Part(StrEnum):
    """What of a record is compared."""

    QUESTION = "question"
    ANSWER = "answer"


Anything = Record | Damaged | Texts
Found = tuple[int, Alike | None, Alike | None]


class Records(Protocol):
    """A file of pairs, or a list of records."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Record | Damaged]: ...


@dataclass(frozen=True, slots=True)
class Leak:
    """Record `one` of the first file and `other` of the second are alike in the question, the answer or both."""

    one: int
    other: int
    question: Alike | None
    answer: Alike | None

    @property
    def text(self) -> str:
        """`question: containment 1.00, Jaccard 0.45; answer: the same text`."""
        parts = ((Part.QUESTION, self.question), (Part.ANSWER, self.answer))
        return "; ".join(f"{part}: {alike.text}" for part, alike in parts if alike)

    @property
    def rank(self) -> tuple[float, float]:
        """For sorting the gravest first: by containment, then by Jaccard, of the more alike of question and answer."""
        found = [(-a.containment, -a.jaccard) for a in (self.question, self.answer) if a]
        return min(found)


@dataclass(frozen=True, slots=True)
class Near:
    """A record near to a text, from 0, and how near."""

    index: int
    alike: Alike


def question_of(record: Record | Damaged | Texts) -> str:
    """What is compared as the question: all that the user says."""
    if isinstance(record, tuple):
        return record[0]
    if isinstance(record, Damaged):
        return ""
    return record.question if record.is_pair else "\n".join(t.text for t in record.turns if t.role == "user")


def answer_of(record: Record | Damaged | Texts) -> str:
    """What is compared as the answer: all that the assistant says."""
    if isinstance(record, tuple):
        return record[1]
    if isinstance(record, Damaged):
        return ""
    return record.answer if record.is_pair else "\n".join(t.text for t in record.turns if t.role == "assistant")


class Index:
    """Texts that others are compared with.

    `sample` holds some of those others: what is common among them is no use for finding candidates.
    """

    def __init__(self, texts: Iterable[Sketch], thresholds: Thresholds, sample: Sequence[Sketch] = ()) -> None:
        self._thresholds = thresholds
        self._texts = list(texts)
        self._grams = [frozenset(text.grams) for text in self._texts]
        self._found = [0] * len(self._texts)
        self._same: dict[int, list[int]] = {}
        self._asked: Counter[int] = Counter()
        self._equal = 0
        self._all: dict[int, list[int]] = {}
        for number, text in enumerate(self._texts):
            if not text.empty:
                self._same.setdefault(text.plain, []).append(number)
            for gram in self._grams[number]:
                self._all.setdefault(gram, []).append(number)
        self._known = frozenset(self._all)
        self._smallest = min((len(grams) for grams in self._grams if grams), default=0)
        counted = Counter(gram for text in sample for gram in set(text.grams) if gram in self._known)
        # Rarest first, and one order for all: that is what prefix filtering rests on.
        self._order = {g: (counted[g] + len(held), g) for g, held in self._all.items()}
        self._common = _common(counted, self._all, len(sample))
        self._heads: dict[int, list[int]] = {}
        least = min(thresholds.containment, thresholds.jaccard)
        for number, grams in enumerate(self._grams):
            for gram in heapq.nsmallest(_prefix(len(grams), least), grams, key=self._order.__getitem__):
                if gram not in self._common:
                    self._heads.setdefault(gram, []).append(number)

    def alike(self, text: Sketch) -> list[tuple[int, Alike]]:
        """The texts like this one, by number."""
        if text.empty:
            return []
        same = self._same.get(text.plain, ())
        found = [(number, measure(self._texts[number], text)) for number in self._told(text.plain, same)]
        grams = frozenset(text.grams)
        for number in self._candidates(grams).difference(same):
            alike = judged(self._texts[number], text, self._grams[number], grams, self._thresholds)
            if alike is not None:
                found.append((number, alike))
                self._found[number] += 1
                if self._found[number] == _MOST:
                    self._forget(number)
        return found

    def _told(self, plain: int, same: Sequence[int]) -> Sequence[int]:
        """Which of the same texts to tell of: all of them while they are few, and each at least once."""
        if len(same) < 2:
            return same
        before = self._asked[plain]
        self._asked[plain] += 1
        if before and self._equal + len(same) > _EQUAL:
            at = before % len(same)
            same = same[at : at + 1]
        self._equal += len(same)
        return same

    def _candidates(self, grams: frozenset[int]) -> set[int]:
        found: set[int] = set()
        known = grams & self._known
        size, shared = len(grams), len(known)
        contained, similar = self._thresholds.containment, self._thresholds.jaccard
        # No text of more grams than this can share enough, unless this one can stand in it.
        largest = max(shared / contained, shared / similar + shared - size) + _EPSILON
        inside = shared >= size * contained - _EPSILON
        if not known or (self._smallest > largest and not inside):
            return found
        for gram in known:
            found.update(self._heads.get(gram, ()))
        # A text that is shorter than what it stands in need not share that one's rarest grams, but its own.
        # Grams that stand nowhere here are the rarest of all.
        head = _prefix(size, contained) - (size - shared)
        if inside and head > 0:
            for gram in heapq.nsmallest(head, known, key=self._order.__getitem__):
                if gram not in self._common:
                    found.update(self._all[gram])
        return found

    def _forget(self, number: int) -> None:
        for gram in self._grams[number]:
            self._all[gram].remove(number)
            if number in self._heads.get(gram, ()):
                self._heads[gram].remove(number)


def _prefix(size: int, least: float) -> int:
    """How many of the rarest of `size` grams two texts must share one of, to share the part `least` of them."""
    return max(0, min(size, size - ceil(size * least - _EPSILON) + 1))


def _common(counted: Counter[int], held: Mapping[int, Sequence[int]], sample: int) -> frozenset[int]:
    """Grams of a large file's template: two texts that share nothing rarer are no copies of one another."""
    if sample < _SAMPLE:
        return frozenset()
    return frozenset(g for g, often in counted.items() if often > sample * _COMMON and len(held[g]) > _HELD)


class Finder:
    """The records of one file, to be asked which of them the records of another are alike to."""

    def __init__(self, records: Iterable[Anything], thresholds: Thresholds, sample: Iterable[Anything] = ()) -> None:
        mine = [(sketched(r, Part.QUESTION), sketched(r, Part.ANSWER)) for r in records]
        others = [(sketched(r, Part.QUESTION), sketched(r, Part.ANSWER)) for r in sample]
        self._questions, self._answers = (
            Index((m[part] for m in mine), limits, [o[part] for o in others])
            for part, limits in ((0, thresholds), (1, ANSWERS))
        )

    def alike(self, record: Anything) -> list[Found]:
        """Which records are like this one, and how alike question and answer are."""
        asked = dict(self._questions.alike(sketched(record, Part.QUESTION)))
        answered = dict(self._answers.alike(sketched(record, Part.ANSWER)))
        return [(n, asked.get(n), answered.get(n)) for n in sorted(asked.keys() | answered.keys())]


class Watch:
    """Leaks between two documents, kept from look to look: only what is new in the larger one is read again."""

    def __init__(self, thresholds: Thresholds = USUAL) -> None:
        self.thresholds = thresholds
        self._small: Sequence[int] | None = None
        self._finder: Finder | None = None
        self._found: dict[int, list[Found]] = {}
        self._seen: set[int] = set()

    def look(self, small: Records, large: Records, should_stop: Callable[[], bool] = _never) -> list[Leak]:
        """What stands in both, `one` in the smaller, the gravest first; not all when told to stop."""
        mine = _numbers(small)
        if self._finder is None or mine != self._small:
            sample = each(large, 0, _SAMPLE)
            self._finder = Finder(each(small, 0, len(small)), self.thresholds, sample)
            self._small, self._found, self._seen = mine, {}, set()
        numbers = _numbers(large)
        for start in range(0, len(numbers), BATCH):
            if should_stop():
                break
            part = numbers[start : start + BATCH]
            if not self._seen.issuperset(part):
                self._take(part, each(large, start, start + BATCH))
        leaks = [
            Leak(one, other, question, answer)
            for other, number in enumerate(numbers)
            if number in self._found
            for one, question, answer in self._found[number]
        ]
        return sorted(leaks, key=lambda leak: (*leak.rank, leak.one, leak.other))

    def _take(self, numbers: Sequence[int], records: Sequence[Anything]) -> None:
        assert self._finder is not None
        for number, record in zip(numbers, records, strict=True):
            if number not in self._seen:
                self._seen.add(number)
                if found := self._finder.alike(record):
                    self._found[number] = found


def _numbers(records: Records) -> Sequence[int]:
    """What the records are called in their document, whatever is edited around them; else their places."""
    numbers: Sequence[int] | None = getattr(records, "numbers", None)
    return range(len(records)) if numbers is None else numbers


def each(records: Records, start: int, stop: int) -> list[Anything]:
    """Some of the records, in the quickest way there is."""
    stop = min(stop, len(records))
    if isinstance(records, list | tuple):
        return list(records[start:stop])
    file = cast("Pairs", records)
    return [found or file.read(at) for at, found in enumerate(texts(file, start, stop), start)]


def leaks(
    one: Records,
    other: Records,
    thresholds: Thresholds = USUAL,
    should_stop: Callable[[], bool] = _never,
) -> list[Leak]:
    """What stands in both files, the gravest first; not all when told to stop.

    Questions count by themselves, answers when they have some length.
    """
    if len(one) <= len(other):
        return Watch(thresholds).look(one, other, should_stop)
    found = (replace(k, one=k.other, other=k.one) for k in Watch(thresholds).look(other, one, should_stop))
    return sorted(found, key=lambda leak: (*leak.rank, leak.one, leak.other))


_NOTHING = Sketch(0, 0, ())


def sketched(record: Anything, part: Part) -> Sketch:
    """The question, or the answer if it is long enough to tell anything."""
    if part is Part.QUESTION:
        return sketch(question_of(record))
    found = sketch(answer_of(record))
    return found if len(found.grams) >= _FEWEST_ANSWER_GRAMS else _NOTHING


def _questions(pairs: Iterable[Record | Damaged] | Sketches) -> Iterable[Sketch]:
    return pairs if isinstance(pairs, Sketches) else (sketched(record, Part.QUESTION) for record in pairs)


def nearest(question: str, pairs: Iterable[Record | Damaged] | Sketches, n: int = 3) -> list[Near]:
    """The `n` records whose questions are nearest to this one, nearest first; those that share nothing are left out.

    By containment times Jaccard: a question of three words would else be nearest to everything. Blocking: a tenth of
    a second for 100,000 `Sketches`, some seconds for as many records.
    """
    asked = sketch(question)
    grams = set(asked.grams)
    found = (
        Near(index, measure(asked, text))
        for index, text in enumerate(_questions(pairs))
        if not grams.isdisjoint(text.grams) or (text.plain == asked.plain and grams)
    )
    return heapq.nsmallest(n, found, key=lambda near: (-near.alike.containment * near.alike.jaccard, near.index))


def contained(
    question: str, pairs: Iterable[Record | Damaged] | Sketches, thresholds: Thresholds = USUAL
) -> list[Near]:
    """The records whose questions are alike by the thresholds, so that asking it shows no learning; gravest first."""
    asked = sketch(question)
    found = (
        Near(index, alike)
        for index, text in enumerate(_questions(pairs))
        if (alike := compare(asked, text, thresholds)) is not None
    )
    return sorted(found, key=lambda near: (-near.alike.containment, -near.alike.jaccard, near.index))
