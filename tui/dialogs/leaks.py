"""What files for training and for judging share: the two records side by side, and from which likeness on it counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import CLOSE, Dialog
from tui.domain.dataset.grams import Thresholds, measure, sketch
from tui.domain.dataset.leaks import Leak, answer_of
from tui.domain.errors import AppError
from tui.domain.files.formats import FormatError
from tui.domain.files.pairs import Pairs, Role
from tui.domain.text import count, safe_line
from tui.domain.values import dataclass
from tui.widgets.columns import Column
from tui.widgets.pair_rows import record_text
from tui.widgets.text_pane import TextPane
from tui.widgets.virtual_table import VirtualTable

_STEP = 0.05
_COLUMNS = (
    Column("containment", "cont.", 5, align="right"),
    Column("jaccard", "Jacc.", 5, align="right"),
    Column("part", "", 8, hide_below=60),
    Column("one", "in one file", weight=1),
    Column("other", "in the other", weight=1),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A record of an open file."""

    name: str
    role: Role
    file: Pairs
    index: int

    @property
    def text(self) -> str:
        """`training.json (train), record 5`."""
        return f"{self.name} ({self.role}), record {self.index + 1:,}"


@dataclass(frozen=True, slots=True)
class Entry:
    """Two records that are alike."""

    sides: tuple[Place, Place]
    leak: Leak


Look = Callable[[Thresholds], Awaitable[Sequence[Entry] | None]]
"""All that is alike by these thresholds; None when that is not wanted any more."""
Remove = Callable[[Place], Awaitable[bool]]
"""Deletes a record; False when it could not. Raises nothing that is expected."""


