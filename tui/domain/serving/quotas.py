"""How many model units an account may hold."""

from __future__ import annotations

from collections.abc import Iterable

from tui.domain.training.runs import Endpoint
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class UnitQuotas:
    """Model units; None is not known. `problem` says why nothing could be read.

    Two quotas bound what all custom models of a Region may hold together, one for each kind of term; `per_model`
    bounds a single provisioned model of the base model, whatever others hold.
    """

    without_commitment: float | None = None
    with_commitment: float | None = None
    per_model: float | None = None
    problem: str = ""

    def across(self, commitment: str) -> float | None:
        """The most that all custom models together may hold; None when it is not known."""
        return self.with_commitment if commitment else self.without_commitment

    def text(self, units: int, held: int, commitment: str) -> str:
        """One sentence about a purchase of `units` where custom models hold `held` ones on such terms."""
        across, kind = self.across(commitment), "with commitment" if commitment else "without commitment"
        if across is None and self.per_model is None:
            return f"The quota is not known{f' ({self.problem})' if self.problem else ''}."
        if 0 in (across, self.per_model):
            which = f"model units {kind}" if across == 0 else "model units for this base model"
            return (
                f"▲ The account's quota of {which} is 0, as it is for new accounts: AWS will refuse. "
                "Ask AWS Support for model units; it takes days."
            )
        if self.per_model is not None and units > self.per_model:
            return (
                f"▲ One endpoint of this base model may have {self.per_model:g} model units: AWS will refuse {units}."
            )
        if across is None:
            return f"Quota: {self.per_model:g} model units for one endpoint; how many in all is not known."
        if units > across - held:
            return f"▲ {across:g} model units {kind} are allowed, {held} are in use: AWS will refuse {units} more."
        return f"Quota: {across:g} model units {kind}, {held} in use."


def held_units(endpoints: Iterable[Endpoint], commitment: str) -> int:
    """Model units of custom models on such terms: those bought for base models have quotas of their own."""
    return sum(
        e.units
        for e in endpoints
        if e.bills_by_hour and bool(e.commitment) == bool(commitment) and ":custom-model/" in e.model_arn
    )
