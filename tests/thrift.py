"""What every app and every client of a test process would work out anew, and come to the same: worked out once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, wraps
from typing import Any

from rich.segment import Segment
from textual.cache import FIFOCache
from textual.css.stylesheet import Stylesheet
from textual.message import Message
from textual.message_pump import MessagePump
from textual.strip import Strip


def share_styles() -> None:
    """Style sheets are parsed once for each set of variables; nothing writes into parsed rules."""
    parse = Stylesheet._parse_rules
    if hasattr(parse, "__wrapped__"):
        return
    known: dict[tuple[Any, ...], list[Any]] = {}
    variables: dict[frozenset[Any], frozenset[Any]] = {}
    last: list[Any] = [None, None]

    @wraps(parse)
    def parsed(self: Stylesheet, *given: Any, **named: Any) -> list[Any]:
        if self._variables is not last[0]:  # an app has one set of them for all of its sheets
            values = frozenset(self._variables.items())
            last[:] = self._variables, variables.setdefault(values, values)
        key = (id(last[1]), given, tuple(named.items()))
        if key not in known:
            known[key] = parse(self, *given, **named)
        return known[key]

    Stylesheet._parse_rules = parsed  # type: ignore[method-assign]


def share_handlers() -> None:
    """Which methods of a widget hear a message is looked up once for a class and a kind of message, where no selector
    decides: Textual looks through all base classes each time, for every idle widget too."""
    look_up = MessagePump._get_dispatch_methods
    if hasattr(look_up, "__wrapped__"):
        return
    known: dict[tuple[type, str, type], list[tuple[type, Any]] | None] = {}

    @wraps(look_up)
    def handlers(self: MessagePump, method_name: str, message: Message) -> Iterator[tuple[type, Any]]:
        key = (type(self), method_name, type(message))
        if key not in known:
            known[key] = _by_name(*key)
        named = known[key]
        if named is None:
            yield from look_up(self, method_name, message)
            return
        for owner, method in named:
            if message._no_default_action:
                return
            yield owner, method.__get__(self, owner)

    MessagePump._get_dispatch_methods = handlers  # type: ignore[method-assign]


def _by_name(pump: type, method_name: str, message: type) -> list[tuple[type, Any]] | None:
    """The handlers found by their name alone, most derived first; None where one was told by `@on`."""
    found = []
    for owner in pump.__mro__:
        held = vars(owner)
        if not {*held.get("_decorated_handlers", {})}.isdisjoint(message.__mro__):
            return None
        method = held.get(f"_{method_name}") or held.get(method_name)
        if method is not None and not getattr(method, "_textual_on", None):
            found.append((owner, method))
    return found


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
