"""Nothing bills unseen or longer than it was meant to: leases, other Regions, the meter and the books."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.widgets import Input

from tests.harness import Walk
from tests.journeys.stage import scene_of, sent, served, trained
from tui.domain.serving.meter import is_idle, spent
from tui.domain.settings import Settings
from tui.sandbox.pricing import HOURLY
from tui.screens.main import MainScreen
from tui.screens.money import MoneyScreen
from tui.services.serving.leases import Lease, LeaseState
from tui.tabs.jobs import JobsTab
from tui.widgets.fields import ChoiceField, TextField
from tui.widgets.virtual_table import VirtualTable

BUY, DELETE = "CreateProvisionedModelThroughput", "DeleteProvisionedModelThroughput"
MINUTE = 60.0


def main_of(walk: Walk) -> MainScreen:
    screen = walk.app_now.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen


def held(walk: Walk) -> list[str]:
    return [line.name for line in walk.sandbox.books() if line.ended is None]


async def buy(walk: Walk, *, lease: str = "50m", by_aws: bool = False, word: str = "claude-3-haiku") -> None:
    await walk.sees(walk.sandbox.account_id)
    await walk.press("2")
    await walk.sees("lantern-keeper")
    await walk.press("b")
    await walk.sees("Serve lantern-keeper", "Quota:")
    walk.app_now.screen.query_one("#lease", TextField).value = lease
    if by_aws:
        walk.app_now.screen.query_one("#ender", ChoiceField).value = "aws"
    await walk.type(word)
    await walk.press("enter")


async def test_a_lease_warns_and_ends_and_the_meter_agrees_with_the_books(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 30)):
        await buy(walk)
        await walk.sees("is being created", "its lease ends at", "1 MU")
        await walk.pass_time(44 * MINUTE)
        await walk.sees("claude-3-haiku: InService")
        assert held(walk) == ["claude-3-haiku"]
        await walk.pass_time(2 * MINUTE)
        await walk.sees("is deleted in 4 m; + keeps it 30 m longer")
        now, (line,) = walk.clock.now(), walk.sandbox.books()
        booked = line.units * HOURLY[None] * (now.timestamp() - line.started) / 3600
        shown = spent(main_of(walk).bills, now)
        assert shown is not None
        assert round(shown, 2) == round(booked, 2)
        await walk.sees(f"≈ ${booked:,.2f}")
        await walk.pass_time(5 * MINUTE)
        await walk.sees("The lease of claude-3-haiku is over: it is deleted. It cost ≈ $20")
        assert held(walk) == []
        await walk.misses("1 MU")
    assert sent(walk, DELETE) == 1


async def test_one_key_keeps_it_longer_also_where_another_window_has_it_at_the_same_moment(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(walk)
    services = walk.services()
    extend, others = services.leases.extend, [services.leases.extend]

    def behind_the_other(lease: Lease, until: datetime) -> bool:
        if others:
            assert others.pop()(lease, until)
        return extend(lease, until)

    monkeypatch.setattr(services.leases, "extend", behind_the_other)
    async with walk.app(services=services):
        await buy(walk, lease="10m")
        await walk.sees("is being created")
        await walk.pass_time(8 * MINUTE)
        await walk.sees("+ keeps it 30 m longer")
        await walk.press("+")
        await walk.sees("claude-3-haiku stays until")
        await walk.pass_time(55 * MINUTE)
        assert held(walk) == ["claude-3-haiku"]
        await walk.pass_time(10 * MINUTE)
        await walk.sees("is over: it is deleted")


async def test_a_lease_that_ended_while_the_app_was_closed_is_carried_out_at_the_next_start(walk: Walk) -> None:
    trained(walk)
    async with walk.app():
        await buy(walk)
        await walk.sees("is being created")
    walk.clock.advance(5 * 3600)
    assert held(walk) == ["claude-3-haiku"]
    async with walk.app():
        await walk.sees("is over: it is deleted")
    assert held(walk) == []


async def test_a_deletion_that_fails_is_told_and_tried_again(walk: Walk) -> None:
    trained(walk)
    async with walk.app():
        await buy(walk)
        await walk.sees("is being created")
        walk.sandbox.faults.add(kind="denied", operation=DELETE, times=1)
        await walk.pass_time(51 * MINUTE)
        await walk.sees("The lease of claude-3-haiku is over, but it is not deleted")
        await walk.pass_time(2 * MINUTE)
        await walk.sees("is over: it is deleted")
    assert held(walk) == []


async def test_aws_ends_the_lease_although_the_app_is_closed(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 40)):
        await buy(walk, by_aws=True)
        await walk.sees("Create the IAM role tanzaku-lease-us-west-2?", "scheduler.amazonaws.com")
        await walk.press("y")
        await walk.sees("it bills until AWS deletes it at")
        await walk.press("q")
        await walk.sees("AWS deletes it at", "also without tanzaku")
        await walk.press("q")
    kept = walk.sandbox.client("scheduler").list_schedules()["Schedules"]
    assert len(kept) == 1
    walk.clock.advance(51 * MINUTE)
    walk.sandbox.settle()
    assert held(walk) == []
    assert walk.sandbox.client("scheduler").list_schedules()["Schedules"] == []
    async with walk.app():
        await walk.sees("While tanzaku was closed", "is deleted")
    (line,) = walk.sandbox.books()
    assert line.ended is not None
    assert line.ended - line.started == pytest.approx(50 * MINUTE, abs=1.5 * MINUTE)


async def test_extending_moves_the_schedule_and_lifting_removes_it(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 40)):
        await buy(walk, by_aws=True)
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("AWS deletes it at")
        await walk.press("+")
        await walk.sees("stays until")
        walk.clock.advance(51 * MINUTE)
        walk.sandbox.settle()
        assert held(walk) == ["claude-3-haiku"]
        await walk.press("$")
        await walk.sees("What bills by the hour", "(AWS)", "not AWS's prices")
        walk.sandbox.faults.add(kind="denied", operation="DeleteSchedule")
        await walk.press("-")
        await walk.sees("keeps its end", "(AWS)")
        await walk.press("-")
        # Not by what is said: that the endpoint is in service may be told right behind it.
        await walk.sees("until deleted")
        await walk.until(lambda: schedules(walk) == [], "the end of the schedule")


async def test_without_permission_the_lease_says_it_is_kept_here_only(walk: Walk) -> None:
    trained(walk)
    walk.sandbox.faults.add(kind="denied", operation="CreateSchedule", times=None)
    async with walk.app(size=(100, 40)):
        await buy(walk, by_aws=True)
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("while tanzaku runs here", "AWS could not be told")
        await walk.press("q")
        await walk.sees("only while tanzaku runs here")


async def test_a_schedule_whose_answer_is_lost_is_told_again_and_follows_the_lease(walk: Walk) -> None:
    """AWS has it, and nobody here knows: what is extended must not be deleted at the first end all the same."""
    trained(walk)
    lost = walk.sandbox.faults.add(kind="error_after", operation="CreateSchedule", times=None)
    async with walk.app(size=(100, 40)):
        await buy(walk, by_aws=True)
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("while tanzaku runs here", "AWS could not be told yet")
        (schedule,) = schedules(walk)
        lost.times = 0
        await walk.press("+")
        await walk.sees("stays until")
        await walk.until(lambda: bool(main_of(walk)._kept), "a look at the lease")
        await walk.pass_time(MINUTE + 1)
        store = walk.app_now.services.leases
        place = walk.app_now.services.place(main_of(walk).identity)
        await walk.until(lambda: store.running(place)[0].kept == schedule, "the note of it")
        walk.clock.advance(60 * MINUTE)
        walk.sandbox.settle()
        assert held(walk) == ["claude-3-haiku"]


def test_a_clock_that_is_set_back_lets_nothing_bill_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, passed = datetime(2026, 11, 22, 9, tzinfo=UTC), 0.0
    lease = Lease("t", "p", "gate", 50, "arn", begun + timedelta(minutes=50), "", LeaseState.RUNNING)
    monkeypatch.setattr("tui.screens.money.monotonic", lambda: passed)
    screen = cast("MoneyScreen", SimpleNamespace(_first_left={}))

    def left(minutes: float) -> timedelta | None:
        return MoneyScreen._left(screen, lease, begun + timedelta(minutes=minutes))

    assert left(0) == timedelta(minutes=50)
    passed = 600.0
    assert left(10) == left(-120) == timedelta(minutes=40)
    assert left(45) == timedelta(minutes=5)  # the laptop slept
    passed = 3001.0
    assert left(-120) == timedelta(seconds=-1)


async def test_a_role_that_is_not_made_buys_nothing(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 40)):
        await buy(walk, by_aws=True)
        await walk.sees("Create the IAM role")
        await walk.press("escape")
        await walk.sees("Serve lantern-keeper", "AWS cannot end the lease without this role")
    assert sent(walk, BUY) == 0


async def test_a_commitment_wants_its_term_typed_and_says_what_it_means(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await walk.press("b")
        await walk.sees("Serve lantern-keeper")
        walk.app_now.screen.query_one("#commitment", ChoiceField).value = "OneMonth"
        await walk.sees("cannot be deleted before", "renews itself", "$14,400.00 in all for 1 month", "Quota:")
        await walk.type("claude-3-haiku")
        await walk.press("enter")
        await walk.sees("Type claude-3-haiku for 1 month in the last field")
        assert sent(walk, BUY) == 0
        await walk.type(" for 1 month")
        await walk.misses("in the last field")
        await walk.press("enter")
        await walk.sees("is being created")
        (line,) = walk.sandbox.books()
        assert line.commitment == "OneMonth"
        await walk.press("X")
        await walk.sees("AWS refuses to delete it before")
        await walk.type("claude-3-haiku")
        await walk.press("enter")
        await walk.sees("cannot be deleted before its commitment term is over")


async def test_what_bills_in_another_region_is_found_and_can_be_deleted(walk: Walk) -> None:
    scene = scene_of(walk)
    east = walk.sandbox.client("bedrock", region_name="us-east-1")
    scene.bucket()
    nova = "amazon.nova-lite-v1:0:300k"
    east.create_provisioned_model_throughput(provisionedModelName="forgotten", modelId=nova, modelUnits=1)
    async with walk.app(size=(110, 30)):
        await walk.sees("Provisioned throughput bills in us-east-1 too", "also us-east-1", "≈ $0.00")
        await walk.press("$")
        await walk.sees("forgotten", "us-east-1", "$24.00/MU/h")
        await walk.press("X")
        await walk.sees("forgotten in us-east-1 stops answering")
        await walk.type("forgotten")
        await walk.press("enter")
        await walk.sees("forgotten is deleted")
        await walk.misses("also us-east-1")
    assert held(walk) == []


async def test_a_scan_can_be_skipped_and_is_not_repeated_for_clean_regions(walk: Walk) -> None:
    served(walk)
    async with walk.app(services=walk.services(settings=Settings(scan_regions=False))):
        await walk.sees("1 MU")
    assert sent(walk, "ListRegions") == 0
    for _ in range(2):
        async with walk.app():
            await walk.until(lambda: sent(walk, "ListRegions") > 0, "the scan")
            await walk.sees("1 MU")
    listed = [r for r in walk.sandbox.requests if r.operation == "ListProvisionedModelThroughputs"]
    assert len(listed) > 0


async def test_idle_and_reminded(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.app import TanzakuApp

    written: list[str] = []
    monkeypatch.setattr(TanzakuApp, "_write_outside", lambda self, sequence: written.append(sequence))
    served(walk)
    async with walk.app(services=walk.services(settings=Settings(remind_minutes=20, notify="osc9")), size=(100, 30)):
        await walk.sees("1 MU")
        await walk.pass_time(21 * MINUTE)
        await walk.sees("idle")
        await walk.until(lambda: any("Still billing: ● 1 MU" in text for text in written), "the reminder")
        await walk.press("4")
        await walk.type("What is lantern number 3?")
        await walk.press("enter")
        await walk.misses(" idle")


async def test_calls_of_other_programs_end_the_idle_time(walk: Walk) -> None:
    scene, arn = served(walk)
    async with walk.app(size=(110, 30)):
        await walk.sees("1 MU")
        await walk.pass_time(40 * MINUTE)
        await walk.until(lambda: is_idle(main_of(walk).bills, walk.clock.now()), "the idle time")
        asking = [{"role": "user", "content": [{"text": "Which gate?"}]}]
        scene.runtime.converse(modelId=arn, messages=asking)
        await walk.pass_time(2 * MINUTE)
        await walk.until(lambda: not is_idle(main_of(walk).bills, walk.clock.now()), "the end of the idle time")
        await walk.press("$")
        await walk.sees("What bills by the hour")
        assert not walk.shows("idle")


async def test_without_cloudwatch_the_bill_says_whose_calls_it_knows(walk: Walk) -> None:
    served(walk)
    walk.sandbox.faults.add(kind="denied", operation="GetMetricData", times=None)
    async with walk.app(size=(110, 30)):
        await walk.sees("1 MU")
        await walk.until(lambda: sent(walk, "GetMetricData") == 1, "the question to CloudWatch")
        await walk.pass_time(40 * MINUTE)
        await walk.press("$")
        await walk.sees("idle", "this app's calls only: cloudwatch:GetMetricData is not allowed")
    assert sent(walk, "GetMetricData") == 1


async def test_of_two_windows_one_tells_that_the_lease_is_over(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(walk)
    told: list[str] = []
    say = MainScreen.say

    def noted(screen: MainScreen, text: str, *more: Any, **cures: Any) -> None:
        told.append(text)
        say(screen, text, *more, **cures)

    monkeypatch.setattr(MainScreen, "say", noted)
    async with walk.app():
        await buy(walk)
        await walk.sees("is being created")
        first = walk.pilot
        async with walk.app():
            await walk.sees("1 MU")
            await walk.pass_time(51 * MINUTE)
            await walk.misses("1 MU")
            walk.pilot = first
            await walk.misses("1 MU")
        walk.pilot = first
        (text,) = (text for text in told if "is over" in text)
        assert "it is deleted. It cost ≈ $20" in text
        assert held(walk) == []


async def two_leases(walk: Walk) -> None:
    """Two endpoints, the first to end in ten minutes, the other in a quarter of an hour."""
    await buy(walk, lease="10m")
    await walk.sees("is being created")
    scene_of(walk).model("paper-folder")
    walk.app_now.services.watcher.wake()
    await walk.sees("paper-folder")
    await walk.press("g")
    await walk.until(lambda: walk.app_now.screen.query_one(JobsTab).run_shown.name == "paper-folder", "its row")  # type: ignore[union-attr]
    await walk.press("b")
    await walk.sees("Serve paper-folder", "Quota:")
    walk.app_now.screen.query_one("#lease", TextField).value = "15m"
    await walk.type("claude-3-haiku-2")
    await walk.press("enter")
    await walk.sees("claude-3-haiku-2 is being created", "2 MU")


def ends(walk: Walk) -> dict[str, float]:
    """Minutes from now to the end of each lease."""
    services = walk.app_now.services
    found = services.leases.running(services.place(main_of(walk).identity))
    return {
        lease.name: round((lease.until - walk.clock.now()).total_seconds() / MINUTE) for lease in found if lease.until
    }


async def test_the_key_pressed_again_lengthens_the_same_lease(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 40)):
        await two_leases(walk)
        assert ends(walk) == {"claude-3-haiku": 10, "claude-3-haiku-2": 15}
        await walk.press("+", "+")
        await walk.until(lambda: max(ends(walk).values()) == 70, "an hour more")
        assert ends(walk) == {"claude-3-haiku": 70, "claude-3-haiku-2": 15}


async def test_in_the_bill_a_key_pressed_again_reaches_nothing_else(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 40)):
        await two_leases(walk)
        await walk.press("$")
        await walk.sees("What bills by the hour", "Together")
        table = walk.app_now.screen.query_one(VirtualTable)
        at = next(i for i in range(2) if table.source.cells(i)[0] == "claude-3-haiku-2")
        await walk.press("g", *["j"] * at)
        await walk.press("+", "+")
        await walk.until(lambda: ends(walk)["claude-3-haiku-2"] == 75, "an hour more")
        await walk.press("-", "-")
        await walk.until(lambda: "claude-3-haiku-2" not in ends(walk), "no end")
        assert ends(walk) == {"claude-3-haiku": 10}
        await walk.sees("What bills by the hour", "until deleted")
        await walk.press("X", "X", "X")
        await walk.sees("Delete this endpoint?", "claude-3-haiku-2 in us-west-2")
        field = walk.app_now.screen.query_one(Input)
        field.value = ""
        await walk.type("claude-3-haiku-2")
        await walk.press("enter", "enter")
        await walk.until(lambda: held(walk) == ["claude-3-haiku"], "the deletion")
        await walk.sees("What bills by the hour", "claude-3-haiku-2 is deleted")
        await walk.press("escape")
        assert walk.app_now.screen is main_of(walk)
    assert sent(walk, DELETE) == 1


async def leased_by_aws(walk: Walk) -> str:
    """Throughput bought for 50 minutes, with a schedule in AWS; the schedule's name."""
    await buy(walk, by_aws=True)
    await walk.sees("Create the IAM role")
    await walk.press("y")
    await walk.sees("AWS deletes it at")
    (schedule,) = schedules(walk)
    return schedule


