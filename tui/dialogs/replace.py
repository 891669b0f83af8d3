"""Replace text in many pairs: what, by what, where; with the first changes to be seen before anything is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.dataset.replacing import Change, Plan, Replacement, Where
from tui.domain.errors import AppError
from tui.domain.files.formats import Record
from tui.domain.text import safe_line
from tui.widgets.cells import fit
from tui.widgets.fields import ChoiceField, Field, TextField

_PAUSE = 0.15
_SHOWN = 3
_BEFORE = 24
"""Characters shown before the first that differs."""
Look = Callable[[Replacement], Awaitable[Plan | None]]
"""What a replacement would change; None when it is not wanted any more. Raises AppError."""
_HOW = (("plain text", "plain"), ("regular expression", "pattern"))
_CASE = (("any case", "any"), ("the same case", "same"))
_WORDS = (("anywhere", "any"), ("whole words", "whole"))


class ReplaceDialog(Dialog[Plan]):
    """Gives the plan that was seen; nothing is changed by the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "replace", priority=True, key_display="ctrl+s", id="replace.accept"),
        Binding("enter", "next_field", "next", show=False, priority=True, id="replace.enter"),
    ]
    DEFAULT_CSS = """
    ReplaceDialog #replace-fields { height: auto; }
    ReplaceDialog #replace-preview { height: 6; }
    ReplaceDialog.-low #replace-preview { height: 3; }
    ReplaceDialog #replace-count { height: 1; }
    """

    kept_as = "replace"

    def __init__(self, scope: str, what: Replacement, look: Look) -> None:
        """`scope` says in which pairs, in words."""
        super().__init__()
        self.heading = f"Replace in {scope}"
        self._what = what
        self._look = look
        self._plan: Plan | None = None

    def fields(self) -> ComposeResult:
        what = self._what
        with Vertical(id="replace-fields"):
            yield TextField("find", what.find, id="find")
            yield TextField("replace by", what.by, placeholder="nothing: it is taken out", id="by")
            yield ChoiceField("in", [(str(one), one.name) for one in Where], what.where.name, id="where")
            yield ChoiceField("as", _HOW, "pattern" if what.pattern else "plain", id="how")
            yield ChoiceField("case", _CASE, "same" if what.case else "any", id="case")
            yield ChoiceField("words", _WORDS, "whole" if what.words else "any", id="words")
        yield Static("", id="replace-count", markup=False)
        yield Static("", id="replace-preview", markup=False)

    def on_mount(self) -> None:
        self.query_one("#find", TextField).focus()
        self._changed()

    @property
    def written(self) -> Replacement:
        """The replacement as the fields have it now."""

        def chosen(name: str) -> str:
            return self.query_one(f"#{name}", ChoiceField).value or ""

        return Replacement(
            self.query_one("#find", TextField).value,
            self.query_one("#by", TextField).value,
            Where[chosen("where")],
            chosen("how") == "pattern",
            chosen("case") == "same",
            chosen("words") == "whole",
        )

    @on(Field.Changed)
    def _changed(self) -> None:
        self._plan = None
        self.complain("")
        self._see(self.written)

    @work(group="look", exclusive=True)
    async def _see(self, what: Replacement) -> None:
        await asyncio.sleep(_PAUSE)
        if what.problem:
            self._show(None, "")
            return
        self._show(None, "looking …")
        try:
            plan = await self._look(what)
        except AppError as error:
            self._show(None, "")
            self.complain(error.sentence())
            return
        if plan is not None and plan.what == self.written:
            self._plan = plan
            self._show(plan, plan.size if plan.changes else "Nothing of it is found.")

    def _show(self, plan: Plan | None, size: str) -> None:
        self.query_one("#replace-count", Static).update(Content(size).stylize("bold"))
        width = max(20, self.query_one("#replace-preview").size.width or 70)
        changes = plan.changes[:_SHOWN] if plan else ()
        lines = [line for change in changes for line in _lines(change, width)]
        self.query_one("#replace-preview", Static).update(Content("\n").join(lines))

    # With priority: what is typed ahead behind enter would else go to the field before.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter goes on from a line only; a choice is opened by it."""
        return isinstance(self.focused, Input) if action == "next_field" else True

    def action_next_field(self) -> None:
        """To the next field."""
        self.focus_next()

    def action_accept(self) -> None:
        """Take the plan, once the fields have all that was typed before."""
        self.call_later(self._accept)

    def _accept(self) -> None:
        what = self.written
        if what.problem:
            self.complain(what.problem)
        elif self._plan is None or self._plan.what != what:
            self.complain("Wait until the changes are shown, then ctrl+s again")
        elif not self._plan.changes:
            self.complain("Nothing of it is found")
        else:
            self.dismiss(self._plan)


def _lines(change: Change, width: int) -> Iterator[Content]:
    """The first text that differs, before and after, from a little before the first difference."""
    before, after = next(((a, b) for a, b in _texts(change) if a != b), ("", ""))
    pairs = enumerate(zip(before, after, strict=False))
    start = max(0, next((n for n, (a, b) in pairs if a != b), min(len(before), len(after))) - _BEFORE)
    lead = "…" if start else ""
    number = f"{change.index + 1:>7,} "
    room = max(8, width - len(number) - 2)
    yield Content.assemble(number, ("− ", "$text-error"), fit(lead + safe_line(before[start:], 400), room))
    yield Content.assemble(" " * len(number), ("+ ", "$text-success"), fit(lead + safe_line(after[start:], 400), room))


def _texts(change: Change) -> Iterator[tuple[str, str]]:
    yield from zip(_all(change.before), _all(change.after), strict=True)


def _all(record: Record) -> Sequence[str]:
    return [*(turn.text for turn in record.turns), record.system or ""]
