"""How fast is asked: halved by refusals, faster with successes, pauses that end."""

from __future__ import annotations

import asyncio

import pytest

from tui.services.evaluation.pacing import LONGEST_PAUSE, PATIENCE, Pacing


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_limit_is_halved_by_a_refusal_and_grows_by_one_a_round(clock: Clock) -> None:
    pacing = Pacing(8, now=clock)
    assert pacing.refused()
    assert pacing.limit == 4
    for _ in range(4):
        pacing.went_well()
    assert 4.5 < pacing.limit < 5.1
    for _ in range(100):
        pacing.went_well()
    assert pacing.limit == 8


def test_refusals_together_are_one(clock: Clock) -> None:
    pacing = Pacing(8, now=clock, rng=lambda: 1.0)
    assert all(pacing.refused() for _ in range(5))
    assert (pacing.refusals, pacing.limit) == (1, 4)


def test_pauses_double_up_to_a_minute_and_patience_ends(clock: Clock) -> None:
    pacing = Pacing(2, now=clock, rng=lambda: 1.0)
    pauses = []
    for _ in range(PATIENCE - 1):
        assert pacing.refused()
        began = clock.seconds
        while pacing.waiting:
            clock.seconds += 0.5
        pauses.append(clock.seconds - began)
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert not pacing.refused()
    assert pacing.limit == 1


def test_jitter_takes_at_most_half(clock: Clock) -> None:
    pacing = Pacing(2, first=10, now=clock, rng=lambda: 0.0)
    pacing.refused()
    clock.seconds = 4.9
    assert pacing.waiting
    clock.seconds = 5.1
    assert not pacing.waiting


async def test_no_more_than_the_limit_go_at_once() -> None:
    pacing = Pacing(2)
    most = now = 0

    async def call() -> None:
        nonlocal most, now
        await pacing.enter()
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        pacing.leave()

    await asyncio.gather(*(call() for _ in range(20)))
    assert (most, now) == (2, 0)


async def test_a_pause_ends_by_itself_and_at_once_when_hurried(clock: Clock) -> None:
    pacing = Pacing(1, first=0.01)
    pacing.refused()
    await asyncio.wait_for(pacing.enter(), 5)
    slow = Pacing(1, first=1000)
    slow.refused()
    waiting = asyncio.create_task(slow.enter())
    await asyncio.sleep(0)
    assert not waiting.done()
    slow.hurry()
    await asyncio.wait_for(waiting, 5)
    assert not slow.waiting
