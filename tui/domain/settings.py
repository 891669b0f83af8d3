"""The user's settings file and where it came from; the app never writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, get_type_hints

from tui.domain.notify import Way
from tui.domain.serving.pricing import Prices, read_prices
from tui.domain.values import dataclass

DEFAULT_SYSTEM = "You are a helpful assistant."
SHIPPED_SYSTEM = "You are a helpful assistant. Answer questions about Amazon Bedrock briefly and correctly."
"""Of the shipped pairs: nothing to train a model with on others."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is a key of the same name in config.toml. Prices in USD, those of tokens per million.

    More questions than `evaluation_most` are handed to Bedrock's own evaluation jobs unless one chooses otherwise.
    """

    theme: str = "sumi"
    system_prompt: str = DEFAULT_SYSTEM
    base_model: str = "claude-3-haiku"
    max_tokens: int = 512
    temperature: float | None = None
    top_p: float | None = None
    evaluation_most: int = 500
    price_per_model_unit_hour: float | None = None
    prices: Prices = field(default_factory=dict)
    mouse: bool = True
    notify: str = Way.AUTO
    window_title: bool = True
    scan_regions: bool = True
    remind_minutes: float = 0
    lease_minutes: float = 50
    keys: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> tuple[Settings, list[str]]:
        """Settings from a parsed file, and a sentence for each entry that could not be used."""
        hints = get_type_hints(cls)
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {}
        complaints = [f"{key} is not a setting" for key in data if key not in known]
        for key in (name for name in data if name in known):
            value = data[key]
            if key == "prices" and isinstance(value, Mapping):
                values[key], wrong = read_prices(value, "config.toml")
                complaints += wrong
                continue
            if key == "prices":
                ok = False
            elif key == "keys":
                ok = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
            elif key == "notify":
                ok = value in list(Way)
            elif hints[key] in (str, bool):
                ok = isinstance(value, hints[key])
            else:
                whole = hints[key] is int
                ok = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
                ok = ok and 0 <= value < math.inf and (not whole or value > 0)
            if ok:
                values[key] = value
            else:
                complaints.append(f"{key} cannot be {value!r}")
        return cls(**values), complaints
