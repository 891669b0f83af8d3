"""What tokens and model units cost, as far as it is known, with source and date. An unknown price is no zero."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tui.domain.base_models import base_id, find
from tui.domain.values import dataclass

MILLION = 1_000_000
_TOKENS = ("input", "output", "training")
_HOURLY = {
    "": "model_unit_hour",
    "OneMonth": "model_unit_hour_one_month",
    "SixMonths": "model_unit_hour_six_months",
}
_KINDS = (*_TOKENS, *_HOURLY.values())
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """USD of one model: per million tokens, and per model unit and hour of provisioned throughput; None is not known.

    `as_of` is a date, `source` says whose figures they are. `training` is charged per token and epoch.
    """

    input: float | None = None
    output: float | None = None
    training: float | None = None
    as_of: str = ""
    source: str = ""
    model_unit_hour: float | None = None
    model_unit_hour_one_month: float | None = None
    model_unit_hour_six_months: float | None = None

    def per_hour(self, commitment: str = "") -> float | None:
        """USD per model unit and hour; `commitment` is empty, OneMonth or SixMonths. None is not known."""
        name = _HOURLY.get(commitment)
        return None if name is None else getattr(self, name)

    def under(self, other: TokenPrices) -> TokenPrices:
        """These prices, and those of `other` where these are not known. What both know is told as this one's."""
        missing = {kind: getattr(other, kind) for kind in _KINDS if getattr(self, kind) is None}
        known = {kind: value for kind, value in missing.items() if value is not None}
        if not known:
            return self
        if all(getattr(self, kind) is None for kind in _KINDS):
            return other
        sources = " and ".join(dict.fromkeys(filter(None, (self.origin, other.origin))))
        return replace(self, **known, as_of="", source=sources)

    def trained(self, tokens: int, epochs: int) -> float | None:
        """USD for training on `tokens` a number of times; None when the price is not known."""
        return None if self.training is None else self.training * tokens * epochs / MILLION

    def answered(self, input_tokens: int, output_tokens: int) -> float | None:
        """USD for one answer; None when either price is not known."""
        if self.input is None or self.output is None:
            return None
        return (self.input * input_tokens + self.output * output_tokens) / MILLION

    @property
    def per_million(self) -> str:
        """`$0.25 in, $1.25 out per M tokens`, or `$ ?`."""
        if self.input is None or self.output is None:
            return money(None)
        given, made = (re.sub(r"(\.\d\d\d*?)0+$", r"\1", money(price)) for price in (self.input, self.output))
        return f"{given} in, {made} out per M tokens"

    @property
    def origin(self) -> str:
        """`config.toml, 2026-11-01`, to stand beside every amount."""
        return ", ".join(filter(None, (self.source, self.as_of)))


Prices = Mapping[str, TokenPrices]
"""By a base model's key, a model id, or an inference profile id."""

UNKNOWN = TokenPrices()


def prices_of(prices: Prices, identifier: str) -> TokenPrices:
    """The prices of a model by any of its names, the exact one first; `UNKNOWN` when there are none."""
    exact = prices.get(identifier)
    if exact is not None:
        return exact
    model = find(identifier)
    wanted = {base_id(identifier), *((model.key, model.runtime_id) if model else ())}
    return next((found for name, found in prices.items() if base_id(name) in wanted), UNKNOWN)


def money(amount: float | None) -> str:
    """`$3.10`, `$0.0002`, `< $0.0001`, or `$ ?` when it is not known."""
    if amount is None:
        return "$ ?"
    if 0 < amount < 0.0001:
        return "< $0.0001"
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def cents(amount: float | None) -> str:
    """`$0.42`, `$1,203.00`, or `$ ?` when it is not known: for what adds up by the hour."""
    return "$ ?" if amount is None else f"${amount:,.2f}"


def read_prices(data: Mapping[str, Any], source: str) -> tuple[dict[str, TokenPrices], list[str]]:
    """Prices from a parsed settings file, and a sentence for each entry that could not be used."""
    found: dict[str, TokenPrices] = {}
    complaints: list[str] = []
    for name, entry in data.items():
        if not isinstance(entry, Mapping):
            complaints.append(f"prices.{name} is no table")
            continue
        values: dict[str, Any] = {}
        for key, value in entry.items():
            if key in _KINDS and _is_price(value):
                values[key] = float(value)
            elif key == "as_of" and _DATE.fullmatch(str(value)):
                values[key] = str(value)  # TOML has dates of its own
            else:
                known = key in _KINDS or key == "as_of"
                complaints.append(f"prices.{name}.{key} {f'cannot be {value!r}' if known else 'is not a setting'}")
        found[str(name)] = TokenPrices(**values, source=source)
    return found, complaints


def _is_price(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
