"""Loss: the runs whose curves are shown, from AWS and from local files, and how their data compare."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from textual import work
from textual.reactive import reactive

from tui.dialogs.choice import Choice
from tui.dialogs.runs import RunsDialog
from tui.dialogs.text import PathDialog
from tui.domain.errors import AppError
from tui.domain.folders import typed_path
from tui.domain.identity import Identity
from tui.domain.training.runs import Board
from tui.services.loss.losses import Look
from tui.services.session import Services
from tui.tabs.base import Tab
from tui.tabs.loss_files import FollowedFiles
from tui.widgets.cells import plain_terminal
from tui.widgets.loss_runs import MOST, Shown, ShownRuns
from tui.widgets.loss_view import LossView, View


class LossRunsTab(Tab, part=True):
    """A tab that shows the curves of one run, or of several over each other."""

    board: reactive[Board] = reactive(Board(), repaint=False)
    identity: reactive[Identity] = reactive(Identity(), repaint=False)

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._runs = ShownRuns()
        self._view = View(ascii=plain_terminal())
        self._files = FollowedFiles(self, self._runs, self._draw)

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

    def _show_newest(self) -> None:
        """The newest run that has losses, while nothing else was asked for."""
        newest = next((r for r in self.board.runs if r.job and r.job.status == "Completed"), None)
        newest = newest or next((r for r in self.board.runs if r.job), None)
        if newest is not None and not self._runs.all:
            self.show_run(newest.key)

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
        chosen = await self.put(dialog)
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
        from tui.services.evaluation.scores import scores_of_jobs

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
        typed = await self.put(
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
        keys = ["file:" + "|".join(curves.sources) for curves in found[:MOST]]
        for key, curves in zip(keys, found, strict=False):
            shown = (self._runs.pin if len(found) > 1 else self._runs.show)(key, curves.name)
            shown.curves, shown.kept_from, shown.problem = curves, None, ""
        if len(found) > 1:
            self._runs.at = 0
        if len(found) > MOST:
            self.say(f"The first {MOST} of {len(found)} runs are shown", "problem")
        self._view.reset()
        self._draw()
        self._files.begin(paths, asked_epochs, keys)


def _paths(typed: str) -> list[Path]:
    """One path with blanks in it, if there is such a one; else several."""
    whole = typed_path(typed)
    return [whole] if os.path.exists(whole) else [typed_path(part) for part in typed.split()]
