"""How many model units the account may hold: Service Quotas, read when something is about to be bought."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tui.domain.errors import AppError
from tui.domain.serving.quotas import UnitQuotas
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.aws_errors import understood

_WITHOUT = "no-commitment provisioned throughputs across custom models"
_WITH = "with commitment provisioned throughputs across custom models"
_PER_MODEL = "model units per provisioned model for "
_BARE_NUMBER = re.compile(r"\d+(\.\d+)?")


class Quotas:
    """Reads quotas of Bedrock; kept for the session, since they change in days."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._kept: dict[str, float] | None = None

    async def units(self, model_name: str) -> UnitQuotas:
        """The quotas on model units for custom models of a base model. Never raises."""
        try:
            names = await self._all()
        except AppError as error:
            return UnitQuotas(problem=safe_line(error.title, 80))
        return UnitQuotas(
            next((value for name, value in names.items() if _WITHOUT in name), None),
            next((value for name, value in names.items() if _WITH in name), None),
            per_model(names, model_name),
        )

    async def value(self, words: str) -> float | None:
        """The first quota whose name holds the words, None when there is none. Raises AppError."""
        return next((value for name, value in (await self._all()).items() if words in name), None)

    async def _all(self) -> dict[str, float]:
        if self._kept is None:
            found = await self._aws.pages(
                "service-quotas", "list_service_quotas", "Quotas", {"ServiceCode": "bedrock"}, need=("QuotaName",)
            )
            self._kept = understood("list_service_quotas", _by_name, found)
        return self._kept

    def forget(self) -> None:
        """Another account is looked at."""
        self._kept = None


def _by_name(found: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    return {str(quota["QuotaName"]).lower(): float(quota.get("Value", 0)) for quota in found}


def per_model(quotas: Mapping[str, float], model_name: str) -> float | None:
    """The quota of one base model among all, None when it is not told, or not told apart.

    The names in Service Quotas hold ours in words of their own: `Anthropic Claude 3 Haiku 200K`, `the 128k context
    length variant for Amazon Nova Micro`. Another number among them is another version: Nova 2 Lite is not Nova Lite.
    """
    wanted = model_name.lower().split()
    found = set()
    for name, value in quotas.items():
        more = name.removeprefix(_PER_MODEL).split()
        if name.startswith(_PER_MODEL) and all(word in more for word in wanted):
            rest = [word for word in more if word not in wanted]
            if not any(_BARE_NUMBER.fullmatch(word) for word in rest):
                found.add(value)
    return found.pop() if len(found) == 1 else None
