"""What dialogs share: a box over the screen, a title, escape, and a line of keys."""

from __future__ import annotations

from time import monotonic
from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.messages import Prune
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkType

from tui.dialogs.keeping import Keeping
from tui.widgets.frame import KeyLine
from tui.widgets.sparing import SparingScreen

T = TypeVar("T")
R = TypeVar("R")


SCROLLING: tuple[BindingType, ...] = (
    Binding("j,down", "scroll(1)", "Down", show=False, id="dialog.down"),
    Binding("k,up", "scroll(-1)", "Up", show=False, id="dialog.up"),
    Binding("pagedown,ctrl+d", "scroll(8)", "Page down", show=False, id="dialog.page_down"),
    Binding("pageup,ctrl+u", "scroll(-8)", "Page up", show=False, id="dialog.page_up"),
)
"""Bindings of dialogs whose text is longer than they are."""

CLOSE = Binding("escape", "cancel", "close", key_display="esc", id="dialog.cancel")
"""For dialogs that show something: there is nothing to be given up by leaving them."""


_LOOKING = frozenset({"look", "preflight", "search", "recent", "folder", "plan", "fill"})
"""Groups of workers that only read, for the eyes of whoever has the dialog open."""
_ALWAYS = frozenset({"escape", "ctrl+q", "ctrl+c", "ctrl+z"})
_LEAST = 3
"""Lines of the body that are always seen."""


class Dialog(ModalScreen[T | None], SparingScreen[T | None], Keeping):
    """Asks for something; dismisses with a domain value, or None when given up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", key_display="esc", id="dialog.cancel"),
        # With priority: what is typed ahead behind them would else go to the field before.
        Binding("tab", "app.focus_next", "Next field", show=False, priority=True, id="dialog.next"),
        Binding("shift+tab", "app.focus_previous", "Field before", show=False, priority=True, id="dialog.last"),
    ]
    GRACE: ClassVar[float] = 0.4
    """Seconds that reading takes at least, or a finger that rests on a key."""
    heading = ""
    on_enter: ClassVar[str] = ""
    """What enter does in its field or list, for the line of keys; a binding of theirs does it, which is not shown."""
    _answered = False
    _hears_from = 0.0
    AUTO_FOCUS = ""  # each dialog says itself where typing begins; two focuses in a row leave both marked

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content(self.heading) + self.note_of_return, id="dialog-title", markup=False)
            with VerticalScroll(id="dialog-body", can_focus=False) as body:
                body.styles.max_height = self._room(self.app.size.height)
                yield from self.fields()
            yield from self.closing()
            yield Static("", id="dialog-problem", markup=False)
            yield KeyLine()

    def fields(self) -> ComposeResult:
        """The inside of the dialog."""
        yield Widget()

    def closing(self) -> ComposeResult:
        """What stays below the scrolling inside."""
        yield from ()

    def closing_lines(self) -> int:
        """Lines of `closing` beyond the first."""
        return 0

    def on_resize(self) -> None:
        """Another size leaves another room."""
        for body in self.query("#dialog-body"):  # dialogs that fill the screen have none
            body.styles.max_height = self._room(self.size.height)

    def _room(self, height: int) -> int:
        """Lines in which the body scrolls: what title, problem, keys and border leave."""
        return max(_LEAST, height - 9 - self.closing_lines())

    def on_mount(self) -> None:
        """What stays below may turn out higher than it was taken for."""
        self.screen_layout_refresh_signal.subscribe(self, lambda _: self._keep_keys_in_sight(), immediate=True)

    def _keep_keys_in_sight(self) -> None:
        """In a low window the body gives way, then the longest text around it: the keys stand in the last line."""
        boxes, bodies = self.query("#dialog"), self.query("#dialog-body")
        over = boxes.first().outer_size.height - self.size.height if boxes and bodies else 0
        if over <= 0:
            return
        body = bodies.first()
        height = body.outer_size.height
        if height > _LEAST:
            body.styles.max_height = max(_LEAST, height - over)
            return
        longest = max(self.query("#dialog > Static"), key=lambda w: w.outer_size.height)
        if longest.outer_size.height > 1:
            longest.styles.max_height = max(1, longest.outer_size.height - over)

    def came_late(self) -> None:
        """No key has opened it just now: what is typed before it can be read is for something else."""
        self._hears_from = max(self._hears_from, monotonic() + self.GRACE)

    def hears(self, key: str, typed: float) -> bool:
        """Whether a key that was typed at that time, by the monotonic clock, is for this dialog; giving up and leaving
        are possible at any time."""
        if key in _ALWAYS or typed >= self._hears_from:
            return True
        if self.is_mounted:
            self.complain("A key came before this could be read, and was not taken")
        return False

    def complain(self, text: str) -> None:
        """Say what keeps the dialog from being accepted; nothing clears it."""
        for line in self.query("#dialog-problem").results(Static):  # none, when a failure outlives the dialog
            line.update(Content(f"▲ {text}" if text else ""))

    @property
    def stands(self) -> bool:
        """Whether its fields are there: they come a moment after the dialog is pushed, and go a moment before it."""
        return self.is_mounted and self.display and not self._answered

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Answer once: a second enter, typed before the first was seen, must not dismiss what lies below."""
        if self._answered or not self.is_current:
            return AwaitComplete()
        self._answered = True
        self._stop_looking()
        self.let_go()
        return super().dismiss(result)

    async def on_prune(self, event: Prune) -> None:
        """However it goes, also when the app ends below it; its fields have yet to hear of it."""
        self._answered = True
        self._stop_looking()

    def _stop_looking(self) -> None:
        """What still looks something up for the dialog would find its fields gone: they go before their screen."""
        for worker in self.workers:
            if worker.node is self and worker.group in _LOOKING:
                worker.cancel()

    def run_worker(self, work: WorkType[R], *args: Any, **options: Any) -> Worker[R]:
        """As ever; what a timer or a key of the last moment begins to look up ends before it begins."""
        worker = super().run_worker(work, *args, **options)
        if self._answered and worker.group in _LOOKING:
            worker.cancel()
        return worker

    def action_scroll(self, lines: int) -> None:
        """Read on in a long text."""
        self.query_one("#dialog-body", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_cancel(self) -> None:
        """Give up."""
        self.dismiss(None)
