"""What the Dataset tab's files are for and become: the base model, and files in its format or another program's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.domain.base_models import CATALOGUE, BaseModel
from tui.domain.errors import AppError, Cause
from tui.domain.text import count, safe_line
from tui.tabs.base import Actions
from tui.tabs.dataset_base import with_edits

if TYPE_CHECKING:
    from tui.dialogs.export import ExportForm
    from tui.domain.files.exporting import Export
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile


class Converting(Actions):
    """Chooses what files are converted for, and writes them."""

    tab: DatasetTab

    _export: Export | None = None
    """How a file was exported last."""

    async def choose_base_model(self) -> None:
        """Choose the base model that files are checked and converted for."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        live = await self._lifecycles()
        choices = [Choice(m.key, m.name, _told_of(m, live.get(m.runtime_id, ""))) for m in CATALOGUE]
        note = "" if live else "AWS was not asked: whether a model can be fine-tuned now is not known."
        chosen = await self.tab.ask(ChoiceDialog("Base model", choices, chosen=self.tab.model.key, note=note))
        if chosen is not None:
            self.tab.post_message(self.tab.BaseModelChosen(chosen))

    async def _lifecycles(self) -> dict[str, str]:
        if not self.tab.identity.known:
            return {}
        try:
            models = await self.services.catalog.foundation_models()
        except AppError as error:
            self.tab.say(error.sentence(), "problem")
            return {}
        listed = {m.model_id: m.lifecycle_text(self.services.now()) for m in models}
        return {m.runtime_id: listed.get(m.runtime_id, f"not listed in {self.tab.identity.region}") for m in CATALOGUE}

    def convert(self) -> None:
        """Write the file in the base model's format, or for other programs."""
        from tui.dialogs.export import ExportForm
        from tui.domain.files.exporting import Export

        if self.tab.opened is None or not len(self.tab.opened.file):
            self.tab.say("Open a file first (o)", "problem")
            return
        self._ask_export(
            self.tab.opened, ExportForm(replace(self._export or Export(), system=self.tab.system_of(self.tab.opened)))
        )

    def _ask_export(self, opened: EditedFile, form: ExportForm) -> None:
        from tui.dialogs.export import ExportDialog
        from tui.services.dataset.datasets import problems_summary

        index = self.tab.here[1] if self.tab.here and self.tab.here[0].source is opened.source else 0
        problems = [problems_summary(opened.problems)] if opened.problems else []
        edits = with_edits([opened]).strip()
        dialog = ExportDialog(
            f"Convert {opened.name} for {self.tab.model.name}, or export it",
            form,
            opened.file.path,
            (index, opened.file[index]),
            self.tab.model,
            [*problems, *([edits] if edits else [])],
        )

        def accepted(filled: ExportForm | None) -> None:
            if filled is None:
                self.tab.say("Nothing was written")
            else:
                self._export = filled.export
                self.tab.run_worker(self._begin(opened, filled), group="ask")

        self.tab.app.push_screen(dialog, accepted)

    async def _begin(self, opened: EditedFile, form: ExportForm) -> None:
        from tui.domain.folders import typed_path

        try:
            await self._write(opened, typed_path(form.path), form.export)
        except AppError as error:
            self._ask_export(opened, replace(form, problem=error.sentence()))

    async def _write(self, opened: EditedFile, target: Path, export: Export) -> None:
        places = await self.services.pool.run(_real_paths, [target, *(f.file.path for f in self.tab.files)])
        held = next((f for f, place in zip(self.tab.files, places[1:], strict=True) if place == places[0]), None)
        if held is not None:
            what = "That is the file itself" if held.source is opened.source else f"{held.name} is open here"
            raise AppError(Cause.FILE, what, hint="Choose another name")
        if await self.services.datasets.is_there(target) and not await self._may_replace(target):
            self.tab.say("Nothing was written")
            return
        self.tab.say(f"Writing {safe_line(target.name, 60)} …")
        made = await self.services.datasets.convert(opened.file, self.tab.model, opened.role, export)
        await self.services.datasets.write(made, target)
        left = f"; left out: {', '.join(made.left_out[:5])}" if made.left_out else ""
        self.tab.say(f"{count(made.records, 'record')} written to {target}{left}", "good")

    async def _may_replace(self, target: Path) -> bool:
        from tui.dialogs.confirm import ConfirmDialog

        body = f"{safe_line(str(target), 300)} is there already; what it holds would be gone."
        agreed = await self.tab.ask(ConfirmDialog("Replace this file?", body, yes="Replace it"))
        return agreed is True


def _real_paths(paths: Sequence[Path]) -> list[str]:
    """Where paths lead, so that a file is known by whichever of its names. Touches the disk."""
    return [os.path.realpath(path) for path in paths]


def _told_of(model: BaseModel, lifecycle: str) -> str:
    """What decides whether it can be taken comes first: what follows may be cut off."""
    (low, high), (fewest, _) = model.limits.training_records, model.limits.total_records
    low = max(low, fewest)
    return " · ".join(p for p in (model.regions[0], f"{low:,}–{high:,} pairs", lifecycle, model.data_format) if p)
