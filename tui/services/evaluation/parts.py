"""The parts of a run: its reins, who scores, and what is still to be asked and judged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection
from typing import Protocol

from tui.domain.evaluation.judging import Comparison, Failure, Judge, Ruling, Score, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.run import Phase, plan
from tui.domain.evaluation.spec import Answer, Question, Slot
from tui.domain.values import dataclass


class Scorer(Protocol):
    """What judges. Each raises AppError: such a judgement has failed, and is no number."""

    async def score(self, question: Question, answer: str) -> tuple[float, str]:
        """The score of an answer, and why."""
        ...

    async def prefer(self, question: Question, first: str, second: str) -> tuple[int | None, str]:
        """0 when the first answer is better, 1 when the second is, None for a tie; and why."""
        ...


class Control:
    """The reins of a run; used on the event loop."""

    def __init__(self) -> None:
        self._going = asyncio.Event()
        self._going.set()
        self.stopped = False
        self.changed = asyncio.Event()

    @property
    def paused(self) -> bool:
        """Whether nothing new is asked."""
        return not self._going.is_set()

    def pause(self) -> None:
        """Ask nothing new; what is under way is finished and stored."""
        if not self.paused:
            self._going.clear()
            self.changed.set()

    def resume(self) -> None:
        """Go on."""
        if self.paused:
            self._going.set()
            self.changed.set()

    def stop(self) -> None:
        """End the run once what is under way is stored."""
        if not self.stopped:
            self.stopped = True
            self._going.set()
            self.changed.set()

    async def going(self) -> bool:
        """Wait while paused; False when the run is to end."""
        await self._going.wait()
        return not self.stopped


@dataclass(frozen=True, slots=True)
class Work:
    """One call: an answer to ask for, a score to ask for, or a ruling with a side first."""

    phase: Phase
    slot: Slot
    ruling: bool = False

    @property
    def part(self) -> str:
        """What the store calls it."""
        return f"{self.slot.side} first" if self.ruling else str(self.slot.side)


@dataclass(slots=True)
class Tally:
    """Counts of one phase. `taken` are those finished by this run, in `seconds` of not being paused."""

    wanted: int
    done: int = 0
    failed: int = 0
    taken: int = 0
    began: float | None = None

    @property
    def left(self) -> int:
        """Still to do by this run."""
        return max(0, self.wanted - self.done - self.failed)


def to_ask(results: Results, *, retry: bool) -> list[Work]:
    """What is not answered and can be asked; what failed before only with `retry`."""
    kept = (Answer,) if retry else (Answer, Failure)
    wanted = [slot for slot in results.spec.slots if results.spec.can_ask(slot.side)]
    return [Work(Phase.ASKING, slot) for slot in wanted if not isinstance(results.answers.get(slot), kept)]


def to_judge(results: Results, answered: Collection[Slot], judge: Judge, tally: Tally, *, retry: bool) -> list[Work]:
    """What is answered and not judged, counted in `tally`; answers that are missing leave their judgements out."""
    kept = (Score,) if retry else (Score, Failure)
    work: list[Work] = []
    for slot in results.spec.slots:
        known = results.scores.get((judge.id, slot))
        if slot not in answered:
            tally.wanted -= 1
        elif isinstance(known, kept):
            tally.done += isinstance(known, Score)
            tally.failed += isinstance(known, Failure)
        else:
            work.append(Work(Phase.JUDGING, slot))
    return work + (_to_compare(results, answered, judge, tally, retry) if judge.compares else [])


def _to_compare(results: Results, answered: Collection[Slot], judge: Judge, tally: Tally, retry: bool) -> list[Work]:
    kept = (Ruling,) if retry else (Ruling, Failure)
    work: list[Work] = []
    for slot in results.spec.slots:
        both = results.comparisons.get((judge.id, slot.question, slot.sample), Comparison())
        known = both.tuned_first if slot.side is Side.TUNED else both.base_first
        if slot not in answered or Slot(slot.question, slot.sample, slot.side.other) not in answered:
            tally.wanted -= 1
        elif isinstance(known, kept):
            tally.done += isinstance(known, Ruling)
            tally.failed += isinstance(known, Failure)
        else:
            work.append(Work(Phase.JUDGING, slot, ruling=True))
    return work


def still_to_judge(results: Results, judge: Judge) -> tuple[int, int, int]:
    """Calls to a judge that are not made yet, and the tokens they read and write at most, roughly."""
    planned = plan(results.spec, judge)
    if not planned.judge_calls or results.judge(judge.id) is None:
        return planned.judge_calls, planned.judge_input_tokens, planned.judge_output_tokens
    answered = {slot for slot, answer in results.answers.items() if isinstance(answer, Answer)}
    calls = len(to_judge(results, answered, judge, Tally(0), retry=False))
    share = calls / planned.judge_calls
    return calls, math.ceil(planned.judge_input_tokens * share), math.ceil(planned.judge_output_tokens * share)