def schedules(walk: Walk) -> list[str]:
    return [one["Name"] for one in walk.sandbox.client("scheduler").list_schedules()["Schedules"]]


async def test_a_schedule_that_was_not_made_before_the_end_is_made_by_the_next_start(walk: Walk) -> None:
    """The app is killed between the purchase and the word to AWS."""
    trained(walk)
    services = walk.services()
    async with walk.app(services=services, size=(100, 40)):
        name = await leased_by_aws(walk)
        place = services.place(main_of(walk).identity)
    (lease,) = services.leases.running(place)
    walk.sandbox.client("scheduler").delete_schedule(Name=name)
    role = f"arn:aws:iam::{walk.sandbox.account_id}:role/tanzaku-lease-us-west-2"
    services.leases.keep_in_aws(lease.token, role)
    async with walk.app(size=(100, 40)):
        await walk.until(lambda: lease.token in main_of(walk)._kept, "a look at the lease")
        assert schedules(walk) == []
        await walk.pass_time(MINUTE)
        await walk.until(lambda: schedules(walk) == [name], "the schedule")
        await walk.until(lambda: services.leases.running(place)[0].kept == name, "the note of it")
    walk.clock.advance(51 * MINUTE)
    walk.sandbox.settle()
    assert held(walk) == []


async def test_a_schedule_changed_elsewhere_is_what_counts(walk: Walk) -> None:
    """Killed between the move of the schedule and the note of it, or changed by hand."""
    trained(walk)
    services = walk.services()
    async with walk.app(services=services, size=(100, 40)):
        name = await leased_by_aws(walk)
    until = (walk.clock.now() + timedelta(hours=3)).replace(microsecond=0)
    await services.schedules.move(name, until)
    async with walk.app(size=(100, 40)):
        await walk.sees("1 MU")
        await walk.until(lambda: ends(walk) == {"claude-3-haiku": 180}, "the time of the schedule")
        await walk.pass_time(60 * MINUTE)
        assert held(walk) == ["claude-3-haiku"]
    walk.sandbox.client("scheduler").delete_schedule(Name=name)
    async with walk.app(size=(100, 40)):
        await walk.sees("its schedule in AWS is gone; tanzaku deletes it, if it runs then")
        await walk.press("$")
        await walk.sees("What bills by the hour")
        assert not walk.shows("(AWS)")


async def test_deleting_by_hand_takes_the_schedule_along(walk: Walk) -> None:
    trained(walk)
    async with walk.app(size=(100, 40)):
        await leased_by_aws(walk)
        await walk.until(lambda: len(main_of(walk)._prices) == 1, "its price")
        await walk.press("X")
        await walk.sees("Delete this endpoint?")
        await walk.type("claude-3-haiku")
        await walk.press("enter")
        await walk.sees("claude-3-haiku is deleted")
        walk.clock.advance(1)
        await walk.until(lambda: not schedules(walk), "the end of the schedule")
        assert ends(walk) == {}
