"""What the Dataset tab gives to the others and takes from them: questions to ask, pairs to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.pairs import Damaged, Role
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.domain.dataset.drafts import HeldOut, PairDraft, Probe
    from tui.domain.files.document import Document, Step
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile


class Sharing(Actions):
    """Questions go to Chat, drafts come from there and from Evaluation."""

    tab: DatasetTab

    def ask_in_chat(self) -> None:
        """Ask both sides of Chat the question under the cursor; its answer is the reference."""
        if self.tab.here is None:
            return
        opened, index = self.tab.here
        record = opened.file[index]
        if isinstance(record, Damaged) or not record.question.strip():
            self.tab.say("It cannot be read as a pair, so it cannot be asked", "problem")
            return
        self.tab.post_message(self.tab.QuestionRequested(_probe(record, f"{opened.name}, pair {index + 1}")))

    async def add_draft(self, draft: PairDraft) -> str:
        """Add a pair to the end of the training file as one action that `u` takes back; gives its place in words.

        Raises AppError when no training file is open, the question is held out, or the file cannot hold the pair.
        """
        from tui.domain.dataset.drafts import held_out
        from tui.domain.files.record_text import holds_turns

        found = await self.services.pool.run(held_out, draft.question, self.tab.shared_files)
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
        self.tab.edited(opened, step, f"Added as {place} (u in Dataset takes it back)")
        if not extra:
            await self.remember_origin(opened, draft)
        return place

    def _training_file(self, found: HeldOut | None) -> EditedFile:
        if found is not None:
            raise AppError(Cause.FILE, found.sentence, "", "Ask it otherwise, or take it out of that file first")
        shown = [self.tab.opened] if self.tab.opened else []
        opened = next((f for f in (*shown, *self.tab.files) if f.role is Role.TRAIN), None)
        if opened is None:
            raise AppError(Cause.FILE, "No training file is open", "", "Open one in 1 Dataset (o)")
        return opened

    async def remember_origin(self, opened: EditedFile, draft: PairDraft) -> None:
        """Where a pair comes from, for files whose format has no room for it."""
        from tui.services.dataset.provenance import Origins

        await Origins(self.services.store, self.services.pool).add(self.tab.place, opened.file.path, draft)


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
