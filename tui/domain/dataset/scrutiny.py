"""A closer look at a file than the rules of the base model take: near duplicates, odd lengths, odd languages.

It takes seconds where the rules take a part of one, so it comes after them; what it needs of a record is kept by the
record's number in its document, so that after an edit only the edited records are read again.
"""

from __future__ import annotations

import json
import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from tui.domain.base_models import BaseModel
from tui.domain.dataset.checks import OWN_RULE, Problem, Severity
from tui.domain.dataset.grams import Level, Sketches, sketch_of, tokens
from tui.domain.dataset.languages import family, language
from tui.domain.dataset.leaks import answer_of, question_of
from tui.domain.dataset.near_duplicates import near_duplicates
from tui.domain.dataset.repeated_keys import twice
from tui.domain.files.bulk_texts import BATCH, Texts, texts
from tui.domain.files.extra_fields import contexts
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Pairs, Shape
from tui.domain.text import safe_line

_EVERY = 32
"""Records to read before it is asked whether to go on, which lets a key go first."""
_FEW = 8
"""Unread records in a batch up to which they are read one by one."""
_READ = 240
"""Characters of a text by which its language is told."""
_FEWEST = 20
"""Records from which on one can say what is usual in a file."""
_Z = 3.5
_SPREAD = 0.27
"""A median deviation of the logarithm smaller than this counts as this: up to four times as long is never odd."""
_LEAST = math.log(40)
"""Where texts are usually shorter than so many characters, a very short one is nothing odd."""
_MAIN, _ODD = 0.9, 0.05
_ROBUST = "robust z of ln length, Iglewicz and Hoaglin 1993"
_LLAMA_SAMPLES = "aws-samples dataset validation for Llama"
_ONE_BLOCK = re.compile(rb'"system"\s*:\s*\[\s*\{\s*"text"\s*:\s*"(?:[^"\\]|\\.)*+"\s*\}\s*\]')
"""The usual list, told without reading the record."""
_BROADER = "Jaccard of word or character n-grams, Broder 1997"
_PARTS = ("question", "answer")


class Traits:
    """What is remembered of the records of one document."""

    def __init__(self) -> None:
        self.questions = Sketches()
        self.whole = array("q")
        self.lengths = (array("L"), array("L"))
        self._names: list[str] = [""]
        self._languages = (bytearray(), bytearray())
        self._slots: dict[int, int] = {}
        self._first = 0

    def slot(self, number: int) -> int | None:
        """Where the record of that number stands here; None when it was not read yet."""
        return number if 0 <= number < self._first else self._slots.get(number)

    def add(self, number: int, record: Record | Damaged | Texts) -> int:
        """Read a record that was not read yet."""
        slot = len(self.whole)
        if isinstance(record, tuple):
            texts, whole = record[:2], hash(record)
        else:
            texts = (question_of(record), answer_of(record))
            whole = hash(record)
            if isinstance(record, Record) and record.is_pair:
                whole = hash((*texts, record.system))  # as it is read in batches
        self.whole.append(whole)
        for part, text in enumerate(texts):
            found = tokens(text if not part else text[:_READ])
            if not part:
                self.questions.add(sketch_of(text, found))
            self.lengths[part].append(len(text.strip()))
            self._languages[part].append(self._code(language(text[:_READ], found)))
        # The file's own records come first and in order: they need no entry each.
        if number == slot == self._first:
            self._first += 1
        else:
            self._slots[number] = slot
        return slot

    def _code(self, name: str) -> int:
        if name not in self._names:
            if len(self._names) == 255:
                return 0
            self._names.append(name)
        return self._names.index(name)

    def language(self, part: int, slot: int) -> str:
        """The language of a question (0) or an answer (1)."""
        return self._names[self._languages[part][slot]]


def look_closer(
    pairs: Pairs,
    model: BaseModel,
    traits: Traits | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Problem]:
    """What is odd in a file, by record; not all when told to stop. `traits` are those of an earlier look."""
    traits = traits if traits is not None else Traits()
    slots = _read(pairs, traits, should_stop)
    if len(slots) < len(pairs):
        return []
    found = [*_encoding(pairs, model), *_twice(pairs, should_stop), *_apart(pairs, should_stop)]
    found += _line_ends(pairs, model, should_stop)
    found += _system_blocks(pairs, model, should_stop)
    for one in (_repeated(pairs, traits, slots, should_stop), _lengths(pairs, traits, slots)):
        found += one
    found += _languages(pairs, traits, slots)
    return [] if should_stop() else sorted(found, key=lambda p: -1 if p.index is None else p.index)


