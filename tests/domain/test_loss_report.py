"""Comparisons and reports of runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.domain.loss_runs import curves
from tui.domain.clock import absolute
from tui.domain.files.formats import Record
from tui.domain.loss.report import (
    DataFact,
    LossRun,
    compare_rows,
    epoch_head,
    epoch_rows,
    headline,
    means_csv,
    number,
    pair_changes,
    summary_markdown,
    told_apart,
)
from tui.domain.training.jobs import Job

JOB = Job("arn:x/1", "a|b", "Completed", "arn:aws:bedrock:x/haiku", datetime(2026, 11, 22, tzinfo=UTC),
          hyperparameters={"epochCount": "4", "batchSize": "32"})  # fmt: skip
ONE = LossRun("1", replace(curves((2.0, 1.5, 1.4)), name="one"), JOB, {"validation": DataFact("s3://b/v", "aa11")})
SMALLER = replace(JOB, hyperparameters={"epochCount": "4", "batchSize": "8"})
TWO = replace(ONE, key="2", curves=replace(curves((2.1, 1.6, 1.2)), name="two"), job=SMALLER)


def pairs(*texts: str) -> list[Record]:
    return [Record.of(*text.split("=")) for text in texts]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (("a=1", "b=2"), ("a=1", "b=2"), "same pairs"),
        (("a=1", "b=2"), ("b=2", "a=1"), "same pairs"),
        (("a=1",), ("a=1", "b=2"), "+1 −0 ~0 pairs"),
        (("a=1", "b=2"), ("a=1",), "+0 −1 ~0 pairs"),
        (("a=1", "b=2"), ("a=1", "b=3"), "+0 −0 ~1 pairs"),
        (("A?=1",), ("a=1",), "same pairs"),
        (("a=1", "a=2"), ("a=1",), "+0 −1 ~0 pairs"),
        (("a=1", "a=2"), ("a=1", "a=3"), "+0 −0 ~1 pairs"),
    ],
)
def test_changes_of_pairs(old: tuple[str, ...], new: tuple[str, ...], said: str) -> None:
    assert pair_changes(pairs(*old), pairs(*new)).text == said


def test_another_system_prompt_is_said() -> None:
    assert "other system prompt" in pair_changes([Record.of("q", "a", "x")], [Record.of("q", "a", "y")]).text


def test_only_what_differs_is_compared() -> None:
    rows = {row[0]: row[1:] for row in compare_rows([ONE, TWO])}
    assert rows["batchSize"] == ("32", "8")
    assert "epochCount" not in rows
    assert "base model" not in rows
    assert "validation data" not in rows
    assert rows["best validation"] == ("1.4000 (epoch 3)", "1.2000 (epoch 3)")
    assert told_apart([ONE, TWO]) == ["batchSize 32", "batchSize 8"]
    assert told_apart([ONE, ONE, replace(TWO, job=None)]) == ["batchSize 32 · epochCount 4"] * 2 + [""]
    assert headline([ONE, TWO]) == "lowest validation: two 1.2000, 0.2000 below the next"


def test_what_forbids_a_comparison_is_said() -> None:
    other = replace(TWO, data={"validation": DataFact("s3://b/w", "bb22")})
    assert "not on the same validation data" in headline([ONE, other])
    assert "different base models" in headline([ONE, replace(TWO, job=replace(JOB, base_model_arn="arn:y"))])
    assert "can be compared" in headline([ONE])
    assert headline([ONE, replace(ONE, key="3")]).endswith("as low as one")


def test_on_the_screen_letters_leave_room_for_what_forbids_the_comparison() -> None:
    assert headline([ONE, TWO], "ab") == "lowest validation: b 1.2000, by 0.2000"
    other = replace(TWO, data={"validation": replace(next(iter(TWO.data.values())), sha256="f" * 64)})
    other = replace(other, job=replace(JOB, base_model_arn="arn:y"))
    said = headline([ONE, other], "ab")
    assert said == "lowest validation: b 1.2000, by 0.2000 · ▲ validation data, base models differ"
    assert len(said) <= 78


def test_the_table_says_where_perplexity_is_from() -> None:
    assert epoch_head(ONE.curves)[-1] == "exp(loss)"
    assert epoch_rows(ONE.curves)[2][0] == "◆3"
    assert epoch_rows(ONE.curves)[2][7] == "−0.1000"
    own = replace(ONE.curves, validation=tuple(replace(p, perplexity=7.0) for p in ONE.curves.validation))
    assert epoch_head(own)[-1] == "perplexity"
    assert epoch_rows(own)[0][-1] == "7"


def test_names_are_no_markup_and_no_formulas() -> None:
    odd = replace(ONE, curves=replace(ONE.curves, name="=cmd|x `[a](b)\x1b[2J", validator="＝folder\x1b"))
    text = summary_markdown([odd, TWO])
    assert "\x1b" not in text
    assert "\\|x \\`\\[a\\]" in text
    table = means_csv([odd])
    assert "\n'=cmd" in table
    assert ",'＝folder" in table
    assert "\x1b" not in table


REPORT = """\
## two

