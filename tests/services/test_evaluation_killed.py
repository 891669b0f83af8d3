"""Evaluations that are killed: no stored answer is lost, and none is asked for again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import PLACE, services_over, until
from tests.services.evaluating import JUDGE, StubJudge, run, spec
from tui.domain.chat.chat import AnswerEvent, Message, Parameters, Target
from tui.domain.evaluation.judging import Judge, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.run import Phase
from tui.domain.evaluation.spec import Answer, Slot
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.chat.chat import Chat
from tui.services.evaluation.evaluations import Evaluations
from tui.services.evaluation.store import EvaluationStore
from tui.services.store import Store

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("TANZAKU_KILLS", "3"))
"""Of a real process; each takes a second or two."""
DEATHS = int(os.environ.get("TANZAKU_DEATHS", "50"))
"""Of a store within this process, one after the other over the same evaluation."""


class DeadError(BaseException):
    """The process is no more."""


class MortalStore(Store):
    """Dies with its n-th write, before it or after it, and does nothing from then on."""

    def __init__(self, path: Path, *, die_at: int | None = None, after: bool = False) -> None:
        super().__init__(path)
        self.writes = 0
        self.dead = False
        self._die_at = die_at
        self._after = after

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        if self.dead:
            raise DeadError
        self.writes += 1
        last = self.writes == self._die_at
        self.dead = last and not self._after
        made = 0 if self.dead else super().write(sql, values)
        self.dead = last
        if self.dead:
            raise DeadError
        return made


class CountingChat(Chat):
    """Notes what is asked."""

    def __init__(self, aws: Aws) -> None:
        super().__init__(aws)
        self.asked: list[tuple[str, str]] = []
        self.more = asyncio.Event()

    def ask(
        self, target: Target, messages: Sequence[Message], *, system: str = "", parameters: Parameters
    ) -> AsyncIterator[AnswerEvent]:
        self.asked.append(("tuned" if target.tuned else "base", messages[-1].text))
        self.more.set()
        return super().ask(target, messages, system=system, parameters=parameters)


class Life:
    """One process's worth of services over the same files."""

    def __init__(self, aws: Aws, root: Path, clock: ManualClock, **death: Any) -> None:
        services = services_over(aws, root, clock)
        self.disk = MortalStore(services.paths.sandbox_store, **death)
        self.chat = CountingChat(aws)
        self.judge = StubJudge()
        store = EvaluationStore(self.disk, now=clock.now)
        self.service = Evaluations(self.chat, store, services.pool, lambda _: self.judge)

    async def until_it_dies(self, results: Results, judge: Judge | None = JUDGE) -> bool:
        """Whether it died before the evaluation was done."""
        try:
            return (await run(self.service, results, judge))[-1].phase is not Phase.DONE
        except DeadError:
            return True


def questions_of(results: Results, slots: Sequence[Slot] | set[Slot]) -> set[tuple[str, str]]:
    return {(str(slot.side), results.spec.questions[slot.question].text) for slot in slots}


def stored(results: Results) -> dict[Slot, Answer]:
    return {slot: answer for slot, answer in results.answers.items() if isinstance(answer, Answer)}


async def test_death_at_any_write_loses_nothing(aws: Aws, tmp_path: Path, clock: ManualClock) -> None:
    """Each write of an evaluation in turn is the last, before and after it takes effect."""
    made = await Life(aws, tmp_path / "whole", clock).service.create(PLACE, spec(1))
    whole = Life(aws, tmp_path / "whole", clock)
    assert not await whole.until_it_dies(made)
    assert whole.disk.writes >= 14
    for after in (False, True):
        for number in range(1, whole.disk.writes + 1):
            root = tmp_path / f"{after}-{number}"
            made = await Life(aws, root, clock).service.create(PLACE, spec(1))
            first = Life(aws, root, clock, die_at=number, after=after)
            await first.until_it_dies(made)
            await _settle()
            second = Life(aws, root, clock)
            kept = stored(await second.service.load(made.id))
            scored = (await second.service.load(made.id)).scores
            assert not await second.until_it_dies(made)
            results = await second.service.load(made.id)
            assert questions_of(results, set(kept)).isdisjoint(second.chat.asked)
            assert {slot: results.answers[slot] for slot in kept} == kept
            assert {key: results.scores[key] for key in scored} == scored
            assert (results.answered, len(results.scores), len(results.comparisons)) == (2, 2, 1)
            assert all(c.whole for c in results.comparisons.values())


