"""The application: themes, last gates, signals and the way out. Routes are the main screen's."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.events import Event, InputEvent
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import WorkerFailed

from tui.domain.errors import AppError
from tui.domain.notify import Way, notification, window_title
from tui.domain.text import safe
from tui.domain.training.runs import Board
from tui.keeping import TypedKeeping
from tui.painting import Painting
from tui.screens.main import MainScreen
from tui.services.pool import attention
from tui.services.session import Services
from tui.tabs.base import Tab
from tui.terminal import steadied
from tui.widgets.safe_filter import SafeFilter

_AWS_LASTS = 10.0
"""Seconds after which the garbage collector goes on although AWS has not answered."""
_COLLECTED = (10_000, 10, 10)
"""How much is made between two looks for garbage; with Python's own 700 objects there is one with every other key."""
_LAST_WORDS = 1.0
"""Seconds that a signal to end leaves for what was typed to reach the journal."""

WASHI = Theme(
    name="washi",
    primary="#3b4a6b",
    secondary="#7a5c3e",
    accent="#a63a2b",
    foreground="#24211c",
    background="#f6f1e4",
    surface="#efe8d6",
    panel="#e4dbc4",
    success="#3f6b3a",
    warning="#9a6a00",
    error="#a63a2b",
    dark=False,
)
SUMI = Theme(
    name="sumi",
    primary="#8fa3cc",
    secondary="#c9a77c",
    accent="#e0907f",
    foreground="#e6dfce",
    background="#1b1a18",
    surface="#232120",
    panel="#2c2a27",
    success="#8fb887",
    warning="#d9b25f",
    error="#e0907f",
    dark=True,
)


def _actions() -> type[Provider]:
    from tui.commands import ActionsProvider

    return ActionsProvider


