"""Data classes made quickly are those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tui.domain import values

Made = Callable[..., Any]


def _shapes(dataclass: Made) -> types.SimpleNamespace:
    """The same classes, by either decorator."""

    @dataclass(frozen=True, slots=True)
    class Point:
        """A place."""

        x: int
        y: int = 2
        tags: list[str] = dataclasses.field(default_factory=list)
        seen: bool = dataclasses.field(default=False, compare=False, repr=False)
        known: ClassVar[int] = 7

        @property
        def total(self) -> int:
            return self.x + self.y

    @dataclass(frozen=True, slots=True)
    class Named(Point):
        name: str = dataclasses.field(kw_only=True)

    @dataclass(slots=True)
    class Counter:
        count: int = 0

        def __post_init__(self) -> None:
            self.count += 1

    @dataclass(frozen=True)
    class Loose:
        only: float
        made: int = dataclasses.field(default=5, init=False)

        def __repr__(self) -> str:
            return "loose"

    @dataclass(frozen=True, slots=True)
    class Nothing:
        pass

    @dataclass(frozen=True, slots=True)
    class Own:
        x: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

    @dataclass(frozen=True, slots=True, order=True)
    class Ranked:
        rank: int

    @dataclass(frozen=True, slots=True, eq=False)
    class Same:
        x: int

    return types.SimpleNamespace(**{k: v for k, v in locals().items() if k != "dataclass"})


OURS, THEIRS = _shapes(values.dataclass), _shapes(dataclasses.dataclass)
EITHER = pytest.mark.parametrize("made", [OURS, THEIRS], ids=["ours", "theirs"])


@values.dataclass(frozen=True, slots=True)
class Kept:
    """At the top of a module, where it can be pickled."""

    a: int
    b: tuple[int, ...] = ()


def _told(found: Callable[[], object]) -> object:
    """What comes of it, as something that can be compared between the two."""
    try:
        return found()
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: repr(m.Point(1)),
        lambda m: repr(m.Named(1, 3, ["a"], name="n")),
        lambda m: repr(m.Loose(1.5)),
        lambda m: repr(m.Nothing()),
        lambda m: m.Point(1) == m.Point(1, seen=True),
        lambda m: m.Point(1) == m.Named(1, name="n"),
        lambda m: m.Point(1) == (1, 2, []),
        lambda m: m.Point(float("nan")) == m.Point(float("nan")),
        lambda m: m.Nothing() == m.Nothing(),
        lambda m: m.Own(1) == m.Own(2),
        lambda m: m.Same(1) == m.Same(1),
        lambda m: hash(m.Point(1, 2, ())),
        lambda m: hash(m.Point(1)),
        lambda m: hash(m.Loose(2.0)),
        lambda m: hash(m.Nothing()),
        lambda m: hash(m.Own(5)),
        lambda m: hash(m.Counter()),
        lambda m: m.Counter(4).count,
        lambda m: m.Loose(1.0).made,
        lambda m: m.Point(1).total,
        lambda m: dataclasses.asdict(m.Named(1, name="n")),
        lambda m: dataclasses.astuple(m.Point(1)),
        lambda m: repr(dataclasses.replace(m.Point(1), y=9)),
        lambda m: dataclasses.replace(m.Point(1), z=9),
        lambda m: m.Point(),
        lambda m: m.Point(1, 2, [], False, 5),
        lambda m: m.Named(1),
        lambda m: m.Loose(1.0, made=2),
        lambda m: setattr(m.Point(1), "x", 2),
        lambda m: delattr(m.Point(1), "x"),
        lambda m: setattr(m.Loose(1.0), "other", 2),
        lambda m: setattr(m.Named(1, name="n"), "y", 2),
        lambda m: m.Point.__match_args__,
        lambda m: m.Point.__slots__,
        lambda m: m.Named.__slots__,
        lambda m: (m.Point.__doc__, m.Point.known, m.Point.__init__.__qualname__),
        lambda m: str(inspect.signature(m.Point.__init__).replace(parameters=[])),
        lambda m: list(inspect.signature(m.Named).parameters),
        lambda m: m.Ranked(1) < m.Ranked(2),
        lambda m: repr(copy.copy(m.Point(1))),
        lambda m: repr(copy.deepcopy(m.Named(1, name="n"))),
        lambda m: m.Point(1).tags is m.Point(1).tags,
    ],
)
def test_as_the_standard_librarys(ask: Callable[[Any], object]) -> None:
    assert _told(lambda: ask(OURS)) == _told(lambda: ask(THEIRS))


def test_an_object_that_holds_itself_is_shown_all_the_same() -> None:
    point = OURS.Point(1)
    point.tags.append(point)
    assert repr(point).count("Point(x=1") == 1


def test_nothing_new_is_set_either() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        OURS.Point(1).other = 2


def test_pickled_and_back() -> None:
    assert pickle.loads(pickle.dumps(Kept(1, (2,)))) == Kept(1, (2,))


def test_matched_by_its_parts() -> None:
    match OURS.Point(4, 5):
        case OURS.Point(x, y):
            assert (x, y) == (4, 5)


@EITHER
def test_what_bears_another_value_is_another_key(made: types.SimpleNamespace) -> None:
    found = {made.Loose(1.0): "a", made.Loose(2.0): "b"}
    assert found[made.Loose(2.0)] == "b"


def test_the_app_makes_its_classes_by_it() -> None:
    root = Path(values.__file__).parents[1]
    slow = [
        str(path)
        for path in root.rglob("*.py")
        if path.name != "values.py"
        and "sandbox" not in path.parts
        and re.search(r"^from dataclasses import .*\bdataclass\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert not slow


def test_a_constructor_is_compiled_when_the_first_object_is_made() -> None:
    @values.dataclass(frozen=True, slots=True)
    class Place:
        x: int

    assert isinstance(vars(Place)["__init__"], values._Init)
    assert (Place(1), Place(x=2)) == (Place(1), Place(2))
    assert isinstance(vars(Place)["__init__"], types.FunctionType)
