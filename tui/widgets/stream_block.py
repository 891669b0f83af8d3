"""One part of a conversation that grows, wrapped to a width as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tui.widgets.cells import displayed, wrap_line
from tui.widgets.styled_lines import Run, StyledLine, wrapped

Kind = Literal["question", "answer", "note", "error"]

PREFIX: dict[Kind, str] = {"question": "> ", "answer": "", "note": "· ", "error": "✗ "}


class Block:
    """One part of the conversation, and its lines at the width it was last wrapped to."""

    __slots__ = ("dress", "kind", "lines", "parts", "runs", "tail")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.dress: Sequence[StyledLine] | None = None
        self.runs: list[list[Run]] = []
        self.parts: list[str] = []
        self.lines: list[str] = [""]
        self.tail = ""

    def extend(self, text: str, width: int) -> None:
        """Add text; only the last line so far is wrapped again. Without a width wrapping waits for one."""
        self.parts.append(text)
        self.dress = None
        if width:
            self._wrap_on(displayed(text), width)

    def rewrap(self, width: int) -> None:
        """Wrap everything to another width."""
        if self.dress is not None:
            self.runs = wrapped(self.dress, max(1, width - len(PREFIX[self.kind])))
            self.lines = ["".join(text for text, _ in runs) for runs in self.runs] or [""]
            return
        self.lines, self.tail = [""], ""
        self._wrap_on(displayed(self.text), width)

    def styles(self, index: int) -> list[Run]:
        """The runs of a line."""
        return self.runs[index] if self.dress is not None and index < len(self.runs) else [(self.lines[index], "")]

    def _wrap_on(self, text: str, width: int) -> None:
        wide = max(1, width - len(PREFIX[self.kind]))
        self.lines.pop()
        first, *others = text.split("\n")
        for line in (self.tail + first, *others):
            wrapped = wrap_line(line, wide)
            self.lines += [part.rstrip() for part in wrapped]
            self.tail = wrapped[-1]

    @property
    def text(self) -> str:
        """All of it, as it came."""
        return "".join(self.parts)
