"""What the open files are made of: pairs, tokens, lengths, scripts, what stands out, and what training would cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import CLOSE, Dialog
from tui.domain.base_models import BaseModel
from tui.domain.dataset.statistics import UNITS, FileStatistics, Measure, script_text
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Pairs, Role
from tui.domain.serving.pricing import TokenPrices, money
from tui.domain.text import count, safe_line
from tui.domain.values import dataclass
from tui.widgets.columns import Column
from tui.widgets.frame import KeyLine
from tui.widgets.histogram import Histograms, Shown
from tui.widgets.virtual_table import VirtualTable

_FILES = (
    Column("file", "file", weight=3),
    Column("role", "role", 10, hide_below=60),
    Column("pairs", "pairs", 8, align="right"),
    Column("tokens", "≈ tokens", 11, align="right"),
    Column("median", "median", 7, align="right", hide_below=60),
    Column("most", "95 % ≤", 7, align="right", hide_below=50),
    Column("longest", "longest", 8, align="right", hide_below=40),
)
_EXTREMES = (
    Column("what", "go to", 17),
    Column("pair", "pair", 8, align="right"),
    Column("length", "length", 13, align="right"),
    Column("text", "", weight=1, hide_below=50),
)
_TITLES = {Measure.QUESTION: "question chars", Measure.ANSWER: "answer chars", Measure.TOKENS: "pair tokens"}


@dataclass(slots=True)
class Counted:
    """A file, what it is for, and its statistics once they are known; `refused` says why they never will be."""

    name: str
    role: Role
    file: Pairs
    found: FileStatistics | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A record of one of the files."""

    file: int
    record: int


