"""Evaluations as files: reports and predictions written, predictions of others read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from textual import work

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.predictions import Paths, PredictionsDialog
from tui.dialogs.text import PathDialog
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.files import Export, export
from tui.domain.evaluation.predictions import import_jsonl, import_predictions
from tui.domain.evaluation.results import Results
from tui.domain.folders import typed_path
from tui.domain.names import plain, stamped
from tui.domain.text import count, safe_line
from tui.screens.evaluation_base import EvaluationBase
from tui.services.dataset.datasets import read_file, write_atomically
from tui.tabs.base import working_folder


class FilesPart(EvaluationBase):
    """What goes out to files and comes in from them."""

    def action_export(self) -> None:
        """Write the evaluation as files."""
        if self.needs_results() is not None:
            self._begin_export()

    @work(group="files", exclusive=True)
    async def _begin_export(self) -> None:
        await self.attempt(self._export())

    async def _export(self) -> None:
        results = self.results
        assert results is not None
        chosen = await self.ask(ChoiceDialog("Export as", [Choice(kind.name, kind.value) for kind in Export]))
        if chosen is None:
            return
        folder = await self.ask(PathDialog("Write into which folder?", value=working_folder()))
        if not folder or not folder.strip():
            return
        judge_id = self.judge.id if self.judge else ""
        pool = self.services.pool
        files = await pool.run(_exported, results, judge_id, Export[chosen], self.leaked)
        place = typed_path(folder)
        there = await pool.run(_present, place, files)
        if there:
            body = f"{', '.join(there)} in {safe_line(str(place), 200)} would be replaced."
            if not await self.ask(ConfirmDialog("Replace these files?", body, yes="Replace them")):
                self.say("Nothing was written")
                return
        await pool.run(_write, place, files)
        self.say(f"Written: {', '.join(str(place / name) for name in files)}", "good")

    def action_import(self) -> None:
        """Read predictions that others made, to be judged here without asking a model again."""
        self._import()

    @work(group="files", exclusive=True)
    async def _import(self) -> None:
        paths, problem = None, ""
        while True:
            paths = await self.ask(PredictionsDialog(paths or Paths(working_folder(), "", ""), problem))
            if paths is None:
                return
            try:
                await self._read(paths)
            except AppError as error:
                problem = error.sentence()
            else:
                return

    async def _read(self, paths: Paths) -> None:
        pool, place, now = self.services.pool, self.place, self.services.now()
        tuned, base = [(path, await pool.run(_bytes, path)) for path in (paths.tuned_path, paths.base_path)]
        source = paths.references_path
        if source is None:
            found, source = await pool.run(import_jsonl, tuned, base, now), paths.tuned_path
        else:
            references = (source, await pool.run(_bytes, source))
            found = await pool.run(import_predictions, references, tuned, base, now)
        spec = found.spec(stamped(plain(source.stem, "evaluation"), now), source.name)
        made = await self.services.evaluations.create(place, spec, found.answers)
        await self.load(made.id)
        note = f"; {found.notes[0]}" if found.notes else ""
        self.say(f"{count(len(found.answers), 'answer')} are stored{note}. J judges them", "good")


def _exported(results: Results, judge_id: str, kind: Export, leaked: Collection[int]) -> dict[str, str]:
    return export(results, judge_id, kind, leaked=leaked)


def _bytes(path: Path) -> bytes:
    return read_file(path)[0]


def _present(folder: Path, files: Mapping[str, str]) -> list[str]:
    if not folder.is_dir():
        raise AppError(Cause.NOT_FOUND, "There is no such folder", safe_line(str(folder), 200))
    return [name for name in files if (folder / name).exists()]


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        for name, text in files.items():
            write_atomically(folder / name, text.encode("utf-8", "replace"))
    except OSError as error:
        raise AppError(Cause.FILE, "The export could not be written", error.strerror or "", str(folder)) from error
