"""Loss: verdict, tables, numbers and pictures taken out of the app."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import work

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.text import PathDialog
from tui.domain.errors import AppError, Cause
from tui.domain.folders import typed_path
from tui.domain.loss.report import LossRun, compare_rows, epoch_head, epoch_rows
from tui.domain.text import safe, safe_line
from tui.services.loss.export import INSTALL, ExportKind, export, free_path, plots_installed
from tui.tabs.loss_runs import LossRunsTab
from tui.widgets.loss_lines import tabbed

_KINDS = {
    ExportKind.CSV: "means of every epoch",
    ExportKind.MARKDOWN: "summary in Markdown",
    ExportKind.SVG: "picture, scalable",
    ExportKind.PNG: "picture, 200 dpi",
}


class LossExportTab(LossRunsTab, part=True):
    """A tab whose curves can be copied and written to files."""

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
        chosen = await self.put(ChoiceDialog("Export as", choices))
        if chosen is None:
            return
        kind = ExportKind(chosen)
        offered = await self.services.pool.run(free_path, Path.cwd(), reports, kind)
        typed = await self.put(PathDialog("Write to", value=str(offered)))
        if not typed or not typed.strip():
            return
        await self.attempt(self._write(reports, kind, typed_path(typed)))

    async def _write(self, reports: Sequence[LossRun], kind: ExportKind, path: Path) -> None:
        self.say(f"Writing {path.name} …")
        try:
            await export(self.services.pool, reports, kind, path)
        except AppError as error:
            if error.cause is not Cause.CONFLICT:
                raise
            body = f"{safe_line(str(path), 300)} is there already and would be replaced."
            if not await self.put(ConfirmDialog("Replace this file?", body, yes="Replace it")):
                self.say("Nothing was written")
                return
            await export(self.services.pool, reports, kind, path, overwrite=True)
        self.say(f"Written: {path}", "good")