class _FileRows:
    """The files as rows."""

    def __init__(self, files: Sequence[Counted]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def key(self, index: int) -> str:
        return str(index)

    def cells(self, index: int) -> Sequence[str | Content]:
        one = self._files[index]
        if one.found is None:
            return (one.name, one.role.upper(), f"{len(one.file):,}", "counting …", "", "", "")
        tokens = one.found.lengths[Measure.TOKENS]
        numbers = (one.found.records, one.found.tokens, tokens.median, tokens.most, max(tokens.values, default=0))
        return (one.name, one.role.upper(), *(f"{number:,}" for number in numbers))


class _ExtremeRows:
    """The records that stand out as rows."""

    def __init__(self, one: Counted) -> None:
        self._file = one.file
        self._rows = one.found.extremes() if one.found else []

    def __len__(self) -> int:
        return len(self._rows)

    def key(self, index: int) -> str:
        return str(index)

    def record(self, index: int) -> int:
        """The record that a row is about."""
        return self._rows[index][2]

    def cells(self, index: int) -> Sequence[str | Content]:
        name, measure, place, value = self._rows[index]
        record = self._file[place]
        text = ""
        if isinstance(record, Record):
            text = record.question if measure is Measure.QUESTION else record.answer
        what = "pair" if measure is Measure.TOKENS else measure
        unit = "char" if UNITS[measure] == "characters" else "tok"
        return (f"{name} {what}", f"{place + 1:,}", f"{value:,} {unit}", safe_line(text, 300))


class StatisticsDialog(Dialog[Place]):
    """Gives the record to go to. The figures are put in by whoever opened it, as they are counted."""

    on_enter = "go there"
    BINDINGS: ClassVar[list[BindingType]] = [
        CLOSE,
        Binding("plus,equals_sign", "epochs(1)", "epoch more", key_display="+", id="statistics.more"),
        Binding("minus", "epochs(-1)", "fewer", key_display="-", id="statistics.fewer"),
        Binding("m", "measure", "count with the model", id="statistics.measure"),
        Binding("A", "ascii", "ASCII", show=False, id="statistics.ascii"),
        Binding("tab", "app.focus_next", "list", show=False, id="statistics.list"),
    ]

    def __init__(
        self,
        files: Sequence[Counted],
        current: int,
        model: BaseModel,
        prices: TokenPrices,
        *,
        measure: Callable[[], object],
        ascii: bool = False,
    ) -> None:
        """`measure` is called when the model shall count tokens itself."""
        super().__init__()
        self._files = list(files)
        self._at = current
        self._model = model
        self._prices = prices
        self._measure = measure
        self._ascii = ascii
        self._basis = ""
        self._range = next((h for h in model.hyperparameters if h.name == "epochCount"), None)
        self._epochs = int(self._range.default) if self._range else 1

    def compose(self) -> ComposeResult:
        with Vertical(id="statistics"):
            title = f"Statistics of {count(len(self._files), 'open file')} for {self._model.name}"
            yield Static(Content(title), id="statistics-title")
            yield VirtualTable(_FILES, id="statistics-files")
            yield Static("", id="statistics-facts", markup=False)
            yield Histograms(ascii=self._ascii, id="statistics-histograms")
            yield VirtualTable(_EXTREMES, id="statistics-extremes", empty="nothing to go to yet")
            with Vertical(classes="dialog-foot"):
                yield Static("", id="dialog-problem", markup=False)
                yield KeyLine()

    def on_mount(self) -> None:
        files = self.query_one("#statistics-files", VirtualTable)
        files.show(_FileRows(self._files))
        files.styles.height = min(6, len(self._files) + 1)
        files.move_to(self._at)
        files.focus()
        self._show()

    def put(self, number: int, found: FileStatistics, basis: str) -> None:
        """The figures of a file, and what its tokens rest on."""
        self._files[number].found = found
        self._basis = basis
        if self.stands:
            self.query_one("#statistics-files", VirtualTable).refresh_rows()
            self._show()

    def price(self, prices: TokenPrices) -> None:
        """What training costs, as far as it is known by now."""
        self._prices = prices
        if self.stands:
            self._show_facts()

    @on(VirtualTable.CursorMoved, "#statistics-files")
    def _moved(self, message: VirtualTable.CursorMoved) -> None:
        self._at = message.index
        self._show()

    @on(VirtualTable.RowOpened, "#statistics-files")
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self.query_one("#statistics-extremes", VirtualTable).focus()

    @on(VirtualTable.RowOpened, "#statistics-extremes")
    def _chosen(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        source = message.table.source
        if isinstance(source, _ExtremeRows):
            self.dismiss(Place(self._at, source.record(message.index)))

    def _show(self) -> None:
        one = self._files[self._at]
        self.query_one("#statistics-facts", Static).update(self._facts(one))
        shown = []
        if one.found is not None:
            shown = [Shown(_TITLES[m], one.found.lengths[m].values) for m in Measure]
        self.query_one(Histograms).show(shown)
        self.query_one("#statistics-extremes", VirtualTable).show(_ExtremeRows(one), keep_cursor=False)

    def _facts(self, one: Counted) -> Content:
        if one.found is None:
            return Content(f"Counting {one.name} …")
        found = one.found
        questions, answers = script_text(found.questions), script_text(found.answers)
        written = f"all {questions}" if questions == answers else f"questions {questions} · answers {answers}"
        written += f" · {count(found.mixed, 'pair')} of two scripts" if found.mixed else ""
        facts = [("tokens", self._basis), ("training", self._training(one)), ("scripts", written)]
        facts.append(("pairs", _kinds(found)))
        return Content("\n").join(
            Content.assemble((f"{name:<9}", "$foreground-muted"), text) for name, text in facts if text
        )

    def _training(self, one: Counted) -> str:
        """What one run over the file would be charged at most."""
        if one.found is None or one.role is not Role.TRAIN:
            return ""
        cost = self._prices.trained(one.found.tokens, self._epochs)
        known = f"at most ≈ {money(cost)} ({self._prices.origin})"
        unknown = "at most $ ? (price not set)"
        trained = one.found.tokens * self._epochs
        epochs = count(self._epochs, "epoch")
        return f"≈ {one.found.tokens:,} × {epochs} = {trained:,} tokens, {unknown if cost is None else known}"

    def action_epochs(self, step: int) -> None:
        """Reckon with other epochs, within what the model takes."""
        if self._range is not None:
            low, high = int(self._range.minimum), int(self._range.maximum)
            self._epochs = min(high, max(low, self._epochs + step))
            self._show_facts()

    def _show_facts(self) -> None:
        self.query_one("#statistics-facts", Static).update(self._facts(self._files[self._at]))

    def action_measure(self) -> None:
        """Have the base model count a sample."""
        self.complain(f"Asking {self._model.name} to count …")
        self._measure()

    def action_ascii(self) -> None:
        """Blocks or ASCII."""
        self.query_one(Histograms).toggle_ascii()


def _kinds(found: FileStatistics) -> str:
    parts = [count(found.records, "pair")]
    if found.unreadable:
        parts.append(f"{found.unreadable:,} cannot be read")
    if found.conversations:
        parts.append(count(found.conversations, "conversation of several turns", "conversations of several turns"))
    if found.own_systems:
        parts.append(f"{found.own_systems:,} with a system prompt of their own ({found.different_systems:,} different)")
    else:
        parts.append("none has a system prompt; what s sets counts")
    return " · ".join(parts)
