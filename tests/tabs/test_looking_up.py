"""What comes later than a dialog's fields, or stays longer than they do, finds nobody hurt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from textual.widgets import Input

from tests.tabs.test_dialogs import Host, Looking
from tui.dialogs.job import JobDialog, JobForm
from tui.domain.base_models import CATALOGUE
from tui.domain.training.jobs import DataRef, JobSpec
from tui.domain.training.preflight import Check, Mark

MODEL = CATALOGUE[0]
SPEC = JobSpec("job", "model", MODEL.customization_id, "arn:aws:iam::1:role/x", DataRef("s3://bbb/x"), "s3://bbb/out/")


async def endless(spec: JobSpec) -> AsyncIterator[Check]:
    """A check at every turn of the loop, so that one comes whenever the form goes."""
    while True:
        yield Check("account", "credentials", Mark.OK, spec.job_name)
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", ["dismissed", "popped", "app ends"])
async def test_checks_that_come_while_the_form_goes_are_nobodys(way: str) -> None:
    dialog = JobDialog(JobForm(MODEL, SPEC, [], [], {}, [], "us-west-2"), endless)
    host = Host(dialog)  # type: ignore[arg-type]
    async with host.run_test() as pilot:
        while not dialog._checks:
            await pilot.pause(0.01)
        workers = list(dialog.workers)
        if way == "dismissed":
            dialog.dismiss(None)
        elif way == "popped":
            host.pop_screen()
        for _ in range(100 if way != "app ends" else 0):
            await asyncio.sleep(0)
    assert host._exception is None
    assert [worker.is_finished for worker in workers] == [True]


async def test_what_a_timer_begins_behind_the_answer_ends_before_it_begins() -> None:
    dialog = Looking()
    host = Host(dialog)  # type: ignore[arg-type]
    async with host.run_test() as pilot:
        await pilot.pause()
        dialog.dismiss("this")
        worker = dialog._look()
        assert worker.is_cancelled
        dialog.found.set()
        await pilot.pause()
        assert host.answers == ["this"]
    assert host._exception is None
    assert not dialog.query(Input)
