"""Every answer that was kept: narrowed by words, read in full, and asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from tui.dialogs.base import CLOSE, Dialog
from tui.domain.chat.conversation import KeptAnswer
from tui.domain.errors import AppError
from tui.domain.text import count, safe, safe_line
from tui.widgets.columns import Column
from tui.widgets.filter_line import FilterLine
from tui.widgets.text_pane import TextPane
from tui.widgets.virtual_table import VirtualTable

Search = Callable[[str], Awaitable[list[KeptAnswer]]]
_DELAY = 0.08


class _Rows:
    """Answers as rows, newest first."""

    def __init__(self, answers: Sequence[KeptAnswer]) -> None:
        self._answers = answers

    def __len__(self) -> int:
        return len(self._answers)

    def key(self, index: int) -> str:
        """The answer's number in the store."""
        return str(self._answers[index].number)

    def cells(self, index: int) -> Sequence[str | Content]:
        """When, who, question, answer."""
        one = self._answers[index]
        mark = "" if one.whole else "▲ "
        when = f"{one.at.astimezone():%m-%d %H:%M}"
        return (when, safe_line(one.target, 60), safe_line(one.question, 200), f"{mark}{safe_line(one.answer, 200)}")


class AnswersDialog(Dialog[KeptAnswer]):
    """Gives the answer whose question is to be asked again."""

    DEFAULT_CSS = """
    AnswersDialog TextPane { height: 1fr; min-height: 3; border-top: solid $primary 40%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        CLOSE,
        Binding("slash", "filter", "search", key_display="/", id="answers.filter"),
        Binding("tab", "other", "list / answer", priority=True, show=False, id="answers.other"),
        Binding("y", "copy", "copy", id="answers.copy"),
    ]
    heading = "Answers kept here"
    on_enter = "ask again"

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._search = search
        self._answers: list[KeptAnswer] = []

    def fields(self) -> ComposeResult:
        yield FilterLine("words that question, answer or model hold; enter leaves")
        yield VirtualTable(
            (
                Column("at", "when", 11, hide_below=50),
                Column("target", "model", weight=1),
                Column("question", "question", weight=2),
                Column("answer", "answer", weight=2, hide_below=70),
            ),
            empty="No answer holds these words",
        )
        yield TextPane()

    def closing_lines(self) -> int:
        """This dialog fills the window: its body takes what others leave free."""
        return -3

    def on_mount(self) -> None:
        self.query_one(VirtualTable).focus()
        self._look("")

    @on(FilterLine.Changed)
    def _typed(self, message: FilterLine.Changed) -> None:
        message.stop()
        self._look(message.words)

    @on(FilterLine.Done)
    def _done(self, message: FilterLine.Done) -> None:
        message.stop()
        self.query_one(VirtualTable).focus()

    @work(group="search", exclusive=True)
    async def _look(self, words: str) -> None:
        await asyncio.sleep(_DELAY if words else 0)
        try:
            self._answers = await self._search(words)
        except AppError as error:
            self.complain(error.sentence())
            return
        table = self.query_one(VirtualTable)
        table.show(_Rows(self._answers), keep_cursor=False)
        self._show(table.cursor)
        self.complain("")

    @on(VirtualTable.CursorMoved)
    def _moved(self, message: VirtualTable.CursorMoved) -> None:
        message.stop()
        self._show(message.index)

    def _show(self, row: int) -> None:
        pane = self.query_one(TextPane)
        if not 0 <= row < len(self._answers):
            pane.put(Content(""))
            return
        one = self._answers[row]
        facts = [f"{one.at.astimezone():%Y-%m-%d %H:%M}", one.target, one.parameters, one.footer]
        facts += ["asked blind"] if one.blind else []
        parts: list[tuple[str, str] | str] = [(f"{safe_line(' · '.join(facts), 400)}\n", "$foreground-muted")]
        if one.system.strip():
            parts.append((f"system  {safe(one.system, 2000)}\n", "$foreground-muted"))
        parts += [("Q  ", "bold $text-accent"), f"{safe(one.question, 8000)}\n", ("A  ", "bold $text-accent")]
        parts.append(safe(one.answer, 40_000) or "–")
        if one.reference:
            parts += [("\nR  ", "bold $text-accent"), safe(one.reference, 20_000)]
        pane.put(Content.assemble(*parts))

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self.dismiss(self._chosen)

    @property
    def _chosen(self) -> KeptAnswer | None:
        row = self.query_one(VirtualTable).cursor
        return self._answers[row] if 0 <= row < len(self._answers) else None

    def action_filter(self) -> None:
        """Type words to look for."""
        self.query_one(FilterLine).focus()

    def action_other(self) -> None:
        """From the list to the answer's text, and back."""
        pane, table = self.query_one(TextPane), self.query_one(VirtualTable)
        (table if pane.has_focus else pane).focus()

    def action_copy(self) -> None:
        """Copy the answer."""
        chosen = self._chosen
        if chosen is not None:
            self.app.copy_to_clipboard(safe(chosen.answer))
            self.complain(f"{count(len(chosen.answer), 'character')} sent to the terminal's clipboard")
