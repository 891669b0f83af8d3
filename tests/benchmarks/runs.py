"""The list of runs seen again: what a look at 1,000 of them costs the thread that draws."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from textual.app import App, ComposeResult

from tests.benchmarks.figures import Figure, median
from tests.benchmarks.world import World
from tui.domain.base_models import Serving
from tui.domain.training.jobs import CustomModel, Job
from tui.domain.training.run_list import Order, listed
from tui.domain.training.runs import Endpoint, Run, assemble
from tui.widgets.run_rows import RUN_COLUMNS, RunRows
from tui.widgets.virtual_table import VirtualTable

_RUNS = 1_000
_SIZE = (200, 50)
_NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
_ARN = "arn:aws:bedrock:us-west-2:123456789012"
_BASE = "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:200k"


class _Host(App[None]):
    def compose(self) -> ComposeResult:
        yield VirtualTable(RUN_COLUMNS)


def refreshes(_: World, rounds: int) -> Iterator[Figure]:
    """Assembled from lists, filtered and sorted, shown, and painted at 200x50."""
    parts, shown, filtered = asyncio.run(_refreshed(4 * rounds))
    yield Figure("runs", f"assembled from lists, {_RUNS:,} runs", 1000 * median(parts), "ms", 50)
    yield Figure("runs", f"refreshed and painted, {_RUNS:,} runs", 1000 * median(shown), "ms", 50)
    yield Figure("runs", f"filtered and painted, {_RUNS:,} runs", 1000 * median(filtered), "ms", 50)


async def _refreshed(rounds: int) -> tuple[list[float], list[float], list[float]]:
    host = _Host()
    assembled, shown, filtered = [], [], []
    async with host.run_test(size=_SIZE):
        for number in range(rounds):
            began = time.perf_counter()
            runs = _runs(number)
            assembled.append(time.perf_counter() - began)
            shown.append(_painted(host, runs, ""))
            filtered.append(_painted(host, runs, "lantern-9 is:billing"))
            await asyncio.sleep(0)
    return assembled, shown, filtered


def _painted(host: _Host, runs: tuple[Run, ...], words: str) -> float:
    table = host.query_one(VirtualTable)
    began = time.perf_counter()
    found, _ = listed(runs, words, Order())
    table.show(RunRows(found, _NOW, {}))
    for y in range(_SIZE[1]):
        table.render_line(y)
    return time.perf_counter() - began


def _runs(look: int) -> tuple[Run, ...]:
    jobs, models, endpoints = [], [], []
    for n in range(_RUNS):
        created = _NOW - timedelta(hours=n)
        model, status = f"{_ARN}:custom-model/m/{n:012}", "InProgress" if (n + look) % 50 == 0 else "Completed"
        arn = f"{_ARN}:model-customization-job/j/{n:012}"
        jobs.append(Job(arn, f"lantern-{n}-提灯", status, _BASE, created, model_arn=model, model_name=f"keeper-{n}"))
        models.append(CustomModel(model, f"keeper-{n}", _BASE, created))
        if n % 20 == 0:
            place = f"{_ARN}:provisioned-model/{n:012}"
            endpoints.append(Endpoint(Serving.PROVISIONED, place, f"gate-{n}", "InService", model, created, 1))
    return assemble(jobs, models, endpoints)
