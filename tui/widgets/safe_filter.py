"""The last gate before the terminal: no control, bidi, zero-width or tag character of data gets past it."""

from __future__ import annotations

import re

from rich.cells import cell_len, get_character_cell_size, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui.domain.text import UNSAFE

_GATED = rf"[\t\n{UNSAFE.pattern[1:-1]}]"
_STAND_IN = "·"


def _stand_ins(match: re.Match[str]) -> str:
    return _STAND_IN * get_character_cell_size(match[0])


def gated(text: str) -> str:
    """`text` with each unsafe character replaced by as many `·` as Textual's layout counted cells for it."""
    if text.isprintable() or not re.search(_GATED, text):
        return text
    width = cell_len(text)
    clean = re.sub(_GATED, _stand_ins, text)
    return clean if cell_len(clean) == width else set_cell_size(clean, width)


class SafeFilter(LineFilter):
    """Replaces unsafe characters in every line that is drawn; keep one instance: results are cached by it.

    Styles stay, except a hyperlink whose address is unsafe; control segments are Textual's own and pass.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same list when it is clean, as nearly every line is; else a clean copy of it."""
        if all(_is_clean(segment) for segment in segments):
            return segments
        return [segment if _is_clean(segment) else _cleaned(segment) for segment in segments]


def _is_clean(segment: Segment) -> bool:
    text, style, control = segment
    if control:
        return True
    if style is not None and style.link and not style.link.isprintable():
        return False
    return text.isprintable() or not re.search(_GATED, text)


def _cleaned(segment: Segment) -> Segment:
    text, style, _ = segment
    if style is not None and style.link and not style.link.isprintable():
        style = style.update_link(None)
    return Segment(gated(text), style)
