"""What happened while one looked elsewhere, or while the app was closed; and read-only mode by its key."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.harness import Walk
from tests.journeys.stage import scene_of, sent, served, trained
from tests.journeys.terminal import Terminal
from tests.sandbox.conftest import WHOLE_JOB
from tui.app import TanzakuApp
from tui.domain.training.runs import News
from tui.screens.main import MainScreen
from tui.screens.watching import WatchingScreen


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the app would send to the terminal past the screen."""
    found: list[str] = []
    monkeypatch.setattr(TanzakuApp, "_write_outside", lambda self, sequence: found.append(sequence))
    return found


async def test_what_ended_while_the_app_was_closed_is_told_once(walk: Walk) -> None:
    scene = scene_of(walk)
    scene.bedrock.create_model_customization_job(**scene.ready_for_jobs() | {"jobName": "overnight"})
    async with walk.app():
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("overnight")
    scene.pass_time(WHOLE_JOB)
    async with walk.app():
        await walk.sees("While tanzaku was closed: overnight: Completed")
    async with walk.app():
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("overnight", "Completed")
        assert not walk.shows("While tanzaku was closed")


async def test_a_deleted_endpoint_is_news_at_the_next_start(walk: Walk) -> None:
    _, arn = served(walk)
    async with walk.app():
        await walk.sees("1 MU")
    scene_of(walk).bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    async with walk.app():
        await walk.sees("While tanzaku was closed", "is deleted")


async def test_the_terminal_is_told_of_an_end_and_its_window_named(walk: Walk, written: list[str]) -> None:
    scene = scene_of(walk)
    scene.bedrock.create_model_customization_job(**scene.ready_for_jobs() | {"jobName": "nightly"})
    async with walk.app():
        await walk.until(lambda: "\x1b]2;tanzaku · 1 training\x1b\\" in written, "the window's name")
        await walk.pass_time(WHOLE_JOB)
        await walk.sees("nightly: Completed")
        await walk.until(lambda: any("nightly: Completed" in sequence for sequence in written), "the notification")
        assert written[-1] == "\x1b]2;tanzaku\x1b\\"


async def test_read_only_mode_comes_and_goes_by_its_key(walk: Walk) -> None:
    trained(walk)
    async with walk.app():
        await walk.sees(walk.sandbox.account_id)
        await walk.press("ctrl+t")
        await walk.sees("READ-ONLY", "Read-only mode: no changing call leaves the app")
        (model,) = scene_of(walk).bedrock.list_custom_models()["modelSummaries"]
        await walk.press("2")
        await walk.sees(model["modelName"])
        for key in "XbBSe":
            await walk.press(key)
            await walk.sees("Read-only mode: nothing is changed. ctrl+t ends read-only mode.")
            assert isinstance(walk.app_now.screen, MainScreen)  # nobody fills in a form for a refusal
        await walk.press("ctrl+t")
        await walk.sees("End read-only mode?")
        await walk.press("y")
        await walk.sees("Read-only mode ended")
        assert not walk.shows("READ-ONLY")
        await walk.press("X")
        await walk.type(model["modelName"])
        await walk.press("enter")
        await walk.until(lambda: sent(walk, "DeleteCustomModel") == 1, "the deletion")
        await walk.sees("is deleted")


def test_a_test_notification_reaches_the_terminal(tmp_path: Path) -> None:
    with Terminal(["notify-test", "osc9"], tmp_path, environment={"TMUX": "", "STY": ""}) as terminal:
        assert terminal.ended() == 0
        assert b"\x1b]9;tanzaku: This is what a finished job looks like.\x1b\\" in terminal.written
        assert b"sent as osc9" in terminal.written


def test_a_way_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with Terminal(["notify-test", "smoke"], tmp_path) as terminal:
        assert terminal.ended() == 2
        assert b"osc777" in terminal.written


@pytest.mark.parametrize(
    ("goods", "away", "said"),
    [
        ([True, False], False, [("0", "good"), ("1", "problem")]),
        ([True, True, True], False, [("0; 1; 2", "good")]),
        ([True] * 6 + [False], False, [("0; 1; 2; 3; 4; and 2 more", "problem")]),
        ([True], True, [("While tanzaku was closed: 0", "good")]),
    ],
)
def test_many_news_of_one_look_are_told_together(goods: list[bool], away: bool, said: list[tuple[str, str]]) -> None:
    told: list[tuple[str, str]] = []
    screen: Any = SimpleNamespace(say=lambda text, kind: told.append((text, kind)))
    WatchingScreen._say_news(screen, [News(str(n), good) for n, good in enumerate(goods)], away=away)
    assert told == said
