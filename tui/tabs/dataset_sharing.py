"""What the Dataset tab gives to the others and takes from them: its files, questions to ask, pairs to train on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from tui.domain.dataset.drafts import OpenFiles, OpenPairs
from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.pairs import Damaged, Role
from tui.tabs.dataset_editing import EditedFile
from tui.tabs.dataset_moving import MovingTab

if TYPE_CHECKING:
    from tui.domain.dataset.drafts import HeldOut, PairDraft, Probe
    from tui.domain.files.document import Document, Step


class SharingTab(MovingTab, part=True):
    """A tab whose files the other tabs know."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "ask_pair", "Ask this question in Chat", show=False, id="dataset.ask"),
    ]

    _told: Sequence[tuple[Any, ...]] = ()

    @property
    def place(self) -> str:
        """What rows of the store belong to."""
        return self.services.place(self.identity)

    def show_file(self, *, keep_cursor: bool = True) -> None:
        super().show_file(keep_cursor=keep_cursor)
        self.tell_files()

    def check(self, at: int, *, edited: bool = False) -> None:
        super().check(at, edited=edited)
        self.tell_files()

    def tell_files(self) -> None:
        """Let the others know what is open now, if that has changed."""
        told = [(f.file, f.file.path, f.role) for f in self.files]
        if told != self._told:
            self._told = told
            self.post_message(self.FilesChanged(self.shared_files))

    @property
    def shared_files(self) -> OpenFiles:
        """The open files as the others see them."""
        return tuple(OpenPairs(f.file, f.role) for f in self.files)

    def action_ask_pair(self) -> None:
        """Ask both sides of Chat the question under the cursor; its answer is the reference."""
        if self._here is None:
            return
        opened, index = self._here
        record = opened.file[index]
        if isinstance(record, Damaged) or not record.question.strip():
            self.say("It cannot be read as a pair, so it cannot be asked", "problem")
            return
        self.post_message(self.QuestionRequested(_probe(record, f"{opened.name}, pair {index + 1}")))

    async def add_draft(self, draft: PairDraft) -> str:
        """Add a pair to the end of the training file as one action that `u` takes back; gives its place in words.

        Raises AppError when no training file is open, the question is held out, or the file cannot hold the pair.
        """
        from tui.domain.dataset.drafts import held_out
        from tui.domain.files.record_text import holds_turns

        found = await self.services.pool.run(held_out, draft.question, self.shared_files)
        opened = self._training_file(found)
        extra: dict[str, Any] = {}

        def make(document: Document) -> Step:
            nonlocal extra
            record = _record(draft, whole=holds_turns(document.now.layout))
            extra = {"provenance": draft.provenance.to_dict()} if document.holds_extra else {}
            return document.add(len(document.now), record, extra)

        try:
            step = await self.services.documents.do(opened.source, make)
        except FormatError as error:
            raise AppError(Cause.FILE, f"{opened.name} cannot hold this pair", str(error)) from None
        place = f"pair {step.place + 1} of {opened.name}"
        self._edited(opened, step, f"Added as {place} (u in Dataset takes it back)")
        if not extra:
            await self._remember(opened, draft)
        return place

    def _training_file(self, found: HeldOut | None) -> EditedFile:
        if found is not None:
            raise AppError(Cause.FILE, found.sentence, "", "Ask it otherwise, or take it out of that file first")
        shown = [self.opened] if self.opened else []
        opened = next((f for f in (*shown, *self.files) if f.role is Role.TRAIN), None)
        if opened is None:
            raise AppError(Cause.FILE, "No training file is open", "", "Open one in 1 Dataset (o)")
        return opened

    async def _remember(self, opened: EditedFile, draft: PairDraft) -> None:
        """Where a pair comes from, for files whose format has no room for it."""
        from tui.services.dataset.provenance import Origins

        await Origins(self.services.store, self.services.pool).add(self.place, opened.file.path, draft)


def _record(draft: PairDraft, *, whole: bool) -> Record:
    """The draft as a record, with the turns before it where they can be held."""
    from tui.domain.chat.chat import Message

    before = draft.before if whole else ()
    turns = (*before, Message("user", draft.question), Message("assistant", draft.answer))
    return Record(tuple(Turn(m.role, m.text) for m in turns), draft.system)


def _probe(record: Record, origin: str) -> Probe:
    """The last question of a record, with the turns before it."""
    from tui.domain.chat.chat import Message
    from tui.domain.dataset.drafts import Probe

    turns = list(record.turns)
    while len(turns) > 1 and turns[-1].role == "assistant":
        turns.pop()
    before = tuple(Message(t.role, t.text) for t in turns[:-1])
    return Probe(turns[-1].text, record.answer, before, record.system, origin)
