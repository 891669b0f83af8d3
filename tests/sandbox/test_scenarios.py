"""Failures that are rehearsed by name."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import WHOLE_JOB, Scene
from tui.__main__ import _SCENARIOS
from tui.sandbox.catalog import SCHEDULED_JOBS
from tui.sandbox.scenarios import MEANING, Scenario
from tui.sandbox.server import Sandbox


def rehearse(scene: Scene, scenario: Scenario) -> None:
    scene.sandbox.world.scenarios = frozenset({scenario})


def test_the_command_line_knows_them_all() -> None:
    assert list(_SCENARIOS) == list(Scenario) == list(MEANING)


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(ValueError, match="rain"):
        Sandbox(scenarios=["rain"])


def test_a_role_that_cannot_be_assumed(scene: Scene) -> None:
    rehearse(scene, Scenario.ROLE)
    with pytest.raises(ClientError, match="Could not assume"):
        scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())


@pytest.mark.parametrize(
    ("scenario", "status", "words"),
    [
        (Scenario.FORMAT, "Failed", "not in the format"),
        (Scenario.TRAINING, "Failed", "unexpected error"),
        (Scenario.CAPACITY, "InProgress", ""),
    ],
)
def test_a_job_that_goes_wrong(scene: Scene, scenario: Scenario, status: str, words: str) -> None:
    rehearse(scene, scenario)
    arn = scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())["jobArn"]
    scene.pass_time(WHOLE_JOB)
    scene.pass_time(10 * WHOLE_JOB)
    job = scene.job(arn)
    assert job["status"] == status
    assert words in job.get("failureMessage", "")
    if scenario is Scenario.CAPACITY:
        assert job["statusDetails"]["trainingDetails"]["status"] == "NotStarted"


def test_an_account_without_model_units(scene: Scene) -> None:
    model = scene.model()
    rehearse(scene, Scenario.QUOTA)
    with pytest.raises(ClientError) as error:
        scene.throughput(model)
    assert error.value.response["Error"]["Code"] == "ServiceQuotaExceededException"
    quotas = scene.client("service-quotas").list_service_quotas(ServiceCode="bedrock")["Quotas"]
    assert {quota["Value"] for quota in quotas if "odel units" in quota["QuotaName"]} == {0}
    assert {quota["Value"] for quota in quotas if "odel units" not in quota["QuotaName"]} == {SCHEDULED_JOBS}


def test_throughput_that_stays_in_creating_and_bills(scene: Scene) -> None:
    rehearse(scene, Scenario.STUCK)
    arn = scene.throughput(scene.model())
    scene.pass_time(86_400)
    assert scene.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)["status"] == "Creating"
    scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    (line,) = scene.sandbox.books()
    assert line.ended is not None


def test_a_deletion_refused_under_commitment(scene: Scene) -> None:
    arn = scene.throughput(scene.model())
    rehearse(scene, Scenario.COMMITMENT)
    with pytest.raises(ClientError, match="commitment term"):
        scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
