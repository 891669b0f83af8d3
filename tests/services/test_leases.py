"""Leases in the store: planned, begun, moved and ended once, whoever looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tui.services.serving.leases import Lease, Leases, LeaseState
from tui.services.store import Store

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PLACE, ARN = "123456789012/us-west-2", "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/x"


@pytest.fixture
def leases(tmp_path: Path) -> Leases:
    return Leases(Store(tmp_path / "store"), now=lambda: NOW)


def test_a_plan_runs_when_its_purchase_is_made(leases: Leases) -> None:
    leases.plan(PLACE, "t", "提灯", 50)
    assert leases.running(PLACE) == []
    leases.begin("t", ARN, NOW)
    until = NOW + timedelta(minutes=50)
    assert leases.running(PLACE) == [Lease("t", PLACE, "提灯", 50, ARN, until, "", LeaseState.RUNNING)]
    assert leases.running(PLACE)[0].left(NOW + timedelta(minutes=51)) == timedelta(minutes=-1)
    assert leases.running("123456789012/us-east-1") == []
    leases.begin("t", "arn:other", NOW + timedelta(hours=5))
    assert leases.running(PLACE)[0].arn == ARN


def test_a_plan_can_be_made_anew_and_dropped_but_not_what_runs(leases: Leases) -> None:
    leases.plan(PLACE, "t", "gate", 50)
    leases.plan(PLACE, "t", "gate-2", 10)
    leases.begin("t", ARN, NOW)
    leases.plan(PLACE, "t", "gate-3", 999)
    leases.drop("t")
    (lease,) = leases.running(PLACE)
    assert (lease.name, lease.minutes) == ("gate-2", 10)
    leases.plan(PLACE, "u", "never", 5)
    assert [one.token for one in leases.planned(PLACE)] == ["u"]
    leases.drop("u")
    assert leases.planned(PLACE) == []
    assert [one.name for one in leases.running(PLACE)] == ["gate-2"]
    # The purchase that seemed refused was made after all: its lease is not lost.
    leases.begin("u", ARN, NOW)
    assert {one.name for one in leases.running(PLACE)} == {"gate-2", "never"}
    assert leases.of("u") in leases.running(PLACE)
    assert leases.of("v") is None


def test_of_two_windows_one_is_told_that_it_moved_or_ended_the_lease(tmp_path: Path) -> None:
    windows = [Leases(Store(tmp_path / "store"), now=lambda: NOW) for _ in range(2)]
    windows[0].plan(PLACE, "t", "gate", 50)
    windows[0].begin("t", ARN, NOW)
    (lease,) = windows[0].running(PLACE)
    first, second = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    assert [one.extend(lease, first) for one in windows] == [True, False]
    (moved,) = windows[1].running(PLACE)
    assert (moved.until, windows[1].extend(moved, second)) == (first, True)
    (last,) = windows[0].running(PLACE)
    assert [one.end("t") for one in windows] == [True, False]
    assert windows[0].end("unknown") is False
    assert not windows[1].extend(last, NOW + timedelta(hours=9))
    assert windows[0].running(PLACE) == []


def test_the_first_to_end_comes_first(leases: Leases) -> None:
    for token, minutes in (("a", 90.0), ("b", 10.0), ("c", 50.0)):
        leases.plan(PLACE, token, token, minutes)
        leases.begin(token, ARN + token, NOW)
    assert [lease.token for lease in leases.running(PLACE)] == ["b", "c", "a"]
    assert leases.extend(leases.running(PLACE)[0], NOW + timedelta(hours=9))
    leases.keep_in_aws("c", "tanzaku-lease-1")
    assert [(lease.token, lease.schedule) for lease in leases.running(PLACE)] == [
        ("c", "tanzaku-lease-1"),
        ("a", ""),
        ("b", ""),
    ]


def test_a_role_is_a_wish_and_a_schedule_keeps_it(leases: Leases) -> None:
    role = "arn:aws:iam::123456789012:role/tanzaku-lease-us-west-2"
    leases.plan(PLACE, "t", "gate", 50, role)
    leases.begin("t", ARN, NOW)
    (lease,) = leases.running(PLACE)
    assert (lease.wanted, lease.kept) == (role, "")
    leases.keep_in_aws("t", "tanzaku-lease-abc")
    (lease,) = leases.running(PLACE)
    assert (lease.wanted, lease.kept) == ("", "tanzaku-lease-abc")
    leases.keep_in_aws("t", "")
    (lease,) = leases.running(PLACE)
    assert (lease.wanted, lease.kept) == ("", "")
