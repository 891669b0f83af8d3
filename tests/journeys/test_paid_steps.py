"""Whatever happens to a request that costs money: it is made once, told of, and nothing typed is lost."""

from __future__ import annotations

import pytest

from tests.harness import Walk
from tests.journeys.stage import BUCKET, HAIKU, ROLE, sent, trained, uploaded
from tui.dialogs.job import JobDialog
from tui.dialogs.serve import ServeDialog
from tui.sandbox.faults import FaultKind
from tui.tabs.jobs import JobsTab

JOB, BUY = "CreateModelCustomizationJob", "CreateProvisionedModelThroughput"
ALWAYS = None
TAKEN = [(FaultKind.ERROR_AFTER, 3), (FaultKind.RESET_AFTER, 1)]
REFUSED = [
    (FaultKind.DENIED, "AWS does not allow this"),
    (FaultKind.RESET, "connection was cut"),
]


def jobs_of(walk: Walk) -> list[str]:
    listed = walk.sandbox.client("bedrock").list_model_customization_jobs()["modelCustomizationJobSummaries"]
    return [job["jobName"] for job in listed]


async def open_job_form(walk: Walk) -> JobDialog:
    await walk.sees(walk.sandbox.account_id)
    await walk.press("2", "n")
    await walk.sees("New job on Claude 3 Haiku")
    dialog = walk.app_now.screen
    assert isinstance(dialog, JobDialog)
    return dialog


async def open_order(walk: Walk) -> ServeDialog:
    await walk.sees(walk.sandbox.account_id)
    await walk.press("2")
    await walk.sees("lantern-keeper")
    await walk.press("b")
    await walk.sees("Serve lantern-keeper")
    dialog = walk.app_now.screen
    assert isinstance(dialog, ServeDialog)
    return dialog


@pytest.mark.parametrize(("kind", "times"), TAKEN, ids=lambda value: str(value))
async def test_a_job_whose_answer_is_lost_exists_once(walk: Walk, kind: FaultKind, times: int) -> None:
    services = walk.services()
    uploaded(walk, services)
    async with walk.app(services=services):
        await open_job_form(walk)
        walk.sandbox.faults.add(kind=kind, operation=JOB, times=times)
        await walk.press(*["ctrl+s"] * 5)
        await walk.sees("● Validation")
        assert len(jobs_of(walk)) == 1
        tokens = {r.client_request_token for r in walk.sandbox.requests if r.operation == JOB}
        assert len(tokens) == 1
        place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
        await walk.until(lambda: not services.store.unsettled(place), "a settled order")


@pytest.mark.parametrize(("kind", "reason"), REFUSED, ids=lambda value: str(value))
async def test_a_job_that_is_refused_gives_the_form_back(walk: Walk, kind: FaultKind, reason: str) -> None:
    services = walk.services()
    uploaded(walk, services)
    async with walk.app(services=services):
        await open_job_form(walk)
        await walk.press("end", "backspace", "7")
        await walk.sees("× 7 epochs")
        walk.sandbox.faults.add(kind=kind, operation=JOB, times=ALWAYS)
        await walk.press("ctrl+s")
        await walk.sees("New job on Claude 3 Haiku", reason, "× 7 epochs")
        assert jobs_of(walk) == []
        walk.sandbox.faults.clear()
        await walk.press("ctrl+s")
        await walk.sees("is started", "● Validation")
        assert len(jobs_of(walk)) == 1


async def test_while_aws_cannot_be_asked_an_open_order_is_not_sent_again(walk: Walk) -> None:
    """The answer of the order is lost, and so are those of the questions what became of it."""
    services = walk.services()
    uploaded(walk, services)
    async with walk.app(services=services):
        await open_job_form(walk)
        walk.sandbox.faults.add(kind=FaultKind.ERROR_AFTER, operation=JOB, times=3)
        walk.sandbox.faults.add(kind=FaultKind.DENIED, operation="ListModelCustomizationJobs", times=ALWAYS)
        await walk.press("ctrl+s")
        await walk.sees("New job on Claude 3 Haiku", "AWS had a fault")
        tries = sent(walk, JOB)
        await walk.press("ctrl+s")
        await walk.sees("there already?", "makes an order only once", "AWS does not allow this")
        await walk.press("escape")
        await walk.sees("New job on Claude 3 Haiku", "is not known yet")
        assert sent(walk, JOB) == tries
        await walk.press("ctrl+s")
        await walk.sees("Ask AWS again")
        walk.sandbox.faults.clear()
        await walk.press("t")
        await walk.sees("AWS has it after all", "● Validation")
        assert len(jobs_of(walk)) == 1
        assert sent(walk, JOB) == tries


