"""The main screen's tabs, and every route between them."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.widgets import ContentSwitcher

from tui.domain.errors import AppError
from tui.screens.shared import SharedScreen
from tui.tabs.base import Tab
from tui.tabs.dataset import DatasetTab
from tui.widgets.frame import StatusLine, TabStrip

if TYPE_CHECKING:
    from tui.screens.main import MainScreen
    from tui.tabs.chat import ChatTab
    from tui.tabs.loss import LossTab


class RoutingScreen(SharedScreen, part=True):
    """Builds tabs at their first visit; what they post is routed here."""

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
                SharedScreen.identity, SharedScreen.board, SharedScreen.base_model_key
            )
        if tab_id == "loss":
            from tui.tabs.loss import LossTab

            return LossTab(self.services, classes="pane").data_bind(SharedScreen.identity, SharedScreen.board)
        from tui.tabs.chat import ChatTab

        return ChatTab(self.services, classes="pane").data_bind(
            SharedScreen.identity, SharedScreen.board, SharedScreen.files
        )

    def action_tab(self, tab_id: str) -> None:
        """Go to a tab. By message: data is bound in the screen's own handlers, and an action runs in the app's."""
        if self.query_one(ContentSwitcher).current != tab_id:
            # One frame for both: the tab that is left would be painted without its focus first.
            self._switching.enter_context(self.app.batch_update())
            self.set_focus(None)  # keys right behind this one are not for the tab that is left
        self.post_message(TabStrip.Chosen(tab_id))

    @on(TabStrip.Chosen)
    async def _tab_clicked(self, message: TabStrip.Chosen) -> None:
        with self._switching.pop_all():
            await self.show_tab(message.tab_id)

    @cached_property
    def _switching(self) -> ExitStack:
        """Holds painting back from a tab's key on until the tab is there."""
        return ExitStack()

    # Routes

    @on(Tab.Said)
    def _said(self, message: Tab.Said) -> None:
        self.say(message.text, message.kind, cures=message.cures)

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

    @on(Tab.OneGoRequested)
    def _one_go_requested(self, message: Tab.OneGoRequested) -> None:
        cast("MainScreen", self).one_go.requested(message.run_key)

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
            await self.query_one(DatasetTab).sharing.add_draft(message.draft)
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
            batch = await self.services.review_queue.batch(message.batch)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        if batch is not None:
            from tui.screens.review import review_of

            def left(_: None) -> None:
                tab.tell_waiting()

            self.app.push_screen(review_of(self.services, batch, tab), left)
