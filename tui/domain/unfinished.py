"""What was typed and neither accepted nor given up: it outlives the app."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Texts of one dialog or field, by the names of its fields. `key` tells what they are for."""

    key: str
    heading: str
    texts: Mapping[str, str]
    at: datetime
