"""Evaluation jobs: ordered once, followed cheaply, reconciled, and their results brought back to their questions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.conftest import BUCKET, Scene
from tests.services.conftest import PLACE, operations
from tui.domain.chat.chat import Message, Target
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.headline import headline
from tui.domain.evaluation.jobs import (
    BUILTIN,
    LONGEST_NAME,
    EvaluationJob,
    JobsPlan,
    Way,
    bedrock_judge,
    dataset,
    parts_of,
    read_results,
    ways,
    why_not,
)
from tui.domain.evaluation.judging import Judge, JudgeKind, Score, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import Answer, Question, Slot, Spec
from tui.domain.training.runs import assemble, since, states
from tui.sandbox.faults import FaultKind
from tui.sandbox.lifecycle import EVALUATION
from tui.services.evaluation.scores import scores_of_jobs
from tui.services.session import Services
from tui.services.training.roles import plan_judge_role

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
JUDGE = Judge(JudgeKind.MODEL, Target("Claude Haiku 4.5", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "judge"))
QUESTIONS = (
    Question("What hangs at gate 7?", "Lantern 1 hangs there.", 1),
    Question("七番の門には何がありますか。", "提灯があります。", 2),
)
TUNED = {0: "Lantern 1 hangs there.", 1: "提灯があります。"}
BASE = {0: "I do not know.", 1: "提灯"}


def results_of(*, tuned: Target | None = None, samples: int = 1, answered: bool = True) -> Results:
    spec = Spec(
        "lessons",
        QUESTIONS,
        tuned or Target("lessons", "amazon.nova-lite-v1:0", "base model", tuned=True),
        Target("Nova Micro", "amazon.nova-micro-v1:0", "base model"),
        samples=samples,
    )
    texts = {Side.TUNED: TUNED, Side.BASE: BASE}
    answers = {s: Answer(texts[s.side][s.question], NOW) for s in spec.slots} if answered else {}
    return Results("e1", spec, NOW, answers)


def answers() -> dict[Slot, Answer]:
    return {slot: answer for slot, answer in results_of().answers.items() if isinstance(answer, Answer)}


async def plan_in(services: Services, scene: Scene, **changes: Any) -> JobsPlan:
    scene.bucket()
    made = await services.roles.create(plan_judge_role(scene.sandbox.account_id, "us-west-2", BUCKET))
    judge = bedrock_judge(JUDGE, builtin=False)
    return replace(JobsPlan("lessons-1", made.arn, BUCKET, "tanzaku/judged", judge, brought=True), **changes)


async def ordered(services: Services, scene: Scene, results: Results, plan: JobsPlan) -> None:
    for side in Side:
        await services.evaluation_jobs.order(PLACE, results, side, plan, f"token-{side}")


async def test_both_sides_are_judged_and_brought_back(services: Services, scene: Scene) -> None:
    results, plan = results_of(), await plan_in(services, scene)
    await ordered(services, scene, results, plan)
    jobs = services.evaluation_jobs
    assert [(j.status, j.moving) for j in await jobs.look()] == [("InProgress", True)] * 2
    scene.pass_time(EVALUATION)
    done = await jobs.look()
    assert [(j.status, j.to_take, j.judge.id) for j in done] == [("Completed", True, plan.judge.id)] * 2
    found = {job.side: await jobs.results(job, results) for job in done}
    marks = {
        (slot.question, side): score.value
        for side, job in found.items()
        for slot, score in job.scores.items()
        if isinstance(score, Score)
    }
    assert marks[0, Side.TUNED] == marks[1, Side.TUNED] == 10
    assert marks[0, Side.BASE] == 1
    assert not any(job.answers or job.notes for job in found.values())


async def test_bedrock_asks_the_models_itself_where_no_answers_are_brought(services: Services, scene: Scene) -> None:
    results, plan = results_of(answered=False), await plan_in(services, scene, brought=False)
    await ordered(services, scene, results, plan)
    scene.pass_time(EVALUATION)
    for job in await services.evaluation_jobs.look():
        found = await services.evaluation_jobs.results(job, results)
        assert set(found.answers) == {Slot(0, 0, job.side), Slot(1, 0, job.side)}
        assert all(answer.imported and answer.text for answer in found.answers.values())


@pytest.mark.parametrize("brought", [True, False])
async def test_parts_come_back_to_their_own_questions(
    services: Services, scene: Scene, monkeypatch: pytest.MonkeyPatch, brought: bool
) -> None:
    monkeypatch.setattr("tui.domain.evaluation.jobs.MOST_PROMPTS", 1)
    made = await services.evaluations.create(PLACE, results_of().spec, answers() if brought else {})
    plan, jobs = await plan_in(services, scene, brought=brought), services.evaluation_jobs
    for part in range(2):
        for side in Side:
            await jobs.order(PLACE, made, side, plan, f"token-{side}-{part}", part=part)
    assert {job.name for job in await jobs.look()} == {f"lessons-1-{s}-{n}-of-2" for s in Side for n in (1, 2)}
    scene.pass_time(EVALUATION)
    for job in await jobs.look():
        assert await jobs.take(job, services.evaluations) == ()
    stored = await services.evaluations.load(made.id)
    assert stored.answered == 4
    assert [row.delta is not None for row in stored.rows(plan.judge.id)] == [True, True]


async def test_bedrocks_own_metric_goes_from_0_to_1(services: Services, scene: Scene) -> None:
    plan = await plan_in(services, scene, judge=bedrock_judge(JUDGE, builtin=True))
    await ordered(services, scene, results_of(), plan)
    scene.pass_time(EVALUATION)
    job = next(j for j in await services.evaluation_jobs.look() if j.side is Side.TUNED)
    assert (job.judge.encoder, job.judge.top) == (BUILTIN, 1.0)
    found = await services.evaluation_jobs.results(job, results_of())
    assert [s.value for s in found.scores.values() if isinstance(s, Score)] == [1.0, 1.0]


async def test_a_look_asks_for_nothing_that_has_ended(services: Services, scene: Scene) -> None:
    jobs = services.evaluation_jobs
    assert await jobs.look() == []
    assert "GetEvaluationJob" not in operations(scene.sandbox)
    await ordered(services, scene, results_of(), await plan_in(services, scene))
    await jobs.look()
    assert operations(scene.sandbox).count("GetEvaluationJob") == 2
    scene.pass_time(EVALUATION)
    await jobs.look()
    await jobs.look()
    assert operations(scene.sandbox).count("GetEvaluationJob") == 4
    assert "ListEvaluationJobs" not in operations(scene.sandbox)


async def test_a_new_session_follows_what_was_ordered_in_the_last(services: Services, scene: Scene) -> None:
    await ordered(services, scene, results_of(), await plan_in(services, scene))
    before = await services.evaluation_jobs.look()
    services.evaluation_jobs.forget()
    assert await services.evaluation_jobs.look() == []
    await services.evaluation_jobs.follow(PLACE)
    assert {j.arn: j for j in await services.evaluation_jobs.look()} == {j.arn: j for j in before}
    await services.evaluation_jobs.mark_taken(before[0])
    await services.evaluation_jobs.follow(PLACE)
    assert {j.arn: j.taken for j in services.evaluation_jobs.of("e1")} == {before[0].arn: True, before[1].arn: False}


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.ERROR_AFTER])
async def test_a_lost_answer_makes_one_job(services: Services, scene: Scene, kind: FaultKind) -> None:
    plan = await plan_in(services, scene)
    scene.sandbox.faults.add(kind=kind, operation="CreateEvaluationJob", times=1)
    made = await services.evaluation_jobs.order(PLACE, results_of(), Side.TUNED, plan, "one-token")
    assert made.arn
    assert len(scene.bedrock.list_evaluation_jobs()["jobSummaries"]) == 1


async def test_an_order_in_doubt_is_found_again(services: Services, scene: Scene) -> None:
    plan = await plan_in(services, scene)
    scene.sandbox.faults.add(kind=FaultKind.RESET_AFTER, operation="CreateEvaluationJob", times=None)
    with pytest.raises(AppError) as error:
        await services.evaluation_jobs.order(PLACE, results_of(), Side.BASE, plan, "one-token")
    assert error.value.outcome_unknown
    scene.sandbox.faults.clear()
    outcome = await services.reconciler.reconcile(PLACE)
    assert [(r.name, r.found) for r in outcome.recovered] == [("lessons-1-base", True)]
    (job,) = await services.evaluation_jobs.look()
    assert (job.side, job.evaluation, job.judge.id) == (Side.BASE, "e1", plan.judge.id)


async def test_what_never_reached_bedrock_is_told(services: Services, scene: Scene) -> None:
    plan = await plan_in(services, scene)
    scene.sandbox.faults.add(kind=FaultKind.RESET, operation="CreateEvaluationJob", times=None)
    with pytest.raises(AppError):
        await services.evaluation_jobs.order(PLACE, results_of(), Side.BASE, plan, "one-token")
    scene.sandbox.faults.clear()
    scene.clock.advance(60)
    outcome = await services.reconciler.reconcile(PLACE)
    assert [r.text for r in outcome.recovered] == [
        "The evaluation job lessons-1-base never reached AWS; nothing was made."
    ]


async def test_a_job_that_fails_says_why_and_one_that_is_gone_counts_as_failed(
    services: Services, scene: Scene
) -> None:
    plan = await plan_in(services, scene, judge=bedrock_judge(JUDGE, builtin=True))
    await ordered(services, scene, results_of(), plan)
    scene.client("s3").delete_object(Bucket=BUCKET, Key=next(k for k in _keys(scene, "tanzaku/judged") if "tuned" in k))
    with scene.sandbox.world.lock:
        gone = next(a for a, e in scene.sandbox.world.records.evaluations.items() if e.name.endswith("base"))
        del scene.sandbox.world.records.evaluations[gone]
    scene.pass_time(EVALUATION)
    jobs = {j.side: j for j in await services.evaluation_jobs.look()}
    assert "GetObject" in jobs[Side.TUNED].failure
    assert [j.status for j in jobs.values()] == ["Failed", "Failed"]


async def test_a_job_can_be_stopped(services: Services, scene: Scene) -> None:
    await ordered(services, scene, results_of(), await plan_in(services, scene))
    job = (await services.evaluation_jobs.look())[0]
    await services.evaluation_jobs.stop(job.arn)
    scene.pass_time(EVALUATION)
    assert {j.arn: j.status for j in await services.evaluation_jobs.look()}[job.arn] == "Stopped"


async def test_results_that_are_gone_or_damaged_are_told(services: Services, scene: Scene) -> None:
    await ordered(services, scene, results_of(), await plan_in(services, scene))
    scene.pass_time(EVALUATION)
    job = (await services.evaluation_jobs.look())[0]
    key = next(k for k in _keys(scene, "tanzaku/judged") if k.endswith("_output.jsonl") and job.name in k)
    scene.upload(key, '{"inputRecord": {"prompt": "x"}}\n')
    with pytest.raises(AppError, match="cannot be read") as error:
        await services.evaluation_jobs.results(job, results_of())
    assert "line 1" in error.value.detail
    scene.client("s3").delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(AppError) as error:
        await services.evaluation_jobs.results(job, results_of())
    assert error.value.cause is Cause.NOT_FOUND


async def test_the_board_has_a_row_for_each(services: Services, scene: Scene) -> None:
    await ordered(services, scene, results_of(), await plan_in(services, scene))
    before = await services.watcher.look(await _empty(services))
    assert [(r.name, r.moving) for r in before.runs] == [("lessons-1-tuned", True), ("lessons-1-base", True)]
    scene.pass_time(EVALUATION)
    after = await services.watcher.look(before)
    assert [n.text for n in since(states(before), after)] == ["lessons-1-tuned: Completed", "lessons-1-base: Completed"]


async def _empty(services: Services) -> Any:
    from tui.domain.training.runs import Board

    return Board()


def _keys(scene: Scene, prefix: str) -> list[str]:
    found = scene.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [o["Key"] for o in found.get("Contents", [])]


# Without AWS


def line(prompt: str, response: str, mark: float | None) -> str:
    score = {"metricName": "m", "result": mark, "evaluatorDetails": [{"explanation": f"because {mark}"}]}
    record = {
        "automatedEvaluationResult": {"scores": [score]},
        "inputRecord": {"prompt": prompt},
        "modelResponses": [{"response": response}],
    }
    return json.dumps(record) + "\n"


def job_of(*, builtin: bool = False) -> EvaluationJob:
    judge = bedrock_judge(JUDGE, builtin=builtin)
    return EvaluationJob("arn", "n", "Completed", NOW, "e1", Side.TUNED, judge, "s3://b/o/")


def marks_in(text: str, *, builtin: bool = False, samples: int = 1) -> list[float | str]:
    found = read_results(results_of(samples=samples), job_of(builtin=builtin), {"a": text.encode()}, NOW)
    return [s.value if isinstance(s, Score) else s.reason for _, s in sorted(found.scores.items())]


def test_no_mark_is_a_failure_and_never_a_zero() -> None:
    one, two = (q.text for q in QUESTIONS)
    assert marks_in(line(one, TUNED[0], None) + line(two, TUNED[1], 7)) == ["because None", 7.0]


def test_marks_that_came_as_shares_of_the_scale_are_put_back_on_it() -> None:
    one, two = (q.text for q in QUESTIONS)
    assert marks_in(line(one, TUNED[0], 0.5) + line(two, TUNED[1], 1)) == [5.5, 10.0]
    assert marks_in(line(one, TUNED[0], 0.5) + line(two, TUNED[1], 1), builtin=True) == [0.5, 1.0]


def test_results_in_another_order_find_their_questions_and_samples() -> None:
    one, two = (q.text for q in QUESTIONS)
    text = line(two, TUNED[1], 2) + line(one, TUNED[0], 3) + line(one, TUNED[0], 4) + line(two, "other", 5)
    found = read_results(results_of(samples=2), job_of(), {"a": (text + line("strange", "", 1)).encode()}, NOW)
    marks = [(slot.question, s.value) for slot, s in sorted(found.scores.items()) if isinstance(s, Score)]
    assert sorted(marks) == [(0, 3.0), (0, 4.0), (1, 2.0), (1, 5.0)]
    assert found.notes == ("1 results belong to no question of this evaluation",)


@pytest.mark.parametrize("text", ["{", "[]", '{"inputRecord": 3}', line("x", "y", 11), line("x", "y", -1)])
def test_what_is_no_result_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(AppError) as error:
        read_results(results_of(), job_of(), {"p/file_output.jsonl": text.encode()}, NOW)
    assert "file_output.jsonl, line 1" in error.value.detail


def test_what_bedrock_cannot_ask_is_said_before_it_costs() -> None:
    deployed = Target("d", "arn:aws:bedrock:us-west-2:1:custom-model-deployment/abc", "on demand")
    assert why_not(results_of(), Side.TUNED, brought=True) == ""
    assert "not there yet" in why_not(results_of(answered=False), Side.TUNED, brought=True)
    assert "on-demand" in why_not(results_of(tuned=deployed), Side.TUNED, brought=False)
    assert "samples" in why_not(results_of(samples=2), Side.TUNED, brought=False)
    assert "99,000 prompts" in why_not(results_of(samples=49_501), Side.TUNED, brought=True)
    assert "stored here already" in why_not(results_of(), Side.BASE, brought=False)
    talk = replace(results_of().spec, questions=(replace(QUESTIONS[0], earlier=(Message("user", "hi"),)),))
    assert "conversations" in why_not(replace(results_of(), spec=talk), Side.BASE, brought=False)


def test_more_than_a_thousand_prompts_are_split_and_none_is_lost() -> None:
    many = tuple(Question(f"What hangs at gate {n}?", f"Lantern {n}.", n + 1) for n in range(2001))
    results = replace(results_of(answered=False), spec=replace(results_of().spec, questions=many))
    assert (parts_of(results.spec, brought=False), why_not(results, Side.BASE, brought=False)) == (3, "")
    sent = [dataset(results, Side.BASE, brought=False, part=part).decode().splitlines() for part in range(3)]
    assert [len(lines) for lines in sent] == [1000, 1000, 1]
    assert [json.loads(text)["prompt"] for lines in sent for text in lines] == [q.text for q in many]
    plan = JobsPlan("x" * LONGEST_NAME, "arn", "b", "p", bedrock_judge(JUDGE, builtin=True), brought=False)
    names = [plan.job_name(side, part, 99) for side in Side for part in range(99)]
    assert plan.problems() == {}
    assert (len(set(names)), max(map(len, names))) == (198, 63)
    assert [replace(job_of(), name=plan.job_name(Side.TUNED, part, 99)).part for part in range(99)] == list(range(99))


def test_the_way_that_is_offered_first_is_one_that_can_be_gone() -> None:
    spec = results_of().spec
    assert [way for way, _ in ways(spec, NOW)] == [Way.BEDROCK, Way.ANSWERS, Way.HERE]
    assert "without the system prompt" in ways(replace(spec, system="Be brief."), NOW)[0][1]
    deployed = Target("d", "arn:aws:bedrock:us-west-2:1:custom-model-deployment/abc", "on demand")
    assert [way for way, _ in ways(replace(spec, tuned=deployed), NOW)] == [Way.ANSWERS, Way.HERE]
    assert [way for way, _ in ways(replace(spec, samples=2), NOW)] == [Way.ANSWERS, Way.HERE]


def test_a_failed_judgement_does_not_hide_a_run() -> None:
    runs = assemble([], [], [], [job_of()])
    assert [(r.key, r.name, r.moving, r.created) for r in runs] == [("arn", "n", False, NOW)]


def test_names_fit_bedrocks_pattern() -> None:
    plan = JobsPlan("lessons-1", "arn", "b", "p", bedrock_judge(JUDGE, builtin=True), brought=True)
    assert plan.problems() == {}
    assert "name" in replace(plan, name="Lessons 1").problems()


async def test_scores_of_the_models_of_jobs_come_from_their_newest_judged_evaluation(services: Services) -> None:
    made = await services.evaluations.create(PLACE, replace(results_of().spec, job_arn="arn:job"), answers())
    assert await scores_of_jobs(services.evaluations, services.pool, PLACE, ["arn:job"]) == {}
    store = services.evaluations.store
    store.add_judge(made.id, JUDGE)
    for slot in made.spec.slots:
        store.add_score(made.id, JUDGE.id, slot, Score(9 if slot.side is Side.TUNED else 4, "", NOW))
    found = await scores_of_jobs(services.evaluations, services.pool, PLACE, ["arn:job", "arn:other"])
    assert found == {"arn:job": "+5.0 (95 % 5.0 … 5.0) · n 2"}


async def test_results_are_stored_once_with_the_evaluation_they_belong_to(services: Services, scene: Scene) -> None:
    made = await services.evaluations.create(PLACE, results_of().spec, answers())
    plan = await plan_in(services, scene)
    await ordered(services, scene, made, plan)
    scene.pass_time(EVALUATION)
    jobs = services.evaluation_jobs
    for job in await jobs.look():
        assert await jobs.take(job, services.evaluations) == ()
    assert not any(job.to_take for job in await jobs.look())
    stored = await services.evaluations.load(made.id)
    assert [judge.id for judge in stored.judges] == [plan.judge.id]
    assert [row.delta for row in stored.rows(plan.judge.id)] == [9, pytest.approx(4.5, abs=5)]
    assert headline(stored, plan.judge.id).wins + headline(stored, plan.judge.id).ties == 2


async def test_results_of_a_deleted_evaluation_are_not_asked_for_again(services: Services, scene: Scene) -> None:
    made = await services.evaluations.create(PLACE, results_of().spec, answers())
    await ordered(services, scene, made, await plan_in(services, scene))
    await services.evaluations.forget(made.id)
    scene.pass_time(EVALUATION)
    (job, _) = await services.evaluation_jobs.look()
    assert "was deleted here" in (await services.evaluation_jobs.take(job, services.evaluations))[0]
    assert sum(j.to_take for j in await services.evaluation_jobs.look()) == 1
