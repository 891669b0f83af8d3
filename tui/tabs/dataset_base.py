"""What everything in the Dataset tab goes by: the open files, which of them is shown, and the base model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING

from textual.reactive import reactive

from tui.domain.base_models import CATALOGUE, BaseModel, find
from tui.domain.dataset.drafts import OpenFiles, OpenPairs
from tui.domain.identity import Identity
from tui.domain.settings import DEFAULT_SYSTEM, SHIPPED_SYSTEM
from tui.domain.values import dataclass
from tui.tabs.base import Tab
from tui.widgets.pair_rows import OpenFile, PairRows
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.services.dataset.documents import OpenDocument


@dataclass(frozen=True, slots=True)
class EditedFile(OpenFile):
    """A file that is open for editing; `file` is what it holds now."""

    source: OpenDocument = field(kw_only=True)
    system: str | None = field(default=None, kw_only=True)
    """The system prompt set for this file alone; None when it goes with the one for all."""

    @property
    def dirty(self) -> bool:
        """Whether the file on disk holds something else."""
        return self.source.document.dirty


class DatasetBase(Tab, part=True):
    """A tab with files of pairs."""

    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    base_model_key: reactive[str] = reactive("", repaint=False)

    files: list[EditedFile]
    current: int
    """Which of the files is shown."""
    rows: PairRows | None
    """What the list shows of it."""
    system_for_all: str | None = None
    """A system prompt that was set for all files, also those that had others."""
    _is_shown = False
    """Whether it was told that the first frame can be painted."""

    @property
    def model(self) -> BaseModel:
        """The base model that files are checked and converted for."""
        return find(self.base_model_key) or CATALOGUE[0]

    @property
    def place(self) -> str:
        """What rows of the store belong to."""
        return self.services.place(self.identity)

    @property
    def opened(self) -> EditedFile | None:
        """The file that is shown."""
        return self.files[self.current] if self.files else None

    @property
    def here(self) -> tuple[EditedFile, int] | None:
        """The file shown and the record under the cursor."""
        if self.opened is None or self.rows is None or not len(self.rows):
            return None
        return self.opened, self.rows.index(self.query_one("#pairs", VirtualTable).cursor)

    @property
    def shared_files(self) -> OpenFiles:
        """The open files as the other tabs see them."""
        return tuple(OpenPairs(f.file, f.role) for f in self.files)

    def system_of(self, opened: EditedFile) -> str:
        """The system prompt that records of a file get which have none of their own."""
        if opened.system is not None:
            return opened.system
        shipped = self.system_for_all is None and opened.file.path.parent == self.services.paths.pairs
        return SHIPPED_SYSTEM if shipped and self.system_prompt == DEFAULT_SYSTEM else self.system_prompt

    @property
    def system_prompt(self) -> str:
        """What files get that have none of their own: as it was set for all of them, else as in the settings."""
        return self.services.settings.system_prompt if self.system_for_all is None else self.system_for_all

    # The first frame

    @cached_property
    def painted(self) -> asyncio.Event:
        """Set once the first rows are on the screen: what can wait for them does, since it would only delay them."""
        return asyncio.Event()

    def first_shown(self) -> None:
        """What the app was started for is ready to be painted, known to be missing, or in need of an answer."""
        if not self._is_shown:
            self._is_shown = True
            # The tab's own `call_after_refresh` does not wait for a frame while painting is held back.
            self.post_message(self.FirstShown(self.painted.set))


def with_edits(files: Sequence[EditedFile]) -> str:
    """Says which of the files go with edits that are not in the files on disk."""
    names = [f.name for f in files if f.dirty]
    return f"With the unsaved edits of {', '.join(names)}. " if names else ""
