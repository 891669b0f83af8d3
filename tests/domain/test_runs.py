"""Runs: every job, model and endpoint in exactly one row, and what is news between two boards."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import Serving
from tui.domain.errors import AppError, Cause
from tui.domain.training.jobs import CustomModel, Job
from tui.domain.training.runs import Board, Endpoint, Part, Run, assemble, changes

START = datetime(2026, 1, 5, tzinfo=UTC)
BASE = "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:200k"


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def job(name: str, minutes: int = 0, model: str = "", status: str = "Completed") -> Job:
    return Job(f"job/{name}", name, status, BASE, at(minutes), model_arn=model)


def model(arn: str, minutes: int = 0) -> CustomModel:
    return CustomModel(arn, arn, BASE, at(minutes))


def endpoint(
    name: str, serves: str, minutes: int = 0, status: str = "InService", kind: Serving = Serving.PROVISIONED
) -> Endpoint:
    return Endpoint(kind, f"end/{name}", name, status, serves, at(minutes), units=1)


def test_job_model_and_endpoints_are_one_row() -> None:
    run = assemble([job("j", 0, "m")], [model("m", 9)], [endpoint("b", "m", 20), endpoint("a", "m", 10)])
    assert len(run) == 1
    assert (run[0].key, run[0].name, run[0].model_arn) == ("job/j", "j", "m")
    assert [e.name for e in run[0].endpoints] == ["a", "b"]
    assert run[0].created == at(0)
    assert run[0].base_model_name == "claude-3-haiku"


def test_orphans_have_rows_of_their_own() -> None:
    runs = assemble(
        [job("failed", 1, status="Failed"), job("gone", 2, "deleted")],
        [model("alone", 3)],
        [endpoint("of-alone", "alone", 4), endpoint("lost", "unknown", 5), endpoint("of-gone", "deleted", 6)],
    )
    assert [(r.key, r.model_arn, [e.name for e in r.endpoints]) for r in runs] == [
        ("end/lost", "", ["lost"]),
        ("alone", "alone", ["of-alone"]),
        ("job/gone", "", ["of-gone"]),
        ("job/failed", "", []),
    ]


names = st.sampled_from(["", "m1", "m2", "m3"])


@given(
    st.lists(names, max_size=5),
    st.sets(names.filter(bool)),
    st.lists(st.tuples(names, st.integers(0, 50)), max_size=6),
)
def test_everything_appears_exactly_once(
    of_jobs: list[str], of_models: set[str], serves: list[tuple[str, int]]
) -> None:
    jobs = [job(str(n), n, name) for n, name in enumerate(of_jobs)]
    models = [model(name, n) for n, name in enumerate(sorted(of_models))]
    endpoints = [endpoint(str(n), name, minutes) for n, (name, minutes) in enumerate(serves)]
    runs = assemble(jobs, models, endpoints)
    assert Counter(r.job.arn for r in runs if r.job) == Counter(j.arn for j in jobs)
    assert Counter(r.model.arn for r in runs if r.model) == Counter(m.arn for m in models)
    assert Counter(e.arn for r in runs for e in r.endpoints) == Counter(e.arn for e in endpoints)
    assert len({r.key for r in runs}) == len(runs)
    assert [r.created for r in runs] == sorted((r.created for r in runs), reverse=True)


@pytest.mark.parametrize(
    ("status", "kind", "ready", "moving", "bills"),
    [
        ("Creating", Serving.PROVISIONED, False, True, True),
        ("InService", Serving.PROVISIONED, True, False, True),
        ("Updating", Serving.PROVISIONED, False, True, True),
        ("Failed", Serving.PROVISIONED, False, False, False),
        ("Creating", Serving.ON_DEMAND, False, True, False),
        ("Active", Serving.ON_DEMAND, True, False, False),
    ],
)
def test_endpoints(status: str, kind: Serving, ready: bool, moving: bool, bills: bool) -> None:
    found = endpoint("e", "m", status=status, kind=kind)
    assert (found.ready, found.moving, found.bills_by_hour) == (ready, moving, bills)


def board(*runs: Run, seen: datetime | None = START) -> Board:
    return Board(runs, seen)


def test_a_board_knows_what_moves_and_what_bills() -> None:
    still = Run("a", job("a"), None, (endpoint("x", "m"),))
    moving = Run("b", job("b", status="InProgress"))
    assert not board(still).moving
    assert board(still, moving).moving
    assert [e.name for e in board(still, moving).billing] == ["x"]
    assert board(still, moving).run("b") is moving
    assert board().run("b") is None
    assert still.ready_endpoint is still.endpoints[0]
    assert moving.ready_endpoint is None


def test_the_first_look_and_a_failed_look_are_no_news() -> None:
    now = board(Run("a", job("a")))
    assert changes(Board(), now) == []
    assert changes(now, replace(now, problem=AppError(Cause.THROTTLED, "x"))) == []


@pytest.mark.parametrize(("status", "good"), [("Completed", True), ("Failed", False), ("Stopped", False)])
def test_a_job_that_ended_is_news_once(status: str, good: bool) -> None:
    before = board(Run("job/a", job("a", status="InProgress")))
    after = board(Run("job/a", job("a", status=status)))
    assert [(n.text, n.good) for n in changes(before, after)] == [(f"a: {status}", good)]
    assert changes(after, after) == []
    stopping = board(Run("job/a", job("a", status="Stopping")))
    assert changes(before, stopping) == []


def test_endpoints_that_answer_fail_or_are_gone_are_news() -> None:
    def served(status: str) -> Board:
        return board(Run("m", None, model("m"), (endpoint("e", "m", status=status),)))

    assert [(n.text, n.good) for n in changes(served("Creating"), served("InService"))] == [("e: InService", True)]
    assert [(n.text, n.good) for n in changes(served("Creating"), served("Failed"))] == [("e: Failed", False)]
    assert changes(served("InService"), served("Updating")) == []
    assert [n.text for n in changes(served("InService"), board())] == ["e is deleted"]
    assert changes(board(), served("Creating")) == []


@pytest.mark.parametrize(
    ("kind", "missed"), [(Serving.PROVISIONED, Part.THROUGHPUTS), (Serving.ON_DEMAND, Part.DEPLOYMENTS)]
)
def test_what_was_not_listed_is_not_taken_for_deleted(kind: Serving, missed: Part) -> None:
    before = board(Run("m", None, model("m"), (endpoint("e", "m", kind=kind),)))
    assert changes(before, replace(board(), missed=frozenset([missed]))) == []
    (other,) = set(Part) - {Part.JOBS, Part.MODELS, Part.EVALUATIONS, missed}
    assert [n.gone for n in changes(before, replace(board(), missed=frozenset([other])))] == ["end/e"]


def test_a_job_known_better_replaces_its_run_only() -> None:
    one, two = Run("job/a", job("a")), Run("job/b", job("b"), model("m"))
    better = replace(job("b"), detailed=True, failure="why")
    found = board(one, two).with_job(better)
    assert found.runs == (one, replace(two, job=better))
    assert board(one).with_job(better) == board(one)


@pytest.mark.parametrize(
    ("commitment", "ends", "words"),
    [
        ("", None, ""),
        ("OneMonth", None, "AWS refuses to delete it before that ends"),
        ("OneMonth", at(60), "It is bought for OneMonth: AWS refuses to delete it before 2026-01-05"),
        ("SixMonths", at(-60), "Its SixMonths ended on 2026-01-04: if AWS has renewed it"),
    ],
)
def test_what_a_commitment_means_for_deleting_also_when_it_has_lapsed(
    commitment: str, ends: datetime | None, words: str
) -> None:
    bound = replace(endpoint("gate", "m"), commitment=commitment, commitment_ends=ends).bound(START)
    assert bound == "" if not words else words in bound