class _Rows:
    """Leaks as rows of a table."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def key(self, index: int) -> str:
        """The two records."""
        one, other = self._entries[index].sides
        return f"{one.name} {one.index} {other.name} {other.index}"

    def cells(self, index: int) -> Sequence[str | Content]:
        """Both figures, what is alike, and the two questions."""
        entry = self._entries[index]
        alike = entry.leak.question or entry.leak.answer
        part = "question" if entry.leak.question else "answer"
        part = "both" if entry.leak.question and entry.leak.answer else part
        figures = (f"{alike.containment:.2f}", f"{alike.jaccard:.2f}") if alike else ("", "")
        return (*figures, part, *(_question(place) for place in entry.sides))


def _question(place: Place) -> str:
    record = place.file.read(place.index)
    return safe_line(getattr(record, "question", ""), 200)


class LeaksDialog(Dialog[Place]):
    """Gives the record to go to. Nothing is deleted but by its key."""

    on_enter = "go there"
    heading = "Leakage: what files of different roles share"
    BINDINGS: ClassVar[list[BindingType]] = [
        CLOSE,
        Binding("enter", "open", "go there", id="leaks.open"),
        Binding("tab,l,h,left,right", "side", "other side", key_display="tab", id="leaks.side"),
        Binding("d", "remove", "delete it", id="leaks.remove"),
        Binding("plus,equals_sign", "containment(1)", "containment", key_display="+ -", id="leaks.containment_up"),
        Binding("minus", "containment(-1)", "Lower containment", show=False, id="leaks.containment_down"),
        Binding("greater_than_sign", "jaccard(1)", "Jaccard", key_display="> <", id="leaks.jaccard_up"),
        Binding("less_than_sign", "jaccard(-1)", "Lower Jaccard", show=False, key_display="<", id="leaks.jaccard_down"),
    ]
    DEFAULT_CSS = """
    LeaksDialog #leak-sides { height: 8; }
    LeaksDialog.-low #leak-sides { height: 3; }
    LeaksDialog.-low #leak-figures { max-height: 1; }
    LeaksDialog #leak-sides TextPane { width: 1fr; height: 100%; padding: 0 1; border-top: solid $primary 40%; }
    LeaksDialog #leak-figures { height: auto; max-height: 2; }
    """

    def __init__(self, thresholds: Thresholds, look: Look, remove: Remove) -> None:
        super().__init__()
        self._thresholds = thresholds
        self._look = look
        self._remove = remove
        self._entries: Sequence[Entry] = ()
        self._side = 0
        self._busy = False

    def fields(self) -> ComposeResult:
        yield Static("", id="leak-size", markup=False)
        yield VirtualTable(_COLUMNS, empty="looking …")

    def closing(self) -> ComposeResult:
        """The chosen two."""
        yield Static("", id="leak-figures", markup=False)
        with Horizontal(id="leak-sides"):
            yield TextPane(id="leak-one")
            yield TextPane(id="leak-other")

    def on_mount(self) -> None:
        self.query_one(VirtualTable).focus()
        self._see()

    @work(group="look", exclusive=True)
    async def _see(self) -> None:
        """Look again, by the thresholds of now."""
        self._tell_size("looking …")
        try:
            found = await self._look(self._thresholds)
        except AppError as error:
            self.complain(error.sentence())
            return
        if found is None:
            return
        self._entries = found
        table = self.query_one(VirtualTable)
        table.styles.height = max(2, min(8, len(found) + 1, self.size.height - (18 if self.size.height > 19 else 12)))
        table.set_empty("The open files share nothing by these thresholds.")
        table.show(_Rows(found))
        self._tell_size(count(len(found), "pair of records", "pairs of records"))
        self._tell(table.cursor)

    def _tell_size(self, found: str) -> None:
        low = self._thresholds
        limits = f" · containment ≥ {low.containment:.2f} (+ -), Jaccard ≥ {low.jaccard:.2f} (> <)"
        text = Content.assemble((found, "bold"), (limits, "$foreground-muted"))
        self.query_one("#leak-size", Static).update(text)

    @property
    def chosen(self) -> Entry | None:
        """The entry under the cursor."""
        at = self.query_one(VirtualTable).cursor
        return self._entries[at] if at < len(self._entries) else None

    @on(VirtualTable.CursorMoved)
    def _moved(self, message: VirtualTable.CursorMoved) -> None:
        self._tell(message.index)

    def _tell(self, at: int) -> None:
        entry = self._entries[at] if at < len(self._entries) else None
        self.query_one("#leak-figures", Static).update(Content(_figures(entry) if entry else ""))
        for number, pane in enumerate(self.query(TextPane)):
            if entry is None:
                pane.put(Content(""))
                continue
            place = entry.sides[number]
            mark, style = ("▸ ", "bold $text-accent") if number == self._side else ("  ", "bold")
            text = record_text(place.file.read(place.index), ())
            pane.put(Content.assemble((f"{mark}{place.text}\n", style), text))

    def action_side(self) -> None:
        """Choose the other of the two records."""
        self._side = 1 - self._side
        self._tell(self.query_one(VirtualTable).cursor)

    def action_open(self) -> None:
        """Go to the chosen record."""
        self.query_one(VirtualTable).action_open()

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self.dismiss(self._entries[message.index].sides[self._side])

    @work(group="remove")
    async def action_remove(self) -> None:
        """Delete the chosen record; in its file `u` takes that back."""
        entry = self.chosen
        if entry is None or self._busy:
            return
        self._busy = True
        try:
            place = entry.sides[self._side]
            if await self._remove(place):
                self.complain(f"Deleted pair {place.index + 1:,} of {place.name}; u takes it back there")
                self._see()
        except (AppError, FormatError) as error:
            self.complain(error.sentence() if isinstance(error, AppError) else str(error))
        finally:
            self._busy = False

    def action_containment(self, step: int) -> None:
        """Ask for more or less containment."""
        value = round(min(1.0, max(_STEP, self._thresholds.containment + step * _STEP)), 2)
        self._thresholds = replace(self._thresholds, containment=value)
        self._see()

    def action_jaccard(self, step: int) -> None:
        """Ask for more or less Jaccard."""
        value = round(min(1.0, max(_STEP, self._thresholds.jaccard + step * _STEP)), 2)
        self._thresholds = replace(self._thresholds, jaccard=value)
        self._see()


def _figures(entry: Entry) -> str:
    """Both figures of questions and answers, also of those that did not count."""
    alike = entry.leak.question
    one, other = (place.file.read(place.index) for place in entry.sides)
    answers = measure(sketch(answer_of(one)), sketch(answer_of(other)))
    asked = alike.text if alike else "another question"
    return f"question: {asked} · answer: containment {answers.containment:.2f}, Jaccard {answers.jaccard:.2f}"
