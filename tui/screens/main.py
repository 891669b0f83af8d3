"""The main screen: the four tabs, what they share, and every route between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from tui.domain.drafts import OpenFiles
from tui.domain.errors import CURED_OUTSIDE, AppError, Cause
from tui.domain.runs import Board, changes, summary
from tui.screens.evaluation_routes import EvaluationRoutes
from tui.screens.one_go import OneGoScreen
from tui.services.session import Services, warm
from tui.tabs.base import Tab
from tui.tabs.dataset import DatasetTab
from tui.widgets.frame import HeaderLine, KeyLine, StatusLine, TabName, TabStrip

if TYPE_CHECKING:
    from tui.tabs.chat import ChatTab
    from tui.tabs.loss import LossTab

TABS = (TabName("dataset", "Dataset"), TabName("jobs", "Jobs"), TabName("loss", "Loss"), TabName("chat", "Chat"))
_LOOK_AGAIN = 5.0
_PAINT_BY = 0.25
_IDENTITY_LASTS = 300.0


class MainScreen(EvaluationRoutes, OneGoScreen):
    """Shared facts are reactives here, given to the tabs by data binding; tabs post messages, routed here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n), f"tab('{t.id}')", t.label, show=False, id=f"tab.{t.id}") for n, t in enumerate(TABS, 1)),
        Binding("r", "refresh", "Refresh", show=False, id="main.refresh"),
        Binding("dollar_sign", "money", "What bills", show=False, key_display="$", id="main.money"),
        Binding("plus", "extend", "Extend the lease", show=False, key_display="+", id="main.extend"),
        Binding("ctrl+t", "read_only", "Read-only mode", show=False, key_display="ctrl+t", id="main.read_only"),
        Binding("question_mark", "help", "help", key_display="?", id="main.help"),
        Binding("q", "app.quit", "quit", id="main.quit"),
    ]

    class Summed(Message):
        """The state of everything in a few words."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    # Textual's own, which would paint the whole screen whenever the focus moves.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    base_model_key: reactive[str] = reactive("", repaint=False)
    files: reactive[OpenFiles] = reactive((), repaint=False)

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
        super().__init__()
        self._metrics = tuple(metrics)
        self._asked_epochs = asked_epochs
        self._notices = notices
        self.services = services
        self._files = tuple(files)
        self._complaints = tuple(complaints)
        self._woken = asyncio.Event()
        self._shown = asyncio.Event()
        self._asked_to_quit = False
        self._told_problem = ""
        self._told_open = ""
        self._identified = services.now()
        self._last_said = ""
        self._last_focus: Widget | None = None
        self._unpainted = contextlib.ExitStack()
        self.set_reactive(MainScreen.identity, services.identity.first())
        self.set_reactive(MainScreen.base_model_key, services.settings.base_model)

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
        self._patience = self.set_timer(_PAINT_BY, self._paint)
        self.query_one(TabStrip).active = "dataset"
        for complaint in self._complaints:
            self.say(complaint, "problem")
        self.begin_with_money()
        self._watch_aws()

    # Shared facts

    @work(group="watch", exit_on_error=True)
    async def _watch_aws(self) -> None:
        """Find out who we are, settle what was left open, then follow the boards until the end."""
        await self._shown.wait()
        warm(self.services)
        while not await self._identify():
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _LOOK_AGAIN)
            problem = self.identity.problem
            if self._woken.is_set() or problem is None or problem.cause is not Cause.UNREACHABLE:
                self.services.aws.renew()
        for notice in self._notices():
            self.say(notice, "problem")
        settled = await self._reconcile()
        await self.tell_left_over()
        await self.follow_evaluations()
        async for board in self.services.watcher.boards():
            gone = any(one.gone for one in changes(self.board, board))
            if await self._keep_identity(board, unsure=gone):
                settled = False
                continue
            self.board = board
            self.money_seen()
            self.one_go_seen()
            await self._tell_news(board)
            self.evaluations_seen()
            self._tell_problem(board.problem)
            if (not settled or self.services.orders.in_doubt) and board.problem is None:
                settled = await self._reconcile()

    async def _tell_news(self, board: Board) -> None:
        """Say what changed, here and to the person who looks elsewhere."""
        try:
            news, away = await self.services.news.read(self.services.place(self.identity), board)
        except AppError as problem:
            self._tell_problem(problem)
            return
        if news and away:
            told = "; ".join(one.text for one in news[:5]) + (f"; and {len(news) - 5} more" if len(news) > 5 else "")
            self.say(f"While tanzaku was closed: {told}", "good" if all(one.good for one in news) else "problem")
        for one in [] if away else news:
            self.say(one.text, "good" if one.good else "problem")
            self.post_message(self.Happened(one.text))
        self.post_message(self.Summed(summary(board)))

    async def _keep_identity(self, board: Board, *, unsure: bool) -> bool:
        """Ask who we are where that may have changed; True when it is another account or Region than the board's."""
        was, now = self.identity, self.services.now()
        in_trouble = board.problem is not None and board.problem.cause in CURED_OUTSIDE
        old = (now - self._identified).total_seconds() >= _IDENTITY_LASTS or (was.expires and was.expires <= now)
        if not (in_trouble or was.problem or old or unsure):
            return False
        if in_trouble:
            self.identity = await self.services.identity.look()
        else:
            await self._identify()
        here = self.identity
        if not was.account or self.services.place(was) == self.services.place(here):
            return False
        self.services.forget()
        await self.follow_evaluations()
        self.board = Board()
        self.forget_money()
        self.say(f"This is another account or Region now: {here.account} {here.region}", "problem")
        self.services.watcher.wake()
        return True

    def _paint(self) -> None:
        self._patience.stop()
        self._unpainted.close()
        self.refresh()

    @on(Tab.FirstShown)
    async def _first_shown(self) -> None:
        self.call_later(self._paint)  # behind what is told of sizes already
        self.call_after_refresh(self._shown.set)
        if self._metrics:
            self._open_metrics(cast("LossTab", await self.show_tab("loss")))

    @work(group="losses")
    async def _open_metrics(self, tab: LossTab) -> None:
        """Show the files that the app was started for."""
        await tab.open_paths(self._metrics, asked_epochs=self._asked_epochs)

    async def _identify(self) -> bool:
        found = await self.services.identity.look()
        self.identity, self._identified = found, self.services.now()
        self._tell_problem(found.problem)
        return found.problem is None

    async def _reconcile(self) -> bool:
        """Settle what was left open; False when something stays open, to be tried again with a later board."""
        from tui.services.reconciler import Settlement

        try:
            outcome = await self.services.reconciler.reconcile(self.services.place(self.identity))
            problems = outcome.problems
        except AppError as problem:
            outcome, problems = Settlement(), (problem,)
        for one in outcome.recovered:
            self.say(one.text, "good" if one.found else "problem")
            self.services.watcher.wake()
        sentence = problems[0].sentence() if problems else ""
        if sentence and sentence != self._told_open:
            self.say(f"What was left open could not be settled: {sentence}", "problem")
        self._told_open = sentence
        return not outcome.still_open and not problems

    def _tell_problem(self, problem: AppError | None) -> None:
        """One notice per trouble, not one per poll; it goes when the trouble goes."""
        sentence = problem.sentence() if problem else ""
        if sentence == self._told_problem:
            return
        was, self._told_problem = self._told_problem, sentence
        if sentence:
            self.say(sentence, "problem")
        elif was == self._last_said:  # what was said since then matters more
            self.say("AWS answers again", "good")

    def say(self, text: str, kind: str = "") -> None:
        """Put something on the status line."""
        self._last_said = text
        self.query_one(StatusLine).say(text, kind)

    def action_read_only(self) -> None:
        """Let nothing through that changes AWS; or let it through again, when that is meant."""
        if not self.services.aws.read_only:
            self._set_read_only(True)
            return
        from tui.dialogs.confirm import ConfirmDialog

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._set_read_only(False)

        body = "From then on what you confirm is created, bought, changed and deleted in AWS again."
        self.app.push_screen(ConfirmDialog("End read-only mode?", body, yes="End it"), answered)

    def _set_read_only(self, on: bool) -> None:
        self.services.aws.read_only = on
        self.identity = replace(self.identity, read_only=on)
        self.say("Read-only mode: no changing call leaves the app (ctrl+t ends it)" if on else "Read-only mode ended")

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

    # Tabs

    async def show_tab(self, tab_id: str) -> Tab:
        """Make a tab the visible one, building it at its first visit."""
        switcher = self.query_one(ContentSwitcher)
        if switcher.current == tab_id:
            return self.query_one(f"#{tab_id}", Tab)
        # With the focus left inside, Textual would move it to a sibling in the hidden pane.
        self.set_focus(None)
        with self.app.batch_update():
            tab = await self._built(tab_id)
            switcher.current = tab_id
            self.query_one(TabStrip).active = tab_id
            self.query_one(StatusLine).turn_page()
            tab.focus_first()
            self.refresh_bindings()
        return tab

    async def _built(self, tab_id: str) -> Tab:
        found = self.query(f"#{tab_id}").results(Tab)
        for tab in found:
            return tab
        tab = self._make(tab_id)
        await self.query_one(ContentSwitcher).add_content(tab, id=tab_id)
        return tab

    def _make(self, tab_id: str) -> Tab:
        if tab_id == "jobs":
            from tui.tabs.jobs import JobsTab

            return JobsTab(self.services, classes="pane").data_bind(
                MainScreen.identity, MainScreen.board, MainScreen.base_model_key
            )
        if tab_id == "loss":
            from tui.tabs.loss import LossTab

            return LossTab(self.services, classes="pane").data_bind(MainScreen.identity, MainScreen.board)
        from tui.tabs.chat import ChatTab

        return ChatTab(self.services, classes="pane").data_bind(MainScreen.identity, MainScreen.board, MainScreen.files)

    def action_tab(self, tab_id: str) -> None:
        """Go to a tab. By message: data is bound in the screen's own handlers, and an action runs in the app's."""
        self.post_message(TabStrip.Chosen(tab_id))

    @on(TabStrip.Chosen)
    async def _tab_clicked(self, message: TabStrip.Chosen) -> None:
        await self.show_tab(message.tab_id)

    def action_refresh(self) -> None:
        """Look at AWS now; in trouble with what is set outside now."""
        if self.identity.problem is not None:
            self.services.aws.renew()
        self._woken.set()
        self.services.watcher.wake()

    def action_help(self) -> None:
        """Show the keys of this view."""
        from tui.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog.of(self))

    # Routes

    @on(Tab.Said)
    def _said(self, message: Tab.Said) -> None:
        self.say(message.text, message.kind)

    @on(Tab.AwsChanged)
    def _aws_changed(self) -> None:
        self.services.watcher.wake()

    @on(Tab.BaseModelChosen)
    def _base_model_chosen(self, message: Tab.BaseModelChosen) -> None:
        self.base_model_key = message.key

    @on(Tab.JobDetailed)
    def _job_detailed(self, message: Tab.JobDetailed) -> None:
        self.board = self.board.with_job(message.job)

    @on(Tab.UploadRequested)
    async def _upload_requested(self) -> None:
        tab = cast("DatasetTab", await self.show_tab("dataset"))
        self.say("Upload the data here; n in 2 Jobs then opens the form as it was left", "")
        tab.action_upload()

    @on(Tab.LossRequested)
    async def _loss_requested(self, message: Tab.LossRequested) -> None:
        tab = cast("LossTab", await self.show_tab("loss"))
        if len(message.run_keys) == 1:
            tab.show_run(message.run_keys[0])
        else:
            tab.show_several(message.run_keys)

    @on(Tab.ChatRequested)
    async def _chat_requested(self, message: Tab.ChatRequested) -> None:
        tab = cast("ChatTab", await self.show_tab("chat"))
        tab.show_run(message.run_key)

    @on(Tab.FilesChanged)
    def _files_changed(self, message: Tab.FilesChanged) -> None:
        self.files = message.files

    @on(Tab.QuestionRequested)
    async def _question_requested(self, message: Tab.QuestionRequested) -> None:
        tab = cast("ChatTab", await self.show_tab("chat"))
        tab.ask_probe(message.probe)

    @on(Tab.PairDrafted)
    def _pair_drafted(self, message: Tab.PairDrafted) -> None:
        self._add_pair(message)

    @work(group="draft")
    async def _add_pair(self, message: Tab.PairDrafted) -> None:
        try:
            await self.query_one(DatasetTab).add_draft(message.draft)
        except AppError as error:
            self.say(error.sentence(), "problem")
            message.settled(error.sentence())
        else:
            message.settled("")

    @on(Tab.ReviewRequested)
    async def _review_requested(self, message: Tab.ReviewRequested) -> None:
        tab = self.query_one(DatasetTab)
        if message.politely and (self.app.screen is not self or self.query_one(ContentSwitcher).current != "dataset"):
            return
        try:
            batch = await self.services.shelf.batch(message.batch)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        if batch is not None:
            from tui.screens.review import review_of

            self.app.push_screen(review_of(self.services, batch, tab))

    # The way out

    async def may_quit(self) -> bool:
        """Whether to quit now; else the question has been put, and its answer quits."""
        reasons = [reason for tab in self.query(Tab) for reason in tab.reasons_to_stay()]
        reasons += self.one_go_reasons() + await self.money_reasons()
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