@pytest.mark.parametrize(("kind", "times"), TAKEN, ids=lambda value: str(value))
async def test_a_purchase_whose_answer_is_lost_is_made_once(walk: Walk, kind: FaultKind, times: int) -> None:
    trained(walk)
    async with walk.app():
        await open_order(walk)
        walk.sandbox.faults.add(kind=kind, operation=BUY, times=times)
        await walk.type("claude-3-haiku")
        await walk.press(*["enter"] * 5)
        await walk.sees("1 MU")
        assert len(walk.sandbox.books()) == 1


@pytest.mark.parametrize(("kind", "reason"), REFUSED, ids=lambda value: str(value))
async def test_a_purchase_that_is_refused_comes_back(walk: Walk, kind: FaultKind, reason: str) -> None:
    trained(walk)
    async with walk.app():
        dialog = await open_order(walk)
        name = dialog.query_one("#name Input")
        name.focus()
        await walk.press("end")
        await walk.type("-x")
        dialog.query_one("#typed Input").focus()
        await walk.type("claude-3-haiku-x")
        walk.sandbox.faults.add(kind=kind, operation=BUY, times=ALWAYS)
        await walk.press("enter")
        await walk.sees("Serve lantern-keeper", reason, "claude-3-haiku-x")
        assert walk.sandbox.books() == ()
        walk.sandbox.faults.clear()
        await walk.type("claude-3-haiku-x")
        await walk.press("enter")
        await walk.sees("1 MU")
        assert [p.name for p in walk.sandbox.books()] == ["claude-3-haiku-x"]
        tokens = {r.client_request_token for r in walk.sandbox.requests if r.operation == BUY}
        assert len(tokens) == 1


async def test_keys_typed_ahead_buy_nothing(walk: Walk) -> None:
    trained(walk)
    async with walk.app():
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await walk.press("b", *["enter"] * 20)
        await walk.sees("Nothing was bought")
        assert walk.sandbox.books() == ()
        assert sent(walk, BUY) == 0


async def test_an_order_on_its_way_is_not_pushed_aside(walk: Walk) -> None:
    services = walk.services()
    uploaded(walk, services)
    async with walk.app(services=services) as app:
        await open_job_form(walk)
        walk.sandbox.faults.add(kind=FaultKind.SLOW, operation=JOB, seconds=60)
        await walk.press("ctrl+s")
        await walk.until(lambda: sent(walk, JOB) == 1, "the order on its way")
        await walk.press("n")
        await walk.sees("is still being sent")
        await walk.press("q")
        await walk.sees("Quit tanzaku?", "outcome open")
        await walk.press("escape")
        walk.sandbox.faults.clear()
        await walk.sees("● Validation")
        tab = app.screen.query_one(JobsTab)
        assert not tab.reasons_to_stay()
        assert len(jobs_of(walk)) == 1


async def test_what_was_sent_before_the_end_is_found_at_the_next_start(walk: Walk) -> None:
    services = walk.services()
    scene = uploaded(walk, services)
    place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
    services.store.prepare(place, "create_model_customization_job", "lessons-1", {}, "the-token")
    services.store.prepare(place, "create_provisioned_model_throughput", "never-sent", {}, "another-token")
    walk.clock.advance(181)
    scene.bedrock.create_model_customization_job(
        jobName="lessons-1",
        customModelName="lantern-keeper",
        roleArn=f"arn:aws:iam::{walk.sandbox.account_id}:role/{ROLE}",
        baseModelIdentifier=HAIKU,
        trainingDataConfig={"s3Uri": f"s3://{BUCKET}/tanzaku/claude-3-haiku/dataset/train.jsonl"},
        outputDataConfig={"s3Uri": f"s3://{BUCKET}/out/"},
        clientRequestToken="the-token",
    )
    async with walk.app(services=services):
        await walk.until(lambda: not services.store.unsettled(place), "settled orders")
        await walk.press("2")
        await walk.sees("lessons-1", "● Validation")
    assert walk.sandbox.books() == ()
