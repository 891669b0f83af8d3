"""Written pairs, one by one: accepted, edited or rejected, and taken into a file. What is undecided waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content

from tui.domain.base_models import BaseModel
from tui.domain.dataset.drafts import OpenFiles
from tui.domain.dataset.generation import Batch, Draft, Verdict
from tui.domain.dataset.grams import Alike
from tui.domain.errors import AppError
from tui.domain.files.formats import Record
from tui.domain.folders import typed_path
from tui.domain.text import count, safe_line
from tui.services.session import Services
from tui.tabs.base import working_folder
from tui.tabs.dataset import DatasetTab
from tui.widgets.draft_rows import DRAFT_COLUMNS, DraftRows, draft_text
from tui.widgets.frame import KeyLine, StatusLine
from tui.widgets.sparing import SparingScreen
from tui.widgets.text_pane import Line, TextPane
from tui.widgets.virtual_table import VirtualTable

_FILTERS: tuple[tuple[str, frozenset[Verdict]], ...] = (
    ("all", frozenset({Verdict.OPEN, Verdict.ACCEPTED, Verdict.REJECTED})),
    ("undecided", frozenset({Verdict.OPEN})),
    ("accepted", frozenset({Verdict.ACCEPTED})),
    ("rejected", frozenset({Verdict.REJECTED})),
)
_NEW_FILE = "\0new"

Add = Callable[[Batch, Sequence[Draft], Path], Awaitable[str]]
Target = tuple[Path, str, str]
"""An open file, what it is called, and what it is for."""


class ReviewScreen(SparingScreen[None]):
    """Every verdict is in the app's memory at once, so that leaving, quitting and dying lose none."""

    DEFAULT_CSS = """
    ReviewScreen #review-split { height: 1fr; layout: vertical; }
    ReviewScreen #drafts { height: 1fr; }
    ReviewScreen #draft { height: 9; border-top: solid $primary 40%; padding: 0 1; }
    ReviewScreen.-wide #review-split { layout: horizontal; }
    ReviewScreen.-wide #drafts { width: 3fr; height: 100%; }
    ReviewScreen.-wide #draft { width: 2fr; height: 100%; border-top: none; border-left: solid $primary 40%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "judge('accepted')", "accept", id="review.accept"),
        Binding("x", "judge('rejected')", "reject", id="review.reject"),
        Binding("e,enter", "edit", "edit", key_display="e", id="review.edit"),
        Binding("w,ctrl+s", "add", "add to a file", key_display="w", id="review.add"),
        Binding("A", "judge_all('accepted')", "all", tooltip="Accept all that are undecided", id="review.accept_all"),
        Binding("u", "undo", "undo", id="review.undo"),
        Binding("f", "filter", "filter", id="review.filter"),
        Binding("X", "judge_all('rejected')", "Reject all that are undecided", show=False, id="review.reject_all"),
        Binding("escape", "leave", "back", key_display="esc", id="review.leave"),
        Binding("question_mark", "help", "help", key_display="?", id="review.help"),
        Binding("q", "app.quit", "Quit", show=False, id="review.quit"),
    ]

    def __init__(
        self,
        services: Services,
        batch: Batch,
        *,
        files: Callable[[], OpenFiles],
        targets: Callable[[], Sequence[Target]],
        folder: Path,
        model: BaseModel,
        add: Add,
    ) -> None:
        """`files` are open now, `targets` those that may take pairs, `add` puts pairs into one or into a new file in
        `folder`; `model` is the base model whose limits the editor shows."""
        super().__init__()
        self.services = services
        self._batch = batch
        self._files = files
        self._targets = targets
        self._folder = folder
        self._model = model
        self._add = add
        self._filter = 0
        self._undone: list[tuple[Draft, ...]] = []
        self._twins: dict[int, tuple[int, Alike]] = {}
        """For drafts that ask nearly what an earlier one asks: which one, and how nearly."""
        self._busy = False

    def compose(self) -> ComposeResult:
        yield Line(id="review-line")
        with Container(id="review-split"):
            yield VirtualTable(DRAFT_COLUMNS, id="drafts", empty="nothing here (f shows others, esc goes back)")
            yield TextPane(id="draft")
        yield StatusLine()
        yield KeyLine()

    def on_mount(self) -> None:
        self._show()
        self.query_one("#drafts", VirtualTable).focus()
        if self._batch.ended:
            self.say(f"{self._batch.ended}. {self._batch.usage.input:,}→{self._batch.usage.output:,} tokens")
        self._look_for_leaks()

    # What is shown

    @property
    def _shown(self) -> list[Draft]:
        wanted = _FILTERS[self._filter][1]
        return [draft for draft in self._batch.drafts if draft.verdict in wanted]

    @property
    def _here(self) -> Draft | None:
        shown, at = self._shown, self.query_one("#drafts", VirtualTable).cursor
        return shown[at] if at < len(shown) else None

    def _show(self) -> None:
        batch = self._batch
        counted = {v: sum(d.verdict is v for d in batch.drafts) for v in Verdict}
        parts = [f" {count(len(batch.drafts), 'pair')} from {safe_line(batch.document, 24)}"]
        words = (
            ("· {} undecided", Verdict.OPEN),
            ("✓ {} accepted", Verdict.ACCEPTED),
            ("✗ {} rejected", Verdict.REJECTED),
        )
        parts += [word.format(counted[v]) for word, v in words if counted[v]]
        if counted[Verdict.ADDED]:
            parts.append(f"{counted[Verdict.ADDED]} in a file")
        if self._filter:
            parts.insert(1, f"shown: {_FILTERS[self._filter][0]}")
        numbers = {draft.number: at for at, draft in enumerate(batch.drafts, 1)}
        self.query_one("#review-line", Line).put(Content("  ".join(parts)))
        self.query_one("#drafts", VirtualTable).show(DraftRows([self._told(d) for d in self._shown], numbers))
        self._preview()

    @on(VirtualTable.CursorMoved)
    def _preview(self) -> None:
        draft = self._here
        pane = self.query_one("#draft", TextPane)
        if draft is None:
            pane.put(Content(""))
            return
        pane.put(draft_text(self._told(draft), self._batch))

    def _told(self, draft: Draft) -> Draft:
        """A draft as it is shown: also what it has in common with one of these that is not rejected."""
        number, alike = self._twins.get(draft.number, (0, None))
        places = {d.number: at for at, d in enumerate(self._batch.drafts, 1) if d.verdict is not Verdict.REJECTED}
        if draft.leak or alike is None or number not in places:
            return draft
        return replace(draft, leak=f"pair {places[number]} of these asks nearly the same ({alike.text})")

    def say(self, text: str, kind: str = "") -> None:
        """Put something on the status line."""
        self.query_one(StatusLine).say(text, kind)

    # Leaks

    @work(group="leaks", exclusive=True)
    async def _look_for_leaks(self) -> None:
        """Mark what stands in an open file or in an earlier pair, whole or nearly."""
        drafts, files = self._batch.drafts, self._files()
        found = await self.services.scrutiny.leaks_of(drafts, files, lambda: not self.is_attached)
        if not self.is_attached:
            return
        self._twins = await self.services.scrutiny.alike(drafts, lambda: not self.is_attached)
        if not self.is_attached:
            return
        told = {draft.number: found.get(draft.number, "") for draft in drafts}
        self._replace([replace(d, leak=told.get(d.number, d.leak)) for d in self._batch.drafts])

    # Verdicts

    def _replace(self, changed: Iterable[Draft]) -> None:
        news = {draft.number: draft for draft in changed}
        self._batch = replace(self._batch, drafts=tuple(news.get(d.number, d) for d in self._batch.drafts))
        self._show()

    async def action_judge(self, verdict: str) -> None:
        """The marked pairs, else the one under the cursor."""
        table = self.query_one("#drafts", VirtualTable)
        marked = [draft for draft in self._shown if str(draft.number) in table.marked]
        here = self._here
        if marked:
            table.marked = frozenset()
        elif here is None:
            return
        before = len(self._shown)
        await self._judge(marked or [here] if here else marked, Verdict(verdict))
        if not marked and len(self._shown) == before:
            table.move_to(min(table.cursor + 1, before - 1))

    async def action_judge_all(self, verdict: str) -> None:
        """Everything shown that nobody has decided on."""
        drafts = [draft for draft in self._shown if draft.verdict is Verdict.OPEN]
        if drafts:
            await self._judge(drafts, Verdict(verdict))
            then = "w adds them to a file, " if verdict == Verdict.ACCEPTED else ""
            self.say(f"{count(len(drafts), 'pair')} {verdict} ({then}u takes it back)")

    async def _judge(self, drafts: Sequence[Draft], verdict: Verdict) -> None:
        await self._change(drafts, [draft.judged(verdict) for draft in drafts])

    async def _change(self, before: Sequence[Draft], after: Sequence[Draft]) -> None:
        """Other drafts, in the app's memory before they are shown."""
        if await self._kept(after):
            self._undone.append(tuple(before))
            self._replace(after)

    async def _kept(self, drafts: Sequence[Draft]) -> bool:
        now = {draft.number: draft for draft in self._batch.drafts}
        try:
            for draft in drafts:
                if (draft.question, draft.answer) != (now[draft.number].question, now[draft.number].answer):
                    await self.services.review_queue.rewrite(draft)
            for verdict in Verdict:
                numbers = [d.number for d in drafts if d.verdict is verdict]
                if numbers:
                    await self.services.review_queue.mark(numbers, verdict)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return False
        return True

    async def action_undo(self) -> None:
        """Take the last verdict or edit back."""
        if not self._undone:
            self.say("There is nothing to undo here")
            return
        before = self._undone[-1]
        if await self._kept(before):
            self._undone.pop()
            self._replace(before)
            self.say(f"Undone: {count(len(before), 'pair')}")
            self._look_for_leaks()

    def action_edit(self) -> None:
        """Other words; an edited pair counts as accepted."""
        from tui.dialogs.pair import PairDialog

        draft = self._here
        if draft is None:
            return
        record = Record.of(draft.question, draft.answer)

        async def accepted(after: Record | None) -> None:
            if after is None or after == record:
                return
            if not after.question.strip() or not after.answer.strip():
                self.say("A pair needs a question and an answer; nothing was changed", "problem")
                return
            new = replace(
                draft, question=after.question, answer=after.answer, edited=True, verdict=Verdict.ACCEPTED, leak=""
            )
            await self._change([draft], [new])
            self.say("Edited and accepted (u takes it back)")
            self._look_for_leaks()

        dialog = PairDialog("Written pair", record, self._model, with_system=False, kept_as="written pair")
        self.app.push_screen(dialog, accepted)

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self.action_edit()

    def action_filter(self) -> None:
        """Show all, the undecided, the accepted, the rejected."""
        self._filter = (self._filter + 1) % len(_FILTERS)
        self.query_one("#drafts", VirtualTable).marked = frozenset()
        self._show()

    # Into a file

    def action_add(self) -> None:
        """Put the accepted pairs into a file."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        accepted = [draft for draft in self._batch.drafts if draft.verdict is Verdict.ACCEPTED]
        if not accepted:
            self.say("Nothing is accepted yet (a accepts, A accepts all)", "problem")
            return
        leaking = sum(bool(draft.leak) for draft in accepted)
        twins = sum(bool(self._told(draft).leak) for draft in accepted) - leaking
        notes = [f"{count(leaking, 'pair')} also in an open file"] if leaking else []
        notes += [f"{count(twins, 'pair')} nearly the same as another of these"] if twins else []
        note = f"Of them, {' and '.join(notes)} (▲)." if notes else ""
        targets = self._targets()
        choices = [Choice(str(path), name, role) for path, name, role in targets]
        choices.append(Choice(_NEW_FILE, "a new file …"))
        heading = f"Add {count(len(accepted), 'accepted pair')} to"

        def chosen(key: str | None) -> None:
            if key == _NEW_FILE:
                self._ask_path(accepted)
            elif key is not None:
                self._add_to(accepted, Path(key))

        self.app.push_screen(ChoiceDialog(heading, choices, note=note), chosen)

    def _ask_path(self, accepted: Sequence[Draft]) -> None:
        from tui.dialogs.text import PathDialog

        stem = safe_line(Path(self._batch.document).stem, 60) or "document"
        value = str(self._folder / f"{stem}.validation.json")
        note = "A JSON list with the origin of each pair; a file that is there is not overwritten."

        def typed(path: str | None) -> None:
            if path and path.strip():
                self._add_to(accepted, typed_path(path).absolute())

        self.app.push_screen(PathDialog("Write the accepted pairs to", value=value, note=note), typed)

    @work(group="add")
    async def _add_to(self, accepted: Sequence[Draft], path: Path) -> None:
        if self._busy:  # a second enter, while the first is under way, must not add them twice
            return
        self._busy = True
        try:
            said = await self._add(self._batch, accepted, path)
            await self.services.review_queue.mark([draft.number for draft in accepted], Verdict.ADDED)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        finally:
            self._busy = False
        self._undone.clear()  # what is in the file is the file's to undo
        self._replace([draft.judged(Verdict.ADDED) for draft in accepted])
        self.say(f"{said}; Dataset has it (w saves there, u takes it back)", "good")
        if not self._batch.waiting:
            self.say(f"{said}. Nothing waits here any more (esc)", "good")

    def action_help(self) -> None:
        """Show the keys of this view."""
        from tui.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog.of(self))

    def action_leave(self) -> None:
        """Back; what is undecided waits."""
        self.dismiss(None)


def review_of(services: Services, batch: Batch, tab: DatasetTab) -> ReviewScreen:
    """The review of a batch whose accepted pairs go to the files of a Dataset tab."""
    return ReviewScreen(
        services,
        batch,
        files=lambda: tab.shared_files,
        targets=lambda: [(f.file.path, f.name, str(f.role)) for f in tab.generating.targets()],
        folder=tab.opened.file.path.parent if tab.opened else Path(working_folder()),
        model=tab.model,
        add=tab.generating.add,
    )
