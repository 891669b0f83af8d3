"""Schedules, quotas and news, each against AWS and against what goes wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import PLACE, Scripted, operations
from tui.domain.errors import AppError, Cause
from tui.domain.training.jobs import Job
from tui.domain.training.runs import Board, Part, Run
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.news import NewsDesk
from tui.services.pool import DaemonPool
from tui.services.serving.quotas import Quotas, per_model
from tui.services.serving.schedules import plan_deleting_role, schedule_name
from tui.services.session import Services
from tui.services.store import Store

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


async def test_a_schedule_is_put_moved_and_removed(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    arn, schedules = scene.throughput(scene.model()), services.schedules
    role = await schedules.role(plan_deleting_role(sandbox.account_id, sandbox.region))
    until = scene.clock.now() + timedelta(minutes=30)
    name = await schedules.put(arn, until, role.arn)
    assert name == schedule_name(arn)
    assert await schedules.put(arn, until + timedelta(minutes=30), role.arn) == name
    await schedules.move(name, until + timedelta(hours=2))
    scene.pass_time(3600 + 60)
    assert [line.ended for line in sandbox.books()] == [None]
    scene.pass_time(2 * 3600)
    assert [line.ended is None for line in sandbox.books()] == [False]
    with pytest.raises(AppError) as error:
        await schedules.move(name, until)
    assert error.value.cause is Cause.NOT_FOUND
    await schedules.remove(name)
    sandbox.faults.add(kind="denied", operation="DeleteSchedule", times=1)
    with pytest.raises(AppError) as error:
        await schedules.remove(name)
    assert error.value.cause is Cause.DENIED


async def test_a_role_that_is_not_known_yet_is_an_invalid_request(services: Services, scene: Scene) -> None:
    arn = scene.throughput(scene.model())
    with pytest.raises(AppError) as error:
        await services.schedules.put(arn, scene.clock.now(), "arn:aws:iam::123456789012:role/nobody")
    assert error.value.cause is Cause.INVALID


async def test_quotas_are_read_once_until_another_account_comes(services: Services, sandbox: Sandbox) -> None:
    found = await services.quotas.units("Claude 3 Haiku")
    assert (found.without_commitment, found.with_commitment, found.per_model, found.problem) == (2, 1, 2, "")
    assert (await services.quotas.units("Unknown")).per_model is None
    assert await services.quotas.value("no such quota") is None
    asked = operations(sandbox).count("ListServiceQuotas")
    services.quotas.forget()
    await services.quotas.units("Claude 3 Haiku")
    assert operations(sandbox).count("ListServiceQuotas") == 2 * asked


async def test_a_quota_that_cannot_be_read_is_said_and_tried_again(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="denied", operation="ListServiceQuotas", times=1)
    found = await services.quotas.units("Claude 3 Haiku")
    assert found.across("") is None
    assert "quota is not known (" in found.text(1, 0, "")
    assert (await services.quotas.units("Claude 3 Haiku")).across("") == 2


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Claude 3 Haiku", 1),
        ("Claude 3.5 Haiku", 2),
        ("Llama 3.1 8B Instruct", 3),
        ("Llama 3.1 70B Instruct", None),
        ("Nova Lite", 4),
        ("Nova 2 Lite", 5),
        ("Titan Text", None),  # two variants that differ
    ],
)
def test_the_quota_of_a_base_model_is_found_by_the_words_of_its_name(model: str, expected: float | None) -> None:
    words = {
        "Anthropic Claude 3 Haiku 200K": 1,
        "Anthropic Claude 3.5 Haiku 200K": 2,
        "Meta Llama 3.1 8B Instruct": 3,
        "the 300k context length variant for Amazon Nova Lite": 4,
        "Amazon Nova 2 Lite V1.0 256K": 5,
        "Amazon Titan Text 4K": 6,
        "Amazon Titan Text 8K": 7,
    }
    quotas = {f"model units per provisioned model for {name.lower()}": float(value) for name, value in words.items()}
    assert per_model({**quotas, "on-demand requests for claude 3 haiku": 99}, model) == expected


@pytest.mark.parametrize("quota", [{}, {"QuotaName": "a", "Value": "many"}, {"QuotaName": "a", "Value": None}])
async def test_an_odd_quota_is_told_and_no_crash(elsewhere: Aws, scripted: Scripted, quota: dict[str, Any]) -> None:
    scripted.answers({"Quotas": [quota]})
    assert (await Quotas(elsewhere).units("Claude 3 Haiku")).across("") is None


def board(status: str, **more: Any) -> Board:
    job = Job("arn:job/1", "夜間", status, "", NOW)
    return replace(Board((Run(job.arn, job),), NOW), **more)


@pytest.fixture
def desks(tmp_path: Path) -> list[NewsDesk]:
    """Two sessions over one store, one after the other."""
    return [NewsDesk(Store(tmp_path / "store"), DaemonPool(1)) for _ in range(2)]


async def test_news_are_told_once_also_over_an_end(desks: list[NewsDesk]) -> None:
    first, second = desks
    assert (await first.read(PLACE, board("InProgress")))[0] == []
    found, away = await second.read(PLACE, board("Completed"))
    assert away
    assert [one.text for one in found] == ["夜間: Completed"]
    assert await second.read(PLACE, board("Completed")) == ([], False)


async def test_what_could_not_be_listed_is_no_news(desks: list[NewsDesk]) -> None:
    first, second = desks
    await first.read(PLACE, board("InProgress"))
    problem = AppError(Cause.EXPIRED, "expired")
    assert await first.read(PLACE, replace(Board((), NOW), problem=problem)) == ([], False)
    assert await first.read(PLACE, Board()) == ([], False)
    assert (await first.read(PLACE, replace(Board((), NOW), missed=frozenset({Part.JOBS}))))[0] == []
    assert [one.text for one in (await second.read(PLACE, board("Completed")))[0]] == ["夜間: Completed"]


@pytest.mark.parametrize("kept", ["", "null", "[]", '{"a": 1}', '{"a": ["n", "s", "no such part", true]}', "{"])
async def test_a_damaged_memory_has_no_news(tmp_path: Path, kept: str) -> None:
    store = Store(tmp_path / "store")
    store.remember(PLACE, "last board", kept)
    found, _ = await NewsDesk(store, DaemonPool(1)).read(PLACE, board("Completed"))
    assert found == []
