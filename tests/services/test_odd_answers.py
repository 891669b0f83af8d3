"""Lists in which whatever is optional is missing at random, and whatever is text is hostile or unknown."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import Scripted, services_over
from tui.domain.base_models import Serving
from tui.domain.serving.meter import bills_of, meter_text
from tui.domain.text import UNSAFE
from tui.domain.training.run_list import By, Order, listed
from tui.domain.training.runs import Board, Endpoint, changes, summary
from tui.sandbox.clock import ManualClock
from tui.services.aws import Aws
from tui.widgets.run_rows import RunRows, endpoint_text, run_detail

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TEXTS = ("提灯", "a\x1b[31mred", "\u202eabc", "x" * 300, "", "[/b]", "gate-1", "é😀")
STATES = (
    "InProgress", "Completed", "Failed", "Stopping", "Stopped", "Queued", "ＣＲＡＺＹ", "", "InService", "Creating",
    "Updating", "Active", "Deleting", "NotStarted",
)  # fmt: skip
HERE = "arn:aws:bedrock:us-west-2:123456789012:"
HAIKU = "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:200k"


class Odd:
    """Answers as a newer, a stranger or a lazier Bedrock might give them."""

    def __init__(self, seed: int, number: int) -> None:
        self.dice, self.number = random.Random(seed), number

    def text(self) -> str:
        return self.dice.choice(TEXTS)

    def state(self) -> str:
        return self.dice.choice(STATES)

    def when(self) -> str:
        seconds = self.dice.randint(-9_999, 9_999_999)  # AWS's clock is not always behind ours
        return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def some(self, always: dict[str, Any], now_and_then: dict[str, Any]) -> dict[str, Any]:
        return always | {key: value for key, value in now_and_then.items() if self.dice.random() < 0.5}

    def job(self, number: int) -> dict[str, Any]:
        times = {"creationTime": self.when(), "lastModifiedTime": self.when()}
        phase = [self.some({}, {"status": self.state(), **times}) for _ in range(3)]
        names = ("validationDetails", "dataProcessingDetails", "trainingDetails")
        return self.some(
            {
                "jobArn": f"{HERE}model-customization-job/x/{number:012}",
                "jobName": self.text(),
                "status": self.state(),
                "creationTime": self.when(),
            },
            {
                "endTime": self.when(),
                "lastModifiedTime": self.when(),
                "baseModelArn": self.dice.choice([HAIKU, self.text()]),
                "customModelArn": f"{HERE}custom-model/x/{number:012}",
                "customModelName": self.text(),
                "statusDetails": self.some({}, dict(zip(names, phase, strict=True))),
                "hyperParameters": {self.text(): self.text()},
                "trainingDataConfig": self.some({}, {"s3Uri": self.text()}),
                "validationDataConfig": self.some({}, {"validators": [self.some({}, {"s3Uri": self.text()})]}),
                "outputDataConfig": self.some({}, {"s3Uri": self.text()}),
                "trainingMetrics": self.some({}, {"trainingLoss": 1.5}),
                "validationMetrics": [self.some({}, {"validationLoss": 2})] * self.dice.randint(0, 2),
                "failureMessage": self.text(),
                "roleArn": self.text(),
                "vpcConfig": self.some({}, {"subnetIds": [self.text()], "securityGroupIds": []}),
            },
        )

    def model(self, number: int) -> dict[str, Any]:
        arn = f"{HERE}custom-model/x/{number:012}"
        return self.some(
            {"modelArn": arn, "modelName": self.text(), "creationTime": self.when()},
            {"baseModelArn": self.text(), "baseModelName": self.text(), "modelStatus": self.state()},
        )

    def throughput(self, number: int) -> dict[str, Any]:
        return self.some(
            {
                "provisionedModelArn": f"{HERE}provisioned-model/{number:012}",
                "provisionedModelName": self.text(),
                "status": self.state(),
                "modelArn": f"{HERE}custom-model/x/{self.dice.randrange(20):012}",
                "creationTime": self.when(),
            },
            {
                "modelUnits": self.dice.choice([0, 1, 2]),
                "foundationModelArn": self.text(),
                "commitmentDuration": self.dice.choice(["OneMonth", "Forever"]),
                "commitmentExpirationTime": self.when(),
            },
        )

    def deployment(self, number: int) -> dict[str, Any]:
        return self.some(
            {
                "customModelDeploymentArn": f"{HERE}custom-model-deployment/{number:012}",
                "customModelDeploymentName": self.text(),
                "status": self.state(),
                "modelArn": f"{HERE}custom-model/x/{self.dice.randrange(20):012}",
                "createdAt": self.when(),
            },
            {"failureMessage": self.text(), "lastUpdatedAt": self.when()},
        )

    def answer(self, _: str, path: str) -> tuple[int, bytes]:
        numbers, place = range(self.number), path.partition("?")[0]
        lists: dict[str, Any] = {
            "/model-customization-jobs": {"modelCustomizationJobSummaries": [self.job(n) for n in numbers]},
            "/custom-models": {"modelSummaries": [self.model(n) for n in numbers]},
            "/provisioned-model-throughputs": {"provisionedModelSummaries": [self.throughput(n) for n in numbers]},
        }
        if place.startswith("/model-customization/custom-model-deployments"):
            lists[place] = {"modelDeploymentSummaries": [self.deployment(n) for n in numbers]}
        one = self.job(self.dice.randrange(self.number))
        return 200, json.dumps(lists.get(place, one)).encode()


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_that_may_be_missing_is_missed(
    elsewhere: Aws, scripted: Scripted, tmp_path: Path, clock: ManualClock, seed: int
) -> None:
    services = services_over(elsewhere, tmp_path, clock)
    scripted.answer = Odd(seed, 15).answer
    last = Board()
    for _ in range(3):
        services.watcher.forget()
        board = await services.watcher.look(Board())
        assert board.problem is None
        assert len(board.runs) >= 15
        changes(last, board)
        await services.news.read("place", board)
        shown = [summary(board), meter_text(bills_of(board.billing, {}, {}), NOW)]
        for by in By:
            runs, unclear = listed(board.runs, "!nowhere", Order(by))
            assert (len(runs), unclear) == (len(board.runs), "")
        rows = RunRows(board.runs, NOW)
        for number, run in enumerate(board.runs):
            shown += [*map(str, rows.cells(number)), str(run_detail(run, NOW))]
        assert not [text for text in shown if UNSAFE.search(text.replace("\n", "")) or "None" in text]
        last = board


def test_a_clock_behind_that_of_aws_shows_no_time_below_zero() -> None:
    ahead = NOW + timedelta(minutes=2)
    made = Endpoint(Serving.PROVISIONED, f"{HERE}provisioned-model/a", "gate", "InService", "m", ahead, 1)
    assert endpoint_text(made, NOW) == "● 1 MU 0:00"
