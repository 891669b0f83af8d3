"""Jobs: started once whatever happens on the way, read again and again, and found after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.conftest import HAIKU, PAIRS, WHOLE_JOB, Scene, claude_lines
from tests.services.conftest import PLACE, Scripted, operations, orders_over, until
from tui.domain.errors import AppError, Cause
from tui.domain.training.jobs import DataRef, JobSpec
from tui.domain.training.runs import Run
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.aws import Aws
from tui.services.orders import Patience
from tui.services.session import Services
from tui.services.store import IntentState
from tui.services.training.jobs import CREATE, Jobs
from tui.widgets.run_rows import run_detail, status_text

CREATED = "CreateModelCustomizationJob"


@pytest.fixture
def spec(scene: Scene) -> JobSpec:
    ready = scene.ready_for_jobs()
    scene.sandbox.requests.clear()
    return JobSpec(
        job_name="lessons-1",
        model_name="lantern-keeper",
        base_model_id=HAIKU,
        role_arn=ready["roleArn"],
        training=DataRef(ready["trainingDataConfig"]["s3Uri"]),
        output_uri=ready["outputDataConfig"]["s3Uri"],
        hyperparameters={"epochCount": "1", "batchSize": "32"},
    )


def tokens(sandbox: Sandbox) -> list[str | None]:
    return [r.client_request_token for r in sandbox.requests if r.operation == CREATED]


async def started(services: Services, spec: JobSpec, token: str = "token-1") -> str:
    return (await services.jobs.start(PLACE, spec, token)).arn


async def test_a_job_is_started_watched_and_becomes_a_model(services: Services, spec: JobSpec, scene: Scene) -> None:
    with_validation = replace(spec, validation=DataRef(scene.upload("in/v.jsonl", claude_lines(PAIRS[:32]))))
    arn = await started(services, with_validation)
    (job,) = await services.jobs.all()
    assert (job.arn, job.name, job.status, job.detailed, job.token) == (arn, "lessons-1", "InProgress", True, "token-1")
    assert job.hyperparameters["epochCount"] == "1"
    assert job.validation_uris == (with_validation.validation.uri,)  # type: ignore[union-attr]
    assert job.phase_text() == "Validation"
    scene.pass_time(400)
    assert (await services.jobs.all())[0].phase_text() == "Queued"
    scene.pass_time(WHOLE_JOB)
    (job,) = await services.jobs.all()
    assert job.status == "Completed"
    assert job.training_loss is not None
    assert job.validation_loss is not None
    (model,) = await services.jobs.models()
    assert (model.arn, model.name) == (job.model_arn, "lantern-keeper")
    assert services.store.unsettled(PLACE) == []
    await services.jobs.delete_model(model.arn)
    assert await services.jobs.models() == []


async def test_what_has_ended_is_not_asked_for_again(
    services: Services, spec: JobSpec, scene: Scene, sandbox: Sandbox
) -> None:
    arn = await started(services, spec)
    await services.jobs.all()
    scene.pass_time(WHOLE_JOB)
    await services.jobs.all()
    sandbox.requests.clear()
    (job,) = await services.jobs.all()
    assert (job.status, job.detailed) == ("Completed", True)
    assert await services.jobs.detail(arn) == job
    assert operations(sandbox) == ["ListModelCustomizationJobs"]


async def test_a_job_is_stopped(services: Services, spec: JobSpec, scene: Scene) -> None:
    arn = await started(services, spec)
    scene.pass_time(1300)
    await services.jobs.stop(arn)
    scene.pass_time(WHOLE_JOB)
    assert (await services.jobs.detail(arn)).status == "Stopped"


async def test_the_same_token_twice_is_one_job(services: Services, spec: JobSpec, sandbox: Sandbox) -> None:
    assert await started(services, spec) == await started(services, spec)
    assert tokens(sandbox) == ["token-1", "token-1"]
    assert len(await services.jobs.all()) == 1


async def test_five_quick_presses_send_one_request(services: Services, spec: JobSpec, sandbox: Sandbox) -> None:
    arns = await asyncio.gather(*(started(services, spec) for _ in range(5)))
    assert sorted(map(bool, arns)) == [False] * 4 + [True]
    assert tokens(sandbox) == ["token-1"]


async def test_a_refused_job_is_closed_and_the_next_try_is_free(services: Services, spec: JobSpec) -> None:
    with pytest.raises(AppError) as caught:
        await started(services, replace(spec, base_model_id="anthropic.claude-sonnet-4-6"))
    assert not caught.value.outcome_unknown
    assert services.store.unsettled(PLACE) == []
    assert await started(services, spec, "token-2")


async def test_a_name_that_is_used_up_is_a_conflict(services: Services, spec: JobSpec) -> None:
    await started(services, spec)
    with pytest.raises(AppError) as caught:
        await started(services, spec, "token-2")
    assert caught.value.cause is Cause.CONFLICT


@pytest.mark.parametrize("kind", ["reset_after", "error_after"])
async def test_a_lost_answer_is_asked_for_again_with_the_same_token(
    services: Services, spec: JobSpec, sandbox: Sandbox, kind: str
) -> None:
    sandbox.faults.add(kind=kind, operation=CREATED)
    arn = await started(services, spec)
    assert tokens(sandbox) == ["token-1"] * 2
    assert [j.arn for j in await services.jobs.all()] == [arn]


@pytest.mark.parametrize("kind", ["reset_after", "error_after"])
async def test_an_answer_that_stays_lost_is_found_by_asking(
    services: Services, spec: JobSpec, sandbox: Sandbox, kind: str
) -> None:
    sandbox.faults.add(kind=kind, operation=CREATED, times=None)
    with pytest.raises(AppError) as caught:
        await started(services, spec)
    assert caught.value.outcome_unknown
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.UNKNOWN]
    sandbox.faults.clear()
    (recovered,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert (recovered.found, recovered.name) == (True, "lessons-1")
    assert "AWS has it" in recovered.text
    assert services.store.unsettled(PLACE) == []
    assert set(tokens(sandbox)) == {"token-1"}
    assert len(await services.jobs.all()) == 1


async def test_what_was_written_down_and_never_sent_never_reached_aws(
    services: Services, spec: JobSpec, clock: ManualClock
) -> None:
    services.store.prepare(PLACE, CREATE, spec.job_name, {}, "token-1")
    clock.advance(181)
    (recovered,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert not recovered.found
    assert "never reached AWS" in recovered.text
    assert services.store.unsettled(PLACE) == []
    assert (await services.reconciler.reconcile(PLACE)).recovered == ()


async def test_a_job_of_the_same_name_with_another_token_is_not_ours(
    services: Services, spec: JobSpec, clock: ManualClock
) -> None:
    await started(services, spec, "theirs")
    services.store.prepare(PLACE, CREATE, spec.job_name, {}, "ours")
    clock.advance(181)
    (recovered,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert not recovered.found


async def test_nothing_is_settled_while_aws_cannot_be_asked(
    services: Services, spec: JobSpec, sandbox: Sandbox
) -> None:
    services.store.prepare(PLACE, CREATE, spec.job_name, {}, "token-1")
    sandbox.faults.add(kind="denied", operation="List.*", times=None)
    settlement = await services.reconciler.reconcile(PLACE)
    assert [problem.cause for problem in settlement.problems] == [Cause.DENIED]
    assert [(o.intent.token, o.problem) for o in settlement.still_open] == [("token-1", settlement.problems[0])]
    assert len(services.store.unsettled(PLACE)) == 1


async def test_a_start_that_is_under_way_is_left_alone(services: Services, spec: JobSpec, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="slow", operation=CREATED, seconds=20)
    start = asyncio.ensure_future(started(services, spec))
    await services.pool.run(until, lambda: CREATED in operations(sandbox))
    assert (await services.reconciler.reconcile(PLACE)).recovered == ()
    sandbox.faults.clear()
    assert await start
    assert services.store.unsettled(PLACE) == []


async def test_a_cancelled_start_stays_to_be_asked_for(services: Services, spec: JobSpec, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="slow", operation=CREATED, seconds=20)
    start = asyncio.ensure_future(started(services, spec))
    await services.pool.run(until, lambda: CREATED in operations(sandbox))
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.PREPARED]
    sandbox.faults.clear()
    await services.pool.run(until, lambda: sandbox.world.records.jobs)
    (recovered,) = (await services.reconciler.reconcile(PLACE)).recovered
    assert recovered.found


async def test_a_role_that_is_still_spreading_is_waited_for(
    services: Services, spec: JobSpec, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(aws, services.orders, role_waits=(0.0, 0.0))
    said: list[str] = []
    answers = iter([AppError(Cause.INVALID, "x", "Could not assume provided IAM role")] * 2)
    order: Callable[..., Any] = aws.order

    async def spreading(*rest: Any, **more: Any) -> Any:
        if (error := next(answers, None)) is not None:
            raise error
        return await order(*rest, **more)

    monkeypatch.setattr(aws, "order", spreading)
    assert (await jobs.start(PLACE, spec, "token-1", patience=Patience(said.append))).arn
    assert len(said) == 2


async def test_a_role_that_never_works_is_told_in_the_end(services: Services, spec: JobSpec, scene: Scene) -> None:
    jobs = Jobs(services.aws, services.orders, role_waits=(0.0,))
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    wrong = scene.role("wrong", trust=trust)
    with pytest.raises(AppError, match="cannot use the role") as caught:
        await jobs.start(PLACE, replace(spec, role_arn=wrong), "token-1")
    assert caught.value.retryable
    assert services.store.unsettled(PLACE) == []


async def test_a_job_that_is_not_there_is_not_found(services: Services) -> None:
    with pytest.raises(AppError) as caught:
        await services.jobs.detail("arn:aws:bedrock:us-west-2:123456789012:model-customization-job/a.b:1/abcdefghijkl")
    assert caught.value.cause in (Cause.NOT_FOUND, Cause.INVALID)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"modelCustomizationJobSummaries": [{"jobArn": "a", "status": "Completed"}]},
        {"modelCustomizationJobSummaries": [{"jobArn": "a", "jobName": "x", "creationTime": "2026-11-22T09:00:00Z"}]},
    ],
)
async def test_a_list_that_lacks_something_is_incomplete_and_never_empty(
    elsewhere: Aws, scripted: Scripted, services: Services, answer: Any
) -> None:
    scripted.answers(answer)
    with pytest.raises(AppError) as caught:
        await Jobs(elsewhere, orders_over(elsewhere, services)).all()
    assert caught.value.cause is Cause.INCOMPLETE


async def test_an_accepted_job_without_its_arn_is_unknown(elsewhere: Aws, services: Services, spec: JobSpec) -> None:
    with pytest.raises(AppError) as caught:
        await Jobs(elsewhere, orders_over(elsewhere, services)).start(PLACE, spec, "token-1")
    assert caught.value.outcome_unknown
    assert [i.state for i in services.store.unsettled(PLACE)] == [IntentState.UNKNOWN]


async def test_a_bare_answer_is_read(elsewhere: Aws, scripted: Scripted, services: Services) -> None:
    """Older answers have no details of phases, metrics or validation data."""
    bare = {"jobArn": "arn/x", "jobName": "a\x1b[31m", "status": "Completed", "creationTime": "2026-11-22T09:00:00Z"}
    scripted.answers(bare)
    job = await Jobs(elsewhere, orders_over(elsewhere, services)).detail("arn/x")
    assert (job.phases, job.training_loss, job.validation_uris, job.model_arn) == ((), None, (), "")
    assert "\x1b" not in job.name


async def test_tags_are_read_once_and_anew_after_five_minutes(
    services: Services, scene: Scene, sandbox: Sandbox
) -> None:
    arn = scene.model()
    assert await services.tags.of(arn) == {}
    scene.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "team", "value": "lanterns"}])
    assert await services.tags.of(arn) == {}
    scene.clock.advance(301)
    (tag,) = (await services.tags.of(arn)).items()
    assert tag == ("team", "lanterns")
    assert operations(sandbox).count("ListTagsForResource") == 2
    with pytest.raises(AppError) as error:
        await services.tags.of(arn.replace("custom-model", "provisioned-model"))
    assert error.value.cause in (Cause.NOT_FOUND, Cause.INVALID)


async def test_key_and_network_of_a_job_are_read(elsewhere: Aws, scripted: Scripted, services: Services) -> None:
    key = "arn:aws:kms:us-west-2:123456789012:key/1"
    network = {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]}
    job = {"jobArn": "arn:x/1", "jobName": "a", "status": "Completed", "creationTime": "2026-11-22T00:00:00Z"}
    scripted.answers(job | {"outputModelKmsKeyArn": key, "vpcConfig": network})
    found = await Jobs(elsewhere, orders_over(elsewhere, services)).detail("arn:x/1")
    assert (found.kms_key, found.subnets, found.security_groups) == (key, ("subnet-1", "subnet-2"), ("sg-1",))
    shown = run_detail(Run(found.arn, found), found.created, {found.arn: {"班": "提灯"}}).plain
    for words in (key, "subnets subnet-1, subnet-2 · security groups sg-1", "job tags    班=提灯"):
        assert words in shown


async def test_models_made_elsewhere_tell_how_and_whose_they_are(
    elsewhere: Aws, scripted: Scripted, services: Services
) -> None:
    arn = "arn:aws:bedrock:us-west-2:123456789012:custom-model/imported/abc"
    told = {"modelArn": arn, "modelName": "theirs", "creationTime": "2026-11-22T00:00:00Z", "modelStatus": "Creating"}
    scripted.answers({"modelSummaries": [told | {"customizationType": "IMPORTED", "ownerAccountId": "210987654321"}]})
    (found,) = await Jobs(elsewhere, orders_over(elsewhere, services)).models()
    run = Run(found.arn, model=found)
    assert status_text(run) == "model Creating"
    shown = run_detail(run, found.created).plain
    for words in ("shared by 210987654321", "made by     IMPORTED"):
        assert words in shown


@pytest.mark.parametrize("kind", ["reset_after", "error_after"])
async def test_a_stop_whose_answer_was_lost_is_a_stop(
    services: Services, scene: Scene, sandbox: Sandbox, kind: str
) -> None:
    arn = scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())["jobArn"]
    sandbox.faults.add(kind=kind, operation="StopModelCustomizationJob", times=None)
    await services.jobs.stop(arn)
    sandbox.faults.clear()
    assert scene.job(arn)["status"] in ("Stopping", "Stopped")
