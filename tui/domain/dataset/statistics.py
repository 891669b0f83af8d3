"""What a file of pairs is made of: how many, how long, in which scripts, and which records stand out."""

from __future__ import annotations

import math
from array import array
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from enum import StrEnum

from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged
from tui.domain.tokens import Counter, Script, script_of
from tui.domain.values import dataclass


class Measure(StrEnum):
    """What of a record is measured."""

    QUESTION = "question"
    ANSWER = "answer"
    TOKENS = "tokens"


UNITS = {Measure.QUESTION: "characters", Measure.ANSWER: "characters", Measure.TOKENS: "tokens"}


@dataclass(frozen=True, slots=True)
class Bins:
    """A histogram: bin `i` holds values from `i * width` up to below `(i + 1) * width`; the last one all above too."""

    width: int
    counts: tuple[int, ...]
    open_end: bool

    def label(self, number: int) -> str:
        """`40–59`, or `200–` for the open end."""
        low = number * self.width
        if self.open_end and number == len(self.counts) - 1:
            return f"{low:,}–"
        return f"{low:,}" if self.width == 1 else f"{low:,}–{low + self.width - 1:,}"


def bins(values: Sequence[int], most: int) -> Bins:
    """At most `most` bins of a round width for values from 0; a long tail of less than 1 % shares the last one."""
    if not values:
        return Bins(1, (), False)
    ordered = sorted(values)
    longest, nearly = ordered[-1], quantile(ordered, 0.99)
    open_end = longest > 2 * nearly and longest >= most
    top = nearly if open_end else longest
    width = _round_up((top + 1) / max(1, most - open_end))
    return filled(ordered, Bins(width, (0,) * (top // width + 1 + open_end), open_end))


def filled(values: Sequence[int], like: Bins) -> Bins:
    """Other values in the same bins, so that two histograms can be laid beside each other."""
    last = len(like.counts) - 1
    found = [0] * (last + 1)
    for value in values:
        found[min(value // like.width, last)] += 1
    return Bins(like.width, tuple(found), like.open_end)


def _round_up(value: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    if value <= 1:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return next(int(step * power) for step in (1, 2, 5, 10) if step * power >= value)


def quantile(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least this share of the ordered values does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0


@dataclass(frozen=True, slots=True)
class Lengths:
    """One measure of all records that can be read. Records are named by their index in the file."""

    values: array[int]
    total: int
    median: int
    most: int
    """95 % of the values do not exceed it."""
    shortest: int | None
    longest: int | None

    @property
    def mean(self) -> float:
        """0 for no records."""
        return self.total / len(self.values) if self.values else 0.0


@dataclass(frozen=True, slots=True)
class FileStatistics:
    """All that is told of one file. `tokens` are those of one epoch, with the system prompts."""

    records: int
    unreadable: int
    conversations: int
    own_systems: int
    """Records with a system prompt of their own, and how many different ones there are."""
    different_systems: int
    tokens: int
    lengths: Mapping[Measure, Lengths]
    questions: Mapping[Script, int]
    answers: Mapping[Script, int]
    mixed: int
    """Records whose question and answer are in different scripts."""

    def extremes(self) -> list[tuple[str, Measure, int, int]]:
        """What it is, the measure, the record's index and its value: longest first, then shortest."""
        found = []
        for name in ("longest", "shortest"):
            for measure in (Measure.ANSWER, Measure.QUESTION, Measure.TOKENS):
                lengths = self.lengths[measure]
                index = lengths.longest if name == "longest" else lengths.shortest
                if index is not None:
                    value = max(lengths.values) if name == "longest" else min(lengths.values)
                    found.append((name, measure, index, value))
        return found


class Gatherer:
    """Takes record after record, so that whoever reads a large file can rest in between."""

    def __init__(self, counter: Counter, system: str = "") -> None:
        """`system` is counted where a record has no system prompt of its own."""
        self._counter = counter
        self._system = counter.count(system) if system.strip() else 0.0
        self._places = array("Q")
        self._values = {measure: array("Q") for measure in Measure}
        self._questions: Tally[Script] = Tally()
        self._answers: Tally[Script] = Tally()
        self._systems: Tally[str] = Tally()
        self._unreadable = self._conversations = self._mixed = self._records = 0
        self._tokens = 0.0

    def add(self, record: Record | Damaged) -> None:
        """The next record of the file."""
        index, self._records = self._records, self._records + 1
        if isinstance(record, Damaged):
            self._unreadable += 1
            return
        question, answer, count = record.question, record.answer, self._counter.count
        asked, answered = script_of(question), script_of(answer)
        tokens = count(record.system) if record.system else self._system
        if record.is_pair:
            tokens += count(question, asked) + count(answer, answered)
        else:
            tokens += sum(count(turn.text) for turn in record.turns)
            self._conversations += 1
        self._places.append(index)
        self._values[Measure.QUESTION].append(len(question))
        self._values[Measure.ANSWER].append(len(answer))
        self._values[Measure.TOKENS].append(round(tokens))
        self._tokens += tokens
        self._questions[asked] += 1
        self._answers[answered] += 1
        self._mixed += asked is not answered and Script.NONE not in (asked, answered)
        if record.system:
            self._systems[record.system] += 1

    def result(self) -> FileStatistics:
        """What was gathered so far."""
        return FileStatistics(
            records=self._records,
            unreadable=self._unreadable,
            conversations=self._conversations,
            own_systems=sum(self._systems.values()),
            different_systems=len(self._systems),
            tokens=round(self._tokens),
            lengths={measure: self._lengths(values) for measure, values in self._values.items()},
            questions=dict(self._questions.most_common()),
            answers=dict(self._answers.most_common()),
            mixed=self._mixed,
        )

    def _lengths(self, values: array[int]) -> Lengths:
        ordered = sorted(values)
        if not ordered:
            return Lengths(values, 0, 0, 0, None, None)
        low, high = values.index(ordered[0]), values.index(ordered[-1])
        middle, most = quantile(ordered, 0.5), quantile(ordered, 0.95)
        return Lengths(values, sum(ordered), middle, most, self._places[low], self._places[high])


def script_text(scripts: Mapping[Script, int], most: int = 3) -> str:
    """`Japanese 80, Latin 5`, the rest as `2 more`."""
    shown = [f"{script} {number:,}" for script, number in list(scripts.items())[:most]]
    rest = len(scripts) - most
    return ", ".join(shown + ([f"{rest} more"] if rest > 0 else [])) or "none"
