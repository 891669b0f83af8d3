"""What every app and every client of a test process would work out anew, and come to the same: worked out once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, wraps
from typing import Any

from rich.segment import Segment
from textual.cache import FIFOCache
from textual.css.stylesheet import Stylesheet
from textual.strip import Strip


def share_styles() -> None:
    """Style sheets are parsed once for each set of variables; nothing writes into parsed rules."""
    parse = Stylesheet._parse_rules
    if hasattr(parse, "__wrapped__"):
        return
    known: dict[tuple[Any, ...], list[Any]] = {}

    @wraps(parse)
    def parsed(self: Stylesheet, *given: Any, **named: Any) -> list[Any]:
        key = (frozenset(self._variables.items()), given, tuple(named.items()))
        if key not in known:
            known[key] = parse(self, *given, **named)
        return known[key]

    Stylesheet._parse_rules = parsed  # type: ignore[method-assign]


def share_models() -> None:
    """botocore's descriptions of AWS's services are read once, not for each session."""
    import botocore.session

    if not hasattr(botocore.session.create_loader, "cache_info"):
        botocore.session.create_loader = cache(botocore.session.create_loader)


def hurry_retries() -> None:
    """botocore tries again at once, in this process: its pauses of seconds spare AWS, which is not asked here."""
    from botocore.retries.standard import ExponentialBackoff

    ExponentialBackoff.delay_amount = lambda self, context: 0


def lighten_strips() -> None:
    """A line has no caches until something is kept in one: of the thousands made in a test few are looked at twice."""
    if hasattr(Strip, "__getattr__"):
        return
    whole = Strip([])
    sizes = {
        name: kept._maxsize for name in Strip.__slots__ if isinstance(kept := getattr(whole, name, None), FIFOCache)
    }
    rest = {name: getattr(whole, name) for name in Strip.__slots__ if name not in {"_segments", "_cell_length", *sizes}}
    assert set(rest.values()) == {None}, "strips hold something else than caches now"
    others = tuple(rest)

    def begin(self: Strip, segments: Iterable[Segment], cell_length: int | None = None) -> None:
        self._segments = list(segments)
        self._cell_length = cell_length
        for name in others:
            setattr(self, name, None)

    def cache_of(self: Strip, name: str) -> FIFOCache[Any, Any]:
        if name not in sizes:
            raise AttributeError(name)
        made: FIFOCache[Any, Any] = FIFOCache(sizes[name])
        setattr(self, name, made)
        return made

    Strip.__init__ = begin  # type: ignore[method-assign]
    Strip.__getattr__ = cache_of  # type: ignore[attr-defined]
