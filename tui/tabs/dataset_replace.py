"""Text replaced in many pairs of the Dataset tab at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.domain.errors import AppError
from tui.domain.files.formats import FormatError
from tui.domain.text import count
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.domain.dataset.replacing import Plan, Replacement
    from tui.services.dataset.replacing import Replacing as Service
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile


class Replacing(Actions):
    """Replaces in the marked pairs, else in those that the filter leaves, else in all."""

    tab: DatasetTab

    _replaced: Replacement | None = None
    _looks = 0

    def replace(self) -> None:
        """Ask what to replace by what, show the first changes, then do it as one step."""
        from tui.dialogs.replace import ReplaceDialog
        from tui.domain.dataset.replacing import Replacement
        from tui.services.dataset.replacing import Replacing as Service

        opened = self.tab.opened
        if opened is None:
            self.tab.say("Open a file first (o)", "problem")
            return
        replacing = Service(self.services.pool, self.services.documents)
        indices, words = self._scope(opened)

        async def look(what: Replacement) -> Plan | None:
            self._replaced = what
            self._looks += 1
            number = self._looks
            plan = await replacing.plan(opened.file, indices, what, lambda: number != self._looks)
            return plan if number == self._looks else None

        def accepted(plan: Plan | None) -> None:
            self._looks += 1
            if plan is not None:
                self.tab.run_worker(self._make(replacing, opened, plan), group="replace")

        what = self._replaced or Replacement("", "")
        self.tab.app.push_screen(ReplaceDialog(words, what, look), accepted)

    def _scope(self, opened: EditedFile) -> tuple[list[int] | None, str]:
        """In which records, and in words."""
        chosen = self.tab.chosen
        if chosen:
            return chosen, f"the {count(len(chosen), 'marked pair')} of {opened.name}"
        filtered = self.tab.filtered
        if filtered is not None:
            return filtered, f"the {count(len(filtered), 'pair')} of {opened.name} that the filter leaves"
        return None, f"all {count(len(opened.file), 'pair')} of {opened.name}"

    async def _make(self, replacing: Service, opened: EditedFile, plan: Plan) -> None:
        self.tab.say(f"Replacing in {count(len(plan.changes), 'pair')} …")
        try:
            step = await replacing.carry_out(opened.source, plan)
        except (AppError, FormatError) as error:
            reason = error.sentence() if isinstance(error, AppError) else f"Nothing was replaced: {error}"
            self.tab.say(reason, "problem")
            return
        now = next((f for f in self.tab.files if f.source is opened.source), None)
        if now is None:
            return
        left = len(plan.changes) - len(step.splices)
        rest = f"; {count(left, 'pair')} had been changed meanwhile" if left else ""
        self.tab.edited(now, step, f"Replaced in {plan.size}{rest} (u undoes it)")
