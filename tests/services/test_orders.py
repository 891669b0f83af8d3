"""Orders: whatever becomes of their answers, they are made once, told of, and never hidden by a later try."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import PLACE, Scripted, operations, orders_over, services_over
from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.domain.training.runs import Board
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.orders import Ordered, Patience
from tui.services.reconciler import Settlement
from tui.services.serving import buying
from tui.services.serving.endpoints import BUY, DEPLOY, Endpoints
from tui.services.session import Services
from tui.services.store import Intent, IntentState
from tui.services.training.jobs import CREATE
from tui.services.watcher import SANDBOX_PACE

BOUGHT = "CreateProvisionedModelThroughput"
OPEN_FOR = SANDBOX_PACE.unlisted


async def buy(services: Services, model: str, token: str = "token-1", name: str = "gate") -> Ordered:
    return await services.endpoints.make(PLACE, Serving.PROVISIONED, name, model, token)


@pytest.mark.parametrize("first", ["reset_after", "error_after"])
async def test_a_clear_refusal_does_not_hide_an_earlier_try_that_went_out(
    services: Services, scene: Scene, sandbox: Sandbox, first: str
) -> None:
    sandbox.faults.add(kind=first, operation=BOUGHT)
    sandbox.faults.add(kind="throttle", operation=BOUGHT, times=None)
    with pytest.raises(AppError) as caught:
        await buy(services, scene.model())
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.THROTTLED, True)
    assert operations(sandbox).count(BOUGHT) == 3
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.UNKNOWN]
    sandbox.faults.clear()
    assert [r.found for r in (await services.reconciler.reconcile(PLACE)).recovered] == [True]
    assert len(sandbox.books()) == 1


async def test_a_refusal_without_any_doubt_is_one(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="throttle", operation=BOUGHT, times=None)
    with pytest.raises(AppError) as caught:
        await buy(services, scene.model())
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.THROTTLED, False)
    assert services.store.unsettled(PLACE) == []
    assert not services.orders.in_doubt


@pytest.mark.parametrize(("kind", "planned"), [("denied", 0), ("error_after", 1)])
async def test_a_lease_is_dropped_with_its_purchase_unless_that_may_be_made(
    services: Services, scene: Scene, sandbox: Sandbox, kind: str, planned: int
) -> None:
    sandbox.faults.add(kind=kind, operation=BOUGHT, times=None)
    with pytest.raises(AppError):
        await buying.buy(services, PLACE, Serving.PROVISIONED, "gate", scene.model(), "token-1", minutes=50)
    assert [lease.minutes for lease in services.leases.planned(PLACE)] == [50] * planned


async def test_whoever_has_patience_buys_once_aws_is_less_busy(
    services: Services, scene: Scene, sandbox: Sandbox
) -> None:
    said: list[str] = []
    services.orders.busy_waits = (0.0, 0.0)
    sandbox.faults.add(kind="reset_after", operation=BOUGHT)
    sandbox.faults.add(kind="throttle", operation=BOUGHT, times=5)  # three tries to each turn
    patience = Patience(said.append)
    await services.endpoints.make(PLACE, Serving.PROVISIONED, "gate", scene.model(), "token-1", patience=patience)
    assert said == ["AWS is asked too often; next try in 0 s"] * 2
    assert {r.client_request_token for r in sandbox.requests if r.operation == BOUGHT} == {"token-1"}
    assert len(sandbox.books()) == 1
    assert not patience.end()  # nothing waits any more


async def test_whoever_has_enough_is_told_why_and_nothing_more_is_sent(
    services: Services, scene: Scene, sandbox: Sandbox
) -> None:
    services.orders.busy_waits = (3600.0,)
    sandbox.faults.add(kind="throttle", operation=BOUGHT, times=None)

    def enough(_: str) -> None:
        asyncio.get_running_loop().call_soon(patience.end)

    patience = Patience(enough)
    with pytest.raises(AppError) as caught:
        await services.endpoints.make(PLACE, Serving.PROVISIONED, "gate", scene.model(), "token-1", patience=patience)
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.THROTTLED, False)
    assert operations(sandbox).count(BOUGHT) == 3
    assert services.store.unsettled(PLACE) == []


async def test_what_cannot_pass_by_itself_is_sent_once(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="denied", operation=BOUGHT, times=None)
    with pytest.raises(AppError):
        await buy(services, scene.model())
    assert operations(sandbox).count(BOUGHT) == 1


async def test_a_second_try_that_is_refused_leaves_the_first_in_doubt(
    services: Services, scene: Scene, sandbox: Sandbox
) -> None:
    model = scene.model()
    sandbox.faults.add(kind="error_after", operation=BOUGHT, times=3)
    with pytest.raises(AppError):
        await buy(services, model)
    sandbox.faults.add(kind="denied", operation=BOUGHT)
    with pytest.raises(AppError) as caught:
        await buy(services, model)
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.DENIED, True)
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.UNKNOWN]


async def test_an_order_that_is_not_listed_yet_stays_open_for_a_while(services: Services, clock: ManualClock) -> None:
    services.store.prepare(PLACE, BUY, "gate", {"modelId": "m"}, "token-1")
    services.store.settle("token-1", IntentState.UNKNOWN)
    clock.advance(OPEN_FOR - 1)
    early = await services.reconciler.reconcile(PLACE)
    assert (early.recovered, [o.intent.token for o in early.still_open]) == ((), ["token-1"])
    assert early.still_open[0].problem is None
    clock.advance(2)
    late = await services.reconciler.reconcile(PLACE)
    assert ([r.found for r in late.recovered], late.still_open) == ([False], ())
    assert services.store.unsettled(PLACE) == []


async def test_one_that_cannot_be_settled_holds_up_no_other(
    services: Services, scene: Scene, sandbox: Sandbox, clock: ManualClock
) -> None:
    model = scene.model()
    services.store.prepare(PLACE, "dance", "x", {}, "strange")
    services.store.prepare(PLACE, CREATE, "lessons", {}, "job")
    services.store.prepare(PLACE, BUY, "gate", {"modelId": model}, "bought")
    scene.throughput(model, "gate")
    clock.advance(OPEN_FOR + 1)
    sandbox.faults.add(kind="denied", operation="ListModelCustomizationJobs", times=None)
    sandbox.requests.clear()
    outcome = await services.reconciler.reconcile(PLACE)
    assert [(r.name, r.found) for r in outcome.recovered] == [("gate", True)]
    assert [p.cause for p in outcome.problems] == [Cause.FILE, Cause.DENIED]
    assert [o.intent.token for o in outcome.still_open] == ["strange", "job"]
    assert "ListCustomModelDeployments" not in operations(sandbox)


async def test_only_the_asked_for_operations_are_settled(
    services: Services, sandbox: Sandbox, clock: ManualClock
) -> None:
    services.store.prepare(PLACE, CREATE, "lessons", {}, "job")
    services.store.prepare(PLACE, DEPLOY, "gate", {}, "deployment")
    clock.advance(OPEN_FOR + 1)
    outcome = await services.reconciler.reconcile(PLACE, (BUY, DEPLOY))
    assert [r.name for r in outcome.recovered] == ["gate"]
    assert operations(sandbox) == ["ListCustomModelDeployments"]


@pytest.mark.parametrize(("model", "minutes"), [("another", 0), ("same", 60)])
async def test_an_endpoint_of_the_same_name_is_not_taken_for_ours(
    services: Services, scene: Scene, clock: ManualClock, model: str, minutes: int
) -> None:
    """It serves another model, or was there long before the order."""
    served, other = scene.model("one"), scene.model("two")
    scene.throughput(served, "gate")
    clock.advance(60 * minutes)
    services.store.prepare(PLACE, BUY, "gate", {"modelId": other if model == "another" else served}, "token-1")
    clock.advance(OPEN_FOR + 1)
    assert [r.found for r in (await services.reconciler.reconcile(PLACE)).recovered] == [False]


def unwritable(*_: object, **__: object) -> None:
    raise AppError(Cause.FILE, "The app's memory cannot be written", "disk is full")


async def test_what_was_bought_is_told_although_it_cannot_be_noted(
    services: Services, scene: Scene, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = scene.model()
    monkeypatch.setattr(services.store, "settle", unwritable)
    made = await buy(services, model)
    assert [p.arn for p in sandbox.books()] == [made.arn]
    assert "could not be noted" in made.note
    assert "disk is full" in made.note
    assert (await services.reconciler.reconcile(PLACE)).recovered == ()


async def test_a_refusal_that_cannot_be_noted_is_still_the_refusal(
    services: Services, scene: Scene, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = scene.model()
    monkeypatch.setattr(services.store, "settle", unwritable)
    sandbox.faults.add(kind="denied", operation=BOUGHT, times=None)
    with pytest.raises(AppError) as caught:
        await buy(services, model)
    assert caught.value.cause is Cause.DENIED
    assert "cannot be written" in caught.value.detail


async def test_without_a_store_aws_is_watched_and_nothing_is_ordered(
    aws: Aws, scene: Scene, sandbox: Sandbox, tmp_path: Path, clock: ManualClock
) -> None:
    services = services_over(aws, tmp_path, clock)
    path = services.paths.sandbox_store
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    model = scene.model()
    board = await services.watcher.look(Board())
    assert (board.problem, [run.name for run in board.runs]) == (None, ["lantern-keeper"])
    sandbox.requests.clear()
    with pytest.raises(AppError, match="cannot be opened") as caught:
        await buy(services, model)
    assert caught.value.cause is Cause.FILE
    assert operations(sandbox) == []


DEEP = b"[" * 100_000
SUMMARY = {"jobArn": "a", "jobName": "x", "status": "Completed", "creationTime": "2026-11-22T09:00:00Z"}
ODD: list[Any] = [
    [],
    7,
    "text",
    None,
    {"modelCustomizationJobSummaries": {"jobArn": "a"}},
    {"modelCustomizationJobSummaries": ["jobArn jobName status creationTime"]},
    {"modelCustomizationJobSummaries": [3]},
    {"modelCustomizationJobSummaries": [SUMMARY | {"creationTime": [1]}]},
    {"modelCustomizationJobSummaries": [SUMMARY | {"statusDetails": ["x"]}]},
]


@pytest.mark.parametrize("answer", ODD, ids=repr)
async def test_an_odd_list_is_an_error_of_ours(
    elsewhere: Aws, scripted: Scripted, tmp_path: Path, clock: ManualClock, answer: Any
) -> None:
    scripted.answers(answer)
    board = await services_over(elsewhere, tmp_path, clock).watcher.look(Board())
    assert board.problem is not None
    assert board.problem.cause is Cause.INCOMPLETE


async def test_an_answer_nested_too_deeply_is_an_error_of_ours(elsewhere: Aws, scripted: Scripted) -> None:
    scripted.answer = lambda method, path: (200, DEEP)
    with pytest.raises(AppError):
        await elsewhere.call("bedrock", "list_custom_models")
    with pytest.raises(AppError):
        await elsewhere.pages("bedrock", "list_custom_models", "modelSummaries")


@pytest.mark.parametrize("answer", [{"modelSummaries": {"a": 1}}, {"modelSummaries": ["modelId"]}, {}, 5], ids=repr)
async def test_an_odd_catalogue_is_an_error_of_ours(
    elsewhere: Aws, scripted: Scripted, tmp_path: Path, clock: ManualClock, answer: Any
) -> None:
    scripted.answers(answer)
    with pytest.raises(AppError) as caught:
        await services_over(elsewhere, tmp_path, clock).catalog.foundation_models()
    assert caught.value.cause is Cause.INCOMPLETE


@pytest.mark.parametrize("answer", [[], 7, "text", {"provisionedModelArn": None}], ids=repr)
async def test_an_odd_answer_to_an_order_leaves_it_in_doubt(
    elsewhere: Aws, scripted: Scripted, services: Services, answer: Any
) -> None:
    scripted.answers(answer)
    endpoints = Endpoints(elsewhere, orders_over(elsewhere, services))
    with pytest.raises(AppError) as caught:
        await endpoints.make(PLACE, Serving.PROVISIONED, "gate", "a" * 20, "token-1")
    assert caught.value.outcome_unknown
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.UNKNOWN]


async def test_an_order_sent_again_after_it_was_not_found_is_asked_for_again(
    services: Services, scene: Scene, sandbox: Sandbox, clock: ManualClock
) -> None:
    """What was found out about the first try says nothing about the second: else a third would buy once more."""
    model = scene.model()
    services.leases.plan(PLACE, "token-1", "gate", 50)
    sandbox.faults.add(kind="reset", operation=BOUGHT, times=1)
    sandbox.faults.add(kind="denied", operation=BOUGHT, times=1)
    with pytest.raises(AppError):
        await buy(services, model)
    clock.advance(OPEN_FOR + 1)
    assert [r.found for r in (await services.reconciler.reconcile(PLACE)).recovered] == [False]
    assert services.leases.planned(PLACE) == []
    sandbox.faults.add(kind="error_after", operation=BOUGHT, times=3)
    with pytest.raises(AppError):
        await buy(services, model)
    assert services.orders.in_doubt
    assert [r.found for r in (await services.reconciler.reconcile(PLACE)).recovered] == [True]
    assert not services.orders.in_doubt
    (bought,) = sandbox.books()
    assert [lease.arn for lease in services.leases.running(PLACE)] == [bought.arn]


async def test_an_order_under_way_is_not_asked_for(
    services: Services, scene: Scene, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, asked = services.aws.order, list[Settlement]()

    async def slowly(*args: Any, **options: Any) -> Any:
        clock.advance(OPEN_FOR + 1)
        asked.append(await services.reconciler.reconcile(PLACE))
        return await send(*args, **options)

    monkeypatch.setattr(services.aws, "order", slowly)
    await buy(services, scene.model())
    assert asked == [Settlement()]


async def test_a_lease_begins_at_the_next_start_when_the_end_came_right_after_the_purchase(
    services: Services, scene: Scene, aws: Aws, tmp_path: Path, clock: ManualClock
) -> None:
    services.leases.plan(PLACE, "token-1", "gate", 50)
    made, bought = await buy(services, scene.model()), clock.now()
    clock.advance(600)
    again = services_over(aws, tmp_path, clock)
    assert (await again.reconciler.reconcile(PLACE)).problems == ()
    (lease,) = again.leases.running(PLACE)
    assert (lease.arn, lease.until) == (made.arn, bought + timedelta(minutes=50))


async def test_a_lease_begins_although_its_purchase_was_taken_for_refused(
    services: Services, clock: ManualClock
) -> None:
    services.leases.plan(PLACE, "token-1", "gate", 50)
    services.leases.drop("token-1")
    assert services.leases.planned(PLACE) == []
    services.leases.begin("token-1", "arn", clock.now())
    assert [lease.arn for lease in services.leases.running(PLACE)] == ["arn"]


async def test_an_answer_that_comes_while_aws_is_asked_counts(
    services: Services, scene: Scene, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS was asked just before the order went out once more, so that it knew nothing of it."""
    model = scene.model()
    services.leases.plan(PLACE, "token-1", "gate", 50)
    services.store.prepare(PLACE, BUY, "gate", {"modelId": model}, "token-1")
    clock.advance(OPEN_FOR + 1)

    async def before_the_order(intent: Intent) -> str:
        made = await buy(services, model)
        services.leases.begin("token-1", made.arn, clock.now())
        return ""

    monkeypatch.setattr(services.endpoints, "reconcile", before_the_order)
    assert (await services.reconciler.reconcile(PLACE)).recovered == ()
    outcome = services.store.outcome("token-1")
    assert outcome is not None
    assert outcome[0] is IntentState.DONE
    assert len(services.leases.running(PLACE)) == 1
