"""Bought, evaluated, deleted, judged: in one go, given up, failed, and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.harness import Walk
from tests.journeys.stage import sent, trained
from tests.sandbox.conftest import PAIRS
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.screens.main import MainScreen
from tui.services.process_identity import boot_id, host
from tui.services.serving.one_go import OneGo, Step

BUY, DELETE = "CreateProvisionedModelThroughput", "DeleteProvisionedModelThroughput"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "eval.json"
    path.write_text(json.dumps([{"question": q, "answer": a} for q, a in PAIRS[:6]]))
    return path


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OneGo.__init__.__kwdefaults__ or {}, "delete_waits", (0.0,))


def held(walk: Walk) -> list[str]:
    return [line.name for line in walk.sandbox.books() if line.ended is None]


async def planned(walk: Walk) -> None:
    await put(walk)
    await agreed(walk)
    await walk.sees("waiting until it serves")


async def put(walk: Walk) -> None:
    """As far as the question with plan and price."""
    await walk.sees(walk.sandbox.account_id, "eval.json")
    await walk.press("2")
    await walk.sees("lantern-keeper")
    await walk.press("B")
    await walk.sees("Buy, evaluate and delete lantern-keeper: asking what?", "yet to be bought")
    walk.app_now.screen.query_one("#kind").value = JudgeKind.ROUGE_L.value  # type: ignore[attr-defined]
    await walk.press("ctrl+s")
    await walk.sees("Buy, evaluate, delete?", "deletes the endpoint, whatever happened", "≈ $20.00")


async def agreed(walk: Walk) -> None:
    await walk.type("claude-3-haiku")
    await walk.press("enter")


async def test_one_go(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await planned(walk)
        assert held(walk) == ["claude-3-haiku"]
        await walk.pass_time(700)
        await walk.sees("tuned", "base", "n 6")
        assert held(walk) == []
        place = walk.app_now.services.place(walk.app_now.screen_stack[0].identity)  # type: ignore[attr-defined]
        (summary, *_) = await walk.app_now.services.evaluations.list(place)
        results = await walk.app_now.services.evaluations.load(summary.id)
        assert len(results.answers) >= 12
        assert results.judges
        assert results.judges[0] == Judge(JudgeKind.ROUGE_L)
        assert await walk.app_now.services.one_go.left(place) is None
    assert (sent(walk, BUY), sent(walk, DELETE)) == (1, 1)


async def test_whoever_does_something_else_at_its_end_is_not_torn_away(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)) as app:
        await planned(walk)
        await walk.press("4")
        await walk.sees("[4 Chat]")
        await walk.type("half a question")
        await walk.pass_time(700)
        await walk.sees("evaluated and deleted after", "E in 4 Chat shows", "half a question")
        assert len(app.screen_stack) == 1
        await walk.press("escape", "E")
        await walk.sees("tuned − base", "n 6")
        await walk.press("o")
        await walk.sees("Evaluations", "11 m ago · 22 q · 44/44 · lantern")
    assert held(walk) == []


async def test_given_up_while_waiting_it_is_deleted(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await planned(walk)
        await walk.press("q")
        await walk.sees("is waiting until it serves", "quitting deletes it and gives it up")
        await walk.press("escape")
        await walk.press("B")
        await walk.sees("End it now?")
        await walk.press("y")
        await walk.sees("claude-3-haiku is deleted")
    assert held(walk) == []


async def test_the_key_pressed_again_asks_nothing_twice(walk: Walk, questions: Path) -> None:
    """While the form is being made, behind the form, and while the question is put whether to end it."""
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await walk.sees(walk.sandbox.account_id, "eval.json")
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await walk.press("B", "B", "B")
        await walk.sees("yet to be bought")
        assert len(walk.app_now.screen_stack) == 2
        await walk.press("ctrl+s")
        await walk.sees("Buy, evaluate, delete?")
        await walk.type("claude-3-haiku")
        await walk.press("enter")
        await walk.sees("waiting until it serves")
        await walk.press("B", "B", "B")
        await walk.sees("End it now?")
        assert len(walk.app_now.screen_stack) == 2
        await walk.press("y")
        # Told twice, in either order, when it was bought by then: by the one go, and by whoever watches the throughput.
        ends = ("claude-3-haiku is deleted", "claude-3-haiku was not bought")
        await walk.until(lambda: any(walk.shows(end) for end in ends), "the end")
        assert len(walk.app_now.screen_stack) == 1
    assert held(walk) == []
    assert sent(walk, BUY) <= 1


async def test_what_fails_deletes_it_too(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await planned(walk)
        walk.sandbox.faults.add(kind="denied", service="bedrock-runtime", times=None)
        await walk.pass_time(700)
        await walk.until(lambda: held(walk) == [], "the deletion")
        # Why it failed stays to be read: that it is gone is told with it, and not once more as news.
        await walk.sees("AWS does not allow this", "claude-3-haiku is deleted, ≈ $")
        await walk.pass_time(5)
        seen = walk.app_now.screen_stack[0].board  # type: ignore[attr-defined]
        await walk.until(lambda: walk.app_now.screen_stack[0].board is not seen, "a later look")  # type: ignore[attr-defined]
        assert walk.shows("AWS does not allow this")
    assert sent(walk, DELETE) == 1


async def test_it_waits_while_credentials_are_expired(walk: Walk, questions: Path) -> None:
    trained(walk)
    faults = walk.sandbox.faults
    async with walk.app([questions], size=(100, 40)) as app:
        main = app.screen
        assert isinstance(main, MainScreen)
        said, say = list[str](), main.say

        def heard(text: str, kind: str = "", *, cures: str = "") -> None:
            said.append(text)
            say(text, kind, cures=cures)

        async def hears(*words: str) -> None:
            """On the screen it may be behind something else by now: a problem stays there for some tenths only."""
            await walk.until(lambda: any(all(w in text for w in words) for text in said), " and ".join(words))
            said.clear()

        with patch.object(main, "say", heard):
            await put(walk)
            faults.add(kind="expired", service="bedrock.*", times=None)
            await agreed(walk)
            await hears("claude-3-haiku is bought when AWS is back. The AWS credentials have expired", "Sign in again")
            assert held(walk) == []
            faults.clear()
            await hears("waiting until it serves")
            faults.add(kind="expired", service="bedrock.*", times=None)
            await walk.pass_time(700)
            await hears("The AWS credentials have expired")
            faults.clear()
            await walk.sees("tuned", "base", "n 6")
        place = app.services.place(main.identity)
        (summary, *_) = await app.services.evaluations.list(place)
        assert (await app.services.evaluations.load(summary.id)).answered == summary.wanted
    assert held(walk) == []
    assert (len(walk.sandbox.books()), sent(walk, DELETE)) == (1, 1)


async def test_what_could_not_be_deleted_is_tried_again_until_it_is(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await planned(walk)
        refusal = walk.sandbox.faults.add(kind="denied", operation=DELETE, times=None)
        await walk.press("B")
        await walk.sees("End it now?")
        await walk.press("y")
        await walk.sees("claude-3-haiku could not be deleted and bills on")
        assert held(walk) == ["claude-3-haiku"]
        refusal.times = 0
        await walk.pass_time(61)
        await walk.sees("Given up; claude-3-haiku is deleted, ≈ $")
    assert held(walk) == []


async def test_ended_while_it_judges_nothing_is_deleted_again(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)) as app:
        await planned(walk)
        main = app.screen
        assert isinstance(main, MainScreen)
        say = main.say

        def stopped(text: str, *kind: Any, **cures: Any) -> None:
            say(text, *kind, **cures)
            if "the endpoint is deleted already" in text and main.one_go._going is not None:
                main.one_go._going.stop()

        with patch.object(main, "say", stopped):
            await walk.pass_time(700)
            await walk.until(lambda: main.one_go._going is None, "the end")
        await walk.sees("Given up; what is answered and judged stays stored")
        assert await app.services.one_go.left(app.services.place(main.identity)) is None
    assert (held(walk), sent(walk, DELETE)) == ([], 1)


async def test_what_another_window_has_in_hand_is_left_to_it(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await planned(walk)
        OneGo.finish, kept = _nothing, OneGo.finish  # type: ignore[method-assign]
    OneGo.finish = kept  # type: ignore[method-assign]
    services = walk.services()
    init = json.dumps({"pid": 1, "boot": boot_id(), "host": host()})
    services.store.write("UPDATE one_go_holders SET holder=?", (init,))
    services.close()
    async with walk.app([questions], size=(100, 40)):
        await walk.sees("claude-3-haiku is waiting until it serves in another window")
        await walk.press("2", "B")
        await walk.sees("Look there, or close that window")
        assert len(walk.app_now.screen_stack) == 1
    assert held(walk) == ["claude-3-haiku"]


async def test_after_the_app_is_gone_the_next_start_goes_on(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await planned(walk)
        # As by kill -9: nobody is left to delete anything.
        OneGo.finish, kept = _nothing, OneGo.finish  # type: ignore[method-assign]
    OneGo.finish = kept  # type: ignore[method-assign]
    assert held(walk) == ["claude-3-haiku"]
    walk.clock.advance(700)
    walk.sandbox.settle()
    async with walk.app([questions], size=(100, 40)):
        await walk.sees(f"claude-3-haiku: interrupted while {Step.WAITING}")
        await walk.press("2", "B")
        await walk.sees("go on where it stopped")
        await walk.press("enter")
        await walk.sees("tuned", "base", "n 6")
    assert held(walk) == []
    assert sent(walk, BUY) == 1


async def test_an_interrupted_one_can_just_be_ended(walk: Walk, questions: Path) -> None:
    trained(walk)
    async with walk.app([questions], size=(100, 40)):
        await planned(walk)
        OneGo.finish, kept = _nothing, OneGo.finish  # type: ignore[method-assign]
    OneGo.finish = kept  # type: ignore[method-assign]
    async with walk.app([questions], size=(100, 40)):
        await walk.sees("interrupted while")
        await walk.press("2", "B", "j", "enter")
        await walk.sees("is deleted")
    assert held(walk) == []


async def _nothing(self: OneGo) -> None:
    """What a process does that is gone."""
