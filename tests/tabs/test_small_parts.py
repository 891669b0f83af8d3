"""What tabs decide by themselves: typed parameters and ids, and why a base model takes no job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tui.domain.base_models import CATALOGUE, FoundationModel, find
from tui.domain.chat.chat import Parameters
from tui.domain.identity import Identity
from tui.domain.training.preflight import Mark
from tui.services.training.preflight_facts import Surroundings, base_check
from tui.tabs.base import working_folder
from tui.tabs.chat_base import id_problem, paint_rate, parse_parameters
from tui.tabs.loss_runs import _paths

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HAIKU = CATALOGUE[0]
AROUND = Surroundings(Identity(region="us-west-2", account="123456789012"), HAIKU, NOW)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Parameters()),
        ("max=1", Parameters(max_tokens=1)),
        ("top_p=.9 t=0 max=4096", Parameters(4096, 0.0, 0.9)),
        ("t=1", Parameters(temperature=1.0)),
    ],
)
def test_parameters_are_read(typed: str, meant: Parameters) -> None:
    assert parse_parameters(typed) == meant


@pytest.mark.parametrize(
    "typed", ["max=0", "max=4097", "max=1.5", "t=1.01", "top_p=-1", "t=nan", "top_k=3", "max 5", "t=", "t=0,5"]
)
def test_nonsense_is_no_parameter(typed: str) -> None:
    assert parse_parameters(typed) is None


@pytest.mark.parametrize("typed", ["amazon.nova-lite-v1:0", "us.x", "arn:aws:bedrock:us-east-1::foundation-model/x"])
def test_ids_and_arns_are_taken(typed: str) -> None:
    assert id_problem(typed) == ""


@pytest.mark.parametrize("typed", ["", "  ", "a b", "x\x1b[31m", "id?", "a" * 2049])
def test_other_texts_are_no_ids(typed: str) -> None:
    assert id_problem(typed)


def model(lifecycle: str = "ACTIVE", *, tunable: bool = True, ends_in: int | None = None) -> FoundationModel:
    ends = None if ends_in is None else NOW + timedelta(days=ends_in)
    kinds = frozenset({"FINE_TUNING"} if tunable else ())
    return FoundationModel(HAIKU.customization_id, "arn", HAIKU.name, "Anthropic", lifecycle, kinds, end_of_life=ends)


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ([], "is not offered in us-west-2"),
        ([model()], ""),
        ([model(tunable=False)], "cannot be fine-tuned in us-west-2"),
        ([model("LEGACY", ends_in=30)], "legacy, end of life 2026-12-22. A Legacy model takes no new jobs"),
        ([model("LEGACY", ends_in=-30)], "retired 2026-10-23. Its end of life has passed"),
        ([model("LEGACY", ends_in=30), model()], ""),
    ],
)
def test_why_a_base_model_takes_no_job(live: list[FoundationModel], words: str) -> None:
    check = base_check(HAIKU, live, AROUND)
    assert (check.mark is Mark.OK) == (not words)
    assert words in check.line


def test_where_a_base_model_can_be_tuned_is_said() -> None:
    nova = find("nova-lite")
    assert nova is not None
    assert "us-east-1" in base_check(nova, [], AROUND).line


def test_a_path_with_blanks_is_one_path(tmp_path: Path) -> None:
    blank = tmp_path / "two words.csv"
    blank.touch()
    assert _paths(f" {blank} ") == [blank]
    assert _paths("one.csv two.csv") == [Path("one.csv"), Path("two.csv")]


def test_a_folder_that_is_gone_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert working_folder() == f"{tmp_path}/"


def test_a_slow_way_is_painted_seldom() -> None:
    assert paint_rate({}) <= 12
    assert paint_rate({"SSH_TTY": "/dev/pts/1"}) == paint_rate({"SSH_CONNECTION": "a 1 b 2"}) == 5
