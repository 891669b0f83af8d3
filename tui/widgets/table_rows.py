"""Where the rows of a table come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from textual.content import Content


class RowSource(Protocol):
    """The rows of a table; asked for the visible ones only."""

    def __len__(self) -> int: ...

    def key(self, index: int) -> str:
        """What stays the same for a row when others come and go; must be cheap and unique."""
        ...

    def cells(self, index: int) -> Sequence[str | Content]:
        """One value per column. A str is untrusted text, a Content the program's own styling."""
        ...


@runtime_checkable
class KnowsKeys(Protocol):
    """Rows that tell where a key stands without being asked one by one."""

    def find(self, key: str) -> int | None:
        """The row of a key; None when there is none."""
        ...


class NoRows:
    """The source of an empty table."""

    def __len__(self) -> int:
        return 0

    def key(self, index: int) -> str:
        raise IndexError(index)

    def cells(self, index: int) -> Sequence[str | Content]:
        raise IndexError(index)


def outwards(near: int, length: int) -> Iterator[int]:
    """Every index below `length`, the ones nearest to `near` first."""
    low, high = near, near + 1
    while low >= 0 or high < length:
        if 0 <= low < length:
            yield low
        if 0 <= high < length:
            yield high
        low, high = low - 1, high + 1
