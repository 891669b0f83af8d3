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
from collections.abc import AsyncIterator, Mapping, Sequence

from tui.domain.evaluation import Answer, Judge, Outcome, Results, Slot, Spec, Summary
from tui.domain.evaluation_run import Progress
from tui.services.chat import Chat
from tui.services.evaluation_store import EvaluationStore
from tui.services.pool import DaemonPool

CONCURRENCY = 4
"""Questions under way at once, unless the caller knows the quota."""


class Control:
    """The reins of a run; used on the event loop."""

    def __init__(self) -> None:
        self._going = asyncio.Event()
        self._going.set()
        self.stopped = False

    @property
    def paused(self) -> bool:
        """Whether nothing new is asked."""
        return not self._going.is_set()

    def pause(self) -> None:
        """Ask nothing new; what is under way is finished and stored."""
        self._going.clear()

    def resume(self) -> None:
        """Go on."""
        self._going.set()

    def stop(self) -> None:
        """End the run once what is under way is stored."""
        self.stopped = True
        self._going.set()

    async def going(self) -> bool:
        """Wait while paused; False when the run is to end."""
        await self._going.wait()
        return not self.stopped


class Evaluations:
    """The evaluations of this machine. Every method raises AppError, and nothing else, for what may be expected."""

    def __init__(self, chat: Chat, store: EvaluationStore, pool: DaemonPool) -> None:
        self._chat = chat
        self._store = store
        self._pool = pool

    async def create(self, place: str, spec: Spec, answers: Mapping[Slot, Answer] | None = None) -> Results:
        """Store a new evaluation, with answers that are there already (imported ones); nothing is asked."""
        raise NotImplementedError

    async def list(self, place: str) -> list[Summary]:
        """Past evaluations, newest first."""
        raise NotImplementedError

    async def load(self, evaluation: str) -> Results:
        """Everything stored of one evaluation. Raises AppError (NOT_FOUND) when there is none of that id."""
        raise NotImplementedError

    async def forget(self, evaluation: str) -> None:
        """Delete an evaluation with its answers and judgements."""
        raise NotImplementedError

    async def vote(self, evaluation: str, question: int, sample: int, choice: Outcome | None) -> None:
        """Keep the user's own verdict (both good and both bad are ties); None takes it back."""
        raise NotImplementedError

    def run(
        self,
        evaluation: str,
        judge: Judge | None = None,
        *,
        retry: bool = False,
        control: Control | None = None,
        concurrency: int = CONCURRENCY,
    ) -> AsyncIterator[Progress]:
        """Ask what is not answered, judge what is not judged, and tell how far it has come.

        Without `judge` it only asks. What failed before is left alone unless `retry`; what was stored is never asked
        again. Throttling slows the run down and fails nothing. Failures are stored, told in the progress, and never
        end the run; what would fail for every question alike (credentials, a model that is gone) ends it with AppError.
        The last progress is of phase DONE or STOPPED. Refused (CONFLICT) while another window runs the same evaluation.
        Closing the iterator stops the run at once; answers under way are then lost, none that was stored.
        """
        raise NotImplementedError

    async def judges(self, place: str) -> Sequence[Judge]:
        """Judges used before, newest first, with their rubrics."""
        raise NotImplementedError
