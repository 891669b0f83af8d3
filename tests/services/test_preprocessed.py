"""dataset/preprocessed is what the app makes of dataset/rawdata; `python -m` this module writes it anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tui.domain.base_models import find
from tui.domain.files.pairs import guess_role
from tui.domain.settings import SHIPPED_SYSTEM
from tui.services.dataset.datasets import Datasets, write_atomically
from tui.services.pool import DaemonPool

DATASET = Path(__file__).parents[2] / "dataset"
MADE = [
    ("training", "claude-3-haiku"),
    ("validation", "claude-3-haiku"),
    ("training.ja", "claude-3-haiku"),
    ("validation.ja", "claude-3-haiku"),
    ("training", "nova-lite"),
    ("validation", "nova-lite"),
    ("training", "llama-3.1-8b"),
    ("validation", "llama-3.1-8b"),
]


async def converted(stem: str, model_key: str) -> bytes:
    datasets = Datasets(DaemonPool())
    model = find(model_key)
    assert model is not None
    path = DATASET / "rawdata" / f"{stem}.json"
    made = await datasets.convert(await datasets.open(path), model, guess_role(path), SHIPPED_SYSTEM)
    return made.data


def place(stem: str, model_key: str) -> Path:
    return DATASET / "preprocessed" / f"{stem}.{model_key}.jsonl"


@pytest.mark.parametrize(("stem", "model_key"), MADE)
async def test_preprocessed_files_are_what_the_app_makes(stem: str, model_key: str) -> None:
    assert place(stem, model_key).read_bytes() == await converted(stem, model_key)


def test_nothing_else_is_there() -> None:
    assert set((DATASET / "preprocessed").iterdir()) == {place(*made) for made in MADE}


if __name__ == "__main__":
    for made in MADE:
        write_atomically(place(*made), asyncio.run(converted(*made)))
