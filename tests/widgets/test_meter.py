"""The money meter: what it says of what bills, and of what nobody could look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tui.domain.base_models import Serving
from tui.domain.runs import Board, Endpoint, Part, Run
from tui.widgets.frame import meter_text

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def board(
    *, commitment: str = "", missed: frozenset[Part] = frozenset(), never: frozenset[Part] = frozenset()
) -> Board:
    made = NOW - timedelta(minutes=90)
    bought = Endpoint(Serving.PROVISIONED, "arn", "gate", "InService", "m", made, 2, commitment)
    runs = () if never else (Run("m", endpoints=(bought,)),)
    return Board(runs, NOW, None, missed, never)


@pytest.mark.parametrize(
    ("shown", "price", "text"),
    [
        (Board(), 10.0, ""),
        (board(), 10.0, "● 2 MU 1:30 ≈ $30.00"),
        (board(), None, "● 2 MU 1:30 $ ?/h"),
        (board(commitment="OneMonth"), 10.0, "● 2 MU 1:30 $ ?/h"),
        (board(missed=frozenset([Part.THROUGHPUTS])), 10.0, "● 2 MU? 1:30 ≈ $30.00"),
        (board(missed=frozenset([Part.JOBS])), 10.0, "● 2 MU 1:30 ≈ $30.00"),
        (board(never=frozenset([Part.THROUGHPUTS])), 10.0, "● ? MU"),
    ],
)
def test_the_meter(shown: Board, price: float | None, text: str) -> None:
    assert meter_text(shown, price, NOW) == text
