"""The checks before a job never raise: what cannot be looked at says so, line by line."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import HAIKU, PAIRS, Scene
from tui.domain.base_models import CATALOGUE
from tui.domain.jobs import DataRef, JobSpec
from tui.domain.preflight import Check, Cure, Mark, first_cure, summary
from tui.sandbox.server import Sandbox
from tui.services.preflight import Surroundings
from tui.services.session import Services


def wanted(scene: Scene) -> JobSpec:
    asked = scene.ready_for_jobs()
    data, place = DataRef(asked["trainingDataConfig"]["s3Uri"], len(PAIRS)), asked["outputDataConfig"]["s3Uri"]
    return JobSpec("lessons-1", "keeper", HAIKU, asked["roleArn"], data, place)


async def checked(services: Services, spec: JobSpec) -> dict[str, Check]:
    model = next(m for m in CATALOGUE if m.customization_id == HAIKU)
    around = Surroundings(await services.identity.look(), model, services.now())
    return {check.key: check async for check in services.preflight.run(spec, around)}


async def test_nothing_is_wrong_where_all_is_there(services: Services, scene: Scene) -> None:
    found = await checked(services, wanted(scene))
    assert not [check.line for check in found.values() if check.mark is Mark.BAD]
    assert first_cure(found.values()) is None


@pytest.mark.parametrize("kind", ["denied", "error", "expired", "reset", "unavailable"])
@pytest.mark.parametrize("service", ["s3", "iam", "bedrock", "service-quotas"])
async def test_what_cannot_be_looked_at_is_not_called_wrong(
    services: Services, scene: Scene, sandbox: Sandbox, service: str, kind: str
) -> None:
    spec = wanted(scene)
    services.forget()
    sandbox.faults.add(kind=kind, service=service, times=None)
    found = await checked(services, spec)
    marks = {check.mark for check in found.values()}
    assert Mark.UNKNOWN in marks
    assert not [check.line for check in found.values() if check.mark is Mark.BAD]
    assert "?" in summary(found.values())


async def test_what_is_missing_has_a_cure(services: Services, scene: Scene) -> None:
    data = DataRef("s3://tanzaku-nowhere/提灯.jsonl")
    found = await checked(services, JobSpec("lessons-1", "keeper", HAIKU, "", data, "s3://tanzaku-nowhere/out/"))
    cures = {key: check.cure for key, check in found.items() if check.mark is Mark.BAD and check.cure}
    assert cures["training"] is Cure.UPLOAD
    assert cures["output"] is Cure.CREATE_BUCKET
    assert cures["role"] is Cure.CREATE_ROLE
