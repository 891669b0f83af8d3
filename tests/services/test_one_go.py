"""One go that was interrupted while it bought: what AWS has is deleted or gone on with, and nothing is bought twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.sandbox.conftest import Scene
from tests.services.conftest import PLACE, operations
from tui.domain.errors import AppError, Cause
from tui.domain.training.runs import Board
from tui.sandbox.server import Sandbox
from tui.services.serving.endpoints import BUY
from tui.services.serving.leases import LeaseState
from tui.services.serving.one_go import OneGo, Order, Reins, Step
from tui.services.session import Services
from tui.services.store import IntentState

NAME, TOKEN = "claude-3-haiku", "the-token"
CREATE, DELETE = "CreateProvisionedModelThroughput", "DeleteProvisionedModelThroughput"


@pytest.fixture
def one_go(services: Services) -> OneGo:
    s = services
    return OneGo(
        s.endpoints,
        s.leases,
        s.schedules,
        s.evaluations,
        s.store,
        s.pool,
        delete_waits=(),
        seek_waits=(0.0,),
        busy_waits=(3600.0,),
        now=services.now,
    )


async def begun(one_go: OneGo, scene: Scene) -> Order:
    return await one_go.begin(Order(TOKEN, PLACE, scene.model(), NAME, 1, 50, "no evaluation"), None)


def prepared(services: Services, order: Order) -> None:
    """The order is written down, as it is before it is sent."""
    params = {"provisionedModelName": NAME, "modelId": order.model_arn, "modelUnits": 1, "clientRequestToken": TOKEN}
    services.store.prepare(PLACE, BUY, NAME, params, TOKEN)


def accepted(scene: Scene, order: Order) -> str:
    """AWS takes it, and its answer reaches nobody."""
    made = scene.bedrock.create_provisioned_model_throughput(
        provisionedModelName=NAME, modelId=order.model_arn, modelUnits=1, clientRequestToken=TOKEN
    )
    return str(made["provisionedModelArn"])


async def no_board() -> Board:
    raise AssertionError("nobody waits for service here")


def stopped() -> Reins:
    reins = Reins()
    reins.stop()
    return reins


async def told(going: AsyncIterator[object]) -> list[object]:
    return [one async for one in going]


def held(sandbox: Sandbox) -> int:
    return sum(line.ended is None for line in sandbox.books())


async def test_ending_what_was_never_sent_buys_nothing(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    order = await begun(one_go, scene)
    await told(one_go.run(order, no_board, stopped()))
    assert sandbox.books() == ()
    assert CREATE not in operations(sandbox)
    assert await one_go.left(PLACE) is None
    assert one_go.unfinished is None
    assert services.leases.planned(PLACE) == []


async def test_given_up_while_aws_is_too_busy_nothing_is_bought(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    sandbox.faults.add(kind="throttle", operation=CREATE, times=None)
    order, reins, said = await begun(one_go, scene), Reins(), []
    async for one in one_go.run(order, no_board, reins):
        said.append(one.text)
        if "is bought in 3600 s. AWS is asked too often" in one.text:
            reins.stop()
    assert said[-1] == f"Given up; {NAME} was not bought"
    assert (sandbox.books(), operations(sandbox).count(CREATE)) == ((), 3)
    assert services.leases.planned(PLACE) == []
    assert await one_go.left(PLACE) is None


async def test_ending_what_aws_took_deletes_it(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    order = await begun(one_go, scene)
    prepared(services, order)
    accepted(scene, order)
    sandbox.requests.clear()
    await told(one_go.run(order, no_board, stopped()))
    assert (len(sandbox.books()), held(sandbox)) == (1, 0)
    assert CREATE not in operations(sandbox)
    assert await one_go.left(PLACE) is None


async def test_what_may_still_come_stays_open_until_it_is_known(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    order = await begun(one_go, scene)
    prepared(services, order)
    with pytest.raises(AppError) as caught:
        await told(one_go.run(order, no_board, stopped()))
    assert caught.value.cause is Cause.CONFLICT
    left = await one_go.left(PLACE)
    assert left is not None
    assert left.step is Step.BUYING
    accepted(scene, order)  # late, but it comes
    await told(one_go.run(left, no_board, stopped()))
    assert (len(sandbox.books()), held(sandbox)) == (1, 0)


async def test_going_on_takes_what_aws_has_and_buys_no_second_one(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    order = await begun(one_go, scene)
    prepared(services, order)
    arn = accepted(scene, order)
    sandbox.requests.clear()
    going = one_go.run(order, no_board, Reins())
    assert (await anext(going)).text == f"Buying {NAME} …"
    bought = await anext(going)
    assert (bought.order.arn, bought.order.step) == (arn, Step.WAITING)
    (lease,) = services.leases.running(PLACE)
    assert (lease.arn, lease.state) == (arn, LeaseState.RUNNING)
    await going.aclose()  # as when the app ends
    assert CREATE not in operations(sandbox)
    assert held(sandbox) == 0
    assert services.leases.running(PLACE) == []


@pytest.mark.parametrize("settled", [True, False])
async def test_an_app_that_ends_deletes_what_it_bought(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo, settled: bool
) -> None:
    order = await begun(one_go, scene)
    prepared(services, order)
    arn = accepted(scene, order)
    if settled:
        services.store.settle(TOKEN, IntentState.DONE, arn)
    one_go.unfinished = order
    ended = await one_go.finish()
    assert ended is not None
    assert (ended.arn, ended.step) == (arn, Step.GIVEN_UP)
    assert held(sandbox) == 0
    assert await one_go.finish() is None


async def test_a_deletion_that_is_refused_leaves_the_order_open(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    order = replace(await begun(one_go, scene), step=Step.WAITING)
    order = replace(order, arn=accepted(scene, order))
    services.leases.begin(TOKEN, order.arn, services.now())
    one_go.unfinished = await one_go._step(order, Step.WAITING)
    sandbox.faults.add(kind="denied", operation=DELETE, times=1)
    with pytest.raises(AppError, match="could not be deleted and bills on"):
        await one_go.finish()
    left = await one_go.left(PLACE)
    assert left is not None
    assert left.arn == order.arn
    assert len(services.leases.running(PLACE)) == 1
    await one_go.finish()
    assert (held(sandbox), await one_go.left(PLACE)) == (0, None)


async def test_a_refused_purchase_is_given_up_with_its_reason(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    order = await begun(one_go, scene)
    sandbox.faults.add(kind="denied", operation=CREATE, times=None)
    with pytest.raises(AppError) as caught:
        await told(one_go.run(order, no_board, Reins()))
    assert caught.value.cause is Cause.DENIED
    assert (await one_go.left(PLACE), one_go.unfinished) == (None, None)


async def test_a_purchase_whose_answer_is_lost_is_found_and_deleted(
    services: Services, scene: Scene, sandbox: Sandbox, one_go: OneGo
) -> None:
    order = await begun(one_go, scene)
    sandbox.faults.add(kind="error_after", operation=CREATE, times=None)
    with pytest.raises(AppError) as caught:
        await told(one_go.run(order, no_board, Reins()))
    assert caught.value.outcome_unknown
    assert (len(sandbox.books()), held(sandbox)) == (1, 0)
    assert await one_go.left(PLACE) is None


@pytest.mark.parametrize(("passed", "words"), [(8 * 3600, "The lease of claude-3-haiku was over"), (60, "any more")])
async def test_what_its_lease_has_ended_says_so(
    scene: Scene, sandbox: Sandbox, one_go: OneGo, passed: float, words: str
) -> None:
    """As when the machine slept for a night, and the lease was carried out first; not when someone else deleted it."""
    order = await begun(one_go, scene)

    async def deleted() -> Board:
        if held(sandbox):
            scene.clock.advance(passed)
            arn = sandbox.books()[0].arn
            scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
        return Board()

    with pytest.raises(AppError) as caught:
        await told(one_go.run(order, deleted, Reins()))
    assert words in caught.value.title
    assert (await one_go.left(PLACE), held(sandbox), len(sandbox.books())) == (None, 0, 1)
