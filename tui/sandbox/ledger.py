"""The books: everything bought in a sandbox, how long it was held, and what that came to by the sandbox's prices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tui.sandbox.pricing import HOURLY
from tui.sandbox.records import Purchase, Records


def read(state: Path) -> list[Purchase]:
    """The purchases of a saved world, oldest first; none where nothing was saved. Raises ValueError when damaged."""
    try:
        return Records.from_json(json.loads((state / "bedrock.json").read_text("utf-8"))).purchases
    except FileNotFoundError:
        return []
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{state} holds no sandbox's books: {error}") from error


def lines(purchases: Iterable[Purchase], now: float) -> list[str]:
    """One line each, and the total; USD by the sandbox's own prices."""
    found, total = [], 0.0
    for item in purchases:
        hours = max(0.0, (item.ended or now) - item.started) / 3600
        cost = item.units * hours * HOURLY[item.commitment]
        total += cost
        began = datetime.fromtimestamp(item.started, UTC)
        state = "held still" if item.ended is None else f"{hours * 60:.1f} min"
        term = item.commitment or "no commitment"
        found.append(f"{began:%Y-%m-%d %H:%M:%S}Z  {item.name}  {item.units} MU  {term}  {state}  ${cost:,.2f}")
    return [*(found or ["Nothing was ever bought."]), f"together ${total:,.2f} by the sandbox's own prices, not AWS's"]


def show(state: Path) -> int:
    """Print the books; the exit status."""
    try:
        print("\n".join(lines(read(state), time.time())))
    except (ValueError, OSError) as error:
        print(error)
        return 1
    return 0
