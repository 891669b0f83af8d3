"""What every app and every client of a test process would work out anew, and come to the same: worked out once."""

from __future__ import annotations

from functools import cache, wraps
from typing import Any

from textual.css.stylesheet import Stylesheet


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
