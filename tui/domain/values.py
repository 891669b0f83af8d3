"""`dataclass` as the standard library's, made in a tenth of its time.

That one compiles up to eight functions for each class, which was a seventh of the app's start. Here only `__init__` is
compiled, when the first object is made; comparing, hashing, showing and refusing changes are the same few functions for
all classes.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, **options):
        """As `dataclasses.dataclass`, without `InitVar`. What is asked for in other `options` is made by that one."""

        def made(found):
            if options:
                return dataclasses.dataclass(found, frozen=frozen, slots=slots, eq=eq, **options)
            return _made(found, frozen=frozen, slots=slots, eq=eq)

        return made if cls is None else made(cls)


def _made(cls: type[Any], *, frozen: bool, slots: bool, eq: bool) -> type[Any]:
    if not cls.__doc__:
        cls.__doc__ = cls.__name__  # else the standard library works out a signature for it
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
    fields = dataclasses.fields(cls)
    if "__init__" not in cls.__dict__:
        cls.__init__ = _Init(cls, frozen=frozen)
    _put(cls, "__repr__", _repr([f.name for f in fields if f.repr]))
    if eq:
        values = _values([f.name for f in fields if f.compare])
        _put(cls, "__eq__", _eq(values))
        # One that is defined by hand stays; None stands there where only `__eq__` is.
        if cls.__dict__.get("__hash__") is None:
            hashed = _values([f.name for f in fields if (f.compare if f.hash is None else f.hash)])
            cls.__hash__ = _hash(hashed) if frozen else None  # type: ignore[assignment]
    if frozen:
        _freeze(cls, [f.name for f in fields], slots=slots)
    return cls


def _put(cls: type[Any], name: str, function: Callable[..., Any]) -> None:
    """Give a class a method, unless it has defined it itself."""
    if name not in cls.__dict__:
        _put_in(cls, name, function)


def _put_in(cls: type[Any], name: str, function: Callable[..., Any]) -> None:
    function.__name__, function.__qualname__ = name, f"{cls.__qualname__}.{name}"
    setattr(cls, name, function)


class _Init:
    """Stands in for `__init__` until it is asked for, which of most classes it is behind the first frame or never."""

    def __init__(self, cls: type[Any], *, frozen: bool) -> None:
        self._cls = cls
        self._frozen = frozen

    def __get__(self, found: object, owner: type[Any]) -> Callable[..., None]:
        function = _init(self._cls, dataclasses.fields(self._cls), frozen=self._frozen)
        _put_in(self._cls, "__init__", function)
        bound: Callable[..., None] = function.__get__(found, owner)
        return bound


def _init(cls: type[Any], fields: tuple[dataclasses.Field[Any], ...], *, frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    plain: list[str] = []
    named: list[str] = []
    lines: list[str] = []
    for field in fields:
        name = value = field.name
        own, default = f"_default_{name}", ""
        if field.default is not dataclasses.MISSING:
            known[own], default = field.default, own
        elif field.default_factory is not dataclasses.MISSING:
            known[own], default = field.default_factory, "_missing"
            value = f"{own}() if {name} is _missing else {name}"
        if field.init:
            (named if field.kw_only else plain).append(f"{name}={default}" if default else name)
        else:
            value = f"{own}()" if default == "_missing" else default
        if value:
            lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = ", ".join(["self", *plain, *(["*", *named] if named else [])])
    body = "\n  ".join(lines or ["pass"])
    text = f"def make({', '.join(known)}):\n def __init__({parameters}):\n  {body}\n return __init__"
    made: dict[str, Any] = {}
    exec(text, vars(sys.modules[cls.__module__]), made)
    function: Callable[..., None] = made["make"](**known)
    function.__annotations__ = {f.name: f.type for f in fields if f.init} | {"return": None}
    return function


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of some attributes of an object."""
    if len(names) > 1:
        return attrgetter(*names)
    if names:
        only = attrgetter(names[0])
        return lambda found: (only(found),)
    return lambda _: ()


def _repr(names: list[str]) -> Callable[[Any], str]:
    @recursive_repr()
    def shown(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return shown


def _eq(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, object], bool]:
    def equal(self: Any, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented  # type: ignore[no-any-return]
        return values(self) == values(other)

    return equal


def _hash(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], int]:
    def hashed(self: Any) -> int:
        return hash(values(self))

    return hashed


def _freeze(cls: type[Any], names: list[str], *, slots: bool) -> None:
    fixed = frozenset(names)

    def refuse_change(self: Any, name: str, value: Any) -> None:
        if type(self) is cls or name in fixed:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def refuse_deletion(self: Any, name: str) -> None:
        if type(self) is cls or name in fixed:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    _put(cls, "__setattr__", refuse_change)
    _put(cls, "__delattr__", refuse_deletion)
    if slots:
        _put(cls, "__getstate__", lambda self: [getattr(self, name) for name in names])
        _put(cls, "__setstate__", _setstate)


def _setstate(self: Any, state: list[Any]) -> None:
    """Copying and pickling bring an object with slots back that takes no assignment."""
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
