"""Endpoints: bought once, listed with all that bills, found after a crash, deleted without complaint."""

from __future__ import annotations

import asyncio

import pytest

from tests.sandbox.conftest import HAIKU, LLAMA_33, Scene
from tests.services.conftest import PLACE, Scripted, operations, orders_over, until
from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.serving.endpoints import BUY, DEPLOY, Endpoints
from tui.services.session import Services
from tui.services.store import IntentState

MADE = {Serving.PROVISIONED: "CreateProvisionedModelThroughput", Serving.ON_DEMAND: "CreateCustomModelDeployment"}
BASE = {Serving.PROVISIONED: HAIKU, Serving.ON_DEMAND: LLAMA_33}
each = pytest.mark.parametrize("kind", Serving, ids=lambda k: k.name)


async def make(services: Services, kind: Serving, model: str, token: str = "token-1", name: str = "gate") -> str:
    return (await services.endpoints.make(PLACE, kind, name, model, token)).arn


@each
async def test_an_endpoint_is_made_listed_and_deleted(services: Services, scene: Scene, kind: Serving) -> None:
    model = scene.model(base_id=BASE[kind])
    arn = await make(services, kind, model)
    (endpoint,) = await services.endpoints.all()
    assert (endpoint.arn, endpoint.name, endpoint.kind, endpoint.model_arn) == (arn, "gate", kind, model)
    assert endpoint.moving
    assert endpoint.bills_by_hour is (kind is Serving.PROVISIONED)
    assert endpoint.units == (1 if kind is Serving.PROVISIONED else 0)
    scene.clock.advance(3600)
    (endpoint,) = await services.endpoints.all()
    assert endpoint.ready
    await services.endpoints.delete(endpoint)
    assert await services.endpoints.all() == []
    await services.endpoints.delete(endpoint)
    assert services.store.unsettled(PLACE) == []


@each
async def test_the_same_token_twice_is_one_endpoint(
    services: Services, scene: Scene, sandbox: Sandbox, kind: Serving
) -> None:
    model = scene.model(base_id=BASE[kind])
    assert await make(services, kind, model) == await make(services, kind, model)
    assert len(await services.endpoints.all()) == 1
    assert len(sandbox.books()) == (1 if kind is Serving.PROVISIONED else 0)


@each
async def test_five_quick_presses_send_one_request(
    services: Services, scene: Scene, sandbox: Sandbox, kind: Serving
) -> None:
    model = scene.model(base_id=BASE[kind])
    arns = await asyncio.gather(*(make(services, kind, model) for _ in range(5)))
    assert sorted(map(bool, arns)) == [False] * 4 + [True]
    assert operations(sandbox).count(MADE[kind]) == 1


