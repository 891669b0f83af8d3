"""One run of an evaluation: first every answer, then every judgement, each stored the moment it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from dataclasses import field

from tui.domain.chat.chat import AnswerCut, AnswerEnd, TextDelta
from tui.domain.errors import CURED_OUTSIDE, AppError, Cause
from tui.domain.evaluation.judging import Failure, Judge, Ruling, Score
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.run import Phase, Progress, judgements_per_sample
from tui.domain.evaluation.spec import Answer, Slot
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.chat.chat import Chat
from tui.services.coming_back import Back, ComingBack, never_away
from tui.services.evaluation.pacing import Pacing
from tui.services.evaluation.parts import Control, Scorer, Tally, Work, to_ask, to_judge
from tui.services.evaluation.store import EvaluationStore
from tui.services.pool import DaemonPool

_FOR_ALL = frozenset(
    {
        Cause.NO_CREDENTIALS,
        Cause.EXPIRED,
        Cause.NO_REGION,
        Cause.DENIED,
        Cause.NOT_FOUND,
        Cause.RETIRED,
        Cause.NOT_READY,
        Cause.QUOTA,
        Cause.CLOCK,
        Cause.READ_ONLY,
        Cause.FILE,
        Cause.SANDBOX,
    }
)
"""What fails for one question fails for all of them: the run ends, and nothing counts as failed."""
_AWAY = frozenset({Cause.UNREACHABLE, Cause.SERVICE})
_JUDGES = 5
"""Judgements at once: they go over the threads that everything else goes over too, and leave some of them free."""
_IN_A_ROW = 5
"""So many of those one after another, and the service counts as away."""


Tried = bool | AppError
"""Of one try: whether it is to be made again, or the error when that is for AWS to show."""


@dataclass(slots=True)
class Worker:
    """What a run works with."""

    chat: Chat
    store: EvaluationStore
    pool: DaemonPool
    concurrency: int
    back: Back = never_away
    pacing: Callable[[int], Pacing] = Pacing
    monotonic: Callable[[], float] = time.monotonic
    flights: set[asyncio.Task[Tried]] = field(default_factory=set)
    """Calls under way: they end and are stored even when nobody follows the run any more."""
    unsaved: dict[Slot, Answer] = field(default_factory=dict)
    """Answers that came, and are paid for, and that the disk has not taken."""


class Run:
    """See `Evaluations.run`."""

    def __init__(
        self,
        worker: Worker,
        results: Results,
        judge: Judge | None,
        scorer: Scorer | None,
        retry: bool,
        control: Control,
        *,
        asking: bool = True,
    ) -> None:
        self._worker = worker
        self._results = results
        self._spec = results.spec
        self._judge = judge
        self._scorer = scorer
        self._retry = retry
        self._control = control
        self._answers = {slot: a for slot, a in results.answers.items() if isinstance(a, Answer)}
        self._fatal: AppError | None = None
        self._in_a_row = 0
        self._problem: AppError | None = None
        self._away = 0
        """How many wait for AWS."""
        self._coming_back = ComingBack(worker.back)
        self._note = ""
        self._phase = Phase.ASKING
        self._pacing = worker.pacing(worker.concurrency)
        work = to_ask(results, retry=retry)
        there = len(self._answers)
        failed = results.wanted - there - len(work)
        work = work if asking else []
        self._asking = Tally(there + failed + len(work), there, failed)
        samples = len(self._spec.questions) * self._spec.samples
        self._judging = Tally(samples * judgements_per_sample(judge))
        self._to_do = work

    async def events(self) -> AsyncGenerator[Progress, None]:
        """Progress whenever something has changed."""
        task = asyncio.create_task(self._work())
        task.add_done_callback(lambda _: self._control.changed.set())
        try:
            while not task.done():
                self._control.changed.clear()
                if self._control.stopped:
                    self._pacing.hurry()
                yield self._progress()
                await self._control.changed.wait()
            await task
            if self._fatal is not None:
                raise self._fatal
            yield self._progress()
        finally:
            self._control.stop()
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    # The order of things

    async def _work(self) -> None:
        await self._phase_of(Phase.ASKING, self._to_do, self._asking)
        if self._judge is not None and self._ended is None:
            work = to_judge(self._results, self._answers, self._judge, self._judging, retry=self._retry)
            await self._phase_of(Phase.JUDGING, work, self._judging)
        self._phase = self._ended or Phase.DONE

    @property
    def _ended(self) -> Phase | None:
        return Phase.STOPPED if self._control.stopped or self._fatal else None

    async def _phase_of(self, phase: Phase, work: Iterable[Work], tally: Tally) -> None:
        self._phase = phase
        self._in_a_row = 0
        most = self._worker.concurrency if phase is Phase.ASKING else min(self._worker.concurrency, _JUDGES)
        self._pacing = self._worker.pacing(most)
        tally.began = self._worker.monotonic()
        self._control.changed.set()
        waiting = iter(work)
        workers = [asyncio.create_task(self._serve(waiting, tally)) for _ in range(most)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()

    async def _serve(self, work: Iterable[Work], tally: Tally) -> None:
        for one in work:
            again = True
            while again:
                if not await self._turn():
                    return
                await self._pacing.enter()
                # Whoever leaves the run does not give up what is asked and paid for already.
                flight = asyncio.create_task(self._try(one, tally))
                self._worker.flights.add(flight)
                flight.add_done_callback(self._worker.flights.discard)
                tried = await asyncio.shield(flight)
                if isinstance(tried, AppError):
                    again = await self._is_cured(one, tried) or await self._failed(one, tally, tried)
                else:
                    again = tried

    async def _turn(self) -> bool:
        going = await self._control.going()
        return going and self._fatal is None

    async def _try(self, work: Work, tally: Tally) -> Tried:
        """One try. Whether it is to be tried again, or the error when that is for AWS to show; raises nothing."""
        try:
            if not await self._turn():
                return False
            await self._once(work)
            self._pacing.went_well()
            self._in_a_row = 0
            tally.done += 1
            tally.taken += 1
        except AppError as error:
            return error if error.cause in CURED_OUTSIDE else await self._failed(work, tally, error)
        except Exception as error:  # a bug must not end the run in silence
            detail = safe_line(f"{type(error).__name__}: {error}", 200)
            self._end(AppError(Cause.SERVICE, "The evaluation came upon a fault of the app", detail))
        finally:
            self._pacing.leave()
            self._control.changed.set()
        return False

    def _end(self, error: AppError) -> None:
        self._fatal = self._fatal or error
        self._pacing.hurry()
        self._control.resume()

    async def _failed(self, work: Work, tally: Tally, error: AppError) -> bool:
        """Whether it is to be tried again, after a pause."""
        self._problem = error
        if error.cause is Cause.THROTTLED and self._pacing.refused():
            return True
        if error.cause in _FOR_ALL or error.cause is Cause.THROTTLED:
            self._end(error)
            return False
        self._in_a_row = self._in_a_row + 1 if error.cause in _AWAY else 0
        failure = Failure(safe_line(error.sentence(), 300), self._worker.store.now(), error.retryable)
        judge = self._judge.id if self._judge is not None and work.phase is Phase.JUDGING else ""
        slot = work.slot
        try:
            await self._worker.pool.run(
                self._worker.store.add_failure,
                self._results.id,
                judge,
                work.part,
                slot.question,
                slot.sample,
                failure,
            )
            tally.failed += 1
        except AppError as unwritten:
            self._end(unwritten)
        if self._in_a_row >= _IN_A_ROW:
            self._end(error)
        return False

    async def _is_cured(self, work: Work, error: AppError) -> bool:
        """Wait while AWS as a whole is away; whether to try again then, or to end without having failed."""
        self._away, self._problem = self._away + 1, error
        self._control.changed.set()
        try:
            again = await self._coming_back.cures(error, work, lambda: self._ended is None)
        finally:
            self._away -= 1
        return again or self._ended is not None

    # One call

    async def _once(self, work: Work) -> None:
        if work.phase is Phase.ASKING:
            await self._ask(work.slot)
        elif work.ruling:
            await self._rule(work.slot)
        else:
            await self._score(work.slot)

    async def _ask(self, slot: Slot) -> None:
        question = self._spec.questions[slot.question]
        text: list[str] = []
        asked = self._worker.chat.ask(
            self._spec.target(slot.side),
            question.messages,
            system=self._spec.system_of(question),
            parameters=self._spec.parameters,
        )
        async for event in asked:
            if isinstance(event, TextDelta):
                text.append(event.text)
            elif isinstance(event, AnswerCut):
                raise event.error
            elif isinstance(event, AnswerEnd):
                answer = Answer(
                    "".join(text),
                    self._worker.store.now(),
                    event.stop_reason,
                    event.input_tokens,
                    event.output_tokens,
                    event.total,
                    event.sent,
                )
                self._worker.unsaved[slot] = answer
                await self._worker.pool.run(self._worker.store.add_answer, self._results.id, slot, answer)
                self._answers[slot] = self._worker.unsaved.pop(slot)
                return
            else:
                self._note = event.text
        raise AppError(Cause.CUT_OFF, "The answer did not end", retryable=True)

    async def _score(self, slot: Slot) -> None:
        assert self._scorer is not None
        assert self._judge is not None
        question = self._spec.questions[slot.question]
        value, reasons = await self._scorer.score(question, self._answers[slot].text)
        score = Score(value, reasons, self._worker.store.now())
        await self._worker.pool.run(self._worker.store.add_score, self._results.id, self._judge.id, slot, score)

    async def _rule(self, slot: Slot) -> None:
        assert self._scorer is not None
        assert self._judge is not None
        question = self._spec.questions[slot.question]
        sides = (slot.side, slot.side.other)
        first, second = (self._answers[Slot(slot.question, slot.sample, side)].text for side in sides)
        better, reasons = await self._scorer.prefer(question, first, second)
        ruling = Ruling(slot.side, None if better is None else sides[better], reasons, self._worker.store.now())
        await self._worker.pool.run(
            self._worker.store.add_ruling, self._results.id, self._judge.id, slot.question, slot.sample, ruling
        )

    # What is told

    def _progress(self) -> Progress:
        phase = self._phase
        if phase in (Phase.ASKING, Phase.JUDGING):
            if self._control.paused:
                phase = Phase.PAUSED
            elif self._away:
                phase = Phase.AWAY
            elif self._pacing.waiting:
                phase = Phase.WAITING
        return Progress(
            phase,
            self._asking.done,
            self._asking.wanted,
            self._judging.done,
            self._judging.wanted,
            self._asking.failed,
            self._judging.failed,
            self._seconds_left(),
            self._problem,
            self._note,
        )

    def _seconds_left(self) -> float | None:
        tally = self._judging if self._phase is Phase.JUDGING else self._asking
        if tally.began is None or tally.taken < 2:
            return None
        each = (self._worker.monotonic() - tally.began) / tally.taken
        rest = tally.left + (self._judging.left if tally is self._asking else 0)
        return each * rest
