"""Loss: per-epoch means of training and validation, from S3 or from local CSV files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.text import LineDialog
from tui.domain.errors import AppError
from tui.domain.losses import Curves, EpochPoint
from tui.domain.runs import Board, Run
from tui.domain.text import count
from tui.services.session import Services
from tui.tabs.base import Tab, working_folder
from tui.widgets.loss_chart import LossChart
from tui.widgets.text_pane import Line

_SANDBOX_NOTE = "a small model's losses: their height means nothing on Bedrock"


class LossTab(Tab):
    """The chart of one run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "epoch(-1)", "epoch back", id="loss.back"),
        Binding("l,right", "epoch(1)", "epoch on", id="loss.on"),
        Binding("s", "steps", "steps", id="loss.steps"),
        Binding("L", "log", "log scale", id="loss.log"),
        Binding("o", "open_files", "open CSV", id="loss.open"),
        Binding("enter", "choose", "choose run", id="loss.choose"),
    ]

    board: reactive[Board] = reactive(Board(), repaint=False)
    can_focus = True

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._curves: Curves | None = None
        self._run_key = ""
        self._looked = ""
        self._epoch: int | None = None
        self._steps = False
        self._log = False

    def compose(self) -> ComposeResult:
        yield Line(id="loss-line")
        yield LossChart(id="chart")
        yield Line(id="loss-values")
        yield Line(id="loss-note")

    def on_mount(self) -> None:
        self.focus_first()
        if not self._run_key:
            newest = next((r for r in self.board.runs if r.job and r.job.status == "Completed"), None)
            newest = newest or next((r for r in self.board.runs if r.job), None)
            if newest is not None:
                self.show_run(newest.key)
        self._draw()

    def focus_first(self) -> None:
        """The tab itself has the keys."""
        self.focus()

    def show_run(self, key: str) -> None:
        """Show the curves of a run."""
        self._run_key = key
        self._curves = None
        self._epoch = None
        self._looked = ""
        self._draw()
        self._look()

    def watch_board(self) -> None:
        """A run that moved may have its metrics now."""
        if not self.is_mounted:
            return
        run = self.board.run(self._run_key)
        if run is None or run.job is None or self._curves is not None:
            return
        state = f"{run.job.status}{run.job.detailed}"
        if state != self._looked:
            self._look()

    @work(group="metrics", exclusive=True)
    async def _look(self) -> None:
        run = self.board.run(self._run_key)
        if run is None or run.job is None:
            self._draw()
            return
        self._looked = f"{run.job.status}{run.job.detailed}"
        key = self._run_key
        try:
            job = run.job if run.job.detailed else await self.services.jobs.detail(run.job.arn)
            curves = await self.services.losses.of_job(job)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        if key == self._run_key:
            self._curves = curves
            self._draw()

    @work(group="open", exclusive=True)
    async def action_open_files(self) -> None:
        """Show local metrics files."""
        typed = await self.app.push_screen_wait(
            LineDialog(
                "Open metrics files",
                value=working_folder(),
                note="A folder that holds the CSVs, or one or two files with a blank between them",
            )
        )
        if typed and typed.strip():
            await self.open_paths(_paths(typed))

    async def open_paths(self, paths: list[Path]) -> None:
        """Show the curves in local files."""
        try:
            curves = await self.services.losses.of_files(paths)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        self._run_key = ""
        self._curves = curves
        self._epoch = None
        self._draw()

    @work(group="choose", exclusive=True)
    async def action_choose(self) -> None:
        """Choose another run."""
        choices = [Choice(r.key, r.name, r.job.phase_text()) for r in self.board.runs if r.job is not None]
        chosen = await self.app.push_screen_wait(ChoiceDialog("Loss of which run?", choices, chosen=self._run_key))
        if chosen is not None:
            self.show_run(chosen)

    def action_epoch(self, step: int) -> None:
        """Move the cursor by an epoch."""
        if self._curves is not None and self._curves.epochs:
            epochs = self._curves.epochs
            at = epochs.index(self._epoch) if self._epoch in epochs else len(epochs) - 1
            self._epoch = epochs[max(0, min(len(epochs) - 1, at + step))]
            self._draw()

    def action_steps(self) -> None:
        """Show or hide the losses of single steps."""
        self._steps = not self._steps
        self._draw()

    def action_log(self) -> None:
        """Switch between linear and logarithmic scale."""
        self._log = not self._log
        self._draw()

    def _draw(self) -> None:
        if not self.query(LossChart):
            return
        curves = self._curves
        line, values = self.query_one("#loss-line", Line), self.query_one("#loss-values", Line)
        note = self.query_one("#loss-note", Line)
        chart = self.query_one(LossChart)
        if curves is None:
            chart.show((), cursor_epoch=None)
            line.put(Content(f" {self._waiting()}"))
            values.put(Content(""))
            note.put(Content(""))
            return
        if self._epoch is None and curves.epochs:
            self._epoch = curves.best.epoch if curves.best else curves.epochs[-1]
        chart.show((curves,), cursor_epoch=self._epoch, log=self._log, steps=self._steps)
        ran = (
            f"ran {len(curves.epochs)} of {curves.asked_epochs}" if curves.asked_epochs else f"ran {len(curves.epochs)}"
        )
        scale = "   log scale" if self._log else ""
        best = f" epoch {curves.best.epoch}" if curves.best else ""
        line.put(Content.assemble((f" {curves.name}", "bold"), "   ", chart.legend(), best, scale))
        values.put(Content(self._values(curves)))
        said = [f"{ran} epochs", *curves.notes, *([_SANDBOX_NOTE] if curves.sandbox else [])]
        note.put(Content(f" {' · '.join(said)}"))

    def _waiting(self) -> str:
        run: Run | None = self.board.run(self._run_key)
        if run is None or run.job is None:
            return "No run chosen. enter chooses one, o opens CSV files."
        if run.job.moving:
            return f"{run.name}: {run.job.phase_text()}. Bedrock writes the metrics when the job completes."
        if run.job.status != "Completed":
            return f"{run.name}: {run.job.status}; no metrics were written."
        return f"{run.name}: looking for its metrics in S3 …"

    def _values(self, curves: Curves) -> str:
        if self._epoch is None:
            return ""
        parts = [f" epoch {self._epoch}"]
        training, validation = curves.training_at(self._epoch), curves.validation_at(self._epoch)
        if training:
            spread = f", {training.low:.4f}–{training.high:.4f}" if training.rows > 1 else ""
            parts.append(f"training {training.mean:.4f} ({count(training.rows, 'step')}{spread})")
        if validation:
            before = curves.validation_at(self._epoch - 1)
            parts.append(f"validation {validation.mean:.4f}{_change(validation, before)}")
        return "   ".join(parts)


def _change(now: EpochPoint, before: EpochPoint | None) -> str:
    return f" ({now.mean - before.mean:+.4f})" if before else ""


def _paths(typed: str) -> list[Path]:
    """One path with blanks in it, if there is such a one; else several."""
    whole = os.path.expanduser(typed.strip())
    if os.path.exists(whole):
        return [Path(whole)]
    return [Path(os.path.expanduser(part)) for part in typed.split()]
