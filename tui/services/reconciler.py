"""What became of calls whose outcome is unknown: AWS is asked, and the app's memory is put right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime

from tui.domain.clock import Now
from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.evaluation.jobs import CREATE as CREATE_EVALUATION
from tui.services.evaluation.jobs import EvaluationJobs
from tui.services.orders import Orders
from tui.services.pool import DaemonPool
from tui.services.serving.endpoints import BUY, DEPLOY, Endpoints
from tui.services.serving.leases import Leases
from tui.services.store import Intent, IntentState, Store
from tui.services.training.jobs import CREATE as CREATE_JOB
from tui.services.training.jobs import Jobs
from tui.services.training.uploads import PUT, Uploads
from tui.services.watcher import Pace

JOB_ORDERS = (CREATE_JOB,)
ENDPOINT_ORDERS = (BUY, DEPLOY)
EVALUATION_ORDERS = (CREATE_EVALUATION,)
_WHAT = {CREATE_JOB: "The job", CREATE_EVALUATION: "The evaluation job", PUT: "The upload"}

_Finder = Callable[[str, Intent], Awaitable[str]]
"""The ARN or URI of what a call made in a place; empty when AWS does not list it."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a call whose outcome was unknown."""

    name: str
    operation: str
    found: bool

    @property
    def text(self) -> str:
        """One sentence."""
        what = _WHAT.get(self.operation, "The endpoint")
        if self.found:
            return f"{what} {self.name} was sent, and AWS has it: here it is."
        return f"{what} {self.name} never reached AWS; nothing was made."


@dataclass(frozen=True, slots=True)
class Open:
    """A call whose outcome is still not known; `problem` says why AWS could not be asked, if it could not."""

    intent: Intent
    problem: AppError | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What asking AWS about unknown outcomes brought. `problems` are also those of noting what was found."""

    recovered: tuple[Recovered, ...] = ()
    still_open: tuple[Open, ...] = ()
    problems: tuple[AppError, ...] = ()


class Reconciler:
    """Asks AWS about calls whose outcome is unknown, and settles what it says."""

    def __init__(
        self,
        store: Store,
        pool: DaemonPool,
        orders: Orders,
        leases: Leases,
        *,
        jobs: Jobs,
        endpoints: Endpoints,
        evaluation_jobs: EvaluationJobs,
        uploads: Uploads,
        pace: Pace,
        now: Now,
    ) -> None:
        self._store = store
        self._pool = pool
        self._orders = orders
        self._leases = leases
        self._pace = pace
        self._now = now
        self._finders: Mapping[str, _Finder] = {
            **dict.fromkeys(JOB_ORDERS, lambda _, intent: jobs.reconcile(intent)),
            **dict.fromkeys(ENDPOINT_ORDERS, lambda _, intent: endpoints.reconcile(intent)),
            **dict.fromkeys(EVALUATION_ORDERS, evaluation_jobs.reconcile),
            PUT: uploads.reconcile,
        }

    async def reconcile(self, place: str, operations: Collection[str] = ()) -> Settlement:
        """Ask AWS about every call whose outcome is unknown, or those of some operations, each by itself.

        What AWS does not list stays open for a while, since it may still be on its way. Raises AppError when the
        app's memory cannot be read.
        """
        recovered, still_open, problems = [], [], []
        try:
            await self._pool.run(self._mend_leases, place)
        except AppError as problem:
            problems.append(problem)
        for intent in await self._pool.run(self._store.unsettled, place):
            if (operations and intent.operation not in operations) or self._answered(intent):
                continue
            try:
                arn = await self._found(place, intent)
                if not arn and self._may_still_come(intent):
                    still_open.append(Open(intent))
                elif not self._answered(intent):  # else sent again while AWS was asked: its own answer counts
                    await self._pool.run(self._settle_lease, intent.token, arn, intent.created)
                    self._orders.settled.add(intent.token)
                    recovered.append(Recovered(intent.name, intent.operation, bool(arn)))
                    await self._pool.run(self._note, intent, arn)
            except AppError as problem:
                problems.append(problem)
                if intent.token not in self._orders.settled:
                    still_open.append(Open(intent, problem))
        return Settlement(tuple(recovered), tuple(still_open), tuple(problems))

    def _answered(self, intent: Intent) -> bool:
        """Whether its own answer has come in this session, or is about to."""
        return self._orders.under_way(intent.token) or intent.token in self._orders.settled

    async def _found(self, place: str, intent: Intent) -> str:
        finder = self._finders.get(intent.operation)
        if finder is None:
            raise AppError(Cause.FILE, "The app's memory names an unknown action", safe_line(intent.operation, 60))
        return await finder(place, intent)

    def _may_still_come(self, intent: Intent) -> bool:
        """Lists lag behind orders; S3 does not."""
        age = (self._now() - intent.changed).total_seconds()
        return intent.operation != PUT and age < self._pace.unlisted

    def _note(self, intent: Intent, arn: str) -> None:
        state = IntentState.DONE if arn else IntentState.REFUSED
        self._store.settle(intent.token, state, arn, "reconciled", unless_since=intent.changed)

    def _mend_leases(self, place: str) -> None:
        """Begin leases whose purchase was noted but which were not begun then, as when the app was killed between."""
        for lease in self._leases.planned(place):
            outcome = self._store.outcome(lease.token)
            if outcome is None or self._orders.under_way(lease.token):
                continue
            state, arn, prepared = outcome
            if state in (IntentState.DONE, IntentState.REFUSED):
                self._settle_lease(lease.token, arn if state is IntentState.DONE else "", prepared)

    def _settle_lease(self, token: str, arn: str, bought: datetime) -> None:
        """A purchase is settled: its lease runs, or is forgotten when nothing was bought."""
        if arn:
            self._leases.begin(token, arn, bought)
        else:
            self._leases.drop(token)
