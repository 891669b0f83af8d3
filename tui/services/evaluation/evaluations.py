"""Evaluations: made, run, judged, resumed and remembered. Answers are stored before anything is judged.

    made = await evaluations.create(place, spec)
    control = Control()
    async for progress in evaluations.run(made.id, judge, control=control): ...
    results = await evaluations.load(made.id)

`control.pause()`, `.resume()` and `.stop()` may be called while `run` is going on. Stopping, crashing and leaving are
alike: another `run` goes on where the stored answers end. A later `run` with another judge asks no model but the judge.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.judging import Judge, Outcome
from tui.domain.evaluation.own_votes import evaluations_of, votes_on
from tui.domain.evaluation.results import Results, Summary
from tui.domain.evaluation.rubrics import Rubric
from tui.domain.evaluation.run import Progress
from tui.domain.evaluation.spec import Answer, Slot, Spec
from tui.services.chat.chat import Chat
from tui.services.chat.votes import Votes
from tui.services.coming_back import Back, never_away
from tui.services.evaluation.parts import Control, Scorer
from tui.services.evaluation.runner import Run, Tried, Worker
from tui.services.evaluation.store import EvaluationStore
from tui.services.pool import DaemonPool

__all__ = ["CONCURRENCY", "Control", "Evaluations"]

CONCURRENCY = 4
"""Calls under way at once, unless the caller knows the quota."""


class Evaluations:
    """The evaluations of this machine. Every method raises AppError, and nothing else, for what may be expected."""

    def __init__(
        self,
        chat: Chat,
        store: EvaluationStore,
        pool: DaemonPool,
        scorer_of: Callable[[Judge], Scorer],
        votes: Votes | None = None,
        back: Back = never_away,
    ) -> None:
        self.store = store
        self._votes = votes
        self.worker = Worker(chat, store, pool, CONCURRENCY, back)
        self._pool = pool
        self._scorer_of = scorer_of
        self._running: set[str] = set()
        self._flights: dict[str, set[asyncio.Task[Tried]]] = {}
        self._unsaved: defaultdict[str, dict[Slot, Answer]] = defaultdict(dict)

    async def create(self, place: str, spec: Spec, answers: Mapping[Slot, Answer] | None = None) -> Results:
        """Store a new evaluation, with answers that are there already (imported ones); nothing is asked."""
        if not spec.questions:
            raise AppError(Cause.FILE, "There are no questions with references", hint="Open a file of pairs")
        evaluation = str(uuid.uuid4())
        await self._pool.run(self.store.add, evaluation, place, spec, dict(answers or {}))
        return await self.load(evaluation)

    async def list(self, place: str) -> list[Summary]:
        """Past evaluations, newest first."""
        return await self._pool.run(self.store.summaries, place)

    async def load(self, evaluation: str) -> Results:
        """Everything stored of one evaluation, with the votes given in Chat on just these answers.

        Raises AppError (NOT_FOUND) when there is none of that id.
        """
        results = await self._pool.run(self.store.load, evaluation)
        if self._votes is None or not results.answered:
            return results
        given = await self._votes.list_votes(await self._pool.run(self.store.place, evaluation))
        # What was voted here counts more than what was voted there.
        return replace(results, votes=dict(votes_on(results, given)) | dict(results.votes))

    async def create_of_votes(self, place: str) -> tuple[Sequence[Results], int]:
        """Evaluations of the answers that were voted on in Chat, one for each two models, and how many votes could not
        be used: those without a reference, and those not on one tuned and one other model. Nobody is asked; `run` with
        a judge tells how far it agrees with the votes.
        """
        given = await self._votes.list_votes(place) if self._votes is not None else []
        groups, left_out = evaluations_of(given)
        made = []
        for group in groups:
            results = await self.create(place, group.spec, group.answers)
            for (number, sample), choice in group.votes.items():
                await self.vote(results.id, number, sample, choice)
            made.append(await self.load(results.id))
        return made, left_out

    async def forget(self, evaluation: str) -> None:
        """Delete an evaluation with its answers and judgements. Refused (CONFLICT) while it runs."""
        if evaluation in self._running:
            raise AppError(Cause.CONFLICT, "This evaluation is under way", hint="Stop it first")
        await self._pool.run(self.store.claim, evaluation)
        await self._pool.run(self.store.forget, evaluation)
        self._unsaved.pop(evaluation, None)

    async def vote(self, evaluation: str, question: int, sample: int, choice: Outcome | None) -> None:
        """Keep the user's own verdict (both good and both bad are ties); None takes it back."""
        await self._pool.run(self.store.vote, evaluation, question, sample, choice)

    async def judges(self, place: str) -> Sequence[Judge]:
        """Judges used before, newest first, with their rubrics."""
        return await self._pool.run(self.store.judges_used, place)

    async def keep_rubric(self, rubric: Rubric) -> None:
        """Have a rubric written by hand to choose from, as soon as it is written."""
        await self._pool.run(self.store.add_rubric, rubric)

    async def rubrics(self) -> Sequence[Rubric]:
        """Rubrics written by hand, newest first."""
        return await self._pool.run(self.store.rubrics)

    async def run(
        self,
        evaluation: str,
        judge: Judge | None = None,
        *,
        retry: bool = False,
        control: Control | None = None,
        concurrency: int = CONCURRENCY,
        asking: bool = True,
    ) -> AsyncGenerator[Progress, None]:
        """Ask what is not answered, judge what is not judged, and tell how far it has come.

        Without `judge` it only asks, and without `asking` it only judges what is there. What failed before is left
        alone unless `retry`; what was stored is never asked again. Throttling slows the run down and fails nothing;
        while AWS as a whole is away (credentials expired, network gone) it waits, and goes on by itself.
        Failures are stored, told in the progress, and never end the run; what would fail for every question alike
        (a missing permission, a model that is gone) ends it with AppError, as do several faults of the service in a
        row. The
        last progress is of phase DONE or STOPPED. Refused (CONFLICT) while this or another window runs the same
        evaluation. Closing the iterator ends the run; calls under way are still stored when their answers come. Answers
        that the disk refuses are kept for the next run, as long as this process lives.
        """
        if evaluation in self._running:
            raise AppError(Cause.CONFLICT, "This evaluation is under way already")
        self._running.add(evaluation)
        try:
            await self._landed(evaluation)
            await self._pool.run(self.store.claim, evaluation)
            scorer = self._scorer_of(judge) if judge is not None else None
            if judge is not None:
                await self._pool.run(self.store.add_judge, evaluation, judge)
            await self._save(evaluation)
            results = await self.load(evaluation)
            worker = replace(
                self.worker, concurrency=max(1, concurrency), flights=set(), unsaved=self._unsaved[evaluation]
            )
            self._flights[evaluation] = worker.flights
            run = Run(worker, results, judge, scorer, retry, control or Control(), asking=asking)
            async with aclosing(run.events()) as events:
                async for progress in events:
                    yield progress
        finally:
            self._running.discard(evaluation)
            # A disk that refuses has ended the run with its own error; the claim ends with this process.
            with suppress(AppError):
                await self._pool.run(self.store.release, evaluation)

    @property
    def at_stake(self) -> tuple[int, int]:
        """What ending the app now would lose, though it is paid for: calls under way, and answers that the disk has not
        taken."""
        under_way = sum(not flight.done() for flights in self._flights.values() for flight in flights)
        return under_way, sum(map(len, self._unsaved.values()))

    async def _save(self, evaluation: str) -> None:
        """Store what came while the disk refused; else it would be asked, and paid for, once more."""
        unsaved = self._unsaved[evaluation]
        for slot, answer in list(unsaved.items()):
            await self._pool.run(self.store.add_answer, evaluation, slot, answer)
            unsaved.pop(slot, None)

    async def _landed(self, evaluation: str) -> None:
        """Wait for what an earlier run of this evaluation still had under way."""
        flights = self._flights.pop(evaluation, None)
        if flights:
            await asyncio.wait(set(flights))
