"""Everything that stands on the Loss tab: names, chart or table, values at the cursor, verdict, notes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.theme import Theme
from textual.widgets import Static

from tui.domain.loss.losses import Curves, StepPoint
from tui.domain.loss.report import headline, told_apart
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.widgets.cells import fit, wrap
from tui.widgets.chart_colours import css_colour, palette
from tui.widgets.chart_draw import Which
from tui.widgets.loss_chart import LossChart
from tui.widgets.loss_lines import compare_table, epoch_table, note_text, overlay_text, step_text, values_text
from tui.widgets.loss_runs import Shown, ShownRuns
from tui.widgets.text_pane import TextPane

_MOST_NAMES = 6
_SHORTEST = 11
"""Cells that what tells a run apart has to have, or it is left out."""
_VERDICT = 2
"""Lines of the verdict, one more where there is a note below it and height enough."""
_ROOMY = 18


@dataclass(slots=True)
class View:
    """How the runs are looked at. `epoch` and `step` are where the cursor stands; with a step it stands on that."""

    epoch: int | None = None
    step: int | None = None
    steps: bool = False
    log: bool = False
    table: bool = False
    smooth: float | None = None
    only: Which | None = None
    chosen_only: bool = False
    zoom: tuple[int, int] | None = None
    ascii: bool = False

    def reset(self) -> None:
        """Other runs: the cursor goes to the best epoch, the whole run is shown."""
        self.epoch = self.step = self.zoom = None

    def which(self, runs: int) -> Which | None:
        """The curves drawn: of several runs validation alone, unless chosen otherwise."""
        return self.only if self.chosen_only else "validation" if runs > 1 else None

    def turn_which(self, runs: int) -> None:
        """Both, validation, training."""
        after: dict[Which | None, Which | None] = {None: "validation", "validation": "training", "training": None}
        self.only, self.chosen_only = after[self.which(runs)], True

    def cursor_epoch(self, runs: ShownRuns) -> int | None:
        """The cursor's epoch: where it was put, else the current run's best, else its last."""
        epochs = _epochs(runs)
        if self.epoch in epochs:
            return self.epoch
        curves = runs.current.curves if runs.current else None
        if curves is not None and curves.best is not None:
            return curves.best.epoch
        return epochs[-1] if epochs else None

    def move_epoch(self, runs: ShownRuns, by: int) -> None:
        """To the next epoch that any visible run has."""
        epochs, at = _epochs(runs), self.cursor_epoch(runs)
        self.step = None
        if at is not None and epochs:
            place = bisect_left(epochs, at)
            self.epoch = epochs[max(0, min(len(epochs) - 1, place + by))]
            self._follow()

    def move_step(self, runs: ShownRuns, by: int) -> None:
        """To the next step of the current run; the epoch goes with it."""
        curves = runs.current.curves if runs.current else None
        if curves is None or not curves.steps:
            return
        self.steps = True
        if self.step is None:
            at = self.cursor_epoch(runs) or 1
            self.step = bisect_left(curves.steps, at - 1 + 1e-9, key=lambda s: s.position)
        else:
            self.step += by
        self.step = max(0, min(len(curves.steps) - 1, self.step))
        self.epoch = -int(-curves.steps[self.step].position // 1)
        self._follow()

    def _follow(self) -> None:
        """A cursor that leaves what is shown takes it along."""
        if self.zoom is not None and self.epoch is not None:
            low, high = self.zoom
            shift = min(0, self.epoch - low) + max(0, self.epoch - high)
            self.zoom = (low + shift, high + shift)

    def zoom_by(self, runs: ShownRuns, by: int) -> None:
        """Half as many epochs around the cursor, twice as many, or with 0 all."""
        epochs, at = _epochs(runs), self.cursor_epoch(runs)
        if by == 0 or not epochs or at is None:
            self.zoom = None
            return
        low, high = self.zoom or (epochs[0], epochs[-1])
        width = max(1, (high - low + 1 + (by > 0)) // 2) if by > 0 else (high - low + 1) * 2
        if width >= epochs[-1] - epochs[0] + 1:
            self.zoom = None
            return
        start = max(epochs[0], min(at - width // 2, epochs[-1] - width + 1))
        self.zoom = (start, start + width - 1)


def _epochs(runs: ShownRuns) -> list[int]:
    return sorted({epoch for run in runs.visible if run.curves for epoch in run.curves.epochs})


def _step_at(curves: Curves, view: View) -> StepPoint | None:
    return curves.steps[view.step] if view.step is not None and view.step < len(curves.steps) else None


class LossView(Vertical):
    """Shows runs as the tab tells it; asks nobody anything."""

    DEFAULT_CSS = "LossView { height: 1fr; }"

    _named: tuple[ShownRuns, View, str] | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="loss-runs", markup=False)
        yield LossChart(id="chart", empty="")
        yield TextPane(id="loss-table")
        for name in ("values", "verdict", "note"):
            yield Static("", id=f"loss-{name}", markup=False)

    def on_mount(self) -> None:
        """A theme brings other colours."""
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def _theme_changed(self, _theme: Theme) -> None:
        if self._named is not None:
            self._names(*self._named)

    def show(self, runs: ShownRuns, view: View, waiting: str) -> None:
        """Show these runs; `waiting` stands where there are no curves."""
        visible = runs.visible
        chart = self.query_one(LossChart)
        cursor = view.cursor_epoch(runs)
        current = runs.current
        step = _step_at(current.curves, view) if current and current.curves else None
        chart.show(
            [run.curves for run in visible if run.curves],
            cursor_epoch=cursor,
            log=view.log,
            steps=view.steps,
            only=view.which(len(visible)),
            zoom=view.zoom,
            smooth=view.smooth,
            cursor_at=step.position if step else None,
            colours=[run.colour for run in visible],
            ascii=view.ascii,
        )
        self.set_class(view.table and bool(visible), "-table")
        self._names(runs, view, waiting)
        if not visible:
            for name in ("values", "verdict", "note"):
                self._put(name, "")
            return
        if view.table:
            reports = runs.reports
            letters = [self._letter(run) for run in visible if run.report is not None]
            width = max(20, self.size.width - 3)
            several = len(reports) > 1
            lines = compare_table(reports, letters, width) if several else epoch_table(reports[0].curves)
            self.query_one(TextPane).put(Content("\n".join(lines)), keep_place=True)
        self._say(runs, view, cursor, step)

    def _say(self, runs: ShownRuns, view: View, cursor: int | None, step: StepPoint | None) -> None:
        visible = runs.visible
        about = runs.current if runs.current in visible else visible[0]
        assert about is not None
        curves, report = about.curves, about.report
        assert curves is not None
        assert report is not None
        several = len(visible) > 1
        if step is not None:
            values = step_text(curves, step, view.smooth)
        elif cursor is None:
            values = ""
        elif several:
            values = overlay_text([(self._letter(run), run.curves) for run in visible if run.curves], cursor)
        else:
            values = values_text(curves, cursor)
        # Of several runs the best epoch stands beside its name.
        parts = report.verdict.parts[1:] if several else ()
        verdict = " · ".join(parts) or report.verdict.text
        if several:
            verdict = f"{self._letter(about)}: {verdict}"
            # By letters, which stand beside the names: what forbids the comparison must not be cut off.
            head = headline(runs.reports, [self._letter(run) for run in visible if run.report is not None])
            if self._lines("values") > 1:
                values = f"{values}\n{head}"
            else:
                verdict = f"{head}\n{verdict}"
        self._put("values", values)
        note = note_text(curves, beta=view.smooth, kept_from=about.kept_from, problem=about.problem)
        rest = self._verdict_beyond(verdict, bool(note))
        self._put("verdict", verdict.removesuffix(rest))
        self._put("note", note or rest)
        self.query_one("#loss-note").set_class(bool(rest), "-verdict")

    def _names(self, runs: ShownRuns, view: View, waiting: str) -> None:
        """One run: its name and the legend on a line. Several: a line each, with the full name."""
        self._named = runs, view, waiting
        line = self.query_one("#loss-runs", Static)
        width = max(20, self.size.width - 1)
        current = runs.current
        if len(runs.all) > 1:
            shown, more = self._named_runs(runs)
            told = dict(zip((run.key for run in runs.reports), told_apart(runs.reports), strict=True))
            # As wide as the longest, so that what is told of them stands beside them in any window.
            longest = max(cell_len(safe_line(run.name, 200)) for run in shown)
            lines = [self._name_line(run, run is current, width, longest, told.get(run.key, "")) for run in shown]
            if more:
                lines.append(Content(f"   and {more} more: enter shows them all"))
            line.styles.height = len(lines)
            line.update(Content("\n").join(lines))
            return
        line.styles.height = 1
        if current is None or current.curves is None:
            line.update(Content(f" {fit(waiting, width - 1)}"))
            return
        ran = len(current.curves.epochs)
        asked = current.curves.asked_epochs
        extra = f"  {f'{ran} of {asked}' if asked else ran} epochs" + ("  log" if view.log else "")
        extra += f"  epochs {view.zoom[0]}–{view.zoom[1]}" if view.zoom else ""
        pin = "* " if current.pinned else ""
        legend = Content.assemble(self.query_one(LossChart).legend(), extra)
        name = safe_line(f"{pin}{current.name}", 200)
        room = max(12, width - legend.cell_length - 4)
        line.update(Content.assemble((f" {fit(name, room)}", "bold"), "   ", legend))

    def _named_runs(self, runs: ShownRuns) -> tuple[Sequence[Shown], int]:
        """The runs that there are lines for, the current one among them, and how many there are beside."""
        most = max(_MOST_NAMES, self.size.height // 4)
        if len(runs.all) <= most:
            return runs.all, 0
        first = list(runs.all[: most - 1])
        if runs.current is not None and runs.current not in first:
            first[-1] = runs.current
        return first, len(runs.all) - len(first)

    def _name_line(self, run: Shown, is_current: bool, width: int, longest: int, apart: str) -> Content:
        colours = palette(self.app.theme_variables, self.app.native_ansi_color)
        ink = css_colour(colours.run(run.colour, 2)[0])
        state = "  hidden" if run.hidden else "" if run.curves is not None else "  no metrics yet"
        report = run.report
        best = report.curves.best if report else None
        told = f"  best {best.mean:.4f} (epoch {best.epoch})" if best else ""
        head = f"{'▸' if is_current else ' '}{'*' if run.pinned else ' '}{self._letter(run)} "
        name = fit(run.name, min(longest, max(8, width - len(head) - len(told) - len(state))))
        line = Content.assemble((f"{head}{name}", f"bold {ink}" if is_current else ink), told, state)
        left = width - line.cell_length - 2
        return (
            line + Content.styled(f"  {fit(apart, left)}", "$foreground-muted") if apart and left > _SHORTEST else line
        )

    @staticmethod
    def _letter(run: Shown) -> str:
        return chr(ord("a") + run.colour % 26)

    def _lines(self, name: str) -> int:
        """How many lines a place has."""
        height = self.query_one(f"#loss-{name}", Static).styles.height
        return int(height.value) if height is not None else 1

    def _verdict_beyond(self, verdict: str, noted: bool) -> str:
        """What of the verdict goes where notes stand; with a note there it gets a third line, where there is room."""
        lines = wrap(verdict, max(20, self.size.width - 2))
        wanted = _VERDICT + (noted and len(lines) > _VERDICT and self.size.height >= _ROOMY)
        if self._lines("verdict") != wanted:
            self.query_one("#loss-verdict", Static).styles.height = wanted
        return "" if noted else "\n".join(lines[wanted:])

    def _put(self, name: str, text: str) -> None:
        """Text cut to the lines there are; its height does not change with the cursor, so nothing is laid out anew."""
        place = self.query_one(f"#loss-{name}", Static)
        lines = wrap(text, max(20, self.size.width - 2)) if text else [""]
        most = self._lines(name)
        if len(lines) > most:
            lines = [*lines[: most - 1], fit(" ".join(lines[most - 1 :]), max(20, self.size.width - 2))]
        content = Content("\n".join(lines))
        if content.markup != getattr(place.visual, "markup", None):
            place.update(content, layout=False)
