"""What both sides of the Chat tab are asked with: system prompt, parameters, and presets of both."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.text import LineDialog
from tui.domain.base_models import DataFormat
from tui.domain.chat.conversation import Preset
from tui.domain.dataset.drafts import OpenFiles
from tui.domain.errors import AppError
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Role
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.tabs.base import Actions
from tui.tabs.chat_base import parse_parameters, written_parameters

if TYPE_CHECKING:
    from tui.tabs.chat import ChatTab

_SAMPLE = 2_000
"""Records that are looked at for the system prompt of a file."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A system prompt and where it comes from."""

    name: str
    text: str


class Settings(Actions):
    """The system prompt of the training data is what a tuned model should be asked with."""

    tab: ChatTab

    _own_system = False

    async def recall_system(self) -> None:
        """Take the system prompt that who answers was tuned with, else that of the last upload, unless one was written.

        Not while names are hidden: a warning that comes or goes would tell which side is tuned.
        """
        if not self.tab.identity.account or self.tab.masked:
            return
        place = self.tab.place
        try:
            self.tab.tuned_with = await self._tuned_with(place)
            if not self._own_system:
                remembered = await self.services.recall(place, "system_prompt", self.tab.system_prompt)
                self.tab.system_prompt = remembered if self.tab.tuned_with is None else self.tab.tuned_with
        except AppError as error:
            self.tab.say(error.sentence(), "problem")
        self.tab.show_line()

    async def _tuned_with(self, place: str) -> str | None:
        """The system prompt of the data that the tuned side was trained on; None when nobody can tell.

        A blind round may have left the tuned model on side B.
        """
        targets = [pane.target for pane in self.tab.panes if pane.target is not None]
        target = next((t for t in targets if t.tuned), None)
        runs = (r for r in self.tab.board.runs if target and any(e.arn == target.model_id for e in r.endpoints))
        run = next(runs, None)
        if run is None or run.job is None or not run.job.training_uri:
            return None
        if run.base_model is not None and run.base_model.data_format is DataFormat.PROMPT_COMPLETION:
            return None  # there it is a part of the questions
        return await self.services.run_data.system_prompt(place, run.job)

    async def write_system_prompt(self) -> None:
        """Write the system prompt of both sides, or take a known one."""
        from tui.dialogs.system import SystemDialog

        known = await self._known()
        note = "For both sides; empty for none."
        if self.tab.tuned_with is not None:
            note += " A tuned model answers best with the system prompt that it was tuned with."
        rows = [(one.name, one.text) for one in known]
        now = self.tab.system_prompt
        text = await self.tab.ask(
            SystemDialog("System prompt", value=now, note=note, known=rows, kept_as="chat system")
        )
        if text is not None:
            self.tab.system_prompt, self._own_system = text, True
            self.tab.show_line()

    async def _known(self) -> list[_Known]:
        """System prompts that were met, that of the training data first."""
        found = [] if self.tab.tuned_with is None else [_Known("what the model was tuned with", self.tab.tuned_with)]
        found += await self.services.pool.run(_in_files, self.tab.files)
        found.append(_Known("settings", self.services.settings.system_prompt))
        try:
            remembered = await self.services.recall(self.tab.place, "system_prompt")
            found += [_Known("last upload", remembered)] if remembered else []
            found += [_Known(safe_line(p.name, 40), p.system) for p in await self.services.presets.all()]
        except AppError as error:
            self.tab.say(error.sentence(), "problem")
        texts: dict[str, _Known] = {}
        for one in found:
            texts.setdefault(one.text, one)
        return list(texts.values())

    async def set_parameters(self) -> None:
        """Set tokens, temperature and top_p of both sides."""
        typed = await self.tab.ask(
            LineDialog(
                "Parameters of both sides",
                value=written_parameters(self.tab.parameters),
                note="max=1…4096, t=0…1, top_p=0…1; leave t and top_p out for the model's own",
                problem=lambda text: "" if parse_parameters(text) else "like max=512 t=0.1 top_p=0.9",
            )
        )
        parsed = parse_parameters(typed) if typed else None
        if parsed is not None:
            self.tab.parameters = parsed
            self.tab.show_line()

    # Presets

    async def choose_preset(self) -> None:
        """Use a preset, keep one, or drop one. Raises AppError."""
        presets = await self.services.presets.all()
        rows = [
            Choice(
                f"use {n}", safe_line(p.name, 40), f"{p.parameters.text} · {safe_line(p.system, 120) or 'no system'}"
            )
            for n, p in enumerate(presets)
        ]
        rows.append(Choice("save", "keep this …", "the system prompt and parameters of now, under a name"))
        rows += [Choice("drop", "drop one …")] if presets else []
        chosen = await self.tab.ask(ChoiceDialog("Presets", rows))
        if chosen == "save":
            await self._save_preset()
        elif chosen == "drop":
            await self._drop_preset(presets)
        elif chosen is not None:
            preset = presets[int(chosen.split()[1])]
            self.tab.system_prompt, self.tab.parameters, self._own_system = preset.system, preset.parameters, True
            self.tab.show_line()
            self.tab.say(f"Both sides are asked with {safe_line(preset.name, 60)}", "good")

    async def _save_preset(self) -> None:
        name = await self.tab.ask(
            LineDialog(
                "A name for this preset",
                note="An equal name is replaced.",
                problem=lambda text: "" if 0 < len(text.strip()) <= 60 else "1 to 60 characters",
            )
        )
        if name:
            await self.services.presets.save(Preset(name.strip(), self.tab.system_prompt, self.tab.parameters))
            self.tab.say(f"{safe_line(name, 60)} is kept", "good")

    async def _drop_preset(self, presets: list[Preset]) -> None:
        rows = [Choice(str(n), safe_line(p.name, 40), safe_line(p.system, 120)) for n, p in enumerate(presets)]
        chosen = await self.tab.ask(ChoiceDialog("Drop which preset?", rows))
        if chosen is not None:
            await self.services.presets.delete(presets[int(chosen)].name)
            self.tab.say(f"{safe_line(presets[int(chosen)].name, 60)} is gone")


def _in_files(files: OpenFiles) -> list[_Known]:
    """The most frequent system prompt of each open file, training files first."""
    found = []
    for opened in sorted(files, key=lambda f: f.role is not Role.TRAIN):
        systems = Counter(r.system for r in islice(opened.pairs, _SAMPLE) if isinstance(r, Record) and r.system)
        found += [_Known(opened.name, text) for text, _ in systems.most_common(1)]
    return found
