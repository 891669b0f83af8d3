"""Jobs: start, watch, stop, serve and delete, one row per run."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from tui.domain.errors import AppError
from tui.domain.runs import Run
from tui.domain.text import count, safe_line
from tui.services.session import Services
from tui.tabs.jobs_new import NewJobTab
from tui.tabs.jobs_serve import ServingTab
from tui.widgets.frame import age_text
from tui.widgets.run_rows import RUN_COLUMNS, RunRows, run_detail
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

_RESTING = 0.2
"""Seconds that the cursor rests on a run before its detail is asked for."""
_NO_RUNS = "No runs yet. Upload data in 1 Dataset (p), then press n here."


class JobsTab(NewJobTab, ServingTab):
    """Runs of this account and Region."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new_job", "new job", id="jobs.new"),
        Binding("C", "clone", "Clone the run", show=False, id="jobs.clone"),
        Binding("c", "chat", "chat", id="jobs.chat"),
        Binding("b", "serve", "serve", id="jobs.serve"),
        Binding("S", "stop_job", "stop", id="jobs.stop"),
        Binding("X", "delete", "delete", id="jobs.delete"),
        Binding("l", "loss", "loss", id="jobs.loss"),
        Binding("y", "copy", "Copy the ARN", show=False, id="jobs.copy"),
    ]

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._detailed = ""
        self._trends: dict[str, tuple[float, ...]] = {}

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
        table.show(RunRows(board.runs, now, self._trends))
        new = next((n for n, run in enumerate(board.runs) if run.name == self._started), None)
        if self._started and new is not None:  # the keys that follow are meant for it
            self._started = ""
            table.move_to(new)
        moving = sum(run.moving for run in board.runs)
        # Whether there are runs is known only after the first look.
        self.query_one("#runs", VirtualTable).set_empty(_NO_RUNS if board.seen else "")
        if board.seen is None:
            text = " looking …" if self.identity.problem is None else " AWS has not been seen yet"
        else:
            text = f" {count(len(board.runs), 'run')}  {moving} moving  {age_text(board.seen, now)}"
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
        content = run_detail(run, self.services.now()) if run else Content("")
        self.query_one(TextPane).put(content, keep_place=run is not None and run.key == self._detailed)
        self._detailed = run.key if run else ""

    @on(VirtualTable.CursorMoved, "#runs")
    def _cursor_moved(self) -> None:
        self._show_detail()
        run = self.run_shown
        if run is not None and run.job is not None and not run.job.detailed:
            self._fetch_detail(run.job.arn)

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
        """Show the run's loss curves; of an evaluation job its evaluation."""
        run = self.run_shown
        if run is not None and run.evaluation is not None:
            self.post_message(self.EvaluationRequested(run.evaluation.evaluation))
        elif run is not None:
            self.post_message(self.LossRequested(run.key))

    def action_chat(self) -> None:
        """Ask the run's model."""
        run = self.run_shown
        if run is not None:
            self.post_message(self.ChatRequested(run.key))

    def action_copy(self) -> None:
        """Copy the ARN of the run's endpoint, model or job."""
        run = self.run_shown
        if run is not None:
            endpoint = run.ready_endpoint
            arn = endpoint.arn if endpoint else run.model_arn or run.key
            self.app.copy_to_clipboard(safe_line(arn))
            self.say(f"Sent to the terminal's clipboard: {arn}", "good")
