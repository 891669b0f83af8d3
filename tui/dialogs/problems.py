"""What is wrong with a file, kind by kind: go to one of it, or mend all of a kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import CLOSE, Dialog
from tui.domain.dataset.checks import OWN_RULE, Problem, Severity
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.widgets.columns import Column
from tui.widgets.virtual_table import VirtualTable

_COLUMNS = (
    Column("mark", "", 1),
    Column("line", "line", 7, align="right"),
    Column("rule", "rule", 17, hide_below=50),
    Column("field", "field", 12, hide_below=70),
    Column("message", "", weight=1),
)
_DECIDE = "no fix without deciding what is meant: e edits, d deletes"
_CURES = dict.fromkeys(
    ("record count", "total records"),
    "for more: a adds, ctrl+g writes some from a document; for fewer: P splits, m moves; b: another base model",
) | {"file size": "P splits the file, m moves pairs to another; b: another base model"}
"""What to do where no single record is to blame."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do next: go to a record, or mend all that a rule names."""

    index: int | None = None
    fix: str = ""


class _Rows:
    """Problems as rows of a table."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._problems = problems

    def __len__(self) -> int:
        return len(self._problems)

    def key(self, index: int) -> str:
        """Its place."""
        return str(index)

    def cells(self, index: int) -> Sequence[str | Content]:
        """Mark, line, rule, field, message."""
        p = self._problems[index]
        return (_mark(p), f"{p.line:,}" if p.line else "file", p.rule, p.field, safe_line(p.message, 200))


class ProblemsDialog(Dialog[Wish]):
    """Lists problems of one kind or of all; `fixes` says for each rule that can be mended what the fix does."""

    on_enter = "go there"

    BINDINGS: ClassVar[list[BindingType]] = [
        CLOSE,
        Binding("enter", "open", "go there", id="problems.open"),
        Binding("l,right,tab", "kind(1)", "next kind", key_display="→", id="problems.next_kind"),
        Binding("h,left,shift+tab", "kind(-1)", "Last kind", show=False, key_display="←", id="problems.last_kind"),
        Binding("F", "fix", "fix all of the kind", id="problems.fix"),
    ]
    DEFAULT_CSS = """
    ProblemsDialog #kinds { height: auto; max-height: 3; }
    ProblemsDialog #problem { height: 4; color: $text; }
    """

    def __init__(self, heading: str, problems: Sequence[Problem], fixes: dict[str, str], *, index: int = 0) -> None:
        """`index` is the record to begin at."""
        super().__init__()
        self.heading = heading
        self._all = problems
        self._fixes = fixes
        counts = Counter(p.rule for p in problems)
        self._kinds = ["", *(rule for rule, _ in counts.most_common())]
        self._counts = counts
        self._kind = 0
        self._shown: Sequence[Problem] = problems
        self._index = index

    def fields(self) -> ComposeResult:
        yield Static("", id="kinds", markup=False)
        yield VirtualTable(_COLUMNS, empty="nothing of this kind")

    def closing(self) -> ComposeResult:
        """The chosen one in full."""
        yield Static("", id="problem", markup=False)

    def on_mount(self) -> None:
        self._show()
        table = self.query_one(VirtualTable)
        near = (n for n, p in enumerate(self._shown) if p.index is not None and p.index >= self._index)
        table.move_to(next(near, 0))
        table.focus()

    def _show(self) -> None:
        kind = self._kinds[self._kind]
        self._shown = [p for p in self._all if p.rule == kind] if kind else self._all
        names = []
        for rule in self._kinds:
            name = f" {rule or 'all'} {self._counts[rule] if rule else len(self._all):,} "
            names.append(Content(name).stylize("reverse" if rule == kind else "$foreground-muted"))
        self.query_one("#kinds", Static).update(Content(" ").join(names))
        table = self.query_one(VirtualTable)
        table.styles.height = min(12, len(self._shown) + 1)
        table.show(_Rows(self._shown), keep_cursor=False)
        self._tell(table.cursor)

    @on(VirtualTable.CursorMoved)
    def _moved(self, message: VirtualTable.CursorMoved) -> None:
        self._tell(message.index)

    def _tell(self, at: int) -> None:
        if not 0 <= at < len(self._shown):
            return
        p = self._shown[at]
        fix = self._fixes.get(p.rule, "")
        said = f"F: {fix}" if fix else _CURES.get(p.rule, _DECIDE)
        field = f"{p.field}: " if p.field else ""
        text = Content.assemble(
            (f"{_mark(p)} {p.rule}  ", "bold"),
            f"{safe_line(field + p.message, 260)}\n",
            (f"{_rule_of(p.source)}\n{said}", "$foreground-muted"),
        )
        self.query_one("#problem", Static).update(text)

    def action_kind(self, step: int) -> None:
        """Show another kind."""
        self._kind = (self._kind + step) % len(self._kinds)
        self.complain("")
        self._show()

    def action_open(self) -> None:
        """Go to the record."""
        self.query_one(VirtualTable).action_open()

    @on(VirtualTable.RowOpened)
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        problem = self._shown[message.index]
        if problem.index is None:
            self.complain("This is about the file as a whole")
        else:
            self.dismiss(Wish(problem.index))

    def action_fix(self) -> None:
        """Mend all of the kind that the cursor is on."""
        table = self.query_one(VirtualTable)
        rule = self._shown[table.cursor].rule
        if rule in self._fixes:
            self.dismiss(Wish(fix=rule))
        else:
            self.complain(f"There is no safe fix for “{rule}”: somebody has to decide")


def _mark(problem: Problem) -> str:
    return "✗" if problem.severity is Severity.ERROR else "▲"


def _rule_of(source: str) -> str:
    return "tanzaku's own rule: AWS would take it" if source == OWN_RULE else safe_line(source, 120)
