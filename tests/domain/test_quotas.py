"""Quotas on model units: which of them bounds a purchase, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from tui.domain.base_models import Serving
from tui.domain.serving.quotas import UnitQuotas, held_units
from tui.domain.training.runs import Endpoint

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MINE, ITS_BASE = "arn:aws:bedrock:us-west-2:1:custom-model/x/y", "arn:aws:bedrock:us-west-2::foundation-model/x"


def endpoint(units: int, model: str = MINE, commitment: str = "", status: str = "InService") -> Endpoint:
    return Endpoint(Serving.PROVISIONED, f"arn:{units}", "gate", status, model, NOW, units, commitment)


@pytest.mark.parametrize(
    ("quotas", "units", "held", "commitment", "words"),
    [
        (UnitQuotas(), 1, 0, "", "The quota is not known."),
        (UnitQuotas(problem="denied"), 1, 0, "", "The quota is not known (denied)."),
        (UnitQuotas(with_commitment=3), 1, 0, "", "The quota is not known."),
        (UnitQuotas(0, 5, 5), 1, 0, "", "model units without commitment is 0, as it is for new accounts"),
        (UnitQuotas(5, 0, 5), 1, 0, "OneMonth", "model units with commitment is 0"),
        (UnitQuotas(5, 5, 0), 1, 0, "", "model units for this base model is 0"),
        (UnitQuotas(2, 5, 2), 1, 0, "", "Quota: 2 model units without commitment, 0 in use."),
        (
            UnitQuotas(2, 5, 2),
            1,
            2,
            "",
            "▲ 2 model units without commitment are allowed, 2 are in use: AWS will refuse 1",
        ),
        (UnitQuotas(2, 5, 2), 1, 2, "SixMonths", "Quota: 5 model units with commitment, 2 in use."),
        # What others hold says nothing of the quota of one endpoint of this model.
        (UnitQuotas(9, 0, 1), 1, 8, "", "Quota: 9 model units without commitment, 8 in use."),
        (UnitQuotas(9, 0, 1), 2, 0, "", "▲ One endpoint of this base model may have 1 model units: AWS will refuse 2."),
        (UnitQuotas(None, None, 2), 1, 7, "", "Quota: 2 model units for one endpoint; how many in all is not known."),
    ],
)
def test_what_is_said_of_a_purchase(quotas: UnitQuotas, units: int, held: int, commitment: str, words: str) -> None:
    assert words in quotas.text(units, held, commitment)


def test_a_warning_stands_there_exactly_where_aws_would_refuse() -> None:
    for across, one, units, held in product((1, 2, 5), (1, 3), (1, 2, 4), (0, 1, 3)):
        refused = units > one or units + held > across
        assert ("▲" in UnitQuotas(across, None, one).text(units, held, "")) == refused


def test_only_custom_models_on_the_same_terms_are_counted() -> None:
    there = [
        endpoint(1),
        endpoint(2, commitment="OneMonth"),
        endpoint(4, ITS_BASE),
        endpoint(8, ITS_BASE, commitment="SixMonths"),
        endpoint(16, status="Failed"),
        endpoint(32, commitment="SixMonths", status="Creating"),
    ]
    assert (held_units(there, ""), held_units(there, "OneMonth")) == (1, 34)
