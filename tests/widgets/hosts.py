"""A tiny app around one widget, with the gate that the real app has, and the texts every widget must bear."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App, ComposeResult
from textual.filter import LineFilter
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tui.domain.text import UNSAFE
from tui.widgets.safe_filter import SafeFilter
from tui.widgets.sparing import SparingScreen

HOSTILE = (
    "[/INST]",
    "[/]",
    "[@click=app.quit]x[/]",
    "see [1] and [#zzz]x[/]",
    "a\x1b[31mred\x1b]0;title\x07",
    "c1\x9b31m",
    "bidi \u202edesrever\u2066",
    "zero\u200bwidth\ufeff",
    "tag\U000e0041\U000e007f",
    "lone \ud800 surrogate",
    "日本語の質問です、これは長い文です。",
    "👨‍👩‍👧‍👦 family ❤️",
    "a\ttab",
    "two\nlines\r\nthree",
    "",
    "x" * 1_000_000,
)
"""Texts as a dataset, a model or an attacker may send them."""


class HostApp(App[None]):
    """Shows the widgets given and records the messages that reach it."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.shown = widgets
        self.gate = SafeFilter()
        self.told: list[Message] = []

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self.gate]

    def get_default_screen(self) -> SparingScreen[None]:
        """As the app's own: widgets are asked only for lines that are painted."""
        return SparingScreen()

    def compose(self) -> ComposeResult:
        yield from self.shown

    def hear(self, message: Message) -> None:
        """Keeps each message once, however many widgets it bubbles through."""
        if not any(message is known for known in self.told[-50:]):
            self.told.append(message)

    def heard(self, kind: type[Message]) -> list[Any]:
        """The messages of one class so far."""
        return [message for message in self.told if isinstance(message, kind)]


@asynccontextmanager
async def hosted(*widgets: Widget, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """Runs the widgets in a HostApp; the first one has the focus if it can."""
    app = HostApp(*widgets)
    async with app.run_test(size=size, notifications=True, tooltips=True, message_hook=app.hear) as pilot:
        await pilot.pause()
        if widgets[0].focusable:
            widgets[0].focus()
        await pilot.pause()
        yield pilot


def app_of(pilot: Pilot[None]) -> HostApp:
    """The app that the pilot steers."""
    assert isinstance(pilot.app, HostApp)
    return pilot.app


def screen_lines(pilot: Pilot[None]) -> list[str]:
    """What stands on the screen, line by line, after the gate."""
    return [strip.text for strip in pilot.app.screen._compositor.render_strips()]


def unsafe_lines(lines: Iterable[str]) -> list[str]:
    """Those lines that would bring an unsafe character to the terminal."""
    return [line for line in lines if UNSAFE.search(line) or "\t" in line or "\n" in line]


async def until(pilot: Pilot[None], predicate: Callable[[], object], turns: int = 400) -> None:
    """Waits for the predicate through turns of the event loop; fails when it stays false."""
    for _ in range(turns):
        if predicate():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"still false after {turns} turns: {predicate}")
