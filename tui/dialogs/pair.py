"""Write a pair: question, answer and system prompt, with the tokens counted while typing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static, TextArea

from tui.dialogs.base import Dialog
from tui.dialogs.keeping import Keeper
from tui.domain.base_models import BaseModel
from tui.domain.files.formats import Record, Turn
from tui.domain.text import safe_line
from tui.domain.unfinished import Unfinished

_RULER = 24
_ROLES = "roles"
_HEIGHTS = {"question": 4, "answer": 6, "system": 2}


class PairDialog(Dialog[Record]):
    """Gives the record as it was typed; ctrl+s accepts, so that enter can make a line.

    A text that was not touched is given back as it came, also where the field could not have kept it.
    """

    # Each field has a queue of its own: without priority what is typed ahead behind tab would go to the field before.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "accept", priority=True, key_display="ctrl+s", id="pair.accept"),
        Binding("tab", "app.focus_next", "next text", priority=True, id="pair.next"),
        Binding("ctrl+n", "add_turns", "add turns", priority=True, key_display="ctrl+n", id="pair.add_turns"),
        Binding("ctrl+r", "remove_turns", "remove turns", priority=True, key_display="ctrl+r", id="pair.remove_turns"),
        Binding("shift+tab", "app.focus_previous", "last text", show=False, priority=True, id="pair.last"),
    ]

    def __init__(
        self,
        heading: str,
        record: Record,
        model: BaseModel,
        *,
        with_system: bool = True,
        before: Record | None = None,
        turns: bool = False,
        problem: str = "",
        kept_as: str = "",
    ) -> None:
        """`before` is what `record` was before it was changed, where it comes back changed already.

        With `turns`, questions and answers can be added and taken away. `problem` says why it comes back.
        """
        super().__init__()
        self.kept_as = kept_as and f"{kept_as} {_digest(before or record)}"
        self._turns = turns
        self._problem = problem
        self.heading = heading
        self._before = before or record
        self._model = model
        self._with_system = with_system
        self._asked = False
        self._take(record)

    def _take(self, record: Record) -> None:
        self._record = record
        self._texts = [turn.text for turn in record.turns] + ([record.system or ""] if self._with_system else [])
        self._names = [safe_line(n, 40) for n in names(record)] + (["system"] if self._with_system else [])
        self._areas: list[TextArea] = []
        self._loaded: list[str] = []

    @property
    def typed_texts(self) -> Mapping[str, str]:
        """Every text, since turns may have come or gone; nothing when the record is what it was."""
        if not self.stands or self.written == self._before:
            return {}
        roles = {_ROLES: " ".join(turn.role for turn in self._record.turns)}
        return roles | {str(number): area.text for number, area in enumerate(self._areas)}

    def begin_keeping(self, keeper: Keeper, brought: Unfinished | None) -> None:
        """Before the dialog is shown: it may have to show more turns than the record has."""
        super().begin_keeping(keeper, brought)
        if brought is not None:
            texts = list(brought.texts.values())
            roles = brought.texts.get(_ROLES, "").split()
            turns = tuple(Turn(role, text) for role, text in zip(roles, texts[1:], strict=False))
            system = texts[-1] or None if self._with_system and len(texts) > len(turns) + 1 else self._record.system
            self._take(replace(self._record, turns=turns, system=system))

    def fill_in(self, texts: Mapping[str, str]) -> None:
        """They stand there already."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Turns come and go where the file's format can hold several."""
        return self._turns if action in ("add_turns", "remove_turns") else True

    def fields(self) -> ComposeResult:
        for name, text in zip(self._names, self._texts, strict=True):
            yield Static(Content(name), markup=False, classes="help-text")
            area = TextArea(text, soft_wrap=True, tab_behavior="focus")
            area.cursor_blink = False
            area.styles.height = _HEIGHTS.get(name, 3)
            self._areas.append(area)
            self._loaded.append(area.text)
            yield area

    def closing(self) -> ComposeResult:
        """The ruler stays in sight while the texts scroll."""
        if self._turns:
            note = "ctrl+n adds a question and an answer behind these, ctrl+r takes these away"
            yield Static(Content(note), markup=False, classes="help-text")
        yield Static("", id="pair-ruler", markup=False, classes="help-text")

    def on_mount(self) -> None:
        self._areas[0].focus()
        for area in self._areas:
            area.move_cursor(area.document.end)
        self._measure()
        altered = [n for n, t, seen in zip(self._names, self._texts, self._loaded, strict=True) if t != seen]
        if altered:
            self.complain(f"{altered[0]} has unusual line ends; they become plain ones if you change it here")
        if self._problem:
            self.complain(self._problem)

    @on(TextArea.Changed)
    def _typed(self) -> None:
        self._asked = False
        self._measure()

    def _measure(self) -> None:
        limits = self._model.limits
        written, most = self.written, limits.tokens_per_record
        tokens = max(written.tokens(limits.characters_per_token), written.estimate())  # a kana is more than a third
        filled = min(_RULER, -(-tokens * _RULER // most))
        over = "  ▲ too long" if tokens > most else ""
        text = f"{'━' * filled}{'─' * (_RULER - filled)} ≈ {tokens:,} of {most:,} tokens for {self._model.name}{over}"
        self.query_one("#pair-ruler", Static).update(Content(text))

    @property
    def written(self) -> Record:
        """The record as the fields have it now."""
        texts = [
            original if area.text == loaded else area.text
            for area, loaded, original in zip(self._areas, self._loaded, self._texts, strict=True)
        ]
        turns = tuple(Turn(t.role, text) for t, text in zip(self._record.turns, texts, strict=False))
        if not self._with_system:
            return replace(self._record, turns=turns)
        system = texts[-1] if texts[-1] or self._record.system == "" else None
        return replace(self._record, turns=turns, system=system)

    @property
    def changed(self) -> bool:
        """Whether something was typed that nobody has accepted or given up yet."""
        return self.stands and self.written != self._before

    @property
    def _place(self) -> int:
        """The turn that has the focus; the last one where none has."""
        at = next((n for n, area in enumerate(self._areas) if area.has_focus), len(self._record.turns) - 1)
        return min(at, len(self._record.turns) - 1)

    @work
    async def action_add_turns(self) -> None:
        """A question and an answer more, behind the exchange that has the focus."""
        await self._all_typed()
        record, at = self.written, self._place + 1
        while 0 < at < len(record.turns) and record.turns[at - 1].role == "user":
            at += 1
        new = (Turn("user", ""), Turn("assistant", ""))
        await self._show(replace(record, turns=(*record.turns[:at], *new, *record.turns[at:])), at)

    @work
    async def action_remove_turns(self) -> None:
        """The question and the answer of the exchange that has the focus go."""
        await self._all_typed()
        record, at = self.written, self._place
        while at and record.turns[at].role != "user":
            at -= 1
        end = at + 1
        while end < len(record.turns) and record.turns[end].role != "user":
            end += 1
        left = (*record.turns[:at], *record.turns[end:])
        if len(left) < 2:
            self.complain("One question and one answer have to stay")
        else:
            await self._show(replace(record, turns=left), max(0, at - 1))

    async def _show(self, record: Record, focus: int) -> None:
        """The fields anew, for other turns."""
        body = self.query_one("#dialog-body")
        with self.app.batch_update():
            await body.remove_children()
            self._take(record)
            await body.mount_all(list(self.fields()))
        self._areas[min(focus, len(self._areas) - 1)].focus()
        self._measure()

    async def _all_typed(self) -> None:
        """Wait until every field has what was typed before."""
        for area in self._areas:
            reached = asyncio.Event()
            area.call_later(reached.set)
            await reached.wait()

    def action_accept(self) -> None:
        """Take the texts."""
        self._accept()

    def action_cancel(self) -> None:
        """Give up; what was typed goes only when asked twice."""
        self._give_up()

    # As workers: an action may run in the very queue that is waited for.

    @work
    async def _accept(self) -> None:
        await self._all_typed()
        self.dismiss(self.written)

    @work
    async def _give_up(self) -> None:
        await self._all_typed()
        if self.written == self._before or self._asked:
            self.dismiss(None)
            return
        self._asked = True
        self.complain("esc once more drops what you changed; ctrl+s keeps it")


def _digest(record: Record) -> str:
    """What tells one record from others in a few letters; a new one is like every new one."""
    return hashlib.sha256("\0".join(turn.text for turn in record.turns).encode("utf-8", "replace")).hexdigest()[:16]


def names(record: Record) -> Sequence[str]:
    """What each turn is called."""
    if record.is_pair:
        return ("question", "answer")
    return [f"{number}. {turn.role}" for number, turn in enumerate(record.turns, 1)]
