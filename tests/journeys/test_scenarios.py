"""Failures rehearsed by name: what the app says of each, and the way out."""

from __future__ import annotations

import pytest

from tests.harness import Walk
from tests.journeys.stage import sent, served, trained, uploaded
from tui.sandbox.scenarios import Scenario

HOUR = 3600.0
BUY = "CreateProvisionedModelThroughput"


def rehearse(walk: Walk, scenario: Scenario) -> None:
    walk.sandbox.world.scenarios = frozenset({scenario})


async def begin_job(walk: Walk) -> None:
    await walk.sees(walk.sandbox.account_id)
    await walk.press("2", "n")
    await walk.sees("New job on Claude 3 Haiku")
    await walk.press("ctrl+s")
    await walk.sees("● Validation")


async def test_capacity_that_never_comes_is_told_as_waiting_and_the_job_can_be_stopped(walk: Walk) -> None:
    services = walk.services()
    uploaded(walk, services)
    rehearse(walk, Scenario.CAPACITY)
    async with walk.app(services=services):
        await begin_job(walk)
        await walk.pass_time(30 * HOUR)
        await walk.sees("Queued")
        await walk.press("S")
        await walk.sees("Stop")


async def test_a_failed_training_tells_its_reason(walk: Walk) -> None:
    services = walk.services()
    uploaded(walk, services)
    rehearse(walk, Scenario.TRAINING)
    async with walk.app(services=services, size=(120, 40)):
        await begin_job(walk)
        await walk.pass_time(2 * HOUR)
        await walk.sees("✗ Failed", "unexpected error")


async def test_throughput_stuck_in_creating_bills_visibly_and_can_be_deleted(walk: Walk) -> None:
    rehearse(walk, Scenario.STUCK)
    served(walk)
    async with walk.app(size=(120, 40)):
        await walk.sees(walk.sandbox.account_id, "1 MU")
        await walk.press("2")
        await walk.pass_time(2 * HOUR)
        await walk.sees("Creating", "1 MU 2:10")
        await walk.press("X")
        await walk.sees("Delete this endpoint?")
        await walk.type("gate-1")
        await walk.press("enter")
        await walk.sees("gate-1 is deleted")
    assert [line.ended is not None for line in walk.sandbox.books()] == [True]


async def test_a_deletion_refused_under_commitment_says_why(walk: Walk) -> None:
    served(walk)
    rehearse(walk, Scenario.COMMITMENT)
    async with walk.app(size=(120, 40)):
        await walk.sees(walk.sandbox.account_id, "1 MU")
        await walk.press("2", "X")
        await walk.sees("Delete this endpoint?")
        await walk.type("gate-1")
        await walk.press("enter", "enter")
        await walk.sees("before its commitment term is over")
        await walk.sees("1 MU")


async def test_an_account_without_model_units_is_told_before_it_buys(walk: Walk) -> None:
    trained(walk)
    rehearse(walk, Scenario.QUOTA)
    async with walk.app(size=(120, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await walk.press("b")
        await walk.sees("Serve lantern-keeper", "quota of model units without commitment is 0", "Ask AWS Support")
    assert sent(walk, BUY) == 0


async def test_a_role_that_cannot_be_assumed_gives_the_form_back_with_the_reason(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = walk.services()
    monkeypatch.setattr(services.jobs, "_role_waits", (0.0, 0.0))
    uploaded(walk, services)
    rehearse(walk, Scenario.ROLE)
    async with walk.app(services=services, size=(120, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2", "n")
        await walk.sees("New job on Claude 3 Haiku")
        await walk.press("end", "backspace", "7")
        await walk.press("ctrl+s")
        await walk.sees("New job on Claude 3 Haiku", "Could not assume", "7 epochs")
        assert walk.sandbox.world.records.jobs == {}
        walk.sandbox.world.scenarios = frozenset()
        await walk.press("ctrl+s")
        await walk.sees("● Validation")
    assert len(walk.sandbox.world.records.jobs) == 1


async def test_data_of_the_wrong_format_fails_the_job_with_cause_and_cure(walk: Walk) -> None:
    services = walk.services()
    uploaded(walk, services)
    rehearse(walk, Scenario.FORMAT)
    async with walk.app(services=services, size=(120, 40)):
        await begin_job(walk)
        await walk.pass_time(2 * HOUR)
        await walk.sees("✗ Failed", "not in the format")
        walk.sandbox.world.scenarios = frozenset()
        await walk.press("C")
        await walk.sees("New job on Claude 3 Haiku")
        await walk.press("ctrl+s")
        await walk.sees("● Validation", "2 runs")
