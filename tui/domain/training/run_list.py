"""Which runs a list shows, and in which order."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from tui.domain.training.runs import Run
from tui.domain.values import dataclass


class By(StrEnum):
    """What runs are sorted by; the values are the keys of the table's columns."""

    SINCE = "since"
    NAME = "name"
    BASE = "base"
    STATUS = "status"
    LOSS = "loss"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Order:
    """Newest first unless asked otherwise; runs without the value come last either way."""

    by: By = By.SINCE
    descending: bool = True


_STATES: dict[str, Callable[[Run], bool]] = {
    "moving": lambda run: run.moving,
    "failed": lambda run: bool(run.job and run.job.status == "Failed") or any(e.failure for e in run.endpoints),
    "completed": lambda run: bool(run.job and run.job.status == "Completed"),
    "stopped": lambda run: bool(run.job and run.job.status == "Stopped"),
    "served": lambda run: run.ready_endpoint is not None,
    "billing": lambda run: any(e.bills_by_hour for e in run.endpoints),
    "orphan": lambda run: run.job is None and run.evaluation is None,
    "evaluation": lambda run: run.evaluation is not None,
}
STATES = tuple(_STATES)
Trends = Mapping[str, Sequence[float]]
"""Validation losses by epoch of the runs that have them, by the runs' keys."""


def last_loss(run: Run, trends: Trends) -> float | None:
    """The last validation loss: as AWS tells it with a job that was looked at closely, else as its curve ends."""
    if run.job is not None and run.job.validation_loss is not None:
        return run.job.validation_loss
    return trends[run.key][-1] if trends.get(run.key) else None


def listed(
    runs: Iterable[Run], words: str, order: Order, trends: Trends = MappingProxyType({})
) -> tuple[list[Run], str]:
    """The runs that hold every word, sorted, and what of the words is not understood.

    Words match name, base model, status and ARNs (NFKC, case folded); `!word` must not; `is:moving` and the other
    `STATES` look at the state.
    """
    tests, unclear = _tests(words)
    found = [run for run in runs if all(test(run) for test in tests)]
    keyed = [(_value(run, order.by, trends), run) for run in found]
    known = sorted((k for k in keyed if k[0] is not None), key=lambda k: k[0], reverse=order.descending)
    return [run for _, run in known] + [run for value, run in keyed if value is None], unclear


def _tests(words: str) -> tuple[list[Callable[[Run], bool]], str]:
    tests: list[Callable[[Run], bool]] = []
    unclear = ""
    for word in words.split():
        denied, bare = word.startswith("!"), word.removeprefix("!")
        if bare.startswith("is:"):
            test = _STATES.get(bare[3:])
            if test is None:
                unclear = f"{word}: is: takes {', '.join(STATES)}"
                continue
        elif not bare:
            continue
        else:
            test = _holds(_fold(bare))
        tests.append(_not(test) if denied else test)
    return tests, unclear


def _holds(word: str) -> Callable[[Run], bool]:
    return lambda run: word in _text(run)


def _not(test: Callable[[Run], bool]) -> Callable[[Run], bool]:
    return lambda run: not test(run)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _text(run: Run) -> str:
    job = run.job
    parts = [run.name, run.base_model_name, run.key, run.model_arn]
    parts += [job.phase_text(), job.status, job.model_name, job.failure] if job else []
    parts += [part for e in run.endpoints for part in (e.name, e.status, e.kind.value, e.arn)]
    return _fold("\n".join(parts))


def _value(run: Run, by: By, trends: Trends) -> Any:
    job = run.job
    match by:
        case By.NAME:
            return _fold(run.name)
        case By.BASE:
            return _fold(run.base_model_name)
        case By.STATUS:
            return (job.phase_text() if job else run.evaluation.status if run.evaluation else "") or None
        case By.LOSS:
            return last_loss(run, trends)
        case By.ENDPOINT:
            return ",".join(sorted(e.status for e in run.endpoints)) or None
        case By.SINCE:
            return run.created


def orders() -> Sequence[tuple[Order, str, str, str]]:
    """Every order: itself, its name, a word about it, and its letter."""
    return (
        (Order(), "since", "newest first", "s"),
        (Order(By.SINCE, False), "since", "oldest first", "S"),
        (Order(By.NAME, False), "run", "from A to Z", "r"),
        (Order(By.NAME, True), "run", "from Z to A", "R"),
        (Order(By.BASE, False), "base model", "from A to Z", "b"),
        (Order(By.STATUS, False), "status", "", "t"),
        (Order(By.LOSS, False), "validation loss", "best first", "v"),
        (Order(By.LOSS, True), "validation loss", "worst first", "V"),
        (Order(By.ENDPOINT, True), "endpoint", "served ones first", "e"),
    )
