"""What the status line says when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.notices import STAYS, Notice, Notices

LEASE, ROLE = Notice("it has no end any more", "problem"), Notice("the role is gone", "problem")
NEWS, BUSY, MORE = Notice("a job has ended", "good"), Notice("sending 1 %"), Notice("sending 2 %")
NOTHING = Notice()


def played(*steps: tuple[float, Notice | None]) -> tuple[Notices, float]:
    """What was said when; None is a key."""
    line, touched = Notices(), 0.0
    for at, said in steps:
        while (wait := line.wait(at)) == 0:
            line.turn(at)
            assert wait is not None
        if said is None:
            touched = at
        else:
            line.say(said, at, touched)
    return line, touched


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ([(10, BUSY), (11, LEASE)], LEASE),
        ([(10, LEASE), (11, NEWS)], LEASE),
        ([(10, LEASE), (11, BUSY)], LEASE),
        ([(10, LEASE), (11, NOTHING)], LEASE),
        ([(10, LEASE), (11, ROLE)], LEASE),
        ([(10, LEASE), (11, None), (12, NEWS)], NEWS),
        ([(10, LEASE), (11, None), (12, NOTHING)], NOTHING),
        ([(9, None), (10, LEASE), (11, NEWS)], LEASE),
        ([(10, LEASE), (10 + STAYS, NEWS)], NEWS),
        ([(10, LEASE), (11, NEWS), (10 + STAYS, BUSY)], BUSY),
        ([(10, NEWS), (11, BUSY)], BUSY),
        ([(10, LEASE), (11, None), (12, LEASE), (13, NEWS)], LEASE),
        ([(10, LEASE), (12, LEASE), (10 + STAYS, NEWS)], NEWS),
    ],
)
def test_a_problem_stays_to_be_read(steps: list[tuple[float, Notice | None]], shown: Notice) -> None:
    assert played(*steps)[0].shown == shown


def test_news_wait_their_turn_each_long_enough_to_be_read() -> None:
    line, _ = played((10, LEASE), (11, BUSY), (11, NEWS), (11, ROLE), (12, NEWS), (12, MORE))
    seen = []
    now = 12.0
    while (wait := line.wait(now)) is not None:
        now += wait
        line.turn(now)
        seen.append((round(now, 3), line.shown))
    assert seen == [(15, NEWS), (17, ROLE), (22, MORE)]


def test_the_cure_of_a_problem_is_told_at_once_and_the_problem_no_more() -> None:
    line, _ = played((10, LEASE), (11, ROLE))
    line.say(NEWS, 12, 0, cures=ROLE.text)
    assert (line.shown, line.tells(ROLE.text), line.tells(NEWS.text)) == (LEASE, False, True)
    line.say(BUSY, 12, 0, cures=LEASE.text)
    assert line.shown == BUSY


PAUSES = st.integers(0, 48).map(lambda sixteenths: sixteenths / 16)  # exact, however they are added up


@given(st.lists(st.tuples(PAUSES, st.sampled_from([None, LEASE, ROLE, NEWS, BUSY, NOTHING])), max_size=30))
def test_no_problem_goes_unread(steps: list[tuple[float, Notice | None]]) -> None:
    line, now, touched, since = Notices(), 0.0, -1.0, 0.0
    for pause, said in [*steps, *[(STAYS, NOTHING)] * 9]:
        now, before = now + pause, line.shown
        if line.wait(now) == 0:
            line.turn(now)
        elif said is None:
            touched = now
        else:
            line.say(said, now, touched)
            assert said.kind != "problem" or line.tells(said.text)
        if line.shown != before:
            assert before.kind != "problem" or now - since >= STAYS or touched > since
            since = now
    assert line.wait(now) is None
