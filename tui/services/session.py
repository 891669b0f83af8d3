"""All services of one session; each is imported and made when it is first asked for, so that the start is quick."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.settings import Settings
from tui.domain.text import safe_line
from tui.services.aws import Aws, Connection
from tui.services.datasets import Datasets
from tui.services.identity import IdentityService
from tui.services.paths import Paths
from tui.services.pool import DaemonPool

if TYPE_CHECKING:
    from tui.services.catalog import Catalog
    from tui.services.chat import Chat
    from tui.services.documents import Documents
    from tui.services.endpoints import Endpoints
    from tui.services.evaluation import Evaluations
    from tui.services.evaluation_jobs import EvaluationJobs
    from tui.services.file_memory import FileMemory
    from tui.services.generator import Generator
    from tui.services.history import History
    from tui.services.jobs import Jobs
    from tui.services.leases import Leases
    from tui.services.losses import Losses
    from tui.services.news import NewsDesk
    from tui.services.one_go import OneGo
    from tui.services.orders import Orders
    from tui.services.parameters import Refusals
    from tui.services.preflight import Preflight
    from tui.services.presets import Presets
    from tui.services.prices import PriceService
    from tui.services.quotas import Quotas
    from tui.services.regions import Regions
    from tui.services.roles import Roles
    from tui.services.run_data import RunData
    from tui.services.schedules import Schedules
    from tui.services.scrutiny import Scrutiny
    from tui.services.shaping import Shaping
    from tui.services.shelf import Shelf
    from tui.services.storage import Storage
    from tui.services.store import Intent, Store
    from tui.services.structured import Structured
    from tui.services.tags import Tags
    from tui.services.token_counts import TokenCounts
    from tui.services.uploads import Uploads
    from tui.services.usage import Usage
    from tui.services.votes import Votes
    from tui.services.watcher import Pace, Watcher

JOB_ORDERS = ("create_model_customization_job",)
ENDPOINT_ORDERS = ("create_provisioned_model_throughput", "create_custom_model_deployment")
EVALUATION_ORDERS = ("create_evaluation_job",)
_WHAT = {
    "create_model_customization_job": "The job",
    "create_evaluation_job": "The evaluation job",
    "put_object": "The upload",
}


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


class Services:
    """The service layer of one session."""

    def __init__(
        self,
        aws: Aws,
        *,
        paths: Paths,
        settings: Settings,
        profile: str | None,
        region: str | None,
        pace: Pace | None,
        now: Now,
    ) -> None:
        self.aws = aws
        # Files and the store never wait behind calls to AWS that hang.
        self.pool = DaemonPool(4, "local")
        self.paths = paths
        self.settings = settings
        self.now = now
        self.identity = IdentityService(aws, profile=profile, region=region)
        self.datasets = Datasets(self.pool)
        self._pace = pace

    @cached_property
    def store(self) -> Store:
        """What the app remembers. Nothing is opened yet: the first use, on a thread, does."""
        from tui.services.store import Store

        return Store(self.paths.sandbox_store if self.sandbox else self.paths.store, now=self.now)

    @cached_property
    def documents(self) -> Documents:
        """Files of pairs for editing."""
        from tui.services.documents import Documents

        return Documents(self.pool, self.paths.state)

    @cached_property
    def file_memory(self) -> FileMemory:
        """Recent files and the keys chosen for them."""
        from tui.services.file_memory import FileMemory

        return FileMemory(self.store, self.pool, now=self.now)

    @cached_property
    def scrutiny(self) -> Scrutiny:
        """The closer look at files, and at what they share."""
        from tui.services.scrutiny import Scrutiny

        return Scrutiny(self.pool)

    @cached_property
    def storage(self) -> Storage:
        """S3."""
        from tui.services.storage import Storage

        return Storage(self.aws)

    @cached_property
    def uploads(self) -> Uploads:
        """Data files in S3, remembered."""
        from tui.services.uploads import Uploads

        return Uploads(self.storage, self.store, self.pool, now=self.now)

    @cached_property
    def shaping(self) -> Shaping:
        """Statistics and splits."""
        from tui.services.shaping import Shaping

        return Shaping(self.pool)

    @cached_property
    def token_counts(self) -> TokenCounts:
        """How models count tokens."""
        from tui.services.token_counts import TokenCounts

        return TokenCounts(self.store, self.pool, self.aws)

    @cached_property
    def catalog(self) -> Catalog:
        """Foundation models."""
        from tui.services.catalog import Catalog

        return Catalog(self.aws, now=self.now)

    @cached_property
    def roles(self) -> Roles:
        """IAM roles."""
        from tui.services.roles import Roles

        return Roles(self.aws)

    @cached_property
    def orders(self) -> Orders:
        """Calls that cost money."""
        from tui.services.orders import Orders

        return Orders(self.aws, self.store, self.pool)

    @cached_property
    def jobs(self) -> Jobs:
        """Customization jobs and custom models."""
        from tui.services.jobs import Jobs

        return Jobs(self.aws, self.orders)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Provisioned throughput and deployments."""
        from tui.services.endpoints import Endpoints

        return Endpoints(self.aws, self.orders)

    @cached_property
    def losses(self) -> Losses:
        """Metrics files."""
        from tui.services.loss_cache import LossCache
        from tui.services.losses import Losses

        cache = LossCache(self.paths.losses(sandbox=self.sandbox))
        return Losses(self.aws, self.storage, self.pool, cache, now=self.now)

    @cached_property
    def run_data(self) -> RunData:
        """What jobs were trained on."""
        from tui.services.run_data import RunData

        return RunData(self.storage, self.store, self.pool)

    @cached_property
    def chat(self) -> Chat:
        """Answers."""
        from tui.services.chat import Chat

        return Chat(self.aws, self.refusals, self.token_counts.note)

    @cached_property
    def history(self) -> History:
        """Answers of this and earlier sessions."""
        from tui.services.history import History

        return History(self.store, self.pool)

    @cached_property
    def votes(self) -> Votes:
        """Which answers were found better."""
        from tui.services.votes import Votes

        return Votes(self.store, self.pool)

    @cached_property
    def presets(self) -> Presets:
        """System prompts and parameters by name."""
        from tui.services.presets import Presets

        return Presets(self.store, self.pool)

    @cached_property
    def refusals(self) -> Refusals:
        """Sampling parameters that models refuse."""
        from tui.services.parameters import Refusals

        return Refusals(self.store)

    @cached_property
    def shelf(self) -> Shelf:
        """Written pairs that wait for a person."""
        from tui.services.shelf import Shelf

        return Shelf(self.store, self.pool, now=self.now)

    @cached_property
    def generator(self) -> Generator:
        """Pairs from documents."""
        from tui.services.generator import Generator

        return Generator(self.structured, self.shelf, self.pool)

    @cached_property
    def structured(self) -> Structured:
        """Answers that are JSON of a schema."""
        from tui.services.structured import Structured

        return Structured(self.aws, self.refusals, self.store)

    @cached_property
    def evaluations(self) -> Evaluations:
        """Both models over a set of questions, judged."""
        from tui.services.evaluation import Evaluations
        from tui.services.evaluation_store import EvaluationStore
        from tui.services.judges import scorers

        store = EvaluationStore(self.store, now=self.now)
        return Evaluations(self.chat, store, self.pool, scorers(self.aws, lambda: self.structured), self.votes)

    @cached_property
    def evaluation_jobs(self) -> EvaluationJobs:
        """Evaluations handed to Bedrock."""
        from tui.services.evaluation_jobs import EvaluationJobs

        return EvaluationJobs(self.aws, self.orders, self.storage, self.store, self.pool, now=self.now)

    @cached_property
    def watcher(self) -> Watcher:
        """The one poller."""
        from tui.services.watcher import Watcher

        return Watcher(self.aws, self.jobs, self.endpoints, self.evaluation_jobs, pace=self._pace, now=self.now)

    @cached_property
    def leases(self) -> Leases:
        """For how long throughput was bought."""
        from tui.services.leases import Leases

        return Leases(self.store, now=self.now)

    @cached_property
    def schedules(self) -> Schedules:
        """Deletions that AWS carries out by itself."""
        from tui.services.schedules import Schedules

        return Schedules(self.aws, self.roles)

    @cached_property
    def regions(self) -> Regions:
        """What bills in other Regions."""
        from tui.services.regions import Regions

        return Regions(self.aws, self.endpoints, self.store, self.pool, now=self.now)

    @cached_property
    def tags(self) -> Tags:
        """Tags of runs."""
        from tui.services.tags import Tags

        return Tags(self.aws, now=self.now)

    @cached_property
    def usage(self) -> Usage:
        """When endpoints were last asked."""
        from tui.services.usage import Usage

        return Usage(self.aws, now=self.now)

    @cached_property
    def preflight(self) -> Preflight:
        """The checks before a job."""
        from tui.services.preflight import Preflight

        return Preflight(self.aws, self.catalog, self.quotas)

    @cached_property
    def quotas(self) -> Quotas:
        """How much may be held."""
        from tui.services.quotas import Quotas

        return Quotas(self.aws)

    @cached_property
    def one_go(self) -> OneGo:
        """Buying, asking, deleting and judging in one go."""
        from tui.services.one_go import OneGo

        return OneGo(self.endpoints, self.leases, self.evaluations, self.store, self.pool, now=self.now)

    @cached_property
    def prices(self) -> PriceService:
        """What things cost, as far as it is known."""
        from tui.services.prices import PriceService

        own = self.settings
        unit_hour = own.price_per_model_unit_hour
        return PriceService(self.aws, self.store, self.pool, own.prices, model_unit_hour=unit_hour, now=self.now)

    @cached_property
    def news(self) -> NewsDesk:
        """What changed, also while the app was closed."""
        from tui.services.news import NewsDesk

        return NewsDesk(self.store, self.pool)

    @property
    def sandbox(self) -> bool:
        """Whether AWS is this machine's."""
        return self.aws.sandbox

    def place(self, identity: Identity) -> str:
        """What rows of the store belong to."""
        return f"{identity.account}/{identity.region}"

    async def remember(self, place: str, key: str, value: str) -> None:
        """Keep a last choice."""
        await self.pool.run(self.store.remember, place, key, value)

    async def recall(self, place: str, key: str, default: str = "") -> str:
        """A last choice."""
        return await self.pool.run(self.store.recall, place, key, default)

    async def reconcile(self, place: str, operations: Collection[str] = ()) -> Settlement:
        """Ask AWS about every call whose outcome is unknown, or those of some operations, each by itself.

        What AWS does not list stays open for a while, since it may still be on its way. Raises AppError when the
        app's memory cannot be read.
        """
        from tui.services.store import IntentState

        recovered, still_open, problems = [], [], []
        try:
            await self.pool.run(self._mend_leases, place)
        except AppError as problem:
            problems.append(problem)
        for intent in await self.pool.run(self.store.unsettled, place):
            if operations and intent.operation not in operations:
                continue
            if self.orders.under_way(intent.token) or intent.token in self.orders.settled:
                continue
            try:
                arn = await self._found(place, intent)
                if not arn and self._may_still_come(intent):
                    still_open.append(Open(intent))
                    continue
                if self.orders.under_way(intent.token) or intent.token in self.orders.settled:
                    continue  # sent again while AWS was asked: its own answer counts
                await self.settle_lease(intent.token, arn, intent.created)
                self.orders.settled.add(intent.token)
                recovered.append(Recovered(intent.name, intent.operation, bool(arn)))
                state = IntentState.DONE if arn else IntentState.REFUSED
                settle = partial(self.store.settle, unless_since=intent.changed)
                await self.pool.run(settle, intent.token, state, arn, "reconciled")
            except AppError as problem:
                problems.append(problem)
                if intent.token not in self.orders.settled:
                    still_open.append(Open(intent, problem))
        return Settlement(tuple(recovered), tuple(still_open), tuple(problems))

    async def _found(self, place: str, intent: Intent) -> str:
        from tui.services import endpoints, evaluation_jobs, jobs, uploads

        if intent.operation == jobs.CREATE:
            return await self.jobs.reconcile(intent)
        if intent.operation in (endpoints.BUY, endpoints.DEPLOY):
            return await self.endpoints.reconcile(intent)
        if intent.operation == evaluation_jobs.CREATE:
            return await self.evaluation_jobs.reconcile(place, intent)
        if intent.operation == uploads.PUT:
            return await self.uploads.reconcile(place, intent)
        raise AppError(Cause.FILE, "The app's memory names an unknown action", safe_line(intent.operation, 60))

    def _mend_leases(self, place: str) -> None:
        """Begin leases whose purchase was noted but which were not begun then, as when the app was killed between."""
        from tui.services.store import IntentState

        for lease in self.leases.planned(place):
            outcome = self.store.outcome(lease.token)
            if outcome is None or self.orders.under_way(lease.token):
                continue
            state, arn, prepared = outcome
            if state is IntentState.DONE:
                self.leases.begin(lease.token, arn, prepared)
            elif state is IntentState.REFUSED:
                self.leases.drop(lease.token)

    async def settle_lease(self, token: str, arn: str, bought: datetime) -> None:
        """A purchase is settled: its lease runs, or is forgotten when nothing was bought."""
        if arn:
            await self.pool.run(self.leases.begin, token, arn, bought)
        else:
            await self.pool.run(self.leases.drop, token)

    def _may_still_come(self, intent: Intent) -> bool:
        """Lists lag behind orders; S3 does not."""
        from tui.services.watcher import pace_of

        pace = self._pace or pace_of(self.aws)
        age = (self.now() - intent.changed).total_seconds()
        return intent.operation != "put_object" and age < pace.unlisted

    def forget(self) -> None:
        """Drop what was kept of an account, since another one is looked at."""
        for name in ("jobs", "catalog", "quotas", "watcher", "evaluation_jobs", "usage", "tags"):
            if name in self.__dict__:
                getattr(self, name).forget()


def build(
    connect: Callable[[], Connection],
    *,
    sandbox: bool,
    paths: Paths,
    settings: Settings,
    profile: str | None = None,
    region: str | None = None,
    read_only: bool = False,
    pace: Pace | None = None,
    now: Now = utc_now,
) -> Services:
    """The services of one session; nothing is called, made or opened yet."""
    aws = Aws(connect, sandbox=sandbox, read_only=read_only, pool=DaemonPool(), now=now)
    return Services(aws, paths=paths, settings=settings, profile=profile, region=region, pace=pace, now=now)


def warm(services: Services) -> None:
    """Import boto3 and make the clients on a thread, after the first frame."""

    def make() -> None:
        try:
            for service in ("sts", "bedrock", "s3", "iam", "bedrock-runtime"):
                services.aws.client(service)
        except Exception:
            return  # whoever calls next fails in the same way, and says so

    services.aws.pool.submit(make)
