"""Textual's compositor, asking only for the lines that are painted.

Private names of Textual in use here, each behind a test in tests/widgets/test_sparing.py: `Screen._compositor`,
`Compositor._render_chops`, `Screen._compositor_refresh`, `Screen._screen_resized`, `Screen._on_idle`,
`Screen._on_timer_update` and what it does (`_dirty_widgets`, `_layout_required`, `_scroll_required`,
`_repaint_required`), `App._batch_count`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual._compositor import Compositor
from textual.color import Color
from textual.events import Idle, ScreenResume
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import UPDATE_PERIOD, Screen
from textual.strip import Strip
from textual.widget import Widget

T = TypeVar("T")
_Pieces = dict[int, "Strip | None"]
"""The pieces of a line by the column where each begins; None until a widget was asked for it."""


class SparingCompositor(Compositor):
    """Asks a widget only for lines of which something is painted and not all of it covered by what is in front.

    Textual asks every visible widget for all of its lines each time, also the containers behind the others. With a
    list and a pane that is more than half of what a cursor key takes.
    """

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        """The pieces of each line of the screen; those within `crop` filled, from the frontmost widget backwards."""
        cuts = self.cuts
        lines: list[_Pieces] = [dict.fromkeys(ends[:-1]) for ends in cuts]
        painted = {y: _overlapping(cuts[y], crop) for y in crop.line_range if is_rendered_line(y)}
        for widget, (region, clip) in self.visible_widgets.items():
            if not painted:
                break
            seen = region.intersection(clip)
            rows, columns = range(seen.y, seen.bottom), range(seen.x, seen.right)
            wanted = [y for y, starts in painted.items() if y in rows and any(x in columns for x in starts)]
            if not wanted:
                continue
            top, bottom = min(wanted), max(wanted) + 1
            strips = widget.render_lines(Region(seen.x - region.x, top - region.y, seen.width, bottom - top))
            for y in wanted:
                _fill(lines[y], strips[y - top], seen, cuts[y])
                painted[y] = [x for x in painted[y] if x not in columns]
                if not painted[y]:
                    del painted[y]
        return lines  # type: ignore[return-value]  # as Textual's own, with None where nothing was asked for


def _overlapping(cuts: list[int], crop: Region) -> list[int]:
    """Where the pieces begin that reach into the columns of `crop`."""
    return [x for x, end in pairwise(cuts) if x < crop.right and end > crop.x]


def _fill(pieces: _Pieces, strip: Strip, seen: Region, cuts: list[int]) -> None:
    """Put what a widget shows of a line into the pieces that nothing in front of it has taken."""
    starts = [x for x in cuts if seen.x <= x < seen.right]
    ends = [x - seen.x for x in cuts if seen.x < x <= seen.right]
    for x, piece in zip(starts, strip.divide(ends), strict=False):
        if pieces[x] is None:
            pieces[x] = piece


@lru_cache(maxsize=2048)
def _tinted(style: Style | None, color: Color) -> Style | None:
    """A style of what is behind a dialog, as Textual tints it."""
    (segment,) = BackgroundScreen.process_segments([Segment(" ", style)], color)
    return segment.style


class Backdrop(BackgroundScreen):
    """What is behind a dialog. Textual reckons a tint anew for each piece of text; there are a few dozen styles."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        """The same text in tinted styles."""
        for segment in segments:
            text, style, control = segment
            yield segment if control else Segment(text, _tinted(style, color))


class SparingScreen(Screen[T]):
    """A screen painted by a `SparingCompositor`."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual's, which paints the whole screen again for the widgets that have changed."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name, id, classes)
        self._compositor = SparingCompositor()
        self._was_shown = False
        self._painted = 0.0
        self._painting_follows = False

    def _on_screen_resume(self, event: ScreenResume) -> None:
        """When it is shown for the first time, each widget was styled when it was mounted, just before; and where it is
        laid out and painted at once, Textual would paint all of it again."""
        event.prevent_default()
        event.refresh_styles = event.refresh_styles and self._was_shown
        self._was_shown = True
        painted = self._painted
        super()._on_screen_resume(event)
        if self._painted != painted:
            self._repaint_required = False

    def render(self) -> RenderableType:
        """What stands where no widget does."""
        behind = super().render()
        return Backdrop(behind.screen, behind.color) if isinstance(behind, BackgroundScreen) else behind

    def _screen_resized(self, size: Size) -> None:
        """Not where everything stands as it would be put: a screen that has just been laid out is told its own size,
        and so is every screen behind a dialog that opens."""
        if size != self._compositor.size:
            super()._screen_resized(size)

    async def _on_idle(self, event: Idle) -> None:
        """Paint at once where the last frame is long enough ago. Textual's timer is a clock: it lets what comes after
        a frame wait for the second tick from it, 17 to 33 milliseconds, however long ago it was painted."""
        app = self.app
        if (
            time.monotonic() - self._painted >= UPDATE_PERIOD
            and (self._dirty_widgets or self._layout_required or self._scroll_required or self._repaint_required)
            and self.is_current
            and not app._batch_count
        ):
            event.prevent_default()
            self._on_timer_update()

    def _on_timer_update(self) -> None:
        """Where all of it is laid out and painted, Textual would paint what the layout changes first, and then all."""
        self._painting_follows = self._layout_required and self._repaint_required
        super()._on_timer_update()
        self._painting_follows = False
        self._painted = time.monotonic()

    def _compositor_refresh(self) -> None:
        """Not while painting is held back: Textual would render, and throw away what it rendered.

        And behind a dialog what has changed is painted once: Textual would paint the whole window again for every
        message that the screen gets as long as the dialog is open, ten thousand bytes a second to show nothing new.
        """
        if self.app._batch_count:
            return
        if self._painting_follows:
            self._painting_follows = False
            return
        super()._compositor_refresh()
        if not self.is_active:
            self._repaint_required = False
        elif self.is_current:
            self._painted = time.monotonic()
