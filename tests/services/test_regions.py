"""What bills elsewhere: told Region by Region, kept, and whatever one of them does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import operations
from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.domain.serving.meter import Elsewhere
from tui.domain.training.runs import Endpoint
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.pool import DaemonPool
from tui.services.serving.regions import Regions
from tui.services.session import Services
from tui.services.store import Store

HERE = "us-west-2"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class World:
    """AWS and its endpoints: what each Region holds, refuses, or never answers."""

    def __init__(self, regions: list[str]) -> None:
        self.regions = regions
        self.held: dict[str, list[Endpoint]] = {}
        self.errors: dict[str, Cause] = {}
        self.hangs: dict[str, asyncio.Event] = {}
        self.unlisted: Cause | None = None
        self.asked: list[str] = []
        self.left: list[str] = []

    def session(self) -> World:
        return self

    def get_available_regions(self, service: str) -> list[str]:
        return ["ap-northeast-1", *self.regions]

    async def pages(self, *args: Any) -> list[dict[str, str]]:
        if self.unlisted is not None:
            raise AppError(self.unlisted, "no list")
        return [{"RegionName": region} for region in self.regions]

    async def throughputs(self, region: str) -> list[Endpoint]:
        self.asked.append(region)
        if region in self.hangs:
            await self.hangs[region].wait()
        if region in self.errors:
            raise AppError(self.errors[region], "no answer")
        return self.held.get(region, [])

    def let_go(self, service: str, region: str) -> None:
        self.left.append(region)


def endpoint(region: str) -> Endpoint:
    arn = f"arn:aws:bedrock:{region}:123456789012:provisioned-model/提灯"
    return Endpoint(Serving.PROVISIONED, arn, "提灯", "InService", "arn:m", NOW, 1)


@pytest.fixture
def world() -> World:
    return World([HERE, "us-east-1", "eu-west-1", "eu-west-3", "sa-east-1"])


@pytest.fixture
def now() -> list[datetime]:
    return [NOW]


@pytest.fixture
def regions(world: World, tmp_path: Path, now: list[datetime]) -> Regions:
    door: Any = world
    return Regions(door, door, Store(tmp_path / "store"), DaemonPool(2), now=lambda: now[0])


async def last(told: AsyncIterator[Elsewhere]) -> Elsewhere:
    return [one async for one in told][-1]


async def test_here_is_not_asked_and_what_is_not_enabled_neither(world: World, regions: Regions) -> None:
    world.held["eu-west-1"] = [endpoint("eu-west-1")]
    found = await last(regions.look("a", HERE))
    assert found == Elsewhere((endpoint("eu-west-1"),), ())
    assert sorted(world.asked) == ["eu-west-1", "eu-west-3", "sa-east-1", "us-east-1"]


async def test_a_region_that_hangs_keeps_no_other_back(world: World, regions: Regions) -> None:
    world.hangs["us-east-1"] = asyncio.Event()
    world.held = {region: [endpoint(region)] for region in ("sa-east-1", "us-east-1")}
    told = regions.look("a", HERE)
    first = await asyncio.wait_for(anext(told), 5)
    assert [e.region for e in first.endpoints] == ["sa-east-1"]
    assert len(world.asked) == 4
    world.hangs["us-east-1"].set()
    assert [e.region for e in (await last(told)).endpoints] == ["sa-east-1", "us-east-1"]


async def test_clean_regions_rest_for_six_hours_the_others_do_not(
    world: World, regions: Regions, now: list[datetime]
) -> None:
    world.held["eu-west-1"] = [endpoint("eu-west-1")]
    world.errors["eu-west-3"] = Cause.DENIED
    assert (await last(regions.look("a", HERE))).unseen == ("eu-west-3",)
    world.asked.clear()
    await last(regions.look("a", HERE))
    assert sorted(world.asked) == ["eu-west-1", "eu-west-3"]
    world.asked.clear()
    await last(regions.look("b", HERE))
    assert len(world.asked) == 4
    world.asked.clear()
    await last(regions.look("a", HERE, fresh=True))
    assert len(world.asked) == 4
    now[0] += timedelta(hours=7)
    world.asked.clear()
    await last(regions.look("a", HERE))
    assert len(world.asked) == 4


async def test_where_the_account_may_not_list_regions_all_of_bedrock_are_asked(world: World, regions: Regions) -> None:
    world.unlisted = Cause.DENIED
    world.errors["ap-northeast-1"] = Cause.NO_REGION
    assert (await last(regions.look("a", HERE))).unseen == ()
    assert "ap-northeast-1" in world.asked


async def test_a_damaged_memory_asks_anew(world: World, regions: Regions, tmp_path: Path) -> None:
    for text in ("no json", "[1]", '{"us-east-1": "yesterday", "eu-west-1": 5}'):
        regions._store.remember("a", "regions without throughput", text)
        world.asked.clear()
        await last(regions.look("a", HERE))
        assert len(world.asked) == 4


async def test_only_where_something_bills_a_client_is_kept(
    services: Services, aws: Aws, sandbox: Sandbox, clock: ManualClock
) -> None:
    nova = "amazon.nova-lite-v1:0:300k"
    east = sandbox.client("bedrock", region_name="us-east-1")
    # The door is one for all tests of this process: what others left there is not this one's.
    for region in ("us-east-1", "us-west-2"):
        aws.let_go("bedrock", region)
    assert (await last(services.regions.look("a", "eu-west-1"))).endpoints == ()
    assert operations(sandbox).count("ListProvisionedModelThroughputs") == 2
    assert not {region for _, region, _ in aws._clients} & {"us-east-1", "us-west-2"}
    sandbox.reset()
    east.create_provisioned_model_throughput(provisionedModelName="forgotten", modelId=nova, modelUnits=1)
    found = await last(services.regions.look("a", "eu-west-1", fresh=True))
    assert [e.name for e in found.endpoints] == ["forgotten"]
    assert {region for _, region, _ in aws._clients} & {"us-east-1", "us-west-2"} == {"us-east-1"}
