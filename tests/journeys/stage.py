"""Worlds to begin a journey in: what earlier steps of the walk would have left behind."""

from __future__ import annotations

import hashlib

from tests.harness import Walk
from tests.sandbox.conftest import BUCKET, HAIKU, LLAMA_33, PAIRS, Scene, claude_lines, conversation_lines
from tui.domain.base_models import find
from tui.services.session import Services
from tui.services.store import Upload

ROLE = "tuner"
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
RETIRED = "meta.llama3-2-1b-instruct-v1:0"
"""At its end of life half a year after the clock begins."""
HALF_A_YEAR = 200 * 86_400


def scene_of(walk: Walk) -> Scene:
    return Scene(walk.sandbox, walk.clock)


def uploaded(walk: Walk, services: Services, model: str = "claude-3-haiku") -> Scene:
    """Bucket, role and data are there, and the app remembers its uploads."""
    scene = scene_of(walk)
    scene.bucket()
    scene.role(ROLE)
    walk.clock.advance(120)
    place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
    base = find(model)
    assert base is not None
    lines = claude_lines if model == "claude-3-haiku" else conversation_lines
    for role, pairs in (("train", PAIRS), ("validation", PAIRS[:32])):
        text = lines(pairs)
        uri = scene.upload(f"tanzaku/{model}/dataset/{role}.jsonl", text)
        sha = hashlib.sha256(text.encode()).hexdigest()
        upload = Upload(uri, role, f"{role}.json", model, len(pairs), 900, len(text), sha, services.now())
        services.store.add_upload(place, upload)
    return scene


def trained(walk: Walk, base_id: str = HAIKU) -> Scene:
    """A custom model is there, with nothing that answers for it."""
    scene = scene_of(walk)
    scene.bucket()
    scene.model(base_id=base_id)
    return scene


def served(walk: Walk, base_id: str = HAIKU) -> tuple[Scene, str]:
    """A custom model and a provisioned throughput in service; its ARN."""
    scene = scene_of(walk)
    scene.bucket()
    return scene, scene.throughput(scene.model(base_id=base_id))


def sent(walk: Walk, operation: str) -> int:
    """How often the sandbox heard an operation, retries included."""
    return [request.operation for request in walk.sandbox.requests].count(operation)


__all__ = [
    "BUCKET",
    "HAIKU",
    "HALF_A_YEAR",
    "LLAMA_33",
    "PROFILE",
    "RETIRED",
    "ROLE",
    "Scene",
    "scene_of",
    "sent",
    "served",
    "trained",
    "uploaded",
]


async def open_metrics(walk: Walk, typed: str) -> None:
    """Have Loss show local files, by their path as it is typed."""
    await walk.press("3")
    await walk.sees("No run chosen")
    await walk.press("o")
    await walk.sees("Open metrics files")
    await walk.press("ctrl+u")
    await walk.type(typed)
    await walk.press("enter")
