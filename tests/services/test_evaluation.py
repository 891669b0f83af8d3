"""Evaluations over the sandbox: asked once, stored before judged, resumed, retried and judged again."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.services.conftest import PLACE, operations
from tests.services.evaluating import BASE, JUDGE, StubJudge, evaluations, given, run, spec
from tui.domain.chat.chat import Parameters, Target
from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.headline import headline
from tui.domain.evaluation.judging import Failure, Outcome, Score, Side
from tui.domain.evaluation.results import Row
from tui.domain.evaluation.rubrics import Rubric
from tui.domain.evaluation.run import Phase
from tui.domain.evaluation.spec import IMPORTED, Answer, Slot
from tui.sandbox.server import Sandbox
from tui.services.evaluation.evaluations import Control
from tui.services.evaluation.parts import still_to_judge
from tui.services.process_identity import whoami
from tui.services.session import Services


def asked(sandbox: Sandbox) -> int:
    return operations(sandbox).count("ConverseStream")


async def test_every_question_is_asked_of_both_sides_and_judged(services: Services, sandbox: Sandbox) -> None:
    judge = StubJudge()
    service = evaluations(services, judge)
    made = await service.create(PLACE, spec(3, samples=2))
    told = await run(service, made, JUDGE)
    results = await service.load(made.id)
    assert asked(sandbox) == results.answered == results.wanted == 12
    assert (len(judge.scored), len(judge.compared)) == (12, 12)
    assert told[-1].phase is Phase.DONE
    assert (told[-1].answered, told[-1].judged, told[-1].judgements) == (12, 24, 24)
    assert [p.answered for p in told] == sorted(p.answered for p in told)
    assert {p.phase for p in told} >= {Phase.ASKING, Phase.JUDGING}
    answer = results.answers[Slot(0, 0, Side.TUNED)]
    assert isinstance(answer, Answer)
    assert (answer.sent, answer.imported) == (Parameters(12), False)
    assert answer.output_tokens
    assert results.judges == (JUDGE,)
    (summary,) = await service.list(PLACE)
    assert (summary.name, summary.whole, summary.judges) == ("lanterns", True, (JUDGE.id,))


async def test_nothing_is_asked_or_judged_twice(services: Services, sandbox: Sandbox) -> None:
    judge = StubJudge()
    service = evaluations(services, judge)
    made = await service.create(PLACE, spec(3))
    await run(service, made)
    assert judge.calls == 0
    await run(service, made, JUDGE)
    before = judge.calls
    told = await run(service, made, JUDGE)
    assert (asked(sandbox), judge.calls) == (6, before)
    assert (told[-1].answered, told[-1].judged, told[-1].judgements) == (6, 12, 12)


async def test_another_judge_or_rubric_asks_no_model(services: Services, sandbox: Sandbox) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(2))
    await run(service, made, JUDGE)
    other = replace(JUDGE, rubric=Rubric("short", "Shorter is better.", "Prefer the shorter."))
    await run(service, made, other)
    results = await service.load(made.id)
    assert asked(sandbox) == 4
    assert results.judges == (JUDGE, other)
    assert {judge for judge, _ in results.scores} == {JUDGE.id, other.id}
    assert await service.judges(PLACE) == [other, JUDGE]


async def test_judging_alone_asks_nobody_for_what_is_missing(services: Services, sandbox: Sandbox) -> None:
    judge = StubJudge()
    service = evaluations(services, judge)
    made = await service.create(PLACE, spec(3), dict(list(given(spec(3)).items())[:4]))
    assert still_to_judge(made, JUDGE)[0] == 12
    control = Control()
    told = [p async for p in service.run(made.id, JUDGE, control=control, asking=False)]
    assert asked(sandbox) == 0
    assert (told[-1].phase, told[-1].answered, told[-1].failed_answers, judge.calls) == (Phase.DONE, 4, 0, 8)
    results = await service.load(made.id)
    assert still_to_judge(results, JUDGE) == (0, 0, 0)
    assert still_to_judge(results, replace(JUDGE, rubric=Rubric("other", "a", "b")))[0] == 12
    assert (await run(service, made, JUDGE))[-1].answered == 6
    assert asked(sandbox) == 2


async def test_answers_stand_in_the_store_before_anything_is_judged(services: Services) -> None:
    stored: list[int] = []

    class Watching(StubJudge):
        async def score(self, question: Any, answer: str) -> tuple[float, str]:
            stored.append((await service.load(made.id)).answered)
            return await super().score(question, answer)

    service = evaluations(services, Watching())
    made = await service.create(PLACE, spec(3))
    await run(service, made, JUDGE)
    assert stored == [6] * 6


async def test_imported_answers_are_judged_without_asking_the_models(services: Services, sandbox: Sandbox) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(8), given(spec(8)))
    assert made.answered == 16
    await run(service, made, JUDGE)
    shown = headline(await service.load(made.id), JUDGE.id)
    assert operations(sandbox) == []
    assert (shown.wins, shown.ties, shown.losses, shown.flips) == (8, 0, 0, 0)
    assert shown.difference is not None
    assert shown.difference.mean == 6
    assert shown.winner is Side.TUNED


async def test_a_judge_that_prefers_the_first_answer_finds_no_winner(services: Services) -> None:
    service = evaluations(services, StubJudge(prefers=lambda *_: 0))
    made = await service.create(PLACE, spec(10), given(spec(10)))
    await run(service, made, JUDGE)
    shown = headline(await service.load(made.id), JUDGE.id)
    assert (shown.flips, shown.compared) == (10, 10)
    assert (shown.wins, shown.ties, shown.losses) == (0, 10, 0)
    assert shown.winner is None
    assert "no winner: in 100 % the judge preferred what stood first" in shown.conclusion


async def test_a_judge_that_fails_on_every_third_row_is_told_and_only_those_are_retried(services: Services) -> None:
    judge = StubJudge(fails=lambda call: call % 3 == 0 and call <= 24)
    service = evaluations(services, judge)
    made = await service.create(PLACE, spec(6), given(spec(6)))
    told = await run(service, made, JUDGE, concurrency=1)
    assert (told[-1].phase, told[-1].judged, told[-1].failed_judgements) == (Phase.DONE, 16, 8)
    results = await service.load(made.id)
    failed = [row for row in results.rows(JUDGE.id) if row.problems]
    assert failed
    assert all("not what was asked for" in row.problems[0] for row in failed)
    assert all(not isinstance(s, Failure) or not hasattr(s, "value") for s in results.scores.values())
    assert headline(results, JUDGE.id).judge_errors == 8
    await run(service, made, JUDGE)
    assert judge.calls == 24
    before = Counter(judge.scored) + Counter(judge.compared)
    told = await run(service, made, JUDGE, retry=True)
    assert (told[-1].judged, told[-1].failed_judgements, judge.calls) == (24, 0, 32)
    again = Counter(judge.scored) + Counter(judge.compared) - before
    assert set(again.values()) == {1}
    assert headline(await service.load(made.id), JUDGE.id).judge_errors == 0


async def test_throttling_slows_the_run_and_fails_nothing(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="throttle", operation="ConverseStream", times=7)
    service = evaluations(services)
    made = await service.create(PLACE, spec(5))
    told = await run(service, made)
    assert any(p.phase is Phase.WAITING for p in told)
    assert (told[-1].phase, told[-1].answered, told[-1].failed_answers) == (Phase.DONE, 10, 0)
    assert asked(sandbox) == 17


async def test_throttling_without_end_ends_the_run(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="throttle", operation="ConverseStream", times=None)
    service = evaluations(services)
    service.worker.pacing = lambda most: _impatient(most)
    made = await service.create(PLACE, spec(2))
    with pytest.raises(AppError) as told:
        await run(service, made)
    assert told.value.cause is Cause.THROTTLED
    assert (await service.load(made.id)).unanswered == ()


def _impatient(most: int) -> Any:
    from tui.services.evaluation.pacing import PATIENCE, Pacing

    made = Pacing(most, first=0.0001)
    made.refusals = PATIENCE - 3
    return made


async def test_a_failed_answer_is_stored_as_such_and_only_it_is_retried(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="cut", operation="ConverseStream", after=3)
    service = evaluations(services)
    made = await service.create(PLACE, spec(3))
    told = await run(service, made, JUDGE, concurrency=1)
    assert (told[-1].answered, told[-1].failed_answers) == (5, 1)
    assert told[-1].problem is not None
    results = await service.load(made.id)
    assert results.unanswered == (Slot(0, 0, Side.TUNED),)
    row = results.rows(JUDGE.id)[0]
    assert (row.verdict, row.delta, row.tuned_score) == ("no answer", None, None)
    await run(service, made, JUDGE)
    assert asked(sandbox) == 6
    told = await run(service, made, JUDGE, retry=True)
    assert (asked(sandbox), told[-1].answered, told[-1].judged) == (7, 6, 12)
    assert (await service.load(made.id)).unanswered == ()


@pytest.mark.parametrize(("kind", "cause"), [("expired", Cause.EXPIRED), ("denied", Cause.DENIED)])
async def test_what_fails_for_every_question_ends_the_run(
    services: Services, sandbox: Sandbox, kind: str, cause: Cause
) -> None:
    sandbox.faults.add(kind=kind, operation="ConverseStream", times=None)
    service = evaluations(services)
    made = await service.create(PLACE, spec(50))
    with pytest.raises(AppError) as told:
        await run(service, made)
    assert told.value.cause is cause
    assert asked(sandbox) <= (8 if cause is Cause.EXPIRED else 4)  # each once more with other credentials
    assert (await service.load(made.id)).answers == {}
    sandbox.faults.clear()
    assert (await run(service, made))[-1].answered == 100


async def test_a_service_that_is_away_ends_the_run_after_a_few_failures(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="reset", operation="ConverseStream", times=None)
    service = evaluations(services)
    made = await service.create(PLACE, spec(50))
    with pytest.raises(AppError) as told:
        await run(service, made)
    assert told.value.cause is Cause.UNREACHABLE
    assert asked(sandbox) <= 10


@pytest.mark.parametrize("kind", ["expired", "reset"])
async def test_while_aws_is_away_the_run_waits_and_nothing_counts_as_failed(
    services: Services, sandbox: Sandbox, kind: str
) -> None:
    fault = sandbox.faults.add(kind=kind, operation="ConverseStream", times=None)
    service = evaluations(services)

    async def back() -> bool:
        fault.times = 0
        return True

    service.worker.back = back
    made = await service.create(PLACE, spec(3))
    told = await run(service, made)
    assert Phase.AWAY in {progress.phase for progress in told}
    assert (told[-1].phase, told[-1].answered, told[-1].failed_answers) == (Phase.DONE, 6, 0)


async def test_a_run_that_waits_for_aws_can_be_stopped(services: Services, sandbox: Sandbox) -> None:
    sandbox.faults.add(kind="expired", operation="ConverseStream", times=None)
    service = evaluations(services)
    service.worker.back = asyncio.get_running_loop().create_future
    made = await service.create(PLACE, spec(3))
    control = Control()
    async for progress in service.run(made.id, control=control):
        if progress.phase is Phase.AWAY:
            control.stop()
    assert service.at_stake == (0, 0)
    assert (progress.phase, progress.failed_answers) == (Phase.STOPPED, 0)


async def test_a_model_that_refuses_parameters_is_told_of(services: Services, sandbox: Sandbox) -> None:
    opus = Target("Opus", "us.anthropic.claude-opus-5-5", "inference profile")
    service = evaluations(services)
    wanted = replace(spec(1), tuned=opus, parameters=Parameters(12, 0.5))
    made = await service.create(PLACE, wanted)
    told = await run(service, made, JUDGE)
    assert "asked without temperature" in told[-1].note
    warnings = headline(await service.load(made.id), JUDGE.id).warnings
    assert any("asked with different parameters" in w for w in warnings)


async def test_pause_asks_nothing_new_and_resume_goes_on(services: Services, sandbox: Sandbox) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(10))
    control = Control()
    seen: list[Phase] = []
    paused_at = 0
    async for progress in service.run(made.id, control=control, concurrency=2):
        seen.append(progress.phase)
        if progress.answered >= 3 and not control.paused and not paused_at:
            control.pause()
        elif progress.phase is Phase.PAUSED and not paused_at:
            before = -1
            while before != asked(sandbox):
                before = asked(sandbox)
                await asyncio.sleep(0.05)
            paused_at = before
            control.resume()
    assert Phase.PAUSED in seen
    assert 3 <= paused_at < 20
    assert asked(sandbox) == 20


async def test_stop_keeps_what_came_and_the_next_run_goes_on(services: Services, sandbox: Sandbox) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(10))
    control = Control()
    told = []
    async for progress in service.run(made.id, JUDGE, control=control):
        told.append(progress)
        if progress.answered >= 5:
            control.stop()
    assert told[-1].phase is Phase.STOPPED
    kept = (await service.load(made.id)).answers
    assert 5 <= len(kept) == asked(sandbox) < 20
    await run(service, made)
    results = await service.load(made.id)
    assert asked(sandbox) == 20
    assert {slot: results.answers[slot] for slot in kept} == kept


async def test_leaving_a_run_loses_no_answer_that_was_asked_for(services: Services, sandbox: Sandbox) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(10))
    async with aclosing(service.run(made.id)) as progress:
        async for told in progress:
            if told.answered >= 2:
                break
    await run(service, made)
    assert asked(sandbox) == 20
    assert (await service.load(made.id)).answered == 20


async def test_one_run_at_a_time(services: Services) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(2))
    async with aclosing(service.run(made.id)) as progress:
        await anext(progress)
        with pytest.raises(AppError) as told:
            await run(service, made)
        assert told.value.cause is Cause.CONFLICT
        with pytest.raises(AppError):
            await service.forget(made.id)


async def test_another_machine_keeps_its_evaluation_while_it_writes(services: Services) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(1), {Slot(0, 0, Side.BASE): Answer("x", services.now())})
    holder = json.dumps(whoami() | {"host": "elsewhere"})
    services.store.write("UPDATE evaluations SET holder=? WHERE id=?", (holder, made.id))
    with pytest.raises(AppError) as told:
        await run(service, made)
    assert told.value.cause is Cause.CONFLICT
    assert service.store.broken_off(PLACE) is None  # somebody is at it
    long_ago = (services.now() - timedelta(hours=1)).isoformat()
    services.store.write("UPDATE evaluation_answers SET at=?", (long_ago,))
    broken = service.store.broken_off(PLACE)
    assert broken is not None
    assert (broken.id, broken.answered) == (made.id, 1)
    assert (await run(service, made))[-1].phase is Phase.DONE
    assert service.store.broken_off(PLACE) is None
    imported = replace(spec(1), tuned=replace(made.spec.tuned, kind=IMPORTED))
    await service.create(PLACE, imported, {Slot(0, 0, Side.BASE): Answer("x", services.now())})
    assert service.store.broken_off(PLACE) is None  # what is missing there is asked of nobody


@pytest.mark.parametrize("holder", ["{", "[]", "null"])
async def test_a_damaged_claim_holds_nothing(services: Services, holder: str) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(1))
    services.store.write("UPDATE evaluations SET holder=? WHERE id=?", (holder, made.id))
    assert (await run(service, made))[-1].phase is Phase.DONE


async def test_another_process_that_lives_keeps_its_evaluation(services: Services) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(1))
    holder = json.dumps(whoami() | {"pid": os.getppid()})
    services.store.write("UPDATE evaluations SET holder=? WHERE id=?", (holder, made.id))
    with pytest.raises(AppError) as told:
        await run(service, made)
    assert told.value.cause is Cause.CONFLICT
    holder = json.dumps(whoami() | {"pid": os.getppid(), "boot": "an earlier one"})
    services.store.write("UPDATE evaluations SET holder=? WHERE id=?", (holder, made.id))
    assert (await run(service, made))[-1].phase is Phase.DONE


async def test_forgotten_evaluations_leave_nothing(services: Services) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(1), given(spec(1)))
    other = await service.create(PLACE, spec(1), given(spec(1)))
    for one in (made, other):
        await run(service, one, JUDGE)
        await service.vote(one.id, 0, 0, Outcome.WIN)
    await service.forget(made.id)
    with pytest.raises(AppError) as told:
        await service.load(made.id)
    assert told.value.cause is Cause.NOT_FOUND
    tables = services.store.read("SELECT name FROM sqlite_master WHERE name GLOB 'evaluation_*' AND type='table'")
    for (table,) in tables:
        assert {row[0] for row in services.store.read(f"SELECT evaluation FROM {table}")} <= {other.id}
    assert (await service.load(other.id)).answered == 2


async def test_own_votes_are_kept_and_taken_back(services: Services) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(4), given(spec(4)))
    await run(service, made, JUDGE)
    for number, choice in enumerate((Outcome.WIN, Outcome.WIN, Outcome.LOSS, Outcome.TIE)):
        await service.vote(made.id, number, 0, choice)
    await service.vote(made.id, 3, 0, None)
    results = await service.load(made.id)
    assert results.votes == {(0, 0): Outcome.WIN, (1, 0): Outcome.WIN, (2, 0): Outcome.LOSS}
    agreed = headline(results, JUDGE.id).agreement
    assert (agreed.n, agreed.agreed, agreed.kappa) == (3, 2, 0)


async def test_text_of_any_kind_survives_the_store(services: Services) -> None:
    service = evaluations(services)
    odd = "日本語 \x1b[31m | \"'); DROP TABLE evaluations; -- \u202e"
    one = spec(1)
    wanted = replace(one, name=odd, questions=(replace(one.questions[0], text=odd, reference=odd),))
    made = await service.create(
        PLACE, wanted, {Slot(0, 0, Side.BASE): Answer(odd, given(one)[Slot(0, 0, Side.BASE)].at)}
    )
    assert made.spec == wanted
    answer = made.answers[Slot(0, 0, Side.BASE)]
    assert isinstance(answer, Answer)
    assert answer.text == odd


async def test_a_damaged_row_is_an_error_and_no_crash(services: Services) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(1))
    other = await service.create(PLACE, replace(spec(3, samples=2), name="宿 \ud83d"))
    services.store.write("UPDATE evaluations SET spec='{' WHERE id=?", (made.id,))
    with pytest.raises(AppError) as told:
        await service.load(made.id)
    assert told.value.cause is Cause.FILE
    whole, damaged = await service.list(PLACE)  # what can be read stays within reach
    assert (whole.id, whole.questions, whole.wanted, whole.tuned) == (other.id, 3, 12, other.spec.tuned)
    assert (damaged.id, damaged.name) == (made.id, "an evaluation that cannot be read")
    await service.forget(damaged.id)
    assert [s.id for s in await service.list(PLACE)] == [other.id]


async def test_a_disk_that_refuses_ends_the_run_with_its_own_error_and_costs_no_answer(
    services: Services, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(3))

    def full(*_: object) -> int:
        raise AppError(Cause.FILE, "The app's memory cannot be written")

    async def asked_and_refused() -> None:
        async for progress in service.run(made.id):
            if progress.answered:
                monkeypatch.setattr(services.store, "write", full)

    with pytest.raises(AppError) as told:
        await asked_and_refused()
    assert told.value.title == "The app's memory cannot be written"
    with pytest.raises(AppError):  # still full: nobody is asked
        await run(service, made)
    paid = asked(sandbox)
    under_way, unsaved = service.at_stake
    assert (under_way, 1 <= unsaved < 6) == (0, True)
    monkeypatch.undo()
    assert 1 <= (await service.load(made.id)).answered < paid
    assert (await run(service, made))[-1].answered == 6
    assert asked(sandbox) == 6
    assert service.at_stake == (0, 0)


async def test_a_database_that_another_process_holds_is_waited_for(services: Services) -> None:
    service = evaluations(services)
    made = await service.create(PLACE, spec(2))
    holder = sqlite3.connect(services.paths.sandbox_store, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    running = asyncio.create_task(run(service, made))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not running.done()
    holder.execute("COMMIT")
    assert (await running)[-1].answered == 4
    holder.execute("BEGIN IMMEDIATE")
    await services.pool.run(services.store.write, "PRAGMA busy_timeout=1")
    with pytest.raises(AppError, match="cannot be written") as told:
        await service.vote(made.id, 0, 0, None)
    assert told.value.hint.startswith("Another program holds it")
    holder.close()


async def test_no_questions_no_evaluation(services: Services) -> None:
    with pytest.raises(AppError):
        await evaluations(services).create(PLACE, spec(0))


def test_rows_say_what_is_missing() -> None:
    row = Row(0, spec(1).questions[0], (None,), (None,), None, 3.0, None, 0, (), ())
    assert (row.delta, row.verdict) == (None, "–")
    assert (BASE.tuned, Score(1, "", given(spec(1))[Slot(0, 0, Side.BASE)].at).value) == (False, 1)


async def test_votes_from_chat_are_held_against_the_judge(services: Services, sandbox: Sandbox) -> None:
    service = services.evaluations
    wanted = spec(3)
    texts = {slot: answer.text for slot, answer in given(wanted).items()}
    for number, verdict in enumerate((Verdict.LEFT, Verdict.RIGHT, Verdict.TIE)):
        left, right = (
            VotedAnswer(2 * number + n, f"m{n}", f"id{n}", texts[Slot(number, 0, side)], side is Side.TUNED)
            for n, side in enumerate(Side)
        )
        question = wanted.questions[number]
        await services.votes.add(
            PLACE, Vote(question.text, left, right, verdict, True, services.now(), question.reference)
        )
    made, left_out = await service.create_of_votes(PLACE)
    assert (len(made), left_out) == (1, 0)
    await run(service, made[0], JUDGE)
    agreed = headline(await service.load(made[0].id), JUDGE.id).agreement
    assert (agreed.n, agreed.agreed) == (3, 1)
    assert "ConverseStream" not in operations(sandbox)
    same = await service.create(PLACE, wanted, given(wanted))
    assert list(same.votes.values()) == [Outcome.WIN, Outcome.LOSS, Outcome.TIE]
    await service.vote(same.id, 1, 0, Outcome.WIN)
    assert (await service.load(same.id)).votes[1, 0] is Outcome.WIN
