"""Loss: did it learn, where was it best, why did it end, and which run is better."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.runs import RunsDialog
from tui.dialogs.text import PathDialog
from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.loss_report import LossRun, compare_rows, epoch_head, epoch_rows
from tui.domain.losses import SMOOTHINGS
from tui.domain.runs import Board
from tui.domain.text import safe, safe_line
from tui.services.loss_export import INSTALL, ExportKind, export, free_path, plots_installed
from tui.services.losses import Look
from tui.services.session import Services
from tui.tabs.base import Tab
from tui.widgets.cells import plain_terminal
from tui.widgets.loss_lines import tabbed
from tui.widgets.loss_runs import MOST, Shown, ShownRuns
from tui.widgets.loss_view import LossView, View

_KINDS = {
    ExportKind.CSV: "means of every epoch",
    ExportKind.MARKDOWN: "summary in Markdown",
    ExportKind.SVG: "picture, scalable",
    ExportKind.PNG: "picture, 200 dpi",
}


_SETTLED = 0.2
"""Seconds after which the tab is painted, and heavy imports may begin."""


class LossTab(Tab):
    """The chart of one run, or of several over each other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "epoch(-1)", "epoch back", id="loss.back"),
        Binding("l,right", "epoch(1)", "epoch on", id="loss.on"),
        Binding("enter", "choose", "choose runs", id="loss.choose"),
        Binding("t", "table", "table", id="loss.table"),
        Binding("s", "steps", "steps", id="loss.steps"),
        Binding("x", "export", "export", id="loss.export"),
        Binding("plus,equals_sign", "zoom(1)", "zoom in", key_display="+", id="loss.zoom_in"),
        Binding("minus", "zoom(-1)", "zoom out", key_display="-", show=False, id="loss.zoom_out"),
        Binding("0", "zoom(0)", "whole run", show=False, id="loss.zoom_reset"),
        Binding("L", "log", "log scale", id="loss.log"),
        Binding("e", "smooth", "smoothing", id="loss.smooth"),
        Binding("w", "which", "which curves", show=False, id="loss.which"),
        Binding("o", "open_files", "open CSV", id="loss.open"),
        Binding("p", "pin", "pin", id="loss.pin"),
        Binding("comma", "step(-1)", "step back", key_display=",", show=False, id="loss.step_back"),
        Binding("full_stop", "step(1)", "step on", key_display=".", show=False, id="loss.step_on"),
        Binding("n", "run(1)", "next run", show=False, id="loss.next_run"),
        Binding("N", "run(-1)", "run before", show=False, id="loss.previous_run"),
        Binding("H", "hide", "hide or show the run", show=False, id="loss.hide"),
        Binding("J", "move(1)", "run down in the order", show=False, id="loss.run_down"),
        Binding("K", "move(-1)", "run up in the order", show=False, id="loss.run_up"),
        Binding("v", "turn", "next validator or column", show=False, id="loss.turn"),
        Binding("A", "ascii", "ASCII chart", show=False, id="loss.ascii"),
        Binding("y", "copy", "copy the verdict", show=False, id="loss.copy"),
        Binding("Y", "copy_table", "copy the table", show=False, id="loss.copy_table"),
    ]

    board: reactive[Board] = reactive(Board(), repaint=False)
    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    can_focus = True

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._runs = ShownRuns()
        self._view = View(ascii=plain_terminal())

    def compose(self) -> ComposeResult:
        yield LossView(id="loss-view")

    def on_mount(self) -> None:
        self.focus_first()
        self._show_newest()
        self._draw()
        self.set_timer(_SETTLED, self._warm)

    @work(group="warm")
    async def _warm(self) -> None:
        await self.services.losses.warm()

    def on_resize(self) -> None:
        """Names and values are cut to the width."""
        self.call_after_refresh(self._draw)

    def _show_newest(self) -> None:
        """The newest run that has losses, while nothing else was asked for."""
        newest = next((r for r in self.board.runs if r.job and r.job.status == "Completed"), None)
        newest = newest or next((r for r in self.board.runs if r.job), None)
        if newest is not None and not self._runs.all:
            self.show_run(newest.key)

    def focus_first(self) -> None:
        """The tab itself has the keys."""
        self.focus()

    # Runs of AWS

    def show_run(self, key: str) -> None:
        """Show the curves of a run, beside those that are pinned."""
        self._runs.show(key, self._known_name(key))
        self._view.reset()
        self._draw()
        self._look(key)

    def _known_name(self, key: str) -> str:
        run = self.board.run(key)
        return run.name if run else key.rsplit("/", 1)[-1]

    def watch_board(self) -> None:
        """A run that moves may have more metrics now; one that ended may have its last."""
        if not self.is_mounted:
            return
        self._show_newest()
        for shown in self._runs.all:
            run = self.board.run(shown.key)
            job = run.job if run else None
            if job is not None and (job.moving or f"{job.status}{job.detailed}" != shown.looked):
                self._look(shown.key)

    @work(group="metrics")
    async def _look(self, key: str) -> None:
        """What is kept is shown at once, then what S3 has."""
        shown = self._runs.get(key)
        run = self.board.run(key)
        if shown is None:
            return
        if shown.curves is None:
            kept = await self.services.losses.kept(key)
            if kept is not None and shown.curves is None:
                self._take(shown, kept)
        if run is None or run.job is None:
            self._draw()
            return
        shown.looked = f"{run.job.status}{run.job.detailed}"
        try:
            job = run.job if run.job.detailed else await self.services.jobs.detail(run.job.arn)
            shown.job = job
            found = await self.services.losses.look(job)
        except AppError as error:
            shown.problem = error.sentence()
            self.say(error.sentence(), "problem")
            self._draw()
            return
        if found is not None:
            self._take(shown, found)

    def _take(self, shown: Shown, look: Look) -> None:
        shown.job, shown.name = look.job, look.job.name
        shown.kept_from = None if look.fresh else look.read
        shown.problem = look.problem.sentence() if look.problem else ""
        if look.curves != shown.curves:
            shown.curves = look.curves
            self._compare()
        self._draw()

    @work(group="choose", exclusive=True)
    async def action_choose(self) -> None:
        """Choose another run, or several to see them together."""
        choices = [Choice(r.key, r.name, r.job.phase_text()) for r in self.board.runs if r.job is not None]
        listed = {choice.key for choice in choices}
        choices += [
            Choice(k.job.arn, k.job.name, "kept here") for k in await self.services.losses.all_kept()
            if k.job.arn not in listed
        ]  # fmt: skip
        current = self._runs.current
        marked = frozenset(run.key for run in self._runs.all if run.pinned)
        dialog = RunsDialog(choices, chosen=current.key if current else "", marked=marked & {c.key for c in choices})
        chosen = await self.app.push_screen_wait(dialog)
        if chosen is None:
            return
        if len(chosen) == 1:
            self._runs.all = [run for run in self._runs.all if run.pinned and run.key in chosen]
            self._runs.at = 0
            self.show_run(chosen[0])
            return
        self.show_several(chosen)

    def show_several(self, keys: Sequence[str]) -> None:
        """Show the curves of some runs together."""
        self._runs.all = [run for run in self._runs.all if run.key in keys]
        for key in keys[:MOST]:
            self._runs.pin(key, self._known_name(key))
            self._look(key)
        self._runs.at = 0
        self._view.reset()
        if len(keys) > MOST:
            self.say(f"The first {MOST} of {len(keys)} are shown", "problem")
        self._compare()
        self._draw()

    @work(group="compare", exclusive=True)
    async def _compare(self) -> None:
        """Find out how the data of the runs differ from the first one's."""
        runs = [run for run in self._runs.all if run.job is not None]
        if len(runs) < 2 or not self.identity.known:
            return
        place = self.services.place(self.identity)
        await self._evaluate(place, runs)
        first = runs[0]
        for run in runs:
            assert run.job is not None
            assert first.job is not None
            try:
                run.data = await self.services.run_data.facts(place, run.job)
                one, two = first.job.training_uri, run.job.training_uri
                if run is first:
                    run.changes = "the first"
                elif one == two:
                    run.changes = "same pairs"
                else:
                    run.changes = (await self.services.run_data.changes(one, two)).text
            except AppError as error:
                run.changes = f"? {error.title}"
        self._draw()

    async def _evaluate(self, place: str, runs: Sequence[Shown]) -> None:
        """What evaluations say of the models of these runs."""
        from tui.services.evaluation_scores import scores_of_jobs

        jobs = {run.job.arn for run in runs if run.job is not None}
        try:
            found = await scores_of_jobs(self.services.evaluations, self.services.pool, place, jobs)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        for run in runs:
            run.evaluation = found.get(run.job.arn, "") if run.job is not None else ""

    # Local files

    @work(group="open", exclusive=True)
    async def action_open_files(self) -> None:
        """Show local metrics files."""
        typed = await self.app.push_screen_wait(
            PathDialog(
                "Open metrics files",
                value=f"{os.getcwd()}/",
                note="A folder that holds the CSVs of one or several runs, or files with a blank between them",
            )
        )
        if typed and typed.strip():
            await self.open_paths(_paths(typed))

    async def open_paths(self, paths: Sequence[Path], *, asked_epochs: int | None = None) -> None:
        """Show the curves in local files, of several runs over each other."""
        try:
            found = await self.services.losses.runs_of_files(paths, asked_epochs=asked_epochs)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        for curves in found[:MOST]:
            key = "file:" + "|".join(curves.sources)
            shown = (self._runs.pin if len(found) > 1 else self._runs.show)(key, curves.name)
            shown.curves = curves
        if len(found) > 1:
            self._runs.at = 0
        if len(found) > MOST:
            self.say(f"The first {MOST} of {len(found)} runs are shown", "problem")
        self._view.reset()
        self._draw()

    # The view

    def action_epoch(self, step: int) -> None:
        """Move the cursor by an epoch."""
        self._view.move_epoch(self._runs, step)
        self._draw()

    def action_step(self, step: int) -> None:
        """Move the cursor by a single step."""
        self._view.move_step(self._runs, step)
        self._draw()

    def action_steps(self) -> None:
        """Show or hide the losses of single steps."""
        self._view.steps = not self._view.steps
        self._draw()

    def action_smooth(self) -> None:
        """The next smoothing of the steps, then none."""
        weights = [None, *SMOOTHINGS]
        self._view.smooth = weights[(weights.index(self._view.smooth) + 1) % len(weights)]
        self._draw()

    def action_log(self) -> None:
        """Switch between linear and logarithmic scale."""
        self._view.log = not self._view.log
        self._draw()

    def action_ascii(self) -> None:
        """Draw with plain characters, for fonts that lack blocks and braille."""
        self._view.ascii = not self._view.ascii
        self._draw()

    def action_which(self) -> None:
        """Both curves, validation alone, training alone."""
        self._view.turn_which(len(self._runs.visible))
        self._draw()

    def action_zoom(self, by: int) -> None:
        """Closer to the cursor, further away, or all."""
        self._view.zoom_by(self._runs, by)
        self._draw()

    def action_table(self) -> None:
        """Switch between chart and table."""
        self._view.table = not self._view.table
        self._draw()

    def action_pin(self) -> None:
        """Keep the current run beside others, or let it go."""
        self._runs.toggle_pin()
        self._draw()

    def action_run(self, by: int) -> None:
        """Make another of the shown runs current."""
        self._runs.step(by)
        self._draw()

    def action_hide(self) -> None:
        """Hide the current run, or show it again."""
        self._runs.toggle_hidden()
        self._draw()

    def action_move(self, by: int) -> None:
        """Move the current run in the order; the first is what others are compared with."""
        self._runs.move(by)
        self._compare()
        self._draw()

    def action_turn(self) -> None:
        """The next validator, or the next column of a file without losses."""
        run = self._runs.current
        if run is not None and run.curves is not None:
            run.curves = run.curves.turned()
            self._draw()

    def _draw(self) -> None:
        if not self.query(LossView):
            return
        self.query_one(LossView).show(self._runs, self._view, self._waiting())

    def _waiting(self) -> str:
        """What to say instead of curves that are not there."""
        current = self._runs.current
        if current is None:
            return "No run chosen. enter chooses one, o opens CSV files."
        run = self.board.run(current.key)
        if current.problem:
            return f"{current.name}: {current.problem}"
        if run is None or run.job is None:
            return f"{current.name}: nothing is known of it yet."
        if run.job.moving:
            return f"{run.name}: {run.job.phase_text()}; metrics appear here once written."
        if run.job.status != "Completed":
            return f"{run.name}: {run.job.status}; no metrics were written."
        return f"{run.name}: looking for its metrics in S3 …"

    # Out of here

    def action_copy(self) -> None:
        """Send the verdict to the terminal's clipboard."""
        report = self._runs.current.report if self._runs.current else None
        if report is not None:
            self._copy(f"{report.curves.name}: {report.verdict.text}", "The verdict")

    def action_copy_table(self) -> None:
        """Send the table to the terminal's clipboard, with tabs between its cells."""
        reports = self._runs.reports
        if len(reports) > 1:
            self._copy(tabbed([("", *(r.curves.name for r in reports)), *compare_rows(reports)]), "The comparison")
        elif reports:
            self._copy(tabbed([epoch_head(reports[0].curves), *epoch_rows(reports[0].curves)]), "The table")

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(safe(text))
        self.say(f"{what} was sent to the terminal's clipboard; x writes it to a file", "good")

    @work(group="export", exclusive=True)
    async def action_export(self) -> None:
        """Write numbers, a summary or a picture."""
        reports = self._runs.reports
        if not reports:
            self.say("There is nothing to export yet", "problem")
            return
        drawn = "" if plots_installed() else f" — first: {INSTALL}"
        choices = [
            Choice(kind, str(kind), text + (drawn if kind in (ExportKind.SVG, ExportKind.PNG) else ""))
            for kind, text in _KINDS.items()
        ]
        chosen = await self.app.push_screen_wait(ChoiceDialog("Export as", choices))
        if chosen is None:
            return
        kind = ExportKind(chosen)
        offered = await self.services.pool.run(free_path, Path.cwd(), reports, kind)
        typed = await self.app.push_screen_wait(PathDialog("Write to", value=str(offered)))
        if not typed or not typed.strip():
            return
        await self.attempt(self._write(reports, kind, _path(typed)))

    async def _write(self, reports: Sequence[LossRun], kind: ExportKind, path: Path) -> None:
        self.say(f"Writing {path.name} …")
        try:
            await export(self.services.pool, reports, kind, path)
        except AppError as error:
            if error.cause is not Cause.CONFLICT:
                raise
            body = f"{safe_line(str(path), 300)} is there already and would be replaced."
            if not await self.app.push_screen_wait(ConfirmDialog("Replace this file?", body, yes="Replace it")):
                self.say("Nothing was written")
                return
            await export(self.services.pool, reports, kind, path, overwrite=True)
        self.say(f"Written: {path}", "good")


def _path(typed: str) -> Path:
    return Path(os.path.expanduser(typed.strip()))


def _paths(typed: str) -> list[Path]:
    """One path with blanks in it, if there is such a one; else several."""
    whole = os.path.expanduser(typed.strip())
    if os.path.exists(whole):
        return [Path(whole)]
    return [Path(os.path.expanduser(part)) for part in typed.split()]