@each
@pytest.mark.parametrize("fault", ["reset_after", "error_after"])
async def test_an_answer_that_stays_lost_is_found_by_asking(
    services: Services, scene: Scene, sandbox: Sandbox, kind: Serving, fault: str
) -> None:
    model = scene.model(base_id=BASE[kind])
    sandbox.faults.add(kind=fault, operation=MADE[kind], times=None)
    with pytest.raises(AppError) as caught:
        await make(services, kind, model)
    assert caught.value.outcome_unknown
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.UNKNOWN]
    sandbox.faults.clear()
    (recovered,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert recovered.found
    assert recovered.text.startswith("The endpoint gate was sent")
    assert len(await services.endpoints.all()) == 1
    assert len({r.client_request_token for r in sandbox.requests if r.operation == MADE[kind]}) == 1


@pytest.mark.parametrize("operation", [BUY, DEPLOY])
async def test_what_was_never_sent_never_reached_aws(services: Services, clock: ManualClock, operation: str) -> None:
    services.store.prepare(PLACE, operation, "gate", {}, "token-1")
    clock.advance(181)
    (recovered,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert (recovered.found, services.store.unsettled(PLACE)) == (False, [])


async def test_an_endpoint_of_the_other_kind_is_not_taken_for_ours(
    services: Services, scene: Scene, clock: ManualClock
) -> None:
    await make(services, Serving.ON_DEMAND, scene.model(base_id=LLAMA_33))
    model = (await services.endpoints.all())[0].model_arn
    services.store.prepare(PLACE, BUY, "gate", {"modelId": model}, "token-2")
    clock.advance(181)
    (recovered,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert not recovered.found


async def test_a_purchase_that_is_under_way_is_left_alone(services: Services, scene: Scene, sandbox: Sandbox) -> None:
    model = scene.model()
    sandbox.faults.add(kind="slow", operation=MADE[Serving.PROVISIONED], seconds=20)
    task = asyncio.ensure_future(make(services, Serving.PROVISIONED, model))
    await services.pool.run(until, lambda: MADE[Serving.PROVISIONED] in operations(sandbox))
    assert (await services.reconciler.reconcile(PLACE)).recovered == ()
    sandbox.faults.clear()
    assert await task


async def test_the_quota_is_told(services: Services, scene: Scene) -> None:
    model = scene.model()
    with pytest.raises(AppError) as caught:
        await services.endpoints.make(PLACE, Serving.PROVISIONED, "gate", model, "token-1", units=3)
    assert (caught.value.cause, caught.value.outcome_unknown) == (Cause.QUOTA, False)
    assert services.store.unsettled(PLACE) == []


@each
async def test_a_name_in_use_is_a_conflict(services: Services, scene: Scene, kind: Serving) -> None:
    model = scene.model(base_id=BASE[kind])
    await make(services, kind, model)
    with pytest.raises(AppError) as caught:
        await make(services, kind, model, "token-2")
    assert caught.value.cause is Cause.CONFLICT


async def test_a_deployment_that_is_being_made_cannot_be_deleted_yet(services: Services, scene: Scene) -> None:
    await make(services, Serving.ON_DEMAND, scene.model(base_id=LLAMA_33))
    (endpoint,) = await services.endpoints.all()
    with pytest.raises(AppError) as caught:
        await services.endpoints.delete(endpoint)
    assert (caught.value.cause, caught.value.retryable) == (Cause.CONFLICT, True)


async def test_a_model_in_use_or_missing_is_told(services: Services) -> None:
    missing = (
        "arn:aws:bedrock:us-west-2:123456789012:custom-model/anthropic.claude-3-haiku-20240307-v1:0:200k/abcdefghijkl"
    )
    with pytest.raises(AppError) as caught:
        await make(services, Serving.PROVISIONED, missing)
    assert caught.value.cause is Cause.NOT_FOUND


async def test_nothing_is_bought_when_it_cannot_be_written_down(
    services: Services, scene: Scene, sandbox: Sandbox
) -> None:
    model = scene.model()
    services.store._db.execute("PRAGMA query_only=1")
    with pytest.raises(AppError) as caught:
        await make(services, Serving.PROVISIONED, model)
    assert caught.value.cause is Cause.FILE
    assert operations(sandbox) == []


async def test_a_purchase_without_its_arn_is_unknown(elsewhere: Aws, scripted: Scripted, services: Services) -> None:
    scripted.answers({}, 201)
    with pytest.raises(AppError) as caught:
        await Endpoints(elsewhere, orders_over(elsewhere, services)).make(
            PLACE, Serving.PROVISIONED, "gate", "a" * 20, "token-1"
        )
    assert caught.value.outcome_unknown
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.UNKNOWN]


async def test_a_list_that_lacks_something_is_never_taken_for_nothing(
    elsewhere: Aws, scripted: Scripted, services: Services
) -> None:
    with pytest.raises(AppError) as caught:
        await Endpoints(elsewhere, orders_over(elsewhere, services)).all()
    assert caught.value.cause is Cause.INCOMPLETE
    item = {"provisionedModelName": "x", "status": "InService"}
    scripted.answers({"provisionedModelSummaries": [item], "modelDeploymentSummaries": []})
    with pytest.raises(AppError) as caught:
        await Endpoints(elsewhere, orders_over(elsewhere, services)).all()
    assert caught.value.cause is Cause.INCOMPLETE


@pytest.mark.parametrize("kind", ["reset_after", "error_after"])
async def test_a_change_whose_answer_was_lost_is_a_change(
    services: Services, scene: Scene, sandbox: Sandbox, kind: str
) -> None:
    """Also where the next try is refused, since it is just being changed."""
    model = scene.model()
    arn = scene.throughput(model)
    (endpoint,) = await services.endpoints.throughputs()
    sandbox.faults.add(kind=kind, operation="UpdateProvisionedModelThroughput", times=None)
    await services.endpoints.update(endpoint, name="another-name")
    sandbox.faults.clear()
    sandbox.faults.add(kind="denied", operation="UpdateProvisionedModelThroughput", times=None)
    with pytest.raises(AppError) as error:
        await services.endpoints.update(endpoint, name="a-third-name")
    assert error.value.cause is Cause.DENIED
    assert [(e.arn, e.name) for e in await services.endpoints.throughputs()] == [(arn, "another-name")]
