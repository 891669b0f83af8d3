"""What weakens a headline: as many warnings above the list as have room, and all of them on a key."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tui.dialogs.reading import ReadingDialog
from tui.domain.text import count, safe_line
from tui.screens.evaluation_base import EvaluationBase

_SHORT = 24
"""Rows below which the list and its detail need every line."""


class DoubtsPart(EvaluationBase):
    """No reason to doubt a result is left out without a word."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """The warnings about what is shown."""
        return self.head_shown.warnings if self.head_shown else ()

    def draw_doubts(self) -> None:
        """Show those that have room, and how many more there are."""
        self.set_class(self.app.size.height < _SHORT, "-short")
        rows = 1 if self.has_class("-short") else 8 if self.has_class("-tall") else 3
        told = "\n".join(fitting(self.doubts, self.app.size.width - 2, rows))
        self.write("#evaluation-warnings", told).display = bool(self.doubts)

    def action_doubts(self) -> None:
        """Read every warning."""
        if not self.doubts:
            self.say("Nothing is known that weakens this result")
            return
        head = self.head_shown
        assert head is not None
        parts: list[tuple[str, str] | str] = [(f"{head.text}\n{head.conclusion}\n\n", "bold")]
        parts += [f"▲ {safe_line(warning, 1000)}\n" for warning in self.doubts]
        self.app.push_screen(ReadingDialog("What weakens it", parts))


def fitting(warnings: Sequence[str], width: int, rows: int) -> list[str]:
    """The warnings that fit into so many rows, wrapped; the last row tells how many do not."""
    lines = [f"▲ {safe_line(warning, 300)}" for warning in warnings]
    taken = [-(-cell_len(line) // max(1, width - 8)) for line in lines]  # words do not fill a row to its end
    if sum(taken) <= rows:
        return lines
    shown = 0
    while sum(taken[: shown + 1]) < rows:
        shown += 1
    more = len(lines) - shown
    return [*lines[:shown], f"▲ {count(more, 'warning') if not shown else f'{more} more'}: W shows all"]
