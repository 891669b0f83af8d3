"""All services of one session; each is imported and made when it is first asked for, so that the start is quick."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from tui.domain.clock import Now, utc_now
from tui.domain.identity import Identity
from tui.domain.settings import Settings
from tui.services.aws import Aws, Connection
from tui.services.identity import IdentityService
from tui.services.local import LocalServices
from tui.services.paths import Paths
from tui.services.pool import DaemonPool

if TYPE_CHECKING:
    from tui.services.catalog import Catalog
    from tui.services.chat.chat import Chat
    from tui.services.chat.structured import Structured
    from tui.services.chat.token_counts import TokenCounts
    from tui.services.dataset.generator import Generator
    from tui.services.evaluation.evaluations import Evaluations
    from tui.services.evaluation.jobs import EvaluationJobs
    from tui.services.loss.losses import Losses
    from tui.services.orders import Orders
    from tui.services.reconciler import Reconciler
    from tui.services.serving.endpoints import Endpoints
    from tui.services.serving.one_go import OneGo
    from tui.services.serving.prices import PriceService
    from tui.services.serving.quotas import Quotas
    from tui.services.serving.regions import Regions
    from tui.services.serving.schedules import Schedules
    from tui.services.serving.usage import Usage
    from tui.services.storage import Storage
    from tui.services.tags import Tags
    from tui.services.training.jobs import Jobs
    from tui.services.training.preflight import Preflight
    from tui.services.training.roles import Roles
    from tui.services.training.run_data import RunData
    from tui.services.training.uploads import Uploads
    from tui.services.watcher import Pace, Watcher


class Services(LocalServices):
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
        super().__init__(paths, sandbox=aws.sandbox, now=now)
        self.aws = aws
        self.settings = settings
        self.identity = IdentityService(aws, profile=profile, region=region)
        self._pace = pace

    @cached_property
    def storage(self) -> Storage:
        """S3."""
        from tui.services.storage import Storage

        return Storage(self.aws)

    @cached_property
    def uploads(self) -> Uploads:
        """Data files in S3, remembered."""
        from tui.services.training.uploads import Uploads

        return Uploads(self.storage, self.store, self.pool, now=self.now)

    @cached_property
    def token_counts(self) -> TokenCounts:
        """How models count tokens."""
        from tui.services.chat.token_counts import TokenCounts

        return TokenCounts(self.store, self.pool, self.aws)

    @cached_property
    def catalog(self) -> Catalog:
        """Foundation models."""
        from tui.services.catalog import Catalog

        return Catalog(self.aws, now=self.now)

    @cached_property
    def roles(self) -> Roles:
        """IAM roles."""
        from tui.services.training.roles import Roles

        return Roles(self.aws)

    @cached_property
    def orders(self) -> Orders:
        """Calls that cost money."""
        from tui.services.orders import Orders

        return Orders(self.aws, self.store, self.pool)

    @cached_property
    def jobs(self) -> Jobs:
        """Customization jobs and custom models."""
        from tui.services.training.jobs import Jobs

        return Jobs(self.aws, self.orders)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Provisioned throughput and deployments."""
        from tui.services.serving.endpoints import Endpoints

        return Endpoints(self.aws, self.orders)

    @cached_property
    def reconciler(self) -> Reconciler:
        """What became of calls whose outcome is unknown."""
        from tui.services.reconciler import Reconciler
        from tui.services.watcher import pace_of

        return Reconciler(
            self.store,
            self.pool,
            self.orders,
            self.leases,
            jobs=self.jobs,
            endpoints=self.endpoints,
            evaluation_jobs=self.evaluation_jobs,
            uploads=self.uploads,
            pace=self._pace or pace_of(self.aws),
            now=self.now,
        )

    @cached_property
    def losses(self) -> Losses:
        """Metrics files."""
        from tui.services.loss.cache import LossCache
        from tui.services.loss.losses import Losses

        cache = LossCache(self.paths.losses(sandbox=self.sandbox))
        return Losses(self.aws, self.storage, self.pool, cache, now=self.now)

    @cached_property
    def run_data(self) -> RunData:
        """What jobs were trained on."""
        from tui.services.training.run_data import RunData

        return RunData(self.storage, self.store, self.pool)

    @cached_property
    def chat(self) -> Chat:
        """Answers."""
        from tui.services.chat.chat import Chat

        return Chat(self.aws, self.refusals, self.token_counts.note)

    @cached_property
    def generator(self) -> Generator:
        """Pairs from documents."""
        from tui.services.dataset.generator import Generator

        return Generator(self.structured, self.review_queue, self.pool)

    @cached_property
    def structured(self) -> Structured:
        """Answers that are JSON of a schema."""
        from tui.services.chat.structured import Structured

        return Structured(self.aws, self.refusals, self.store)

    @cached_property
    def evaluations(self) -> Evaluations:
        """Both models over a set of questions, judged."""
        from tui.services.evaluation.evaluations import Evaluations
        from tui.services.evaluation.judges import scorers
        from tui.services.evaluation.store import EvaluationStore

        store = EvaluationStore(self.store, now=self.now)
        judging = scorers(self.aws, lambda: self.structured)
        return Evaluations(self.chat, store, self.pool, judging, self.votes, lambda: self.watcher.back())

    @cached_property
    def evaluation_jobs(self) -> EvaluationJobs:
        """Evaluations handed to Bedrock."""
        from tui.services.evaluation.jobs import EvaluationJobs

        return EvaluationJobs(self.aws, self.orders, self.storage, self.store, self.pool, now=self.now)

    @cached_property
    def watcher(self) -> Watcher:
        """The one poller."""
        from tui.services.watcher import Watcher

        return Watcher(self.aws, self.jobs, self.endpoints, self.evaluation_jobs, pace=self._pace, now=self.now)

    @cached_property
    def schedules(self) -> Schedules:
        """Deletions that AWS carries out by itself."""
        from tui.services.serving.schedules import Schedules

        return Schedules(self.aws, self.roles)

    @cached_property
    def regions(self) -> Regions:
        """What bills in other Regions."""
        from tui.services.serving.regions import Regions

        return Regions(self.aws, self.endpoints, self.store, self.pool, now=self.now)

    @cached_property
    def tags(self) -> Tags:
        """Tags of runs."""
        from tui.services.tags import Tags

        return Tags(self.aws, now=self.now)

    @cached_property
    def usage(self) -> Usage:
        """When endpoints were last asked."""
        from tui.services.serving.usage import Usage

        return Usage(self.aws, now=self.now)

    @cached_property
    def preflight(self) -> Preflight:
        """The checks before a job."""
        from tui.services.training.preflight import Preflight

        return Preflight(self.aws, self.catalog, self.quotas)

    @cached_property
    def quotas(self) -> Quotas:
        """How much may be held."""
        from tui.services.serving.quotas import Quotas

        return Quotas(self.aws)

    @cached_property
    def one_go(self) -> OneGo:
        """Buying, asking, deleting and judging in one go."""
        from tui.services.serving.one_go import OneGo

        return OneGo(
            self.endpoints,
            self.leases,
            self.schedules,
            self.evaluations,
            self.store,
            self.pool,
            here=lambda: self.place(self.identity.confirmed) if self.identity.confirmed.account else "",
            back=lambda: self.watcher.back(),
            now=self.now,
        )

    @cached_property
    def prices(self) -> PriceService:
        """What things cost, as far as it is known."""
        from tui.services.serving.prices import PriceService

        own = self.settings
        unit_hour = own.price_per_model_unit_hour
        return PriceService(self.aws, self.store, self.pool, own.prices, model_unit_hour=unit_hour, now=self.now)

    def close(self) -> None:
        """Let the threads go, each after what was asked of it. Returns at once."""
        self.scan_process.close()
        self.aws.pool.close()
        self.pool.close()

    def place(self, identity: Identity) -> str:
        """What rows of the store belong to."""
        return f"{identity.account}/{identity.region}"

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


_FOLLOWING = (
    "tui.services.reconciler",
    "tui.services.evaluation.judges",
    "tui.services.chat.structured",
    "tui.services.chat.token_counts",
    "tui.services.dataset.review_queue",
    "tui.services.news",
    "tui.services.serving.one_go",
    "tui.services.serving.regions",
)


def import_what_follows_aws() -> None:
    """Import, on a thread, what the services of the boards are made of: on the loop a key would wait for all of it."""
    for name in _FOLLOWING:
        import_module(name)
