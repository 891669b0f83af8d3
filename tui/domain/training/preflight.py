"""What has to hold before a customization job is started, as a list of checks with their cures."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from tui.domain.values import dataclass


class Mark(StrEnum):
    """How a check stands. UNKNOWN could not be looked at: the job itself will tell."""

    OK = "✓"
    BAD = "✗"
    UNKNOWN = "?"


class Cure(StrEnum):
    """What the app can do about a failed check, on one key."""

    UPLOAD = "upload the data"
    CREATE_BUCKET = "create the bucket"
    CREATE_ROLE = "create a role"
    FIX_TRUST = "mend the role's trust policy"
    FIX_ACCESS = "let the role use these places"
    RENAME = "take a free name"


@dataclass(frozen=True, slots=True)
class Check:
    """One line. `advice` says what to do, in words, where there is something to be done."""

    key: str
    title: str
    mark: Mark
    text: str = ""
    advice: str = ""
    cure: Cure | None = None

    @property
    def line(self) -> str:
        """`✗ role: it does not exist. ctrl+f: create a role`."""
        parts = [f"{self.mark} {self.title}"]
        if self.text:
            parts[0] += f": {self.text}"
        if self.cure is not None:
            parts.append(f"ctrl+f: {self.cure}")
        elif self.advice:
            parts.append(self.advice)
        return ". ".join(part.rstrip(".") for part in parts)


def summary(checks: Iterable[Check]) -> str:
    """`preflight ✓ 9 ✗ 1 ? 1`."""
    marks = [check.mark for check in checks]
    return "preflight " + "  ".join(f"{mark} {marks.count(mark)}" for mark in Mark if mark in marks)


ORDER = (
    "account", "base", "names", "training", "validation", "counts", "output", "role", "access", "caller", "keys",
    "quota",
)  # fmt: skip
"""Checks as a person would make them."""


def in_order(checks: Iterable[Check]) -> list[Check]:
    """What is wrong first, then what may be cured, then the rest."""

    def place(check: Check) -> tuple[bool, bool, int]:
        at = ORDER.index(check.key) if check.key in ORDER else len(ORDER)
        return check.mark is not Mark.BAD, check.cure is None, at

    return sorted(checks, key=place)


def first_cure(checks: Iterable[Check]) -> Check | None:
    """The first check that the app can cure."""
    return next((c for c in in_order(checks) if c.mark is not Mark.OK and c.cure is not None), None)
