"""All services of one session, made together and handed to the screens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.settings import Settings
from tui.services import endpoints, jobs
from tui.services.aws import Aws, Connection
from tui.services.catalog import Catalog
from tui.services.chat import Chat
from tui.services.datasets import Datasets
from tui.services.endpoints import Endpoints
from tui.services.identity import IdentityService
from tui.services.jobs import Jobs
from tui.services.losses import Losses
from tui.services.paths import Paths
from tui.services.pool import DaemonPool
from tui.services.roles import Roles
from tui.services.storage import Storage
from tui.services.store import IntentState, Store
from tui.services.watcher import Pace, Watcher


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a call whose outcome was unknown when the app last ended."""

    name: str
    operation: str
    found: bool

    @property
    def text(self) -> str:
        """One sentence."""
        what = "The job" if self.operation == jobs.CREATE else "The endpoint"
        if self.found:
            return f"{what} {self.name} was sent before the app ended, and AWS has it: here it is."
        return f"{what} {self.name} never reached AWS; nothing was made."


@dataclass(frozen=True, slots=True)
class Services:
    """The service layer."""

    aws: Aws
    pool: DaemonPool
    paths: Paths
    settings: Settings
    store: Store
    identity: IdentityService
    storage: Storage
    catalog: Catalog
    roles: Roles
    jobs: Jobs
    endpoints: Endpoints
    losses: Losses
    chat: Chat
    datasets: Datasets
    watcher: Watcher
    now: Now = utc_now

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

    async def reconcile(self, place: str) -> list[Recovered]:
        """Settle every call whose outcome is unknown by asking AWS. Raises AppError when AWS cannot be asked."""
        recovered = []
        for intent in await self.pool.run(self.store.unsettled, place):
            if intent.operation == jobs.CREATE:
                arn = await self.jobs.reconcile(intent)
            elif intent.operation in (endpoints.BUY, endpoints.DEPLOY):
                arn = await self.endpoints.reconcile(intent)
            else:
                raise AppError(Cause.FILE, "The app's memory names an unknown action", intent.operation)
            state = IntentState.DONE if arn else IntentState.REFUSED
            await self.pool.run(self.store.settle, intent.token, state, arn, "reconciled")
            recovered.append(Recovered(intent.name, intent.operation, bool(arn)))
        return recovered


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
    """The services of one session. Makes folders and the database; calls nothing else."""
    pool = DaemonPool()
    aws = Aws(connect, sandbox=sandbox, read_only=read_only, pool=pool)
    store = Store(paths.sandbox_store if sandbox else paths.store, now=now)
    storage = Storage(aws)
    job_service = Jobs(aws, store)
    endpoint_service = Endpoints(aws, store)
    return Services(
        aws=aws,
        pool=pool,
        paths=paths,
        settings=settings,
        store=store,
        identity=IdentityService(aws, profile=profile, region=region),
        storage=storage,
        catalog=Catalog(aws, now=now),
        roles=Roles(aws),
        jobs=job_service,
        endpoints=endpoint_service,
        losses=Losses(aws, storage),
        chat=Chat(aws),
        datasets=Datasets(pool),
        watcher=Watcher(aws, job_service, endpoint_service, pace=pace, now=now),
        now=now,
    )


def warm(services: Services) -> asyncio.Task[Any]:
    """Import boto3 and make the clients on a thread, after the first frame."""

    def make() -> None:
        for service in ("sts", "bedrock", "s3", "iam", "bedrock-runtime"):
            services.aws.client(service)

    return asyncio.ensure_future(services.pool.run(make))
