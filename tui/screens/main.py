"""The main screen: its frame, its first paint, the focus, and the way out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from tui.screens.routing import RoutingScreen
from tui.screens.watching import WatchingScreen
from tui.services.session import Services
from tui.tabs.base import Tab
from tui.tabs.dataset import DatasetTab
from tui.widgets.frame import HeaderLine, KeyLine, StatusLine, TabName, TabStrip

if TYPE_CHECKING:
    from tui.tabs.loss import LossTab

TABS = (TabName("dataset", "Dataset"), TabName("jobs", "Jobs"), TabName("loss", "Loss"), TabName("chat", "Chat"))
_PAINT_BY = 0.25


class MainScreen(RoutingScreen, WatchingScreen):
    """Shared facts are reactives here, given to the tabs by data binding; tabs post messages, routed here."""

    HEAD_START: ClassVar[float] = 0.03
    """Seconds after the first rows in which keys typed ahead have the interpreter for themselves: boto3 is imported and
    the file checked only then."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n), f"tab('{t.id}')", t.label, show=False, id=f"tab.{t.id}") for n, t in enumerate(TABS, 1)),
        Binding("r", "refresh", "Refresh", show=False, id="main.refresh"),
        Binding("dollar_sign", "money", "What bills", show=False, key_display="$", id="main.money"),
        Binding("plus", "extend", "Extend the lease", show=False, key_display="+", id="main.extend"),
        Binding("ctrl+t", "read_only", "Read-only mode", show=False, key_display="ctrl+t", id="main.read_only"),
        Binding("question_mark", "help", "help", key_display="?", id="main.help"),
        Binding("q", "app.quit", "quit", id="main.quit"),
    ]

    # Textual's own, which would paint the whole screen whenever the focus moves.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(
        self,
        services: Services,
        files: Sequence[Path] = (),
        complaints: Sequence[str] = (),
        notices: Callable[[], Iterable[str]] = tuple,
        *,
        metrics: Sequence[Path] = (),
        asked_epochs: int | None = None,
    ) -> None:
        super().__init__(services, notices)
        self._metrics = tuple(metrics)
        self._asked_epochs = asked_epochs
        self._files = tuple(files)
        self._complaints = tuple(complaints)
        self._asked_to_quit = False
        self._last_focus: Widget | None = None
        self._unpainted = contextlib.ExitStack()
        self._is_painted = False

    def compose(self) -> ComposeResult:
        yield HeaderLine(now=self.services.now).data_bind(MainScreen.identity, MainScreen.board, MainScreen.bills)
        with Vertical(id="body"):
            yield TabStrip(TABS)
            with ContentSwitcher(initial="dataset"):
                yield DatasetTab(self.services, self._files, id="dataset", classes="pane").data_bind(
                    MainScreen.identity, MainScreen.base_model_key
                )
            yield StatusLine()
            yield KeyLine()
        yield Static(Content("tanzaku needs a window of at least 60 × 16"), id="too-small", markup=False)

    def on_mount(self) -> None:
        # Frames without rows are not worth their bytes, unless the rows are long in coming.
        self._unpainted.enter_context(self.app.batch_update())
        self.set_timer(_PAINT_BY, self._paint)
        self.query_one(TabStrip).active = "dataset"
        for complaint in self._complaints:
            self.say(complaint, "problem")
        self.begin_with_money()
        self.watch_aws()

    def _paint(self) -> None:
        if not self._is_painted:
            self._is_painted = True
            self._unpainted.close()
            self.refresh()

    @on(Tab.FirstRows)
    def _first_rows(self, message: Tab.FirstRows) -> None:
        self.call_later(self._paint)
        self.call_later(self.call_after_refresh, message.painted)

    @on(Tab.FirstShown)
    async def _first_shown(self, message: Tab.FirstShown) -> None:
        self.call_later(self._paint)  # behind what is told of sizes already
        later = asyncio.get_running_loop().call_later
        for begin in (message.painted, self._shown.set):
            self.call_after_refresh(later, self.HEAD_START, begin)
        if self._metrics:
            self._open_metrics(cast("LossTab", await self.show_tab("loss")))

    @work(group="losses")
    async def _open_metrics(self, tab: LossTab) -> None:
        """Show the files that the app was started for."""
        await tab.open_paths(self._metrics, asked_epochs=self._asked_epochs)

    # Focus

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        self._last_focus = event.widget

    def on_resize(self) -> None:
        """A window too small hides what had the focus; where there is room again, it gets it back."""
        self.call_after_refresh(self._find_focus)

    def _find_focus(self) -> None:
        last = self._last_focus
        if self.focused is None and last is not None and last.is_attached and last.focusable:
            last.focus()

    def action_help(self) -> None:
        """Show the keys of this view."""
        from tui.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog.of(self))

    # The way out

    async def keep_typed(self) -> None:
        """Keep what was typed and not accepted, as far as that can be offered at the next start."""
        for tab in self.query(Tab):
            await tab.keep_typed()

    async def may_quit(self) -> bool:
        """Whether to quit now; else the question has been put, and its answer quits."""
        reasons = [reason for tab in self.query(Tab) for reason in tab.reasons_to_stay()]
        reasons += self.evaluation_reasons()
        reasons += self.one_go.reasons() + await self.money_reasons(ending=self.one_go.endpoint)
        if not reasons or self._asked_to_quit:
            return True
        from tui.dialogs.confirm import QuitDialog

        self._asked_to_quit = True

        def answered(confirmed: bool | None) -> None:
            self._asked_to_quit = False
            if confirmed:
                self.app.exit()

        self.app.push_screen(QuitDialog(reasons), answered)
        return False
