"""Buying what serves a model, for as long as it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.domain.base_models import Serving
from tui.domain.errors import AppError
from tui.services.orders import Ordered, Patience

if TYPE_CHECKING:
    from tui.services.session import Services


async def buy(
    services: Services,
    place: str,
    kind: Serving,
    name: str,
    model_arn: str,
    token: str,
    *,
    units: int = 1,
    commitment: str = "",
    minutes: float | None = None,
    ender: str = "",
    patience: Patience | None = None,
) -> Ordered:
    """Make an endpoint under a lease of so many minutes, or without one; `ender` is the role with which AWS ends it.

    The lease is written down first: whatever becomes of the app, the next start knows when the endpoint was to end.
    It runs from `Leases.begin` on. Raises AppError as `Endpoints.make` does.
    """
    if minutes:
        await services.pool.run(services.leases.plan, place, token, name, minutes, ender)
    try:
        return await services.endpoints.make(
            place, kind, name, model_arn, token, units=units, commitment=commitment, patience=patience
        )
    except AppError as error:
        if minutes and not error.outcome_unknown:
            await services.pool.run(services.leases.drop, token)
        raise
