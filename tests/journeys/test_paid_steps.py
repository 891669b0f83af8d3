"""Whatever happens to a request that costs money: it is made once, told of, and nothing typed is lost."""

from __future__ import annotations

import asyncio

import pytest

from tests.harness import Walk
from tests.journeys.stage import BUCKET, HAIKU, LLAMA_33, ROLE, sent, trained, uploaded
from tui.dialogs.job import NEW_ROLE, JobDialog
from tui.dialogs.serve import ServeDialog, ServeOffer, ServePlan
from tui.dialogs.unsettled import UnsettledDialog
from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.sandbox.faults import FaultKind
from tui.screens.main import MainScreen
from tui.services.training.roles import RolePlan, ServiceRole
from tui.tabs.jobs import JobsTab
from tui.widgets.fields import ChoiceField

JOB, BUY = "CreateModelCustomizationJob", "CreateProvisionedModelThroughput"
BUY_CALL = "create_provisioned_model_throughput"
LOST_UPLOAD = {"bucket": "gone", "key": "k", "sha256": "x", "size": 1}
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


async def test_a_purchase_waits_for_an_aws_that_is_too_busy_until_someone_has_enough(walk: Walk) -> None:
    trained(walk)
    services = walk.services()
    services.orders.busy_waits = (3600.0,)
    async with walk.app(services=services):
        await open_order(walk)
        walk.sandbox.faults.add(kind=FaultKind.THROTTLE, operation=BUY, times=ALWAYS)
        await walk.type("claude-3-haiku")
        await walk.press("enter")
        await walk.sees("AWS is asked too often; next try in 3600 s (esc in 2 Jobs gives it up)")
        await walk.press("escape")
        await walk.sees("Serve lantern-keeper", "AWS is asked too often. ")
        services.orders.busy_waits = (0.0, 0.0)
        walk.sandbox.faults.clear()
        walk.sandbox.faults.add(kind=FaultKind.THROTTLE, operation=BUY, times=4)
        await walk.type("claude-3-haiku")
        await walk.press("enter")
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


async def test_what_a_confirmed_job_waits_for_is_not_pushed_aside(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role is being made when another order is asked for; the job is started all the same."""
    services = walk.services()
    uploaded(walk, services)
    async with walk.app(services=services):
        dialog = await open_job_form(walk)
        dialog.query_one("#role_arn", ChoiceField).value = NEW_ROLE
        create, gate = services.roles.create, asyncio.Event()

        async def slow(plan: RolePlan) -> ServiceRole:
            await gate.wait()
            return await create(plan)

        monkeypatch.setattr(services.roles, "create", slow)
        await walk.press("ctrl+s")
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("Creating the role")
        await walk.press("S")
        await walk.sees("is still being sent")
        gate.set()
        await walk.sees("● Validation")
        assert len(jobs_of(walk)) == 1


async def test_orders_belong_to_the_account_although_the_identity_is_in_trouble(walk: Walk) -> None:
    services = walk.services()
    uploaded(walk, services)
    place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
    async with walk.app(services=services) as app:
        await open_job_form(walk)
        for operation in ("GetCallerIdentity", "ListCustomModels"):
            walk.sandbox.faults.add(kind=FaultKind.EXPIRED, operation=operation, times=ALWAYS)
        walk.sandbox.faults.add(kind=FaultKind.ERROR_AFTER, operation=JOB, times=3)
        walk.sandbox.faults.add(kind=FaultKind.DENIED, operation="ListModelCustomizationJobs", times=ALWAYS)
        services.watcher.wake()
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        await walk.until(lambda: screen.identity.problem is not None, "trouble")
        await walk.press("ctrl+s")
        await walk.until(lambda: len(walk.sandbox.world.records.jobs) == 1, "a job")
        await walk.until(lambda: len(services.store.unsettled(place)) == 1, "the open order of the account")
        walk.sandbox.faults.clear()
        await walk.until(lambda: not services.store.unsettled(place), "a settled order")


async def test_an_earlier_order_in_doubt_is_asked_about_and_can_be_overruled(walk: Walk) -> None:
    services = walk.services()
    trained(walk)
    place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
    services.store.prepare(place, BUY_CALL, "elder", {}, "elder-token")
    services.store.prepare(place, "put_object", "k", LOST_UPLOAD, "upload-token")
    walk.sandbox.faults.add(kind=FaultKind.DENIED, operation="HeadObject", times=ALWAYS)
    async with walk.app(services=services):
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("lantern-keeper")
        await walk.press("b")
        await walk.sees("Is elder there already?", "a second one")
        await walk.press("escape")
        await walk.sees("What became of elder is not known yet")
        await walk.press("b")
        await walk.sees("Is elder there already?")
        await walk.until(lambda: isinstance(walk.app_now.screen, UnsettledDialog), "the question")
        await walk.press("y")
        await walk.sees("Serve lantern-keeper")
        await walk.type("claude-3-haiku")
        await walk.press("enter")
        await walk.sees("Is elder there already?")
        walk.clock.advance(181)
        await walk.press("t")
        await walk.sees("1 MU")
        assert len(walk.sandbox.books()) == 1


async def test_what_was_bought_is_told_when_the_disk_is_full(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    services = walk.services()
    trained(walk)

    def full(*_: object) -> None:
        raise AppError(Cause.FILE, "The app's memory cannot be written", "disk is full")

    async with walk.app(services=services, size=(120, 30)):
        await open_order(walk)
        monkeypatch.setattr(services.store, "settle", full)
        await walk.type("claude-3-haiku")
        await walk.press("enter")
        await walk.sees("is being created", "could not be noted", "1 MU")
        assert not walk.shows("Nothing was bought")
        assert len(walk.sandbox.books()) == 1


async def test_another_way_is_another_order(walk: Walk) -> None:
    """The purchase is refused; what is deployed instead has a token of its own."""
    trained(walk, LLAMA_33)
    offer = ServeOffer("m", "b", tuple(Serving), "gate", True, "r", "1", walk.clock.now())
    way = ServeDialog(offer, plan=ServePlan(Serving.PROVISIONED, "gate", 1, "token-1"))
    answers: list[ServePlan | None] = []
    async with walk.app() as app:
        await walk.sees(walk.sandbox.account_id)
        app.push_screen(way, answers.append)
        await walk.sees("Serve m")
        way.query_one("#way", ChoiceField).value = Serving.ON_DEMAND.value
        await walk.press("ctrl+s")
        await walk.until(lambda: bool(answers), "an answer")
    assert answers[0] is not None
    assert answers[0].kind is Serving.ON_DEMAND
    assert answers[0].token != "token-1"
