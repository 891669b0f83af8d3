"""Markdown of models as lines in styles: nothing in it is followed, fetched or run, and none of its text is lost.

HTML stays text, links and images show where they lead, and what entities stand for is made safe like all else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from rich.cells import cell_len

from tui.widgets.cells import displayed
from tui.widgets.styled_lines import Run, StyledLine

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST = 60_000
"""Characters; longer texts are shown as they came."""
_STYLES = {"strong": "strong", "em": "em", "s": "struck"}
_WIDEST_CELL = 40


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def markdown_lines(text: str) -> list[StyledLine] | None:
    """The lines of outside text; None when it has no markup, or is too long for it."""
    if len(text) > LONGEST:
        return None
    tokens = _parser().parse(text)
    plain = all(token.type in ("paragraph_open", "inline", "paragraph_close") for token in tokens)
    if plain and all(child.type in ("text", "softbreak") for t in tokens for child in t.children or ()):
        return None
    lines = list(_Writer(tokens).lines())
    while lines and not lines[-1].runs:
        lines.pop()
    return lines


class _Writer:
    """Walks the tokens once; `_leads` are what stands before a line, one for each list and quote around it."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._leads: list[tuple[str, str]] = []
        self._numbers: list[int | None] = []
        self._heading = ""
        self._rows: list[list[list[Run]]] = []
        self._in_table = False

    def lines(self) -> Iterator[StyledLine]:
        """Every line, blocks parted by an empty one."""
        blank = False
        for token in self._tokens:
            kind = token.type
            if kind in ("paragraph_open", "heading_open", "fence", "code_block", "table_open", "hr"):
                if blank and not token.hidden:
                    yield StyledLine((), self._rest(), self._rest())
                blank = not token.hidden
            elif kind == "blockquote_open" or (kind.endswith("_list_open") and not self._leads):
                if blank:
                    yield StyledLine((), self._rest(), self._rest())
                blank = False
            elif kind.endswith("_list_close") and not self._leads:
                blank = True
            yield from self._block(token)

    def _block(self, token: Token) -> Iterator[StyledLine]:
        match token.type:
            case "heading_open":
                self._heading = f"{token.markup} " if token.markup.startswith("#") else ""
            case "blockquote_open":
                self._leads.append(("│ ", "│ "))
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                self._begin_item()
            case "list_item_close" | "blockquote_close":
                self._leads.pop()
            case "fence" | "code_block":
                yield from self._code(token)
            case "hr":
                yield self._line([("─" * 12, "lead")])
            case "inline" if self._in_table:
                self._rows[-1].append(list(_one_line(token.children or ())))
            case "inline":
                yield from self._text(token.children or (), "heading" if self._heading else "")
            case "heading_close":
                self._heading = ""
            case "tr_open":
                self._rows.append([])
            case "table_open":
                self._in_table, self._rows = True, []
            case "table_close":
                self._in_table = False
                yield from self._table()

    def _begin_item(self) -> None:
        number = self._numbers[-1]
        lead = "• " if number is None else f"{number}. "
        if number is not None:
            self._numbers[-1] = number + 1
        self._leads.append((lead, " " * len(lead)))

    def _rest(self) -> str:
        return "".join(rest for _, rest in self._leads)

    def _line(self, runs: Sequence[Run]) -> StyledLine:
        """A line behind what stands before it; a bullet stands before the first line of its item alone."""
        first, rest = "".join(first for first, _ in self._leads), self._rest()
        self._leads = [(rest, rest) for _, rest in self._leads]
        return StyledLine(tuple(runs), first, rest)

    def _text(self, children: Sequence[Token], style: str) -> Iterator[StyledLine]:
        line: list[Run] = [(self._heading, style)] if self._heading else []
        for text, own in _inline(children, style):
            head, *others = text.split("\n")
            line.append((head, own))
            for other in others:
                yield self._line(line)
                line = [(other, own)]
        yield self._line(line)

    def _code(self, token: Token) -> Iterator[StyledLine]:
        for line in displayed(token.content).rstrip("\n").split("\n"):
            made = self._line([(line, "code")])
            yield StyledLine(made.runs, f"{made.first}  ", f"{made.rest}  ")

    def _table(self) -> Iterator[StyledLine]:
        columns = max(map(len, self._rows), default=0)
        widths = [
            min(_WIDEST_CELL, max((_length(row[n]) for row in self._rows if n < len(row)), default=0))
            for n in range(columns)
        ]
        for number, row in enumerate(self._rows):
            line: list[Run] = []
            for column, cell in enumerate(row):
                line += [*cell, (" " * max(0, widths[column] - _length(cell)), "")]
                line.append((" │ ", "lead") if column + 1 < len(row) else ("", ""))
            yield self._line([(text, style or ("strong" if not number else "")) for text, style in line])


def _length(runs: Sequence[Run]) -> int:
    return sum(cell_len(text) for text, _ in runs)


def _one_line(children: Sequence[Token]) -> Iterator[Run]:
    for text, style in _inline(children, ""):
        yield text.replace("\n", " "), style


def _inline(children: Sequence[Token], base: str) -> Iterator[Run]:
    """Runs of text; line ends stay, since a model that writes one means one."""
    styles: list[str] = []
    link = ""
    for token in children:
        name = token.type.rsplit("_", 1)[0]
        if token.type in ("softbreak", "hardbreak"):
            yield "\n", base
        elif token.type == "code_inline":
            yield displayed(token.content), "code"
        elif token.type == "link_open":
            link = str(token.attrGet("href") or "")
        elif token.type == "link_close":
            yield f" ({displayed(link)})" if link else "", "lead"
        elif token.type == "image":
            yield f"{displayed(token.content)} ({displayed(str(token.attrGet('src') or ''))})", "lead"
        elif token.nesting > 0 and name in _STYLES:
            styles.append(_STYLES[name])
        elif token.nesting < 0 and name in _STYLES and styles:
            styles.pop()
        elif token.content:
            yield displayed(token.content), styles[-1] if styles else base
