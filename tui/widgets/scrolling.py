"""The height of what scrolls, set without laying the whole screen out again."""

from __future__ import annotations

from textual.geometry import Size
from textual.scroll_view import ScrollView


def set_scroll_height(view: ScrollView, height: int) -> None:
    """Makes `height` lines scrollable.

    Assigning `virtual_size` would paint every line twice, once for the layout that follows from it; the
    scroll bar alone is told here by Textual's own `_scroll_update`. A view as high as its lines needs the layout.
    """
    size = Size(0, height)
    if size == view.virtual_size:
        return
    if not view.is_mounted or view.styles.is_auto_height:
        view.virtual_size = size
        return
    view.set_reactive(ScrollView.virtual_size, size)
    view._scroll_update(size)
