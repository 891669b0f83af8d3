"""What tokens cost, as far as it is known: the user's own figures, with their date. An unknown price is no zero."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tui.domain.base_models import base_id, find

MILLION = 1_000_000
_KINDS = ("input", "output", "training")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """USD per million tokens of one model; None is not known. `as_of` is a date, `source` says whose figures they are.

    `training` is charged per token and epoch.
    """

    input: float | None = None
    output: float | None = None
    training: float | None = None
    as_of: str = ""
    source: str = ""

    def trained(self, tokens: int, epochs: int) -> float | None:
        """USD for training on `tokens` a number of times; None when the price is not known."""
        return None if self.training is None else self.training * tokens * epochs / MILLION

    def answered(self, input_tokens: int, output_tokens: int) -> float | None:
        """USD for one answer; None when either price is not known."""
        if self.input is None or self.output is None:
            return None
        return (self.input * input_tokens + self.output * output_tokens) / MILLION

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
