"""Prices: AWS's own list where the account may read it, else the user's figures, else nothing is claimed.

The list's shape is that of the Price List API (`GetProducts`): each product a JSON text with `attributes` and
`terms`. Service AmazonBedrockFoundationModels holds Anthropic's models by service name, AmazonBedrock the others,
with the model inside the usage type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from tui.domain.base_models import base_id, find
from tui.domain.chat.chat import Target
from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError
from tui.domain.serving.pricing import UNKNOWN, Prices, TokenPrices, prices_of
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.pool import DaemonPool
from tui.services.store import Store

_LISTS_ARE_IN = "us-east-1"
_FRESH = timedelta(days=1)
_MOST_PAGES = 30
"""Pages of a price list, 100 products each, that are read for one model."""
_PLACE = "prices"
_EXCLUDED = ("batch", "cache", "flex", "priority", "latency", "optimized", "longcontext", "crossregion", "global")
_PER = {"1k": 1_000.0, "1000": 1_000.0, "thousand": 1_000.0, "1m": 1e6, "1000000": 1e6, "million": 1e6}


class PriceService:
    """Prices of models in one Region, kept for a day."""

    def __init__(
        self,
        aws: Aws,
        store: Store,
        pool: DaemonPool,
        own: Prices,
        *,
        model_unit_hour: float | None = None,
        now: Now = utc_now,
    ) -> None:
        """`own` are the user's figures by model, `model_unit_hour` the one for all others."""
        self._aws = aws
        self._store = store
        self._pool = pool
        self._own = own
        self._fallback = TokenPrices(model_unit_hour=model_unit_hour, source="config.toml" if model_unit_hour else "")
        self._now = now
        self._refused = False

    async def of(self, identifier: str, region: str, name: str = "") -> TokenPrices:
        """The prices of a model by id, ARN or catalogue key; `name` is what AWS calls it, if it is not catalogued.

        Never raises: what cannot be read is not known.
        """
        own = prices_of(self._own, identifier)
        listed = await self._listed(identifier, region, name)
        return listed.under(own).under(self._fallback)

    async def of_target(self, target: Target, region: str) -> TokenPrices:
        """The token prices of what answers; unknown where it is paid by the hour. Never raises."""
        if target.hourly or not target.priced_as:
            return UNKNOWN
        return await self.of(target.priced_as, region, target.priced_name or target.name)

    async def _listed(self, identifier: str, region: str, name: str) -> TokenPrices:
        model = find(identifier)
        wanted = model.price_name if model else name
        identifier = model.runtime_id if model else base_id(identifier)
        key = f"{region}/{identifier}"
        if not wanted or not region:
            return UNKNOWN
        try:
            kept = await self._pool.run(self._kept, key)
            if kept is not None or self._refused:
                return kept or UNKNOWN
            found = await self._asked(wanted, region, anthropic="anthropic" in identifier)
            await self._pool.run(self._keep, key, found)
            return found
        except AppError as error:
            # The price list is a help, not a need; whoever may not read it is told `$ ?`. Asked once a session.
            self._refused = not error.retryable
            return UNKNOWN

    def _kept(self, key: str) -> TokenPrices | None:
        try:
            at, prices = json.loads(self._store.recall(_PLACE, key, "null") or "null") or ("", None)
            if prices is None or self._now() - datetime.fromisoformat(at) > _FRESH:
                return None
            return TokenPrices(**prices)
        except (ValueError, TypeError):
            return None  # written by another version

    def _keep(self, key: str, prices: TokenPrices) -> None:
        self._store.remember(_PLACE, key, json.dumps([self._now().isoformat(), asdict(prices)]))

    async def _asked(self, name: str, region: str, *, anthropic: bool) -> TokenPrices:
        service = "AmazonBedrockFoundationModels" if anthropic else "AmazonBedrock"
        by_name = (
            {"Type": "TERM_MATCH", "Field": "servicename", "Value": f"{name} (Amazon Bedrock Edition)"}
            if anthropic
            else {"Type": "CONTAINS", "Field": "usagetype", "Value": name}
        )
        params: dict[str, Any] = {
            "ServiceCode": service,
            "Filters": [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}, by_name],
            "MaxResults": 100,
        }
        products: list[str] = []
        for _ in range(_MOST_PAGES):
            page = await self._aws.call(
                "pricing",
                "get_products",
                params,
                need=("PriceList",),
                region=None if self._aws.sandbox else _LISTS_ARE_IN,
            )
            products += [p for p in page["PriceList"] if isinstance(p, str)]
            if not page.get("NextToken"):
                break
            params = params | {"NextToken": page["NextToken"]}
        return understood_prices(products)


def understood_prices(products: list[str]) -> TokenPrices:
    """Prices from products of the list; a kind with two different prices, or an unclear unit, is not known."""
    found: dict[str, set[float]] = {}
    dates: list[str] = []
    source = "AWS price list"
    for text in products:
        try:
            product = json.loads(text)
            kind = _kind(str(product["product"]["attributes"]["usagetype"]))
            if kind is None:
                continue
            if "sandbox" in str(product.get("publicationNote", "")):
                source = "the sandbox's own list, not AWS's prices"
            for usd, unit, since in _dimensions(product):
                price = _in_our_unit(kind, usd, unit)
                if price is not None:
                    found.setdefault(kind, set()).add(price)
                    dates.append(since)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # a product that is described in another way tells nothing
    clear = {kind: next(iter(prices)) for kind, prices in found.items() if len(prices) == 1}
    if not clear:
        return UNKNOWN
    return TokenPrices(**clear, as_of=safe_line(max(dates), 10), source=source)


def _kind(usage: str) -> str | None:
    """Which of our prices a usage type is, if any."""
    word = re.sub(r"[^a-z0-9]", "", usage.lower())
    if "provisionedthroughput" in word and "modelunit" in word:
        for part, kind in (
            ("nocommit", "model_unit_hour"),
            ("1monthcommit", "model_unit_hour_one_month"),
            ("6monthscommit", "model_unit_hour_six_months"),
            ("6monthcommit", "model_unit_hour_six_months"),
        ):
            if part in word:
                return kind
        return None
    if word.endswith("customizationtraining"):
        return "training"
    if "custom" in word or any(part in word for part in _EXCLUDED):
        return None
    for part, kind in (("inputtoken", "input"), ("outputtoken", "output")):
        if part in word:
            return kind
    return None


def _dimensions(product: Mapping[str, Any]) -> Iterator[tuple[float, str, str]]:
    """USD, unit and date of each price of a product on demand."""
    for term in product["terms"]["OnDemand"].values():
        for dimension in term["priceDimensions"].values():
            usd = str(dimension["pricePerUnit"]["USD"])
            # A line of nothing, as of a free tier, is no price of what is charged for.
            if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,12})?", usd) and float(usd):
                unit = f"{dimension.get('unit', '')} {dimension.get('description', '')}"
                yield float(usd), unit, str(term.get("effectiveDate", ""))[:10]


def _in_our_unit(kind: str, usd: float, unit: str) -> float | None:
    words = re.sub(r"[,\s]+", " ", unit.lower()).replace("1 000 000", "1000000").replace("1 000", "1000")
    if kind.startswith("model_unit_hour"):
        return usd if re.search(r"\b(hour|hours|hrs|hr)\b", words) else None
    sizes = {size for word, size in _PER.items() if re.search(rf"\b{word}\b", words)}
    return round(usd * 1e6 / sizes.pop(), 9) if len(sizes) == 1 else None
