"""A row of numbers as a row of block characters."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def spark(values: Sequence[float]) -> str:
    """One character per value between the lowest and the highest; a space for what is not a finite number."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    width = high / 2 - low / 2
    if not width:
        return "".join("▄" if math.isfinite(value) else " " for value in values)
    top = len(_BLOCKS) - 1
    return "".join(
        _BLOCKS[round((value / 2 - low / 2) / width * top)] if math.isfinite(value) else " " for value in values
    )