def _read(pairs: Pairs, traits: Traits, should_stop: Callable[[], bool]) -> array[int]:
    """Where each record stands in the traits; fewer than there are when told to stop."""
    numbers: Sequence[int] = getattr(pairs, "numbers", None) or range(len(pairs))
    slots: array[int] = array("q")
    for start in range(0, len(pairs), BATCH):
        if should_stop():
            return slots
        known = [traits.slot(number) for number in numbers[start : start + BATCH]]
        new = known.count(None)
        batch = texts(pairs, start, start + BATCH) if new > _FEW else [None] * len(known)
        for at, slot in enumerate(known, start):
            if new and at % _EVERY == 0 and should_stop():
                return slots
            if slot is None:
                slot = traits.slot(numbers[at])  # the same record may stand further up too
            slots.append(traits.add(numbers[at], batch[at - start] or pairs.read(at)) if slot is None else slot)
    return slots


def _encoding(pairs: Pairs, model: BaseModel) -> Iterator[Problem]:
    if pairs.shape is Shape.JSONL and pairs.layout == model.data_format:
        for note in pairs.notes:
            text = f"{note}; AWS reads UTF-8 without a byte order mark, as files are converted here"
            yield Problem("encoding", Severity.WARNING, text, "file", source="RFC 8259, section 8.1")


def _line_ends(pairs: Pairs, model: BaseModel, should_stop: Callable[[], bool]) -> Iterator[Problem]:
    """White space of JSON that many readers of lines, AWS's validator among them, take for the end of one."""
    if pairs.shape is not Shape.JSONL or pairs.layout != model.data_format:
        return
    for start in range(0, len(pairs), BATCH):
        if should_stop():
            return
        for index, body in enumerate(pairs.bodies(start, start + BATCH), start):
            if b"\r" in body[:-1]:  # the last one belongs to the line's own end
                text = "a carriage return stands inside the line: other readers see two lines, and no JSON in either"
                yield _problem(pairs, index, "line end", "record", text, "JSON Lines, section 3")


def _system_blocks(pairs: Pairs, model: BaseModel, should_stop: Callable[[], bool]) -> Iterator[Problem]:
    if not model.one_system_block or pairs.layout != model.data_format:
        return
    for start in range(0, len(pairs), BATCH):
        if should_stop():
            return
        for index, body in enumerate(pairs.bodies(start, start + BATCH), start):
            if b'"system"' in body and not _ONE_BLOCK.search(body) and isinstance(pairs.read(index), Record):
                blocks = json.loads(body).get("system", [0])
                if blocks is None or len(blocks) > 1:
                    held = "is null" if blocks is None else f"holds {len(blocks)} blocks"
                    text = f"system {held}, {model.name} takes one; converting makes it so"
                    yield _problem(pairs, index, "system blocks", "system", text, _LLAMA_SAMPLES)


def _twice(pairs: Pairs, should_stop: Callable[[], bool]) -> Iterator[Problem]:
    for index, key in twice(pairs, should_stop):
        text = f"{safe_line(key, 40)} stands more than once in the record: the last one counts, E shows both"
        yield _problem(pairs, index, "key twice", safe_line(key, 40), text, "RFC 8259, section 4")


def _apart(pairs: Pairs, should_stop: Callable[[], bool]) -> Iterator[Problem]:
    for index, key in contexts(pairs, should_stop):
        text = f"{safe_line(key, 40)} holds a part of the question that no model would see: only its own text is sent"
        yield _problem(pairs, index, "context apart", safe_line(key, 40), text, OWN_RULE)


