"""Keys in one burst, as a slow line delivers them: one question comes of them, and it is about one thing."""

from __future__ import annotations

import pytest
from textual.events import Key

from tests.harness import Walk
from tests.journeys.stage import sent, served, trained, uploaded
from tui.dialogs.confirm import ConfirmDialog

DELETE, STOP = "DeleteProvisionedModelThroughput", "StopModelCustomizationJob"
HOUR = 3600.0


async def burst(walk: Walk, key: str, character: str | None = None, times: int = 4) -> None:
    """All of them wait before the first is looked at."""
    for _ in range(times):
        walk.app_now.post_message(Key(key, character or key))
    await walk.keyboard.pause()


@pytest.mark.parametrize(("key", "character"), [("X", "X"), ("dollar_sign", "$"), ("B", "B"), ("b", "b")])
async def test_one_question_comes_of_many_keys(walk: Walk, key: str, character: str) -> None:
    if key == "b":  # what is served already is not bought again
        trained(walk)
    else:
        served(walk)
    async with walk.app(size=(100, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("lantern-keeper", "" if key == "b" else "1 MU")
        await burst(walk, key, character)
        for _ in range(10):
            await walk.keyboard.pause(0.05)
        await walk.until(lambda: len(walk.app_now.screen_stack) > 1, "a question")
        assert len(walk.app_now.screen_stack) == 2
        await walk.press("escape")
        await walk.until(lambda: len(walk.app_now.screen_stack) == 1, "an end of the questions")
    assert sent(walk, DELETE) == 0


async def test_a_deletion_confirmed_twice_is_sent_once(walk: Walk) -> None:
    served(walk)
    async with walk.app(size=(100, 40)):
        await walk.sees(walk.sandbox.account_id, "1 MU")
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await burst(walk, "X", "X")
        await walk.sees("Delete this endpoint?")
        await walk.until(lambda: isinstance(walk.app_now.screen, ConfirmDialog), "the question")
        await walk.type("gate-1")
        await burst(walk, "enter", "\r", 2)  # the second one is for the list: it opens the curves
        await walk.sees("[3 Loss]")
        await walk.press("2")
        await walk.misses("1 MU")
    assert sent(walk, DELETE) == 1


async def test_a_stop_asked_for_many_times_is_sent_once(walk: Walk) -> None:
    services = walk.services()
    scene = uploaded(walk, services)
    scene.bedrock.create_model_customization_job(**scene.ready_for_jobs_here())
    async with walk.app(services=services, size=(100, 40)):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("lessons-1")
        await burst(walk, "S", "S")
        await walk.sees("Stop this job?")
        await burst(walk, "y", "y", 3)
        await walk.sees("■ Stopping")
    assert sent(walk, STOP) == 1