class TanzakuApp(Painting, TypedKeeping):
    """tanzaku 短冊."""

    TITLE = "tanzaku"
    CSS_PATH: ClassVar = ["app.tcss", "tabs/dataset.tcss"]
    LATER_CSS: ClassVar = [
        "tabs/jobs.tcss",
        "tabs/loss.tcss",
        "tabs/chat.tcss",
        "dialogs/dialogs.tcss",
        "screens/evaluation.tcss",
    ]
    """Styles of what is behind the first frame; they take longer to parse than those of the frame itself."""
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-normal"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low"), (20, "-usual"), (30, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="app.quit_now"),
        Binding("ctrl+c", "quit", "Quit", show=False, id="app.interrupt"),
        Binding("ctrl+z", "suspend_process", "Suspend to the shell", show=False, priority=True, id="app.suspend"),
        Binding("ctrl+l", "paint_again", "Paint the window again", show=False, priority=True, id="app.paint_again"),
    ]
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Any]] = {_actions}  # Textual's own would write account numbers into a public folder

    def __init__(
        self,
        services: Services,
        files: Iterable[Path] = (),
        complaints: Iterable[str] = (),
        notices: Callable[[], Iterable[str]] = tuple,
        *,
        metrics: Iterable[Path] = (),
        asked_epochs: int | None = None,
    ) -> None:
        """`complaints` are told at once, `notices` are asked for when AWS has answered. With `metrics` files the
        app opens on their losses; `asked_epochs` is what their job was asked for."""
        super().__init__()
        self._notices = notices
        self.services = services
        self._files = tuple(files)
        self._complaints = tuple(complaints)
        self._metrics = tuple(metrics)
        self._asked_epochs = asked_epochs
        self._window_name = ""
        # Lines are kept by the very filter they went through: another one for each would filter every line again.
        self._gate = SafeFilter()
        self._all_styled = False
        self.animation_level = "none"
        for theme in (WASHI, SUMI):
            self.register_theme(theme)
        wanted = services.settings.theme
        # Before the first frame: a theme set later repaints everything.
        self.theme = wanted if wanted in self.available_themes else SUMI.name
        self._styled_for = self.theme
        self.stylesheet.set_variables(self.get_css_variables())

    def get_driver_class(self) -> type[Driver]:
        """The platform's driver, made safe against what a terminal may send, and quick to leave."""
        return steadied(super().get_driver_class())

    def get_line_filters(self) -> list[LineFilter]:
        """Textual's own filters, and behind them the gate that lets no control character out."""
        return [*super().get_line_filters(), self._gate]

    def refresh_css(self, animate: bool = True) -> None:
        """As ever but for the first time: Textual asks for it at the start, when the styles were just parsed."""
        just_parsed, self._styled_for = self._styled_for == self.theme, ""
        if just_parsed:
            self.stylesheet.update(self, animate=animate)
        else:
            super().refresh_css(animate)

    async def on_event(self, event: Event) -> None:
        """Keys and the mouse come before whatever is computed on threads."""
        if isinstance(event, InputEvent):
            attention.wanted()
            self._style_all()
        await super().on_event(event)

    def push_screen(self, screen: Any, *arguments: Any, **options: Any) -> Any:
        """As ever; what opens by itself before any key has its styles all the same."""
        self._style_all()
        if isinstance(screen, Screen):
            self._fit(screen)
        return super().push_screen(screen, *arguments, **options)

    def _fit(self, screen: Screen[Any]) -> None:
        """Give a new screen the classes of the window's size. Told with the size, it would be styled and laid out once
        more."""
        width, height = self.size
        fitting = _fitting(self.HORIZONTAL_BREAKPOINTS, width) + _fitting(self.VERTICAL_BREAKPOINTS, height)
        screen.add_class(*fitting, update=False)

    def get_default_screen(self) -> MainScreen:
        """The main screen is the lowest one; a blank one below it would be painted first."""
        screen = MainScreen(
            self.services,
            self._files,
            self._complaints,
            self._notices,
            metrics=self._metrics,
            asked_epochs=self._asked_epochs,
        )
        self._fit(screen)
        return screen

    def on_mount(self) -> None:
        if self.services.settings.keys:
            self.set_keymap(dict(self.services.settings.keys))
        self._hear_signals()
        self.app_resume_signal.subscribe(self, lambda _: self.action_paint_again())
        if self._metrics:
            self._style_all()

    @on(Tab.FirstShown)
    def _first_shown(self) -> None:
        """What comes now waits until the frame is painted, which the app's own `call_after_refresh` would not."""
        self.screen_stack[0].call_after_refresh(self._started)

    def _started(self) -> None:
        """The first frame is painted."""
        self._style_all()
        self._await_aws()
        self.run_worker(self._offer_what_was_typed(), group="keeping")

    async def _offer_what_was_typed(self) -> None:
        await asyncio.sleep(MainScreen.HEAD_START)
        await self.offer_unfinished()

    def _style_all(self) -> None:
        """Have the later styles too: behind the first frame, or with the first key where that comes before it."""
        if not self._all_styled:
            self._all_styled = self.under_way = True
            self.stylesheet.read_all([Path(__file__).parent / name for name in self.LATER_CSS])
            self.stylesheet.parse()

    def _await_aws(self) -> None:
        """What the clients for AWS are made of stays too: to look through it all again and again would take a tenth of
        a second, in which no key is answered."""
        if gc.isenabled():
            return  # not started from the command line
        gc.freeze()

        def seen(board: Board) -> None:
            if board.seen is not None:
                _collect_garbage_again()

        self.watch(self.screen_stack[0], "board", seen)
        self.set_timer(_AWS_LASTS, _collect_garbage_again)

    @on(MainScreen.Happened)
    def _notify_outside(self, message: MainScreen.Happened) -> None:
        way = Way(self.services.settings.notify)
        self._write_outside(notification(way, "tanzaku", message.text, os.environ))

    @on(MainScreen.Summed)
    def _name_window(self, message: MainScreen.Summed) -> None:
        if self.services.settings.window_title and message.text != self._window_name:
            self._window_name = message.text
            self._write_outside(window_title(f"tanzaku · {message.text}" if message.text else "tanzaku"))

    def _write_outside(self, sequence: str) -> None:
        """Send a sequence of ours past the screen. Textual has no public way but the bell's."""
        if sequence and self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def _hear_signals(self) -> None:
        """Leave the terminal as it was when it hangs up or we are told to end.

        `signal.signal` rather than the loop's handlers: those never run while a stalled terminal blocks the loop.
        """
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            try:
                signal.signal(number, self._end_by_signal)
            except ValueError:  # not the main thread: a test's app
                return

    def _end_by_signal(self, number: int, _: FrameType | None) -> None:
        # From within a signal's handler only this wakes a loop that waits.
        assert self._loop is not None
        if self._loop.is_closed():
            return  # it is ending already: what bills is being deleted
        self._loop.call_soon_threadsafe(partial(self.call_next, self._end, 128 + number))

    async def _end(self, code: int) -> None:
        """Go, with what was typed in an open dialog among the edits that the next start offers."""
        with suppress(TimeoutError, AppError):  # a disk that refuses has said so
            async with asyncio.timeout(_LAST_WORDS):
                await self.keep_typed()
        self.exit(return_code=code)

    def action_command_palette(self) -> None:
        """Every action of the view, to be searched."""
        from tui.commands import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    async def action_quit(self) -> None:
        """Ask when something is unfinished or billing; the second time quit at once."""
        screen = next((s for s in self.screen_stack if isinstance(s, MainScreen)), None)
        if screen is None or await screen.may_quit():
            self.exit()

    async def _close_all(self) -> None:
        """What looks something up for the screens ends first: Textual takes a pane's inside before the pane itself, and
        what is found in between would have nowhere to be shown."""
        self.workers.cancel_all()
        await super()._close_all()

    def _handle_exception(self, error: Exception) -> None:
        """A bug: leave the terminal clean and say where the report is. Textual's own screen prints local
        variables, secrets among them. Tests see the exception itself."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        if isinstance(error, WorkerFailed) and isinstance(error.error, Exception):
            error = error.error
        if self._return_code == 70:
            return  # what follows from the first fault would hide it
        report = self.services.paths.state / "crash.txt"
        text = safe("".join(traceback.format_exception(error)))
        try:
            report.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(report, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            where = f"The report is in {report}"
        except OSError as refused:
            where = f"No report could be written: {refused.strerror}\n{text}"
        self._return_code = 70
        self.exit(
            return_code=70, message=safe(f"tanzaku stopped at a fault of its own ({type(error).__name__}). {where}")
        )


def _fitting(breakpoints: Sequence[tuple[int, str]], length: int) -> list[str]:
    """The class that Textual would give to a screen so wide or high."""
    return [name for start, name in breakpoints if start <= length][-1:]


def _collect_garbage_again() -> None:
    """The collector is off while starting (see `__main__`); what lives until here lives on."""
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(*_COLLECTED)
        gc.enable()