def _repeated(pairs: Pairs, traits: Traits, slots: array[int], should_stop: Callable[[], bool]) -> Iterator[Problem]:
    first: dict[int, int] = {}
    again: set[int] = set()
    for at, slot in enumerate(slots):
        whole = traits.whole[slot]
        if first.setdefault(whole, at) != at:
            again.add(at)
            yield _problem(
                pairs, at, "duplicate", "record", f"the same stands in {_place(pairs, first[whole])}", OWN_RULE
            )
    for at, (other, likeness) in near_duplicates(traits.questions, slots, should_stop).items():
        if at not in again:
            what = "the same question" if likeness.level is not Level.SIMILAR else "nearly the same question"
            text = f"{what} stands in {_place(pairs, other)} ({likeness.text})"
            yield _problem(pairs, at, "near duplicate", "question", text, _BROADER)


def _place(pairs: Pairs, index: int) -> str:
    return f"record {index + 1}, line {pairs.line(index)}"


def _lengths(pairs: Pairs, traits: Traits, slots: array[int]) -> Iterator[Problem]:
    """Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993): 0.6745 (x - median) / MAD, beyond 3.5."""
    for part, name in enumerate(_PARTS):
        lengths = [traits.lengths[part][slot] for slot in slots]
        logs = [math.log(length) for length in lengths if length]
        if len(logs) < _FEWEST:
            continue
        middle = median(logs)
        spread = max(median(abs(x - middle) for x in logs), _SPREAD)
        low, high = (math.exp(middle + sign * _Z * spread / 0.6745) for sign in (-1, 1))
        usual = f"{math.exp(middle):,.0f}"
        for at, length in enumerate(lengths):
            if length and not low <= length <= high:
                z = 0.6745 * (math.log(length) - middle) / spread
                if z < 0 and middle < _LEAST:
                    continue
                rule = "very short" if z < 0 else "very long"
                text = f"{length:,} characters, the median is {usual} (z {z:+.1f}, odd beyond ±{_Z})"
                yield _problem(pairs, at, rule, name, text, _ROBUST)


def median(values: Iterable[float]) -> float:
    """As that of `statistics`, whose import takes longer than a look at many a file."""
    ranked = sorted(values)
    middle = len(ranked) // 2
    return ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def _languages(pairs: Pairs, traits: Traits, slots: array[int]) -> Iterator[Problem]:
    """Records in a script or language that hardly any other record of a file in one script or language has."""
    for part, name in enumerate(_PARTS):
        told = [traits.language(part, slot) for slot in slots]
        main, odd = _odd(Counter(family(one) for one in told if one))
        text = "reads as {}; {} % of the {}s are {}"
        clear, strange = _odd(Counter(one for one in told if one and one != family(one)))
        counts = Counter(told)
        for at, one in enumerate(told):
            if family(one) in odd:
                share = sum(n for other, n in counts.items() if family(other) == main) * 100 // (len(told) - counts[""])
                said = text.format(one, share, name, clear if family(clear) == main and not strange else main)
            elif one in strange:
                share = counts[clear] * 100 // sum(n for other, n in counts.items() if other != family(other))
                said = text.format(one, share, name, clear)
            else:
                continue
            yield _problem(pairs, at, "language", name, said, "scripts of Unicode, small words of the languages")


def _odd(counts: Counter[str]) -> tuple[str, set[str]]:
    """The one that nearly all have, and those that hardly any has; none when there is no such one."""
    known = counts.total()
    if known < _FEWEST:
        return "", set()
    main, often = counts.most_common(1)[0]
    if often < known * _MAIN:
        return main, set()
    return main, {one for one, number in counts.items() if one != main and number <= known * _ODD}


def _problem(pairs: Pairs, at: int, rule: str, field: str, message: str, source: str) -> Problem:
    return Problem(rule, Severity.WARNING, message, field, at, pairs.line(at), source)


def merged(*parts: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems of several looks in the order of the records; what one look says the later ones need not repeat."""
    found: list[Problem] = []
    repeats: set[int | None] = set()
    for part in parts:
        new = [p for p in part if p.rule not in _REPEATS or p.index not in repeats]
        repeats |= {p.index for p in new if p.rule in _REPEATS}
        found += new
    return tuple(sorted(found, key=lambda p: (-1 if p.index is None else p.index, p.severity)))


_REPEATS = ("duplicate", "two answers", "near duplicate")
