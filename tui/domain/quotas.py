"""How many model units an account may hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnitQuotas:
    """Model units that may be held; None is not known. `problem` says why nothing could be read."""

    without_commitment: float | None = None
    with_commitment: float | None = None
    per_model: float | None = None
    problem: str = ""

    def allowed(self, commitment: str) -> float | None:
        """The most that one purchase may have; None when no quota is known."""
        across = self.with_commitment if commitment else self.without_commitment
        known = [quota for quota in (across, self.per_model) if quota is not None]
        return min(known) if known else None

    def text(self, units: int, held: int, commitment: str) -> str:
        """One sentence about a purchase of `units` beside `held` ones; empty when it fits."""
        allowed = self.allowed(commitment)
        if allowed is None:
            return f"The quota is not known{f' ({self.problem})' if self.problem else ''}."
        kind = "with commitment" if commitment else "without commitment"
        if allowed == 0:
            return (
                f"▲ The account's quota of model units {kind} is 0, as it is for new accounts: AWS will refuse. "
                "Ask AWS Support for model units; it takes days."
            )
        left = int(allowed) - held
        if units > left:
            return f"▲ {int(allowed)} model units {kind} are allowed, {held} are in use: AWS will refuse {units} more."
        return f"Quota: {int(allowed)} model units {kind}, {held} in use."
