"""What bills in the account's other Regions: looked for once in a while, in the background."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.serving.meter import Elsewhere
from tui.domain.training.runs import Endpoint
from tui.services.aws import Aws
from tui.services.pool import DaemonPool
from tui.services.serving.endpoints import Endpoints
from tui.services.store import Store

_EVERY = timedelta(hours=6)
_AT_ONCE = 3
"""Regions asked at the same time."""
_KEY = "regions without throughput"


class Regions:
    """Looks at every Region that Bedrock is in and the account has enabled."""

    def __init__(self, aws: Aws, endpoints: Endpoints, store: Store, pool: DaemonPool, *, now: Now = utc_now) -> None:
        self._aws = aws
        self._endpoints = endpoints
        self._store = store
        self._pool = pool
        self._now = now

    async def look(self, account: str, here: str, *, fresh: bool = False) -> AsyncIterator[Elsewhere]:
        """What bills in the other Regions: told as soon as something is found, and once at the end.

        Those where nothing was found lately are not asked again unless `fresh`. One that hangs keeps no other's
        answer back. Raises AppError when not even the Regions can be told.
        """
        kept = {} if fresh else await self._pool.run(self._kept, account)
        regions = [r for r in await self._enabled() if r != here and not self._lately(kept.get(r))]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(region: str) -> tuple[str, list[Endpoint] | None]:
            async with gate:
                return region, await self._in(region)

        seen: dict[str, list[Endpoint] | None] = {}
        waiting = [asyncio.ensure_future(one(region)) for region in regions]
        try:
            for done in asyncio.as_completed(waiting):
                region, found = await done
                seen[region] = found
                if found:
                    yield _told(seen)
        finally:
            for task in waiting:
                task.cancel()
        clean = {r: self._now().isoformat() for r, found in seen.items() if found is not None and not found}
        await self._pool.run(self._store.remember, account, _KEY, json.dumps({**kept, **clean}))
        yield _told(seen)

    async def _in(self, region: str) -> list[Endpoint] | None:
        """What bills in a Region, None when it cannot be told."""
        found: list[Endpoint] | None
        try:
            found = await self._endpoints.throughputs(region)
        except AppError as error:
            # Where the service or the account is not enabled nothing can bill.
            found = [] if error.cause is Cause.NO_REGION else None
        if not found:
            await self._pool.run(self._aws.let_go, "bedrock", region)
        return found

    def _lately(self, at: str | None) -> bool:
        try:
            # What was noted before the clock was set back says nothing.
            return at is not None and timedelta(0) <= self._now() - datetime.fromisoformat(at) < _EVERY
        except (ValueError, TypeError):
            return False

    def _kept(self, account: str) -> dict[str, str]:
        try:
            kept = json.loads(self._store.recall(account, _KEY, "{}"))
        except ValueError:
            return {}
        return kept if isinstance(kept, dict) else {}

    async def _enabled(self) -> list[str]:
        """Regions of Bedrock, those not enabled for the account left out where that can be told."""
        known = await self._pool.run(lambda: list(self._aws.session().get_available_regions("bedrock")))
        try:
            listed = await self._aws.pages(
                "account", "list_regions", "Regions", {"RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"]}
            )
        except AppError:
            return known  # the account may not list them; a Region that is not enabled refuses by itself
        enabled = {str(item.get("RegionName", "")) for item in listed}
        return [region for region in known if region in enabled]


def _told(seen: Mapping[str, Sequence[Endpoint] | None]) -> Elsewhere:
    return Elsewhere(
        tuple(e for _, found in sorted(seen.items()) for e in found or ()),
        tuple(sorted(region for region, found in seen.items() if found is None)),
    )