- best epoch 3 (1.2000, −0.9000 since 1)
- stopped at 3 of 4; early stopping does not explain it by these numbers
- still falling at epoch 3 (−0.4000 per epoch): more epochs may help

Job arn:x/1 · created {created} · batchSize 8, epochCount 4

| epoch | training | n | min | max | sd | validation | change | exp(loss) |
| :-- | --: | --: | --: | --: | --: | --: | --: | --: |
| 1 | 1.7000 | 8 | 1.7000 | 1.7000 | – | 2.1000 | – | 8.166 |
| 2 | 1.1098 | 8 | 1.1098 | 1.1098 | – | 1.6000 | −0.5000 | 4.953 |
| ◆3 | – | – | – | – | – | 1.2000 | −0.4000 | 3.32 |

> a note

> Trained in the sandbox by a small model: the height of these losses means nothing elsewhere.
"""


def test_a_report_of_runs_compared_and_of_one() -> None:
    found = replace(TWO.curves, training=TWO.curves.training[:2], sandbox=True, notes=("a note",))
    job = replace(SMALLER, base_model_arn="arn:aws:bedrock:us-west-2::foundation-model/custom/nova")
    data = {"validation": DataFact("s3://b/v", "aa11"), "training": DataFact("s3://b/t", "cc33", 40)}
    two = replace(TWO, data=data, changes="+1 −0 ~0 pairs", curves=found, job=job)
    report, created = REPORT.format(created=absolute(JOB.created)), absolute(JOB.created)
    rows = {row[0]: row[1:] for row in compare_rows([ONE, two])}
    assert (rows["base model"], rows["training data"]) == (("haiku", "nova"), ("?", "t #cc33 40 records"))
    assert rows["pairs"] == ("–", "+1 −0 ~0 pairs")
    assert (rows["epochs run"], rows["created"]) == (("3 of 4",) * 2, (created,) * 2)
    both = summary_markdown([ONE, two])
    assert both.startswith("# 2 fine-tuning runs\n\nlowest validation: two 1.2000, 0.2000 below the next · ▲ different")
    assert "\n\n|  | one | two |\n| :-- | --: | --: |\n| batchSize | 32 | 8 |\n" in both
    assert both.count("\n## ") == 2
    assert both.endswith("\n\n" + report)
    assert summary_markdown([two]) == report.removeprefix("#")


def test_means_keep_all_their_digits() -> None:
    few = replace(curves((2.0, 1.51234567, 1.4), (1.25, 0.5)), name="one", validator="v1")
    few = replace(few, training=(few.training[0], replace(few.training[1], low=0.25, high=0.75, deviation=0.125)))
    assert means_csv([replace(ONE, curves=few)]).splitlines()[1:] == [
        "one,1,1.25,8,1.25,1.25,,2.0,v1",
        "one,2,0.5,8,0.25,0.75,0.125,1.51234567,v1",
        "one,3,,,,,,1.4,v1",
    ]
    assert [number(value) for value in (0, 1, 0.00099, -1e6)] == ["0.0000", "1.0000", "9.900e-04", "-1.000e+06"]


def test_runs_without_a_job_or_a_validation_are_compared_too() -> None:
    local = replace(TWO, job=None, data={}, curves=replace(TWO.curves, validation=()))
    rows = {row[0]: row[1:] for row in compare_rows([ONE, local])}
    assert (rows["batchSize"], rows["base model"]) == (("32", "?"), ("haiku", "?"))
    assert (rows["best validation"][1], rows["epochs run"][1], rows["created"][1]) == ("–", "3", "–")
    assert headline([ONE, TWO, local]) == headline([ONE, TWO])


def test_evaluations_stand_in_the_comparison_where_there_are_any() -> None:
    judged = {row[0]: row[1:] for row in compare_rows([ONE, replace(TWO, evaluation="+4.5 (95 % 3.1 … 5.8) · n 40")])}
    assert judged["evaluation, tuned − base"] == ("–", "+4.5 (95 % 3.1 … 5.8) · n 40")
    assert not any("evaluation" in row[0] for row in compare_rows([ONE, TWO]))
