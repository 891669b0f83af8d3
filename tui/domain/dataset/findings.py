"""The problems of a file as the screen asks for them: by record, counted, from the first place to the last."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from tui.domain.dataset.checks import Problem, Severity
from tui.domain.text import count

_MEANT: Mapping[str, Callable[[Problem], bool]] = {
    "problem": lambda p: True,
    "error": lambda p: p.severity is Severity.ERROR,
    "warning": lambda p: p.severity is Severity.WARNING,
    "dup": lambda p: "duplicate" in p.rule or p.rule == "two answers",
    "leak": lambda p: "leak" in p.rule,
}


def _place(problem: Problem) -> int:
    return -1 if problem.index is None else problem.index


class Findings(tuple[Problem, ...]):
    """Problems in the order of the records, those of the whole file first. Nothing is counted twice."""

    @classmethod
    def over(cls, problems: Iterable[Problem]) -> Findings:
        """The same problems in order; itself when it is one already."""
        return problems if isinstance(problems, cls) else cls(sorted(problems, key=_place))

    def of(self, index: int) -> tuple[Problem, ...]:
        """What is wrong with one record."""
        start = bisect_left(self, index, key=_place)
        return self[start : bisect_right(self, index, lo=start, key=_place)]

    def worst(self, index: int) -> int:
        """2 for a record with an error, 1 for one with a warning, else 0."""
        return max((2 if p.severity is Severity.ERROR else 1 for p in self.of(index)), default=0)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The records with a problem, ascending."""
        return tuple(dict.fromkeys(p.index for p in self if p.index is not None))

    def named(self, name: str) -> frozenset[int]:
        """The records of a set that a filter can name: problem, error, warning, dup or leak."""
        meant = _MEANT[name]
        return frozenset(p.index for p in self if p.index is not None and meant(p))

    @cached_property
    def summary(self) -> str:
        """`2 errors, 1 warning`, or `no problems`."""
        errors = sum(p.severity is Severity.ERROR for p in self)
        warnings = len(self) - errors
        parts = [count(errors, "error")] if errors else []
        parts += [count(warnings, "warning")] if warnings else []
        return ", ".join(parts) or "no problems"

    def counted(self) -> Findings:
        """Itself, with all counting done: for a thread that has the time."""
        _ = self.summary, self.places
        return self
