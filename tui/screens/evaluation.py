"""Evaluation: both models over a set of questions, every score with its reasons, and one honest headline."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from tui.domain.evaluation.canary import Canaries, canaries
from tui.domain.evaluation.compare import Change
from tui.domain.evaluation.headline import Headline, headline
from tui.domain.evaluation.jobs import EvaluationJob
from tui.domain.evaluation.judging import Judge
from tui.domain.evaluation.results import Results, Row
from tui.domain.evaluation.setup import Sides
from tui.domain.evaluation.spec import Group
from tui.domain.evaluation.view import Plain, filter_problem, shown
from tui.domain.text import count, safe_line
from tui.screens.evaluation_bedrock import BedrockPart
from tui.screens.evaluation_detail import DetailPart, PartPane
from tui.screens.evaluation_doubts import DoubtsPart
from tui.screens.evaluation_files import FilesPart
from tui.screens.evaluation_leaks import LeaksPart
from tui.screens.evaluation_pairs import PairsPart
from tui.screens.evaluation_past import PastPart
from tui.screens.evaluation_runs import RunsPart
from tui.widgets.evaluation_rows import (
    CHANGE_COLUMNS,
    PARTS,
    ROW_COLUMNS,
    ChangeRows,
    EvaluationRows,
)
from tui.widgets.filter_line import FilterLine
from tui.widgets.frame import KeyLine, StatusLine, TitleLine
from tui.widgets.text_pane import Line
from tui.widgets.virtual_table import VirtualTable

_ROOMY = 100
"""Cells of a window whose title holds all words."""
_EMPTY = "No evaluation is open. a makes one, o opens an earlier one, i reads predictions from files."


class EvaluationScreen(DetailPart, RunsPart, PastPart, BedrockPart, FilesPart, PairsPart, LeaksPart, DoubtsPart):
    """One evaluation, or two compared; it lives on while it is left, so that what is under way goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "new", "new", id="evaluation.new"),
        Binding("p", "pause", "pause", id="evaluation.pause"),
        Binding("r", "retry", "go on", id="evaluation.retry"),
        Binding("J", "judge_again", "judge", id="evaluation.judge"),
        Binding("tab", "part(1)", "next part", show=False, priority=True, id="evaluation.part"),
        Binding("shift+tab", "part(-1)", "part before", show=False, priority=True, id="evaluation.part_back"),
        Binding("d", "differences", "differences", id="evaluation.differences"),
        Binding("s", "sort", "sort", show=False, id="evaluation.sort"),
        Binding("slash", "filter", "filter", show=False, id="evaluation.filter"),
        Binding("c", "canary", "Canary questions, or one's own", show=False, id="evaluation.canary"),
        Binding("v", "vote", "Own verdicts, without names", show=False, id="evaluation.vote"),
        Binding("o", "past", "past", id="evaluation.past"),
        Binding("n", "draft", "draft pair", show=False, id="evaluation.draft"),
        Binding("x", "export", "export", id="evaluation.export"),
        Binding("i", "import", "Import predictions", show=False, id="evaluation.import"),
        Binding("b", "bedrock", "Hand over to Bedrock", show=False, id="evaluation.bedrock"),
        Binding("w", "which", "Scores of the next judge", show=False, id="evaluation.which"),
        Binding("V", "votes", "Evaluate answers voted on in Chat", show=False, id="evaluation.votes"),
        Binding("X", "delete", "Delete this evaluation", show=False, id="evaluation.delete"),
        Binding("y", "copy", "Copy the headline", show=False, id="evaluation.copy"),
        Binding("W", "doubts", "All that weakens the result", show=False, id="evaluation.doubts"),
        Binding("dollar_sign", "money", "What bills", show=False, key_display="$", id="evaluation.money"),
        Binding("ctrl+t", "read_only", "Read-only mode", show=False, id="evaluation.read_only"),
        Binding("question_mark", "help", "help", key_display="?", id="evaluation.help"),
        Binding("q", "app.quit", "Quit", show=False, id="evaluation.quit"),
        Binding("escape", "back", "back", key_display="esc", id="evaluation.back"),
    ]
    AUTO_FOCUS = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="body"):
            yield TitleLine(now=self.services.now)
            yield Static("", id="evaluation-headline", markup=False)
            yield Static("", id="evaluation-conclusion", markup=False)
            yield Static("", id="evaluation-warnings", markup=False)
            yield Line(id="evaluation-progress")
            yield FilterLine(id="evaluation-filter")
            yield VirtualTable(ROW_COLUMNS, empty=_EMPTY, id="questions")
            with Horizontal(id="parts"):
                for part in PARTS:
                    yield PartPane(part)
            yield StatusLine()
            yield KeyLine()
        yield Static(Content("tanzaku needs a window of at least 60 × 16"), id="too-small", markup=False)

    def on_mount(self) -> None:
        self.query_one(FilterLine).display = False
        self.show_part(self.part)
        self.query_one("#questions").focus()
        self.watch_training()
        title = self.query_one(TitleLine)
        self.watch(self.home, "board", lambda board: setattr(title, "board", board))
        self.watch(self.home, "bills", lambda bills: setattr(title, "bills", bills))
        self.draw()

    def open(self, evaluation: str = "", sides: Sides | None = None) -> None:
        """Called at each visit: show an evaluation, or begin with these two sides."""
        if sides is not None:
            self.sides = sides
        self.say("")
        self._visit(evaluation, begin=sides is not None)

    @work(group="visit", exclusive=True)
    async def _visit(self, evaluation: str, *, begin: bool) -> None:
        if not self.home.identity.account:
            await self._known()
        if evaluation:
            if self.control is None:
                self.judge = None  # whoever judged last
            await self.attempt(self.load(evaluation))
        elif self.results is None:
            await self.attempt(self._open_newest(begin))
        else:
            self.look_for_leaks()

    async def _known(self) -> None:
        """Wait until it is known whose evaluations these are: the sandbox takes a moment to start."""
        self.say("AWS is not ready yet; waiting …")
        ready = asyncio.Event()
        self.watch(self.home, "identity", lambda at: ready.set() if at.account else None)
        await ready.wait()
        self.say("")

    async def _open_newest(self, begin: bool) -> None:
        past = await self.services.evaluations.list(self.place)
        if past:
            await self.load(past[0].id)
            if not past[0].whole:
                self.say(f"{past[0].name} is not finished: r goes on where the stored answers end")
        elif begin:
            self.action_new()

    # What is shown

    @property
    def row_shown(self) -> Row | None:
        change = self.change_shown
        if change is not None:
            return change.later
        source = self.table.source
        return source.row(self.table.cursor) if isinstance(source, EvaluationRows) and len(source) else None

    @property
    def change_shown(self) -> Change | None:
        source = self.table.source
        return source.change(self.table.cursor) if isinstance(source, ChangeRows) and len(source) else None

    async def load(self, evaluation: str, *, judge: Judge | None = None) -> None:
        """Read what is stored, count it on a thread, and show it."""
        results = await self.services.evaluations.load(evaluation)
        same = self.results is not None and self.results.id == evaluation
        known = judge or (self.judge if same else None)
        if known is None or results.judge(known.id) is None:
            known = results.judges[-1] if results.judges else known
        judge_id = known.id if known else ""
        pool = self.services.pool
        leaked = self.leaked if same else frozenset[int]()
        plain = self.plain if same else Plain()
        found = await pool.run(_counted, results, judge_id, leaked, plain)
        self.results, self.judge, self.leaked, self.plain = results, known, leaked, plain
        self.head, self.canary_head, self.rows, self.broken = found
        if not same:
            self.compared, self.group = None, Group.OWN
        self.draw()
        self.look_for_leaks()

    def draw(self) -> None:
        """Show everything as it is known now."""
        if not self.query(TitleLine):
            return
        self._draw_lines()
        if self.compared is not None:
            self.table.show_columns(CHANGE_COLUMNS, ChangeRows(self.compared.changes, top=self.top))
        else:
            rows = [row for row in self.rows if row.question.group is self.group]
            voted = frozenset(n for n, _ in self.results.votes) if self.results else frozenset()
            found = shown(rows, self.words, self.order, self.plain)
            source = EvaluationRows(found, top=self.top, leaked=self.leaked, votes=voted)
            self.table.show_columns(ROW_COLUMNS, source)
            self.table.set_empty(_EMPTY if self.results is None else "no question fits the filter (esc clears it)")
        self.draw_parts()

    def _draw_lines(self) -> None:
        self.query_one(TitleLine).title = Content.assemble((" Evaluation  ", "bold"), self._title())
        self.write("#evaluation-headline", self.head_shown.text if self.head_shown else "")
        self.write("#evaluation-conclusion", self._conclusion())
        self.draw_doubts()
        progress = self.query_one("#evaluation-progress", Line)
        under_way = self.progress is not None and self.results is not None and self.running == self.results.id
        progress.display = under_way
        if self.progress is not None and under_way:
            progress.put(Content(f" ● {safe_line(self.progress.text, 200)}"))

    def on_resize(self) -> None:
        """Another width has room for other words."""
        self.draw_progress()

    def draw_progress(self) -> None:
        """The lines above the list alone."""
        if self.is_mounted:
            self._draw_lines()

    def _title(self) -> str:
        if self.compared is not None:
            return f"{safe_line(self.compared.later, 40)} against {safe_line(self.compared.earlier, 40)}"
        results = self.results
        if results is None:
            return ""
        questions = [q for q in results.spec.questions if q.group is self.group]
        judge = safe_line(self.judge.name, 40) if self.judge else "nobody yet"
        roomy = self.size.width >= _ROOMY
        both = ", both orders" if roomy and self.judge and self.judge.compares else ""
        apart = "canary " if self.group is Group.CANARY else ""
        words = f" · / {safe_line(self.words, 20)}" if self.words else ""
        number = count(len(questions), "question") if roomy else f"{len(questions):,} q"
        answered = f"{results.answered:,}/{results.wanted:,}{' answered' if roomy else ''}"
        return (
            f"{safe_line(results.spec.name, 30)} · {apart}{number} · {answered}{words} · judge {judge}{both}"
            f" · {self.order}"
        )

    def _conclusion(self) -> str:
        head = self.head_shown
        if not isinstance(head, Headline):
            return head.conclusion if head else ""
        parts = [head.conclusion]
        if head.lengths[0] is not None and head.lengths[1] is not None:
            parts.append(f"mean length {head.lengths[0]:.0f} / {head.lengths[1]:.0f} {head.unit}")
        if head.agreement.n:
            parts.append(f"judge {head.agreement.text}")
        if self.group is Group.OWN and self.broken.n:
            parts.append(f"{self.broken.text} (c)")
        return " · ".join(parts)

    @on(VirtualTable.CursorMoved, "#questions")
    def _moved(self) -> None:
        self.draw_parts()

    def action_sort(self) -> None:
        """The next order."""
        self.order = self.order.next
        self.say(f"Sorted: {self.order}")
        self.draw()

    def action_canary(self) -> None:
        """Show the canary questions apart, or one's own again."""
        if self.canary_head is None:
            self.say("This evaluation has no canary questions", "problem")
            return
        self.group = Group.OWN if self.group is Group.CANARY else Group.CANARY
        self.draw()

    # Filter

    def action_filter(self) -> None:
        """Narrow the list by words."""
        line = self.query_one(FilterLine)
        line.display = True
        line.focus()

    @on(FilterLine.Changed)
    def _filtered(self, message: FilterLine.Changed) -> None:
        message.stop()
        self.words = message.words
        self.say(filter_problem(self.words), "problem" if filter_problem(self.words) else "")
        self.draw()

    @on(FilterLine.Done)
    def _filter_done(self, message: FilterLine.Done) -> None:
        message.stop()
        self.query_one(FilterLine).display = bool(self.words)
        self.table.focus()

    def action_back(self) -> None:
        """Out of an order that waits, the filter, a part, a comparison, out of here."""
        if self.had_enough():
            return
        line = self.query_one(FilterLine)
        if line.display:
            line.clear()
            line.display, self.words = False, ""
            self.table.focus()
            self.draw()
        elif not self.table.has_focus:
            self.set_focus(self.table)
        elif self.compared is not None:
            self.compared = None
            self.draw()
        else:
            self.app.pop_screen()
            if self.control is not None:
                self.say("The evaluation goes on; E in Chat shows it")

    def action_money(self) -> None:
        """Show all that bills; what is said of it is said here."""
        if self.home.bills:
            self.home.action_money()
        else:
            self.say("Nothing bills by the hour here")

    def action_read_only(self) -> None:
        """What refuses something here names this key; what is said of it is said here."""
        self.home.action_read_only(self.say)

    def action_help(self) -> None:
        """The keys."""
        from tui.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog.of(self))

    def taken(self, job: EvaluationJob) -> None:
        """Results of an evaluation job were stored: they may be of what is shown."""
        if self.results is not None and self.results.id == job.evaluation:
            self.say(f"The results of {safe_line(job.name, 63)} are stored here", "good")
            self._visit(job.evaluation, begin=False)


_Counted = tuple[Headline, Headline | None, list[Row], Canaries]


def _counted(results: Results, judge_id: str, leaked: frozenset[int], plain: Plain) -> _Counted:
    """Headline, that of the canary questions, all rows, and what of the canary is right; up to a second."""
    own = headline(results, judge_id, leaked=leaked)
    has_canary = any(q.group is Group.CANARY for q in results.spec.questions)
    apart = headline(results, judge_id, group=Group.CANARY) if has_canary else None
    rows = results.rows(judge_id)
    for row in rows:
        plain.of(row)  # so that no key waits for it
    return own, apart, rows, canaries(results)
