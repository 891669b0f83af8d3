"""Jobs: start, watch, stop, serve and delete, one row per run."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from tui.domain.errors import AppError, Cause
from tui.domain.text import count, safe_line
from tui.domain.training.run_list import Order, listed, orders
from tui.domain.training.runs import Run
from tui.services.session import Services
from tui.tabs.jobs_new import NewJobTab
from tui.tabs.jobs_serve import ServingTab
from tui.widgets.filter_line import FilterLine
from tui.widgets.frame import age_text
from tui.widgets.run_rows import RUN_COLUMNS, RunRows, run_detail
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

_EXAMPLE = "words  !word  is:moving  is:failed  is:billing  (esc clears)"
_RESTING = 0.2
"""Seconds that the cursor rests on a run before its detail is asked for."""
_NONE_LIKE_THAT = "No run is like that; esc clears the filter."
_NO_RUNS = "No runs yet. Upload data in 1 Dataset (p), then press n here."


class JobsTab(NewJobTab, ServingTab):
    """Runs of this account and Region."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new_job", "new job", id="jobs.new"),
        Binding("C", "clone", "Clone the run", show=False, id="jobs.clone"),
        Binding("c", "chat", "chat", id="jobs.chat"),
        Binding("b", "serve", "serve", id="jobs.serve"),
        Binding("B", "one_go", "Buy, evaluate and delete in one go", show=False, id="jobs.one_go"),
        Binding("S", "stop_job", "stop", id="jobs.stop"),
        Binding("X", "delete", "delete", id="jobs.delete"),
        Binding("l", "loss", "loss", id="jobs.loss"),
        Binding("slash", "filter", "filter", key_display="/", id="jobs.filter"),
        Binding("s", "sort", "Sort the list", show=False, id="jobs.sort"),
        Binding("e", "edit_endpoint", "Rename the endpoint, or give it another model", show=False, id="jobs.edit"),
        Binding("escape", "clear", "Clear filter and marks", show=False, id="jobs.clear"),
        Binding("y", "copy", "Copy the ARN", show=False, id="jobs.copy"),
    ]

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._detailed = ""
        self._tags: dict[str, dict[str, str]] = {}
        self._untagged = ""
        self._trends: dict[str, tuple[float, ...]] = {}
        self._words = ""
        self._sorting = Order()

    def compose(self) -> ComposeResult:
        yield Line(id="jobs-line")
        yield VirtualTable(RUN_COLUMNS, id="runs")
        yield TextPane(id="detail")

    def on_mount(self) -> None:
        self.focus_first()
        self._show()
        self._look_at_trends()
        self.set_interval(1 if self.services.sandbox else 30, self._tick)

    def _tick(self) -> None:
        """Elapsed times go on although nothing was polled."""
        if self.is_on_screen and self.board.moving:
            self._show()

    def focus_first(self) -> None:
        """The list has the keys."""
        self.screen.set_focus(self.query_one("#runs", VirtualTable))

    def watch_board(self) -> None:
        """Something was seen."""
        if self.is_mounted:
            self._show()
            self._look_at_trends()

    # Showing

    @property
    def run_shown(self) -> Run | None:
        """The run under the cursor."""
        table = self.query_one("#runs", VirtualTable)
        return self.board.run(table.cursor_key) if table.cursor_key else None

    def _show(self) -> None:
        board, now = self.board, self.services.now()
        table = self.query_one("#runs", VirtualTable)
        runs, unclear = listed(board.runs, self._words, self._sorting, self._trends)
        for field in self.query(FilterLine):
            field.complain(unclear)
        table.show(RunRows(runs, now, self._trends))
        table.sorted_by = (self._sorting.by.value, self._sorting.descending) if self._sorting != Order() else None
        new = next((n for n, run in enumerate(runs) if run.name == self._started), None)
        if self._started and new is not None:  # the keys that follow are meant for it
            self._started = ""
            table.move_to(new)
        moving = sum(run.moving for run in board.runs)
        # Whether there are runs is known only after the first look.
        self.query_one("#runs", VirtualTable).set_empty(
            _NONE_LIKE_THAT if self._words else _NO_RUNS if board.seen else ""
        )
        if board.seen is None:
            text = " looking …" if self.identity.problem is None else " AWS has not been seen yet"
        else:
            shown = f"{len(runs)} of {count(len(board.runs), 'run')}" if self._words else count(len(board.runs), "run")
            marked = f"  {len(table.marked)} marked (l shows them together)" if table.marked else ""
            text = f" {shown}  {moving} moving{marked}  {age_text(board.seen, now)}"
            if board.missed:
                text += f"  ▲ may not be listed: {', '.join(sorted(board.missed))}"
        self.query_one("#jobs-line", Line).put(Content(text))
        self._show_detail()

    @work(group="trends", exclusive=True)
    async def _look_at_trends(self) -> None:
        """Validation losses for the list, from the copies kept here and from S3 for runs that have new ones."""
        found = await self.services.losses.trends([run.job for run in self.board.runs if run.job])
        if found != self._trends:
            self._trends = found
            self._show()

    def _show_detail(self) -> None:
        run = self.run_shown
        content = run_detail(run, self.services.now(), self._tags) if run else Content("")
        self.query_one(TextPane).put(content, keep_place=run is not None and run.key == self._detailed)
        self._detailed = run.key if run else ""

    @on(VirtualTable.CursorMoved, "#runs")
    def _cursor_moved(self) -> None:
        self._show_detail()
        run = self.run_shown
        if run is not None:
            self._fetch_tags(run)
            if run.job is not None and not run.job.detailed:
                self._fetch_detail(run.job.arn)

    @work(group="tags", exclusive=True)
    async def _fetch_tags(self, run: Run) -> None:
        """Tags of the run the cursor rests on. An account that may not read them is told so once."""
        await asyncio.sleep(_RESTING)
        for arn in filter(None, (run.job.arn if run.job else "", run.model_arn)):
            try:
                found = await self.services.tags.of(arn)
            except AppError as error:
                if error.cause is Cause.DENIED and self._untagged != self.identity.account:
                    self._untagged = self.identity.account
                    self.say(f"Tags are not shown: {error.sentence()}", "problem")
                return
            if self._tags.get(arn) != found:
                self._tags[arn] = found
                self._show_detail()

    @work(group="detail", exclusive=True)
    async def _fetch_detail(self, arn: str) -> None:
        """A job that ended long ago is listed without its detail. What the cursor only passes is not asked for."""
        await asyncio.sleep(_RESTING)
        try:
            job = await self.services.jobs.detail(arn)
        except AppError as error:
            self.say(error.sentence(), "problem")
        else:
            self.post_message(self.JobDetailed(job))

    @on(VirtualTable.RowOpened, "#runs")
    def action_loss(self) -> None:
        """Show the run's loss curves, or those of the marked ones together; of an evaluation job its evaluation."""
        run = self.run_shown
        marked = self.query_one("#runs", VirtualTable).marked
        chosen = [r.key for r in self.board.runs if r.key in marked and r.job is not None]
        if len(chosen) > 1:
            self.post_message(self.LossRequested(*chosen))
        elif run is not None and run.evaluation is not None:
            self.post_message(self.EvaluationRequested(run.evaluation.evaluation))
        elif run is not None:
            self.post_message(self.LossRequested(run.key))

    def action_chat(self) -> None:
        """Ask the run's model."""
        run = self.run_shown
        if run is not None:
            self.post_message(self.ChatRequested(run.key))

    # Order and choice

    async def action_filter(self) -> None:
        """Type words to narrow the list."""
        if not self.query(FilterLine):
            await self.mount(FilterLine(_EXAMPLE), after=self.query_one("#jobs-line"))
        self.add_class("-filtering")
        self.query_one(FilterLine).focus()

    @on(FilterLine.Changed)
    def _filter_typed(self, event: FilterLine.Changed) -> None:
        self._words = event.words
        self._show()

    @on(FilterLine.Done)
    def _filter_done(self) -> None:
        self.focus_first()

    def action_clear(self) -> None:
        """Have enough of an order that waits, else clear the filter, else the marks."""
        if self._had_enough():
            return
        if self.has_class("-filtering"):
            self.query_one(FilterLine).clear()
            self.remove_class("-filtering")
            self._words = ""
            self.focus_first()
        else:
            self.query_one("#runs", VirtualTable).marked = frozenset()
        self._show()

    @on(VirtualTable.MarksChanged, "#runs")
    def _marks_changed(self) -> None:
        self._show()

    def action_sort(self) -> None:
        """Choose what the list is sorted by."""
        from tui.dialogs.sorting import SortDialog

        def chosen(order: Order | None) -> None:
            if order is not None:
                self._sorting = order
                self._show()

        dialog: SortDialog[Order] = SortDialog(orders(), self._sorting)
        self.app.push_screen(dialog, chosen)

    def action_one_go(self) -> None:
        """Buy throughput for the run's model, evaluate it, delete it; or look after one that is under way."""
        if self._answered(on_run=True):  # at once: one that is under way is ended by it, whatever else is
            self._request_one_go()
        else:
            self._begin(self._one_go_later, looks_first=True)

    async def _one_go_later(self) -> None:
        self._request_one_go()

    def _request_one_go(self) -> None:
        run = self.run_shown
        self.post_message(self.OneGoRequested(run.key if run else ""))

    def action_copy(self) -> None:
        """Copy the ARN of the run's endpoint, model or job."""
        run = self.run_shown
        if run is not None:
            endpoint = run.ready_endpoint
            arn = endpoint.arn if endpoint else run.model_arn or run.key
            self.app.copy_to_clipboard(safe_line(arn))
            self.say(f"Sent to the terminal's clipboard: {arn}", "good")