async def _settle() -> None:
    """Let calls under way end; their store is dead."""
    for _ in range(50):
        others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        if not others:
            return
        with suppress(DeadError, asyncio.CancelledError):
            await asyncio.wait(others, timeout=0.1)


async def test_deaths_at_random_moments_of_a_hundred_questions(aws: Aws, tmp_path: Path, clock: ManualClock) -> None:
    rng = random.Random(20261122)
    made = await Life(aws, tmp_path, clock).service.create(PLACE, spec(100))
    kept: dict[Slot, Answer] = {}
    asked: Counter[tuple[str, str]] = Counter()
    for _ in range(DEATHS):
        life = Life(aws, tmp_path, clock)
        moment = rng.randint(0, 5)
        running = asyncio.create_task(life.until_it_dies(made))
        while len(life.chat.asked) < moment:
            life.chat.more.clear()
            await life.chat.more.wait()
        for _ in range(rng.randint(0, 60)):
            await asyncio.sleep(0)
        life.disk.dead = True
        running.cancel()
        with suppress(asyncio.CancelledError, DeadError):
            await running
        await _settle()
        assert questions_of(made, set(kept)).isdisjoint(life.chat.asked)
        asked.update(life.chat.asked)
        results = await Life(aws, tmp_path, clock).service.load(made.id)
        assert {slot: results.answers[slot] for slot in kept} == kept
        kept = stored(results)
    assert 0 < len(kept) < 200
    last = Life(aws, tmp_path, clock)
    assert not await last.until_it_dies(made, None)
    assert set(last.chat.asked) == questions_of(made, set(made.spec.slots) - set(kept))
    assert (await last.service.load(made.id)).answered == 200


@pytest.mark.timeout(600)
def test_kill_9_of_the_real_process(sandbox: Sandbox, aws: Aws, tmp_path: Path, clock: ManualClock) -> None:
    rng = random.Random(9)
    services = services_over(aws, tmp_path / "state", clock)
    store = EvaluationStore(Store(services.paths.sandbox_store), now=clock.now)
    store.add("e1", PLACE, spec(100), {})
    log = tmp_path / "asked"
    log.touch()
    kept: dict[Slot, Answer] = {}
    for number in range(KILLS + 1):
        seen = log.read_text("utf-8").splitlines()
        child = _child(sandbox, tmp_path / "state", log)
        if number < KILLS:
            moment = len(seen) + rng.randint(0, max(1, (190 - len(seen)) // (KILLS - number)))
            until(partial(_has_lines, log, moment), 60)
            child.send_signal(signal.SIGKILL)
        child.communicate(timeout=120)
        asked = {tuple(line.split(" ", 1)) for line in log.read_text("utf-8").splitlines()[len(seen) :]}
        results = store.load("e1")
        assert questions_of(results, set(kept)).isdisjoint(asked)
        assert {slot: results.answers[slot] for slot in kept} == kept
        kept = stored(results)
    assert child.returncode == 0
    assert len(kept) == 200
    assert len(store.load("e1").scores) == 200
    assert {slot.side for slot in kept} == set(Side)


def _has_lines(log: Path, number: int) -> bool:
    return len(log.read_text("utf-8").splitlines()) >= number


def _child(sandbox: Sandbox, state: Path, log: Path) -> subprocess.Popen[str]:
    where = [sandbox.url, sandbox.access_key_id, sandbox.secret_access_key, sandbox.region, str(state), "e1", str(log)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.services.evaluation_child", *where],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(state), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
